package acl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/pod"
	"kith/pod/folder"
	"kith/webid"
)

const (
	testBase  = "https://pod.example/alice/"
	testOwner = webid.ID(testBase + "profile/card#me")
	benCID    = "bbbbbbbbbbbbbbbbbbbb"
	danCID    = "dddddddddddddddddddd"
)

// prefix begins the ACL documents of the tests.
const prefix = `@prefix acl: <http://www.w3.org/ns/auth/acl#> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix vcard: <http://www.w3.org/2006/vcard/ns#> .
`

// ownerRule gives the owner everything, on the subject and below.
const ownerRule = `<#owner> a acl:Authorization; acl:agent <` + string(testOwner) + `>;
	acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control .
`

var (
	owner    = webid.OwnerAgent(testOwner, "did:key:zOwner")
	ben      = contact(benCID)
	dan      = contact(danCID)
	stranger = webid.Agent{}
)

func contact(cid string) webid.Agent {
	return webid.ContactAgent(contactID(cid), cid, 1, "did:key:z"+cid)
}

func contactID(cid string) webid.ID {
	return webid.ID(testBase + "contacts/" + cid + "/card#me")
}

// world is a pod in a folder, with its Guard.
type world struct {
	t     testing.TB
	store pod.Store
	guard *Guard
}

func newWorld(t testing.TB, config Config) *world {
	t.Helper()
	dir := t.TempDir()
	store, err := folder.Open(folder.Options{
		Tree:   filepath.Join(dir, "tree"),
		State:  filepath.Join(dir, "state"),
		Device: "did:key:zPod",
	})
	if err != nil {
		t.Fatal(err)
	}
	config.Base, config.Owner = testBase, testOwner
	w := &world{t: t, store: store, guard: New(store, config)}
	t.Cleanup(w.close)
	w.acl("/", ownerRule)
	return w
}

// close closes the Guard and its store; it may be called again.
func (w *world) close() {
	w.guard.Close()
	if err := w.store.Close(); err != nil && !errors.Is(err, pod.ErrClosed) {
		w.t.Error(err)
	}
}

func path(t testing.TB, s string) pod.Path {
	t.Helper()
	p, err := pod.ParsePath(s)
	if err != nil {
		t.Fatalf("path %q: %v", s, err)
	}
	return p
}

// put writes a resource as the owner, making the missing containers.
func (w *world) put(p, typ, text string) pod.Info {
	w.t.Helper()
	info, _, err := w.guard.As(owner).Put(context.Background(), path(w.t, p), typ, strings.NewReader(text), pod.Precondition{})
	if err != nil {
		w.t.Fatalf("put %s: %v", p, err)
	}
	return info
}

// acl writes the ACL of a subject, after the common prefixes.
func (w *world) acl(subject string, rules ...string) {
	w.t.Helper()
	w.put(path(w.t, subject).ACL().Escaped(), "text/turtle", prefix+strings.Join(rules, "\n"))
}

func (w *world) delete(p string) {
	w.t.Helper()
	if err := w.guard.As(owner).Delete(context.Background(), path(w.t, p), pod.Precondition{}); err != nil {
		w.t.Fatalf("delete %s: %v", p, err)
	}
}

// raw writes bytes into the store as they are, as a hand in the folder would.
func (w *world) raw(p, typ, text string) {
	w.t.Helper()
	staged := w.stage(typ, text)
	defer staged.Discard()
	err := w.store.Update(context.Background(), func(tx pod.WriteTx) error {
		_, err := tx.Put(path(w.t, p), staged, pod.PutOptions{})
		return err
	})
	if err != nil {
		w.t.Fatalf("raw %s: %v", p, err)
	}
}

// allow writes the setting of which classes may be named where.
func (w *world) allow(text string) {
	w.t.Helper()
	w.raw("/settings/classes", "application/json", text)
}

func (w *world) stage(typ, text string) pod.Staged {
	w.t.Helper()
	staged, err := w.store.Stage(context.Background(), strings.NewReader(text), pod.StageOptions{Max: 1 << 20, Type: typ})
	if err != nil {
		w.t.Fatal(err)
	}
	return staged
}

// modes returns what an agent may do with p.
func (w *world) modes(a webid.Agent, p string) Modes {
	w.t.Helper()
	var m Modes
	err := w.store.View(context.Background(), func(tx pod.Tx) error {
		s, err := w.guard.judge(tx, a, "", &elsewhere{}).standing(path(w.t, p))
		m = s.modes
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// read returns the bytes that an agent gets of p.
func (w *world) read(a webid.Agent, p string) (string, error) {
	w.t.Helper()
	ans, err := w.guard.As(a).Get(context.Background(), path(w.t, p))
	if err != nil {
		return "", err
	}
	defer ans.Close()
	if ans.Resource == nil {
		return "", nil
	}
	text, err := io.ReadAll(ans.Resource)
	return string(text), err
}

// names returns the members of a container that an agent sees.
func (w *world) names(a webid.Agent, p string) ([]string, error) {
	w.t.Helper()
	ans, err := w.guard.As(a).Get(context.Background(), path(w.t, p))
	if err != nil {
		return nil, err
	}
	defer ans.Close()
	var names []string
	for _, c := range ans.Children {
		names = append(names, c.Path.Name())
	}
	return names, nil
}

// allow writes one authorization; who and what are Turtle.
func allow(n int, who, what, modes string) string {
	return fmt.Sprintf("<#r%d> a acl:Authorization; %s; %s; acl:mode %s .\n", n, who, what, modes)
}

func agentOf(id webid.ID) string { return fmt.Sprintf("acl:agent <%s>", id) }

// post publishes a post as the app does: folder, files, and last its ACL.
func (w *world) post(name, audience string) {
	w.t.Helper()
	at := "/social/posts/" + name + "/"
	w.put(at+"post.jsonld", "application/ld+json", `{"content":"`+name+`"}`)
	w.share(name, audience)
}

// share sets the audience of a post; "" is only the owner.
func (w *world) share(name, audience string) {
	w.t.Helper()
	rules := []string{ownerRule}
	if audience != "" {
		rules = append(rules, allow(1, "acl:agentGroup <../../audiences/"+audience+"#members>",
			"acl:accessTo <./>; acl:default <./>", "acl:Read"))
	}
	w.acl("/social/posts/"+name+"/", rules...)
}

// audience writes a group of contacts.
func (w *world) audience(name string, cids ...string) {
	w.t.Helper()
	text := "@prefix vcard: <http://www.w3.org/2006/vcard/ns#> .\n<#members> a vcard:Group .\n"
	for _, cid := range cids {
		text += "<#members> vcard:hasMember <../../contacts/" + cid + "/card#me> .\n"
	}
	w.put("/social/audiences/"+name, "text/turtle", text)
}

// eventually polls until ok, or fails.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within ten seconds: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// is fails unless err is want; nil wants nil.
func is(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func reader(s string) io.Reader { return strings.NewReader(s) }

// agents says who is still a friend.
type agents struct {
	mu   sync.Mutex
	gone []string
}

func (a *agents) remove(cid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = append(a.gone, cid)
}

func (a *agents) has(_ context.Context, who webid.Agent) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !slices.Contains(a.gone, who.Contact()) || who.Contact() == ""
}
