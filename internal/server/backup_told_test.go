package server

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/internal/fetch"
	"kith/sync/archive"
)

// TestAPodWithoutABackupSaysSo after a week, until a place is named or its owner keeps copies of their own.
func TestAPodWithoutABackupSaysSo(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, h := openAt(t, c.now, t.TempDir())
	defer s.Close()
	hears := func(when string, want bool) {
		t.Helper()
		if text := said(t, h, "unkept"); (text != "") != want || want && !strings.Contains(text, "kith backup add "+DefaultName+" PLACE") {
			t.Errorf("%s the owner hears %q", when, text)
		}
		all, err := s.config.Doctor(t.Context(), DefaultName, "", "test")
		if err != nil {
			t.Fatal(err)
		}
		if want && !slices.ContainsFunc(all, func(f Finding) bool { return !f.Well() && strings.HasPrefix(f.Text, "There is no backup of the pod") }) {
			t.Errorf("%s the doctor says %+v", when, all)
		}
	}
	says := func(body string, want int) {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/me/.trouble/unkept", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if err := h.serveTrouble(w, r, "unkept"); err != nil {
			t.Fatal(err)
		}
		if w.Code != want {
			t.Errorf("%s: %d, want %d", body, w.Code, want)
		}
	}
	hears("on the first day", false)
	c.pass(backupLate - time.Hour)
	hears("on the seventh day", false)
	c.pass(2 * time.Hour)
	hears("on the eighth day", true)
	says(`{"copies": true}`, http.StatusNoContent)
	hears("who keeps copies", false)
	says(`{"copies": false}`, http.StatusNoContent)
	hears("who keeps none after all", true)
	says(`{"copies": true}`, http.StatusNoContent)
	c.pass(ownCopies + time.Hour)
	hears("half a year later", true)
	if _, err := (Person{s.config, DefaultName}).AddBackup(t.Context(), filepath.Join(t.TempDir(), "stick"), "", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	hears("who has named a place", false)
}

// TestWhyAPlaceFails is told in a word, and in words for people.
func TestWhyAPlaceFails(t *testing.T) {
	t.Parallel()
	s, h := openAt(t, time.Now, t.TempDir())
	defer s.Close()
	answering := func(status int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(server.Close)
		return server.URL + "/kith/"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String() + "/kith/"
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	person := Person{s.config, DefaultName}
	for want, address := range map[string]string{
		whyUnreached: nobody, whyStranger: answering(http.StatusUnauthorized), whyFull: answering(http.StatusInsufficientStorage), whyNoFolder: answering(http.StatusMethodNotAllowed),
	} {
		b, err := person.nameBackup(t.Context(), Backup{Address: address, Account: "ana", Every: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		refused := func() Backup {
			now, err := h.state.backup(t.Context(), DefaultName, b.ID)
			if err != nil {
				t.Fatal(err)
			}
			return now
		}
		within(t, "the place is looked at", func() bool { return refused().checked == placeBad })
		if now := refused(); now.Why != want || now.Error == "" {
			t.Errorf("naming a place, %s: %+v", want, now)
		}
		if err := h.state.setBackup(t.Context(), b.ID, "checked = ?, asked = 1", placeGood); err != nil { // it was good when it was named
			t.Fatal(err)
		}
		within(t, "the place is written to", func() bool { return refused().Tried != nil && !refused().Waiting() })
		if now := refused(); now.Why != want || now.Error == "" {
			t.Errorf("a run, %s: %+v", want, now)
		}
		if late := toldOf(t, h, "backup"); late.Why != want || !strings.Contains(late.Text, "There has been no backup of this pod yet. The last attempt failed: "+whys[want]) {
			t.Errorf("%s: the owner hears %+v", want, late)
		}
		if err := person.RemoveBackup(t.Context(), b.ID); err != nil {
			t.Fatal(err)
		}
	}
	for want, err := range map[string]error{
		whySlow: context.DeadlineExceeded, whyChanged: archive.ErrDamaged, whyInUse: &inUse{"full of photos"}, "": errStopped,
		whyIndoors: fmt.Errorf("ask: %w", fetch.ErrRefused), whyMissing: fmt.Errorf("look: %w", fs.ErrNotExist),
	} {
		if got := whyOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
