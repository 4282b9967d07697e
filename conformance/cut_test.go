package conformance

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"
)

// TestADownloadIsCutWhenTheRightToItEnds lets friends read a large film slowly, and takes the right away
// from each in another manner.
func TestADownloadIsCutWhenTheRightToItEnds(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	film := bytes.Repeat([]byte("moving pictures "), 3<<20) // 48 MiB
	names := []string{"removed", "blocked", "left out", "outdated", "narrowed", "deleted"}
	friends, cids := make([]*Friend, len(names)), []string{}
	for i, name := range names {
		friends[i] = w.befriend(alice, must(newPerson(name))(t))
		cids = append(cids, friends[i].CID)
	}
	audience := must(alice.Audience(w.ctx(), cids...))(t)
	p := newPost(t, "2026-11-22")
	w.publish(alice, p, postACL(audience))
	if err := alice.Put(w.ctx(), p.folder+"film.mp4", "video/mp4", film); err != nil {
		t.Fatal(err)
	}

	card := func(i int) string { return "contacts/" + cids[i] + "/card" }
	for i, end := range []func(){
		func() { must(0, alice.Delete(w.ctx(), "contacts/"+cids[0]+"/"))(t) },
		func() { w.edit(alice, card(1), `"kith:blocked":false`, `"kith:blocked":true`) },
		func() { must(0, alice.Put(w.ctx(), "social/audiences/"+audience, "text/turtle", group(cids[3:])))(t) },
		func() { w.edit(alice, card(3), `"kith:grant":1`, `"kith:grant":2`) },
		func() { w.acl(alice, p, postACL("")) },
		func() { must(0, alice.Delete(w.ctx(), p.folder))(t) },
	} {
		w.acl(alice, p, postACL(audience))
		w.checkCut(names[i], friends[i], p.folder+"film.mp4", int64(len(film)), end)
		after := w.get(friends[i].Agent.fixed(t), "social/door")
		friend := i == 2 || i > 3
		if friend != (after.Status == http.StatusOK) || !friend && after.Status != http.StatusUnauthorized {
			t.Errorf("%s: the same token at the door: %d %s", names[i], after.Status, after.Body)
		}
	}
	for _, i := range []int{0, 1} {
		friends[i].Forget()
		if token, err := friends[i].Token(w.ctx()); err == nil {
			t.Errorf("%s: got the new token %s", names[i], token)
		}
	}
	friends[3].Forget()
	if got := w.get(friends[3], "social/door"); got.Status != http.StatusOK {
		t.Errorf("a friend with a new grant and a new token: %d %s", got.Status, got.Body)
	}
}

// fixed returns an agent with the token that a has, and asks for no other.
func (a *Agent) fixed(t *testing.T) *Agent {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == "" {
		t.Fatal("the agent has no token")
	}
	return &Agent{Wire: a.Wire, Device: a.Device, Pod: a.Pod, token: a.token, expires: time.Now().Add(time.Hour)}
}

// edit replaces a part of a resource that the owner has, as the next version.
func (w *world) edit(owner *resident, path, old, new string) {
	w.t.Helper()
	answer := w.get(owner, path)
	text := bytes.Replace(answer.Body, []byte(old), []byte(new), 1)
	if answer.Status != http.StatusOK || bytes.Equal(text, answer.Body) {
		w.t.Fatalf("%s: %d, and %s is not in %s", path, answer.Status, old, answer.Body)
	}
	if err := owner.Put(w.ctx(), path, answer.Header.Get("Content-Type"), text); err != nil {
		w.t.Fatal(err)
	}
}

// cutTime is how soon after a change was acknowledged a body must have ended.
const cutTime = 2 * time.Second

// checkCut starts a download, lets end happen in the middle of it, and asks that the rest does not come.
func (w *world) checkCut(name string, f *Friend, target string, size int64, end func()) {
	w.t.Helper()
	slow := *w.wire
	slow.Window = 64 << 10
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	a := f.fixedOr(w, &slow)
	res, err := a.Open(ctx, Request{Method: http.MethodGet, Target: target})
	if err != nil || res.StatusCode != http.StatusOK || res.ContentLength != size {
		w.t.Fatalf("%s: the download does not start: %v %v", name, res, err)
	}
	defer res.Body.Close()
	type result struct {
		n   int64
		err error
	}
	started, done := make(chan struct{}), make(chan result, 1)
	go func() {
		n, err := res.Body.Read(make([]byte, 1000))
		close(started)
		if err == nil {
			var m int64
			m, err = drain(res.Body, 2*time.Millisecond)
			n += int(m)
		}
		done <- result{int64(n), err}
	}()
	<-started
	end()
	acknowledged := time.Now()
	select {
	case r := <-done:
		if r.n >= size {
			w.t.Errorf("%s: the whole body came, %d bytes", name, r.n)
		}
		w.t.Logf("%s: cut %v after the change, %d of %d bytes, %v", name, time.Since(acknowledged).Round(time.Millisecond), r.n, size, r.err)
	case <-time.After(cutTime):
		cancel()
		<-done
		w.t.Errorf("%s: bytes still come %v after the change", name, cutTime)
	}
}

