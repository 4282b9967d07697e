package acl

import (
	"context"
	"slices"
	"strings"
	"testing"

	"kith/pod"
	"kith/webid"
)

func TestModes(t *testing.T) {
	for _, c := range []struct {
		name  string
		modes Modes
		text  string
	}{
		{"no mode has no words", 0, ""},
		{"write names append", Write, "append write"},
		{"append is not write", Append, "append"},
		{"all modes in one order", Read | Write | Control, "read append write control"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.modes.String(); got != c.text {
				t.Errorf("%q, want %q", got, c.text)
			}
		})
	}
	if !Write.Has(Append) || Append.Has(Write) || Control.Has(Read) || Read.Has(0) || Modes(0).Has(0) {
		t.Error("write includes append, control includes nothing, and nobody holds the empty set")
	}
}

// TestRules asks what one document gives Ben on /box/ and on /box/note.
func TestRules(t *testing.T) {
	ben1, both := agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>"
	for _, c := range []struct {
		name       string
		acl        string
		box, inBox Modes
	}{
		{"accessTo is never inherited", allow(1, ben1, "acl:accessTo <./>", "acl:Read"), Read, 0},
		{"default does not cover the container", allow(1, ben1, "acl:default <./>", "acl:Read"), 0, Read},
		{"both together cover both", allow(1, ben1, both, "acl:Read"), Read, Read},
		{"a rule without a type grants nothing", "<#r> acl:agent <../contacts/" + benCID + "/card#me>; acl:accessTo <./>; acl:mode acl:Read .", 0, 0},
		{"a rule of another type grants nothing", "<#r> a acl:Other; acl:agent <../contacts/" + benCID + "/card#me>; acl:accessTo <./>; acl:mode acl:Read .", 0, 0},
		{"a rule without an object grants nothing", "<#r> a acl:Authorization; " + ben1 + "; acl:mode acl:Read .", 0, 0},
		{"a rule without a mode grants nothing", "<#r> a acl:Authorization; " + ben1 + "; acl:accessTo <./> .", 0, 0},
		{"an unknown mode is ignored", allow(1, ben1, both, "acl:Read, acl:Delete, <#x>"), Read, Read},
		{"an unknown mode alone grants nothing", allow(1, ben1, both, "acl:Delete"), 0, 0},
		{"write includes append", allow(1, ben1, both, "acl:Write"), Write, Write},
		{"control includes nothing else", allow(1, ben1, both, "acl:Control"), Control, Control},
		{"rules of one document add up", allow(1, ben1, both, "acl:Read") + allow(2, ben1, both, "acl:Append"), Read | Append, Read | Append},
		{"another's rule is another's", allow(1, agentOf(contactID(danCID)), both, "acl:Read"), 0, 0},
		{"an agent without the fragment is another", allow(1, "acl:agent <../contacts/"+benCID+"/card>", both, "acl:Read"), 0, 0},
		{"a literal is no agent", allow(1, `acl:agent "`+string(contactID(benCID))+`"`, both, "acl:Read"), 0, 0},
		{"the object may be named in full", allow(1, ben1, "acl:accessTo <"+testBase+"box/>", "acl:Read"), Read, 0},
		{"the object of another pod does not count", allow(1, ben1, "acl:accessTo <https://pod.example/bob/box/>", "acl:Read"), 0, 0},
		{"an object with a query does not count", allow(1, ben1, "acl:accessTo <"+testBase+"box/?x>", "acl:Read"), 0, 0},
		{"a sibling as object does not count", allow(1, ben1, "acl:accessTo <../other/>", "acl:Read"), 0, 0},
		{"the container's name without slash does not count", allow(1, ben1, "acl:accessTo <../box>", "acl:Read"), 0, 0},
		{"the way back to itself counts", allow(1, ben1, "acl:accessTo <../box/>", "acl:Read"), Read, 0},
		{"a percent-encoded object is the same object", allow(1, ben1, "acl:accessTo <../%62ox/>", "acl:Read"), Read, 0},
		{"a group of this pod counts", allow(1, "acl:agentGroup <../groups/g#friends>", both, "acl:Read"), Read, Read},
		{"another group in the document does not", allow(1, "acl:agentGroup <../groups/g#others>", both, "acl:Read"), 0, 0},
		{"a group that is absent has no members", allow(1, "acl:agentGroup <../groups/none#friends>", both, "acl:Read"), 0, 0},
		{"a group elsewhere has no members", allow(1, "acl:agentGroup <https://elsewhere.example/g#friends>", both, "acl:Read"), 0, 0},
		{"a group in JSON-LD counts", allow(1, "acl:agentGroup <../groups/ld#friends>", both, "acl:Read"), Read, Read},
		{"one with a context from elsewhere has no members", allow(1, "acl:agentGroup <../groups/far#friends>", both, "acl:Read"), 0, 0},
		{"what is written as a contact is no group", allow(1, "acl:agentGroup <../contacts/x/ld#friends>", both, "acl:Read"), 0, 0},
		{"a group that is no RDF has no members", allow(1, "acl:agentGroup <../groups/text#friends>", both, "acl:Read"), 0, 0},
		{"a group that does not parse has no members", allow(1, "acl:agentGroup <../groups/broken#friends>", both, "acl:Read"), 0, 0},
		{"a group in an ACL resource has no members", allow(1, "acl:agentGroup <.acl#friends>", both, "acl:Read") + "<#friends> vcard:hasMember <" + string(contactID(benCID)) + "> .", 0, 0},
		{"an ACL that does not parse grants nothing", "<#r> a acl:Authorization; ", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.raw("/groups/g", "text/turtle", prefix+"<#friends> vcard:hasMember <"+string(contactID(benCID))+"> . <#others> vcard:hasMember <"+string(contactID(danCID))+"> .")
			members := `{"@id": "#friends", "http://www.w3.org/2006/vcard/ns#hasMember": {"@id": "` + string(contactID(benCID)) + `"}}`
			w.raw("/groups/ld", "application/ld+json", members)
			w.raw("/groups/far", "application/ld+json", strings.Replace(members, "{", `{"@context": "https://elsewhere.example/c", `, 1))
			w.raw("/contacts/x/ld", "application/ld+json", members)
			w.raw("/groups/text", "text/plain", prefix+"<#friends> vcard:hasMember <"+string(contactID(benCID))+"> .")
			w.raw("/groups/broken", "text/turtle", prefix+"<#friends> vcard:hasMember <"+string(contactID(benCID))+"> . <")
			w.put("/box/note", "text/plain", "x")
			w.raw("/box/.acl", "text/turtle", prefix+c.acl)
			if got := w.modes(ben, "/box/"); got != c.box {
				t.Errorf("on the container %q, want %q", got, c.box)
			}
			if got := w.modes(ben, "/box/note"); got != c.inBox {
				t.Errorf("in the container %q, want %q", got, c.inBox)
			}
			if got := w.modes(owner, "/box/note"); !got.Has(Control) {
				t.Errorf("the owner has %q", got)
			}
		})
	}
}

