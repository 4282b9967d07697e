package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/pod/folder"
	"kith/webid"
)

const (
	base     = "https://pod.example/ben/"
	ownerID  = webid.ID(base + "profile/card#me")
	phone    = "did:key:zPhone"
	podKid   = "did:key:zPod"
	ana      = "anaaaaaaaaaaaaaaaaaa"
	carl     = "carlaaaaaaaaaaaaaaaa"
	dora     = "doraaaaaaaaaaaaaaaaa"
	turtle   = "text/turtle"
	jsonld   = "application/ld+json"
	aclPre   = "@prefix acl: <http://www.w3.org/ns/auth/acl#>.\n"
	vcardPre = "@prefix vcard: <http://www.w3.org/2006/vcard/ns#>.\n"
)

// house is a pod in a folder, its guard, and the handlers under test.
type house struct {
	t       testing.TB
	dir     string
	kid     string // of the pod
	clock   *clock
	store   *folder.Store
	guard   *acl.Guard
	feed    *Feed
	replica *Replica
	accept  func(context.Context, pod.Path, []byte) error
	away    atomic.Pointer[string] // the cid or kid that is no longer valid
	erased  uint64                 // how often something was
}

// clock stands still until it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time { return time.UnixMilli(c.at.Load()).UTC() }
func (c *clock) tick()          { c.at.Add(1000) }

func newHouse(t testing.TB) *house { return newHouseIn(t, t.TempDir()) }

func newHouseIn(t testing.TB, dir string) *house {
	return newHouseOf(t, dir, podKid)
}

// newHouseOf returns the house of a pod with a name of its own.
func newHouseOf(t testing.TB, dir, kid string) *house {
	h := &house{t: t, dir: dir, kid: kid, clock: newClock()}
	h.open()
	t.Cleanup(h.close)
	h.write("/.acl", turtle, aclPre+ownerRule("", "profile/card#me"))
	h.write("/social/posts/.acl", turtle, aclPre+ownerRule("", "../../profile/card#me")+
		"<#friends> a acl:Authorization; acl:agentClass acl:AuthenticatedAgent; acl:accessTo <./>; acl:mode acl:Read.\n")
	return h
}

func ownerRule(name, card string) string {
	return "<#owner" + name + "> a acl:Authorization; acl:agent <" + card + ">; acl:accessTo <./>; acl:default <./>;" +
		" acl:mode acl:Read, acl:Write, acl:Control.\n"
}

func (h *house) open() {
	h.t.Helper()
	store, err := folder.Open(folder.Options{
		Tree: filepath.Join(h.dir, "tree"), State: filepath.Join(h.dir, "state"), Device: h.kid, Now: h.clock.now,
	})
	h.must(err)
	h.store = store
	h.guard = acl.New(store, acl.Config{Base: base, Owner: ownerID, Device: h.kid, Valid: h.valid, Now: h.clock.now})
	h.feed = NewFeed(FeedConfig{Base: base, Key: key("a key of thirty-two bytes, or so"), Greeting: greet})
	h.replica = NewReplica(ReplicaConfig{Device: h.kid, Written: func(ctx context.Context, p pod.Path, b []byte) error {
		if h.accept == nil {
			return nil
		}
		return h.accept(ctx, p, b)
	}})
}

func (h *house) close() {
	h.guard.Close()
	h.must(h.store.Close())
}

func key(secret string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return []byte(secret), nil }
}

func greet(context.Context, webid.Agent) (Greeting, error) {
	return Greeting{
		Label: "label", Name: "Ben", Devices: "devices.jws.x", Keys: "keys.jws.x",
		Ways: []webid.Way{{Pod: base, Issuer: "https://pod.example"}},
	}, nil
}

// valid holds for all but who is away.
func (h *house) valid(_ context.Context, a webid.Agent) bool {
	gone := h.away.Load()
	return gone == nil || *gone != a.Contact() && *gone != a.Key()
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) owner() *acl.View { return h.guard.As(webid.OwnerAgent(ownerID, phone)) }

func contactID(cid string) webid.ID { return webid.ID(base + "contacts/" + cid + "/card#me") }

// friend is a contact's view, with further identifiers that the owner accepts.
func (h *house) friend(cid string, also ...webid.ID) *acl.View {
	return h.guard.As(webid.ContactAgent(contactID(cid), cid, 1, "did:key:z"+cid, also...))
}

func (h *house) stranger() *acl.View { return h.guard.As(webid.Agent{}) }

func (h *house) path(s string) pod.Path {
	h.t.Helper()
	p, err := pod.ParsePath(s)
	h.must(err)
	return p
}

// write is what another app of the owner does.
func (h *house) write(path, typ, body string) {
	h.t.Helper()
	_, _, err := h.owner().Put(h.t.Context(), h.path(path), typ, strings.NewReader(body), pod.Precondition{})
	h.must(err)
}

// place is what a device of the owner does, which may say anything.
func (h *house) place(path, typ, body string) {
	h.t.Helper()
	raw, err := h.owner().Replica(h.t.Context())
	h.must(err)
	head, err := raw.Head(h.t.Context())
	h.must(err)
	row := pod.Info{Path: h.path(path), Type: typ, Modified: h.clock.now(), Version: pod.Version{Counter: head.Counter + 1, Device: phone}}
	_, err = raw.Put(h.t.Context(), row, strings.NewReader(body), nil)
	h.must(err)
}