// fixedOr returns an agent of the same device and token over another wire.
func (f *Friend) fixedOr(w *world, wire *Wire) *Agent {
	w.t.Helper()
	token := must(f.Token(w.ctx()))(w.t)
	return &Agent{Wire: wire, Device: f.Device, Pod: f.Pod, token: token, expires: time.Now().Add(time.Hour)}
}

// TestALongPollEndsForWhatIsVisibleOnly lets a friend wait while hidden and visible things happen, and until
// the friend is removed.
func TestALongPollEndsForWhatIsVisibleOnly(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice", "zoe")
	alice, zoe := people[0], people[1]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	cleo := w.befriend(alice, must(newPerson("cleo"))(t))
	forBen := must(alice.Audience(w.ctx(), ben.CID))(t)
	forCleo := must(alice.Audience(w.ctx(), cleo.CID))(t)

	first := w.feed(ben)
	wait := func(f *Friend, cursor string) <-chan Page {
		pages := make(chan Page, 1)
		ctx := w.ctx()
		must(f.Token(ctx))(t)
		go func() {
			defer close(pages)
			if page, err := f.Since(ctx, cursor, "20"); err == nil {
				pages <- page
			}
		}()
		return pages
	}
	waiting := wait(ben, first.Cursor)
	hidden := newPost(t, "2026-11-21")
	w.publish(alice, hidden, postACL(forCleo))
	must(0, alice.Put(w.ctx(), "circles/close", "text/turtle", group([]string{cleo.CID})))(t)
	w.put(alice, "notes/today.txt", "text/plain", []byte("nothing to see"), http.StatusCreated)
	select {
	case page := <-waiting:
		t.Fatalf("a hidden change ended the long poll: %+v", page)
	default:
	}
	seen := newPost(t, "2026-11-22")
	w.publish(alice, seen, postACL(forBen))
	published := time.Now()
	page, ok := <-waiting
	if !ok || time.Since(published) > 3*time.Second {
		t.Fatalf("the long poll answered %v after the post, %v", time.Since(published), ok)
	}
	w.checkItem(page.Items, "Create", seen)

	// Cursors are of one size, belong to one agent, and stand still while nothing visible happens.
	if again := w.since(ben, page.Cursor); len(again.Items) != 0 || again.Cursor != page.Cursor {
		t.Errorf("asked again at once: %+v", again)
	}
	other := w.feed(cleo).Cursor
	if len(other) != len(page.Cursor) || other == page.Cursor || len(first.Cursor) != len(other) {
		t.Errorf("cursors %q, %q and %q", first.Cursor, page.Cursor, other)
	}
	zoeFeed := w.feed(zoe).Cursor
	for _, c := range []struct {
		name, cursor string
		want         int
	}{
		{"another agent's", other, http.StatusGone},
		{"another pod's", zoeFeed, http.StatusGone},
		{"a changed", page.Cursor[:len(page.Cursor)-2] + "AA", http.StatusGone},
		{"no", "x", http.StatusBadRequest},
		{"an empty", "", http.StatusBadRequest},
	} {
		if got := w.get(ben, "social/feed?cursor="+c.cursor); got.Status != c.want {
			t.Errorf("%s cursor: %d %s", c.name, got.Status, got.Body)
		}
	}

	waiting = wait(ben, page.Cursor)
	must(0, alice.Delete(w.ctx(), "contacts/"+ben.CID+"/"))(t)
	removed := time.Now()
	later := newPost(t, "2026-11-23")
	w.publish(alice, later, postACL(forBen))
	if page, ok := <-waiting; ok && len(page.Items) > 0 && page.Items[0].Object != "" {
		t.Errorf("who was removed while waiting was told of %+v", page.Items)
	}
	if since := time.Since(removed); since > 5*time.Second {
		t.Errorf("who was removed while waiting was answered %v later", since)
	}
}
