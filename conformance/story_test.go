package conformance

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAPostReachesTheRightFriendsAndNobodyElse goes the whole way: two friends and a stranger, a post
// for one of the friends, then for both, then for none, then gone.
func TestAPostReachesTheRightFriendsAndNobodyElse(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice", "ben", "cleo", "dora")
	alice, ben, cleo, dora := people[0], people[1], people[2], people[3]
	allowed := w.befriend(alice, ben.Person, ben.Pod)
	refused := w.befriend(alice, cleo.Person, cleo.Pod)
	w.checkDoor(alice, allowed)

	forBen := must(alice.Audience(w.ctx(), allowed.CID))(t)
	before := w.impression(refused)
	strangerBefore := w.impression(w.stranger(alice.Pod))
	unknown := w.outsider(dora, alice.Pod)
	unknownBefore := w.impression(unknown)
	cursor := w.feed(refused).Cursor
	mark := w.feed(allowed).Cursor

	p := newPost(t, "2026-11-22")
	w.publish(alice, p, postACL(forBen))

	w.sees(allowed, p)
	w.checkItem(w.since(allowed, mark).Items, "Create", p)
	w.downloads(allowed, p)
	w.same("the refused friend", before, w.impression(refused))
	w.same("a stranger", strangerBefore, w.impression(w.stranger(alice.Pod)))
	w.same("somebody with a pod and no friend here", unknownBefore, w.impression(unknown))
	if got := w.since(refused, cursor); len(got.Items) > 0 || got.Cursor != cursor {
		t.Errorf("the refused friend hears %+v", got)
	}

	for what, needle := range p.canaries() {
		if files := hits(t, w.data, needle); len(files) == 0 {
			t.Errorf("the %s is nowhere in the folder, so that a search for it shows nothing", what)
		}
	}

	// Widened: one ACL names another audience.
	mark = w.feed(allowed).Cursor
	both := must(alice.Audience(w.ctx(), allowed.CID, refused.CID))(t)
	w.acl(alice, p, postACL(both))
	w.sees(refused, p)
	items := w.since(refused, cursor).Items
	if len(items) == 1 && items[0].Type == "Create" {
		items[0].Type = "Add" // what the friend knew is older than the post, which is new to them either way
	}
	w.checkItem(items, "Add", p)
	w.downloads(refused, p)
	if got := w.since(allowed, mark); len(got.Items) > 0 {
		t.Errorf("who could read all along is told that the audience changed: %+v", got.Items)
	}

	// Narrowed, widened, and narrowed again: who could read is told to drop it, each time.
	for range 2 {
		cursor = w.feed(refused).Cursor
		w.acl(alice, p, postACL(forBen))
		w.same("the friend who lost it", w.placeless(before), w.placeless(w.impression(refused)))
		w.checkGone(w.since(refused, cursor).Items, "Remove")

		cursor = w.feed(refused).Cursor
		w.acl(alice, p, postACL(both))
		w.checkItem(w.since(refused, cursor).Items, "Add", p)
	}
	w.acl(alice, p, postACL(forBen))
	cursor = w.feed(refused).Cursor

	// Deleted: who could still read is told, and nothing is left.
	mark = w.feed(allowed).Cursor
	held := w.hold(p)
	if err := alice.Delete(w.ctx(), p.folder); err != nil {
		t.Fatal(err)
	}
	w.checkGone(w.since(allowed, mark).Items, "Delete")
	if got := w.since(refused, cursor); len(got.Items) > 0 {
		t.Errorf("a friend who had lost the post hears that it was deleted: %+v", got.Items)
	}
	if got := w.get(allowed, p.folder+p.file); got.Status != http.StatusForbidden {
		t.Errorf("the photo after it was deleted: %d", got.Status)
	}
	w.erased(p)
	for name, needle := range map[string][]byte{"post.jsonld": []byte(p.text), p.file: p.canaries()["photo"]} {
		eventually(t, time.Minute, "the bytes of "+name+" are overwritten", func() bool {
			text := make([]byte, len(p.photo))
			n, err := held[name].ReadAt(text, 0)
			return (err == nil || errors.Is(err, io.EOF)) && !bytes.Contains(text[:n], needle)
		})
	}
}

