package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"kith/pod"
)

const (
	maxXML   = 64 << 10 // bytes of the body of a request that is no PUT
	maxDepth = 64       // of elements in one another
	maxNames = 128      // elements of a PROPFIND, each of which is answered for each member
	maxOwner = 1 << 10  // bytes of the XML that tells who locks
	maxIf    = 8 << 10  // bytes of an If header, each list of which may look something up
)

var (
	lockDiscovery = xml.Name{Space: "DAV:", Local: "lockdiscovery"}
	supportedLock = xml.Name{Space: "DAV:", Local: "supportedlock"}
)

var (
	// errXML is of a request that is not as it is meant here, though the webdav package might take it.
	errXML = errors.New("read the request: not as it is meant here")
	// errScope is of a lock that is neither exclusive nor shared, or not one against writing.
	errScope = errors.New("lock: no lock of that scope and type")
)

// check refuses a body that is too deep, that asks for too much, or that declares a prefix as nothing, which
// encoding/xml lets pass (Namespaces in XML 1.0 §5, No Prefix Undeclaring).
func check(text []byte, method string) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	for depth, elements := 0, 0; ; {
		token, err := d.RawToken()
		if err != nil {
			return nil // the webdav package says what is wrong with it
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth, elements = depth+1, elements+1
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" && a.Value == "" {
					return errXML
				}
			}
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth || method == "PROPFIND" && elements > maxNames {
			return fmt.Errorf("read the body: too many elements: %w", pod.ErrTooLarge)
		}
	}
}

// element reports whether a text is one element of a name and nothing else, in which all prefixes are declared, so that it can
// stand in any document.
func element(text string, name xml.Name) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	depth := 0
	for roots := 0; ; {
		token, err := d.Token()
		if err != nil {
			return err == io.EOF && roots == 1 && declared(text)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 && (roots > 0 || t.Name != name) {
				return false
			}
			roots, depth = max(roots, 1), depth+1
		case xml.EndElement:
			depth--
		case xml.ProcInst, xml.Directive:
			return false
		}
		if depth > maxDepth || depth == 0 && roots == 0 {
			return false
		}
	}
}

// declared reports whether each prefix in a well-formed text is declared where it stands, which encoding/xml lets pass.
func declared(text string) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	known := [][]string{{"", "xml", "xmlns"}}
	for {
		token, err := d.RawToken()
		if err != nil {
			return true
		}
		switch t := token.(type) {
		case xml.StartElement:
			here := slices.Clone(known[len(known)-1])
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" {
					here = append(here, a.Name.Local)
				}
			}
			missing := func(a xml.Attr) bool { return !slices.Contains(here, a.Name.Space) }
			if !slices.Contains(here, t.Name.Space) || slices.ContainsFunc(t.Attr, missing) {
				return false
			}
			known = append(known, here)
		case xml.EndElement:
			known = known[:len(known)-1]
		}
	}
}

// names reports whether the body of a PROPFIND names properties (RFC 4918 §14.20).
func names(text []byte) bool {
	var find struct {
		Prop *struct{} `xml:"DAV: prop"`
	}
	return xml.Unmarshal(text, &find) == nil && find.Prop != nil
}

