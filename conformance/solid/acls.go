package solid

import (
	"strings"
)

// aclCases are about ACL resources themselves.
func aclCases() []testCase {
	return []testCase{
		{"wac#server-get-acl-turtle/GET-and-HEAD", func(t *trial) {
			t.allow(t.at("made"))
			acl := t.aux(t.at("made"), "acl")
			for _, method := range []string{"GET", "HEAD"} {
				t.ask(t.alice, method, acl, "Accept: text/turtle").is(200).media("text/turtle")
			}
			g := t.turtle(acl)
			t.check(len(g.subjects(aclNS+"accessTo", t.at("made"))) == 1, "the authorization is not there")
		}},
		{"wac#server-get-acl-without-representation/404", func(t *trial) {
			for _, path := range []string{"made", ""} {
				acl := t.aux(t.at(path), "acl")
				t.ask(t.alice, "GET", acl).is(404)
				t.ask(t.alice, "HEAD", acl).is(404)
			}
		}},
		{"wac#server-acl-without-representation/none-by-itself", func(t *trial) {
			t.put("c/r", plainText("r"))
			t.ask(t.alice, "GET", t.aux(t.at("c/r"), "acl")).is(404)
			t.ask(t.alice, "GET", t.aux(t.at("c/"), "acl")).is(404)
		}},
		{"wac#server-acl-without-representation/inherits-after-DELETE", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "bob", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.ask(t.alice, "DELETE", t.aux(t.at("made"), "acl")).ok()
			t.ask(t.bob, "GET", t.at("made")).refused()
			t.get("made").is(200)
		}},
		{"wac#server-root-container-acl/there", func(t *trial) {
			acl := t.aux(t.storage(), "acl")
			t.ask(t.alice, "GET", acl).is(200)
			t.ask(t.alice, "HEAD", acl).is(200)
		}},
		{"wac#server-root-container-acl-authorization-control/there", func(t *trial) {
			root := t.storage()
			g := t.turtle(t.aux(root, "acl"))
			found := false
			for _, rule := range g.subjects(aclNS+"accessTo", root) {
				found = found || g.has(rule, rdfType, aclNS+"Authorization") && g.has(rule, aclNS+"mode", aclNS+"Control")
			}
			t.check(found, "no authorization allows acl:Control")
		}},
		{"wac#server-link-acl/resource-and-container", func(t *trial) {
			for _, path := range []string{"made", ""} {
				t.get(path).is(200).link("acl")
				t.ask(t.alice, "HEAD", t.at(path)).is(200).link("acl")
			}
		}},
		{"wac#loss-of-control-mitigation/an-ACL-without-Control", func(t *trial) {
			t.put("c/r", plainText("r"))
			acl := t.aux(t.at("c/"), "acl")
			lockout := aclPrefixes + t.rule(0, t.at("c/"), grant{"accessTo", "bob", "R"}) + t.rule(1, t.at("c/"), grant{"default", "bob", "R"})
			t.send(t.alice, "PUT", acl, turtleText(lockout))
			// Whatever the server has made of it, Alice is not locked out.
			t.ask(t.alice, "GET", acl).is(200, 404)
			t.send(t.alice, "PUT", acl, turtleText(t.aclText(t.at("c/")))).ok()
			t.get("c/r").is(200)
		}},
	}
}

