package conformance

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// furnish gives a pod a little of everything.
func (w *world) furnish(owner *resident, cids ...string) (p post, audience string) {
	w.t.Helper()
	audience = must(owner.Audience(w.ctx(), cids...))(w.t)
	p = newPost(w.t, "2026-11-22")
	w.publish(owner, p, postACL(audience))
	w.publish(owner, newPost(w.t, "2026-11-23"), postACL(""))
	w.put(owner, "papers/letter", "text/plain", []byte("dear"), http.StatusCreated)
	w.put(owner, "papers/odd.jpg", "application/x-odd", []byte("not a picture"), http.StatusCreated)
	w.put(owner, "papers/odd.jpg.meta", "text/turtle", []byte("<odd.jpg> <#is> <#odd>."), http.StatusCreated)
	w.put(owner, "papers/caf%C3%A9%20%26%20more.txt", "text/plain; charset=utf-8", []byte("au lait"), http.StatusCreated)
	w.put(owner, "papers/page", "text/html", []byte("<p>"), http.StatusCreated)
	w.put(owner, "papers/empty.txt", "text/plain", nil, http.StatusCreated)
	r := Request{Method: "PUT", Target: "hollow/", Header: fields("Content-Type", "text/turtle", "Link", `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`)}
	w.want(w.ask(owner, r), r, http.StatusCreated)
	return p, audience
}

// snapshot asks for everything that the owner's replica knows, as several people, and for some things
// that are not there.
func (w *world) snapshot(owner *resident, askers ...asker) map[string]Answer {
	w.t.Helper()
	answers := map[string]Answer{}
	targets := []string{"", "nothing", "nothing/", "papers/nothing.txt", "social/door"}
	for _, row := range must(owner.Rows(w.ctx(), "", 0))(w.t).Rows {
		if !row.Gone {
			targets = append(targets, escaped(row.Path))
		}
	}
	for i, a := range append(askers, owner) {
		for _, target := range targets {
			for _, method := range []string{"GET", "HEAD"} {
				answers[fmt.Sprintf("%s of %q by asker %d", method, target, i)] = w.ask(a, Request{Method: method, Target: target})
			}
		}
	}
	return answers
}

// escaped returns the path of a row, which is decoded, as a target relative to its pod.
func escaped(path string) string {
	return strings.ReplaceAll(url.PathEscape(strings.TrimPrefix(path, "/")), "%2F", "/")
}

// checkSnapshot asks that two snapshots are the same.
func (w *world) checkSnapshot(before, after map[string]Answer) {
	w.t.Helper()
	if a, b := slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)); !slices.Equal(a, b) {
		w.t.Errorf("before, there were %q, and then %q", a, b)
	}
	for name, answer := range before {
		if d := difference(answer, after[name]); d != "" {
			w.t.Errorf("%s: %s", name, d)
		}
	}
}

// TestADeletedIndexChangesNoAnswer deletes what is derived while the server stands still.
func TestADeletedIndexChangesNoAnswer(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	cleo := w.befriend(alice, must(newPerson("cleo"))(t))
	p, _ := w.furnish(alice, ben.CID)
	w.put(alice, "papers/letter", "text/plain", []byte("dear all"), http.StatusNoContent, http.StatusOK)
	gone := newPost(t, "2026-11-20")
	w.publish(alice, gone, postACL(""))
	must(0, alice.Delete(w.ctx(), gone.folder))(t)

	before := w.snapshot(alice, ben, cleo, w.stranger(alice.Pod))
	feed := w.feed(ben)
	epoch := must(alice.Rows(w.ctx(), "", 0))(t).Epoch
	w.restart(func() { must(0, os.RemoveAll(filepath.Join(w.data, "index")))(t) })
	w.checkSnapshot(before, w.snapshot(alice, ben, cleo, w.stranger(alice.Pod)))

	again := w.feed(ben)
	if len(again.Items) != 1 || len(feed.Items) != 1 || again.Items[0].Object != p.object() || again.Items[0].State != feed.Items[0].State {
		t.Errorf("the feed was %+v and is %+v", feed.Items, again.Items)
	}
	if got := w.get(ben, "social/feed?cursor="+feed.Cursor); got.Status != http.StatusGone {
		t.Errorf("a cursor of before: %d %s", got.Status, got.Body)
	}
	rows := must(alice.Rows(w.ctx(), epoch, 1<<40))(t)
	if rows.Epoch == epoch || len(rows.Rows) == 0 {
		t.Errorf("the replica is told of %d rows of the epoch %s, which was %s", len(rows.Rows), rows.Epoch, epoch)
	}
	for _, r := range rows.Rows {
		if r.Gone {
			t.Errorf("the new epoch begins with a tombstone: %+v", r)
		}
	}
}

