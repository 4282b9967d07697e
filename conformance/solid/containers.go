package solid

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	contains    = ldpNS + "contains"
	description = solidNS + "storageDescription"
)

// storageCases are about storages and how they are found.
func storageCases() []testCase {
	return []testCase{
		{"solid-protocol#server-storage/there-is-one", func(t *trial) { t.storage() }},
		{"solid-protocol#server-link-storage/type-of-the-root", func(t *trial) {
			root := t.storage()
			for _, method := range []string{"GET", "HEAD"} {
				r := t.ask(t.alice, method, root).is(200)
				r.check(slices.Contains(r.links("type"), pimNS+"Storage"), "no type pim:Storage")
			}
		}},
		{"solid-protocol#server-storage-nonoverlapping/no-storage-within", func(t *trial) {
			r := t.get("").is(200)
			r.check(!slices.Contains(r.links("type"), pimNS+"Storage"), "a container in a storage is a storage")
		}},
		{"solid-protocol#server-storage-description/linked", func(t *trial) {
			for _, path := range []string{"made", ""} {
				for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
					t.ask(t.alice, method, t.at(path)).ok().link(description)
				}
			}
		}},
		{"solid-protocol#server-storage-description-resource/statements", func(t *trial) {
			g := t.turtle(t.get("made").is(200).link(description))
			t.check(len(g.subjects(rdfType, pimNS+"Storage")) == 1, "it states %d pim:Storage", len(g.subjects(rdfType, pimNS+"Storage")))
		}},
		{"solid-protocol#server-storage-description-resource/names-this-storage", func(t *trial) {
			g := t.turtle(t.get("made").is(200).link(description))
			t.check(g.has(t.storage(), rdfType, pimNS+"Storage"), "it does not state that %s is a pim:Storage", t.storage())
		}},
		{"solid-protocol#server-storage-link-owner/who-owns-it", func(t *trial) {
			owners := t.ask(t.alice, "HEAD", t.storage()).is(200).links(solidNS + "owner")
			if len(owners) == 0 {
				t.skip("the server does not advertise owners")
			}
			t.check(slices.Contains(owners, t.alice.WebID), "the owners are %q, without Alice", owners)
		}},
	}
}

// containerCases are about what containers say of their members.
func containerCases() []testCase {
	return []testCase{
		{"solid-protocol#server-basic-container/types", func(t *trial) {
			got := t.get("").is(200).links("type")
			for _, kind := range []string{"Resource", "Container", "BasicContainer"} {
				t.check(slices.Contains(got, ldpNS+kind), "no Link to ldp:%s with rel=type", kind)
			}
			g := t.turtle(t.base)
			t.check(g.has(t.base, rdfType, ldpNS+"BasicContainer"), "no triple says that it is an ldp:BasicContainer")
		}},
		{"solid-protocol#server-basic-container/resource-type", func(t *trial) {
			got := t.get("made").is(200).links("type")
			t.check(slices.Contains(got, ldpNS+"Resource"), "no Link to ldp:Resource with rel=type")
			t.check(!slices.Contains(got, ldpNS+"Container"), "a resource is called a container")
		}},
		{"solid-protocol#server-hierarchical-containment/members", func(t *trial) {
			t.put("c/a", plainText("a"))
			t.put("c/d/b", plainText("b"))
			got := t.turtle(t.at("c/")).objects(t.at("c/"), contains)
			slices.Sort(got)
			t.check(slices.Equal(got, []string{t.at("c/a"), t.at("c/d/")}), "the members are %q", got)
		}},
		{"solid-protocol#server-hierarchical-containment/no-auxiliary-resources", func(t *trial) {
			t.put("c/a", plainText("a"))
			t.allow(t.at("c/a"))
			t.allow(t.at("c/"))
			got := t.turtle(t.at("c/")).objects(t.at("c/"), contains)
			t.check(slices.Equal(got, []string{t.at("c/a")}), "the members are %q", got)
		}},
		{"solid-protocol#server-contained-resource-metadata/type-size-modified", func(t *trial) {
			t.put("c/a", plainText("12345"))
			g, a := t.turtle(t.at("c/")), t.at("c/a")
			t.check(g.has(a, rdfType, "http://www.w3.org/ns/iana/media-types/text/plain#Resource"), "no media type")
			t.check(slices.Equal(g.objects(a, statNS+"size"), []string{`"5`}), "sizes %q", g.objects(a, statNS+"size"))
			t.check(len(g.objects(a, statNS+"mtime")) == 1, "no stat:mtime")
			t.check(len(g.objects(a, termsNS+"modified")) == 1, "no dcterms:modified")
		}},
		{"solid-protocol#server-contained-resource-metadata/nothing-of-what-may-not-be-read", func(t *trial) {
			t.put("c/open", plainText("open"))
			t.put("c/letter-to-carol", plainText("closed"))
			t.put("c/box-of-carol/r", plainText("closed"))
			t.allow(t.at("c/"), grant{"accessTo", "bob", "R"})
			t.allow(t.at("c/open"), grant{"accessTo", "bob", "R"})
			r := t.ask(t.bob, "GET", t.at("c/"), "Accept: text/turtle").is(200)
			r.contains("open").lacks("letter-to-carol", "box-of-carol")
		}},
		{"solid-protocol#dcterms-modified-corresponds-last-modified/equal", func(t *trial) {
			t.put("c/a", plainText("12345"))
			stated := t.turtle(t.at("c/")).objects(t.at("c/a"), termsNS+"modified")
			t.check(len(stated) == 1, "no dcterms:modified")
			if t.over() {
				return
			}
			when, err := time.Parse(time.RFC3339, strings.TrimPrefix(stated[0], `"`))
			t.must(err)
			r := t.get("c/a").is(200)
			last, err := http.ParseTime(r.header.Get("Last-Modified"))
			t.must(err)
			t.check(when.Truncate(time.Second).Equal(last), "dcterms:modified is %s, Last-Modified %s", when, last)
		}},
		{"solid-protocol#server-container-last-modified/there", func(t *trial) {
			r := t.get("").is(200)
			_, err := http.ParseTime(r.header.Get("Last-Modified"))
			t.must(err)
		}},
	}
}

