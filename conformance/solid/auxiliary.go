package solid

import (
	"slices"
)

// auxiliaryCases are about description resources; ACL resources have cases of their own.
func auxiliaryCases() []testCase {
	return []testCase{
		{"solid-protocol#server-link-auxiliary-type/acl", linked("acl")},
		{"solid-protocol#server-link-auxiliary-type/describedby", linked("describedby")},
		{"solid-protocol#server-description-resource-max/one", func(t *trial) {
			for _, path := range []string{"made", ""} {
				n := len(t.get(path).is(200).links("describedby"))
				t.check(n <= 1, "%d description resources of %q", n, path)
			}
		}},
		{"solid-protocol#server-put-patch-auxiliary-resource/PUT-description", func(t *trial) {
			about := t.aux(t.at("made"), "describedby")
			t.send(t.alice, "PUT", about, turtleText("<"+t.at("made")+"> <urn:x:says> \"hello\".")).ok()
			t.check(t.turtle(about).has(t.at("made"), "urn:x:says", `"hello`), "what was written is not there")
			t.send(t.alice, "PUT", about, turtleText("<"+t.at("made")+"> <urn:x:says> \"again\".")).ok()
			g := t.turtle(about)
			t.check(g.has(t.at("made"), "urn:x:says", `"again`) && !g.has(t.at("made"), "urn:x:says", `"hello`), "it was not replaced")
		}},
		{"solid-protocol#server-put-patch-auxiliary-resource/PATCH-description", func(t *trial) {
			for _, path := range []string{"made", ""} {
				about := t.aux(t.at(path), "describedby")
				t.send(t.alice, "PATCH", about, n3Text(insert("<"+t.at(path)+"> <urn:x:says> \"hello\"."))).ok()
				t.check(t.turtle(about).has(t.at(path), "urn:x:says", `"hello`), "what was written is not there")
			}
		}},
		{"solid-protocol#server-put-patch-auxiliary-resource/PATCH-acl-that-is-absent", func(t *trial) {
			t.put("c/a", plainText("a"))
			acl := t.aux(t.at("c/a"), "acl")
			t.send(t.alice, "PATCH", acl, n3Text("@prefix solid: <"+solidNS+">. @prefix acl: <"+aclNS+">. @prefix foaf: <"+foafNS+">.\n"+
				"_:p a solid:InsertDeletePatch; solid:inserts {"+t.rule(0, t.at("c/a"), grant{"accessTo", "alice", "RWC"})+t.rule(1, t.at("c/a"), grant{"accessTo", "bob", "R"})+"}.")).ok()
			t.ask(t.bob, "GET", t.at("c/a")).is(200)
		}},
		{"solid-protocol#server-auxiliary-resources-management/of-a-description-there-is-none", func(t *trial) {
			about := t.aux(t.at("made"), "describedby")
			t.send(t.alice, "PUT", about, turtleText("<"+t.at("made")+"> <urn:x:says> \"hello\".")).ok()
			r := t.ask(t.alice, "GET", about, "Accept: text/turtle").is(200)
			r.check(len(r.links("describedby")) == 0, "a description of a description")
		}},
		{"solid-protocol#server-auxiliary-resources-management/of-an-acl-there-is-none", func(t *trial) {
			t.allow(t.at("made"))
			acl := t.aux(t.at("made"), "acl")
			r := t.ask(t.alice, "GET", acl).is(200)
			r.check(!slices.ContainsFunc(r.links("acl"), func(l string) bool { return l != acl }), "an ACL of an ACL")
			r.check(len(r.links("describedby")) == 0, "a description of an ACL")
		}},
		{"solid-protocol#server-description-resource-authorization/read", func(t *trial) {
			about := t.aux(t.at("made"), "describedby")
			t.send(t.alice, "PATCH", about, n3Text(insert("<"+t.at("made")+"> <urn:x:says> \"hello\"."))).ok()
			t.ask(t.bob, "GET", about).refused()
			t.ask(t.stranger, "GET", about).refused()
			t.allow(t.at("made"), grant{"accessTo", "bob", "R"})
			t.ask(t.bob, "GET", about).is(200)
			t.send(t.bob, "PATCH", about, n3Text(insert("<"+t.at("made")+"> <urn:x:says> \"bob\"."))).refused()
		}},
		{"solid-protocol#server-description-resource-authorization/write", func(t *trial) {
			about := t.aux(t.at("made"), "describedby")
			t.send(t.alice, "PATCH", about, n3Text(insert("<"+t.at("made")+"> <urn:x:says> \"hello\"."))).ok()
			t.allow(t.at("made"), grant{"accessTo", "bob", "W"})
			t.ask(t.bob, "GET", about).refused()
			t.send(t.bob, "PATCH", about, n3Text(insert("<"+t.at("made")+"> <urn:x:says> \"bob\"."))).ok()
			t.check(t.turtle(about).has(t.at("made"), "urn:x:says", `"bob`), "what Bob wrote is not there")
		}},
		{"solid-protocol#client-link-describes/back-to-the-subject", func(t *trial) {
			about := t.aux(t.at("made"), "describedby")
			t.send(t.alice, "PATCH", about, n3Text(insert("<"+t.at("made")+"> <urn:x:says> \"hello\"."))).ok()
			got := t.ask(t.alice, "GET", about).is(200).links("describes")
			t.check(slices.Contains(got, t.at("made")), "rel=describes leads to %q", got)
		}},
		{"solid-protocol#server-delete-remove-auxiliary-resource/description", func(t *trial) {
			t.put("r", plainText("r"))
			about := t.aux(t.at("r"), "describedby")
			t.send(t.alice, "PATCH", about, n3Text(insert("<"+t.at("r")+"> <urn:x:says> \"hello\"."))).ok()
			t.ask(t.alice, "DELETE", t.at("r")).ok()
			t.ask(t.alice, "GET", about).is(404, 410)
			t.put("r", plainText("again"))
			r := t.ask(t.alice, "GET", about)
			r.lacks("hello")
		}},
		{"solid-protocol#server-delete-remove-auxiliary-resource/acl", func(t *trial) {
			t.put("r", plainText("r"))
			t.allow(t.at("r"), grant{"accessTo", "bob", "R"})
			acl := t.aux(t.at("r"), "acl")
			t.ask(t.bob, "GET", t.at("r")).is(200)
			t.ask(t.alice, "DELETE", t.at("r")).ok()
			t.put("r", plainText("again"))
			t.ask(t.bob, "GET", t.at("r")).refused()
			t.ask(t.alice, "GET", acl).is(404, 410)
		}},
	}
}

// linked asks for one link of a relation on a resource and a container, to something else on GET and HEAD.
func linked(rel string) func(*trial) {
	return func(t *trial) {
		for _, path := range []string{"made", ""} {
			get := t.get(path).is(200).link(rel)
			head := t.ask(t.alice, "HEAD", t.at(path)).is(200).link(rel)
			t.check(get == head && get != t.at(path), "GET links to %s, HEAD to %s", get, head)
		}
	}
}
