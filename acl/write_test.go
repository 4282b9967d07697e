package acl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/rdf"
	"kith/pod"
	"kith/webid"
)

var createOnly = pod.Precondition{IfNoneMatch: []string{"*"}}

// box makes /box/ with a member, where Ben has modes here and below.
func box(t testing.TB, config Config, here, below string) *world {
	t.Helper()
	w := newWorld(t, config)
	w.put("/box/old", "text/plain", "old")
	rules := []string{ownerRule}
	if here != "" {
		rules = append(rules, allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>", here))
	}
	if below != "" {
		rules = append(rules, allow(2, agentOf(contactID(benCID)), "acl:default <./>", below))
	}
	w.acl("/box/", rules...)
	return w
}

func TestPut(t *testing.T) {
	const read, add, write = "acl:Read", "acl:Append", "acl:Write"
	for _, c := range []struct {
		name, here, below, path string
		pre                     pod.Precondition
		want                    error
		created                 bool
	}{
		{"append makes what is not there, if it says so", add, add, "/box/new", createOnly, nil, true},
		{"append alone does not make what could replace", add, add, "/box/new", pod.Precondition{}, ErrForbidden, false},
		{"append does not replace", add, add, "/box/old", pod.Precondition{}, ErrForbidden, false},
		{"append is told that the name is taken", add, add, "/box/old", createOnly, pod.ErrPrecondition, false},
		{"a new name needs append on the container", "", write, "/box/new", pod.Precondition{}, ErrForbidden, false},
		{"and on what it inherits", add, read, "/box/new", createOnly, ErrForbidden, false},
		{"write makes", write, write, "/box/new", pod.Precondition{}, nil, true},
		{"write replaces", "", write, "/box/old", pod.Precondition{}, nil, false},
		{"write of the container does not replace", write, read, "/box/old", pod.Precondition{}, ErrForbidden, false},
		{"missing containers are made", write, write, "/box/a/b/new", pod.Precondition{}, nil, true},
		{"by append too", add, add, "/box/a/b/new", createOnly, nil, true},
		{"outside of the box nothing is", write, write, "/new", pod.Precondition{}, ErrForbidden, false},
		{"an ACL needs control", write, write, "/box/old.acl", pod.Precondition{}, ErrForbidden, false},
		{"that of a new name too", write, write, "/box/new.acl", createOnly, ErrForbidden, false},
		{"a description needs write of its subject", add, add, "/box/old.meta", createOnly, ErrForbidden, false},
		{"and is then made", write, write, "/box/old.meta", pod.Precondition{}, nil, true},
		{"a stale tag is refused", write, "acl:Read, acl:Write", "/box/old", pod.Precondition{IfMatch: []string{`"x"`}}, pod.ErrPrecondition, false},
		{"a tag tells of the bytes, and needs read", write, write, "/box/old", pod.Precondition{IfMatch: []string{`"x"`}}, ErrForbidden, false},
		{"one that must not be there too", write, write, "/box/old", pod.Precondition{IfNoneMatch: []string{`"x"`}}, ErrForbidden, false},
		{"and one of what is absent", write, write, "/box/new", pod.Precondition{IfMatch: []string{`"x"`}}, ErrForbidden, false},
		{"and a time", write, write, "/box/old", pod.Precondition{UnmodifiedSince: time.Unix(1, 0)}, ErrForbidden, false},
		{"what was written since is refused", write, "acl:Read, acl:Write", "/box/old", pod.Precondition{UnmodifiedSince: time.Unix(1, 0)}, pod.ErrPrecondition, false},
		{"that something is there does not", write, write, "/box/old", pod.Precondition{IfMatch: []string{"*"}}, nil, false},
		{"a tag of what is absent too", write, write, "/box/new", pod.Precondition{IfMatch: []string{"*"}}, pod.ErrPrecondition, false},
		{"who may not write learns nothing of tags", read, read, "/box/old", pod.Precondition{IfMatch: []string{`"x"`}}, ErrForbidden, false},
		{"a name with and without slash collide", write, write, "/box/old/x", pod.Precondition{}, pod.ErrConflict, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := box(t, Config{}, c.here, c.below)
			info, created, err := w.guard.As(ben).Put(context.Background(), path(t, c.path), "text/plain", reader("new"), c.pre)
			is(t, "put", err, c.want)
			if err != nil {
				return
			}
			if created != c.created || info.Path.String() != c.path || info.Size != 3 {
				t.Errorf("created %v %+v", created, info)
			}
			if got, _ := w.read(owner, c.path); got != "new" {
				t.Errorf("holds %q", got)
			}
		})
	}
}

