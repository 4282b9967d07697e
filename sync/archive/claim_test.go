package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

// bare is a pod with a root alone.
type bare struct{}

func (bare) Rows(_ context.Context, after uint64, _ int) ([]pod.Change, pod.Head, error) {
	if after > 0 {
		return nil, pod.Head{}, nil
	}
	return []pod.Change{{Seq: 1, Info: pod.Info{ID: "root", Version: pod.Version{Counter: 1, Device: "pod"}}}}, pod.Head{}, nil
}

func (bare) Open(context.Context, pod.Path) (pod.Resource, error) { return nil, pod.ErrNotExist }

// notes is a pod with some notes; each has its own text, and that of all is another in another edition.
type notes struct {
	edition string
	n       int
}

func (s notes) info(i int) pod.Info {
	p, err := pod.ParsePath(fmt.Sprintf("/note-%d", i))
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256([]byte("\x00" + s.text(i)))
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return pod.Info{Path: p, ID: fmt.Sprint("id-", i), ETag: tag, Size: int64(len(s.text(i))), Version: pod.Version{Counter: 1, Device: "pod"}}
}

func (s notes) text(i int) string { return fmt.Sprint(s.edition, i) }

func (s notes) Rows(_ context.Context, after uint64, _ int) (all []pod.Change, _ pod.Head, _ error) {
	for i := range s.n {
		if after == 0 {
			all = append(all, pod.Change{Seq: uint64(i + 1), Info: s.info(i)})
		}
	}
	return all, pod.Head{}, nil
}

func (s notes) Open(_ context.Context, p pod.Path) (pod.Resource, error) {
	for i := range s.n {
		if at := s.info(i); at.Path == p {
			return note{strings.NewReader(s.text(i)), at}, nil
		}
	}
	return nil, pod.ErrNotExist
}

type note struct {
	*strings.Reader
	at pod.Info
}

func (n note) Info() pod.Info { return n.at }
func (n note) Close() error   { return nil }

// machine keeps kits and marks in memory.
type machine struct{ kits, marks []string }

func (m *machine) Kits(context.Context) ([]string, error)       { return m.kits, nil }
func (m *machine) Keep(_ context.Context, kits ...string) error { m.kits = kits; return nil }
func (m *machine) Marks(context.Context) ([]string, error)      { return m.marks, nil }
func (m *machine) Mark(_ context.Context, all ...string) error  { m.marks = all; return nil }

func (m *machine) copied() *machine { return &machine{slices.Clone(m.kits), slices.Clone(m.marks)} }

// run stores a backup that says what it is told.
func (m *machine) run(ctx context.Context, place Place, state string) error {
	_, err := Backup(ctx, bare{}, place, m, Options{State: []byte(state), Now: time.Now, Pause: time.Millisecond})
	return err
}

// watched is a place that remembers what is asked of it, and where another thing happens before one of the calls. It
// heeds no conditions.
type watched struct {
	Place
	calls  []string
	at     string // the call
	before func() error
}

func (w *watched) call(what, name string) error {
	if mark, ok := claimOf(name); ok {
		name = strings.TrimSuffix(name, mark)
	}
	w.calls = append(w.calls, what+" "+name)
	if then := w.before; then != nil && w.at == what+" "+name {
		w.before = nil
		return then()
	}
	return nil
}

func (w *watched) Put(ctx context.Context, name string, body io.Reader) error {
	if err := w.call("put", name); err != nil {
		return err
	}
	return w.Place.Put(ctx, name, body)
}

func (w *watched) Create(ctx context.Context, name string, body io.Reader) error {
	return w.Put(ctx, name, body)
}

func (w *watched) List(ctx context.Context, folder string) ([]string, error) {
	if err := w.call("list", folder); err != nil {
		return nil, err
	}
	return w.Place.List(ctx, folder)
}

func (w *watched) Delete(ctx context.Context, name string) error {
	if err := w.call("delete", name); err != nil {
		return err
	}
	return w.Place.Delete(ctx, name)
}

func (w *watched) times(call string) (n int) {
	for _, c := range w.calls {
		if c == call {
			n++
		}
	}
	return n
}

// twins are two machines with the same pod, and a place where the first has stored a backup.
func twins(t *testing.T) (dir string, first, second *machine) {
	t.Helper()
	dir, first = t.TempDir(), &machine{}
	if err := first.run(t.Context(), Folder(dir), "1"); err != nil {
		t.Fatal(err)
	}
	return dir, first, first.copied()
}

// says fails unless the newest backup says that, and nobody says any more that a run is under way.
func says(t *testing.T, dir string, m *machine, want string) {
	t.Helper()
	c, err := Open(t.Context(), Folder(dir), m.kits...)
	if err != nil || string(c.State) != want || len(c.Begun) > 0 {
		t.Errorf("the backup says %q, want %q; %v are under way, %v", c.State, want, c.Begun, err)
	}
}

