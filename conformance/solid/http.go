package solid

import (
	"net/http"
	"net/url"
	"strings"
)

// unauthenticatedCases are about requests without credentials that hold, and about Content-Type.
func unauthenticatedCases() []testCase {
	return []testCase{
		{"solid-protocol#server-unauthenticated/no-credentials", func(t *trial) {
			t.put("secret", plainText("8f14e45f"))
			t.ask(t.stranger, "GET", t.at("secret")).is(401).lacks("8f14e45f")
			r := t.ask(t.stranger, "HEAD", t.at("made")).is(401)
			r.check(r.header.Get("WWW-Authenticate") != "", "no WWW-Authenticate")
		}},
		{"solid-protocol#server-unauthenticated/challenge-names-DPoP", func(t *trial) {
			r := t.ask(t.stranger, "GET", t.at("made")).is(401)
			r.check(strings.Contains(strings.Join(r.header.Values("WWW-Authenticate"), ","), "DPoP"), "WWW-Authenticate is %q", r.header.Values("WWW-Authenticate"))
		}},
		{"solid-protocol#server-unauthenticated/every-method", func(t *trial) {
			for _, method := range []string{"GET", "HEAD", "DELETE"} {
				t.ask(t.stranger, method, t.at("made")).is(401)
			}
			t.send(t.stranger, "PUT", t.at("made"), plainText("x")).is(401)
			t.send(t.stranger, "POST", t.base, plainText("x")).is(401)
			t.send(t.stranger, "PATCH", t.at("made"), n3Text(insertPatch)).is(401)
		}},
		{"solid-protocol#server-unauthenticated/absent-is-not-told", func(t *trial) {
			t.ask(t.stranger, "GET", t.at("absent")).is(401)
			t.ask(t.bob, "GET", t.at("absent")).is(403)
		}},
		{"solid-protocol#server-unauthenticated/invalid-token", func(t *trial) {
			t.ask(t.stranger, "GET", t.at("made"), "Authorization: DPoP nonsense").is(401)
			t.ask(t.stranger, "GET", t.at("made"), "Authorization: Bearer nonsense").is(401)
			t.ask(t.stranger, "GET", t.at("made"), "Authorization: Basic YWxpY2U6YWxpY2U=").is(401)
		}},
		{"solid-protocol#server-unauthenticated/a-cookie-is-nothing", func(t *trial) {
			t.ask(t.stranger, "GET", t.at("made"), "Cookie: session=alice; kith=alice; connect.sid=alice").is(401)
		}},
		{"solid-protocol#server-content-type-includes/resource-and-container", func(t *trial) {
			t.get("made").is(200).media("text/plain")
			t.get("").is(200).media("text/turtle")
		}},
		{"solid-protocol#server-content-type-includes/errors", func(t *trial) {
			for _, r := range []*reply{t.get("absent").is(404), t.ask(t.stranger, "GET", t.at("made")).is(401)} {
				r.check(len(r.body) == 0 || r.header.Get("Content-Type") != "", "an error with content and no Content-Type")
			}
		}},
	}
}

