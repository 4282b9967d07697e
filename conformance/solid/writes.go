package solid

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// putCases are about PUT, and what PATCH shares with it.
func putCases() []testCase {
	return []testCase{
		{"solid-protocol#server-put-patch-intermediate-containers/PUT", func(t *trial) {
			t.put("i/j/k/r", plainText("r")).is(201)
			t.intermediate()
		}},
		{"solid-protocol#server-put-patch-intermediate-containers/PATCH", func(t *trial) {
			t.send(t.alice, "PATCH", t.at("i/j/k/r"), n3Text(insertPatch)).is(201)
			t.intermediate()
		}},
		{"solid-protocol#server-put-patch-intermediate-containers/container", func(t *trial) {
			t.put("i/j/k/", content{}, typeContainer).is(201)
			t.check(slices.Contains(t.turtle(t.at("i/j/")).objects(t.at("i/j/"), contains), t.at("i/j/k/")), "i/j/ does not contain k/")
		}},
		{"solid-protocol#writing-resources/PUT-tells-new-from-replaced", func(t *trial) {
			t.put("r", plainText("one")).is(201)
			t.put("r", plainText("two")).is(200, 204, 205)
			r := t.get("r").is(200)
			r.check(string(r.body) == "two", "the body is %q", r.body)
		}},
		{"solid-protocol#writing-resources/PUT-changes-the-type", func(t *trial) {
			t.put("r", plainText("one"))
			t.put("r", turtleText("<#a> <#b> <#c>."))
			t.get("r").is(200).media("text/turtle")
		}},
		{"solid-protocol#writing-resources/a-name-without-extension-keeps-its-type", func(t *trial) {
			t.put("plain", content{"application/pdf", []byte("%PDF")})
			t.get("plain").is(200).media("application/pdf")
			t.put(".hidden", plainText("a file whose name begins with a dot"))
			t.get(".hidden").is(200).media("text/plain")
		}},
		{"solid-protocol#writing-resources/PUT-container-as-solid-client-does", func(t *trial) {
			t.send(t.alice, "PUT", t.at("c/"), content{"text/turtle", []byte{}}, typeContainer, "If-None-Match: *").is(201)
			r := t.get("c/").is(200)
			r.check(slices.Contains(r.links("type"), ldpNS+"BasicContainer"), "it is no ldp:BasicContainer")
		}},
		{"solid-protocol#resource-update-integrity/PUT-If-None-Match", func(t *trial) {
			t.put("r", plainText("one"), "If-None-Match: *").is(201)
			t.send(t.alice, "PUT", t.at("r"), plainText("two"), "If-None-Match: *").is(412)
			t.get("r").is(200).contains("one")
		}},
		{"solid-protocol#resource-update-integrity/PATCH-If-None-Match", func(t *trial) {
			t.send(t.alice, "PATCH", t.at("r"), n3Text(insertPatch), "If-None-Match: *").is(201)
			t.send(t.alice, "PATCH", t.at("r"), n3Text(insert("<#x> <#y> <#z>.")), "If-None-Match: *").is(412)
			t.get("r").is(200).lacks("#z")
		}},
	}
}

// etagCases are about validators.
func etagCases() []testCase {
	return []testCase{
		{"solid-protocol#server-etag/strong", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> <#c>."))
			e := t.get("r").is(200).etag()
			t.check(!strings.HasPrefix(e, "W/"), "the ETag %s is weak", e)
		}},
		{"solid-protocol#server-etag/changes-with-each-write", func(t *trial) {
			seen := map[string]bool{}
			for i := range 5 {
				t.put("r", turtleText(fmt.Sprintf("<#a> <#b> %d.", i)))
				e := t.get("r").is(200).etag()
				t.check(seen[e] == t.over(), "the ETag %s returns", e)
				seen[e] = true
			}
		}},
		{"solid-protocol#server-etag/one-for-each-representation", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> <#c>."))
			a := t.get("r", "Accept: text/turtle").is(200).etag()
			b := t.get("r", "Accept: application/ld+json").is(200).etag()
			t.check(a != b || t.over(), "Turtle and JSON-LD have one ETag, %s", a)
		}},
		{"solid-protocol#server-etag/If-Match", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> 1."))
			old := t.get("r", "Accept: text/turtle").is(200).etag()
			t.put("r", turtleText("<#a> <#b> 2."), "If-Match: "+old)
			t.send(t.alice, "PUT", t.at("r"), turtleText("<#a> <#b> 3."), "If-Match: "+old).is(412)
			t.send(t.alice, "PATCH", t.at("r"), n3Text(insertPatch), "If-Match: "+old).is(412)
			t.ask(t.alice, "DELETE", t.at("r"), "If-Match: "+old).is(412)
			t.send(t.alice, "PUT", t.at("absent"), plainText("x"), "If-Match: *").is(412)
			t.get("absent").is(404)
		}},
	}
}

