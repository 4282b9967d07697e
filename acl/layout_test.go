package acl

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"kith/pod"
	"kith/webid"
)

// TestLayout builds the tree of protocol §2.1 from documents with relative
// references only, and asks who may do what in it.
func TestLayout(t *testing.T) {
	w := newWorld(t, Config{})
	const mine = `<#owner> a acl:Authorization; acl:agent <%s>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control .`
	own := func(up string) string { return fmt.Sprintf(mine, up+"profile/card#me") }
	w.acl("/", own(""))
	w.acl("/social/posts/", own("../../"), `<#friends> a acl:Authorization; acl:agentClass acl:AuthenticatedAgent; acl:accessTo <./>; acl:mode acl:Read .`)
	for _, cid := range []string{benCID, danCID} {
		w.put("/contacts/"+cid+"/card", "application/ld+json", "{}")
		w.acl("/social/in/"+cid+"/", own("../../../"),
			`<#friend> a acl:Authorization; acl:agent <../../../contacts/`+cid+`/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Append .`)
	}
	w.audience("one", benCID)
	const at = "/social/posts/2026-11-22-abcdefghijklmnop/"
	w.put(at+"post.jsonld", "application/ld+json", "{}")
	w.put(at+"1.webp", "image/webp", "x")
	w.acl(at, own("../../../"), `<#readers> a acl:Authorization; acl:agentGroup <../../audiences/one#members>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read .`)

	everything := Read | Write | Control
	for _, c := range []struct {
		path                      string
		owner, ben, dan, stranger Modes
	}{
		{"/", everything, 0, 0, 0},
		{"/contacts/", everything, 0, 0, 0},
		{"/contacts/" + benCID + "/card", everything, 0, 0, 0},
		{"/social/audiences/one", everything, 0, 0, 0},
		{"/social/posts/", everything, Read, Read, 0},
		{"/social/posts/.acl", all, 0, 0, 0},
		{at, everything, Read, 0, 0},
		{at + ".acl", all, 0, 0, 0},
		{at + "post.jsonld", everything, Read, 0, 0},
		{at + "1.webp", everything, Read, 0, 0},
		{"/social/in/" + benCID + "/", everything, Append, 0, 0},
		{"/social/in/" + danCID + "/", everything, 0, Append, 0},
	} {
		for _, who := range []struct {
			name string
			as   webid.Agent
			want Modes
		}{{"the owner", owner, c.owner}, {"Ben", ben, c.ben}, {"Dan", dan, c.dan}, {"a stranger", stranger, c.stranger}} {
			if got := w.modes(who.as, c.path); got != who.want {
				t.Errorf("%s holds %q on %s, want %q", who.name, got, c.path, who.want)
			}
		}
	}
	if len(w.guard.groups.rows) != 1 {
		t.Errorf("%d groups were parsed", len(w.guard.groups.rows))
	}
}

// TestInbox delivers a message twice, as after a lost acknowledgement, and asks
// that it is there once, for the owner alone (protocol §5.2).
func TestInbox(t *testing.T) {
	w := newWorld(t, Config{})
	inbox := "/social/in/" + benCID + "/"
	w.acl(inbox, ownerRule, allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Append"))
	put := func(as webid.Agent, text string) error {
		_, _, err := w.guard.As(as).Put(context.Background(), path(t, inbox+"nonce"), "application/ld+json", reader(text), createOnly)
		return err
	}
	is(t, "another friend", put(dan, "{}"), ErrForbidden)
	is(t, "the first time", put(ben, "{}"), nil)
	is(t, "the second time", put(ben, "{}"), pod.ErrPrecondition)
	is(t, "another text under that name", put(ben, "[]"), pod.ErrPrecondition)
	_, err := w.read(ben, inbox+"nonce")
	is(t, "the sender reads it", err, ErrForbidden)
	_, err = w.names(ben, inbox)
	is(t, "the sender lists them", err, ErrForbidden)
	is(t, "the sender takes it back", w.guard.As(ben).Delete(context.Background(), path(t, inbox+"nonce"), pod.Precondition{}), ErrForbidden)
	if text, err := w.read(owner, inbox+"nonce"); text != "{}" || err != nil {
		t.Errorf("the owner reads %q, %v", text, err)
	}
}

// TestACLBeforeItsSubject settles access before the first byte is there.
func TestACLBeforeItsSubject(t *testing.T) {
	w := box(t, Config{}, "acl:Read, acl:Write", "acl:Read, acl:Write")
	w.acl("/box/x", allow(1, agentOf(testOwner), "acl:accessTo <x>", "acl:Read, acl:Write"))
	ctx := context.Background()
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"Ben is told what he would be told without it", second(w.guard.As(ben).Stat(ctx, path(t, "/box/x"))), pod.ErrNotExist},
		{"Ben may not read it", second(w.guard.As(ben).Stat(ctx, path(t, "/box/x.acl"))), ErrForbidden},
		{"nor make what it is about", third(w.guard.As(ben).Put(ctx, path(t, "/box/x"), "text/plain", reader("x"), pod.Precondition{})), ErrForbidden},
		{"nor its description", third(w.guard.As(ben).Put(ctx, path(t, "/box/x.meta"), "text/turtle", reader(""), pod.Precondition{})), ErrForbidden},
		{"the owner may read it", second(w.guard.As(owner).Stat(ctx, path(t, "/box/x.acl"))), nil},
		{"and make what it is about", third(w.guard.As(owner).Put(ctx, path(t, "/box/x"), "text/plain", reader("x"), pod.Precondition{})), nil},
	} {
		is(t, c.name, c.err, c.want)
	}
	if got, err := w.names(ben, "/box/"); err != nil || !slices.Equal(got, []string{"old"}) {
		t.Errorf("Ben sees %v, %v", got, err)
	}
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }

// TestCacheIsBounded puts in more than there is room for.
func TestCacheIsBounded(t *testing.T) {
	var c cache[int, int]
	for i := range 3 * cacheSize {
		c.put(i, -i)
		if v, ok := c.get(i); !ok || v != -i {
			t.Fatalf("%d was forgotten at once", i)
		}
	}
	if len(c.rows) != cacheSize {
		t.Errorf("%d entries, want %d", len(c.rows), cacheSize)
	}
}
