package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// asContainer is the header of a request that makes a container.
func asContainer(more ...string) http.Header {
	return fields(append([]string{"Content-Type", "text/turtle", "Link", `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`}, more...)...)
}

// TestAPodSpeaksLDP goes through methods and headers as its owner (solid-checklist §1).
func TestAPodSpeaksLDP(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	plain := func(method, target string, more ...string) Request {
		return Request{Method: method, Target: target, Body: []byte("text"), Header: fields(append([]string{"Content-Type", "text/plain"}, more...)...)}
	}
	turtle := func(method, target, body string) Request {
		return Request{Method: method, Target: target, Body: []byte(body), Header: fields("Content-Type", "text/turtle")}
	}
	for _, c := range []struct {
		name string
		r    Request
		want int
	}{
		{"POST to what is not there", plain("POST", "none/"), 404},
		{"PUT makes the containers above", plain("PUT", "a/b/c.txt"), 201},
		{"PUT replaces", plain("PUT", "a/b/c.txt"), 204},
		{"the container is there", Request{Method: "GET", Target: "a/"}, 200},
		{"POST to a resource", plain("POST", "a/b/c.txt"), 405},
		{"POST makes a member", plain("POST", "a/", "Slug", "slug.txt"), 201},
		{"it has the name that was asked for", Request{Method: "GET", Target: "a/slug.txt"}, 200},
		{"POST does not overwrite", plain("POST", "a/", "Slug", "slug.txt"), 201},
		{"POST makes a container", Request{Method: "POST", Target: "a/", Header: asContainer("Slug", "box")}, 201},
		{"it is one", Request{Method: "GET", Target: "a/box/"}, 200},
		{"PUT makes a container", Request{Method: "PUT", Target: "a/new/", Header: asContainer("If-None-Match", "*")}, 201},
		{"PUT does not make it twice", Request{Method: "PUT", Target: "a/new/", Header: asContainer("If-None-Match", "*")}, 412},
		{"PUT does not change a container", turtle("PUT", "a/new/", ""), 409},
		{"nor what it contains", turtle("PUT", "a/", "<> <http://www.w3.org/ns/ldp#contains> <x>."), 409},
		{"DELETE of a container with members", Request{Method: "DELETE", Target: "a/"}, 409},
		{"DELETE of an empty one", Request{Method: "DELETE", Target: "a/new/"}, 204},
		{"DELETE of what is gone", Request{Method: "DELETE", Target: "a/new/"}, 404},
		{"GET of what is gone", Request{Method: "GET", Target: "a/new/"}, 404},
		{"DELETE of the root", Request{Method: "DELETE", Target: ""}, 405},
		{"DELETE of the root's ACL", Request{Method: "DELETE", Target: ".acl"}, 405},
		{"an ACL that is not there", Request{Method: "GET", Target: "a/b/c.txt.acl"}, 404},
		{"an unknown method", Request{Method: "FROB", Target: "a/"}, 405},
		{"TRACE", Request{Method: "TRACE", Target: "a/"}, 405},
		{"a part of a representation", plain("PUT", "a/part.txt", "Content-Range", "bytes 0-3/10"), 400},
		{"a compressed body", plain("PUT", "a/zip.txt", "Content-Encoding", "gzip"), 415},
		{"a description", turtle("PUT", "a/b/c.txt.meta", "<c.txt> <#is> <#text>."), 201},
		{"no condition", Request{Method: "GET", Target: "a/b/c.txt", Header: fields("If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))}, 304},
	} {
		if got := w.ask(alice, c.r); got.Status != c.want {
			t.Errorf("%s: %s %s: %d %s, want %d", c.name, c.r.Method, c.r.Target, got.Status, got.Body, c.want)
		}
	}
	w.checkHeaders(alice)
	r := Request{Method: "DELETE", Target: "a/b/c.txt"}
	w.want(w.ask(alice, r), r, http.StatusNoContent)
	if got := w.get(alice, "a/b/c.txt.meta"); got.Status != http.StatusNotFound {
		t.Errorf("a description outlives its subject: %d", got.Status)
	}
}

// checkHeaders asks for what is said beside the bytes.
func (w *world) checkHeaders(owner *resident) {
	w.t.Helper()
	for target, c := range map[string]struct {
		links []string
		allow []string
	}{
		"":          {[]string{"ldp#Resource>", "ldp#BasicContainer>", "pim/space#Storage>", owner.Pod.URL + `.acl>; rel="acl"`}, []string{"GET", "HEAD", "OPTIONS", "PUT", "POST"}},
		"a/":        {[]string{"ldp#Resource>", "ldp#BasicContainer>", "ldp#Container>", owner.Pod.URL + `a/.acl>; rel="acl"`}, []string{"GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE"}},
		"a/b/c.txt": {[]string{"ldp#Resource>", owner.Pod.URL + `a/b/c.txt.acl>; rel="acl"`, owner.Pod.URL + `a/b/c.txt.meta>; rel="describedby"`}, []string{"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}},
	} {
		got := w.get(owner, target)
		links := strings.Join(got.Header.Values("Link"), ", ")
		for _, part := range c.links {
			if !strings.Contains(links, part) {
				w.t.Errorf("%q: the links %s lack %s", target, links, part)
			}
		}
		allow := strings.Split(got.Header.Get("Allow"), ", ")
		slices.Sort(allow)
		slices.Sort(c.allow)
		if !slices.Equal(allow, c.allow) {
			w.t.Errorf("%q allows %q, want %q", target, allow, c.allow)
		}
		etag := got.Header.Get("ETag")
		if strings.HasPrefix(etag, "W/") || len(etag) < 10 || got.Header.Get("Last-Modified") == "" || got.Header.Get("Cache-Control") != "no-store" ||
			got.Header.Get("WAC-Allow") != `user="read append write control",public=""` || got.Header.Get("Content-Type") == "" || !strings.Contains(got.Header.Get("Vary"), "Authorization") {
			w.t.Errorf("%q: %v", target, got.Header)
		}
		head := w.ask(owner, Request{Method: "HEAD", Target: target})
		if len(head.Body) > 0 || fmt.Sprint(without(head.Header)) != fmt.Sprint(without(got.Header)) {
			w.t.Errorf("%q: HEAD says\n%v\nGET\n%v", target, head.Header, got.Header)
		}
	}
}

// without returns a header without its Date.
func without(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Date")
	return h
}

// TestAPageOfAnyOriginMayAsk looks at CORS, also for the origin of a file and a sandbox.
func TestAPageOfAnyOriginMayAsk(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	w.put(alice, "a.txt", "text/plain", []byte("text"), http.StatusCreated)
	exposed := []string{"ETag", "Last-Modified", "Link", "Location", "WWW-Authenticate", "DPoP-Nonce"}
	for _, origin := range []string{"null", "https://app.example", base[:len(base)-1]} {
		for _, target := range []string{"", "a.txt", "none", "social/feed", ".replica", ".pair", ".invites/", ".invites/x", "a%2Fb"} {
			r := Request{Method: "OPTIONS", Target: target, Header: fields("Origin", origin, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,dpop,kith-version,content-type")}
			h := w.patiently(w.stranger(alice.Pod), r)
			allowed := strings.ToLower(h.Header.Get("Access-Control-Allow-Headers"))
			if h.Status/100 != 2 || len(h.Body) > 0 || h.Header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(h.Header.Get("Access-Control-Allow-Methods"), "PUT") ||
				!strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "dpop") || !strings.Contains(allowed, "kith-version") {
				t.Errorf("a preflight of %s from %s: %d %v", target, origin, h.Status, h.Header)
			}
			for name, a := range map[string]asker{"the owner": alice, "a stranger": w.stranger(alice.Pod)} {
				got := w.patiently(a, Request{Method: "GET", Target: target, Header: fields("Origin", origin)})
				expose := got.Header.Get("Access-Control-Expose-Headers")
				if got.Header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Origin") {
					t.Errorf("%s asks for %s from %s: %d %v", name, target, origin, got.Status, got.Header)
				}
				for _, e := range exposed {
					if !strings.Contains(expose, e) {
						t.Errorf("%s asks for %s from %s: %s is not exposed: %s", name, target, origin, e, expose)
					}
				}
			}
		}
	}
	for _, target := range []string{"/token", "/.well-known/lws-configuration", "/.well-known/jwks.json", "/.well-known/oauth-protected-resource/alice/"} {
		r := Request{Method: "OPTIONS", Target: target, Header: fields("Origin", "null", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "dpop")}
		got := w.patiently(w.wire, r)
		if allow := got.Header.Get("Access-Control-Allow-Origin"); got.Status/100 != 2 || allow != "*" && allow != "null" {
			t.Errorf("a preflight of %s: %d %v", target, got.Status, got.Header)
		}
	}
}
