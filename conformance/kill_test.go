package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAnAcknowledgedWriteSurvivesAKill kills the server in the middle of random writes, several times, and
// looks at what is there after the next start.
func TestAnAcknowledgedWriteSurvivesAKill(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	must(alice.Token(w.ctx()))(t)
	const rounds, writers = 10, 4
	b := &books{want: map[string]*entry{}, files: strays(t, filepath.Join(w.data, "index", "alice"))}
	for i := range rounds {
		var all sync.WaitGroup
		stop := make(chan struct{})
		for n := range writers {
			all.Go(func() { b.write(w, alice.fixed(t), n, stop) })
		}
		target := (i + 1) * 50
		eventually(t, limit, "50 more writes are acknowledged", func() bool { return b.acknowledged() >= target })
		must(0, w.server.Kill())(t)
		close(stop)
		all.Wait()
		w.start()
		b.check(w, alice)
		w.checkTidy(alice, b)
	}
	t.Logf("%d writes acknowledged, %d cut off, in %d rounds", b.acknowledged(), b.cut, rounds)
}

// books say what the server has acknowledged, and what may have happened besides.
type books struct {
	mu    sync.Mutex
	want  map[string]*entry
	files []string // beside the index, before the first write
	done  int      // acknowledged
	cut   int      // without an answer
}

// entry is what may be at one name. A nil body is absence.
type entry struct {
	body []byte
	etag string
	or   [][]byte // what a write without an answer may have left
}

func (b *books) acknowledged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}

// write makes, replaces and deletes names of its own at random, until the server is gone.
func (b *books) write(w *world, a *Agent, writer int, stop <-chan struct{}) {
	for {
		name := fmt.Sprintf("work/%d/%c/%d.txt", writer, 'a'+rune(rand.IntN(3)), rand.IntN(8))
		body := bytes.Repeat([]byte(random(16)), 1+rand.IntN(4000))
		r := Request{Method: "PUT", Target: name, Header: fields("Content-Type", "text/plain"), Body: body}
		if rand.IntN(4) == 0 {
			r, body = Request{Method: "DELETE", Target: name}, nil
		}
		ctx, cancel := context.WithTimeout(w.t.Context(), limit)
		answer, err := a.Do(ctx, r)
		cancel()
		if !b.note(w, name, body, answer, err) {
			return
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// note enters an answer, or the lack of one, and reports whether there may be more.
func (b *books) note(w *world, name string, body []byte, answer Answer, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.want[name]
	if e == nil {
		e = &entry{}
		b.want[name] = e
	}
	switch {
	case err != nil:
		e.or, b.cut = append(e.or, body), b.cut+1
		return false
	case answer.Status < 300:
		e.body, e.or, e.etag, b.done = body, nil, answer.Header.Get("ETag"), b.done+1
	case answer.Status == http.StatusNotFound && body == nil && e.body == nil:
	default:
		w.t.Errorf("write %s: %d %s", name, answer.Status, answer.Body)
		return false
	}
	return true
}

// check reads every name.
func (b *books) check(w *world, owner *resident) {
	w.t.Helper()
	for name, e := range b.want {
		got := w.get(owner, name)
		var body []byte
		switch got.Status {
		case http.StatusOK:
			body = got.Body
			sum := sha256.Sum256(append([]byte("text/plain\x00"), body...))
			if etag := `"` + b64.EncodeToString(sum[:16]) + `"`; got.Header.Get("ETag") != etag {
				w.t.Errorf("%s: the ETag %s does not belong to its %d bytes", name, got.Header.Get("ETag"), len(body))
			}
		case http.StatusNotFound:
		default:
			w.t.Errorf("%s: %d %s", name, got.Status, got.Body)
			continue
		}
		known := equal(body, e.body) || slices.ContainsFunc(e.or, func(or []byte) bool { return equal(body, or) })
		if !known {
			w.t.Errorf("%s holds %d bytes (%d); acknowledged were %d bytes", name, len(body), got.Status, len(e.body))
		}
		e.body, e.or = body, nil
	}
}

// equal tells absence from emptiness.
func equal(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// checkTidy asks that the folder has the files of the resources and no others, and that listing and files
// agree.
func (w *world) checkTidy(owner *resident, b *books) {
	w.t.Helper()
	listed := map[string]bool{}
	for _, r := range must(owner.Rows(w.ctx(), "", 0))(w.t).Rows {
		if !r.Gone {
			listed[strings.TrimSuffix(strings.TrimPrefix(r.Path, "/"), "/")] = true
		}
	}
	tree := filepath.Join(w.data, "pods", "alice")
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		name := strings.TrimPrefix(strings.TrimPrefix(path, tree), "/")
		if err == nil && name != "" && !listed[name] && !strings.HasPrefix(d.Name(), ".kith") {
			w.t.Errorf("%s lies in the tree and is no resource", name)
		}
		delete(listed, name)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for name := range listed {
		w.t.Errorf("%s is listed and not in the tree", name)
	}
	if left := strays(w.t, filepath.Join(w.data, "index", "alice")); !slices.Equal(left, b.files) {
		w.t.Errorf("beside the index there are %q, and were %q", left, b.files)
	}
	for name, e := range b.want {
		if _, err := os.Stat(filepath.Join(tree, filepath.FromSlash(name))); (err == nil) != (e.body != nil) {
			w.t.Errorf("%s: the file and the answer disagree: %v", name, err)
		}
	}
}

// strays returns the files in the index's folder that are not the index's own.
func strays(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), "index.db") {
			files = append(files, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestADeleteBeforeAKillIsErasedAfterTheNextStart kills the server right after it acknowledged deletes.
func TestADeleteBeforeAKillIsErasedAfterTheNextStart(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	var deleted []post
	for i := range 5 {
		p := newPost(t, fmt.Sprintf("2026-11-1%d", i))
		w.publish(alice, p, postACL(""))
		deleted = append(deleted, p)
	}
	for _, p := range deleted[:4] {
		must(0, alice.Delete(w.ctx(), p.folder))(t)
	}
	old := deleted[4].photo
	must(0, alice.Put(w.ctx(), deleted[4].folder+deleted[4].file, "image/jpeg", photo(t)))(t)
	must(0, w.server.Kill())(t)
	w.start()
	for _, p := range deleted[:4] {
		w.erased(p)
	}
	eventually(t, time.Minute, "the photo that was replaced is erased", func() bool { return len(hits(t, w.data, old[1000:1048])) == 0 })
	if got := w.get(alice, deleted[4].folder+"post.jsonld"); !bytes.Equal(got.Body, deleted[4].note) {
		t.Errorf("what was not deleted: %d %s", got.Status, got.Body)
	}
}
