package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestABrokenAccessListIsRefusedAndOneThatLiesThereGrantsNothing writes ACLs that cannot be, and plants one.
func TestABrokenAccessListIsRefusedAndOneThatLiesThereGrantsNothing(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	audience := must(alice.Audience(w.ctx(), ben.CID))(t)
	p := newPost(t, "2026-11-22")
	w.publish(alice, p, postACL(audience))
	acl := w.get(alice, p.folder+".acl")
	good := string(postACL(audience))
	for _, c := range []struct{ name, mediaType, body string }{
		{"broken Turtle", "text/turtle", strings.Replace(good, ";", ",,", 1)},
		{"half a document", "text/turtle", good[:len(good)/2]},
		{"one character", "text/turtle", "<"},
		{"nothing but a quote", "text/turtle", `"`},
		{"not UTF-8", "text/turtle", good + "\n# \xff\xfe <\xff> <b> <c>."},
		{"deep brackets", "text/turtle", "<a> <b> " + strings.Repeat("[ <c> ", 8000)},
		{"deep lists", "text/turtle", "<a> <b> " + strings.Repeat("(", 30000)},
		{"half of JSON-LD", "application/ld+json", `{"@graph": [`},
		{"JSON-LD with a context from elsewhere", "application/ld+json", `{"@context": "https://elsewhere.example/acl"}`},
		{"plain text", "text/plain", good},
		{"everybody", "text/turtle", strings.Replace(good, "acl:agentGroup <../../audiences/"+audience+"#members>", "acl:agentClass <http://xmlns.com/foaf/0.1/Agent>", 1)},
		{"every contact", "text/turtle", strings.Replace(good, "acl:agentGroup <../../audiences/"+audience+"#members>", "acl:agentClass acl:AuthenticatedAgent", 1)},
	} {
		for _, r := range []Request{
			{Method: "PUT", Target: p.folder + ".acl", Header: fields("Content-Type", c.mediaType), Body: []byte(c.body)},
			alice.write(p.folder+".acl", c.mediaType, alice.version(), []byte(c.body)),
		} {
			start := time.Now()
			got := w.ask(alice, r)
			if got.Status != http.StatusBadRequest && got.Status != http.StatusUnprocessableEntity && got.Status != http.StatusUnsupportedMediaType {
				t.Errorf("%s to %s: %d %s", c.name, r.Target, got.Status, got.Body)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%s took %v", c.name, took)
			}
			if now := w.get(alice, p.folder+".acl"); !bytes.Equal(now.Body, acl.Body) {
				t.Fatalf("%s became the ACL:\n%s", c.name, now.Body)
			}
		}
	}
	lockout := Request{Method: "PUT", Target: ".acl", Header: fields("Content-Type", "text/turtle"), Body: []byte("# nobody")}
	w.want(w.ask(alice, lockout), lockout, http.StatusUnprocessableEntity)
	for _, r := range []Request{{Method: "DELETE", Target: ".acl"}, {Method: "DELETE", Target: ""}} {
		w.want(w.ask(alice, r), r, http.StatusMethodNotAllowed)
	}

	w.sees(ben, p)
	w.restart(func() {
		must(0, os.WriteFile(filepath.Join(w.data, "pods", "alice", filepath.FromSlash(p.folder), ".acl"), []byte("<broken"), 0o600))(t)
	})
	w.compare("with a broken ACL in the folder", ben, Request{Method: "GET"}, twin{p.folder + "post.jsonld", strings.ReplaceAll(p.folder, "2026", "2025") + "post.jsonld"})
	if got := w.feed(ben).Items; len(got) > 0 {
		t.Errorf("the feed shows what a broken ACL is for: %+v", got)
	}
	w.put(alice, p.folder+".acl", "text/turtle", []byte(good), http.StatusNoContent, http.StatusOK)
	w.sees(ben, p)
}

// TestAFriendWhoMayOnlyAddCannotMakeAccessLists tries every way to make an ACL in the own inbox.
func TestAFriendWhoMayOnlyAddCannotMakeAccessLists(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	inbox := "social/in/" + ben.CID + "/"
	mine := fmt.Appendf(nil, `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#x> a acl:Authorization; acl:agent <../../../contacts/%s/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.`, ben.CID)
	before := w.get(alice, inbox+".acl")
	var made []string
	for _, r := range []Request{
		{Method: "PUT", Target: inbox + ".acl"},
		{Method: "PUT", Target: inbox + "x.acl"},
		{Method: "PUT", Target: inbox + ".meta"},
		{Method: "PUT", Target: inbox + "sub/.acl"},
		{Method: "POST", Target: inbox, Header: fields("Slug", ".acl")},
		{Method: "POST", Target: inbox, Header: fields("Slug", "x.acl")},
		{Method: "POST", Target: inbox, Header: fields("Slug", "../.acl")},
		{Method: "POST", Target: inbox, Header: fields("Slug", "..%2f.acl")},
		{Method: "POST", Target: inbox, Header: fields("Slug", "x.acl/")},
		{Method: "POST", Target: inbox, Header: fields("Slug", "x.ACL")},
		{Method: "POST", Target: inbox + "../", Header: fields("Slug", "x")},
		{Method: "PUT", Target: "social/posts/x"},
		{Method: "PUT", Target: "contacts/" + ben.CID + "/card"},
		{Method: "PUT", Target: ".replica/" + inbox + ".acl"},
		{Method: "DELETE", Target: inbox + ".acl"},
		{Method: "DELETE", Target: inbox},
	} {
		for _, only := range []string{"", "*"} {
			r.Header = r.Header.Clone()
			if r.Header == nil {
				r.Header = http.Header{}
			}
			r.Header.Set("Content-Type", "text/turtle")
			if r.Body = mine; only != "" {
				r.Header.Set("If-None-Match", only)
			}
			got := w.ask(ben, r)
			if got.Status >= 500 || got.Status < 400 && r.Method != "POST" {
				t.Errorf("%s %s %v: %d %s", r.Method, r.Target, r.Header, got.Status, got.Body)
			}
			made = append(made, got.Header.Get("Location"))
		}
	}
	for _, location := range made {
		if strings.Contains(strings.ToLower(location), ".acl") || location != "" && !strings.HasPrefix(location, alice.Pod.URL+inbox) {
			t.Errorf("a POST made %s", location)
		}
	}
	if after := w.get(alice, inbox+".acl"); !bytes.Equal(before.Body, after.Body) {
		t.Errorf("the inbox's ACL became\n%s", after.Body)
	}
	if got := w.get(ben, inbox); got.Status != http.StatusForbidden {
		t.Errorf("the friend reads the inbox: %d", got.Status)
	}
}