// TestAnEmptiedFolderIsRefilledFromThePhoneAndNothingIsReportedDeleted loses the pod's tree while the server
// stands still.
func TestAnEmptiedFolderIsRefilledFromThePhoneAndNothingIsReportedDeleted(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]string{
		"the tree": {"pods/alice"}, "what is in the tree": {"pods/alice/*", "pods/alice/.acl"}, "what a shell takes for all that is in the tree": {"pods/alice/[^.]*"}, "the tree and the index": {"pods/alice", "index/alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, people := newWorld(t, "alice")
			alice := people[0]
			ben := w.befriend(alice, must(newPerson("ben"))(t))
			p, _ := w.furnish(alice, ben.CID)
			phone := w.copyOf(alice)
			before := contents(w.snapshot(alice, ben, w.stranger(alice.Pod)))
			cursor := w.feed(ben).Cursor
			w.restart(func() { w.lose(lost) })

			told := must(alice.Rows(w.ctx(), phone.epoch, phone.seq))(t)
			for _, r := range told.Rows {
				if _, known := phone.ids[r.ID]; r.Gone && known {
					t.Errorf("the pod reports %s deleted", phone.ids[r.ID])
				}
			}
			got := w.get(ben, "social/feed?cursor="+cursor)
			if bytes.Contains(got.Body, []byte(`"Delete"`)) || bytes.Contains(got.Body, []byte(`"Remove"`)) {
				t.Errorf("the friend is told that posts are gone: %d %s", got.Status, got.Body)
			}
			phone.refill(w, alice)
			w.checkSnapshot(before, contents(w.snapshot(alice, ben, w.stranger(alice.Pod))))
			w.sees(ben, p)
			w.downloads(ben, p)
		})
	}
}

// contents leaves out of a snapshot the containers as their owner sees them, and the times of the two ACLs that
// the pod wrote by itself: they were made anew, and have the times of that.
func contents(answers map[string]Answer) map[string]Answer {
	for name, a := range answers {
		if strings.Contains(name, ` ".acl"`) || strings.Contains(name, ` "social/posts/.acl"`) {
			a.Header.Del("Last-Modified")
		}
	}
	maps.DeleteFunc(answers, func(_ string, a Answer) bool {
		return strings.Contains(a.Header.Get("WAC-Allow"), `user="read append write control"`) && a.Header.Get("Accept-Post") != ""
	})
	return answers
}

// lose removes parts of the server's folder.
func (w *world) lose(patterns []string) {
	w.t.Helper()
	lost := 0
	for _, pattern := range patterns {
		for _, path := range must(filepath.Glob(filepath.Join(w.data, pattern)))(w.t) {
			must(0, os.RemoveAll(path))(w.t)
			lost++
		}
	}
	if lost == 0 {
		w.t.Fatalf("nothing was lost by %q", patterns)
	}
}

// phoneCopy is the tree as the owner's phone has it.
type phoneCopy struct {
	epoch string
	seq   uint64
	ids   map[string]string // paths by ID
	rows  []Row
	bytes map[string][]byte
}

// copyOf fetches every row and its bytes.
func (w *world) copyOf(owner *resident) phoneCopy {
	w.t.Helper()
	all := must(owner.Rows(w.ctx(), "", 0))(w.t)
	c := phoneCopy{epoch: all.Epoch, seq: all.Seq, ids: map[string]string{}, bytes: map[string][]byte{}}
	for _, r := range all.Rows {
		if r.Gone {
			continue
		}
		c.ids[r.ID] = r.Path
		c.rows = append(c.rows, r)
		if strings.HasSuffix(r.Path, "/") {
			continue
		}
		answer := w.get(owner, ".replica/"+escaped(r.Path))
		if answer.Status != http.StatusOK || int64(len(answer.Body)) != r.Size || answer.Header.Get("ETag") != r.ETag || answer.Header.Get("Content-Type") != r.Type {
			w.t.Errorf("%s: the row says %+v, the bytes %d %v", r.Path, r, answer.Status, answer.Header)
		}
		c.bytes[r.Path] = answer.Body
	}
	return c
}

