package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"kith/pod"
)

// inIndex changes the index of a pod that nobody has open.
func inIndex(t *testing.T, dir, statement string) {
	t.Helper()
	c, err := sqlite.OpenConn(filepath.Join(dir, "state", indexName), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteTransient(c, statement, nil), c.Close()); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, s *Store) Checked {
	t.Helper()
	reports := 0
	c, err := s.Check(t.Context(), func(Checked) { reports++ })
	if err != nil {
		t.Fatal(err)
	}
	if !c.Rebuild && reports == 0 {
		t.Error("a check that reports nothing on its way")
	}
	return c
}

func TestCheckFindsASoundPodSound(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	furnish(t, s)
	before := headOf(t, s)
	c := check(t, s)
	if len(c.Damaged) > 0 || c.Repaired != 0 || c.Rebuild || c.Resources < 12 || c.Bytes != s.Bytes() {
		t.Errorf("%+v of %d bytes", c, s.Bytes())
	}
	if after := headOf(t, s); after != before {
		t.Errorf("a check changed %+v into %+v", before, after)
	}
}

func TestCheckTellsBytesThatAreNotThoseThatWereWritten(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	mustClose(t, s)
	// The stamp is as it was: as when the disk gives other bytes than it took.
	inIndex(t, dir, `UPDATE resource SET etag = '"AAAAAAAAAAAAAAAAAAAAAA"' WHERE name = 'changed'`)
	s = mustOpen(t, dir)
	c := check(t, s)
	if !slices.Equal(c.Damaged, []pod.Path{mustPath(t, "/c/changed")}) || c.Repaired != 0 {
		t.Errorf("%+v", c)
	}
}

func TestCheckRepairsWhatIsDerived(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	want, bytes := answers(t, s), s.Bytes()
	mustClose(t, s)
	inIndex(t, dir, `UPDATE head SET bytes = 7, counter = 0`)
	inIndex(t, dir, `UPDATE resource SET acltag = 'wrong' WHERE name = 'a.txt'`)
	inIndex(t, dir, `UPDATE resource SET acltag = 'none' WHERE name = 'wrong.png'`)
	s = mustOpen(t, dir)
	if c := check(t, s); c.Repaired != 4 || len(c.Damaged) > 0 {
		t.Errorf("%+v", c)
	}
	if got := answers(t, s); got != want || s.Bytes() != bytes {
		t.Errorf("%d bytes, of %d:\n%s\n---\n%s", s.Bytes(), bytes, got, want)
	}
	if c := check(t, s); c.Repaired != 0 {
		t.Errorf("the second check repaired %d", c.Repaired)
	}
}

func TestADamagedIndexIsMadeAnewByTheNextOpen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	want := answers(t, s)
	mustClose(t, s)
	// After a clean end the structure is not looked at by Open: it need not read all of it.
	name := filepath.Join(dir, "state", indexName)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(text), "wrong.png")
	if at < 0 {
		t.Fatal("the index does not hold the name as it is written")
	}
	page := at / pageSize * pageSize
	copy(text[page+1:], []byte{0xff, 0xff}) // the list of free blocks leads out of the page
	if err := os.WriteFile(name, text, fileMode); err != nil {
		t.Fatal(err)
	}
	s, err = Open(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Check(t.Context(), func(Checked) {})
	if err != nil || !c.Rebuild {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := s.Update(t.Context(), func(pod.WriteTx) error { return nil }); err == nil {
		t.Error("a write over a damaged index is taken")
	}
	_ = s.Close() // it cannot be scrubbed
	s = mustOpen(t, dir)
	if got := answers(t, s); got != want {
		t.Errorf("made anew:\n%s\n---\n%s", got, want)
	}
	if c := check(t, s); c.Rebuild || len(c.Damaged) > 0 {
		t.Errorf("%+v", c)
	}
}

func TestALimitHoldsFromTheNextWriteOn(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	put(t, s, "/a", "text/plain", "12345678")
	s.Limit(10)
	for _, c := range []struct {
		text string
		want error
	}{{"123", pod.ErrFull}, {"12", nil}} {
		st, err := s.Stage(t.Context(), strings.NewReader(c.text), pod.StageOptions{Max: 100})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(t.Context(), func(tx pod.WriteTx) error {
			_, err := tx.Put(mustPath(t, "/b"), st, pod.PutOptions{})
			return err
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%d bytes more: %v, want %v", len(c.text), err, c.want)
		}
		if err := st.Discard(); err != nil {
			t.Fatal(err)
		}
	}
	if s.Bytes() != 10 {
		t.Errorf("%d bytes", s.Bytes())
	}
}

func TestAnIndexOfANewerVersionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	before := headOf(t, s)
	mustClose(t, s)
	inIndex(t, dir, fmt.Sprintf("PRAGMA user_version = %d", layout+1))
	for range 2 {
		if _, err := Open(options(dir)); !errors.Is(err, errNewer) {
			t.Fatalf("%v, want %v", err, errNewer)
		}
	}
	inIndex(t, dir, fmt.Sprintf("PRAGMA user_version = %d", layout))
	s = mustOpen(t, dir)
	if after := headOf(t, s); after != before {
		t.Errorf("the head was %+v, and is %+v", before, after)
	}
}

// TestWhoAsksWhetherAPodIsBusyDoesNotMakeItSo asks while it is opened and closed: who asks takes the lock for a moment.
func TestWhoAsksWhetherAPodIsBusyDoesNotMakeItSo(t *testing.T) {
	dir := t.TempDir()
	state := options(dir).State
	if err := mustOpen(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	ask := func(open func()) (busy int64) {
		var asking sync.WaitGroup
		var told atomic.Int64
		stop := make(chan struct{})
		for range 2 {
			asking.Go(func() {
				for n := 0; ; n++ {
					if Busy(state) {
						told.Add(1)
					}
					select {
					case <-stop:
						if n > 500 {
							return
						}
					default:
					}
				}
			})
		}
		open()
		close(stop)
		asking.Wait()
		return told.Load()
	}
	if busy := ask(func() {}); busy > 0 {
		t.Errorf("nobody has the pod open, and it was busy %d times", busy)
	}
	busy := ask(func() {
		for range 30 {
			s, err := Open(options(dir))
			if err != nil {
				t.Error(err)
				return
			}
			if !Busy(state) {
				t.Error("a pod that is open is not busy")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	t.Logf("busy %d times", busy)
}
