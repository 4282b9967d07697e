package acl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/rdf"
	"kith/pod"
	"kith/webid"
)

const (
	farGroup   = "https://elsewhere.example/groups#one"
	brokenFar  = "https://elsewhere.example/broken#one"
	farMember  = webid.ID("https://elsewhere.example/#member")
	farOther   = webid.ID("https://elsewhere.example/#other")
	groupRules = "acl:agentGroup <" + brokenFar + ">, <" + farGroup + ">"
)

// far is another server that knows who is in which group. It holds to account
// that it is not asked with the lock of the store held.
type far struct {
	t       *testing.T
	store   pod.Store
	mu      sync.Mutex
	members map[string][]webid.ID
	asked   []string
}

func (f *far) groups(ctx context.Context, iri string) ([]webid.ID, error) {
	// An Update waits for whoever holds the lock.
	free := make(chan error, 1)
	go func() { free <- f.store.Update(ctx, func(pod.WriteTx) error { return nil }) }()
	if err := <-free; err != nil {
		f.t.Errorf("the lock is held: %v", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, iri)
	members, ok := f.members[iri]
	if !ok {
		return []webid.ID{farOther, farMember, contactID(benCID)}, errors.New("cannot be had")
	}
	return members, nil
}

func (f *far) set(members ...webid.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[farGroup] = members
}

func (f *far) takeAsked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// abroad makes /box/ with a member "f", which a group elsewhere may read, change
// and add to.
func abroad(t *testing.T) (*world, *far) {
	f := &far{t: t, members: map[string][]webid.ID{farGroup: {farMember, contactID(danCID)}}}
	w := newWorld(t, Config{Groups: f.groups})
	f.store = w.store
	w.put("/box/f", "text/plain", "f")
	w.acl("/box/", ownerRule, allow(1, groupRules, "acl:accessTo <./>; acl:default <./>", "acl:Read, acl:Write"))
	return w, f
}

func TestGroupsElsewhere(t *testing.T) {
	w, f := abroad(t)
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		agent webid.Agent
		want  error
		asked int
	}{
		{"a member from elsewhere", webid.StrangerAgent(farMember), nil, 2},
		{"a contact who is a member", dan, nil, 2},
		{"somebody from elsewhere who is none", webid.StrangerAgent(farOther), ErrForbidden, 2},
		{"a contact who is none", ben, ErrForbidden, 2},
		{"a stranger, who makes nobody ask", stranger, ErrUnauthenticated, 0},
		{"the owner, who waits for nobody", owner, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := w.guard.As(c.agent)
			f.takeAsked()
			_, err := v.Stat(ctx, path(t, "/box/f"))
			is(t, "stat", err, c.want)
			if n := len(f.takeAsked()); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			_, _, err = v.Put(ctx, path(t, "/box/g"), "text/plain", reader("g"), pod.Precondition{})
			is(t, "put", err, c.want)
			_, err = v.Create(ctx, path(t, "/box/"), "n", "text/plain", reader("n"), pod.Precondition{})
			is(t, "create", err, c.want)
			_, err = v.MakeContainer(ctx, path(t, "/box/"+strings.ReplaceAll(c.name, " ", "")+"/"), pod.Precondition{})
			is(t, "make container", err, c.want)
			if c.want == nil {
				is(t, "delete", v.Delete(ctx, path(t, "/box/g"), pod.Precondition{}), nil)
			}
		})
	}
}

// TestGroupsElsewhereFailClosed asks when there is nobody to ask, and when what
// is asked cannot answer.
func TestGroupsElsewhereFailClosed(t *testing.T) {
	w, f := abroad(t)
	f.members = map[string][]webid.ID{}
	_, err := w.guard.As(webid.StrangerAgent(farMember)).Stat(context.Background(), path(t, "/box/f"))
	is(t, "when it cannot be had", err, ErrForbidden)
	alone := New(w.store, Config{Base: testBase, Owner: testOwner})
	defer alone.Close()
	_, err = alone.As(webid.StrangerAgent(farMember)).Stat(context.Background(), path(t, "/box/f"))
	is(t, "when nobody asks", err, ErrForbidden)
}

// TestManyGroupsElsewhere bounds what one request makes other servers do.
func TestManyGroupsElsewhere(t *testing.T) {
	w, f := abroad(t)
	rules := []string{ownerRule}
	for i := range 3 * maxElsewhere {
		rules = append(rules, allow(i, fmt.Sprintf("acl:agentGroup <https://elsewhere.example/g%d#g>", i), "acl:default <./>", "acl:Read"))
	}
	w.acl("/box/", rules...)
	_, err := w.guard.As(ben).Stat(context.Background(), path(t, "/box/f"))
	is(t, "stat", err, ErrForbidden)
	if n := len(f.takeAsked()); n != maxElsewhere {
		t.Errorf("asked %d times, want %d", n, maxElsewhere)
	}
}

