package server

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestABackupThatFailsIsTold by the doctor at once, with what to do.
func TestABackupThatFailsIsTold(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	says := func(want ...string) {
		t.Helper()
		all, err := s.config.Doctor(t.Context(), DefaultName, "", "test")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if !strings.Contains(f.Text, s.place) {
				continue
			}
			for _, w := range want {
				if f.Well() || !strings.Contains(f.Text+f.Do, w) {
					t.Errorf("the doctor says %+v, not %q", f, w)
				}
			}
			return
		}
		t.Errorf("the doctor says nothing of the backup: %+v", all)
	}
	if err := s.kith.state.setBackup(t.Context(), s.only(t).ID, "error = ?, why = ?", "the keyring is another", whyChanged); err != nil {
		t.Fatal(err)
	}
	says("failed", "the keyring is another", "What is there is of", "kith backup run")
	if err := s.kith.state.setBackup(t.Context(), s.only(t).ID, "error = ?, why = ?", "no space left on device", whyFull); err != nil {
		t.Fatal(err)
	}
	says("no space left", "make room there", "another place: kith backup add")
}

// TestAPlaceThatIsNotHTTPS would let others read the password.
func TestAPlaceThatIsNotHTTPS(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	for _, address := range []string{"http://192.0.2.7/kith/", "dav://nas.example/kith/"} {
		_, err := s.person.nameBackup(t.Context(), Backup{Address: address, Account: "ana", Every: time.Hour})
		if !errors.Is(err, ErrPlace) || !strings.Contains(err.Error(), "https") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := s.person.nameBackup(t.Context(), Backup{Address: "http://127.0.0.1:1/kith/", Every: time.Hour}); err != nil {
		t.Errorf("a place on this machine: %v", err)
	}
	if _, err := s.person.nameBackup(t.Context(), Backup{Address: filepath.Join(t.TempDir(), "x"), Every: time.Hour}); err != nil {
		t.Errorf("a folder: %v", err)
	}
}

// TestAPlaceThatDoesNotAnswer is given up after a minute.
func TestAPlaceThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	began := time.Now()
	_, err = s.person.AddBackup(t.Context(), "http://"+l.Addr().String()+"/kith/", "ana", "secret", time.Hour)
	if took := time.Since(began); !errors.Is(err, ErrPlace) || !strings.Contains(err.Error(), "has not answered for 1m0s") || took > 90*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
}
