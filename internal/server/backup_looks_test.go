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

// TestAPlaceThatIsNotHTTPS would let others read the password, whoever asks it for what.
func TestAPlaceThatIsNotHTTPS(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	o, ctx := s.person, t.Context()
	came, err := o.nameBackup(ctx, Backup{Address: filepath.Join(t.TempDir(), "came"), Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	into := Config{Data: t.TempDir(), Now: time.Now}
	doors := map[string]func(address string) error{
		"add": func(address string) error {
			_, err := o.nameBackup(ctx, Backup{Address: address, Account: "ana", Every: time.Hour})
			return err
		},
		"restore": func(address string) error {
			_, _, err := Restore(ctx, into, address, "ana", "x", "kit", nil)
			return err
		},
		"salvage": func(address string) error {
			_, _, _, err := Salvage(ctx, into, address, "ana", "x", "kit", nil)
			return err
		},
		"confirm": func(address string) error {
			err := s.kith.state.setBackup(ctx, came.ID, "address = ?, account = 'ana', unsure = 1", address)
			return errors.Join(err, o.ConfirmBackup(ctx, came.ID))
		},
	}
	for name, door := range doors {
		for _, address := range []string{"http://nas.invalid/kith/", "dav://nas.invalid/kith/", "s3://ana/kith?endpoint=http://nas.invalid"} {
			if err := door(address); !errors.Is(err, ErrPlace) || !strings.Contains(err.Error(), `fetch = ["nas.invalid:80"]`) {
				t.Errorf("%s %s: %v", name, address, err)
			}
		}
	}
	for _, address := range []string{"http://127.0.0.1:1/kith/", "s3://ana/kith?endpoint=http://localhost:1"} {
		if err := doors["add"](address); err != nil {
			t.Errorf("a place on this machine, %s: %v", address, err)
		}
	}
	if _, err := o.nameBackup(ctx, Backup{Address: filepath.Join(t.TempDir(), "x"), Every: time.Hour}); err != nil {
		t.Errorf("a folder: %v", err)
	}
	o.Config.Fetch = []string{"nas.invalid:80", "s3.invalid:9000"}
	for _, address := range []string{"http://nas.invalid/kith/", "s3://ana/kith?endpoint=http://s3.invalid:9000"} {
		if err := doors["add"](address); err != nil {
			t.Errorf("one that is excepted, %s: %v", address, err)
		}
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