// TestOneMachineAtATime: wherever a second machine comes in between, one of the two stores its backup, and the other
// says so; where both have announced themselves, both try again.
func TestOneMachineAtATime(t *testing.T) {
	for at, want := range map[string]struct {
		second, overtaken error
		stands            string
	}{
		"list ":         {nil, ErrOther, "second"}, // before the first look
		"put claim-":    {nil, ErrOther, "second"},
		"put keyring-2": {ErrBusy, nil, "first"},
		"list objects/": {ErrOther, nil, "first"},
		"delete claim-": {ErrOther, nil, "first"},
	} {
		t.Run(at, func(t *testing.T) {
			dir, first, second := twins(t)
			var failed error
			place := &watched{Place: Folder(dir), at: at, before: func() error {
				failed = second.run(t.Context(), &watched{Place: Folder(dir)}, "second")
				return nil
			}}
			if err := first.run(t.Context(), place, "first"); !errors.Is(err, want.overtaken) || !errors.Is(failed, want.second) {
				t.Errorf("the first %v, the second %v", err, failed)
			}
			says(t, dir, map[string]*machine{"first": first, "second": second}[want.stands], want.stands)
		})
	}
}

// TestWhatAClaimCosts: two requests where something is stored, and nothing where nothing is.
func TestWhatAClaimCosts(t *testing.T) {
	dir, m, _ := twins(t)
	place := &watched{Place: Folder(dir)}
	if err := m.run(t.Context(), place, "1"); err != nil || place.times("list ") != 1 || len(place.calls) != 1 {
		t.Errorf("where nothing changed: %q, %v", place.calls, err)
	}
	place.calls = nil
	if err := m.run(t.Context(), place, "2"); err != nil || place.times("put claim-") != 1 || place.times("delete claim-") != 1 || place.times("list ") != 3 {
		t.Errorf("where something did: %q, %v", place.calls, err)
	}
}

// TestRunsThatWereBrokenOff: a claim that stays is no hindrance to its own machine, nor to who takes the place over,
// and to others for two days, by the clock of the place.
func TestRunsThatWereBrokenOff(t *testing.T) {
	broken := errors.New("the place has gone away")
	dir, first, second := twins(t)
	gone := &watched{Place: Folder(dir), at: "put keyring-2", before: func() error { return broken }}
	stays := &watched{Place: gone, at: "delete claim-", before: func() error { return broken }}
	if err := first.run(t.Context(), stays, "2"); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if err := second.run(t.Context(), Folder(dir), "second"); !errors.Is(err, ErrBusy) {
		t.Errorf("another machine: %v", err)
	}
	c, err := Open(t.Context(), Folder(dir), first.kits...)
	if err != nil || len(c.Begun) != 1 {
		t.Fatal(c.Begun, err)
	}
	name := filepath.Join(dir, claim+c.Begun[0])
	third := second.copied()
	found, err := list(t.Context(), Folder(dir))
	if err != nil {
		t.Fatal(err)
	}
	for ago, want := range map[time.Duration]error{claimDead - time.Hour: ErrBusy, claimDead + time.Hour: nil} {
		m := second.copied()
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-ago)); err != nil {
			t.Fatal(err)
		}
		r := &run{place: Folder(dir), kits: m, known: m.marks, listed: found, mark: "MINE", o: Options{Now: time.Now}}
		if err := errors.Join(r.own(t.Context()), r.leave(t.Context())); !errors.Is(err, want) {
			t.Errorf("after %v: %v", ago, err)
		}
		if err := Folder(dir).Put(t.Context(), claim+c.Begun[0], strings.NewReader("")); err != nil {
			t.Fatal(err)
		}
	}
	third.marks = append(third.marks, c.Begun...) // as who takes the place over does
	if err := third.run(t.Context(), Folder(dir), "third"); err != nil {
		t.Errorf("who takes it over: %v", err)
	}
	says(t, dir, third, "third")
	if err := first.run(t.Context(), Folder(dir), "2"); !errors.Is(err, ErrOther) {
		t.Errorf("from whom it was taken: %v", err)
	}
}

