package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A disk that is not plugged in looks like an empty folder of the disk below it.
func TestBackupOfADiskThatIsAway(t *testing.T) {
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" || b.Done == nil {
		t.Fatalf("%+v", b)
	}
	away := s.place + "-away"
	if err := os.Rename(s.place, away); err != nil {
		t.Fatal(err)
	}
	if b := s.backUp(t); !strings.Contains(b.Error, "plug in its disk") {
		t.Errorf("without its disk: %+v", b)
	}
	if err := os.Mkdir(s.place, 0o700); err != nil { // the mount point
		t.Fatal("something was written beside the disk:", err)
	}
	if b := s.backUp(t); !strings.Contains(b.Error, "plug in its disk") {
		t.Errorf("at the mount point: %+v", b)
	}
	if err := errors.Join(os.Remove(s.place), os.Rename(away, s.place)); err != nil {
		t.Fatal(err)
	}
	if b := s.backUp(t); b.Error != "" {
		t.Errorf("with its disk: %+v", b)
	}
}

// TestAPlaceThatWasPutBack: whoever looks after it has put back what it held before a run. Verify and the doctor say so.
func TestAPlaceThatWasPutBack(t *testing.T) {
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" || b.Done == nil {
		t.Fatalf("%+v", b)
	}
	before, after := s.place+"-before", s.place+"-after"
	if err := os.CopyFS(before, os.DirFS(s.place)); err != nil {
		t.Fatal(err)
	}
	s.want(t, 201, "PUT", "a/only-copy.txt", "the only copy")
	b := s.backUp(t)
	if b.Error != "" {
		t.Fatalf("%+v", b)
	}
	if _, _, err := s.person.VerifyBackup(t.Context(), b.ID, nil); err != nil {
		t.Error(err)
	}
	if said := s.doctor(t); !strings.Contains(said, "ok The backup to "+s.place) {
		t.Error(said)
	}
	if err := errors.Join(os.Rename(s.place, after), os.Rename(before, s.place)); err != nil {
		t.Fatal(err)
	}
	if err := s.kith.state.setBackup(t.Context(), b.ID, "done = ?", time.Now().Add(2*time.Second).Unix()); err != nil { // it counts seconds
		t.Fatal(err)
	}
	if _, _, err := s.person.VerifyBackup(t.Context(), b.ID, nil); err == nil || !strings.Contains(err.Error(), "older backup than the last one made here") {
		t.Errorf("verify says %v", err)
	}
	if said := s.doctor(t); !strings.Contains(said, "older backup than the last one made here") || strings.Contains(said, "ok The backup") {
		t.Error(said)
	}
}

// TestAPlaceThatLeadsIntoThePod by a link is refused, also where the link leads there later.
func TestAPlaceThatLeadsIntoThePod(t *testing.T) {
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatalf("%+v", b)
	}
	link, data := filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "data")
	if err := errors.Join(os.Symlink(s.tree(), link), os.Symlink(s.config.Data, data)); err != nil {
		t.Skip(err)
	}
	for _, dir := range []string{link, filepath.Join(link, "x"), filepath.Join(link, "x", "y"), data, filepath.Join(data, "z")} {
		if _, err := checkPlace(s.config, dir); !errors.Is(err, ErrPlace) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	linked := s.config
	linked.Data = data
	if _, err := checkPlace(linked, filepath.Join(s.tree(), "x")); !errors.Is(err, ErrPlace) {
		t.Errorf("where the folder of the pods is a link: %v", err)
	}
	inside := filepath.Join(s.tree(), "back")
	if err := errors.Join(os.Rename(s.place, inside), os.Symlink(inside, s.place)); err != nil {
		t.Fatal(err)
	}
	s.want(t, 201, "PUT", "a/new.txt", "new")
	if b := s.backUp(t); !strings.Contains(b.Error, "lies in the folder") {
		t.Errorf("%+v", b)
	}
}