// bodyStatus returns the status for a body that could not be read.
func bodyStatus(err error) int {
	var long *http.MaxBytesError
	if errors.As(err, &long) || errors.Is(err, pod.ErrTooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// described returns what the body of a LOCK says of a lock (RFC 4918 §14.11).
func described(text []byte) (lock, error) {
	var info struct {
		XMLName   xml.Name  `xml:"DAV: lockinfo"`
		Exclusive *struct{} `xml:"DAV: lockscope>exclusive"`
		Shared    *struct{} `xml:"DAV: lockscope>shared"`
		Write     *struct{} `xml:"DAV: locktype>write"`
	}
	if err := xml.Unmarshal(text, &info); err != nil {
		return lock{}, errXML
	}
	if (info.Exclusive == nil) == (info.Shared == nil) || info.Write == nil {
		return lock{}, errScope
	}
	l := lock{shared: info.Shared != nil, owner: ownerOf(text)}
	if len(l.owner) > maxOwner {
		return lock{}, fmt.Errorf("keep who locks: %w", pod.ErrTooLarge)
	}
	return l, nil
}

// ownerOf returns what stands in the owner element of a LOCK, "" if there is none. Each element declares its
// own namespace, so that it means the same in another document; attributes in namespaces other than that of
// xml:lang are left out.
func ownerOf(text []byte) string {
	var out bytes.Buffer
	d := xml.NewDecoder(bytes.NewReader(text))
	inner := 0 // how deep in the owner, which is 1
	for {
		token, err := d.Token()
		if err != nil {
			return out.String()
		}
		switch t := token.(type) {
		case xml.StartElement:
			if inner > 0 {
				open(&out, t)
			}
			if inner > 0 || t.Name == (xml.Name{Space: "DAV:", Local: "owner"}) {
				inner++
			}
		case xml.EndElement:
			if inner--; inner > 0 {
				fmt.Fprintf(&out, "</%s>", t.Name.Local)
			} else if inner == 0 {
				return out.String()
			}
			inner = max(inner, 0)
		case xml.CharData:
			if inner > 0 {
				out.WriteString(escape(string(t)))
			}
		}
	}
}

func open(out io.Writer, e xml.StartElement) {
	fmt.Fprintf(out, `<%s xmlns="%s"`, e.Name.Local, escape(e.Name.Space))
	for _, a := range e.Attr {
		switch {
		case a.Name.Space == "http://www.w3.org/XML/1998/namespace":
			fmt.Fprintf(out, ` xml:%s="%s"`, a.Name.Local, escape(a.Value))
		case a.Name.Space == "" && a.Name.Local != "xmlns":
			fmt.Fprintf(out, ` %s="%s"`, a.Name.Local, escape(a.Value))
		}
	}
	io.WriteString(out, ">")
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // writing to memory does not fail
	return b.String()
}

// discovery returns the value of the lockdiscovery of a clean name (RFC 4918 §15.8).
func (c *call) discovery(name string) string {
	var all strings.Builder
	for _, l := range c.drive.locks.of(name) {
		all.WriteString(c.active(l))
	}
	return all.String()
}

// entries is the value of supportedlock (RFC 4918 §15.10).
const entries = `<D:lockentry xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>` +
	`<D:lockentry xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`

// active describes a lock (RFC 4918 §14.1). Its token is for whoever made it, and the rest for all who may read.
func (c *call) active(l lock) string {
	how, token := "exclusive", ""
	if l.shared {
		how = "shared"
	}
	if c.made(&l) {
		token = "<D:locktoken><D:href>" + l.token + "</D:href></D:locktoken>"
	}
	left := (l.ends.Sub(c.drive.locks.now()) + time.Second - 1) / time.Second
	return `<D:activelock xmlns:D="DAV:"><D:lockscope><D:` + how + `/></D:lockscope><D:locktype><D:write/></D:locktype>` +
		fmt.Sprintf("<D:depth>%s</D:depth><D:owner>%s</D:owner><D:timeout>Second-%d</D:timeout>%s", l.depth, l.owner, left, token) +
		"<D:lockroot><D:href>" + escape(l.href) + "</D:href></D:lockroot></D:activelock>"
}

// lockInfo returns the answer to a LOCK that made or refreshed a lock (RFC 4918 §9.10.1).
func (c *call) lockInfo(l lock) string {
	return `<?xml version="1.0" encoding="utf-8"?><D:prop xmlns:D="DAV:"><D:lockdiscovery>` + c.active(l) + "</D:lockdiscovery></D:prop>"
}

// blocked returns the answer to a call that a lock stands in the way of (RFC 4918 §16).
func (c *call) blocked() string {
	condition := "lock-token-submitted"
	if c.method == "LOCK" {
		condition = "no-conflicting-lock"
	}
	return errorXML(fmt.Sprintf("<D:%s><D:href>%s</D:href></D:%s>", condition, escape(c.blocker), condition))
}

// errorXML returns the answer that names a condition which does not hold.
func errorXML(condition string) string {
	return `<?xml version="1.0" encoding="utf-8"?><D:error xmlns:D="DAV:">` + condition + "</D:error>"
}
