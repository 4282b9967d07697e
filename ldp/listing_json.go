package ldp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"kith/acl"
	"kith/pod"
)

// node is one resource of a listing in expanded JSON-LD.
type node struct {
	ID       string    `json:"@id"`
	Type     []string  `json:"@type"`
	Modified []literal `json:"http://purl.org/dc/terms/modified,omitempty"`
	Time     []literal `json:"http://www.w3.org/ns/posix/stat#mtime,omitempty"`
	Size     []literal `json:"http://www.w3.org/ns/posix/stat#size,omitempty"`
	Contains []ref     `json:"http://www.w3.org/ns/ldp#contains,omitempty"`
}

type literal struct {
	Value string `json:"@value"`
	Type  string `json:"@type"`
}

type ref struct {
	ID string `json:"@id"`
}

// writeJSONLD writes a container and its members as JSON-LD that says the same as
// the Turtle. Its references are relative, so that it has the same bytes under
// every address of the pod (docs/protocol.md, What every responder computes alike).
func writeJSONLD(w io.Writer, _ string, a acl.Answer) error {
	self := describeNode("./", a.Info)
	for _, child := range a.Children {
		self.Contains = append(self.Contains, ref{below(a.Info.Path, child.Path)})
	}
	out := json.NewEncoder(w)
	before := "["
	for i := -1; i < len(a.Children); i++ {
		n := self
		if i >= 0 {
			n = describeNode(below(a.Info.Path, a.Children[i].Path), a.Children[i])
		}
		if _, err := io.WriteString(w, before); err != nil {
			return fmt.Errorf("describe container: %w", err)
		}
		if err := out.Encode(n); err != nil {
			return fmt.Errorf("describe container: %w", err)
		}
		before = ","
	}
	_, err := io.WriteString(w, "]\n")
	return err
}

// below returns the reference to a member that is relative to its container. The
// dot keeps a name with a colon from being a scheme (RFC 3986 §4.2).
func below(container, member pod.Path) string {
	return "./" + strings.TrimPrefix(member.Escaped(), container.Escaped())
}

func describeNode(id string, i pod.Info) node {
	n := node{ID: id, Type: classes(i)}
	if !i.Modified.IsZero() {
		n.Modified = []literal{{i.Modified.UTC().Format(time.RFC3339), xsdNS + "dateTime"}}
		n.Time = []literal{{strconv.FormatInt(i.Modified.Unix(), 10), xsdNS + "integer"}}
	}
	if !i.Path.IsContainer() {
		n.Size = []literal{{strconv.FormatInt(i.Size, 10), xsdNS + "integer"}}
	}
	return n
}

// pageSize is how many members a page of an LWS listing has.
const pageSize = 1000

// page is a part of a container as Linked Web Storage lists it: the members from
// one up to another (LWS §pagination).
type page struct{ from, to int }

// pageOf returns the page that a query asks for: that behind a name, which the
// agent knows from the page before. Names stay good when members come and go.
func pageOf(children []pod.Info, query url.Values) *page {
	after := query.Get("after")
	from := 0
	if after != "" {
		from = sort.Search(len(children), func(i int) bool { return children[i].Path.Name() > after })
	}
	return &page{from, min(from+pageSize, len(children))}
}

// link names the first page and the next one, where there are several.
func (p *page) link(header http.Header, at string, children []pod.Info) {
	if len(children) <= pageSize {
		return
	}
	link(header, at, "first")
	if p.to < len(children) {
		link(header, at+"?after="+url.QueryEscape(children[p.to-1].Path.Name()), "next")
	}
}

// lwsListing is a container, and lwsItem a member of it (LWS §container-representation).
type lwsListing struct {
	Context string    `json:"@context"`
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Total   int       `json:"totalItems"`
	Items   []lwsItem `json:"items"`
}

type lwsItem struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	MediaType string `json:"mediaType,omitempty"`
	Format    string `json:"format,omitempty"` // what later drafts call mediaType
	Size      *int64 `json:"size,omitempty"`
	Modified  string `json:"modified,omitempty"`
}

func (p *page) write(w io.Writer, base string, a acl.Answer) error {
	l := lwsListing{lwsContext, iri(base, a.Info.Path), "Container", len(a.Children), []lwsItem{}}
	for _, child := range a.Children[p.from:p.to] {
		l.Items = append(l.Items, describeItem(base, child))
	}
	if err := json.NewEncoder(w).Encode(l); err != nil {
		return fmt.Errorf("describe container: %w", err)
	}
	return nil
}

func describeItem(base string, i pod.Info) lwsItem {
	item := lwsItem{ID: iri(base, i.Path), Type: "Container"}
	if !i.Path.IsContainer() {
		item.Type, item.MediaType, item.Format, item.Size = "DataResource", i.Type, i.Type, &i.Size
	}
	if !i.Modified.IsZero() {
		item.Modified = i.Modified.UTC().Format(time.RFC3339)
	}
	return item
}

// classes returns the types of a resource, that of its media type included.
func classes(i pod.Info) []string {
	list := types(i.Path)
	if class := mediaClass(i.Type); class != "" && !i.Path.IsContainer() {
		list = append(list, class)
	}
	return slices.Clip(list)
}
