package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/pod"
	"kith/sealed"
	"kith/webid"

	"zombiezen.com/go/sqlite"
)

const (
	postOne = "/social/posts/2026-11-22-a/post.jsonld"
	postTwo = "/social/posts/2026-11-22-b/post.jsonld"
)

// newShared is newFriends with a post that the friend may read, and one that the friend may not.
func newShared(t *testing.T, c *clock, posts ...*post) *befriended {
	b := newFriends(t, c, posts...)
	b.share("2026-11-22-a", `{"content":"for Ben"}`, true)
	b.share("2026-11-22-b", `{"content":"for nobody"}`, false)
	return b
}

func TestAPodBehindANATIsPairedInvitesAndIsRead(t *testing.T) {
	c := newClock()
	b := newShared(t, c, newPost(t, c))
	if a := b.ana.must(http.StatusOK, "GET", postOne, ""); a.body != `{"content":"for Ben"}` || a.header.Get("Kith-By") != b.me().sealed.Device {
		t.Errorf("Ben reads %+v", a)
	}
	hidden := b.ana.must(http.StatusForbidden, "GET", postTwo, "")
	absent := b.ana.must(http.StatusForbidden, "GET", "/social/posts/2026-11-22-c/post.jsonld", "")
	if hidden.body != absent.body {
		t.Errorf("what is hidden: %s\nwhat is absent: %s", hidden.body, absent.body)
	}
	b.ana.must(http.StatusOK, "HEAD", postOne, "")
	a := b.ana.must(http.StatusPartialContent, "GET", postOne, "", "Range", "bytes=12-14")
	if a.body != "for" || a.header.Get("Content-Range") != "bytes 12-14/21" {
		t.Errorf("a range: %+v", a)
	}
	b.ana.must(http.StatusNotModified, "GET", postOne, "", "If-None-Match", a.header.Get("ETag"))
	inbox := "/social/in/" + b.ana.CID + "/"
	b.ana.must(http.StatusCreated, "PUT", inbox+"n1", `{"type":"Like"}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	b.ana.must(http.StatusPreconditionFailed, "PUT", inbox+"n1", `{"type":"Like"}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	b.ana.must(http.StatusPreconditionRequired, "PUT", inbox+"n1", `{}`, "Content-Type", "application/ld+json")
	if got := b.phone.must(http.StatusOK, "GET", "/.replica"+inbox+"n1", "").body; got != `{"type":"Like"}` {
		t.Errorf("the owner finds %s", got)
	}
	for _, target := range []string{"POST " + postOne, "DELETE " + postOne, "PATCH " + postOne, "GET /.replica", "GET /token", "GET /profile/card", "PUT " + postOne,
		"GET /social/posts/2026-11-22-a/.acl", "GET /contacts/" + b.ana.CID + "/card", "POST /.invites/", "GET /../other/social/door"} {
		method, path, _ := strings.Cut(target, " ")
		if a, err := b.ana.ask(method, path, ""); err != nil || a.status != http.StatusForbidden && a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d, %v", target, a.status, err)
		}
	}
}

func TestTheDoorNamesTheWaysOfThisFriendAlone(t *testing.T) {
	c := newClock()
	one, two := newPost(t, c), newPost(t, c)
	b := newShared(t, c, one, two)
	set := b.settings()
	var door struct {
		Ways  []webid.Way
		Label string
	}
	if err := json.Unmarshal([]byte(b.ana.must(http.StatusOK, "GET", "/social/door", "").body), &door); err != nil {
		t.Fatal(err)
	}
	want := set.ways(b.ana.CID + " 1")
	if fmt.Sprint(door.Ways) != fmt.Sprint(want) || len(want) != 2 || door.Label != b.owner.label() {
		t.Errorf("the door says %+v, want %+v", door, want)
	}
	for _, w := range door.Ways {
		b.ben.registered(w)
	}
	if !b.ben.known(set.Secret.way(one.url, nameOwn)) || b.ben.known(set.Secret.way(one.url, b.ana.CID+" 2")) {
		t.Error("the relay knows other ways than those that are told")
	}
}

