package ldp_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/acl"
)

// twins are two pods that differ in what one friend may not see, and in nothing
// else (reliability §1, promise 8).
type twins struct {
	plain, full *server
}

// clock gives both pods of a pair the same time, which passes when it is told to.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newTwins(t *testing.T) (twins, *clock) {
	c := &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	return twins{newServerAt(t, acl.Config{}, c.Now), newServerAt(t, acl.Config{}, c.Now)}, c
}

// both does what the friend may know of in both pods.
func (w twins) both(do func(*server)) {
	do(w.plain)
	do(w.full)
}

// requests are what a curious friend sends.
func requests() [][]string {
	var all [][]string
	for _, p := range []string{
		"/", "/.acl", "/none", "/box", "/box/", "/box/.acl", "/box/.meta", "/box/note", "/box/data", "/box/note/", "/box/note.acl",
		"/box/secret", "/box/secret/", "/box/secret.acl", "/box/secret.meta", "/box/album/", "/box/album/secret.webp",
		"/box/vault", "/box/vault/", "/box/vault/.acl", "/box/vault/x", "/box/vault/deep/y", "/box/vault/none",
		"/social/posts/", "/social/posts/hidden/", "/social/posts/hidden/post.jsonld", "/social/posts/hidden", "/social/posts/none/",
		"/social/audiences/", "/social/audiences/a", "/circles/", "/circles/family", "/contacts/", "/contacts/other/card",
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			all = append(all, []string{method, p})
		}
		all = append(all,
			[]string{"GET", p, "If-None-Match: *"}, []string{"GET", p, `If-Match: "x"`}, []string{"GET", p, "Range: bytes=0-0"},
			[]string{"GET", p, "If-Modified-Since: Sun, 22 Nov 2026 12:00:00 GMT"}, []string{"GET", p, "Origin: null"},
			[]string{"PUT", p, "Content-Type: text/plain"}, []string{"PUT", p, "Content-Type: text/plain", "If-None-Match: *"},
			[]string{"DELETE", p}, []string{"DELETE", p, `If-Match: "x"`}, []string{"TRACE", p}, []string{"PATCH", p},
			[]string{"POST", p, "Content-Type: text/plain", "Slug: secret"})
		for _, accept := range []string{turtle, jsonLD, lws, "image/png", "*/*;q=0"} {
			all = append(all, []string{"GET", p, "Accept: " + accept})
		}
		for _, kind := range []string{"Patch", "Update"} {
			for _, name := range []string{"insert", "delete", "where", "absent"} {
				all = append(all, []string{"PATCH", p, "Content-Type: " + patchType[kind], "Patch: " + name})
			}
			all = append(all, []string{"PATCH", p, "Content-Type: " + patchType[kind], "Patch: insert", "If-None-Match: *"},
				[]string{"PATCH", p, "Content-Type: " + patchType[kind], "Patch: insert", `If-Match: "x.ttl"`})
		}
		all = append(all, []string{"PATCH", p, "Content-Type: text/turtle"})
	}
	slices.SortFunc(all, func(a, b []string) int { return strings.Compare(strings.Join(a, " "), strings.Join(b, " ")) })
	return all
}

// transcript sends all requests as an agent and writes down what comes back.
func (s *server) transcript(who string) string {
	var b strings.Builder
	for _, r := range requests() {
		body := ""
		if r[0] == "PUT" || r[0] == "POST" {
			body = "new"
		}
		if r[0] == "PATCH" && len(r) > 3 {
			kind := map[string]string{"text/n3": "Patch", "application/sparql-update": "Update"}[strings.TrimPrefix(r[2], "Content-Type: ")]
			body = patches[kind][strings.TrimPrefix(r[3], "Patch: ")]
		}
		res := s.do(who, r[0], r[1], body, r[2:]...)
		fmt.Fprintf(&b, "%v\n%s\n%s\n", r, res.head(), res.body)
	}
	return b.String()
}

