package acl

import (
	"strings"
	"testing"

	"kith/internal/fuzztest"
	"kith/internal/rdf"
	"kith/pod"
	"kith/webid"
)

// fuzzBytes is the longest document that is looked at.
const fuzzBytes = 64 << 10

// within asks that fn, which reads so many bytes of anybody's making, costs little.
func within(t *testing.T, size int, fn func()) {
	t.Helper()
	if size > fuzzBytes {
		t.Skip("longer than any document")
	}
	fuzztest.Cheap(t, size, fn)
}

// FuzzSetting reads settings of anybody's making: what they allow, they allow by
// the name of a container.
func FuzzSetting(f *testing.F) {
	for _, s := range []string{`{"/public/": ["http://xmlns.com/foaf/0.1/Agent"]}`, `{"/": []}`, `[]`, `{"/a": ["x"]}`, `{"/a%2Fb/": ["x"]}`, `{"/": null}`, "{", strings.Repeat(`{"/":`, 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a allowances
		var err error
		within(t, len(text), func() { a, err = parseAllowances([]byte(text)) })
		if err != nil && a != nil {
			t.Errorf("%q does not parse, and allows %v", text, a)
		}
		for p, classes := range a {
			if !p.IsContainer() {
				t.Errorf("%q allows on %s", text, p)
			}
			for _, c := range classes {
				if !a.allow(p, c) || !strings.Contains(text, "[") {
					t.Errorf("%q does not allow %q on %s", text, c, p)
				}
			}
		}
	})
}

// FuzzDocument parses ACL documents of anybody's making. Whatever they are, a
// rule that counts has object, mode and subject, and equal bytes mean the same.
func FuzzDocument(f *testing.F) {
	f.Add(prefix + ownerRule)
	f.Add(prefix + allow(1, "acl:agentGroup <../g#x>", "acl:accessTo <./>; acl:default <../y/>", "acl:Read, acl:Write"))
	f.Add(prefix + allow(2, "acl:agentClass foaf:Agent; acl:origin <https://x.example>", "acl:accessTo <a>", "acl:Append"))
	f.Add("@prefix acl: <http://www.w3.org/ns/auth/acl#> . [ a acl:Authorization ; acl:agent [] , () , \"x\" ; acl:mode acl:Read ; acl:accessTo <> , <?q> , <#f> , <..> ] .")
	f.Add("<#x> a")
	f.Add("\x00")
	s := scope{base: testBase, standIn: "standin"}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"/", "/a/b/", "/a/b"} {
			subject, err := pod.ParsePath(name)
			if err != nil {
				t.Fatal(err)
			}
			var d *document
			within(t, len(text), func() { d, err = s.parse(strings.NewReader(text), subject) })
			if err != nil {
				continue
			}
			for _, r := range d.rules {
				if !r.counts() || r.modes&^(Read|Write|Control) != 0 {
					t.Errorf("rule %+v counts", r)
				}
				for _, n := range r.agents {
					if _, err := webid.ParseID(n.in(testBase + "a/b")); err == nil && n.in(testBase+"a/b") == "" {
						t.Errorf("an agent without a name: %+v", r)
					}
				}
			}
		}
	})
}

// FuzzGroup parses group documents of anybody's making.
func FuzzGroup(f *testing.F) {
	f.Add("<#members> <http://www.w3.org/2006/vcard/ns#hasMember> <../../contacts/x/card#me> .")
	f.Add("[] <http://www.w3.org/2006/vcard/ns#hasMember> \"x\" .")
	f.Fuzz(func(t *testing.T, text string) {
		var members group
		var err error
		within(t, len(text), func() { members, err = parseGroup(strings.NewReader(text), rdf.Turtle, testBase+"social/audiences/a") })
		if err != nil && members != nil {
			t.Errorf("a group that does not parse has members: %v", members)
		}
		for name, ids := range members {
			if name == "" || len(ids) == 0 {
				t.Errorf("group %q has %v", name, ids)
			}
		}
	})
}