// hold opens the files of a post, so that their bytes can be looked at when they have no name any more.
func (w *world) hold(p post) map[string]*os.File {
	w.t.Helper()
	held := map[string]*os.File{}
	for _, name := range []string{"post.jsonld", p.file} {
		f := must(os.Open(filepath.Join(w.data, "pods", "alice", filepath.FromSlash(p.folder), name)))(w.t)
		w.t.Cleanup(func() { f.Close() })
		held[name] = f
	}
	return held
}

// TestAPostMadeByPlainLDPIsSeenLikeAnyOther writes with PUT and deletes with DELETE, as any Solid app does.
func TestAPostMadeByPlainLDPIsSeenLikeAnyOther(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := must(newPerson("ben"))(t)
	friend := w.befriend(alice, ben)
	audience := must(alice.Audience(w.ctx(), friend.CID))(t)
	p := newPost(t, "2026-11-23")

	w.put(alice, p.folder+"post.jsonld", "application/ld+json", p.note, http.StatusCreated)
	w.put(alice, p.folder+p.file, "image/jpeg", p.photo, http.StatusCreated)
	if got := w.feed(friend).Items; len(got) > 0 {
		t.Errorf("the post is in the feed before its ACL names anybody: %+v", got)
	}
	w.put(alice, p.folder+".acl", "text/turtle", postACL(audience), http.StatusCreated)
	w.sees(friend, p)
	w.downloads(friend, p)

	cursor := w.feed(friend).Cursor
	first := p.photo
	p.photo = photo(t)
	w.put(alice, p.folder+p.file, "image/jpeg", p.photo, http.StatusNoContent, http.StatusOK)
	w.checkItem(w.since(friend, cursor).Items, "Update", p)
	w.downloads(friend, p)
	old := first[len(first)/2:][:48]
	eventually(t, time.Minute, "the replaced photo is erased", func() bool { return len(hits(t, w.data, old)) == 0 })

	cursor = w.feed(friend).Cursor
	r := Request{Method: http.MethodDelete, Target: p.folder}
	w.want(w.ask(alice, r), r, http.StatusConflict)
	for _, name := range []string{"post.jsonld", p.file, ""} {
		r := Request{Method: http.MethodDelete, Target: p.folder + name}
		w.want(w.ask(alice, r), r, http.StatusNoContent, http.StatusOK)
	}
	items := w.since(friend, cursor).Items
	w.checkGone(items[max(0, len(items)-1):], "Delete")
	w.erased(p)
}

// outsider is somebody who has a pod of their own, and asks another with the token for that.
func (w *world) outsider(who *resident, where Pod) *Agent {
	w.t.Helper()
	must(who.Token(w.ctx()))(w.t)
	a := who.fixed(w.t)
	a.Pod = where
	got := w.get(a, "social/posts/")
	if got.Status != http.StatusUnauthorized || !strings.Contains(got.Header.Get("WWW-Authenticate"), "invalid_token") {
		w.t.Errorf("a token for another pod: %d %v", got.Status, got.Header)
	}
	a.Forget()
	if token, err := a.Token(w.ctx()); err == nil {
		w.t.Errorf("somebody who is no friend here gets the token %s", token)
	}
	who.Forget()
	must(who.Token(w.ctx()))(w.t)
	a = who.fixed(w.t)
	a.Pod = where
	return a
}

// checkDoor asks that a friend is told who the owner is and who they are themselves.
func (w *world) checkDoor(owner *resident, f *Friend) {
	w.t.Helper()
	d := must(f.Door(w.ctx()))(w.t)
	want := Door{Label: owner.Label, Name: owner.Name, List: owner.List, Keys: owner.Keys, WebID: "../contacts/" + f.CID + "/card#me", Inbox: "in/" + f.CID + "/", Feed: "feed"}
	ways := d.Ways
	d.Ways = nil
	if fmt.Sprint(d) != fmt.Sprint(want) || !slices.Equal(ways, []Pod{owner.Pod}) {
		w.t.Errorf("the door says %+v and %v, want %+v", d, ways, want)
	}
	if f.WebID != owner.Pod.URL+"contacts/"+f.CID+"/card#me" {
		w.t.Errorf("the friend is %s", f.WebID)
	}
	note := []byte(`{"type":"Like"}`)
	r := Request{Method: http.MethodPut, Target: "social/" + d.Inbox + random(16), Body: note, Header: fields("Content-Type", "application/ld+json", "If-None-Match", "*")}
	w.want(w.ask(f, r), r, http.StatusCreated)
	w.want(w.ask(f, r), r, http.StatusPreconditionFailed)
	r.Header.Del("If-None-Match")
	w.want(w.ask(f, r), r, http.StatusForbidden)
	if got := w.get(owner, r.Target); got.Status != http.StatusOK || !bytes.Equal(got.Body, note) {
		w.t.Errorf("the owner finds %d %q in the inbox", got.Status, got.Body)
	}
	if got := w.get(f, r.Target); got.Status != http.StatusForbidden {
		w.t.Errorf("a friend reads what was left in the inbox: %d", got.Status)
	}
}

