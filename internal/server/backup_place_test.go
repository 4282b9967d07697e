package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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
