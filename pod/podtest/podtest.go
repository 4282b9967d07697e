// Package podtest is the suite that every store of a pod passes: named cases
// for each promise of pod.Store, a search for an unlucky sequence of operations
// against a plain map, and racing readers and writers.
//
// It tests what a Store promises and nothing that a kind of store adds. It
// builds what it expects by itself: the entity tag, for one, is computed here
// from the definition in package pod. Goroutines that a case starts end before
// the case does.
package podtest

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/pod"
)

// Config is how a store under test is to be opened.
type Config struct {
	Device   string
	MaxBytes int64 // 0: no limit
	Now      func() time.Time
}

// Maker makes a place for an empty pod and returns a function that opens the
// pod there. The suite closes a pod before it opens it again.
type Maker func(testing.TB, Config) (open func() (pod.Store, error))

// Run runs the whole suite.
func Run(t *testing.T, make Maker) {
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"resources", resourceCases},
		{"containers", containerCases},
		{"updates", updateCases},
		{"changes", changeCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newFixture(t, make, c.config))
				})
			}
		})
	}
	t.Run("model", func(t *testing.T) { runModel(t, make) })
	t.Run("race", func(t *testing.T) { runRace(t, make) })
}

type testCase struct {
	name   string
	config Config
	run    func(*fixture)
}

const device = "did:key:zPod"

// fixture is an open store and a clock that moves only when told.
type fixture struct {
	testing.TB
	open  func() (pod.Store, error)
	store pod.Store
	clock *clock
}

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

func newFixture(t testing.TB, make Maker, c Config) *fixture {
	f := &fixture{TB: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	c.Device, c.Now = device, f.clock.read
	f.open = make(t, c)
	f.reopen()
	t.Cleanup(func() {
		if err := f.store.Close(); err != nil && !errors.Is(err, pod.ErrClosed) {
			t.Error(err)
		}
	})
	return f
}

// reopen closes the store, if there is one, and opens it again.
func (f *fixture) reopen() {
	f.Helper()
	if f.store != nil {
		f.must(f.store.Close())
	}
	store, err := f.open()
	f.must(err)
	f.store = store
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// fails demands an error of a meaning.
func (f *fixture) fails(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("got error %v, want %v", err, want)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if got != want {
		f.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func path(escaped string) pod.Path {
	p, err := pod.ParsePath(escaped)
	if err != nil {
		panic(err) // of a test's own literal
	}
	return p
}

// etag is the definition in the comment of pod.Info.
func etag(mediaType, content string) string {
	sum := sha256.Sum256([]byte(mediaType + "\x00" + content))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

const plainText = "text/plain"

// stage stages text. The stage is discarded when the case ends.
func (f *fixture) stage(content string, o pod.StageOptions) pod.Staged {
	f.Helper()
	if o.Type == "" {
		o.Type = plainText
	}
	o.Max = int64(len(content))
	st, err := f.store.Stage(f.Context(), strings.NewReader(content), o)
	f.must(err)
	f.Cleanup(func() {
		if err := st.Discard(); err != nil {
			f.Error(err)
		}
	})
	return st
}

// update runs an Update that must succeed.
func (f *fixture) update(fn func(pod.WriteTx) error) {
	f.Helper()
	f.must(f.store.Update(f.Context(), fn))
}

// view runs a View that must succeed.
func (f *fixture) view(fn func(pod.Tx) error) {
	f.Helper()
	f.must(f.store.View(f.Context(), fn))
}

// put puts text at a path and returns what the store says of it.
func (f *fixture) put(escaped, content string) pod.Info {
	f.Helper()
	info, err := f.tryPut(escaped, content, pod.StageOptions{}, pod.PutOptions{})
	f.must(err)
	return info
}

func (f *fixture) tryPut(escaped, content string, so pod.StageOptions, po pod.PutOptions) (info pod.Info, err error) {
	f.Helper()
	st := f.stage(content, so)
	err = f.store.Update(f.Context(), func(tx pod.WriteTx) error {
		info, err = tx.Put(path(escaped), st, po)
		return err
	})
	return info, err
}

func (f *fixture) makeContainer(escaped string) (info pod.Info) {
	f.Helper()
	f.update(func(tx pod.WriteTx) (err error) {
		info, err = tx.MakeContainer(path(escaped), pod.PutOptions{})
		return err
	})
	return info
}

func (f *fixture) tryDelete(escaped string, o pod.DeleteOptions) error {
	return f.store.Update(f.Context(), func(tx pod.WriteTx) error { return tx.Delete(path(escaped), o) })
}

func (f *fixture) delete(escaped string) {
	f.Helper()
	f.must(f.tryDelete(escaped, pod.DeleteOptions{}))
}

func (f *fixture) tryStat(escaped string) (info pod.Info, err error) {
	f.Helper()
	f.view(func(tx pod.Tx) error {
		info, err = tx.Stat(path(escaped))
		return nil
	})
	return info, err
}

func (f *fixture) stat(escaped string) pod.Info {
	f.Helper()
	info, err := f.tryStat(escaped)
	f.must(err)
	return info
}

// absent demands that there is nothing at a path.
func (f *fixture) absent(escaped string) {
	f.Helper()
	_, err := f.tryStat(escaped)
	f.fails(err, pod.ErrNotExist)
}

func (f *fixture) openResource(escaped string) (r pod.Resource) {
	f.Helper()
	f.view(func(tx pod.Tx) (err error) {
		r, err = tx.Open(path(escaped))
		return err
	})
	return r
}

// read returns the bytes at a path, and demands that their Info is theirs.
func (f *fixture) read(escaped string) string {
	f.Helper()
	r := f.openResource(escaped)
	content, err := io.ReadAll(r)
	f.must(errors.Join(err, r.Close()))
	info := r.Info()
	f.equal("path", info.Path, path(escaped))
	f.equal("size", info.Size, int64(len(content)))
	f.equal("ETag", info.ETag, etag(info.Type, string(content)))
	f.equal("what Stat says", f.stat(escaped), info)
	return string(content)
}

// list returns the names in a container, those of containers with a slash.
func (f *fixture) list(escaped string) string {
	f.Helper()
	var names []string
	f.view(func(tx pod.Tx) error {
		for info, err := range tx.List(path(escaped)) {
			if err != nil {
				return err
			}
			f.equal("parent", info.Path.Parent(), path(escaped))
			name := info.Path.Name()
			if info.Path.IsContainer() {
				name += "/"
			}
			names = append(names, name)
		}
		return nil
	})
	return strings.Join(names, " ")
}

// changes returns all changes above a Seq, and demands their order.
func (f *fixture) changes(after uint64) (all []pod.Change) {
	f.Helper()
	f.view(func(tx pod.Tx) error {
		last := after
		for c, err := range tx.Changes(after) {
			if err != nil {
				return err
			}
			if c.Seq <= last {
				f.Fatalf("change at %d after one at %d", c.Seq, last)
			}
			last = c.Seq
			all = append(all, c)
		}
		if head := tx.Head(); last > head.Seq {
			f.Fatalf("change at %d, beyond the head at %d", last, head.Seq)
		}
		return nil
	})
	return all
}

func (f *fixture) head() (h pod.Head) {
	f.Helper()
	f.view(func(tx pod.Tx) error {
		h = tx.Head()
		return nil
	})
	return h
}