// conditionCases are about conditions that are not on the ETag of what is replaced (RFC 9110 §13.1).
func conditionCases() []testCase {
	const before, after = "If-Unmodified-Since: Mon, 01 Jan 2024 00:00:00 GMT", "If-Unmodified-Since: Tue, 01 Jan 2924 00:00:00 GMT"
	return []testCase{
		{"solid-protocol#server-http/If-Unmodified-Since", func(t *trial) {
			t.put("r", plainText("one"))
			t.send(t.alice, "PUT", t.at("r"), plainText("two"), before).is(412)
			t.ask(t.alice, "DELETE", t.at("r"), before).is(412)
			t.get("r").is(200).contains("one")
			t.send(t.alice, "PUT", t.at("r"), plainText("two"), after).ok()
			t.get("r").is(200).contains("two")
		}},
		{"solid-protocol#server-http/If-Modified-Since", func(t *trial) {
			t.put("r", plainText("one"))
			t.get("r", "If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT").is(200)
			t.get("r", "If-Modified-Since: "+t.get("r").is(200).header.Get("Last-Modified")).is(304)
		}},
		{"solid-protocol#server-http/POST-If-None-Match", func(t *trial) {
			t.send(t.alice, "POST", t.base, plainText("x"), "If-None-Match: *", "Slug: posted").is(412)
			t.get("posted").is(404)
		}},
	}
}