func TestMakeContainer(t *testing.T) {
	for _, c := range []struct {
		name, here, below, path string
		pre                     pod.Precondition
		want                    error
	}{
		{"write makes", "acl:Write", "acl:Write", "/box/a/", pod.Precondition{}, nil},
		{"and what is missing above", "acl:Write", "acl:Write", "/box/a/b/c/", pod.Precondition{}, nil},
		{"append makes, if it says so", "acl:Append", "acl:Append", "/box/a/", createOnly, nil},
		{"but not otherwise", "acl:Append", "acl:Append", "/box/a/", pod.Precondition{}, ErrForbidden},
		{"read does not", "acl:Read", "acl:Read", "/box/a/", createOnly, ErrForbidden},
		{"one that is there stays", "acl:Write", "acl:Write", "/box/", pod.Precondition{}, ErrForbidden},
		{"one below too", "acl:Write", "acl:Write", "/box/full/", pod.Precondition{}, pod.ErrExist},
		{"and is told to who may only make", "acl:Append", "acl:Append", "/box/full/", createOnly, pod.ErrPrecondition},
		{"a resource is in the way", "acl:Write", "acl:Write", "/box/old/", pod.Precondition{}, pod.ErrConflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := box(t, Config{}, strings.ReplaceAll(c.here, "acl:Write", "acl:Append"), c.below)
			w.put("/box/full/x", "text/plain", "x")
			info, err := w.guard.As(ben).MakeContainer(context.Background(), path(t, c.path), c.pre)
			is(t, "make", err, c.want)
			if err == nil && info.Path.String() != c.path {
				t.Errorf("made %+v", info)
			}
			if _, err := w.guard.As(owner).Stat(context.Background(), path(t, c.path)); c.want == nil && err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestNothingTakesThePlaceOfWhatIsKept makes containers where the server and the
// owner's devices keep what they must know, also by what lies below them.
func TestNothingTakesThePlaceOfWhatIsKept(t *testing.T) {
	w := newWorld(t, Config{})
	v, ctx := w.guard.As(webid.AppAgent(testOwner, "https://app.example/", "consent")), context.Background()
	insert, err := rdf.ParseUpdate(reader("INSERT DATA { <#a> <x:p> 1 }"), testBase, rdf.Limits{})
	is(t, "parse", err, nil)
	for name, want := range map[string]error{
		"/settings/classes/": ErrReplica, secrets + "/": ErrReplica, "/profile/devices/": ErrReplica, "/profile/keys/": ErrReplica, "/profile/name/": ErrReplica,
		"/profile/card/": ErrProtected, "/profile/cards/": nil,
	} {
		_, err := v.MakeContainer(ctx, path(t, name), pod.Precondition{})
		is(t, "make "+name, err, want)
		_, _, err = v.Put(ctx, path(t, name+"x"), "text/plain", reader("x"), pod.Precondition{})
		is(t, "put below "+name, err, want)
		_, _, err = v.Patch(ctx, path(t, name+"deep/y"), insert, pod.Precondition{})
		is(t, "patch below "+name, err, want)
	}
}

// TestOnlyDevicesSayWhomTheOwnerKnows: not an app, and nobody whom an ACL lets write there.
func TestOnlyDevicesSayWhomTheOwnerKnows(t *testing.T) {
	const eve, card = "/contacts/eeeeeeeeeeeeeeeeeeee/", "/contacts/" + benCID + "/card"
	w, ctx := newWorld(t, Config{}), context.Background()
	w.put(card, "application/ld+json", "{}")
	w.put("/contacts/.acl", "text/turtle", prefix+ownerRule+`<#w> a acl:Authorization; acl:agent <https://eve.example/#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control .`)
	insert, err := rdf.ParseUpdate(reader("INSERT DATA { <#a> <x:p> 1 }"), testBase, rdf.Limits{})
	is(t, "parse", err, nil)
	for name, agent := range map[string]webid.Agent{
		"an app":   webid.AppAgent(testOwner, "https://app.example/", "consent"),
		"somebody": webid.StrangerAgent("https://eve.example/#me"),
	} {
		v := w.guard.As(agent)
		for _, target := range []string{card, eve + "card", eve, eve + "card.acl", "/contacts/" + benCID + "/.acl", eve + "deep/x"} {
			if p := path(t, target); p.IsContainer() {
				_, err = v.MakeContainer(ctx, p, pod.Precondition{})
			} else {
				_, _, err = v.Put(ctx, p, "text/turtle", reader(prefix+ownerRule), pod.Precondition{})
			}
			is(t, name+" puts "+target, err, ErrReplica)
		}
		_, _, err := v.Patch(ctx, path(t, eve+"x"), insert, pod.Precondition{})
		is(t, name+" patches", err, ErrReplica)
		is(t, name+" deletes", v.Delete(ctx, path(t, card), pod.Precondition{}), ErrReplica)
		for _, container := range []string{"/contacts/", "/contacts/" + benCID + "/"} {
			_, err := v.Create(ctx, path(t, container), "card", "application/ld+json", reader("{}"), pod.Precondition{})
			is(t, name+" posts to "+container, err, ErrReplica)
		}
	}
	_, _, err = w.guard.As(owner).Put(ctx, path(t, eve+"card"), "application/ld+json", reader("{}"), pod.Precondition{})
	is(t, "a device puts", err, nil)
	is(t, "a device deletes", w.guard.As(owner).Delete(ctx, path(t, card), pod.Precondition{}), nil)
}

func TestRefusedBytesAreNotTaken(t *testing.T) {
	w := box(t, Config{}, "acl:Read", "acl:Read")
	body := &untouched{t}
	for _, c := range []struct {
		name string
		do   func(*View) error
	}{
		{"a PUT", func(v *View) error {
			_, _, err := v.Put(context.Background(), path(t, "/box/old"), "text/plain", body, pod.Precondition{})
			return err
		}},
		{"a PUT of an ACL", func(v *View) error {
			_, _, err := v.Put(context.Background(), path(t, "/box/.acl"), "text/turtle", body, pod.Precondition{})
			return err
		}},
		{"a POST", func(v *View) error {
			_, err := v.Create(context.Background(), path(t, "/box/"), "x", "text/plain", body, pod.Precondition{})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			is(t, "Ben", c.do(w.guard.As(ben)), ErrForbidden)
			is(t, "a stranger", c.do(w.guard.As(stranger)), ErrUnauthenticated)
		})
	}
}

// untouched is a body that must not be read.
type untouched struct{ t *testing.T }

func (u *untouched) Read([]byte) (int, error) {
	u.t.Error("a refused body was read")
	return 0, io.EOF
}

// TestRightLostWhileSending takes Ben's right away while his bytes arrive.
func TestRightLostWhileSending(t *testing.T) {
	w := box(t, Config{}, "acl:Write", "acl:Write")
	body := &trap{reader("late"), func() { w.acl("/box/", ownerRule) }}
	_, _, err := w.guard.As(ben).Put(context.Background(), path(t, "/box/late"), "text/plain", body, pod.Precondition{})
	is(t, "put", err, ErrForbidden)
	if _, err := w.read(owner, "/box/late"); !errors.Is(err, pod.ErrNotExist) {
		t.Errorf("the bytes are there: %v", err)
	}
}

// TestFriendRemovedWhileSending makes Ben a stranger while his bytes arrive.
func TestFriendRemovedWhileSending(t *testing.T) {
	removed := false
	valid := func(_ context.Context, a webid.Agent) bool { return a.Owner() || !removed }
	w := box(t, Config{Valid: valid}, "acl:Write", "acl:Write")
	body := &trap{reader("late"), func() { removed = true }}
	_, _, err := w.guard.As(ben).Put(context.Background(), path(t, "/box/late"), "text/plain", body, pod.Precondition{})
	is(t, "put", err, ErrUnauthenticated)
	if _, err := w.read(owner, "/box/late"); !errors.Is(err, pod.ErrNotExist) {
		t.Errorf("the bytes are there: %v", err)
	}
}

// trap does something at the first read.
type trap struct {
	io.Reader
	spring func()
}

func (r *trap) Read(b []byte) (int, error) {
	if r.spring != nil {
		r.spring()
		r.spring = nil
	}
	return r.Reader.Read(b)
}

func TestPutACL(t *testing.T) {
	lost := strings.ReplaceAll(ownerRule, ", acl:Control", "")
	for _, c := range []struct {
		name, path, typ, text string
		want                  error
	}{
		{"one that gives the owner control is taken", "/.acl", "text/turtle", prefix + ownerRule, nil},
		{"one that does not is refused at the root", "/.acl", "text/turtle", prefix + lost, ErrLockout},
		{"so is an empty one", "/.acl", "text/turtle", "", ErrLockout},
		{"and one that is narrowed to an origin", "/.acl", "text/turtle", prefix + ownerRule + "<#owner> acl:origin <https://x.example> .", ErrLockout},
		{"and one that does not cover the root itself", "/.acl", "text/turtle", prefix + strings.ReplaceAll(ownerRule, "acl:accessTo <./>; ", ""), ErrLockout},
		{"and one for another owner", "/.acl", "text/turtle", prefix + strings.ReplaceAll(ownerRule, "alice/profile", "eve/profile"), ErrLockout},
		{"elsewhere the owner may give away what is given", "/box/.acl", "text/turtle", prefix + lost, nil},
		{"an empty one is an ACL that denies", "/box/.acl", "text/turtle", "", nil},
		{"what does not parse is refused", "/box/.acl", "text/turtle", "<#x> a", ErrMalformed},
		{"what is no RDF is refused", "/box/.acl", "text/plain", prefix + ownerRule, ErrMalformed},
		{"so is JSON-LD that is none", "/box/.acl", "application/ld+json", "{", ErrMalformed},
		{"and a context from elsewhere", "/box/.acl", "application/ld+json", `{"@context": "https://elsewhere.example/context"}`, ErrMalformed},
		{"and too much JSON-LD", "/box/.acl", "application/ld+json", strings.Repeat(" ", maxDocument+1), pod.ErrTooLarge},
		{"and JSON-LD that locks the owner out", "/.acl", "application/ld+json", "{}", ErrLockout},
		{"parameters do not matter", "/box/.acl", "text/turtle; charset=utf-8", prefix + ownerRule, nil},
		{"what is too large is refused", "/box/.acl", "text/turtle", strings.Repeat("#", maxDocument+1), pod.ErrTooLarge},
		{"what nests too deep is refused", "/box/.acl", "text/turtle", strings.Repeat("[ <p> ", 40) + strings.Repeat("]", 40), ErrMalformed},
		{"an ACL may be there before its subject", "/box/new.acl", "text/turtle", prefix + ownerRule, nil},
		{"and make its container", "/new/.acl", "text/turtle", prefix + ownerRule, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.put("/box/old", "text/plain", "old")
			before, _ := w.read(owner, c.path)
			_, _, err := w.guard.As(owner).Put(context.Background(), path(t, c.path), c.typ, reader(c.text), pod.Precondition{})
			is(t, "put", err, c.want)
			after, _ := w.read(owner, c.path)
			if err != nil && after != before {
				t.Errorf("a refused ACL was stored: %q", after)
			}
			if err == nil && after != c.text {
				t.Errorf("stored %q", after)
			}
		})
	}
}

// TestPutACLInOtherSyntaxes writes one ACL in each syntax: what it grants is the
// same, and what is kept is Turtle, under the ETag with which it is read.
func TestPutACLInOtherSyntaxes(t *testing.T) {
	const acl, box = "http://www.w3.org/ns/auth/acl#", testBase + "box/"
	triple := func(p, o string) string { return "<" + box + ".acl#r> <" + p + "> <" + o + "> .\n" }
	for _, c := range []struct{ typ, text string }{
		{"application/n-triples", triple("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", acl+"Authorization") + triple(acl+"agent", string(contactID(benCID))) +
			triple(acl+"accessTo", box) + triple(acl+"default", box) + triple(acl+"mode", acl+"Read")},
		{"application/ld+json; charset=utf-8", `{"@context": {"acl": "` + acl + `"}, "@id": "#r", "@type": "acl:Authorization", "acl:agent": {"@id": "` + string(contactID(benCID)) +
			`"}, "acl:accessTo": {"@id": "./"}, "acl:default": {"@id": "./"}, "acl:mode": {"@id": "acl:Read"}}`},
	} {
		t.Run(c.typ, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.put("/box/old", "text/plain", "old")
			info, created, err := w.guard.As(owner).Put(context.Background(), path(t, "/box/.acl"), c.typ, reader(c.text), pod.Precondition{})
			if err != nil || !created || info.ETag != "" {
				t.Fatalf("%+v %v %v, want no ETag of what was not sent", info, created, err)
			}
			got, err := w.guard.As(owner).Get(context.Background(), path(t, "/box/.acl"))
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if got.Info.Type != typeTurtle || got.Info.ETag == "" {
				t.Errorf("kept as %+v", got.Info)
			}
			for p, want := range map[string]Modes{"/box/": Read, "/box/old": Read, "/box/.acl": 0} {
				if m := w.modes(ben, p); m != want {
					t.Errorf("%s: %v, want %v", p, m, want)
				}
			}
			same := pod.Precondition{IfMatch: []string{got.Info.ETag}}
			_, _, err = w.guard.As(owner).Put(context.Background(), path(t, "/box/.acl"), c.typ, reader(c.text), same)
			is(t, "over what was read", err, nil)
		})
	}
}

func TestRootStays(t *testing.T) {
	w := newWorld(t, Config{})
	ctx, v := context.Background(), w.guard.As(owner)
	is(t, "delete the root", v.Delete(ctx, pod.Root, pod.Precondition{}), pod.ErrReserved)
	is(t, "delete its ACL", v.Delete(ctx, pod.Root.ACL(), pod.Precondition{}), ErrLockout)
	_, err := v.MakeContainer(ctx, pod.Root, pod.Precondition{})
	is(t, "make the root", err, pod.ErrExist)
	if _, err := w.read(owner, "/.acl"); err != nil {
		t.Errorf("the root ACL: %v", err)
	}
}

func TestDelete(t *testing.T) {
	for _, c := range []struct {
		name, here, below, path string
		pre                     pod.Precondition
		want                    error
	}{
		{"write of both deletes", "acl:Write", "acl:Write", "/box/old", pod.Precondition{}, nil},
		{"write of the container is needed", "acl:Read", "acl:Write", "/box/old", pod.Precondition{}, ErrForbidden},
		{"write of the resource is needed", "acl:Write", "acl:Read", "/box/old", pod.Precondition{}, ErrForbidden},
		{"append is not enough", "acl:Append", "acl:Append", "/box/old", pod.Precondition{}, ErrForbidden},
		{"an empty container goes", "acl:Write", "acl:Read, acl:Write", "/box/empty/", pod.Precondition{}, nil},
		{"but not without read", "acl:Write", "acl:Write", "/box/empty/", pod.Precondition{}, ErrForbidden},
		{"a full one stays", "acl:Write", "acl:Read, acl:Write", "/box/full/", pod.Precondition{}, pod.ErrNotEmpty},
		{"what is absent is absent to a reader", "acl:Read", "acl:Read", "/box/none", pod.Precondition{}, pod.ErrNotExist},
		{"and denied to a writer who may not read", "acl:Write", "acl:Write", "/box/none", pod.Precondition{}, ErrForbidden},
		{"a stale tag is refused", "acl:Write", "acl:Read, acl:Write", "/box/old", pod.Precondition{IfMatch: []string{`"x"`}}, pod.ErrPrecondition},
		{"a tag tells of the bytes, and needs read", "acl:Write", "acl:Write", "/box/old", pod.Precondition{IfMatch: []string{`"x"`}}, ErrForbidden},
		{"a stale tag of a container too", "acl:Write", "acl:Read, acl:Write", "/box/empty/", pod.Precondition{IfMatch: []string{`"x"`}}, pod.ErrPrecondition},
		{"an ACL needs control", "acl:Write", "acl:Write", "/box/.acl", pod.Precondition{}, ErrForbidden},
		{"a description goes with write of its subject", "acl:Read", "acl:Write", "/box/old.meta", pod.Precondition{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := box(t, Config{}, c.here, c.below)
			w.put("/box/full/x", "text/plain", "x")
			w.put("/box/old.meta", "text/turtle", "")
			w.put("/box/empty/x", "text/plain", "x")
			w.delete("/box/empty/x")
			is(t, "delete", w.guard.As(ben).Delete(context.Background(), path(t, c.path), c.pre), c.want)
			_, err := w.guard.As(owner).Stat(context.Background(), path(t, c.path))
			if gone := errors.Is(err, pod.ErrNotExist); gone != (c.want == nil || c.path == "/box/none") {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestContainerTagGuardsDeletion(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/a/x", "text/plain", "x")
	w.delete("/a/x")
	a, err := w.guard.As(owner).Stat(context.Background(), path(t, "/a/"))
	if err != nil {
		t.Fatal(err)
	}
	pre := pod.Precondition{IfMatch: []string{a.Info.ETag}}
	is(t, "delete", w.guard.As(owner).Delete(context.Background(), path(t, "/a/"), pre), nil)
}

func TestCreate(t *testing.T) {
	for _, c := range []struct {
		name, here, slug string
		container        bool
		as               webid.Agent
		want             error
		exactly          string // the name, if it is that of the slug
		within           string // what the name begins with otherwise
	}{
		{"the owner gets the name", "acl:Read", "a b.txt", false, owner, nil, "a b.txt", ""},
		{"but not one that is taken", "acl:Read", "old", false, owner, nil, "", "old-"},
		{"nor a twin of it", "acl:Read", "OLD", false, owner, nil, "", "OLD-"},
		{"the extension stays behind", "acl:Read", "taken.txt", false, owner, nil, "", "taken-"},
		{"Ben's name carries a random part", "acl:Append", "note.txt", false, ben, nil, "", "note-"},
		{"nothing is made without append", "acl:Read", "note", false, ben, ErrForbidden, "", ""},
		{"a stranger makes nothing", "acl:Append", "note", false, stranger, ErrUnauthenticated, "", ""},
		{"no slug is a random name", "acl:Append", "", false, ben, nil, "", ""},
		{"an ACL is never made", "acl:Append", "x.acl", false, ben, nil, "", ""},
		{"not by the owner either", "acl:Append", "x.acl", false, owner, nil, "", ""},
		{"nor that of the container", "acl:Append", ".acl", false, owner, nil, "", ""},
		{"nor a description", "acl:Append", "x.meta", false, ben, nil, "", ""},
		{"nor in other letters", "acl:Append", "x.ACL", false, ben, nil, "", ""},
		{"a slash is no name", "acl:Append", "a/b", false, owner, nil, "", ""},
		{"the parent is no name", "acl:Append", "..", false, owner, nil, "", ""},
		{"a control character is no name", "acl:Append", "a\x00b", false, owner, nil, "", ""},
		{"a reserved name is no name", "acl:Append", ".kith-x", false, owner, nil, "", ""},
		{"a container may be made", "acl:Append", "album", true, owner, nil, "album", ""},
		{"by Ben under a random name", "acl:Append", "album", true, ben, nil, "", "album-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := box(t, Config{}, c.here, "acl:Append")
			w.put("/box/taken.txt", "text/plain", "old")
			v, at := w.guard.As(c.as), path(t, "/box/")
			var info pod.Info
			var err error
			if c.container {
				info, err = v.CreateContainer(context.Background(), at, c.slug, pod.Precondition{})
			} else {
				info, err = v.Create(context.Background(), at, c.slug, "text/plain", reader("new"), pod.Precondition{})
			}
			is(t, "create", err, c.want)
			if err != nil {
				return
			}
			name := info.Path.Name()
			if info.Path.Parent() != at || info.Path.Subject() != info.Path || info.Path.IsContainer() != c.container {
				t.Fatalf("made %s", info.Path)
			}
			if c.exactly != "" && name != c.exactly || c.exactly == "" && (name == c.slug || !strings.HasPrefix(name, c.within)) {
				t.Errorf("named %q", name)
			}
			if c.exactly == "" && len(name) < 26 {
				t.Errorf("%q has no room for a random part", name)
			}
		})
	}
}

func TestCreateNeedsAContainer(t *testing.T) {
	w := box(t, Config{}, "acl:Read, acl:Append", "acl:Read")
	for _, c := range []struct {
		name, at string
		as       webid.Agent
		want     error
	}{
		{"an absent one is absent", "/none/", owner, pod.ErrNotExist},
		{"an absent one is absent to a reader", "/box/none/", ben, pod.ErrNotExist},
		{"an absent one is denied to others", "/none/", ben, ErrForbidden},
		{"a resource is none", "/box/old", owner, pod.ErrBadPath},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.guard.As(c.as).Create(context.Background(), path(t, c.at), "x", "text/plain", reader("x"), pod.Precondition{})
			is(t, "create", err, c.want)
		})
	}
}

func TestQuota(t *testing.T) {
	ctx := context.Background()
	put := func(w *world, a webid.Agent, p string, n int) error {
		_, _, err := w.guard.As(a).Put(ctx, path(t, p), "text/plain", bytes.NewReader(make([]byte, n)), createOnly)
		return err
	}
	t.Run("who may only add is bounded, in nested containers too", func(t *testing.T) {
		w := box(t, Config{Quota: 10 << 10}, "acl:Append", "acl:Append")
		is(t, "first", put(w, ben, "/box/a", 4<<10), nil)
		is(t, "one that is too much", put(w, ben, "/box/b", 6<<10), pod.ErrFull)
		is(t, "the same further down", put(w, ben, "/box/deep/er/b", 6<<10), pod.ErrFull)
		is(t, "one larger than all", put(w, ben, "/box/c", 11<<10), pod.ErrFull)
		is(t, "one that fits", put(w, ben, "/box/d", 1<<10), nil)
		is(t, "the owner", put(w, owner, "/box/e", 20<<10), nil)
	})
	t.Run("empty resources are not free", func(t *testing.T) {
		w := box(t, Config{Quota: 10 << 10}, "acl:Append", "acl:Append")
		made, err := 0, error(nil)
		for ; err == nil && made < 100; made++ {
			_, err = w.guard.As(ben).Create(ctx, path(t, "/box/"), "", "text/plain", reader(""), pod.Precondition{})
		}
		is(t, "at the end", err, pod.ErrFull)
		if made > 12 {
			t.Errorf("%d empty resources were made", made)
		}
		_, err = w.guard.As(ben).CreateContainer(ctx, path(t, "/box/"), "", pod.Precondition{})
		is(t, "a container", err, pod.ErrFull)
	})
	t.Run("who may write is not", func(t *testing.T) {
		w := box(t, Config{Quota: 10 << 10}, "acl:Write", "acl:Write")
		is(t, "put", put(w, ben, "/box/a", 20<<10), nil)
	})
}

// TestOneOfManyWins sends ten PUTs that may only create: one may win.
func TestOneOfManyWins(t *testing.T) {
	w := box(t, Config{}, "acl:Write", "acl:Write")
	var wg sync.WaitGroup
	results := make(chan error, 10)
	for range cap(results) {
		wg.Go(func() {
			_, _, err := w.guard.As(ben).Put(context.Background(), path(t, "/box/one"), "text/plain", reader("x"), createOnly)
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		} else {
			is(t, "a loser", err, pod.ErrPrecondition)
		}
	}
	if won != 1 {
		t.Errorf("%d of ten won", won)
	}
}

func TestReaders(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("a1", benCID, danCID)
	w.post("p1", "a1")
	w.put("/private", "text/plain", "x")
	w.acl("/social/posts/", ownerRule, allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Read"))
	for _, c := range []struct {
		name, path string
		want       []webid.ID
	}{
		{"a post is read by its audience", "/social/posts/p1/", []webid.ID{contactID(benCID), contactID(danCID), testOwner}},
		{"and so is what lies in it", "/social/posts/p1/post.jsonld", []webid.ID{contactID(benCID), contactID(danCID), testOwner}},
		{"what is not there has the readers that it would have", "/social/posts/p1/2.webp", []webid.ID{contactID(benCID), contactID(danCID), testOwner}},
		{"a class is named", "/social/posts/", []webid.ID{authenticated, testOwner}},
		{"the rest is the owner's", "/private", []webid.ID{testOwner}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := w.guard.As(owner).Readers(context.Background(), path(t, c.path))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(text(got), " ") != strings.Join(text(c.want), " ") {
				t.Errorf("got %v", got)
			}
		})
	}
	_, err := w.guard.As(ben).Readers(context.Background(), path(t, "/social/posts/p1/"))
	is(t, "a reader asks", err, ErrForbidden)
	_, err = w.guard.As(stranger).Readers(context.Background(), path(t, "/social/posts/p1/"))
	is(t, "a stranger asks", err, ErrUnauthenticated)
}

func text(ids []webid.ID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}