// sees asks that the post is in the friend's feed and in the listing of posts, with one state.
func (w *world) sees(f *Friend, p post) {
	w.t.Helper()
	items := w.feed(f).Items
	w.checkItem(items, "Add", p)
	inline := must(f.Feed(w.ctx(), "inline=1"))(w.t).Items
	if len(inline) == 0 || inline[0].Post["content"] != p.text {
		w.t.Errorf("the feed with inline=1 has %+v", inline)
	}
	listing := w.get(f, "social/posts/")
	if listing.Status != http.StatusOK || !strings.Contains(string(listing.Body), strings.Split(p.folder, "/")[2]) {
		w.t.Errorf("the listing of posts: %d\n%s", listing.Status, listing.Body)
	}
	if got := w.get(f, p.folder).Header.Get("ETag"); len(items) > 0 && got != items[0].State {
		w.t.Errorf("the folder has the ETag %s, the feed says state %s", got, items[0].State)
	}
	if got := w.get(f, p.folder+".acl"); got.Status != http.StatusForbidden {
		w.t.Errorf("a friend asks for the ACL: %d %s", got.Status, got.Body)
	}
}

// checkItem asks that the only item is about the post.
func (w *world) checkItem(items []Item, kind string, p post) {
	w.t.Helper()
	if len(items) != 1 || items[0].Type != kind || items[0].Object != p.object() || items[0].State == "" ||
		!strings.HasPrefix(items[0].ID, "urn:kith:") || items[0].Published != p.folder[13:23]+"T10:00:00Z" {
		w.t.Errorf("the feed has %+v, want one %s of %s", items, kind, p.object())
	}
}

// checkGone asks that the only item tells of an end, and nothing more.
func (w *world) checkGone(items []Item, kind string) {
	w.t.Helper()
	if len(items) != 1 || items[0].Type != kind || items[0].ID == "" || items[0].Object != "" || items[0].State != "" || items[0].Published != "" {
		w.t.Errorf("the feed has %+v, want one bare %s", items, kind)
	}
}

// downloads asks for the post's files: whole, in ranges, under conditions.
func (w *world) downloads(f *Friend, p post) {
	w.t.Helper()
	if got := w.get(f, p.folder+"post.jsonld"); got.Status != http.StatusOK || !bytes.Equal(got.Body, p.note) {
		w.t.Errorf("post.jsonld: %d %q", got.Status, got.Body)
	}
	whole := w.get(f, p.folder+p.file)
	if whole.Status != http.StatusOK || !bytes.Equal(whole.Body, p.photo) || whole.Header.Get("Content-Type") != "image/jpeg" {
		w.t.Fatalf("the photo: %d, %d bytes of %q", whole.Status, len(whole.Body), whole.Header)
	}
	sum := sha256.Sum256(append([]byte("image/jpeg\x00"), p.photo...))
	etag := `"` + b64.EncodeToString(sum[:16]) + `"`
	if got := whole.Header.Get("ETag"); got != etag {
		w.t.Errorf("the photo has the ETag %s, want %s: the digest of its type and bytes", got, etag)
	}
	for _, c := range []struct {
		name   string
		header []string
		status int
		body   []byte
	}{
		{"the first bytes", []string{"Range", "bytes=0-99"}, http.StatusPartialContent, p.photo[:100]},
		{"the last bytes", []string{"Range", "bytes=-7"}, http.StatusPartialContent, p.photo[len(p.photo)-7:]},
		{"a range of this state", []string{"Range", "bytes=5-9", "If-Range", etag}, http.StatusPartialContent, p.photo[5:10]},
		{"a range of another state", []string{"Range", "bytes=5-9", "If-Range", `"other"`}, http.StatusOK, p.photo},
		{"a range behind the end", []string{"Range", "bytes=99999999-"}, http.StatusRequestedRangeNotSatisfiable, nil},
		{"what is known already", []string{"If-None-Match", etag}, http.StatusNotModified, []byte{}},
		{"what is new", []string{"If-None-Match", `"other"`}, http.StatusOK, p.photo},
		{"another state", []string{"If-Match", `"other"`}, http.StatusPreconditionFailed, nil},
	} {
		got := w.get(f, p.folder+p.file, c.header...)
		if got.Status != c.status || c.body != nil && !bytes.Equal(got.Body, c.body) {
			w.t.Errorf("%s: %d with %d bytes, want %d", c.name, got.Status, len(got.Body), c.status)
		}
	}
	head := w.ask(f, Request{Method: http.MethodHead, Target: p.folder + p.file})
	if head.Status != http.StatusOK || len(head.Body) != 0 || head.Header.Get("ETag") != etag || head.Header.Get("Content-Length") != fmt.Sprint(len(p.photo)) {
		w.t.Errorf("HEAD of the photo: %d %v", head.Status, head.Header)
	}
}