// postCases are about POST.
func postCases() []testCase {
	return []testCase{
		{"solid-protocol#server-post-container/creates", func(t *trial) {
			at := t.send(t.alice, "POST", t.at(""), plainText("posted")).is(201).location()
			t.ask(t.alice, "GET", at).is(200).media("text/plain").contains("posted")
		}},
		{"solid-protocol#server-post-container/creates-a-container", func(t *trial) {
			at := t.send(t.alice, "POST", t.at(""), content{"text/turtle", []byte{}}, typeContainer, "Slug: box").is(201).location()
			t.check(strings.HasSuffix(at, "/"), "%s is no container", at)
			r := t.ask(t.alice, "GET", at).is(200)
			r.check(slices.Contains(r.links("type"), ldpNS+"BasicContainer"), "it is no ldp:BasicContainer")
		}},
		{"solid-protocol#server-post-container/creates-a-container-that-says-it-is-one", func(t *trial) {
			said := turtleText("<> a <" + ldpNS + "BasicContainer>, <" + ldpNS + "Container>.")
			t.send(t.alice, "PUT", t.at("put/"), said, typeContainer).is(201)
			at := t.send(t.alice, "POST", t.base, said, typeContainer).is(201).location()
			for _, made := range []string{t.at("put/"), at} {
				t.check(t.turtle(made).has(made, rdfType, ldpNS+"BasicContainer"), "%s does not say what it is", made)
			}
		}},
		{"solid-protocol#server-post-container-create-resource/directly-in-the-container", func(t *trial) {
			at := t.send(t.alice, "POST", t.at(""), plainText("posted")).is(201).location()
			name, ok := strings.CutPrefix(at, t.base)
			t.check(ok && name != "" && !strings.Contains(name, "/"), "POST to %s made %s", t.base, at)
			t.check(slices.Contains(t.turtle(t.base).objects(t.base, contains), at), "the container does not contain %s", at)
		}},
		{"solid-protocol#server-post-target-not-found/missing-container", func(t *trial) {
			t.send(t.alice, "POST", t.at("absent/"), plainText("x")).is(404)
			t.get("absent/").is(404)
		}},
		{"solid-protocol#server-post-target-not-found/no-container", func(t *trial) {
			t.send(t.alice, "POST", t.at("absent"), plainText("x")).is(404)
			t.get("absent").is(404)
		}},
		{"solid-protocol#server-post-uri-assignment/without-Slug", func(t *trial) {
			first := t.send(t.alice, "POST", t.base, plainText("1")).is(201).location()
			second := t.send(t.alice, "POST", t.base, plainText("2")).is(201).location()
			t.check(first != second || t.over(), "two resources have one URI")
		}},
		{"solid-protocol#server-post-uri-assignment/Slug-is-used", func(t *trial) {
			at := t.send(t.alice, "POST", t.base, plainText("1"), "Slug: holiday-letter").is(201).location()
			t.check(strings.Contains(at, "holiday-letter"), "the URI is %s", at)
		}},
		{"solid-protocol#server-post-uri-assignment/Slug-never-overwrites", func(t *trial) {
			t.put("taken", plainText("first"))
			at := t.send(t.alice, "POST", t.base, plainText("second"), "Slug: taken").is(201).location()
			t.check(at != t.at("taken"), "the taken name was given out")
			t.get("taken").is(200).contains("first")
		}},
		{"solid-protocol#server-post-uri-assignment/Slug-leads-nowhere-else", func(t *trial) {
			t.put("in/made", plainText("made"))
			for _, slug := range []string{"../out", "..", "a/b", "%2e%2e%2fout", "%2Fetc%2Fpasswd", ".", "a\\..\\b"} {
				r := t.send(t.alice, "POST", t.at("in/"), plainText("x"), "Slug: "+slug)
				if r.status == http.StatusCreated {
					name, ok := strings.CutPrefix(r.location(), t.at("in/"))
					t.check(ok && name != "" && !strings.Contains(name, "/"), "Slug %q made %s", slug, r.location())
				} else {
					r.is(400, 403, 409, 422)
				}
			}
			got := t.turtle(t.base).objects(t.base, contains)
			t.check(len(got) == 2, "outside of the container there are %q", got)
		}},
	}
}

// constraintCases are about what a refusal says of its reason, and about POST that asks for more than a member.
func constraintCases() []testCase {
	constrained := func(r *reply) { r.check(r.link(ldpNS+"constrainedBy") != "", "no ldp:constrainedBy") }
	return []testCase{
		{"solid-protocol#server-post-slug-auxiliary-resource/refused", func(t *trial) {
			for _, rel := range []string{"acl", "describedby"} {
				slug, within := strings.CutPrefix(t.aux(t.at("made"), rel), t.base)
				if !within || strings.ContainsAny(slug, "/?") {
					t.skip("auxiliary resources do not lie in the container")
				}
				r := t.send(t.alice, "POST", t.base, turtleText("<#a> <#b> <#c>."), "Slug: "+slug).is(403)
				r.check(len(r.body) > 0, "no body describes the error")
			}
			got := t.turtle(t.base).objects(t.base, contains)
			t.check(slices.Equal(got, []string{t.at("made")}), "the members are %q", got)
		}},
		{"solid-protocol#server-resource-constraints-advertisement/containment", func(t *trial) {
			t.put("c/a", plainText("a"))
			constrained(t.ask(t.alice, "DELETE", t.at("c/")).is(409))
			constrained(t.send(t.alice, "PUT", t.at("c/"), turtleText("<> <http://www.w3.org/ns/ldp#contains> <b>.")).is(409))
		}},
		{"solid-protocol#server-resource-constraints-advertisement/patch", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> <#c>."))
			constrained(t.send(t.alice, "PATCH", t.at("r"), n3Text(`<> a <http://www.w3.org/ns/solid/terms#Patch>.`)).is(422))
		}},
		{"solid-protocol#writing-resources/a-query-names-another-resource", func(t *trial) {
			t.put("x", plainText("without a query"))
			t.send(t.alice, "PUT", t.at("x?a=b"), plainText("with a query"))
			t.ask(t.alice, "DELETE", t.at("x?a=b"))
			t.get("x").is(200).contains("without a query")
		}},
		{"solid-protocol#server-uri-redirect-differing/to-the-one-that-is-there", func(t *trial) {
			t.put("x/y", plainText("y"))
			t.put("z", plainText("z"))
			for from, to := range map[string]string{"x": "x/", "z/": "z"} {
				if r := t.get(from).is(301, 404, 410); r.status == http.StatusMovedPermanently {
					r.check(r.location() == t.at(to), "%s leads to %s", from, r.location())
				}
			}
		}},
	}
}

