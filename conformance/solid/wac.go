package solid

import (
	"regexp"
	"slices"
	"strings"
)

// wacCases are about the evaluation of authorizations beyond the permission table.
func wacCases() []testCase {
	return slices.Concat(groupCases(), originCases(), privilegeCases(), oracleCases(), []testCase{
		{"wac#authorization-conformance/without-type", func(t *trial) {
			t.rules("made", "<#r> acl:accessTo <RES>; acl:agent <BOB>; acl:mode acl:Read.")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#authorization-conformance/without-mode", func(t *trial) {
			t.rules("made", "<#r> a acl:Authorization; acl:accessTo <RES>; acl:agent <BOB>.")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#authorization-conformance/without-object", func(t *trial) {
			t.rules("made", "<#r> a acl:Authorization; acl:agent <BOB>; acl:mode acl:Read.")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#authorization-conformance/of-another-resource", func(t *trial) {
			t.put("other", plainText("other"))
			t.rules("made", "<#r> a acl:Authorization; acl:accessTo <RES-other>; acl:agent <BOB>; acl:mode acl:Read.")
			t.ask(t.bob, "GET", t.at("made")).refused()
			t.ask(t.bob, "GET", t.at("other")).refused()
		}},
		{"wac#authorization-conformance/an-unknown-mode", func(t *trial) {
			t.rules("made", "<#r> a acl:Authorization; acl:accessTo <RES>; acl:agent <BOB>; acl:mode <urn:x:Everything>.")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#authorization-conformance/an-unknown-subject", func(t *trial) {
			t.rules("made", "<#r> a acl:Authorization; acl:accessTo <RES>; <urn:x:agent> <BOB>; acl:mode acl:Read.")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#access-mode-classes/acl-Access-grants-nothing", func(t *trial) {
			t.rules("made", "<#r> a acl:Authorization; acl:accessTo <RES>; acl:agent <BOB>; acl:mode acl:Access.")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#acl-agent/exactly-that-IRI", func(t *trial) {
			t.rules("made", "<#r> a acl:Authorization; acl:accessTo <RES>; acl:agent <BOB-and-more>; acl:mode acl:Read.")
			t.ask(t.bob, "GET", t.at("made")).refused()
			t.rules("made", "<#r> a acl:Authorization; acl:accessTo <RES>; acl:agent \"BOB\"; acl:mode acl:Read.")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#authorization-evaluation-applicable/two-authorizations-add-up", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "public", "R"}, grant{"accessTo", "bob", "W"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.send(t.bob, "PUT", t.at("made"), plainText("by Bob")).ok()
			t.send(t.stranger, "PUT", t.at("made"), plainText("by nobody")).refused()
		}},
		{"wac#effective-acl-resource/the-nearest-alone", func(t *trial) {
			t.put("c/d/r", plainText("r"))
			t.allow(t.at("c/"), grant{"default", "bob", "R"})
			t.ask(t.bob, "GET", t.at("c/d/r")).is(200)
			t.allow(t.at("c/d/"))
			t.ask(t.bob, "GET", t.at("c/d/r")).is(403, 404)
		}},
		{"wac#effective-acl-resource-container-hierarchy/far-below", func(t *trial) {
			t.put("c/d/e/f/r", plainText("r"))
			t.allow(t.at("c/"), grant{"default", "bob", "R"})
			for _, path := range []string{"c/d/", "c/d/e/f/", "c/d/e/f/r"} {
				t.ask(t.bob, "GET", t.at(path)).is(200)
			}
			t.ask(t.bob, "GET", t.at("c/")).refused()
		}},
		{"wac#effective-acl-resource-with-representation/a-change-holds-at-once", func(t *trial) {
			for range 3 {
				t.allow(t.at("made"), grant{"accessTo", "bob", "R"})
				t.ask(t.bob, "GET", t.at("made")).is(200)
				t.allow(t.at("made"))
				t.ask(t.bob, "GET", t.at("made")).refused()
			}
		}},
		{"wac#reinstated-resource-permissions/a-name-used-again", func(t *trial) {
			t.put("c/r", plainText("r"))
			t.allow(t.at("c/r"), grant{"accessTo", "bob", "RW"})
			t.ask(t.alice, "DELETE", t.at("c/r")).ok()
			t.ask(t.bob, "GET", t.at("c/r")).refused()
			t.put("c/r", plainText("new"))
			t.ask(t.bob, "GET", t.at("c/r")).refused()
		}},
		{"wac#container-permissions/intermediate-containers", func(t *trial) {
			t.put("c/made", plainText("made"))
			t.allow(t.at("c/"), grant{"default", "bob", "RWA"})
			t.send(t.bob, "PUT", t.at("c/d/e/r"), plainText("r")).refused()
			t.get("c/d/").is(404)
			t.allow(t.at("c/"), grant{"accessTo", "bob", "A"}, grant{"default", "bob", "RWA"})
			t.send(t.bob, "PUT", t.at("c/d/e/r"), plainText("r")).is(201)
		}},
		{"wac#consider-delete-read-diff/no-oracle-for-triples", func(t *trial) {
			t.put("r", turtleText(patched))
			t.allow(t.at("r"), grant{"accessTo", "bob", "AW"})
			there := t.send(t.bob, "PATCH", t.at("r"), n3Text(patchText("solid:deletes {<#it> <#p> \"v\".}"))).refused()
			not := t.send(t.bob, "PATCH", t.at("r"), n3Text(patchText("solid:deletes {<#it> <#p> \"guess\".}"))).refused()
			t.check(there.status == not.status, "%d for a triple that is there, %d for one that is not", there.status, not.status)
			t.send(t.bob, "PATCH", t.at("r"), n3Text(patchText("solid:where {<#it> <#p> \"v\".}; solid:inserts {<#a> <#b> <#c>.}"))).refused()
		}},
	})
}

