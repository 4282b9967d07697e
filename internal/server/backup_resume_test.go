package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kith/sync/archive"

	"github.com/emersion/go-webdav"
)

// TestARestoreGoesOn with what had come when it was broken off, as often as it is, and takes nothing from there that is not
// what the backup has.
func TestARestoreGoesOn(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	kit, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	var whole string
	first := halfAt(t, func(r archive.Report) bool { return r.Done == r.Total }, func(c Config, progress func(archive.Report)) {
		if _, _, err := Restore(t.Context(), c, s.place, "", "", kit, progress); err != nil {
			t.Fatal(err)
		}
		whole = c.tree(DefaultName)
	})
	objects := filepath.Join(s.place, "objects")
	if err := os.Rename(objects, objects+"-away"); err != nil {
		t.Fatal(err)
	}
	second := half{t, first.config}
	second.config.Data = filepath.Join(t.TempDir(), "second")
	name, _, err := Restore(t.Context(), first.config, s.place, "", "", kit, func(r archive.Report) {
		if r.Done == 5 {
			if err := os.CopyFS(second.config.Data, os.DirFS(first.config.Data)); err != nil {
				t.Error(err)
			}
		}
	})
	first.becomes(name, err, whole)
	second.isNoPod("kith restore " + s.place)
	third := half{t, first.config}
	third.config.Data = filepath.Join(t.TempDir(), "third")
	if err := os.CopyFS(third.config.Data, os.DirFS(second.config.Data)); err != nil {
		t.Fatal(err)
	}
	name, _, err = Restore(t.Context(), second.config, s.place, "", "", kit, nil)
	second.becomes(name, err, whole)

	third.spoil()
	if err := os.Rename(objects+"-away", objects); err != nil {
		t.Fatal(err)
	}
	name, _, err = Restore(t.Context(), third.config, s.place, "", "", kit, nil)
	third.becomes(name, err, whole)
}

// spoil alters every file of half a pod, and puts others beside them.
func (h half) spoil() {
	h.t.Helper()
	spoilt := 0
	err := filepath.WalkDir(h.config.tree(DefaultName), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err == nil && len(text) > 0 {
			text[0] ^= 1
			spoilt++
		}
		return errors.Join(err, os.WriteFile(name, text, 0o600), os.WriteFile(name+"-more", text, 0o600))
	})
	if err != nil || spoilt == 0 {
		h.t.Fatal(spoilt, err)
	}
}

// TestARestoreOverANetworkThatFails asks a second time for nothing that it has got.
func TestARestoreOverANetworkThatFails(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	kit, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	into := Config{Data: t.TempDir(), Now: time.Now}
	if _, _, err := Restore(t.Context(), into, s.place, "", "", kit, nil); err != nil {
		t.Fatal(err)
	}
	all := int64(len(s.objects(t)))
	var asked, most atomic.Int64
	most.Store(all / 2)
	dav := &webdav.Handler{FileSystem: webdav.LocalFileSystem(s.place)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/objects/") && asked.Add(1) > most.Load() {
			panic(http.ErrAbortHandler)
		}
		dav.ServeHTTP(w, r)
	}))
	defer server.Close()
	cut := half{t, Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}}
	if _, _, err = Restore(t.Context(), cut.config, server.URL, "", "", kit, nil); err == nil || !strings.Contains(err.Error(), "goes on") {
		t.Fatalf("while the server breaks off: %v", err)
	}
	cut.isNoPod("kith restore " + server.URL)
	got := most.Load()
	asked.Store(0)
	most.Store(all)
	name, _, err := Restore(t.Context(), cut.config, server.URL, "", "", kit, nil)
	cut.becomes(name, err, into.tree(DefaultName))
	if asked.Load() != all-got {
		t.Errorf("%d of %d had come, and it asks for %d more", got, all, asked.Load())
	}
}
