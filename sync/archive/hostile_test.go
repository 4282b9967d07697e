//go:build unix

package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// keep backs up some notes to a place.
func (m *machine) keep(ctx context.Context, place Place, s notes) error {
	_, err := Backup(ctx, s, place, m, Options{State: []byte("{}"), Now: time.Now, Pause: time.Millisecond})
	return err
}

// TestAPlaceThatLeadsElsewhere: whoever looks after a folder puts a link there. What it leads to is not read, not written
// and not swept, whatever names it has.
func TestAPlaceThatLeadsElsewhere(t *testing.T) {
	object := placeOf(strings.Repeat("ab", 16))
	for name, link := range map[string]func(dir, victim string) error{
		"all objects": func(dir, victim string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "objects")), os.Symlink(filepath.Join(victim, "objects"), filepath.Join(dir, "objects")))
		},
		"within the place": func(dir, victim string) error {
			at := filepath.Join(dir, "mine")
			return errors.Join(os.RemoveAll(filepath.Join(dir, "objects")), os.Rename(victim, at), os.Symlink("mine/objects", filepath.Join(dir, "objects")), os.Symlink(at, victim))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
			theirs := []string{object, "objects/ab/letter.txt", "objects/Letters/a.txt"}
			for _, name := range theirs {
				if err := Folder(victim).Put(t.Context(), name, strings.NewReader("dear")); err != nil {
					t.Fatal(err)
				}
			}
			var m machine
			if err := m.keep(t.Context(), Folder(dir), notes{"a", 3}); err != nil {
				t.Fatal(err)
			}
			if err := link(dir, victim); err != nil {
				t.Fatal(err)
			}
			before := tree(t, victim)
			err := m.keep(t.Context(), Folder(dir), notes{"b", 2})
			if after := tree(t, victim); after != before {
				t.Errorf("%v; there were %s, and are %s", err, before, after)
			}
		})
	}
}

// tree tells the names and bytes of the files in a folder, behind the link that it may be.
func tree(t *testing.T, dir string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	err = filepath.WalkDir(real, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		all.WriteString(strings.TrimPrefix(name, real) + "=" + string(text) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestAPipeKeepsNobodyWaiting: whoever looks after a folder puts a pipe in place of a file. The run says so or makes do
// without it, and ends.
func TestAPipeKeepsNobodyWaiting(t *testing.T) {
	for _, name := range []string{"keyring-1", "copy-1", "objects"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at := filepath.Join(dir, name)
			var m machine
			if err := m.keep(t.Context(), Folder(dir), notes{"a", 3}); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.RemoveAll(at), syscall.Mkfifo(at, 0o600)); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- m.keep(t.Context(), Folder(dir), notes{"b", 3}) }()
			var err error
			select {
			case err = <-ended:
			case <-time.After(time.Minute):
				t.Fatal("the run waits for whoever has the pipe")
			}
			if name == "objects" && !errors.Is(err, ErrDamaged) || name != "objects" && err != nil {
				t.Errorf("the run says %v", err)
			}
		})
	}
}
