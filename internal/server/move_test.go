package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// asksToLeave asks as a command does that then says nothing more, and waits until the whole pod is in the folder.
func (s *vault) asksToLeave(t *testing.T, box string) (id string) {
	t.Helper()
	id = "asker"
	if err := s.kith.state.write(t.Context(), func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `INSERT INTO asked (id, person, verb, since) VALUES (?, ?, ?, ?)`,
			&sqlitex.ExecOptions{Args: []any{id, DefaultName, "move-out " + box, time.Now().Unix()}})
	}); err != nil {
		t.Fatal(err)
	}
	within(t, "the pod is in the folder", func() bool {
		text := ""
		if err := s.kith.state.read(t.Context(), `SELECT told FROM asked WHERE id = ?`, []any{id}, func(row *sqlite.Stmt) error {
			text = row.ColumnText(0)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, `"error"`) {
			t.Fatal(text)
		}
		return strings.HasPrefix(text, "{")
	})
	return id
}

// opensAgain waits until the pod takes writes, and wants nothing to be said of a move.
func (s *vault) opensAgain(t *testing.T, box, name string) {
	t.Helper()
	within(t, "the pod opens again", func() bool {
		status, _, _ := s.ask(t, s.password.Secret, http.MethodPut, "/me/.dav/a/"+name, "text")
		return status == http.StatusCreated
	})
	within(t, "the folder is empty", func() bool { all, err := os.ReadDir(box); return err == nil && len(all) == 0 })
	if said := s.doctor(t); strings.Contains(said, "another machine") || strings.Contains(said, "move out") {
		t.Errorf("the doctor says %s", said)
	}
}

// doctor returns what the doctor says of the pod.
func (s *vault) doctor(t *testing.T) string {
	t.Helper()
	all, err := s.config.Doctor(context.WithoutCancel(t.Context()), DefaultName, "", "test")
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(f Finding) bool { return f.About != DefaultName })
	var text []string
	for _, f := range all {
		text = append(text, f.Level+" "+f.Text+" "+f.Do)
	}
	return strings.Join(text, "\n")
}

// TestAMoveWhoseAskerIsGone opens the pod again: nobody has heard the kit.
func TestAMoveWhoseAskerIsGone(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	box := filepath.Join(t.TempDir(), "box")
	id := s.asksToLeave(t, box)
	if said := s.doctor(t); strings.Contains(said, "has moved to another") || !strings.Contains(said, "look at this") || !strings.Contains(said, box) {
		t.Errorf("meanwhile the doctor says %s", said)
	}
	if status, text, _ := s.ask(t, s.password.Secret, http.MethodPut, "/me/.dav/a/meanwhile", "text"); status < 400 || strings.Contains(text, "has moved") {
		t.Errorf("a write meanwhile: %d %s", status, text)
	}
	if _, err := s.person.Leave(t.Context(), box, func() {}); err == nil || !strings.Contains(err.Error(), "under way") {
		t.Errorf("another move meanwhile: %v", err)
	}
	if err := s.kith.state.forgetAsked(t.Context(), id); err != nil { // it was stopped by its owner
		t.Fatal(err)
	}
	s.opensAgain(t, box, "one")
	s.asksToLeave(t, box) // it was killed
	s.opensAgain(t, box, "two")
	if _, err := s.person.Leave(t.Context(), box, func() {}); err != nil {
		t.Errorf("the move that is asked for again: %v", err)
	}
	if said := s.doctor(t); !strings.Contains(said, "has moved to another machine") {
		t.Errorf("after a move the doctor says %s", said)
	}
}

// TestAMoveThatIsBrokenOffTakesItsOwnAlone: what somebody has put into the folder meanwhile is there.
func TestAMoveThatIsBrokenOffTakesItsOwnAlone(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	box := filepath.Join(t.TempDir(), "box")
	id := s.asksToLeave(t, box)
	theirs := map[string]string{"my-letter.txt": "dear", "Photos/p.jpg": "jpg", "objects/Photos/q.jpg": "jpg", "objects/00/@eaDir/x": "x"}
	for name, text := range theirs {
		at := filepath.Join(box, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.kith.state.forgetAsked(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	within(t, "the copy is gone", func() bool {
		_, err := os.Stat(filepath.Join(box, "kith-archive"))
		shelves, failed := os.ReadDir(filepath.Join(box, "objects"))
		return errors.Is(err, os.ErrNotExist) && failed == nil && len(shelves) == 2
	})
	got := files(t, box)
	for name, text := range theirs {
		if got[filepath.FromSlash(name)] != text {
			t.Errorf("%s: %q", name, got[filepath.FromSlash(name)])
		}
	}
	if len(got) != len(theirs) {
		t.Errorf("there are %v", got)
	}
}

// TestAMoveThatDiesWithItsProcess is told by the doctor, and undone by the next start.
func TestAMoveThatDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	box := filepath.Join(t.TempDir(), "box")
	s.asksToLeave(t, box)
	cut := s.config
	cut.Data = filepath.Join(t.TempDir(), "cut")
	if err := os.CopyFS(cut.Data, os.DirFS(s.config.Data)); err != nil {
		t.Fatal(err)
	}
	if said := (&vault{config: cut}).doctor(t); strings.Contains(said, "has moved to another") || !strings.Contains(said, "broken off") || !strings.Contains(said, box) {
		t.Errorf("the doctor says %s", said)
	}
	again, h := openAt(t, time.Now, cut.Data)
	if h.left.Load() {
		t.Error("the pod is closed")
	}
	if said := (&vault{config: cut}).doctor(t); strings.Contains(said, "broken off") {
		t.Errorf("after the start the doctor says %s", said)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
