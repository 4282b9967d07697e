package dav_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/dav"
	"kith/internal/fuzztest"
	"kith/pod"
	"kith/pod/folder"
	"kith/webid"
)

const (
	base   = "https://pod.example/alice/"
	prefix = "/alice/.dav"
	note   = "what stands in the note"
	rules  = "@prefix acl: <http://www.w3.org/ns/auth/acl#> .\n" +
		"<#o> a acl:Authorization; acl:agent <" + base + "profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control .\n" +
		"<#r> a acl:Authorization; acl:agent <" + base + "contacts/reader/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read .\n"
)

// newPod returns a pod with a note, as its owner sees it and as a reader does.
func newPod(t testing.TB) (owner, reader *acl.View) {
	t.Helper()
	owner, reader, _ = newStore(t)
	return owner, reader
}

// newStore is newPod with the store, which may be given a limit.
func newStore(t testing.TB) (owner, reader *acl.View, _ *folder.Store) {
	t.Helper()
	dir := t.TempDir()
	store, err := folder.Open(folder.Options{Tree: filepath.Join(dir, "tree"), State: filepath.Join(dir, "state"), Device: "did:key:zPod", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	id := webid.ID(base + "profile/card#me")
	guard := acl.New(store, acl.Config{Base: base, Owner: id})
	t.Cleanup(func() {
		guard.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	owner = guard.As(webid.OwnerAgent(id, "did:key:zOwner"))
	reader = guard.As(webid.ContactAgent(webid.ID(base+"contacts/reader/card#me"), "reader", 1, "did:key:zReader"))
	for _, file := range [][2]string{{"/.acl", rules}, {"/note", note}} {
		p, err := pod.ParsePath(file[0])
		if err != nil {
			t.Fatal(err)
		}
		typ := map[bool]string{true: "text/turtle", false: "text/plain"}[p.Name() == ".acl"]
		if _, _, err := owner.Put(context.Background(), p, typ, strings.NewReader(file[1]), pod.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	return owner, reader, store
}

// wellFormed fails unless a text is XML, in which all prefixes are declared.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("the answer is not XML: %v: %q", err, text)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Space == "D" {
			t.Fatalf("a prefix is not declared: %q", text)
		}
	}
}

// FuzzRequest sends whatever bodies and headers to a note, as somebody who may read
// it and nothing else; locks as its owner. Nothing fails, each answer is cheap and
// XML where it says so, and the note stays.
func FuzzRequest(f *testing.F) {
	methods := []string{"PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "COPY", "MOVE", "MKCOL", "DELETE", "PUT"}
	for i := range methods {
		for _, body := range []string{
			"", "<", `<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>`, `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x:y xmlns:x="urn:x"/></D:prop></D:propfind>`,
			`<propfind xmlns="DAV:"><propname/></propfind>`, `<propfind xmlns="DAV:"><allprop/><include><a/></include></propfind>`,
			`<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="urn:a" xml:lang="en">b<c/></a></D:prop></D:set><D:remove><D:prop><b/></D:prop></D:remove></D:propertyupdate>`,
			`<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner><href>x</href></owner></lockinfo>`,
			strings.Replace(sharedInfo, "Ana", `<a:b xmlns:a="urn:a" a:c="d">e</a:b>`, 1), strings.Replace(lockInfo, "<exclusive/>", "<exclusive/><shared/>", 1),
			`<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><propfind xmlns="DAV:"><prop>&d;</prop></propfind>`,
			`<propfind xmlns="DAV:"><prop>` + strings.Repeat("<a>", 2000) + `</prop></propfind>`, strings.Repeat(`<a b="c">`, 5000),
		} {
			f.Add(uint8(i), body, `(["x"] <urn:uuid:1>) (Not <DAV:no-lock>)`, "1", "/alice/.dav/copy")
		}
		f.Add(uint8(i), "", `<https://a.example/x> (["x" <y>`, "infinity", "https://pod.example/alice/.dav/../x")
		f.Add(uint8(i), "", strings.Repeat("(<a>)", 1000), "0", "%zz")
	}
	owner, reader := newPod(f)
	f.Fuzz(func(t *testing.T, which uint8, body, condition, depth, destination string) {
		if len(body)+len(condition)+len(destination) > 64<<10 {
			return
		}
		method := methods[int(which)%len(methods)]
		agent := reader
		if method == "LOCK" { // of which a reader would see nothing
			agent = owner
		}
		var w *httptest.ResponseRecorder
		fuzztest.Cheap(t, len(body)+len(condition)+len(depth)+len(destination), func() {
			r := httptest.NewRequest(method, "https://pod.example"+prefix+"/note", strings.NewReader(body))
			r.Header = http.Header{"If": {condition}, "Depth": {depth}, "Destination": {destination}, "Timeout": {condition}, "Lock-Token": {condition}}
			w = httptest.NewRecorder()
			dav.New(prefix, base, time.Now).Serve(w, r, agent)
		})
		elsewhere := w.Code == http.StatusBadGateway && (method == "COPY" || method == "MOVE") // RFC 4918 §9.8.5
		if w.Code >= 500 && w.Code != http.StatusNotImplemented && w.Code != http.StatusInsufficientStorage && !elsewhere {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
		if strings.Contains(w.Header().Get("Content-Type"), "xml") {
			wellFormed(t, w.Body.Bytes())
		}
		if writes := slices.Index(methods, method) > 3; writes && w.Code < 300 {
			t.Errorf("a reader's %s: %d", method, w.Code)
		}
		if got := httptest.NewRecorder(); true {
			dav.New(prefix, base, time.Now).Serve(got, httptest.NewRequest("GET", "https://pod.example"+prefix+"/note", nil), owner)
			if got.Body.String() != note {
				t.Errorf("after %s the note is %q", method, got.Body)
			}
		}
	})
}