func TestEffectiveACL(t *testing.T) {
	w := newWorld(t, Config{})
	to := func(cid, what string) string { return allow(len(cid), agentOf(contactID(cid)), what, "acl:Read") }
	w.put("/a/b/c", "text/plain", "x")
	w.acl("/a/", ownerRule, to(benCID, "acl:accessTo <./>; acl:default <./>"))
	if got := w.modes(ben, "/a/b/c"); got != Read {
		t.Errorf("the nearest ancestor's default gives %q", got)
	}
	w.acl("/a/b/", to(danCID, "acl:default <./>"))
	if got := w.modes(ben, "/a/b/c"); got != 0 {
		t.Errorf("a nearer ACL does not replace, but adds: %q", got)
	}
	if got := w.modes(dan, "/a/b/c"); got != Read {
		t.Errorf("the nearer ACL gives %q", got)
	}
	w.acl("/a/b/c", to(benCID, "acl:accessTo <c>"))
	if got := []Modes{w.modes(ben, "/a/b/c"), w.modes(dan, "/a/b/c")}; !slices.Equal(got, []Modes{Read, 0}) {
		t.Errorf("the own ACL gives Ben and Dan %v", got)
	}
	w.delete("/a/b/c.acl")
	if got := []Modes{w.modes(ben, "/a/b/c"), w.modes(dan, "/a/b/c")}; !slices.Equal(got, []Modes{0, Read}) {
		t.Errorf("without its own ACL again, Ben and Dan get %v", got)
	}
	if got := w.modes(owner, "/a/b/c"); got != Control {
		t.Errorf("the owner, whom the ACL does not name, has %q", got)
	}
}