// aclContentCases are about what is written into them, and by whom.
func aclContentCases() []testCase {
	return []testCase{
		{"wac#acl-resource-representation/malformed-is-refused", func(t *trial) {
			t.allow(t.at("made"))
			acl := t.aux(t.at("made"), "acl")
			t.send(t.alice, "PUT", acl, turtleText("<#rule> a acl:Authorization; nonsense")).is(400, 409, 415, 422)
			t.ask(t.alice, "GET", acl).is(200).contains("Authorization")
			t.get("made").is(200)
		}},
		{"wac#acl-resource-representation/no-RDF-is-refused", func(t *trial) {
			t.allow(t.at("made"))
			acl := t.aux(t.at("made"), "acl")
			t.send(t.alice, "PUT", acl, plainText("Bob may read")).is(400, 409, 415, 422)
			t.get("made").is(200)
		}},
		{"wac#acl-resource-representation/read-as-JSON-LD", func(t *trial) {
			t.allow(t.at("made"))
			t.ask(t.alice, "GET", t.aux(t.at("made"), "acl"), "Accept: application/ld+json").is(200).media("application/ld+json").contains("accessTo", t.alice.WebID)
		}},
		{"wac#acl-resource-representation/JSON-LD", func(t *trial) {
			acl := t.aux(t.at("made"), "acl")
			rule := func(id, who, modes string) string {
				return `{"@id": "#` + id + `", "@type": "acl:Authorization", "acl:accessTo": {"@id": "` + t.at("made") + `"}, "acl:agent": {"@id": "` + who + `"}, "acl:mode": [` + modes + `]}`
			}
			read, control := `{"@id": "acl:Read"}`, `{"@id": "acl:Control"}`
			t.send(t.alice, "PUT", acl, jsonText(`{"@context": {"acl": "`+aclNS+`"}, "@graph": [`+
				rule("alice", t.alice.WebID, read+","+control)+","+rule("bob", t.bob.WebID, read)+`]}`)).ok()
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.get("made").is(200)
		}},
		{"wac#acl-resource-representation/JSON-LD-as-Turtle", func(t *trial) {
			acl := t.aux(t.at("made"), "acl")
			t.send(t.alice, "PUT", acl, jsonText(`{"@id": "#alice", "@type": "`+aclNS+`Authorization", "`+aclNS+`accessTo": {"@id": "`+t.at("made")+`"}, "`+
				aclNS+`agent": {"@id": "`+t.alice.WebID+`"}, "`+aclNS+`mode": [{"@id": "`+aclNS+`Read"}, {"@id": "`+aclNS+`Control"}]}`)).ok()
			r := t.ask(t.alice, "GET", acl, "Accept: text/turtle").is(200)
			t.check(r.graph().has(acl+"#alice", aclNS+"agent", t.alice.WebID), "what was written is not there")
			text := turtleText(t.aclText(t.at("made")))
			t.send(t.alice, "PUT", acl, text, `If-Match: "another"`).is(412)
			t.send(t.alice, "PUT", acl, text, "If-Match: "+r.etag()).ok()
		}},
		{"wac#acl-resource-representation/relative-references", func(t *trial) {
			acl := t.aux(t.at("made"), "acl")
			text := strings.ReplaceAll(t.aclText(t.at("made"), grant{"accessTo", "bob", "R"}), "<"+t.at("made")+">", "<./made>")
			t.send(t.alice, "PUT", acl, turtleText(text)).ok()
			t.ask(t.bob, "GET", t.at("made")).is(200)
		}},
		{"wac#server-control-operation/others-have-no-ACL-to-read", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "bob", "RWA"})
			acl := t.aux(t.at("made"), "acl")
			t.ask(t.bob, "GET", acl).is(403)
			t.ask(t.bob, "HEAD", acl).is(403)
			t.ask(t.stranger, "GET", acl).is(401)
			t.send(t.bob, "PUT", acl, turtleText(t.aclText(t.at("made")))).is(403)
			t.send(t.bob, "PATCH", acl, n3Text(insertPatch)).is(403)
			t.ask(t.bob, "DELETE", acl).is(403)
		}},
		{"wac#server-control-operation/delegated", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "bob", "C"})
			acl := t.aux(t.at("made"), "acl")
			t.ask(t.bob, "GET", t.at("made")).is(403)
			t.ask(t.bob, "GET", acl).is(200)
			t.send(t.bob, "PUT", acl, turtleText(t.aclText(t.at("made"), grant{"accessTo", "bob", "RC"}))).ok()
			t.ask(t.bob, "GET", t.at("made")).is(200)
		}},
		{"wac#server-control-operation/a-name-that-looks-like-an-ACL", func(t *trial) {
			t.put("c/made", plainText("made"))
			t.allow(t.at("c/"), grant{"accessTo", "bob", "RA"}, grant{"default", "bob", "RA"})
			forged := aclPrefixes + t.rule(0, t.at("c/made"), grant{"accessTo", "bob", "RWC"})
			for _, slug := range []string{"made.acl", ".acl", "made.meta", "made.acl ", "made%2eacl"} {
				t.send(t.bob, "POST", t.at("c/"), turtleText(forged), "Slug: "+slug)
			}
			t.send(t.bob, "PUT", t.at("c/made.acl"), turtleText(forged)).is(403)
			t.ask(t.bob, "DELETE", t.at("c/made")).is(403)
			t.ask(t.bob, "GET", t.aux(t.at("c/made"), "acl")).is(403)
		}},
	}
}
