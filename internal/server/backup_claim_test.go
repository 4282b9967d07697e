//go:build linux

package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/sync/archive"
)

// ages is a place whose clock goes on while nobody waits.
type ages struct {
	archive.Place
	by     time.Duration            // that the clock has gone on
	stored map[string]time.Duration // by how much it had when a file was stored
}

func (a *ages) Put(ctx context.Context, name string, body io.Reader) error {
	a.stored[name] = a.by
	return a.Place.Put(ctx, name, body)
}

func (a *ages) Modified(ctx context.Context, name string) (time.Time, error) {
	at, err := a.Place.Modified(ctx, name)
	return at.Add(a.stored[name]), err
}

// TestAClaimThatIsDatedAhead keeps other machines away for two days after it was last seen to move, at any kind of place.
func TestAClaimThatIsDatedAhead(t *testing.T) {
	for kind, open := range map[string]func(t *testing.T, s *vault) (place archive.Place, dir string){
		"a folder": func(_ *testing.T, s *vault) (archive.Place, string) { return archive.Folder(s.place), s.place },
		"a WebDAV server": func(t *testing.T, _ *vault) (archive.Place, string) {
			a := newApache(t, t.TempDir())
			place, err := archive.WebDAV(http.DefaultClient, a.address, "", "")
			if err != nil {
				t.Fatal(err)
			}
			return place, filepath.Join(a.root, "kith")
		},
		"an S3 server": func(t *testing.T, _ *vault) (archive.Place, string) {
			g := newGateway(t, t.TempDir())
			return g.place(t), filepath.Join(g.root, "data", "ana", "pods", "me")
		},
	} {
		t.Run(kind, func(t *testing.T) {
			s := newBareVault(t)
			place, dir := open(t, s)
			s.outwaits(t, &ages{Place: place, stored: map[string]time.Duration{}}, dir)
		})
	}
}

// outwaits has a machine come to a place, with its files in dir, where another has died whose clock was far ahead.
func (s *vault) outwaits(t *testing.T, place *ages, dir string) {
	t.Helper()
	first := &kitBox{}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, first, archive.Options{Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	second := &kitBox{slices.Clone(first.kits), slices.Clone(first.marks)}
	claims := func(ahead time.Duration) {
		t.Helper()
		at := time.Now().Add(ahead)
		err := place.Put(t.Context(), "claim-WRONG", strings.NewReader(""))
		if err = errors.Join(err, os.Chtimes(filepath.Join(dir, "claim-WRONG"), at, at)); err != nil {
			t.Fatal(err)
		}
		delete(place.stored, "claim-WRONG")
	}
	comes := func(after time.Duration, want error) {
		t.Helper()
		place.by = after
		o := archive.Options{Now: time.Now, State: []byte("second"), Pause: time.Millisecond}
		if _, err := archive.Backup(t.Context(), s.replica(t), place, second, o); !errors.Is(err, want) {
			t.Errorf("after %s: %v, want %v", after, err, want)
		}
	}
	claims(365 * 24 * time.Hour)
	comes(0, archive.ErrBusy)
	comes(47*time.Hour, archive.ErrBusy)
	claims(366 * 24 * time.Hour) // it was alive
	comes(49*time.Hour, archive.ErrBusy)
	comes(96*time.Hour, archive.ErrBusy)
	comes(98*time.Hour, nil)
	isWhole(t, place, second)
	names, err := place.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "claim-") || strings.HasPrefix(name, "seen-") {
			t.Errorf("%s stays", name)
		}
	}
}