// refill writes everything back, parents and ACLs first, with the versions and times that it had.
func (c phoneCopy) refill(w *world, owner *resident) {
	w.t.Helper()
	slices.SortFunc(c.rows, func(a, b Row) int { return strings.Compare(a.Path, b.Path) })
	for _, r := range c.rows {
		if r.Path == "/" {
			continue
		}
		version := fmt.Sprintf("%d.%s", r.Counter(), r.Device())
		put := owner.write(escaped(r.Path), r.Type, version, c.bytes[r.Path])
		put.Header.Set("Kith-Id", r.ID)
		put.Header.Set("Kith-Modified", r.Modified.UTC().Format(time.RFC3339Nano))
		if r.Type == "" {
			put.Header.Del("Content-Type")
		}
		if got := w.ask(owner, put); got.Status != http.StatusOK {
			w.t.Errorf("write %s back: %d %s", r.Path, got.Status, got.Body)
		}
	}
}

// TestOfManyWhoMakeOneNameExactlyOneDoes races conditional requests.
func TestOfManyWhoMakeOneNameExactlyOneDoes(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	must(alice.Token(w.ctx()))(t)
	race := func(target, condition, value string, body func(i int) []byte) map[int]int {
		statuses := make(chan int)
		for i := range 10 {
			go func() {
				answer, err := alice.Do(w.t.Context(), Request{Method: "PUT", Target: target, Header: fields("Content-Type", "text/plain", condition, value), Body: body(i)})
				if err != nil {
					t.Error(err)
				}
				statuses <- answer.Status
			}()
		}
		count := map[int]int{}
		for range 10 {
			count[<-statuses]++
		}
		return count
	}
	for n := range 10 {
		target := fmt.Sprintf("race/%d/one.txt", n)
		body := func(i int) []byte { return fmt.Appendf(nil, "writer %d", i) }
		if got := race(target, "If-None-Match", "*", body); got[http.StatusCreated] != 1 || got[http.StatusPreconditionFailed] != 9 {
			t.Errorf("%s: 10 who make it get %v", target, got)
		}
		etag := w.get(alice, target).Header.Get("ETag")
		other := func(i int) []byte { return fmt.Appendf(nil, "editor %d", i) }
		got := race(target, "If-Match", etag, other)
		if got[http.StatusNoContent]+got[http.StatusOK] != 1 || got[http.StatusPreconditionFailed] != 9 {
			t.Errorf("%s: 10 who replace one state get %v", target, got)
		}
		stale := Request{Method: "PUT", Target: target, Header: fields("Content-Type", "text/plain", "If-Match", etag), Body: []byte("stale")}
		w.want(w.ask(alice, stale), stale, http.StatusPreconditionFailed)
		stale = Request{Method: "DELETE", Target: target, Header: fields("If-Match", etag)}
		w.want(w.ask(alice, stale), stale, http.StatusPreconditionFailed)
	}
	absent := Request{Method: "PUT", Target: "race/none.txt", Header: fields("Content-Type", "text/plain", "If-Match", "*"), Body: []byte("x")}
	w.want(w.ask(alice, absent), absent, http.StatusPreconditionFailed)
}

// TestAPodThatLagsSaysSo brings an older copy of the server's folder back: what the friend knows from later
// must not seem to be gone.
func TestAPodThatLagsSaysSo(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	p, audience := w.furnish(alice, ben.CID)
	backup := filepath.Join(t.TempDir(), "backup")
	w.restart(func() { must(0, os.CopyFS(backup, os.DirFS(w.data)))(t) })
	old := w.feed(ben).Cursor
	later := newPost(t, "2026-11-24")
	w.publish(alice, later, postACL(audience))
	cursor := w.feed(ben).Cursor
	w.restart(func() {
		must(0, os.RemoveAll(w.data))(t)
		must(0, os.CopyFS(w.data, os.DirFS(backup)))(t)
	})
	got := w.get(ben, "social/feed?cursor="+cursor+"&wait=20")
	if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("a cursor that is ahead of the pod: %d %v %s", got.Status, got.Header, got.Body)
	}
	if got := w.since(ben, old); len(got.Items) != 0 || got.Cursor != old {
		t.Errorf("a cursor of the pod's own time: %+v", got)
	}
	w.publish(alice, later, postACL(audience))
	items := w.feed(ben).Items
	if len(items) != 2 || items[0].Object != later.object() || items[1].Object != p.object() {
		t.Errorf("after the phone wrote again: %+v", items)
	}
}