// methodCases are about methods and what they answer.
func methodCases() []testCase {
	return []testCase{
		missingType("PUT", "untyped"), missingType("POST", ""), missingType("PATCH", "made"),
		{"solid-protocol#server-method-not-allowed/POST-to-a-resource", func(t *trial) {
			r := t.send(t.alice, "POST", t.at("made"), plainText("x")).is(405)
			r.leaves("Allow", "POST")
		}},
		{"solid-protocol#server-method-not-allowed/TRACE", func(t *trial) {
			t.ask(t.alice, "TRACE", t.at("made")).is(400, 405, 501)
		}},
		{"solid-protocol#server-method-not-allowed/an-unknown-method", func(t *trial) {
			t.ask(t.alice, "DANCE", t.at("made")).is(400, 405, 501)
		}},
		{"solid-protocol#server-safe-methods/resource", safeMethods("made")},
		{"solid-protocol#server-safe-methods/container", safeMethods("")},
		{"solid-protocol#server-allow-methods/resource", allows("made", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")},
		{"solid-protocol#server-allow-methods/container", allows("", "GET", "HEAD", "OPTIONS", "POST", "DELETE")},
		{"solid-protocol#server-allow-methods/writes", func(t *trial) {
			turtle := turtleText("<#it> a <#Thing>.")
			for _, r := range []*reply{
				t.put("r", turtle), t.put("r", turtle), t.put("c/", content{"text/turtle", []byte{}}, typeContainer),
				t.send(t.alice, "PATCH", t.at("r"), n3Text(insert("<#it> <#q> \"w\"."))).ok(),
				t.send(t.alice, "POST", t.base, plainText("posted")).is(201), t.ask(t.alice, "DELETE", t.at("r")).ok(),
			} {
				r.lists("Allow", "GET")
			}
		}},
		{"solid-protocol#server-accept-headers/resource", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> <#c>."))
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				r := t.ask(t.alice, method, t.at("r")).ok()
				r.check(r.header.Get("Accept-Put") != "", "no Accept-Put, though PUT is allowed")
				r.lists("Accept-Patch", "text/n3")
			}
		}},
		{"solid-protocol#server-accept-headers/container", func(t *trial) {
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				r := t.ask(t.alice, method, t.base).ok()
				r.check(r.header.Get("Accept-Post") != "", "no Accept-Post, though POST is allowed")
			}
		}},
		{"solid-protocol#server-http/HEAD-as-GET", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> <#c>."))
			for _, path := range []string{"r", "made", ""} {
				get, head := t.get(path).is(200), t.ask(t.alice, "HEAD", t.at(path)).is(200)
				head.check(len(head.body) == 0, "HEAD has a body")
				for _, name := range []string{"Content-Type", "ETag", "Last-Modified", "Allow"} {
					head.check(get.header.Get(name) == head.header.Get(name), "%s is %q, with GET %q", name, head.header.Get(name), get.header.Get(name))
				}
			}
		}},
		{"solid-protocol#server-http/bytes-are-kept", func(t *trial) {
			binary := string([]byte{0, 1, 2, 0xff, 0xfe, '\r', '\n', 0})
			t.put("picture", content{"image/png", []byte(binary)})
			r := t.get("picture").is(200).media("image/png")
			r.check(string(r.body) == binary, "%d bytes come back, other than the %d that went in", len(r.body), len(binary))
		}},
		{"solid-protocol#server-http/Range", func(t *trial) {
			t.put("long", content{"application/octet-stream", []byte("0123456789")})
			r := t.get("long", "Range: bytes=2-4").is(206)
			r.check(string(r.body) == "234" && r.header.Get("Content-Range") == "bytes 2-4/10", "%q, Content-Range %q", r.body, r.header.Get("Content-Range"))
		}},
		{"solid-protocol#server-http/Range-that-is-not-there", func(t *trial) {
			t.put("long", content{"application/octet-stream", []byte("0123456789")})
			r := t.get("long", "Range: bytes=10-").is(416)
			r.check(r.header.Get("Content-Range") == "bytes */10", "Content-Range is %q", r.header.Get("Content-Range"))
		}},
		{"solid-protocol#server-http/Range-of-another-state", func(t *trial) {
			t.put("long", content{"application/octet-stream", []byte("0123456789")})
			r := t.get("long", "Range: bytes=2-4", `If-Range: "another"`).is(200)
			r.check(string(r.body) == "0123456789", "%q", r.body)
		}},
		{"solid-protocol#server-http/an-empty-body", func(t *trial) {
			t.put("empty", content{"text/plain", []byte{}})
			r := t.get("empty").is(200)
			r.check(len(r.body) == 0, "%d bytes", len(r.body))
		}},
		{"solid-protocol#server-caching/Vary", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> <#c>."))
			t.get("r").is(200).lists("Vary", "Accept", "Authorization", "Origin")
		}},
		{"solid-protocol#server-caching/not-modified", func(t *trial) {
			for _, path := range []string{"made", ""} {
				e := t.get(path).is(200).etag()
				t.get(path, "If-None-Match: "+e).is(304)
			}
		}},
		{"solid-protocol#server-caching/a-listing-that-has-changed-is-told", func(t *trial) {
			t.put("c/a", plainText("one"))
			before := t.get("c/").is(200)
			t.put("c/a", plainText("another text, of another size"))
			after := t.get("c/").is(200)
			if string(before.body) == string(after.body) {
				return // the listing does not tell of it
			}
			t.get("c/", "If-None-Match: "+before.etag()).is(200)
		}},
	}
}