// TestARunFromWhichThePlaceWasTaken deletes nothing when it goes on after all, even after its own keyring was stored.
func TestARunFromWhichThePlaceWasTaken(t *testing.T) {
	dir, first := t.TempDir(), &machine{}
	o := Options{Now: time.Now, Pause: time.Millisecond}
	if _, err := Backup(t.Context(), notes{"a", 20}, Folder(dir), first, o); err != nil {
		t.Fatal(err)
	}
	var second *machine
	asleep := &watched{Place: Folder(dir), at: "list objects/", before: func() error {
		c, err := Open(t.Context(), Folder(dir), first.kits...)
		second = &machine{slices.Clone(first.kits), append([]string{c.Mark}, c.Begun...)} // as who takes the place over does
		_, took := Backup(t.Context(), notes{"c", 20}, Folder(dir), second, o)
		return errors.Join(err, took)
	}}
	if _, err := Backup(t.Context(), notes{"b", 20}, asleep, first, o); !errors.Is(err, ErrOther) && !errors.Is(err, ErrKit) {
		t.Errorf("from whom it was taken: %v", err)
	}
	c, err := Open(t.Context(), Folder(dir), second.kits...)
	if err != nil || len(c.Rows) != 20 {
		t.Fatalf("%d rows, %v", len(c.Rows), err)
	}
	for _, row := range c.Rows {
		if err := c.verify(t.Context(), row, func(int) {}); err != nil {
			t.Errorf("%s: %v", row.Path, err)
		}
	}
}

// TestARunThatFailsIsGoneOnWith: what it has stored is not stored again, however little that is.
func TestARunThatFailsIsGoneOnWith(t *testing.T) {
	m, o := &machine{}, Options{Now: time.Now, Pause: time.Millisecond}
	full := errors.New("the place is full")
	dir, stored := t.TempDir(), 0
	place := &counted{Place: Folder(dir), put: func() error {
		if stored++; stored > 10 {
			return full
		}
		return nil
	}}
	if _, err := Backup(t.Context(), notes{"a", 30}, place, m, o); !errors.Is(err, full) {
		t.Fatal(err)
	}
	stored = -1000
	if _, err := Backup(t.Context(), notes{"a", 30}, place, m, o); err != nil || stored != 20-1000 {
		t.Errorf("%d of 20 objects were stored by the second run, %v", stored+1000, err)
	}
}

// counted is a place where something happens before each object is stored.
type counted struct {
	Place
	put func() error
}

func (c *counted) Put(ctx context.Context, name string, body io.Reader) error {
	if strings.HasPrefix(name, "objects/") {
		if err := c.put(); err != nil {
			return err
		}
	}
	return c.Place.Put(ctx, name, body)
}

// TestAMachineKnowsItsOwnClaims of runs that failed, however many, and they are gone with the first that does not.
func TestAMachineKnowsItsOwnClaims(t *testing.T) {
	dir, m, _ := twins(t)
	broken := errors.New("the place has gone away")
	for range 3 {
		gone := &watched{Place: Folder(dir), at: "put keyring-2", before: func() error { return broken }}
		stays := &watched{Place: gone, at: "delete claim-", before: func() error { return broken }}
		if err := m.run(t.Context(), stays, "2"); !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	if err := m.run(t.Context(), Folder(dir), "1"); err != nil { // as it was
		t.Fatal(err)
	}
	says(t, dir, m, "1")
}

// TestARunThatWasGivenUpForDead stores nothing when it goes on after all.
func TestARunThatWasGivenUpForDead(t *testing.T) {
	for _, at := range []string{"before its keyring", "when it says that it goes on"} {
		t.Run(at, func(t *testing.T) {
			dir, m, _ := twins(t)
			now := time.Now()
			found, err := list(t.Context(), Folder(dir))
			if err != nil {
				t.Fatal(err)
			}
			r := &run{place: Folder(dir), kits: m, listed: found, mark: "MINE", kit: m.kits[0], next: keyring{N: 2}, o: Options{Now: func() time.Time { return now }}}
			if err := r.own(t.Context()); err != nil {
				t.Fatal(err)
			}
			if now = now.Add(claimRenew); r.goesOn(t.Context()) != nil || !r.said.Equal(now) {
				t.Errorf("after an hour it does not say that it goes on")
			}
			if err := os.Remove(filepath.Join(dir, claim+"MINE")); err != nil {
				t.Fatal(err)
			}
			if at == "before its keyring" {
				err = r.put(t.Context(), whole)
			} else {
				now = now.Add(claimRenew)
				err = r.goesOn(t.Context())
			}
			if !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
			says(t, dir, m, "1")
		})
	}
}

// TestWhetherSomethingLiesAtAPlace is told from the first file on, and taken back where nothing came of it.
func TestWhetherSomethingLiesAtAPlace(t *testing.T) {
	t.Parallel()
	full := func() error { return fs.ErrInvalid }
	for _, one := range []struct {
		fails string
		told  string
	}{{"put claim-", "[]"}, {"put kith-archive", "[true false]"}, {"put keyring-1", "[true]"}, {"", "[true]"}} {
		var told []bool
		place := &watched{Place: Folder(t.TempDir()), at: one.fails, before: full}
		_, err := Backup(t.Context(), bare{}, place, &machine{}, Options{Now: time.Now, Begun: func(_ context.Context, lies bool) error {
			told = append(told, lies)
			return nil
		}})
		if (one.fails == "") != (err == nil) || fmt.Sprint(told) != one.told {
			t.Errorf("%q fails: %v, %v", one.fails, told, err)
		}
	}
}
