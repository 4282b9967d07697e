package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Replica is a device of the owner that keeps a copy of the tree: it writes with versions of its own
// (protocol §3.4).
type Replica struct {
	*Agent

	mu      sync.Mutex
	counter uint64 // highest seen
}

// Row is one resource as replicas see it.
type Row struct {
	ID       string          `json:"id"`
	Path     string          `json:"path"`
	Version  json.RawMessage `json:"version"` // [counter, device]
	ETag     string          `json:"etag"`
	Type     string          `json:"type"`
	Size     int64           `json:"size"`
	Modified time.Time       `json:"modified"`
	Gone     bool            `json:"gone"`
}

// Counter returns the Lamport counter of the row's version.
func (r Row) Counter() uint64 {
	var v []json.RawMessage
	var n uint64
	if json.Unmarshal(r.Version, &v) != nil || len(v) != 2 || json.Unmarshal(v[0], &n) != nil {
		return 0
	}
	return n
}

// Device returns the did:key of the device that made the row's version, "" for one that nobody made.
func (r Row) Device() string {
	var v []json.RawMessage
	var kid string
	if json.Unmarshal(r.Version, &v) != nil || len(v) != 2 || json.Unmarshal(v[1], &kid) != nil {
		return ""
	}
	return kid
}

// Rows are the changes that a pod tells a replica.
type Rows struct {
	Epoch   string `json:"epoch"`
	Seq     uint64 `json:"seq"`
	Head    uint64 `json:"head"`
	More    bool   `json:"more"`
	Counter uint64 `json:"counter"`
	Device  string `json:"device"`
	Rows    []Row  `json:"rows"`
}

// Rows asks for the rows after a place in an epoch, all pages of them.
func (r *Replica) Rows(ctx context.Context, epoch string, after uint64) (Rows, error) {
	var all Rows
	for {
		var page Rows
		target := fmt.Sprintf(".replica?epoch=%s&after=%d&limit=1000", epoch, after)
		if err := r.into(ctx, Request{Method: http.MethodGet, Target: target}, http.StatusOK, &page); err != nil {
			return Rows{}, fmt.Errorf("read rows: %w", err)
		}
		page.Rows = append(all.Rows, page.Rows...)
		all, epoch, after = page, page.Epoch, page.Seq
		r.see(page.Counter)
		if !page.More {
			return all, nil
		}
	}
}

func (r *Replica) see(counter uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counter = max(r.counter, counter)
}

// version returns the next version of this device.
func (r *Replica) version() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counter++
	return strconv.FormatUint(r.counter, 10) + "." + r.Device.kid
}

// write returns the request that brings a resource to a version; path is escaped and relative to the pod.
func (r *Replica) write(path, mediaType, version string, body []byte) Request {
	return Request{
		Method: http.MethodPut, Target: ".replica/" + path, Body: body,
		Header: http.Header{
			"Content-Type": {mediaType}, "Kith-Version": {version}, "Kith-Id": {random(16)},
			"Kith-Modified": {time.Now().UTC().Format("2006-01-02T15:04:05.000Z")},
		},
	}
}

// Put writes a resource as the newest version.
func (r *Replica) Put(ctx context.Context, path, mediaType string, body []byte) error {
	answer, err := r.Do(ctx, r.write(path, mediaType, r.version(), body))
	if err == nil && answer.Status != http.StatusOK {
		err = &refused{answer}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Delete deletes a resource, or a container and all below it.
func (r *Replica) Delete(ctx context.Context, path string) error {
	answer, err := r.Do(ctx, Request{Method: http.MethodDelete, Target: ".replica/" + path, Header: http.Header{"Kith-Version": {r.version()}}})
	if err == nil && answer.Status != http.StatusNoContent {
		err = &refused{answer}
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", path, err)
	}
	return nil
}

// Audience writes the group of contacts with these cids, and returns its name.
func (r *Replica) Audience(ctx context.Context, cids ...string) (string, error) {
	name := strings.ToLower(random(12))
	name = strings.NewReplacer("-", "a", "_", "b").Replace(name)
	return name, r.Put(ctx, "social/audiences/"+name, "text/turtle", group(cids))
}

// group returns a vcard:Group of contacts, as it lies in social/audiences/ or circles/.
func group(cids []string) []byte {
	text := "@prefix vcard: <http://www.w3.org/2006/vcard/ns#>.\n<#members> a vcard:Group.\n"
	for _, cid := range cids {
		text += "<#members> vcard:hasMember <../../contacts/" + cid + "/card#me>.\n"
	}
	return []byte(text)
}

// postACL returns the ACL of a post for one audience; for the owner only where that is "".
func postACL(audience string) []byte {
	text := `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <../../../profile/card#me>; acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Read, acl:Write, acl:Control.
`
	if audience != "" {
		text += `<#readers> a acl:Authorization; acl:agentGroup <../../audiences/` + audience + `#members>; acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Read.
`
	}
	return []byte(text)
}
