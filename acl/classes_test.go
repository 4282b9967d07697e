package acl

import (
	"context"
	"testing"

	"kith/pod"
	"kith/webid"
)

const (
	allowAll    = `"` + everybody + `"`
	allowSigned = `"` + authenticated + `"`
)

var elsewhereAgent = webid.StrangerAgent("https://elsewhere.example/#i")

// TestWhoIsInAClass asks for what each class opens, where the owner has allowed
// it, as each kind of agent (WAC §acl-agentclass).
func TestWhoIsInAClass(t *testing.T) {
	w := newWorld(t, Config{})
	w.allow(`{"/all/": [` + allowAll + `], "/signed/": [` + allowSigned + `], "/both/": [` + allowAll + `,` + allowSigned + `]}`)
	for _, name := range []string{"all", "signed", "both", "none"} {
		w.put("/"+name+"/deep/er/x", "text/plain", "x")
		for _, at := range []string{"/", "/deep/er/"} {
			p := "/" + name + at
			rules := allow(1, "acl:agentClass foaf:Agent", "acl:accessTo <./>", "acl:Read") +
				allow(2, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Append")
			w.raw(path(t, p).ACL().Escaped(), "text/turtle", prefix+ownerRule+rules)
		}
	}
	for _, c := range []struct {
		name                string
		agent               webid.Agent
		all, signed, either Modes
	}{
		{"a stranger", stranger, Read, 0, Read},
		{"somebody from elsewhere", elsewhereAgent, Read, Append, Read | Append},
		{"a contact", ben, Read, Append, Read | Append},
	} {
		t.Run(c.name, func(t *testing.T) {
			for p, want := range map[string]Modes{"/all/": c.all, "/signed/": c.signed, "/both/": c.either, "/none/": 0} {
				for _, below := range []string{"", "deep/er/"} {
					if got := w.modes(c.agent, p+below); got != want {
						t.Errorf("%s: %q, want %q", p+below, got, want)
					}
				}
			}
		})
	}
}

// TestTheListOfPostsIsForContacts although its ACL names all who are signed in.
func TestTheListOfPostsIsForContacts(t *testing.T) {
	w := newWorld(t, Config{})
	w.acl("/social/posts/", ownerRule, allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Read"))
	if b, e := w.modes(ben, "/social/posts/"), w.modes(elsewhereAgent, "/social/posts/"); b != Read || e != 0 {
		t.Errorf("a contact %q, another %q", b, e)
	}
	w.allow(`{"/social/": [` + allowSigned + `]}`)
	if e := w.modes(elsewhereAgent, "/social/posts/"); e != Read {
		t.Errorf("where the owner allows the class, another holds %q", e)
	}
}

// TestSettingsThatSayNothing allow nothing.
func TestSettingsThatSayNothing(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":           "{",
		"another shape":     `["/box/"]`,
		"no container":      `{"/box": [` + allowAll + `]}`,
		"no path":           `{"box/": [` + allowAll + `], "/../": [` + allowAll + `]}`,
		"another class":     `{"/box/": ["http://xmlns.com/foaf/0.1/Person"]}`,
		"a container below": `{"/box/deep/": [` + allowAll + `]}`,
		"nothing":           ``,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.put("/box/f", "text/plain", "x")
			w.allow(text)
			rule := allow(1, "acl:agentClass foaf:Agent", "acl:default <./>", "acl:Read")
			_, _, err := w.guard.As(owner).Put(context.Background(), path(t, "/box/.acl"), "text/turtle", reader(prefix+ownerRule+rule), pod.Precondition{})
			is(t, "write", err, ErrClass)
			w.raw("/box/.acl", "text/turtle", prefix+ownerRule+rule)
			if m := w.modes(stranger, "/box/f"); m != 0 {
				t.Errorf("a stranger holds %q", m)
			}
		})
	}
}

// TestSettingDecidesWhoHearsOfPosts allows and takes back what posts are shared
// with, and asks who is told in feeds.
func TestSettingDecidesWhoHearsOfPosts(t *testing.T) {
	w := newWorld(t, Config{})
	w.post("p", "")
	w.raw("/social/posts/p/.acl", "text/turtle", prefix+ownerRule+allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>; acl:default <./>", "acl:Read"))
	ctx := context.Background()
	_, _, at, err := w.guard.As(ben).Posts(ctx, "", 10)
	is(t, "posts", err, nil)
	hears := func(want string) {
		t.Helper()
		events, next, err := w.guard.As(ben).Changes(ctx, at, 10)
		is(t, "changes", err, nil)
		got := ""
		for _, e := range events {
			got += e.Kind
		}
		if got != want {
			t.Errorf("Ben hears %q, want %q", got, want)
		}
		at = next
	}
	w.replace("/settings/classes", "application/json", `{"/social/": [`+allowSigned+`]}`)
	hears(kindAdd)
	a, err := w.guard.As(ben).Get(ctx, path(t, "/social/posts/p/post.jsonld"))
	is(t, "get", err, nil)
	defer a.Close()
	w.deleteTree("/settings/")
	hears(kindRemove)
	eventually(t, "what is being sent is cut", func() bool { return a.Context().Err() != nil })
}
