package server

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/sync/archive"
)

// half is a folder as it lies on the disk when the machine stops in the middle of something that makes a pod.
type half struct {
	t      *testing.T
	config Config
}

// halfOf runs what makes a pod in a folder, and copies the folder in the middle of it.
func halfOf(t *testing.T, run func(c Config, progress func(archive.Report))) half {
	t.Helper()
	return halfAt(t, func(r archive.Report) bool { return r.Done == 5 }, run)
}

// halfAt is halfOf for another moment.
func halfAt(t *testing.T, moment func(archive.Report) bool, run func(c Config, progress func(archive.Report))) half {
	t.Helper()
	c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	cut := c
	cut.Data = filepath.Join(t.TempDir(), "cut")
	run(c, func(r archive.Report) {
		if moment(r) {
			if err := os.CopyFS(cut.Data, os.DirFS(c.Data)); err != nil {
				t.Error(err)
			}
		}
	})
	return half{t, cut}
}

// isNoPod wants everybody to hear that the making was broken off, and nobody to open what is there.
func (h half) isNoPod(command string) {
	h.t.Helper()
	hears := func(what string, err error) {
		h.t.Helper()
		if err == nil || !strings.Contains(err.Error(), "broken off") || !strings.Contains(err.Error(), command) {
			h.t.Errorf("%s: %v", what, err)
		}
	}
	before := files(h.t, h.config.Data)
	s, err := Open(h.t.Context(), h.config)
	hears("a server", err)
	if s != nil && err == nil {
		if err := s.Close(); err != nil {
			h.t.Error(err)
		}
	}
	_, err = Person{h.config, DefaultName}.Check(h.t.Context(), func() {})
	hears("a check", err)
	_, err = AddPerson(h.t.Context(), h.config, DefaultName)
	hears("a new person of that name", err)
	if names, err := h.config.People(h.t.Context()); err != nil || !slices.Equal(names, []string{DefaultName}) {
		h.t.Errorf("who is checked: %q, %v", names, err)
	}
	all, err := h.config.Doctor(h.t.Context(), "", "", "test")
	if err != nil || !slices.ContainsFunc(all, func(f Finding) bool { return f.Level == levelBroken && strings.Contains(f.Do, "broken off") }) {
		h.t.Errorf("the doctor says %+v, %v", all, err)
	}
	_, err = h.config.Doctor(h.t.Context(), DefaultName, "", "test")
	hears("the doctor of the person", err)
	if is := files(h.t, h.config.Data); !slices.Equal(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(is))) {
		h.t.Errorf("there were %q, there are %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(is)))
	}
}

// becomes wants the folder to be a pod like another one.
func (h half) becomes(name string, err error, tree string) {
	h.t.Helper()
	if err != nil || name != DefaultName {
		h.t.Fatal(name, err)
	}
	if was, is := files(h.t, tree), files(h.t, h.config.tree(DefaultName)); !maps.Equal(was, is) {
		h.t.Errorf("there are %q, not %q", slices.Sorted(maps.Keys(is)), slices.Sorted(maps.Keys(was)))
	}
	s, err := Open(h.t.Context(), h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		h.t.Error(err)
	}
	if all, err := h.config.List(h.t.Context()); err != nil || len(all) != 1 {
		h.t.Errorf("%+v, %v", all, err)
	}
}

// TestARestoreThatIsBrokenOff is no pod, and is gone on with by the same command alone.
func TestARestoreThatIsBrokenOff(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	kit, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(s.place)); err != nil {
		t.Fatal(err)
	}
	var whole string
	cut := halfOf(t, func(c Config, progress func(archive.Report)) {
		if _, _, err := Restore(t.Context(), c, s.place, "", "", kit, progress); err != nil {
			t.Fatal(err)
		}
		whole = c.tree(DefaultName)
	})
	cut.isNoPod("kith restore " + s.place)
	if _, _, err := Restore(t.Context(), cut.config, copied, "", "", kit, nil); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), s.place) {
		t.Errorf("a restore from another place: %v", err)
	}
	cut.isNoPod("kith restore " + s.place)
	name, _, err := Restore(t.Context(), cut.config, s.place, "", "", kit, nil)
	cut.becomes(name, err, whole)
	if _, _, err := Restore(t.Context(), cut.config, s.place, "", "", kit, nil); !errors.Is(err, ErrExists) {
		t.Errorf("a restore over a whole pod: %v", err)
	}
}

// TestAHalfPodThatIsDeleted leaves nothing behind that another restore, or a new person, would meet.
func TestAHalfPodThatIsDeleted(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	kit, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	cut := halfOf(t, func(c Config, progress func(archive.Report)) {
		if _, _, err := Restore(t.Context(), c, s.place, "", "", kit, progress); err != nil {
			t.Fatal(err)
		}
	})
	if err := os.RemoveAll(cut.config.tree(DefaultName)); err != nil {
		t.Fatal(err)
	}
	fresh, h := openAt(t, time.Now, cut.config.Data)
	defer fresh.Close()
	if rows, err := h.check(t.Context()); err != nil || !rows.Sound() || rows.Repaired != 0 {
		t.Errorf("a new pod where half of another one was: %+v, %v", rows, err)
	}
}

// TestAMoveInThatIsBrokenOff is no pod either.
func TestAMoveInThatIsBrokenOff(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	box := filepath.Join(t.TempDir(), "box")
	moved, err := s.person.Leave(t.Context(), box, func() {})
	if err != nil {
		t.Fatal(err)
	}
	var whole string
	cut := halfOf(t, func(c Config, progress func(archive.Report)) {
		if _, _, _, _, err := c.Arrive(t.Context(), box, moved.Kit, progress); err != nil {
			t.Fatal(err)
		}
		whole = c.tree(DefaultName)
	})
	cut.isNoPod("kith move in " + box)
	_, name, _, _, err := cut.config.Arrive(t.Context(), box, moved.Kit, nil)
	cut.becomes(name, err, whole)
}