// oracleCases ask by conditions about what may not be read.
func oracleCases() []testCase {
	return []testCase{
		{"wac#consider-delete-read-diff/no-oracle-for-tags", func(t *trial) {
			t.put("r", plainText("secret"))
			right := t.get("r").is(200).etag()
			t.allow(t.at("r"), grant{"accessTo", "bob", "W"})
			t.allow(t.base, grant{"accessTo", "bob", "W"})
			for _, condition := range []string{"If-None-Match: ", "If-Match: "} {
				guess := func(tag string) int {
					return t.send(t.bob, "PUT", t.at("r"), plainText("secret"), condition+tag).status
				}
				a, b := guess(right), guess(`"a-guess"`)
				t.check(a == b || t.over(), "%s%d for the right tag, %d for another", condition, a, b)
			}
		}},
	}
}

// rules gives a resource of the case an ACL in which Alice may do all, and one more statement as written, with
// RES for the resource and BOB for Bob's WebID.
func (t *trial) rules(path, statement string) {
	statement = strings.NewReplacer("BOB", t.bob.WebID, "RES", t.at(path)).Replace(statement)
	acl := t.aux(t.at(path), "acl")
	t.send(t.alice, "PUT", acl, turtleText(t.aclText(t.at(path))+statement)).ok()
}

func groupCases() []testCase {
	return []testCase{
		{"wac#acl-agentgroup/a-member", func(t *trial) {
			group := t.group("friends", t.bob.WebID)
			t.allow(t.at("friends"), grant{"accessTo", "public", "R"})
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + group + ">", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.ask(t.stranger, "GET", t.at("made")).refused()
		}},
		{"wac#acl-agentgroup/in-JSON-LD", func(t *trial) {
			t.put("friends", jsonText(`{"@id": "#group", "@type": "http://www.w3.org/2006/vcard/ns#Group", "http://www.w3.org/2006/vcard/ns#hasMember": {"@id": "`+t.bob.WebID+`"}}`))
			t.allow(t.at("friends"), grant{"accessTo", "public", "R"})
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + t.at("friends") + "#group>", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.ask(t.stranger, "GET", t.at("made")).refused()
		}},
		{"wac#acl-agentgroup/a-private-group", func(t *trial) {
			group := t.group("friends", t.bob.WebID)
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + group + ">", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.ask(t.bob, "GET", t.at("friends")).refused()
		}},
		{"wac#acl-agentgroup/not-a-member", func(t *trial) {
			group := t.group("friends", t.bob.WebID+"-not")
			t.allow(t.at("friends"), grant{"accessTo", "public", "R"})
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + group + ">", "R"})
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#acl-agentgroup/of-another-name-in-the-document", func(t *trial) {
			t.group("friends", t.bob.WebID)
			t.allow(t.at("friends"), grant{"accessTo", "public", "R"})
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + t.at("friends") + "#others>", "R"})
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#acl-agentgroup/that-is-absent", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + t.at("absent") + "#group>", "R"})
			t.ask(t.bob, "GET", t.at("made")).refused()
			t.get("made").is(200)
		}},
		{"wac#acl-agentgroup/a-change-holds", func(t *trial) {
			group := t.group("friends", t.bob.WebID)
			t.allow(t.at("friends"), grant{"accessTo", "public", "R"})
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + group + ">", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.group("friends")
			t.ask(t.bob, "GET", t.at("made")).refused()
		}},
		{"wac#acl-agentgroup/elsewhere", func(t *trial) {
			if t.elsewhere == nil {
				t.skip("the server could not reach the suite")
				return
			}
			group := t.elsewhere.group(t.bob.WebID)
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <" + group + ">", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
		}},
		{"wac#acl-agentgroup/elsewhere-and-out-of-reach", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "acl:agentGroup <http://127.0.0.1:9/group#group>", "R"})
			t.ask(t.bob, "GET", t.at("made")).refused()
			t.get("made").is(200)
		}},
	}
}

