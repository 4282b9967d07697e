package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"kith/pod"
)

const (
	// maxLost is how many files may disappear within an hour and still count as
	// deleted by their owner; beyond that, and beyond one in a hundred, they are held.
	maxLost  = 10
	lostTime = time.Hour
	// beat is how often a follower looks whether something is due.
	beat = 250 * time.Millisecond
)

// Follow takes in what hands, and programs that copy folders, do to the files,
// until ctx ends. Options.Followed says how. What is new becomes a resource that
// is the owner's alone, what was edited a change, and what was removed is
// deleted, for good, if it is not too much at once. It returns the error that
// made the folder unreadable, or nil.
func (s *Store) Follow(ctx context.Context) error {
	if !s.followed() {
		return errors.New("follow: the store was opened without Followed")
	}
	lost, err := s.readLost()
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	f := &follower{store: s, due: map[pod.Path]due{}, missing: map[pod.Path]time.Time{}, lost: lost}
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		f.watcher = watcher
		defer watcher.Close()
	}
	f.blind(err)
	return f.run(ctx)
}

// follower is the state of Follow, of which one goroutine owns all.
type follower struct {
	store   *Store
	watcher *fsnotify.Watcher      // nil where the system has no events
	due     map[pod.Path]due       // containers to look at
	missing map[pod.Path]time.Time // rows without a file, and since when
	lost    []time.Time            // when files were deleted by a hand, within lostTime
}

// due says when to look at a container, and whether at all below it.
type due struct {
	at   time.Time
	deep bool
}

// blind notes whether the system reports changes.
func (f *follower) blind(err error) {
	h := &f.store.hand
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unwatched = h.unwatched || err != nil
}

func (f *follower) run(ctx context.Context) error {
	var events chan fsnotify.Event
	var failures chan error
	if f.watcher != nil {
		events, failures = f.watcher.Events, f.watcher.Errors
	}
	tick, rescan := time.NewTicker(beat), time.NewTicker(f.store.o.Followed.Rescan)
	defer tick.Stop()
	defer rescan.Stop()
	f.markAll()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			f.heard(e)
		case <-failures: // an overflow: events are lost
			f.markAll()
		case p := <-f.store.hand.nudged:
			f.mark(p, 0, false)
		case <-rescan.C:
			f.markAll()
		case <-tick.C:
			if err := f.pass(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("follow: %w", err)
			}
		}
	}
}

func (f *follower) markAll() { f.mark(pod.Root, 0, true) }

// mark makes a container due. One that is due earlier, or with all below it,
// stays so.
func (f *follower) mark(p pod.Path, in time.Duration, deep bool) {
	next := due{f.store.now().Add(in), deep}
	if before, ok := f.due[p]; ok {
		next.deep = next.deep || before.deep
		if before.at.Before(next.at) {
			next.at = before.at
		}
	}
	f.due[p] = next
}

// heard takes in one event. The store's own writes are such, too: what the index
// knows already is let go.
func (f *follower) heard(e fsnotify.Event) {
	if e.Op == fsnotify.Chmod {
		return
	}
	container, name, ok := f.place(e.Name)
	if !ok {
		return
	}
	made := e.Has(fsnotify.Create) && f.made(container, name)
	if made || !f.store.knows(container, name) {
		f.mark(container, 0, false)
	}
}

// made makes due what has become a directory, and all below it, if it has: also
// one that the index knows is not watched yet, and may have come back.
func (f *follower) made(container pod.Path, name string) bool {
	d, err := f.store.tree.sub(rel(container))
	if err != nil {
		return false
	}
	defer d.close()
	p, bad := container.Child(name, true)
	if _, k, err := d.lstat(name); bad != nil || err != nil || k != folded {
		return false
	}
	f.mark(p, 0, true)
	return true
}

// place returns the container of a file's name.
func (f *follower) place(name string) (pod.Path, string, bool) {
	rel, err := filepath.Rel(f.store.o.Tree, name)
	if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
		return pod.Path{}, "", false
	}
	segments := strings.Split(filepath.ToSlash(rel), "/")
	p := pod.Root
	for _, segment := range segments[:len(segments)-1] {
		if p, err = p.Child(segment, true); err != nil {
			return pod.Path{}, "", false
		}
	}
	return p, segments[len(segments)-1], true
}