// uriCases are about the names of resources.
func uriCases() []testCase {
	return []testCase{
		{"solid-protocol#server-uri-trailing-slash-distinct/container-beside-resource", func(t *trial) {
			t.put("x", plainText("x"))
			t.send(t.alice, "PUT", t.at("x/"), content{}, typeContainer).is(409, 415)
			t.send(t.alice, "PUT", t.at("x/y"), plainText("y")).is(403, 409, 415)
			t.get("x").is(200)
		}},
		{"solid-protocol#server-uri-trailing-slash-distinct/resource-beside-container", func(t *trial) {
			t.put("x/y", plainText("y"))
			t.send(t.alice, "PUT", t.at("x"), plainText("x")).is(409, 415)
			t.get("x/y").is(200)
		}},
		{"solid-protocol#server-uri-trailing-slash-distinct/the-other-is-not-there", func(t *trial) {
			t.put("x/y", plainText("y"))
			t.put("z", plainText("z"))
			t.get("x").is(301, 404, 410)
			t.get("z/").is(301, 404, 410)
		}},
		{"solid-protocol#server-authorization-redirect/a-stranger-learns-nothing", func(t *trial) {
			t.put("x/y", plainText("y"))
			t.ask(t.stranger, "GET", t.at("x")).is(401)
			t.ask(t.bob, "GET", t.at("x")).is(403)
		}},
		{"solid-protocol#server-http/an-address-that-is-too-long", func(t *trial) {
			t.get(strings.Repeat("a", 9000)).is(404, 414)
		}},
		{"solid-protocol#uri-slash-semantics/percent-encoding", func(t *trial) {
			t.put("caf%C3%A9", plainText("coffee"))
			t.get("caf%c3%a9").is(200).contains("coffee")
		}},
		{"solid-protocol#uri-slash-semantics/dots-do-not-lead-out", func(t *trial) {
			t.put("open/inner/x", plainText("x"))
			t.put("closed/secret", plainText("8f14e45f"))
			t.allow(t.at("open/"), grant{"accessTo", "bob", "RWA"}, grant{"default", "bob", "RWA"})
			for _, path := range []string{"open/../closed/secret", "open/%2e%2e/closed/secret", "open/inner/..%2f..%2fclosed/secret", "open//../closed/secret"} {
				r := t.ask(t.bob, "GET", t.at(path)).lacks("8f14e45f")
				r.check(r.status >= 300, "status %d", r.status)
			}
		}},
		{"solid-protocol#uri-slash-semantics/an-encoded-slash-is-no-slash", func(t *trial) {
			t.put("a/b", plainText("hierarchy"))
			t.get("a%2Fb").lacks("hierarchy")
		}},
	}
}

const typeContainer = `Link: <http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`

// missingType sends content without Content-Type.
func missingType(method, path string) testCase {
	return testCase{"solid-protocol#server-content-type-missing/" + method, func(t *trial) {
		t.send(t.alice, method, t.at(path), content{"", []byte("<#a> <#b> <#c>.")}).is(400)
	}}
}

func safeMethods(path string) func(*trial) {
	return func(t *trial) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			t.ask(t.alice, method, t.at(path)).is(200, 204)
		}
	}
}

func allows(path string, methods ...string) func(*trial) {
	return func(t *trial) {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			t.ask(t.alice, method, t.at(path)).ok().lists("Allow", methods...)
		}
	}
}

// storage returns the URL of the storage that holds the run's container (Solid Protocol §client-storage-disovery).
func (t *trial) storage() string {
	for at := t.root; !t.over(); {
		for _, kind := range t.ask(t.alice, "HEAD", at).is(200).links("type") {
			if kind == pimNS+"Storage" {
				return at
			}
		}
		u, err := url.Parse(at)
		if err != nil || u.Path == "/" || u.Path == "" {
			break
		}
		up := strings.TrimSuffix(u.Path, "/")
		u.Path = up[:strings.LastIndexByte(up, '/')+1]
		at = u.String()
	}
	t.fail("no container above %s is of type pim:Storage", t.root)
	return t.root
}