// TestDocumentsAreSharedOnlyWhereTheyMeanTheSame holds the cache to account:
// equal bytes below one container are parsed once, and mean what they say of
// each subject.
func TestDocumentsAreSharedOnlyWhereTheyMeanTheSame(t *testing.T) {
	w := newWorld(t, Config{})
	same := prefix + allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>, <../x/>", "acl:Read") +
		allow(2, "acl:agent <#me>", "acl:accessTo <./>", "acl:Append")
	for _, name := range []string{"x", "y"} {
		w.put("/a/"+name+"/f", "text/plain", name)
		w.raw("/a/"+name+"/.acl", "text/turtle", same)
		w.put("/b/"+name, "text/plain", name)
		w.raw("/b/"+name+".acl", "text/turtle", prefix+allow(1, agentOf(contactID(benCID)), "acl:accessTo <x>", "acl:Read"))
	}
	for p, want := range map[string]Modes{"/a/x/": Read, "/a/y/": Read, "/b/x": Read, "/b/y": 0} {
		if got := w.modes(ben, p); got != want {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
	me := webid.ContactAgent(testBase+"a/y/.acl#me", "cid", 1, "did:key:zMe")
	if x, y := w.modes(me, "/a/x/"), w.modes(me, "/a/y/"); x != 0 || y != Append {
		t.Errorf("<#me> of one document got %q on the other, %q on its own", x, y)
	}
	if n := len(w.guard.documents.rows); n != 3 { // the root's, that of /a/*/, that of /b/*
		t.Errorf("%d documents are remembered, want 3", n)
	}
}

func TestClasses(t *testing.T) {
	public := allow(1, "acl:agentClass foaf:Agent", "acl:accessTo <./>", "acl:Read")
	friends := allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Read")
	below := allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:default <./>", "acl:Read")
	for _, c := range []struct {
		name, at, rule string
		err            error
		ben, stranger  Modes
	}{
		{"everybody is refused", "/box/", public, ErrClass, 0, 0},
		{"contacts are refused", "/box/", friends, ErrClass, 0, 0},
		{"everybody is taken where the owner allowed it", "/open/", public, nil, Read, Read},
		{"another class is not allowed with it", "/open/", friends, ErrClass, 0, 0},
		{"contacts may see the list of posts", "/social/posts/", friends, nil, Read, 0},
		{"contacts may not see all posts", "/social/posts/", below, ErrClass, 0, 0},
		{"everybody may not see the list of posts", "/social/posts/", public, ErrClass, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.allow(`{"/open/": ["` + everybody + `"]}`)
			w.put(c.at+"f", "text/plain", "x")
			p := path(t, c.at)
			_, _, err := w.guard.As(owner).Put(context.Background(), p.ACL(), "text/turtle", reader(prefix+ownerRule+c.rule), pod.Precondition{})
			is(t, "write", err, c.err)
			w.raw(p.ACL().Escaped(), "text/turtle", prefix+ownerRule+c.rule)
			if b, s := w.modes(ben, c.at), w.modes(stranger, c.at); b != c.ben || s != c.stranger {
				t.Errorf("Ben %q, a stranger %q; want %q and %q", b, s, c.ben, c.stranger)
			}
		})
	}
}

// TestContactsAreWhoIsAContact asks for what is open to acl:AuthenticatedAgent as
// somebody who proved to be somebody, but is no contact (protocol §1.2).
func TestContactsAreWhoIsAContact(t *testing.T) {
	w := newWorld(t, Config{})
	w.acl("/social/posts/", ownerRule, allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Read"))
	nobody := webid.ContactAgent("https://elsewhere.example/#i", "", 0, "did:key:zElsewhere")
	for _, c := range []struct {
		name string
		as   webid.Agent
		want Modes
	}{{"a contact", ben, Read}, {"a WebID that is no contact's", nobody, 0}, {"a stranger", stranger, 0}} {
		if got := w.modes(c.as, "/social/posts/"); got != c.want {
			t.Errorf("%s holds %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOrigin(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/box/f", "text/plain", "x")
	w.acl("/box/", ownerRule, allow(1, agentOf(contactID(benCID))+"; acl:origin <https://app.example>", "acl:default <./>", "acl:Read"))
	for _, c := range []struct {
		name, origin string
		want         error
	}{
		{"no origin is not narrowed", "", nil},
		{"the named origin passes", "https://app.example", nil},
		{"another origin does not", "https://evil.example", ErrForbidden},
		{"nor does a sandbox", "null", ErrForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.guard.As(ben).From(c.origin).Stat(context.Background(), path(t, "/box/f"))
			is(t, "stat", err, c.want)
		})
	}
	if _, err := w.guard.As(owner).From("https://evil.example").Stat(context.Background(), path(t, "/box/f")); err != nil {
		t.Errorf("a rule without origins is narrowed: %v", err)
	}
}

// TestAbsence asks for things that are hidden and things that are not there: the
// answers must be the same (protocol §3.1).
func TestAbsence(t *testing.T) {
	w := newWorld(t, Config{})
	mine := ownerRule
	benBelow := allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Read")
	w.put("/open/seen", "text/plain", "x")
	w.put("/open/hidden", "text/plain", "x")
	w.put("/open/vault/deep/x", "text/plain", "x")
	w.put("/closed/x", "text/plain", "x")
	w.acl("/open/", mine, benBelow)
	w.acl("/open/vault/", mine)
	w.acl("/open/hidden", allow(1, agentOf(testOwner), "acl:accessTo <hidden>", "acl:Read"))
	for _, c := range []struct {
		name, hidden, absent string
		agent                webid.Agent
		want                 error
	}{
		{"where Ben inherits Read he is told", "/open/hidden", "/open/nothing", ben, pod.ErrNotExist},
		{"a hidden container is passed over", "/open/vault/", "/open/nothing/", ben, pod.ErrNotExist},
		{"so is what lies in one", "/open/vault/deep/x", "/open/nothing/deep/x", ben, pod.ErrNotExist},
		{"and what does not", "/open/vault/none", "/open/nothing/none", ben, pod.ErrNotExist},
		{"the other spelling of a hidden one is not told", "/open/vault", "/open/nothing", ben, pod.ErrNotExist},
		{"a description is hidden with its subject", "/open/hidden.meta", "/open/nothing.meta", ben, pod.ErrNotExist},
		{"an ACL is hidden from those without Control", "/open/hidden.acl", "/open/nothing.acl", ben, ErrForbidden},
		{"elsewhere Ben is refused", "/closed/x", "/closed/nothing", ben, ErrForbidden},
		{"Dan is refused", "/open/hidden", "/open/nothing", dan, ErrForbidden},
		{"Dan is refused what is open to Ben", "/open/seen", "/open/nothing", dan, ErrForbidden},
		{"a stranger is asked who it is", "/open/seen", "/open/nothing", stranger, ErrUnauthenticated},
		{"the root is no exception", "/", "/nothing", stranger, ErrUnauthenticated},
		{"the owner is told all", "/nowhere", "/closed/nothing", owner, pod.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range []string{c.hidden, c.absent} {
				_, err := w.guard.As(c.agent).Get(context.Background(), path(t, p))
				is(t, "get "+p, err, c.want)
				_, err = w.guard.As(c.agent).Stat(context.Background(), path(t, p))
				is(t, "stat "+p, err, c.want)
			}
		})
	}
}