var steps = []struct {
	name   string
	hidden func(*server) // what happens in one of the twins only
	both   func(*server)
}{
	{"nothing", nil, nil},
	{"a hidden resource comes", func(s *server) {
		s.put("/box/secret.acl", "text/turtle", prefix+strings.ReplaceAll(ownerRule, "./", "secret"))
		s.put("/box/secret", "text/plain", "secret")
	}, nil},
	{"a hidden container comes", func(s *server) {
		s.acl("/box/vault/.acl")
		s.put("/box/vault/x", "text/plain", "x")
		s.put("/box/vault/deep/y", "text/plain", "y")
	}, nil},
	{"a hidden picture comes into an album", func(s *server) {
		s.put("/box/album/secret.webp.acl", "text/turtle", prefix+strings.ReplaceAll(ownerRule, "./", "secret.webp"))
		s.put("/box/album/secret.webp", "image/webp", "secret")
	}, nil},
	{"a hidden post comes", func(s *server) {
		s.acl("/social/posts/hidden/.acl", strings.ReplaceAll(give("other", "acl:Read"), "./", "./"))
		s.put("/social/posts/hidden/post.jsonld", "application/ld+json", "{}")
	}, nil},
	{"something visible changes", nil, func(s *server) { s.put("/box/note", "text/plain", "changed") }},
	{"the hidden things change", func(s *server) {
		s.put("/box/secret", turtle, "<#longer> <x:than> <#before> .")
		s.put("/box/secret.meta", "text/turtle", "")
		s.put("/box/vault/new", "text/plain", "new")
	}, nil},
	{"another friend gets in", func(s *server) {
		s.acl("/box/.acl", give("reader", "acl:Read"), give("other", "acl:Read"))
		s.put("/circles/family", "text/turtle", "<#members> a <http://www.w3.org/2006/vcard/ns#Group> .")
		s.put("/contacts/other/card", "application/ld+json", "{}")
	}, nil},
	{"something visible comes", nil, func(s *server) { s.put("/box/album/2.webp", "image/webp", "2") }},
	{"the hidden things go", func(s *server) {
		for _, p := range []string{"/box/secret", "/box/vault/x", "/box/vault/deep/y", "/box/vault/deep/", "/box/vault/new", "/box/vault/",
			"/box/album/secret.webp", "/social/posts/hidden/post.jsonld", "/social/posts/hidden/"} {
			s.want("owner", "DELETE", p, "", 204)
		}
	}, nil},
	{"something visible goes", nil, func(s *server) { s.want("owner", "DELETE", "/box/album/1.webp", "", 204) }},
}

// TestTwinsCannotBeToldApart compares, after each step, all that a friend, a
// friend without any right, and a stranger can find out of two pods of which one
// holds hidden things.
func TestTwinsCannotBeToldApart(t *testing.T) {
	w, c := newTwins(t)
	w.both(world)
	for _, step := range steps {
		c.now = c.now.Add(time.Minute)
		if step.hidden != nil {
			step.hidden(w.full)
		}
		c.now = c.now.Add(time.Minute)
		if step.both != nil {
			w.both(step.both)
		}
		for _, who := range []string{"reader", "none", "stranger"} {
			plain, full := w.plain.transcript(who), w.full.transcript(who)
			if at := difference(plain, full); at != "" {
				t.Fatalf("after %q %s can tell the twins apart:\n%s", step.name, who, at)
			}
		}
	}
}

// TestTwinsDiffer makes sure that the comparison can fail: to the owner, and to
// the friend who may see the hidden post, the twins are not alike.
func TestTwinsDiffer(t *testing.T) {
	w, c := newTwins(t)
	w.both(world)
	for i, step := range steps[1:5] {
		c.now = c.now.Add(time.Minute)
		step.hidden(w.full)
		if difference(w.plain.transcript("owner"), w.full.transcript("owner")) == "" {
			t.Errorf("after %q the owner cannot tell the twins apart", step.name)
		}
		w, c = newTwins(t)
		w.both(world)
		for _, before := range steps[1 : i+2] {
			before.hidden(w.full)
		}
	}
	if difference(w.plain.transcript("other"), w.full.transcript("other")) == "" {
		t.Error("who may see the hidden post cannot tell the twins apart")
	}
}

// world is what both twins hold.
func world(s *server) {
	s.put("/box/note", "text/plain", "note")
	s.put("/box/data", turtle, data)
	s.put("/box/album/1.webp", "image/webp", "1")
	s.acl("/box/.acl", give("reader", "acl:Read"))
	s.acl("/social/posts/.acl", "<#all> a acl:Authorization; acl:agentClass acl:AuthenticatedAgent; acl:accessTo <./>; acl:mode acl:Read .")
	s.put("/social/posts/1/post.jsonld", "application/ld+json", "{}")
	s.acl("/social/posts/1/.acl", give("reader", "acl:Read"))
}

// random matches the names that a pod makes at random.
var random = regexp.MustCompile(`[a-z2-7]{26}`)

// difference returns where two transcripts differ first, random names aside.
func difference(a, b string) string {
	x := strings.Split(random.ReplaceAllString(a, "RANDOM"), "\n")
	y := strings.Split(random.ReplaceAllString(b, "RANDOM"), "\n")
	request := ""
	for i := range min(len(x), len(y)) {
		if strings.HasPrefix(x[i], "[") {
			request = x[i]
		}
		if x[i] != y[i] {
			return request + "\n  " + x[i] + "\n  " + y[i]
		}
	}
	if len(x) != len(y) {
		return "one is longer"
	}
	return ""
}
