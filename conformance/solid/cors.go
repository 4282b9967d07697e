package solid

import (
	"slices"
	"strings"
)

// unexposed are about the connection, or readable without being named (Fetch §cors-safelisted-response-header-name).
var unexposed = []string{"Cache-Control", "Connection", "Content-Language", "Content-Length", "Content-Type", "Expires", "Keep-Alive", "Last-Modified", "Pragma", "Transfer-Encoding"}

// exposed are the headers that an application needs to read.
var exposed = []string{"Accept-Patch", "Accept-Post", "Accept-Put", "Allow", "Content-Range", "ETag", "Last-Modified", "Link", "Location", "WAC-Allow", "WWW-Authenticate"}

// corsCases are about what browsers let applications of other origins do.
func corsCases() []testCase {
	const app = "Origin: https://app.example"
	return []testCase{
		{"solid-protocol#server-cors/an-application-may-read-the-answer", func(t *trial) {
			for _, r := range []*reply{t.get("made", app).is(200), t.get("absent", app).is(404), t.ask(t.stranger, "GET", t.at("made"), app).is(401), t.ask(t.bob, "GET", t.at("made"), app).is(403)} {
				got := r.header.Get("Access-Control-Allow-Origin")
				r.check(got == "*" || got == "https://app.example", "Access-Control-Allow-Origin is %q", got)
			}
		}},
		{"solid-protocol#server-cors/any-origin", func(t *trial) {
			for _, origin := range []string{"https://app.example", "http://localhost:3000", "https://xn--caf-dma.example:8443", "app://kiosk"} {
				r := t.get("made", "Origin: "+origin).is(200)
				got := r.header.Get("Access-Control-Allow-Origin")
				r.check(got == "*" || got == origin, "for %s, Access-Control-Allow-Origin is %q", origin, got)
			}
		}},
		{"solid-protocol#server-cors-acao-vary/echo-and-Vary", func(t *trial) {
			r := t.get("made", app).is(200)
			r.check(r.header.Get("Access-Control-Allow-Origin") == "https://app.example", "Access-Control-Allow-Origin is %q", r.header.Get("Access-Control-Allow-Origin"))
			r.lists("Vary", "Origin")
		}},
		{"solid-protocol#server-cors-acao-vary/null", func(t *trial) {
			r := t.get("made", "Origin: null").is(200)
			got := r.header.Get("Access-Control-Allow-Origin")
			r.check(got == "null" || got == "*", "Access-Control-Allow-Origin is %q", got)
		}},
		{"solid-protocol#server-cors-acao-vary/errors", func(t *trial) {
			t.ask(t.stranger, "GET", t.at("made"), app).is(401).lists("Vary", "Origin")
			t.get("absent", app).is(404).lists("Vary", "Origin")
		}},
		{"solid-protocol#server-cors-access-control-headers/writes", func(t *trial) {
			for _, r := range []*reply{t.put("r", plainText("r"), app), t.send(t.alice, "POST", t.base, plainText("r"), app).is(201), t.send(t.alice, "PATCH", t.at("p"), n3Text(insertPatch), app).is(201), t.ask(t.alice, "DELETE", t.at("r"), app).ok()} {
				r.check(r.header.Get("Access-Control-Allow-Origin") != "", "no Access-Control-Allow-Origin")
			}
		}},
		{"solid-protocol#server-cors-enumerate/exposed-headers", func(t *trial) {
			r := t.get("made", app).is(200).lists("Access-Control-Expose-Headers", exposed...)
			r.leaves("Access-Control-Expose-Headers", "*")
		}},
		{"solid-protocol#server-cors-aceh/all-that-are-used", func(t *trial) {
			for _, r := range []*reply{t.get("made", app).is(200), t.get("", app).is(200), t.get("absent", app).is(404), t.ask(t.stranger, "GET", t.at("made"), app).is(401), t.put("r", plainText("r"), app)} {
				for name := range r.header {
					if !strings.HasPrefix(name, "Access-Control-") && !slices.Contains(unexposed, name) {
						r.lists("Access-Control-Expose-Headers", name)
					}
				}
			}
		}},
		{"solid-protocol#server-cors-accept-acah/Accept", func(t *trial) {
			ask := func(headers string) *reply {
				return t.ask(t.stranger, "OPTIONS", t.at("made"), app, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: "+headers).is(200, 204)
			}
			ask("accept, x-custom").lists("Access-Control-Allow-Headers", "accept", "x-custom")
		}},
		{"solid-protocol#server-cors-options/preflight", func(t *trial) {
			for _, method := range []string{"GET", "PUT", "POST", "PATCH", "DELETE"} {
				r := t.ask(t.stranger, "OPTIONS", t.at("made"), app, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: authorization, dpop, content-type, if-match, link, slug")
				r.is(200, 204).lists("Access-Control-Allow-Methods", method)
				r.lists("Access-Control-Allow-Headers", "authorization", "dpop", "content-type", "if-match", "link", "slug")
				got := r.header.Get("Access-Control-Allow-Origin")
				r.check(got == "*" || got == "https://app.example", "Access-Control-Allow-Origin is %q", got)
				r.check(len(strings.TrimSpace(string(r.body))) == 0, "a preflight's answer has a body")
			}
		}},
		{"solid-protocol#server-storage-description/linked-in-a-preflight", func(t *trial) {
			r := t.ask(t.stranger, "OPTIONS", t.at("made"), app, "Access-Control-Request-Method: PUT").is(200, 204)
			r.link(description)
			r.lists("Allow", "PUT")
		}},
		{"solid-protocol#server-cors-options/of-what-is-absent", func(t *trial) {
			t.ask(t.stranger, "OPTIONS", t.at("absent"), app, "Access-Control-Request-Method: PUT").is(200, 204)
		}},
	}
}