// representationCases are about Turtle and JSON-LD.
func representationCases() []testCase {
	return []testCase{
		{"solid-protocol#server-representation-turtle-jsonld/Turtle-as-JSON-LD", func(t *trial) {
			t.put("r", turtleText("<#alice> <http://xmlns.com/foaf/0.1/name> \"Alice Example\"."))
			r := t.get("r", "Accept: application/ld+json").is(200).media("application/ld+json")
			r.contains("Alice Example", "http://xmlns.com/foaf/0.1/name", "#alice")
		}},
		{"solid-protocol#server-representation-turtle-jsonld/JSON-LD-as-Turtle", func(t *trial) {
			t.put("r", jsonText(`{"@id": "#alice", "http://xmlns.com/foaf/0.1/name": "Alice Example"}`))
			t.check(t.turtle(t.at("r")).has(t.at("r")+"#alice", foafNS+"name", `"Alice Example`), "the triple is not there")
		}},
		{"solid-protocol#server-representation-turtle-jsonld/JSON-LD-with-a-context", func(t *trial) {
			t.put("r", jsonText(`{"@context": {"name": "http://xmlns.com/foaf/0.1/name"}, "@id": "#alice", "name": "Alice Example"}`))
			t.check(t.turtle(t.at("r")).has(t.at("r")+"#alice", foafNS+"name", `"Alice Example`), "the triple is not there")
			t.get("r", "Accept: application/ld+json").is(200).contains("Alice Example")
		}},
		{"solid-protocol#server-representation-turtle-jsonld/named-graphs", func(t *trial) {
			t.put("r", jsonText(`[{"@id": "#a", "http://xmlns.com/foaf/0.1/name": "A"}, {"@id": "#g", "@graph": [{"@id": "#b", "http://xmlns.com/foaf/0.1/name": "B"}]}]`))
			t.get("r", "Accept: text/turtle").is(200).media("text/turtle")
		}},
		{"solid-protocol#server-representation-turtle-jsonld/by-POST-and-PATCH", func(t *trial) {
			at := t.send(t.alice, "POST", t.base, turtleText("<#a> <urn:x:p> \"posted\".")).is(201).location()
			t.ask(t.alice, "GET", at, "Accept: application/ld+json").is(200).media("application/ld+json").contains("posted")
			t.send(t.alice, "PATCH", t.at("patched"), n3Text(insert("<#a> <urn:x:p> \"patched\"."))).is(201)
			t.get("patched", "Accept: application/ld+json").is(200).media("application/ld+json").contains("patched")
			t.get("patched", "Accept: text/turtle").is(200).media("text/turtle").contains("patched")
		}},
		{"solid-protocol#server-representation-turtle-jsonld/containers", func(t *trial) {
			t.put("c/member", plainText("m"))
			t.get("c/", "Accept: application/ld+json").is(200).media("application/ld+json").contains("member")
			t.get("c/", "Accept: text/turtle").is(200).media("text/turtle").contains("member")
		}},
		{"solid-protocol#server-representation-turtle-jsonld/preferences", func(t *trial) {
			t.put("r", turtleText("<#a> <#b> <#c>."))
			t.get("r", "Accept: application/ld+json;q=0.1, text/turtle").is(200).media("text/turtle")
			t.get("r", "Accept: text/turtle;q=0.1, application/ld+json;q=0.9").is(200).media("application/ld+json")
			t.get("r", "Accept: */*").is(200)
			t.get("r", "Accept: text/html;q=0.9, */*;q=0.1").is(200)
		}},
		{"solid-protocol#server-representation-turtle-jsonld/remote-contexts-are-not-fetched", func(t *trial) {
			if t.elsewhere == nil {
				t.skip("the server could not reach the suite")
				return
			}
			trap := t.elsewhere.trap()
			t.send(t.alice, "PUT", t.at("r"), jsonText(`{"@context": "`+trap.url+`", "@id": "#a", "name": "x"}`))
			t.get("r", "Accept: text/turtle")
			t.check(trap.hits.Load() == 0, "the server fetched a context that a client named")
		}},
	}
}