// TestTheSameAnswerByEveryWay asks by a relay, by a POST to the pod, and as HTTPS does it.
func TestTheSameAnswerByEveryWay(t *testing.T) {
	c := newClock()
	b := newShared(t, c, newPost(t, c))
	web := httptest.NewServer(b.Server)
	t.Cleanup(web.Close)
	direct := *b.ana.line
	direct.Carrier = sealed.HTTPS{URL: web.URL + "/" + DefaultName + "/.sealed", Client: web.Client()}
	h := b.me()
	ben := webid.ContactAgent(webid.ID(h.url+"contacts/"+b.ana.CID+"/card#me"), b.ana.CID, 1, b.ben.kid())
	for _, path := range []string{postOne, postTwo, "/social/door", "/social/posts/", "/social/feed", "/social/posts/2026-11-22-a/", "/social/none"} {
		relayed, err := b.ana.ask("GET", path, "")
		posted, failed := direct.ask("GET", path, "")
		if err = errors.Join(err, failed); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/"+DefaultName+path, nil)
		r.Header.Set("Accept", "*/*")
		if strings.HasSuffix(path, "/") {
			r.Header.Set("Accept", "application/ld+json")
		}
		plain := httptest.NewRecorder()
		if err := h.answer(plain, r, ben, path); err != nil {
			h.refuse(plain, r, err)
		}
		for way, a := range map[string]answer{"a relay": relayed, "a POST": posted} {
			same := a.status == plain.Code && a.header.Get("ETag") == plain.Header().Get("ETag")
			if !same || a.status == http.StatusOK && a.body != plain.Body.String() && path != "/social/feed" {
				t.Errorf("%s by %s: %d %s %s\nplain: %d %s %s", path, way, a.status, a.header, a.body, plain.Code, plain.Header(), plain.Body)
			}
		}
	}
	for name, body := range map[string][]byte{"nothing": nil, "nonsense": bytes.Repeat([]byte{1}, 1024)} {
		for _, pod := range []string{DefaultName, "nobody-is-here"} {
			a, err := web.Client().Post(web.URL+"/"+pod+"/.sealed", "application/octet-stream", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if a.Body.Close(); a.StatusCode != http.StatusNotFound {
				t.Errorf("%s to %s: %d", name, pod, a.StatusCode)
			}
		}
	}
}

func TestALargeFileComesInPiecesThroughARelay(t *testing.T) {
	c := newClock()
	b := newShared(t, c, newPost(t, c))
	video := make([]byte, 3<<20)
	for i := range video {
		video[i] = byte(i * i >> 8)
	}
	if err := b.me().write(context.Background(), "/social/posts/2026-11-22-a/1.mp4", "video/mp4", string(video), absent); err != nil {
		t.Fatal(err)
	}
	a := b.ana.must(http.StatusOK, "GET", "/social/posts/2026-11-22-a/1.mp4", "")
	if a.body != string(video) {
		t.Errorf("%d bytes, want %d", len(a.body), len(video))
	}
}

func TestWhatWaitsIsAnsweredWhenThePodReturns(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	bag := b.ben.bag(p)
	b.stop()
	get := b.ana.leave(bag, "GET", postOne, "")
	put := b.ana.leave(bag, "PUT", "/social/in/"+b.ana.CID+"/n1", `{"type":"Like"}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	c.pass(10 * 24 * time.Hour)
	b.start()
	answers := map[int]string{}
	for range 2 { // in any order
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		m, err := bag.box.Next(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		for _, pending := range []sealed.Pending{get, put} {
			if r, err := pending.Open(m.Body); err == nil {
				a, _ := read(r)
				answers[a.status] = a.body
			}
		}
	}
	if answers[http.StatusOK] != `{"content":"for Ben"}` || len(answers) != 2 {
		t.Errorf("answers %v", answers)
	}
	eventually(t, "nothing waits for the pod", func() bool { return p.server.Counters()["acked"] >= 2 })
}

// TestRevokedBetweenSendingAndExecution edits the folder while the pod is away.
func TestRevokedBetweenSendingAndExecution(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	bag := b.ben.bag(p)
	never := b.ana.must(http.StatusForbidden, "GET", postTwo, "")
	b.stop()
	waits := b.ana.leave(bag, "GET", postOne, "")
	acl := filepath.Join(b.dir, "pods", DefaultName, "social", "posts", "2026-11-22-a", ".acl")
	other := filepath.Join(b.dir, "pods", DefaultName, "social", "posts", "2026-11-22-b", ".acl")
	text, err := os.ReadFile(other)
	if err == nil {
		err = os.WriteFile(acl, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.start()
	if a := bag.next(waits); a.status != never.status || a.body != never.body {
		t.Errorf("revoked meanwhile: %+v\nnever allowed: %+v", a, never)
	}
}

// forget makes the owner's friend a friend no more, or a blocked one, from the phone.
func (b *befriended) forget(blocked bool) {
	b.t.Helper()
	card := "/contacts/" + b.ana.CID + "/card"
	if !blocked {
		b.owner.version++
		b.phone.must(http.StatusNoContent, "DELETE", "/.replica/contacts/"+b.ana.CID+"/", "", "Kith-Version", fmt.Sprintf("%d.%s", b.owner.version+1<<20, b.owner.kid()))
		return
	}
	text := b.phone.must(http.StatusOK, "GET", "/.replica"+card, "").body
	b.owner.version += 1 << 20
	b.owner.put(b.phone, card, "application/ld+json", strings.Replace(text, `"kith:blocked":false`, `"kith:blocked":true`, 1))
}

func TestUnfriendWhileQueued(t *testing.T) {
	c := newClock()
	p, far := newPost(t, c), newPost(t, c)
	b := newShared(t, c, p)
	b.allow(far)
	bag, way := b.ben.bag(far), b.ana.Ways[0]
	bag.box.Close() // Ben sleeps
	b.ana.leave(bag, "GET", postOne, "")
	b.ana.leave(bag, "GET", "/social/door", "")
	eventually(t, "the answers wait", func() bool { return b.waiting() == 2 && far.server.Counters()["now_messages"] == 2 })
	b.forget(false)
	eventually(t, "the way is gone", func() bool { return !b.ben.known(way) })
	eventually(t, "the answers are taken back", func() bool { return b.waiting() == 0 && far.server.Counters()["now_messages"] == 0 })
	message, _ := b.ana.seal(bag, "GET", postOne, "")
	if _, _, err := b.me().sealed.Answer(context.Background(), message); !errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("a friend no more is answered: %v", err)
	}
}

// waiting returns how many answers can be taken back.
func (b *befriended) waiting() int {
	b.t.Helper()
	all, err := b.state.queued(context.Background(), DefaultName)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(all)
}

func TestAQueuedAnswerIsCancelledOnDelete(t *testing.T) {
	for name, change := range map[string]func(*befriended){
		"deleted": func(b *befriended) {
			b.owner.version++
			b.phone.must(http.StatusNoContent, "DELETE", "/.replica/social/posts/2026-11-22-a/", "", "Kith-Version", fmt.Sprintf("%d.%s", b.owner.version, b.owner.kid()))
		},
		"narrowed": func(b *befriended) { b.audience("2026-11-22-a", false) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			p, far := newPost(t, c), newPost(t, c)
			b := newShared(t, c, p)
			b.allow(far)
			bag := b.ben.bag(far)
			bag.box.Close() // Ben sleeps
			for _, path := range []string{postOne, "/social/feed?inline=1", "/social/posts/", "/social/door"} {
				b.ana.leave(bag, "GET", path, "")
			}
			eventually(t, "the answers wait", func() bool { return b.waiting() == 4 })
			b.share("2026-11-22-d", `{"content":"more"}`, true)
			change(b)
			eventually(t, "what carries the post is taken back", func() bool { return b.waiting() == 1 })
			if n := far.server.Counters()["now_messages"]; n != 1 {
				t.Errorf("%d answers wait at Ben's relay, want that of the door", n)
			}
		})
	}
}

// allow lets the pod call a relay that is not its own; it starts again for that.
func (s *kitchen) allow(p *post) {
	s.t.Helper()
	s.stop()
	s.also = append(s.also, p.at)
	s.start()
}

func TestAReplyGoesNowhereNearTheHouse(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	asked := make(chan struct{}, 1)
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	t.Cleanup(inside.Close)
	bag := &mailbag{addr: inside.URL + "/s/" + encode(make([]byte, 24))}
	message, _ := b.ana.seal(bag, "GET", postOne, "")
	b.ana.drop(message)
	eventually(t, "the answer is given up", func() bool { return b.me().reach.errand.sulking(b.ben.label()) })
	select {
	case <-asked:
		t.Error("the pod called an address in the house")
	default:
	}
}

func TestBlockedAndUnknownLookAlike(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	stranger := newHuman(t, c, "Eve")
	lines := map[string]*line{
		"unknown":     stranger.to(b.owner.label(), b.ana.Ways[0], b.ana.Salt, sealed.Recipients(b.ana.Lists)...),
		"misdirected": b.ben.to(stranger.label(), b.ana.Ways[0], b.ana.Salt, sealed.Recipients(b.ana.Lists)...),
		"wrong salt":  b.ben.to(b.owner.label(), b.ana.Ways[0], make([]byte, 32), sealed.Recipients(b.ana.Lists)...),
	}
	card := filepath.Join(b.dir, "pods", DefaultName, "contacts", b.ana.CID, "card")
	text, err := os.ReadFile(card)
	if err == nil {
		b.stop()
		err = os.WriteFile(card, bytes.Replace(text, []byte(`"kith:blocked":false`), []byte(`"kith:blocked":true`), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.start()
	web := httptest.NewServer(b.Server)
	t.Cleanup(web.Close)
	lines["blocked"] = b.ana.line
	seen := map[string]bool{}
	for name, l := range lines {
		message, _ := l.seal(nil, "GET", postOne, "")
		a, err := web.Client().Post(web.URL+"/"+DefaultName+"/.sealed", "application/octet-stream", bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := read(a)
		got.header.Del("Date")
		seen[fmt.Sprint(got)] = true
		if _, _, err := b.me().sealed.Answer(context.Background(), message); !errors.Is(err, sealed.ErrDeclined) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(seen) != 1 {
		t.Errorf("answers differ: %v", seen)
	}
	eventually(t, "the blocked friend has no way", func() bool { return !b.ben.known(b.ana.Ways[0]) })
}

func TestReplayed(t *testing.T) {
	c := newClock()
	p, other := newPost(t, c), newPost(t, c)
	b := newShared(t, c, p, other)
	inbox := "/social/in/" + b.ana.CID + "/"
	bag := b.ben.bag(p)
	message, pending := b.ana.seal(bag, "PUT", inbox+"n1", `{"type":"Like"}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	b.ben.registered(b.ana.Ways[1])
	again := b.ben.lineOf(b.ana, 1)
	b.ana.drop(message)
	if a := bag.next(pending); a.status != http.StatusCreated {
		t.Errorf("the first time: %+v", a)
	}
	for _, l := range []*line{b.ana.line, again, again} { // to the same queue, and to another
		l.drop(message)
		if a := bag.next(pending); a.status != http.StatusCreated {
			t.Errorf("again: %+v", a)
		}
	}
	other2 := newHuman(t, c, "Carl") // another recipient
	carl := newKitchen(t, c, other)
	own := other2.pair(carl)
	if _, _, err := carl.me().sealed.Answer(context.Background(), message); !errors.Is(err, sealed.ErrDeclined) || own == nil {
		t.Errorf("another pod: %v", err)
	}
	var rows struct{ Rows []struct{ Path string } }
	if err := json.Unmarshal([]byte(b.phone.must(http.StatusOK, "GET", "/.replica", "").body), &rows); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, r := range rows.Rows {
		if strings.HasPrefix(r.Path, inbox+"n") {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d messages in the inbox", found)
	}
	c.pass(15 * 24 * time.Hour)
	if _, _, err := b.me().sealed.Answer(context.Background(), message); !errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("after its time: %v", err)
	}
}

func TestDuplicateAfterLostACK(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	bag, h := b.ben.bag(p), b.me()
	b.ana.must(http.StatusOK, "GET", postOne, "")
	message, pending := b.ana.seal(bag, "PUT", "/social/in/"+b.ana.CID+"/n1", `{"type":"Like"}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	if _, reply, err := h.sealed.Answer(context.Background(), message); err != nil || reply.Status != http.StatusCreated { // done, and then the pod died
		t.Fatal(reply, err)
	}
	b.ana.drop(message) // so the relay still has it
	b.stop()
	b.start()
	if a := bag.next(pending); a.status != http.StatusPreconditionFailed && a.status != http.StatusCreated {
		t.Errorf("done twice: %+v", a)
	}
}

// TestDoneIsDoneOverAKill: what a friend asked for was done, and the owner has taken it away; a relay that kept the
// message brings it to the pod that was started again on the disk of one that was killed.
func TestDoneIsDoneOverAKill(t *testing.T) {
	c := newClock()
	b := newShared(t, c, newPost(t, c))
	at := "/social/in/" + b.ana.CID + "/n1"
	message, _ := b.ana.seal(b.ben.bag(b.posts[0]), "PUT", at, `{"type":"Like"}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	ask := func() int {
		t.Helper()
		_, reply, err := b.me().sealed.Answer(t.Context(), message)
		if err != nil {
			t.Fatal(err)
		}
		return reply.Status
	}
	if status := ask(); status != http.StatusCreated {
		t.Fatal(status)
	}
	b.erase(at)
	killed := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(killed, os.DirFS(b.dir)); err != nil { // what a kill leaves
		t.Fatal(err)
	}
	b.stop()
	b.dir = killed
	b.start()
	if status := ask(); status != http.StatusCreated {
		t.Errorf("the answer is %d", status)
	}
	if _, err := os.Stat(filepath.Join(killed, "pods", DefaultName, filepath.FromSlash(at))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was done twice: %v", err)
	}
	c.pass(sealedLife)
	b.stop()
	b.start()
	if _, _, err := b.me().sealed.Answer(t.Context(), message); !errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("after its time: %v", err)
	}
}

// TestARevokedPasswordStaysSo: a relay brings what made the password once more, after the device has done much else, and
// to the next process.
func TestARevokedPasswordStaysSo(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	body := fmt.Sprintf(`{"id":"drive","name":"Drive","since":1,"hash":%q}`, base64.StdEncoding.EncodeToString(passwordHash(DefaultName, "secret")))
	made, _ := b.phone.seal(nil, "POST", "/.passwords", body)
	bring := func(message []byte, want int) {
		t.Helper()
		if _, reply, err := b.me().sealed.Answer(t.Context(), message); err != nil || reply.Status != want {
			t.Fatalf("answered %d, %v", reply.Status, err)
		}
	}
	bring(made, http.StatusCreated)
	for range doneEach + 1 {
		put, _ := b.phone.seal(nil, "PUT", "/.replica/busy", "x", "Content-Type", "text/plain", "Kith-Version", "9000."+b.owner.kid())
		bring(put, http.StatusOK)
		keys, _ := b.phone.seal(nil, "POST", "/.trouble/deletions", `{"seen":"none"}`)
		bring(keys, http.StatusPreconditionFailed)
	}
	gone, _ := b.phone.seal(nil, "DELETE", "/.passwords/drive", "")
	bring(gone, http.StatusOK)
	bring(made, http.StatusCreated)
	b.stop()
	b.start()
	bring(made, http.StatusCreated)
	if id, err := b.me().state.password(t.Context(), DefaultName, "secret"); id != "" || err != nil {
		t.Errorf("it opens the drive: %q, %v", id, err)
	}
	back, _ := b.phone.seal(nil, "POST", "/.passwords", body)
	bring(back, http.StatusCreated)
	if id, err := b.me().state.password(t.Context(), DefaultName, "secret"); id != "drive" || err != nil {
		t.Errorf("it cannot be taken back: %q, %v", id, err)
	}
}

// sealedLife is longer than any request is good for.
const sealedLife = 15 * 24 * time.Hour

// erase deletes a resource as the owner does.
func (b *befriended) erase(at string) {
	b.t.Helper()
	h := b.me()
	path, err := pod.ParsePath(at)
	if err != nil {
		b.t.Fatal(err)
	}
	v, err := h.owner(b.t.Context())
	if err == nil {
		err = v.Delete(b.t.Context(), path, pod.Precondition{})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestWhatWasDoneIsKeptWithinBounds: one sender pushes out their own, and what has expired goes.
func TestWhatWasDoneIsKeptWithinBounds(t *testing.T) {
	c := newClock()
	s := newState(t, t.TempDir(), c)
	d := doneOf{s, "me"}
	kind := ""
	keep := func(sender string, n int) {
		t.Helper()
		c.pass(time.Millisecond)
		if err := d.Keep(t.Context(), kind, sender, fmt.Append(nil, n), []byte("answer"), c.now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	has := func(sender string, n int) bool {
		t.Helper()
		answer, err := d.Recall(t.Context(), sender, fmt.Append(nil, n))
		if err != nil {
			t.Fatal(err)
		}
		return answer != nil
	}
	kind = "once"
	keep("ben k1", 7)
	kind = ""
	keep("ben k1", 0)
	for n := range doneEach + 20 {
		keep("eve k1", n)
	}
	if !has("ben k1", 0) || has("eve k1", 0) || has("eve k1", 19) || !has("eve k1", 20) || !has("eve k1", doneEach+19) {
		t.Error("another's is forgotten, or more are kept than may be")
	}
	if other, err := (doneOf{s, "else"}).Recall(t.Context(), "ben k1", []byte("0")); other != nil || err != nil {
		t.Errorf("of somebody else: %q, %v", other, err)
	}
	for n := range doneMost {
		keep(fmt.Sprint("many ", n%20), n)
	}
	if !has("ben k1", 7) || has("ben k1", 0) || has("eve k1", doneEach+19) {
		t.Error("one kind is forgotten for another, or more are kept than may be")
	}
	c.pass(2 * time.Hour)
	keep("ben k1", 1)
	count := 0
	err := s.read(t.Context(), `SELECT count(*) FROM done`, nil, func(row *sqlite.Stmt) error { count = row.ColumnInt(0); return nil })
	if err != nil || count != 1 || has("ben k1", 0) {
		t.Errorf("%d are kept after their time, %v", count, err)
	}
}

func TestTheRelayRestartsWhileSomebodyWaits(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	cursor := cursorOf(t, b.ana.must(http.StatusOK, "GET", "/social/feed", "").body)
	failed := make(chan error, 1)
	go func() {
		_, err := b.ana.ask("GET", "/social/feed?cursor="+cursor+"&wait=20", "")
		failed <- err
	}()
	eventually(t, "somebody waits", func() bool { return p.server.Counters()["now_messages"] > 0 })
	p.stop()
	if err := <-failed; err == nil {
		t.Error("nobody told the asker")
	}
	p.start()
	eventually(t, "the pod is back", func() bool {
		a, err := b.ana.ask("GET", postOne, "")
		return err == nil && a.status == http.StatusOK
	})
}

func cursorOf(t *testing.T, page string) string {
	t.Helper()
	var p struct {
		Cursor string `json:"kith:cursor"`
	}
	if err := json.Unmarshal([]byte(page), &p); err != nil || p.Cursor == "" {
		t.Fatalf("page %s: %v", page, err)
	}
	return p.Cursor
}

func TestOneOfTwoRelaysIsKilled(t *testing.T) {
	c := newClock()
	one, two := newPost(t, c), newPost(t, c)
	b := newShared(t, c, one, two)
	if len(b.ana.Ways) != 2 {
		t.Fatalf("ways %v", b.ana.Ways)
	}
	b.ben.registered(b.ana.Ways[1])
	bag := b.ben.bag(two)
	one.stop() // for good
	second := b.ben.lineOf(b.ana, 1)
	if a := second.must(http.StatusOK, "GET", postOne, ""); a.body != `{"content":"for Ben"}` {
		t.Errorf("by the other relay: %+v", a)
	}
	pending := second.leave(bag, "GET", postOne, "")
	if a := bag.next(pending); a.status != http.StatusOK {
		t.Errorf("later, by the other relay: %+v", a)
	}
	b.stop()
	b.start() // also with one relay that is dead from the start
	if a := second.must(http.StatusOK, "GET", postOne, ""); a.status != http.StatusOK {
		t.Errorf("after a new start: %+v", a)
	}
}

func TestAnInviteIsRacedOverARelay(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newFriends(t, c, p)
	link := b.owner.invite(b.phone, b.settings())
	var racing sync.WaitGroup
	statuses := make(chan int, 5)
	for i := range 5 {
		carl := newHuman(t, c, fmt.Sprintf("Carl %d", i))
		to, pending := carl.acceptance(link)
		racing.Go(func() {
			a, err := to.ask("POST", "/.invites/"+encode(link.ID), string(pending.Body), "Content-Type", "application/octet-stream")
			if err != nil {
				t.Error(err)
			}
			statuses <- a.status
			if a.status != http.StatusOK {
				return
			}
			if _, err := pending.Open([]byte(a.body)); err != nil {
				t.Error(err)
			}
			again, err := to.ask("POST", "/.invites/"+encode(link.ID), string(pending.Body), "Content-Type", "application/octet-stream")
			if err != nil || again.body != a.body {
				t.Errorf("the same acceptance again: %d, %v", again.status, err)
			}
		})
	}
	racing.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	if count[http.StatusOK] != 1 || count[http.StatusNotFound] != 4 {
		t.Errorf("answers %v", count)
	}
}

func TestPUTThenDELETEReordered(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	bag := b.owner.bag(p)
	version := func(n uint64) string { return fmt.Sprintf("%d.%s", n, b.owner.kid()) }
	put, putting := b.phone.seal(bag, "PUT", "/.replica/notes/a.txt", "a", "Content-Type", "text/plain", "Kith-Version", version(5000), "Kith-Id", encode(bytes.Repeat([]byte{5}, 16)))
	remove, removing := b.phone.seal(bag, "DELETE", "/.replica/notes/a.txt", "", "Kith-Version", version(5001))
	b.phone.drop(put)
	if a := bag.next(putting); a.status != http.StatusOK {
		t.Fatalf("PUT: %+v", a)
	}
	b.phone.drop(remove)
	if a := bag.next(removing); a.status != http.StatusNoContent {
		t.Fatalf("DELETE: %+v", a)
	}
	b.stop()
	b.start()
	b.phone.drop(put) // a relay that repeats and reorders
	if a := bag.next(putting); a.status != http.StatusOK {
		t.Errorf("the PUT again, after the DELETE: %+v", a)
	}
	b.phone.must(http.StatusNotFound, "GET", "/.replica/notes/a.txt", "")
	late, latening := b.phone.seal(bag, "PUT", "/.replica/notes/a.txt", "a", "Content-Type", "text/plain", "Kith-Version", version(5000), "Kith-Id", encode(bytes.Repeat([]byte{5}, 16)))
	b.phone.drop(late)
	if a := bag.next(latening); a.status != http.StatusConflict {
		t.Errorf("a PUT of before the DELETE: %+v", a)
	}
	b.phone.must(http.StatusNotFound, "GET", "/.replica/notes/a.txt", "")
}

// TestARelayThatLies drops, repeats, alters and makes up what it hands out.
func TestARelayThatLies(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	h := b.me()
	whole, _ := b.ana.seal(nil, "GET", postOne, "")
	for i := 0; i < len(whole); i += 37 {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		if a, _, err := h.sealed.Answer(context.Background(), flipped); err == nil && a != nil {
			// a slot that is for nobody may be anything
			if i < 4+129 || i >= 4+4*129 {
				t.Errorf("byte %d altered: answered", i)
			}
		}
	}
	send := unb64(t, b.ana.Ways[0].Send)
	for _, body := range [][]byte{{0}, bytes.Repeat([]byte{0}, 1024), whole[:1000], append(bytes.Clone(whole), whole...)} {
		if _, err := b.ben.client.Post(context.Background(), p.url, send, body, 0); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "what is nonsense is declined", func() bool { return len(h.sealed.Declined()) > 0 && p.server.Counters()["now_messages"] <= 4 })
	for name, lie := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"404":   func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(404); return true },
		"empty": func(w http.ResponseWriter, r *http.Request) bool { return true },
		"full":  func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(507); return true },
	} {
		p.lying(lie)
		if a, err := b.ana.ask("GET", postOne, ""); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
		p.lying(nil)
	}
	eventually(t, "an honest relay is believed again", func() bool {
		a, err := b.ana.ask("GET", postOne, "")
		return err == nil && a.status == http.StatusOK
	})
}