// TestABodyThatEndsEarlyChangesNothing leaves in the middle of uploads.
func TestABodyThatEndsEarlyChangesNothing(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	whole := bytes.Repeat([]byte("whole "), 10000)
	w.put(alice, "up/film.bin", "application/octet-stream", whole, http.StatusCreated)
	before := must(alice.Rows(w.ctx(), "", 0))(t)
	files := strays(t, filepath.Join(w.data, "index", "alice"))
	for _, target := range []string{"up/film.bin", "up/new.bin", ".replica/up/film.bin", ".replica/up/new.bin"} {
		r := alice.write("", "application/octet-stream", alice.version(), bytes.Repeat([]byte("half "), 100000))
		r.Target = target
		r.Header.Set("Content-Length", "1000000")
		signed := must(alice.sign(w.ctx(), r))(t)
		conn := must(w.wire.Dial(w.ctx()))(t)
		must(0, w.wire.write(conn, signed))(t)
		must(0, conn.Close())(t)
	}
	eventually(t, time.Minute, "what was staged is cleared away", func() bool {
		return slices.Equal(strays(t, filepath.Join(w.data, "index", "alice")), files)
	})
	after := must(alice.Rows(w.ctx(), "", 0))(t)
	if got := w.get(alice, "up/film.bin"); !bytes.Equal(got.Body, whole) || before.Seq != after.Seq {
		t.Errorf("the film: %d, %d of %d bytes; rows up to %d, then %d", got.Status, len(got.Body), len(whole), before.Seq, after.Seq)
	}
	if got := w.get(alice, "up/new.bin"); got.Status != http.StatusNotFound {
		t.Errorf("half a body became a resource: %d", got.Status)
	}
}

// TestWhatAHandChangesInTheFolderIsServedAsItIs drops, changes and removes files.
func TestWhatAHandChangesInTheFolderIsServedAsItIs(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	p, _ := w.furnish(alice, ben.CID)
	tree := filepath.Join(w.data, "pods", "alice")
	serves := func(a asker, target, mediaType, want string) {
		t.Helper()
		got := w.get(a, target)
		for deadline := time.Now().Add(time.Minute); (got.Status != http.StatusOK || string(got.Body) != want) && time.Now().Before(deadline); got = w.get(a, target) {
			time.Sleep(50 * time.Millisecond) // a file counts once it was left alone
		}
		sum := sha256.Sum256([]byte(mediaType + "\x00" + want))
		if got.Status != http.StatusOK || string(got.Body) != want || got.Header.Get("ETag") != `"`+b64.EncodeToString(sum[:16])+`"` || got.Header.Get("Content-Type") != mediaType {
			t.Errorf("%s: %d %q %v, want %q", target, got.Status, got.Body, got.Header, want)
		}
	}
	w.put(alice, "papers/hand.txt", "text/plain", []byte("by the app"), http.StatusCreated)
	serves(alice, "papers/hand.txt", "text/plain", "by the app")
	must(0, os.WriteFile(filepath.Join(tree, "papers", "hand.txt"), []byte("by a hand, longer"), 0o600))(t)
	serves(alice, "papers/hand.txt", "text/plain", "by a hand, longer")

	w.restart(func() {
		must(0, os.MkdirAll(filepath.Join(tree, "dropped"), 0o700))(t)
		must(0, os.WriteFile(filepath.Join(tree, "dropped", "picture.png"), []byte("png"), 0o600))(t)
		must(0, os.WriteFile(filepath.Join(tree, filepath.FromSlash(p.folder), "2.jpg"), []byte("jpg"), 0o600))(t)
		must(0, os.WriteFile(filepath.Join(tree, "papers", "hand.txt"), []byte("by another hand"), 0o600))(t)
		must(0, os.Remove(filepath.Join(tree, "papers", "empty.txt")))(t)
	})
	serves(alice, "dropped/picture.png", "image/png", "png")
	serves(alice, "papers/hand.txt", "text/plain", "by another hand")
	serves(alice, p.folder+"2.jpg", "image/jpeg", "jpg")
	w.compare("dropped by a hand among what a friend may read", ben, Request{Method: "GET"}, twin{p.folder + "2.jpg", p.folder + "3.jpg"})
	w.compare("dropped by a hand", ben, Request{Method: "GET"}, twin{"dropped/picture.png", "dropped/pictuxe.png"})
	if got := w.get(alice, "papers/empty.txt"); got.Status != http.StatusNotFound {
		t.Errorf("a file that a hand removed: %d", got.Status)
	}
}