func originCases() []testCase {
	const app, other = "https://app.example", "https://other.example"
	return []testCase{
		{"wac#server-origin-authorization/that-origin", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "bob", "R"}, grant{"accessTo", "acl:origin <" + app + ">", "R"})
			t.ask(t.bob, "GET", t.at("made"), "Origin: "+app).is(200)
			t.ask(t.bob, "GET", t.at("made")).is(200)
		}},
		{"wac#acl-origin/restricts-its-rule", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + t.bob.WebID + ">; acl:origin <" + app + ">", "R"})
			t.ask(t.bob, "GET", t.at("made"), "Origin: "+app).is(200)
			t.ask(t.bob, "GET", t.at("made"), "Origin: "+other).refused()
		}},
		{"wac#authorization-evaluation-origin/only-with-Origin", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + t.bob.WebID + ">; acl:origin <" + app + ">", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200)
		}},
		{"wac#server-origin-authorization/public-needs-none", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "public", "R"})
			t.ask(t.stranger, "GET", t.at("made"), "Origin: "+other).is(200)
			t.ask(t.bob, "GET", t.at("made"), "Origin: "+other).is(200)
		}},
		{"wac#acl-origin/alone-lets-nobody-in", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "acl:origin <" + app + ">", "R"})
			t.ask(t.bob, "GET", t.at("made"), "Origin: "+app).refused()
			t.ask(t.stranger, "GET", t.at("made"), "Origin: "+app).refused()
		}},
	}
}

// wacAllow is the syntax of the header (WAC §wac-allow).
var wacAllow = regexp.MustCompile(`^\s*([a-z]+\s*=\s*"[a-z ]*"\s*)(,\s*[a-z]+\s*=\s*"[a-z ]*"\s*)*$`)

// privileges returns the modes of a group in WAC-Allow, sorted.
func (r *reply) privileges(group string) []string {
	value := r.header.Get("WAC-Allow")
	r.check(wacAllow.MatchString(value), "WAC-Allow is %q", value)
	for _, part := range strings.Split(value, ",") {
		name, modes, _ := strings.Cut(part, "=")
		if strings.TrimSpace(name) == group {
			found := strings.Fields(strings.Trim(strings.TrimSpace(modes), `"`))
			slices.Sort(found)
			return found
		}
	}
	return nil
}

// mayDo asks what WAC-Allow says, append apart, which follows from write.
func (r *reply) mayDo(group string, modes ...string) {
	got := r.privileges(group)
	slices.Sort(modes)
	if slices.Contains(modes, "write") && !slices.Contains(modes, "append") {
		got = slices.DeleteFunc(got, func(m string) bool { return m == "append" })
	}
	r.check(slices.Equal(got, modes), "WAC-Allow gives %s %q, not %q", group, got, modes)
}

func privilegeCases() []testCase {
	return []testCase{
		{"wac#server-wac-allow/owner", func(t *trial) {
			for _, method := range []string{"GET", "HEAD"} {
				for _, path := range []string{"made", ""} {
					t.ask(t.alice, method, t.at(path)).is(200).mayDo("user", "control", "read", "write")
				}
			}
		}},
		{"wac#server-wac-allow/another-agent", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "bob", "R"})
			t.ask(t.bob, "GET", t.at("made")).is(200).mayDo("user", "read")
			t.allow(t.at("made"), grant{"accessTo", "bob", "RA"})
			t.ask(t.bob, "HEAD", t.at("made")).is(200).mayDo("user", "append", "read")
			t.allow(t.at("made"), grant{"accessTo", "bob", "RWC"})
			t.ask(t.bob, "GET", t.at("made")).is(200).mayDo("user", "control", "read", "write")
		}},
		{"wac#server-wac-allow/public", func(t *trial) {
			t.allow(t.at("made"), grant{"accessTo", "public", "R"})
			r := t.ask(t.stranger, "GET", t.at("made")).is(200)
			r.mayDo("public", "read")
			r.mayDo("user", "read")
			t.get("made").is(200).mayDo("public", "read")
		}},
		{"wac#server-wac-allow/inherited", func(t *trial) {
			t.put("c/d/r", plainText("r"))
			t.allow(t.at("c/"), grant{"default", "bob", "RA"}, grant{"default", "public", "R"})
			r := t.ask(t.bob, "GET", t.at("c/d/r")).is(200)
			r.mayDo("user", "append", "read")
			r.mayDo("public", "read")
		}},
		{"wac#server-wac-allow/nothing-for-the-public", func(t *trial) {
			got := t.get("made").is(200).privileges("public")
			t.check(len(got) == 0, "the public may %q", got)
		}},
		{"wac#wac-allow/syntax", func(t *trial) {
			t.get("made").is(200).privileges("user")
			for _, m := range t.get("made").is(200).privileges("user") {
				t.check(slices.Contains([]string{"read", "write", "append", "control"}, m), "an access mode %q", m)
			}
		}},
		{"wac#server-cors-aceh-wac-allow/exposed", func(t *trial) {
			t.get("made", "Origin: https://app.example").is(200).lists("Access-Control-Expose-Headers", "WAC-Allow")
		}},
		{"wac#server-cors-acao-acah/GET", func(t *trial) {
			r := t.get("made", "Origin: https://app.example").is(200)
			r.check(r.header.Get("Access-Control-Allow-Origin") != "", "no Access-Control-Allow-Origin")
			r.lists("Access-Control-Allow-Headers", "authorization", "dpop", "content-type")
		}},
	}
}