// TestListingByGroupsElsewhere sees members whose ACL names such a group, in
// modes, in listings, and in feeds.
func TestListingByGroupsElsewhere(t *testing.T) {
	w, f := abroad(t)
	ctx := context.Background()
	w.acl("/box/f", ownerRule)
	w.acl("/box/", ownerRule, allow(1, groupRules+"; acl:agent <"+string(contactID(benCID))+">", "acl:accessTo <./>; acl:default <./>", "acl:Read"))
	w.put("/box/sub/x", "text/plain", "x")
	w.acl("/box/sub/", ownerRule, allow(1, groupRules, "acl:accessTo <./>; acl:default <./>", "acl:Read"))
	for who, want := range map[string]string{string(contactID(benCID)): "", string(contactID(danCID)): "sub"} {
		names, err := w.names(map[string]webid.Agent{string(contactID(benCID)): ben, string(contactID(danCID)): dan}[who], "/box/")
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("%s sees %q, %v; want %q", who, names, err, want)
		}
	}
	w.post("p", "")
	w.acl("/social/posts/p/", ownerRule, allow(1, groupRules, "acl:accessTo <./>; acl:default <./>", "acl:Read"))
	events, _, at, err := w.guard.As(dan).Posts(ctx, "", 10)
	if err != nil || len(events) != 1 {
		t.Fatalf("Dan's feed: %v %v", events, err)
	}
	w.put("/social/posts/p/2.webp", "image/webp", "2")
	if events, _, err = w.guard.As(dan).Changes(ctx, at, 10); err != nil || len(events) != 1 || events[0].Kind != kindUpdate {
		t.Errorf("Dan hears %v, %v", events, err)
	}
	if events, _, _, err := w.guard.As(ben).Posts(ctx, "", 10); err != nil || len(events) != 0 {
		t.Errorf("Ben's feed: %v %v", events, err)
	}
	f.set()
	if _, err := w.guard.As(dan).Stat(ctx, path(t, "/box/sub/x")); !errors.Is(err, ErrForbidden) && !errors.Is(err, pod.ErrNotExist) {
		t.Errorf("who has left the group gets %v", err)
	}
}

// TestStreamsByGroupsElsewhere keeps a stream that such a group allows open when
// the pod changes, and cuts it when the ACL does.
func TestStreamsByGroupsElsewhere(t *testing.T) {
	w, _ := abroad(t)
	a, err := w.guard.As(webid.StrangerAgent(farMember)).Get(context.Background(), path(t, "/box/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	next := w.guard.As(owner).Changed()
	w.put("/box/other", "text/plain", "x")
	<-next
	second, err := w.guard.As(dan).Get(context.Background(), path(t, "/box/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if text, err := io.ReadAll(a.Resource); err != nil || string(text) != "f" || a.Context().Err() != nil {
		t.Errorf("%q, %v, %v", text, err, a.Context().Err())
	}
	w.acl("/box/", ownerRule)
	eventually(t, "both streams are cut", func() bool { return a.Context().Err() != nil && second.Context().Err() != nil })
}

// TestPatchesDoNotWaitForOthersGroups patches a resource while another patch waits
// for a group elsewhere that somebody made slow.
func TestPatchesDoNotWaitForOthersGroups(t *testing.T) {
	asked, enough := make(chan struct{}, 8), make(chan struct{})
	w := newWorld(t, Config{Groups: func(context.Context, string) ([]webid.ID, error) {
		asked <- struct{}{}
		<-enough
		return []webid.ID{contactID(benCID)}, nil
	}})
	w.put("/far/f", "text/turtle", "<#a> <x:p> 1 .")
	w.put("/near/f", "text/turtle", "<#a> <x:p> 1 .")
	w.acl("/far/", ownerRule, allow(1, "acl:agentGroup <"+farGroup+">", "acl:default <./>", "acl:Append"))
	insert, err := rdf.ParseUpdate(reader("INSERT DATA { <#a> <x:p> 2 }"), testBase, rdf.Limits{})
	is(t, "parse", err, nil)
	slow := make(chan error, 1)
	go func() {
		_, _, err := w.guard.As(ben).Patch(context.Background(), path(t, "/far/f"), insert, pod.Precondition{})
		slow <- err
	}()
	<-asked
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _, err = w.guard.As(owner).Patch(ctx, path(t, "/near/f"), insert, pod.Precondition{})
	is(t, "patch", err, nil)
	close(enough)
	is(t, "slow patch", <-slow, nil)
}