// acl replaces the post's ACL.
func (w *world) acl(owner *resident, p post, acl []byte) {
	w.t.Helper()
	if err := owner.Put(w.ctx(), p.folder+".acl", "text/turtle", acl); err != nil {
		w.t.Fatal(err)
	}
}

// impression is all that an asker gets to know of a pod without a name: door, feed, listings.
func (w *world) impression(a asker) []Answer {
	w.t.Helper()
	var all []Answer
	for _, target := range []string{"", "social/", "social/posts/", "social/posts/?page=2", "social/door", "social/feed", "social/feed?limit=1", "social/feed?inline=1",
		"social/in/", "social/audiences/", "contacts/", "circles/", "profile/", "profile/devices", ".replica", ".replica?after=0", ".invites/", ".pair/links"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			all = append(all, w.ask(a, Request{Method: method, Target: target}))
		}
	}
	return all
}

// same asks that nothing has changed for somebody.
func (w *world) same(who string, before, after []Answer) {
	w.t.Helper()
	for i := range before {
		if d := difference(before[i], after[i]); d != "" {
			w.t.Errorf("%s sees a difference in answer %d: %s", who, i, d)
		}
	}
}

// placeless returns answers without the cursors in them: who was told of an Add and a Remove stands at
// another place than before, and knows it.
func (w *world) placeless(answers []Answer) []Answer {
	w.t.Helper()
	var all []Answer
	for _, a := range answers {
		head, cursor, found := strings.Cut(string(a.Body), `"kith:cursor":"`)
		if a.Header = a.Header.Clone(); strings.HasPrefix(a.Header.Get("Content-Type"), "application/activity+json") {
			a.Header.Del("ETag")
		}
		if found {
			a.Body = fmt.Append(nil, head, len(cursor))
		}
		all = append(all, a)
	}
	return all
}

// difference tells how two answers differ, but for their Date; "" if they do not.
func difference(a, b Answer) string {
	if a.Status != b.Status {
		return fmt.Sprintf("status %d, then %d (%s, then %s)", a.Status, b.Status, a.Body, b.Body)
	}
	if !bytes.Equal(a.Body, b.Body) {
		return fmt.Sprintf("%d with the body\n%s\nthen\n%s", a.Status, a.Body, b.Body)
	}
	for _, name := range slices.Sorted(maps.Keys(merged(a.Header, b.Header))) {
		if name != "Date" && !slices.Equal(a.Header[name], b.Header[name]) {
			return fmt.Sprintf("%d with the %s %q, then %q", a.Status, name, a.Header[name], b.Header[name])
		}
	}
	return ""
}

// merged returns a header with the names of both.
func merged(a, b http.Header) http.Header {
	all := a.Clone()
	maps.Copy(all, b)
	return all
}

// erased asks that nothing of the post is left in the folder of the server.
func (w *world) erased(p post) {
	w.t.Helper()
	for what, needle := range p.canaries() {
		var files []string
		eventually(w.t, time.Minute, fmt.Sprintf("the %s of the deleted post is erased", what), func() bool {
			files = hits(w.t, w.data, needle)
			return len(files) == 0
		})
	}
}
