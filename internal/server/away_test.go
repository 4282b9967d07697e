package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/pod"
	"kith/pod/folder"
)

// TestAPodWhoseFolderIsAwayIsNotBegunAnew: at a start, with and without its index, and while the server runs. It is told, others
// are served, its backup stays as it is, and once the folder is back all is as it was.
func TestAPodWhoseFolderIsAwayIsNotBegunAnew(t *testing.T) {
	t.Parallel()
	c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	tree, away, place := c.tree(DefaultName), filepath.Join(t.TempDir(), "away"), t.TempDir()
	leftIn(t, c.Data, "a.txt", "b.txt")
	for _, name := range []string{DefaultName, "other"} {
		if _, err := AddPerson(t.Context(), c, name); err != nil {
			t.Fatal(err)
		}
	}
	me := Person{c, DefaultName}
	if _, err := me.AddBackup(t.Context(), place, "", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(me.AskBackup(t.Context()), me.BackUp(t.Context())); err != nil {
		t.Fatal(err)
	}
	before := namesAt(t, place)
	if err := os.Rename(tree, away); err != nil {
		t.Fatal(err)
	}
	for _, index := range []bool{true, false} {
		if !index {
			if err := os.RemoveAll(filepath.Join(c.Data, "index", DefaultName)); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int{DefaultName: http.StatusServiceUnavailable, "other": http.StatusUnauthorized} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+name+"/a.txt", nil))
			if w.Code != want {
				t.Errorf("index %t: %s answers %d %s", index, name, w.Code, w.Body)
			}
		}
		if _, err := s.perform(t.Context(), DefaultName, "check"); !errors.Is(err, pod.ErrAway) || !strings.Contains(fmt.Sprint(err), "--begin-empty") {
			t.Errorf("index %t: a check says %v", index, err)
		}
		said, err := c.Doctor(t.Context(), DefaultName, "", "test")
		if text := fmt.Sprint(said); err != nil || !strings.Contains(text, "missing or empty") {
			t.Errorf("index %t: the doctor says %s, %v", index, text, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := errors.Join(me.AskBackup(t.Context()), me.BackUp(t.Context())); !errors.Is(err, pod.ErrAway) {
			t.Errorf("index %t: a backup is made: %v", index, err)
		}
		if got := namesAt(t, place); got != before {
			t.Errorf("index %t: the place holds %s, and held %s", index, got, before)
		}
		if _, err := os.Stat(tree); !os.IsNotExist(err) {
			t.Errorf("index %t: a folder was made: %v", index, err)
		}
	}
	if err := os.Rename(away, tree); err != nil {
		t.Fatal(err)
	}
	s, h := openAt(t, c.Now, c.Data)
	defer s.Close()
	if err := os.Rename(tree, away); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that it went is seen", h.away)
	if _, err := s.perform(t.Context(), DefaultName, "check"); !errors.Is(err, pod.ErrAway) {
		t.Errorf("a check says %v", err)
	}
	if err := os.CopyFS(tree, os.DirFS(away)); err != nil { // another folder, with the same in it
		t.Fatal(err)
	}
	if err := s.renew(DefaultName); err != nil {
		t.Fatal(err)
	}
	checked, err := s.perform(t.Context(), DefaultName, "check")
	if found, ok := checked.(Checked); err != nil || !ok || found.Resources < 2 || found.Held > 0 {
		t.Errorf("back, a check says %+v, %v", checked, err)
	}
}

// TestAnEmptyPodIsBegunWhereItIsMeant, and what the index knows is asked about.
func TestAnEmptyPodIsBegunWhereItIsMeant(t *testing.T) {
	t.Parallel()
	c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	tree := leftIn(t, c.Data, "a.txt", "b.txt")
	s, _ := openAt(t, c.Now, c.Data)
	if err := errors.Join(s.Close(), os.RemoveAll(tree)); err != nil {
		t.Fatal(err)
	}
	me := Person{c, DefaultName}
	if _, err := me.Check(t.Context(), func() {}); !errors.Is(err, pod.ErrAway) {
		t.Fatal(err)
	}
	if err := me.BeginEmpty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := me.BeginEmpty(t.Context()); !errors.Is(err, ErrExists) {
		t.Errorf("again: %v", err)
	}
	if found, err := me.Check(t.Context(), func() {}); err != nil || found.Held != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

// namesAt returns the names of the files in a folder.
func namesAt(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestANewPodThatHasAPlaceForBackupsIsBegun: nothing was ever there.
func TestANewPodThatHasAPlaceForBackupsIsBegun(t *testing.T) {
	t.Parallel()
	c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	if _, err := AddPerson(t.Context(), c, DefaultName); err != nil {
		t.Fatal(err)
	}
	if _, err := (Person{c, DefaultName}).AddBackup(t.Context(), t.TempDir(), "", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	s, h := openAt(t, c.Now, c.Data)
	defer s.Close()
	if h.away() {
		t.Error("it is taken for one that is away")
	}
}

// TestAFolderWhosePodsAreAllAwayIsLocked: the doctor sees the server, and a second one does not begin.
func TestAFolderWhosePodsAreAllAwayIsLocked(t *testing.T) {
	t.Parallel()
	c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	leftIn(t, c.Data, "a.txt")
	if _, err := AddPerson(t.Context(), c, DefaultName); err != nil {
		t.Fatal(err)
	}
	me := Person{c, DefaultName}
	if _, err := me.AddBackup(t.Context(), filepath.Join(t.TempDir(), "copy"), "", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(me.AskBackup(t.Context()), me.BackUp(t.Context()), os.Rename(c.tree(DefaultName), filepath.Join(t.TempDir(), "away"))); err != nil {
		t.Fatal(err)
	}
	runs := func() bool {
		t.Helper()
		said, err := c.Doctor(t.Context(), "", "", "test")
		if err != nil {
			t.Fatal(err)
		}
		return !strings.Contains(fmt.Sprint(said), "No server runs over this folder")
	}
	for range 2 { // what ends makes way
		if runs() {
			t.Error("the doctor sees a server where none runs")
		}
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !runs() {
			t.Error("the doctor does not see the server")
		}
		if second, err := Open(t.Context(), c); !errors.Is(err, folder.ErrBusy) {
			t.Errorf("a second server: %v", err)
			if err == nil {
				second.Close()
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