// intermediate asks that i/j/k/r is contained all the way.
func (t *trial) intermediate() {
	for _, pair := range [][2]string{{"", "i/"}, {"i/", "i/j/"}, {"i/j/", "i/j/k/"}, {"i/j/k/", "i/j/k/r"}} {
		got := t.turtle(t.at(pair[0])).objects(t.at(pair[0]), contains)
		t.check(slices.Contains(got, t.at(pair[1])), "%q does not contain %q, only %q", pair[0], pair[1], got)
	}
}

// deleteCases are about DELETE.
func deleteCases() []testCase {
	return []testCase{
		{"solid-protocol#server-delete-protect-root-container/root", func(t *trial) {
			t.ask(t.alice, "DELETE", t.storage()).is(405)
			t.get("made").is(200)
		}},
		{"solid-protocol#server-delete-protect-root-container/its-ACL", func(t *trial) {
			t.ask(t.alice, "DELETE", t.aux(t.storage(), "acl")).is(405)
		}},
		{"solid-protocol#server-disallow-delete/Allow", func(t *trial) {
			root := t.storage()
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				t.ask(t.alice, method, root).ok().leaves("Allow", "DELETE")
				t.ask(t.alice, method, t.aux(root, "acl")).ok().leaves("Allow", "DELETE")
			}
		}},
		{"solid-protocol#server-delete-remove-containment/resource", func(t *trial) {
			t.put("c/a", plainText("a"))
			t.put("c/b", plainText("b"))
			t.ask(t.alice, "DELETE", t.at("c/a")).is(200, 202, 204, 205)
			got := t.turtle(t.at("c/")).objects(t.at("c/"), contains)
			t.check(slices.Equal(got, []string{t.at("c/b")}), "the members are %q", got)
		}},
		{"solid-protocol#server-delete-get/gone", func(t *trial) {
			t.put("r", plainText("r"))
			t.ask(t.alice, "DELETE", t.at("r")).ok()
			t.get("r").is(404, 410)
			t.ask(t.alice, "DELETE", t.at("r")).is(404, 410)
		}},
		{"solid-protocol#server-delete-remove-empty-container/empty", func(t *trial) {
			t.put("c/", content{}, typeContainer)
			t.ask(t.alice, "DELETE", t.at("c/")).ok()
			t.get("c/").is(404, 410)
		}},
		{"solid-protocol#server-delete-remove-empty-container/emptied-with-auxiliaries", func(t *trial) {
			t.put("c/a", plainText("a"))
			t.allow(t.at("c/a"))
			t.allow(t.at("c/"))
			t.ask(t.alice, "DELETE", t.at("c/a")).ok()
			t.ask(t.alice, "DELETE", t.at("c/")).ok()
			t.get("c/").is(404, 410)
		}},
		{"solid-protocol#server-delete-protect-nonempty-container/members-stay", func(t *trial) {
			t.put("c/a", plainText("a"))
			t.put("c/d/b", plainText("b"))
			r := t.ask(t.alice, "DELETE", t.at("c/")).is(409)
			r.check(len(r.body) > 0, "no body describes the error")
			t.get("c/a").is(200)
			t.get("c/d/b").is(200)
		}},
	}
}