// knows reports whether the index has a file as it is.
func (s *Store) knows(container pod.Path, name string) bool {
	if strings.HasPrefix(name, sidecarPrefix) {
		return true
	}
	d, err := s.tree.sub(rel(container))
	if err != nil {
		return false
	}
	defer d.close()
	st, k, err := d.lstat(name)
	p, bad := container.Child(name, k == folded)
	if bad != nil {
		return (err == nil) == s.hand.refuses(container, name)
	}
	r, found, failed := s.index.get(p)
	if err != nil && !found && failed == nil { // what is gone may have been a container
		if below, bad := container.Child(name, true); bad == nil {
			_, found, failed = s.index.get(below)
		}
	}
	switch {
	case failed != nil:
		return false
	case err != nil:
		return !found && !s.hand.refuses(container, name)
	case k == foreign:
		return s.hand.refuses(container, name)
	case k == folded:
		return found
	}
	return found && r.stamp == st && r.owns(st, k)
}

// pass looks at what is due, and decides on what has been missing for long enough.
func (f *follower) pass(ctx context.Context) error {
	if f.store.seek() {
		f.markAll()
	}
	if f.store.Away() {
		return nil
	}
	now := f.store.now()
	for p, d := range f.due {
		if d.at.After(now) {
			continue
		}
		delete(f.due, p)
		if err := f.look(ctx, p, d.deep); err != nil {
			return err
		}
	}
	return f.decide(ctx, now)
}

// look compares a container with its rows, and makes due what is new in it, or
// all that lies in it.
func (f *follower) look(ctx context.Context, p pod.Path, deep bool) error {
	f.watch(p) // before the look, so that no change falls between
	found, err := f.store.lookByHand(ctx, p)
	if err != nil {
		return err
	}
	for _, b := range found.below {
		if deep || slices.Contains(found.made, b) {
			f.mark(b, 0, deep)
		}
	}
	if found.unsettled {
		f.mark(p, f.store.o.Followed.Settle, false)
	}
	for _, lost := range found.missing {
		if _, known := f.missing[lost]; !known {
			f.missing[lost] = f.store.now()
		}
	}
	return nil
}

// watch asks the system for events in a container.
func (f *follower) watch(p pod.Path) {
	if f.watcher != nil {
		err := f.watcher.Add(filepath.Join(f.store.o.Tree, filepath.FromSlash(rel(p))))
		if errors.Is(err, fs.ErrNotExist) { // it is gone; of that its parent tells
			return
		}
		f.blind(err)
	}
}

// decide deletes what a hand has removed, or holds it when it is too much, or while
// something is held already. While more and more is missing it waits, for a while, so
// that the first of many files are not taken for a few.
func (f *follower) decide(ctx context.Context, now time.Time) error {
	if len(f.missing) == 0 {
		return nil
	}
	since := slices.SortedFunc(maps.Values(f.missing), time.Time.Compare)
	settle := f.store.o.Followed.Settle
	if now.Sub(since[len(since)-1]) < settle && now.Sub(since[0]) < 10*settle {
		return nil
	}
	gone := slices.Collect(maps.Keys(f.missing))
	clear(f.missing)
	f.lost = within(f.lost, now)
	deleted, err := f.store.bury(ctx, gone, func(l loss) bool {
		return !f.store.hand.asks() && l.few(len(f.lost))
	})
	if err != nil || deleted.files == 0 {
		return err
	}
	for range deleted.files {
		f.lost = append(f.lost, now)
	}
	return f.store.writeLost(f.lost)
}

// lostName is a file of State/ with the times at which a hand has deleted files, in seconds since 1970, a line each: a
// restart is no new hour.
const lostName = "removed"

// lostWithin returns those of the last hour.
func (s *Store) lostWithin() ([]time.Time, error) {
	times, err := s.readLost()
	return within(times, s.now()), err
}

func within(times []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(times, func(at time.Time) bool { return now.Sub(at).Abs() >= lostTime })
}

func (s *Store) readLost() (times []time.Time, err error) {
	text, err := os.ReadFile(filepath.Join(s.o.State, lostName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if seconds, bad := strconv.ParseInt(strings.TrimSpace(line), 10, 64); bad == nil {
			times = append(times, time.Unix(seconds, 0))
		}
	}
	return times, nil
}

// writeLost remembers the times. Where the disk is full, they are remembered for as long as the store is followed.
func (s *Store) writeLost(times []time.Time) error {
	var text []byte
	for _, t := range times {
		text = append(strconv.AppendInt(text, t.Unix(), 10), '\n')
	}
	name := filepath.Join(s.o.State, lostName)
	err := os.WriteFile(name+"-new", text, fileMode)
	if err == nil {
		err = os.Rename(name+"-new", name)
	}
	if full(err) {
		return nil
	}
	return err
}