// protectionCases are about what only the server may say.
func protectionCases() []testCase {
	return []testCase{
		{"solid-protocol#server-protect-containment/PUT", func(t *trial) {
			t.put("c/a", plainText("a"))
			t.send(t.alice, "PUT", t.at("c/"), turtleText("<> <"+contains+"> <b>."), typeContainer).is(409)
			t.check(slices.Equal(t.turtle(t.at("c/")).objects(t.at("c/"), contains), []string{t.at("c/a")}), "the members have changed")
		}},
		protectedBy("server-protect-containment/PATCH-inserts", "inserts", "<> <"+contains+"> <b>."),
		protectedBy("server-protect-containment/PATCH-deletes", "deletes", "<> <"+contains+"> <a>."),
		protectedBy("server-protect-contained-resource-metadata/PATCH-size", "inserts", "<a> <"+statNS+"size> 7."),
		protectedBy("server-protect-contained-resource-metadata/PATCH-modified", "inserts", "<a> <"+termsNS+"modified> \"2001-01-01T00:00:00Z\"^^<http://www.w3.org/2001/XMLSchema#dateTime>."),
		{"solid-protocol#server-protect-contained-resource-metadata/PUT-description", func(t *trial) {
			t.put("c/a", plainText("a"))
			about := t.aux(t.at("c/"), "describedby")
			t.send(t.alice, "PUT", about, turtleText("<"+t.at("c/")+"> <"+contains+"> <"+t.at("c/b")+">.")).is(409)
			t.send(t.alice, "PUT", about, turtleText("<"+t.at("c/a")+"> <"+statNS+"size> 7.")).is(409)
		}},
		{"solid-protocol#server-protect-contained-resource-metadata/no-description-makes-a-storage", func(t *trial) {
			t.put("c/a", plainText("a"))
			about := t.aux(t.at("c/"), "describedby")
			t.send(t.alice, "PATCH", about, n3Text(insert("<"+t.at("c/")+"> a <"+pimNS+"Storage>.")))
			// Whether it was taken or refused, the server goes on saying what is a storage.
			r := t.ask(t.alice, "HEAD", t.at("c/")).is(200)
			r.check(!slices.Contains(r.links("type"), pimNS+"Storage"), "a container has made itself a storage")
		}},
	}
}

// protectedBy patches a container, and, where the server patches containers only through their description
// resource, that; the answer is 409 and nothing changes.
func protectedBy(id, verb, triples string) testCase {
	return testCase{"solid-protocol#" + id, func(t *trial) {
		t.put("c/a", plainText("a"))
		before := t.turtle(t.at("c/"))
		target := t.at("c/")
		r := t.ask(t.alice, "OPTIONS", target).ok()
		if !slices.Contains(members(r.header, "Allow"), "PATCH") {
			target = t.aux(t.at("c/"), "describedby")
			triples = strings.NewReplacer("<>", "<"+t.at("c/")+">", "<a>", "<"+t.at("c/a")+">", "<b>", "<"+t.at("c/b")+">").Replace(triples)
		}
		t.send(t.alice, "PATCH", target, n3Text(patchText("solid:"+verb+" {"+triples+"}"))).is(409)
		after := t.turtle(t.at("c/"))
		t.check(len(before) == len(after), "%d triples before, %d after", len(before), len(after))
	}}
}
