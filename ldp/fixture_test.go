package ldp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/ldp"
	"kith/pod"
	"kith/pod/folder"
	"kith/webid"
)

const (
	base      = "https://pod.example/alice/"
	ownerID   = webid.ID(base + "profile/card#me")
	challenge = `DPoP as_uri="https://pod.example", realm="https://pod.example/alice/"`
	prefix    = "@prefix acl: <http://www.w3.org/ns/auth/acl#> .\n@prefix foaf: <http://xmlns.com/foaf/0.1/> .\n"
	ownerRule = "<#owner> a acl:Authorization; acl:agent <" + string(ownerID) + ">; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control .\n"
)

var agents = map[string]webid.Agent{
	"owner":    webid.OwnerAgent(ownerID, "did:key:zOwner"),
	"reader":   friend("reader"),
	"adder":    friend("adder"),
	"writer":   friend("writer"),
	"other":    friend("other"),
	"none":     friend("none"),
	"stranger": {},
}

func friend(name string) webid.Agent {
	return webid.ContactAgent(friendID(name), name, 1, "did:key:z"+name)
}

func friendID(name string) webid.ID { return webid.ID(base + "contacts/" + name + "/card#me") }

// server is a pod behind its handler.
type server struct {
	t       testing.TB
	store   pod.Store
	guard   *acl.Guard
	handler *ldp.Handler
}

func newServer(t testing.TB, config acl.Config) *server {
	t.Helper()
	return newServerAt(t, config, time.Now)
}

func newServerAt(t testing.TB, config acl.Config, now func() time.Time) *server {
	t.Helper()
	dir := t.TempDir()
	store, err := folder.Open(folder.Options{
		Tree:   filepath.Join(dir, "tree"),
		State:  filepath.Join(dir, "state"),
		Device: "did:key:zPod",
		Now:    now,
	})
	if err != nil {
		t.Fatal(err)
	}
	config.Base, config.Owner = base, ownerID
	s := &server{t, store, acl.New(store, config), ldp.New(ldp.Config{Base: base, Challenge: challenge, MaxBody: 1 << 20})}
	t.Cleanup(func() {
		s.guard.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s.want("owner", "PUT", "/.acl", prefix+ownerRule, 201, "Content-Type: text/turtle")
	return s
}

// response is what came back, with the body read.
type response struct {
	status int
	header http.Header
	body   string
}

// do sends one request as an agent. Headers are "Name: value". A panic that
// aborts the response gives status 0.
func (s *server) do(who, method, path, body string, headers ...string) response {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, base, content)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return s.serve(who, r, path)
}

// doQuery is do for a GET with a query.
func (s *server) doQuery(who, path, query string, headers ...string) response {
	s.t.Helper()
	r := httptest.NewRequest("GET", base, nil)
	r.URL.RawQuery = query
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return s.serve(who, r, path)
}

func (s *server) serve(who string, r *http.Request, path string) response {
	s.t.Helper()
	agent, ok := agents[who]
	if !ok {
		s.t.Fatalf("nobody is called %q", who)
	}
	return s.record(r, func(w *httptest.ResponseRecorder) error { return s.handler.Serve(w, r, s.guard.As(agent), path) })
}

// record returns what was answered.
func (s *server) record(r *http.Request, serve func(*httptest.ResponseRecorder) error) response {
	s.t.Helper()
	w := httptest.NewRecorder()
	if err := serve(w); err != nil {
		s.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	res := w.Result()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Error(err)
	}
	return response{res.StatusCode, res.Header, string(text)}
}

// want is do for a request that must get a status.
func (s *server) want(who, method, path, body string, status int, headers ...string) response {
	s.t.Helper()
	res := s.do(who, method, path, body, headers...)
	if res.status != status {
		s.t.Fatalf("%s %s as %s: %d %s, want %d", method, path, who, res.status, strings.TrimSpace(res.body), status)
	}
	return res
}

// put writes a resource as the owner.
func (s *server) put(path, typ, text string) response {
	s.t.Helper()
	res := s.do("owner", "PUT", path, text, "Content-Type: "+typ)
	if res.status != 201 && res.status != 204 {
		s.t.Fatalf("PUT %s: %d %s", path, res.status, res.body)
	}
	return res
}

// acl writes the ACL resource at a path, after the owner's rule.
func (s *server) acl(path string, rules ...string) {
	s.t.Helper()
	s.put(path, "text/turtle", prefix+ownerRule+strings.Join(rules, "\n"))
}

// give returns a rule that gives a friend modes on the container and below.
func give(name, modes string) string {
	return fmt.Sprintf("<#%s> a acl:Authorization; acl:agent <%s>; acl:accessTo <./>; acl:default <./>; acl:mode %s .", name, friendID(name), modes)
}

// head returns the status line and headers in a fixed order.
func (r response) head() string {
	var b strings.Builder
	fmt.Fprintln(&b, r.status)
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		for _, v := range r.header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	return b.String()
}

// problem returns the problem detail of an error, and fails if it is none.
func (r response) problem(t testing.TB) (detail string) {
	t.Helper()
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("%q is no problem detail: %v", r.body, err)
	}
	if r.header.Get("Content-Type") != "application/problem+json" || p.Status != r.status ||
		p.Title != http.StatusText(r.status) || p.Type != "about:blank" || p.Detail == "" {
		t.Errorf("problem %+v in %v", p, r.header)
	}
	return p.Detail
}

// stage puts a resource into the pod without the handler.
func fill(t testing.TB, g *acl.Guard, path string, typ string, text []byte) {
	t.Helper()
	p, err := pod.ParsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.As(agents["owner"]).Put(context.Background(), p, typ, bytes.NewReader(text), pod.Precondition{}); err != nil {
		t.Fatal(err)
	}
}

// newHandler returns a handler that has a storage description to name.
func newHandler(description string) *ldp.Handler {
	return ldp.New(ldp.Config{Base: base, Challenge: challenge, Description: description})
}

// makeContainers makes members of a container, at once.
func (s *server) makeContainers(container string, names []string) {
	s.t.Helper()
	err := s.store.Update(context.Background(), func(tx pod.WriteTx) error {
		for _, n := range names {
			p, err := pod.ParsePath(container + n)
			if err != nil {
				return err
			}
			if _, err := tx.MakeContainer(p, pod.PutOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// raw puts bytes into the store as they are, as a device of the owner would.
func (s *server) raw(path, typ, text string) {
	s.t.Helper()
	p, err := pod.ParsePath(path)
	if err != nil {
		s.t.Fatal(err)
	}
	staged, err := s.store.Stage(context.Background(), strings.NewReader(text), pod.StageOptions{Max: 1 << 20, Type: typ})
	if err != nil {
		s.t.Fatal(err)
	}
	defer staged.Discard()
	err = s.store.Update(context.Background(), func(tx pod.WriteTx) error {
		_, err := tx.Put(p, staged, pod.PutOptions{})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