// erase deletes a resource, or a container with all below it.
func (h *house) erase(path string) {
	h.t.Helper()
	raw, err := h.owner().Replica(h.t.Context())
	h.must(err)
	h.erased++
	_, err = raw.Delete(h.t.Context(), h.path(path), pod.Version{Counter: h.erased << 20, Device: phone})
	h.must(err)
}

// audience names the contacts who may read the posts for it.
func (h *house) audience(aid string, cids ...string) {
	h.t.Helper()
	h.write("/social/audiences/"+aid, turtle, audience(cids...))
}

func audience(cids ...string) string {
	var b strings.Builder
	b.WriteString(vcardPre + "<#members> a vcard:Group.\n")
	for _, cid := range cids {
		fmt.Fprintf(&b, "<#members> vcard:hasMember <../../contacts/%s/card#me>.\n", cid)
	}
	return b.String()
}

// show makes a post readable for an audience; "" is nobody but the owner.
func (h *house) show(post, aid string) {
	h.t.Helper()
	h.write("/social/posts/"+post+"/.acl", turtle, postACL(aid))
}

func postACL(aid string) string {
	rules := aclPre + ownerRule("", "../../../profile/card#me")
	if aid != "" {
		rules += "<#audience> a acl:Authorization; acl:agentGroup <../../audiences/" + aid + "#members>;" +
			" acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.\n"
	}
	return rules
}

// note is a post.jsonld.
func note(text string) string {
	return `{"@context":"https://www.w3.org/ns/activitystreams","id":"./","type":"Note",` +
		`"published":"2026-11-22T08:30:00Z","content":"` + text + `"}`
}

// post publishes as the app does: the files first, the access last.
func (h *house) post(post, aid, text string) {
	h.t.Helper()
	h.clock.tick()
	h.write("/social/posts/"+post+"/post.jsonld", jsonld, note(text))
	h.show(post, aid)
}

// said is what a handler answered, or the error with which it did not.
type said struct {
	status int
	header http.Header
	body   string
	err    error
}

// ask puts a request to the handler of its path.
func (h *house) ask(v *acl.View, method, target string, more ...func(*http.Request)) said {
	r := httptest.NewRequest(method, base+target, nil).WithContext(h.t.Context())
	for _, f := range more {
		f(r)
	}
	return h.serve(v, r)
}

func (h *house) serve(v *acl.View, r *http.Request) said {
	w := httptest.NewRecorder()
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/ben/")
	err := h.feed.Behind(w, r, v)
	switch {
	case err != nil:
	case rest == "social/door":
		err = h.feed.ServeDoor(w, r, v)
	case rest == "social/feed":
		err = h.feed.Serve(w, r, v)
	default:
		err = h.replica.Serve(w, r, v, strings.TrimPrefix(rest, ".replica"))
	}
	return said{w.Code, w.Header(), w.Body.String(), err}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func within(ctx context.Context) func(*http.Request) {
	return func(r *http.Request) { *r = *r.WithContext(ctx) }
}

// told is a page of the feed as a friend's app reads it.
type told struct {
	Type   string
	Items  []item `json:"orderedItems"`
	Next   string
	Cursor string `json:"kith:cursor"`
}

// read asks for a page that must be answered.
func (h *house) read(v *acl.View, target string, more ...func(*http.Request)) told {
	h.t.Helper()
	s := h.ask(v, http.MethodGet, "social/"+target, more...)
	if s.err != nil || s.status != http.StatusOK {
		h.t.Fatalf("GET %s: status %d, error %v", target, s.status, s.err)
	}
	var p told
	h.must(json.Unmarshal([]byte(s.body), &p))
	if p.Type != "OrderedCollectionPage" || p.Cursor == "" || p.Items == nil {
		h.t.Fatalf("GET %s: not a page: %s", target, s.body)
	}
	return p
}

// since asks what happened since a page.
func (h *house) since(v *acl.View, p told) told {
	h.t.Helper()
	return h.read(v, "feed?cursor="+p.Cursor)
}

// kinds are the types of the items, each with the name of its post.
func kinds(p told) []string {
	out := []string{}
	for _, i := range p.Items {
		out = append(out, strings.TrimSpace(i.Type+" "+strings.TrimSuffix(strings.TrimPrefix(i.Object, "posts/"), "/")))
	}
	return out
}

func (h *house) wantKinds(what string, p told, want ...string) {
	h.t.Helper()
	if got := kinds(p); !slices.Equal(got, want) {
		h.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (h *house) wantError(what string, s said, want error) {
	h.t.Helper()
	if !errors.Is(s.err, want) {
		h.t.Errorf("%s: got error %v and status %d, want %v", what, s.err, s.status, want)
	}
	if s.err != nil && s.body != "" {
		h.t.Errorf("%s: it answered and returned an error: %s", what, s.body)
	}
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sameJSON reports whether two texts are the same JSON.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("not JSON: %s and %s", a, b)
	}
	return reflect.DeepEqual(x, y)
}