func TestBackupPlacesThatAreTakenOrAway(t *testing.T) {
	s := newVault(t) // whose server may not have begun
	for place, want := range map[string]string{
		s.place: "already",
		filepath.Join(t.TempDir(), "disk", "kith"): "plug in its disk",
	} {
		if _, err := s.person.AddBackup(t.Context(), place, "", "", time.Hour); !errors.Is(err, ErrPlace) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := os.Stat(filepath.Dir(place)); want != "already" && err == nil {
			t.Errorf("%s was made", filepath.Dir(place))
		}
	}
}

// TestPlacesThatNeverAnswerHaveTheirTurn: four of them keep another waiting until their turn ends, and go on beside it.
// A place that a device names is looked at meanwhile.
func TestPlacesThatNeverAnswerHaveTheirTurn(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, h := openAt(t, c.now, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var added atomic.Bool
	ending := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !added.Load() {
			http.NotFound(w, r)
			return
		}
		select {
		case <-ending:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ending) })
	person, places := Person{h.config, DefaultName}, []Backup{}
	for n := range backupsAtOnce {
		b, err := person.AddBackup(t.Context(), fmt.Sprint(server.URL, "/", n), "", "", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, b)
	}
	added.Store(true)
	for _, b := range places {
		if err := h.state.setBackup(t.Context(), b.ID, "asked = 1"); err != nil {
			t.Fatal(err)
		}
	}
	running := func() (n int) {
		all, err := h.state.backups(t.Context(), DefaultName)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range all {
			if b.progress {
				n++
			}
		}
		return n
	}
	within(t, "four places are asked", func() bool { return running() == backupsAtOnce })
	quick, err := person.AddBackup(t.Context(), filepath.Join(t.TempDir(), "quick"), "", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	named, err := person.nameBackup(t.Context(), Backup{Address: "https://127.0.0.1:1/kith/", Every: time.Hour, afar: true})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the place that was named is looked at", func() bool {
		b, err := h.state.backup(t.Context(), DefaultName, named.ID)
		return err == nil && b.checked == placeBad
	})
	if b, err := h.state.backup(t.Context(), DefaultName, quick.ID); err != nil || b.Done != nil || !b.Waiting() || !h.backups.waits(b.ID, c.now()) {
		t.Errorf("a fifth place while four have a turn: %+v, %v", b, err)
	}
	c.pass(backupTurn)
	within(t, "the fifth place is written", func() bool {
		b, err := h.state.backup(t.Context(), DefaultName, quick.ID)
		return err == nil && b.Done != nil && !b.Waiting()
	})
	if running() != backupsAtOnce {
		t.Errorf("%d of the four go on", running())
	}
}

// A disk that is away before a first run was whole: nothing is begun anew in the folder below it.
func TestBackupOfADiskThatIsAwayBeforeAFirstRunWasWhole(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	h, err := s.kith.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	for n := range backupsAtOnce { // nothing is begun before the place is ready to fail
		h.backups.begin(fmt.Sprint(n), s.config.Now(), false)
	}
	if _, err := s.person.AddBackup(t.Context(), s.place, "", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(s.place, "objects")
	if err := errors.Join(os.MkdirAll(s.place, 0o700), os.WriteFile(inTheWay, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for n := range backupsAtOnce {
		h.backups.end(fmt.Sprint(n))
	}
	if b := s.backUp(t); b.Error == "" || b.Done != nil {
		t.Fatalf("a run that cannot be whole: %+v", b)
	}
	away := s.place + "-away"
	if err := errors.Join(os.Rename(s.place, away), os.Mkdir(s.place, 0o700)); err != nil {
		t.Fatal(err)
	}
	b := s.backUp(t)
	if !strings.Contains(b.Error, "plug in its disk") || b.Why != whyMissing || b.Done != nil {
		t.Errorf("at the mount point: %+v", b)
	}
	if err := os.Remove(s.place); err != nil {
		t.Fatal("something was written beside the disk:", err)
	}
	if err := errors.Join(os.Rename(away, s.place), os.Remove(filepath.Join(s.place, "objects"))); err != nil {
		t.Fatal(err)
	}
	if b := s.backUp(t); b.Error != "" || b.Done == nil {
		t.Errorf("with its disk: %+v", b)
	}
}
