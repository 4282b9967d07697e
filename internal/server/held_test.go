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
)

// rowsOf returns what a pod is, resource by resource.
func rowsOf(t *testing.T, h *home) (rows map[string]string) {
	t.Helper()
	rows = map[string]string{}
	err := h.store.View(t.Context(), func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			if !c.Gone() && !c.Path.IsContainer() {
				rows[c.Path.String()] = fmt.Sprint(c.ID, c.Version, c.Type, c.ETag, c.ACLTag)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// sameRows compares what a pod was and is.
func sameRows(t *testing.T, before, after map[string]string) {
	t.Helper()
	for path, row := range before {
		if after[path] != row {
			t.Errorf("%s was %s, and is %s", path, row, after[path])
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d resources were there, and %d are", len(before), len(after))
	}
}

// wiped makes a pod with a backup in place, of which all notes are gone since. Its server has ended.
func wiped(t *testing.T) (c Config, place string, before map[string]string) {
	t.Helper()
	c = Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	place = t.TempDir()
	names := []string{"kept.txt", "notes/turtle", "notes/.kith-type.turtle"}
	for i := range 40 {
		names = append(names, fmt.Sprintf("notes/deep/%d.txt", i))
	}
	tree := leftIn(t, c.Data, names...)
	if err := os.WriteFile(filepath.Join(tree, "notes", ".kith-type.turtle"), []byte("text/turtle\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := AddPerson(t.Context(), c, DefaultName); err != nil {
		t.Fatal(err)
	}
	if _, err := (Person{c, DefaultName}).AddBackup(t.Context(), place, "", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	s, h := openAt(t, c.Now, c.Data)
	backedUp(t, c)
	before = rowsOf(t, h)
	if err := errors.Join(s.Close(), os.RemoveAll(filepath.Join(tree, "notes"))); err != nil {
		t.Fatal(err)
	}
	return c, place, before
}

// backedUp asks the server for a backup, and waits for it.
func backedUp(t *testing.T, c Config) {
	t.Helper()
	me := Person{c, DefaultName}
	begun := time.Now().Truncate(time.Second)
	if err := me.AskBackup(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a backup is made", func() bool {
		all, err := me.Backups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Done != nil && !all[0].Done.Before(begun) && !all[0].Waiting()
	})
}

// TestWhatDisappearedComesBackFromTheBackup: it is held over starts and runs of the backup, which keep it, and then it is what
// it was. What came since, and is in no backup, counts as lost.
func TestWhatDisappearedComesBackFromTheBackup(t *testing.T) {
	t.Parallel()
	c, _, before := wiped(t)
	for range 2 {
		s, h := openAt(t, c.Now, c.Data)
		backedUp(t, c)
		found, err := h.check(t.Context())
		if err != nil || found.Held != 41 || found.Backup == "" || found.Sound() {
			t.Errorf("%+v, %v", found, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	what, err := (Person{c, DefaultName}).DecideHeld(t.Context(), false, "", func() {})
	if err != nil || !strings.Contains(what, "came back from the backup") {
		t.Errorf("%q, %v", what, err)
	}
	s, h := openAt(t, c.Now, c.Data)
	defer s.Close()
	if found, err := h.check(t.Context()); err != nil || !found.Sound() || found.Held != 0 {
		t.Errorf("then: %+v, %v", found, err)
	}
	sameRows(t, before, rowsOf(t, h))
}

// TestWhatDisappearedStaysHeldWhileTheBackupIsAway, and comes back by the app's word once it is there.
func TestWhatDisappearedStaysHeldWhileTheBackupIsAway(t *testing.T) {
	t.Parallel()
	c, place, before := wiped(t)
	s, h := openAt(t, c.Now, c.Data)
	defer s.Close()
	if err := os.Rename(place, place+".away"); err != nil {
		t.Fatal(err)
	}
	bring := func() {
		t.Helper()
		w := httptest.NewRecorder()
		body := fmt.Sprintf(`{"delete":false,"seen":%q}`, seen(h.upkeep.troubles().Held))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/me/.trouble/deletions", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if err := h.serveTrouble(w, r, "deletions"); err != nil || w.Code != http.StatusNoContent {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
	}
	bring()
	eventually(t, "why it did not come is told", func() bool {
		text, why := h.back.news()
		return strings.Contains(text, "stay held") && why == "not-back"
	})
	if found, err := h.check(t.Context()); err != nil || found.Held != 41 {
		t.Errorf("%+v, %v", found, err)
	}
	if err := os.Rename(place+".away", place); err != nil {
		t.Fatal(err)
	}
	bring()
	eventually(t, "it is back", func() bool {
		text, why := h.back.news()
		return len(h.upkeep.troubles().Held) == 0 && text+why == ""
	})
	sameRows(t, before, rowsOf(t, h))
}
