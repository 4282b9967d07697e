package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

// said returns the text of a trouble of a kind, "" for none.
func said(t *testing.T, h *home, kind string) string {
	t.Helper()
	return toldOf(t, h, kind).Text
}

// toldOf is the trouble of a kind, the zero trouble for none.
func toldOf(t *testing.T, h *home, kind string) trouble {
	t.Helper()
	all, err := h.troubles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at := slices.IndexFunc(all, func(x trouble) bool { return x.Kind == kind }); at >= 0 {
		return all[at]
	}
	return trouble{}
}

// within waits until something holds.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// openAt opens a server with a clock, and its first pod.
func openAt(t *testing.T, now func() time.Time, dir string) (*Server, *home) {
	t.Helper()
	s, err := Open(t.Context(), Config{Data: dir, URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

// TestAClockThatJumpsLosesNothingAndIsTold moves the clock by years while the server runs, and while it does not.
func TestAClockThatJumpsLosesNothingAndIsTold(t *testing.T) {
	const years = 10 * 366 * 24 * time.Hour
	c, dir := newClock(), t.TempDir()
	s, h := openAt(t, c.now, dir)
	write := func(path string) {
		t.Helper()
		p, err := pod.ParsePath(strings.ReplaceAll(path, " ", "%20"))
		if err != nil {
			t.Fatal(err)
		}
		st, err := h.store.Stage(t.Context(), strings.NewReader(path), pod.StageOptions{Max: 100})
		if err == nil {
			err = h.store.Update(t.Context(), func(tx pod.WriteTx) error { _, err := tx.Put(p, st, pod.PutOptions{}); return err })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("/notes/before")
	person := Person{s.config, DefaultName}
	if _, err := person.AddBackup(t.Context(), filepath.Join(t.TempDir(), "backup"), "", "", 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	backedUp := func() time.Time {
		all, err := person.Backups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if all[0].Done == nil || all[0].Waiting() {
			return time.Time{}
		}
		return *all[0].Done
	}
	within(t, "a backup", func() bool { return !backedUp().IsZero() })
	if text := said(t, h, "clock"); text != "" {
		t.Errorf("before anything happened: %s", text)
	}

	c.pass(years)
	within(t, "the jump forward is told", func() bool { return strings.Contains(said(t, h, "clock"), "forward by 10 years") })
	write("/notes/in the future")
	within(t, "a backup in the future", func() bool { return backedUp().After(c.now().Add(-time.Hour)) })
	c.pass(-years)
	within(t, "the jump back is told", func() bool { return strings.Contains(said(t, h, "clock"), "back by 10 years") })
	write("/notes/after")
	within(t, "a backup although the last one seems to be yet to come", func() bool { return backedUp().Equal(c.now().Truncate(time.Second)) })
	if text := said(t, h, "backup"); text != "" {
		t.Errorf("of the backup it says %s", text)
	}
	keys, err := s.state.issuerKeys(t.Context())
	if err != nil || len(keys) < 2 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	c.pass(8 * 24 * time.Hour)
	within(t, "a week later the jump is no news", func() bool { return said(t, h, "clock") == "" })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	c.pass(-years)
	s, h = openAt(t, c.now, dir)
	within(t, "a jump over a restart is told", func() bool { return strings.Contains(said(t, h, "clock"), "back by 10 years") })
	for _, name := range []string{"before", "in the future", "after"} {
		if text, err := os.ReadFile(filepath.Join(dir, "pods", DefaultName, "notes", name)); err != nil || string(text) != "/notes/"+name {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	got, err := h.check(t.Context())
	if err != nil || !got.Sound() {
		t.Errorf("the check: %+v, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKeysThatWereMadeInTheFutureStillTurn lest the issuer keep a key until a wrong clock comes true.
func TestKeysThatWereMadeInTheFutureStillTurn(t *testing.T) {
	c := newClock()
	s := newState(t, t.TempDir(), c)
	ask := func() string {
		t.Helper()
		keys, err := s.issuerKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return keys[0].Public().String()
	}
	c.pass(20 * 365 * 24 * time.Hour)
	ask()
	c.pass(-20 * 365 * 24 * time.Hour)
	before := ask()
	c.pass(keyLife - time.Hour)
	if ask() != before {
		t.Error("the key turns too early")
	}
	c.pass(2 * time.Hour)
	if ask() == before {
		t.Error("the key does not turn")
	}
}

func TestWhatIsNoJump(t *testing.T) {
	at := newClock().now()
	for _, c := range []struct {
		name   string
		off    time.Duration
		is     bool
		inText string
	}{
		{"none", 0, false, ""},
		{"a correction by the network", -30 * time.Minute, false, ""},
		{"a machine that slept for months", 100 * 24 * time.Hour, false, ""},
		{"an hour back", -time.Hour, true, "back by 60 minutes"},
		{"a day back", -30 * time.Hour, true, "back by 30 hours"},
		{"years forward", 3 * 365 * 24 * time.Hour, true, "forward by 3 years"},
	} {
		j, is := jumped(at, at.Add(5*time.Second+c.off), 5*time.Second)
		if is != c.is || is && !strings.Contains(j.text(), c.inText) {
			t.Errorf("%s: %v, %s", c.name, is, j.text())
		}
	}
}

// TestAClockIsComparedWithARelays asks one whose clock is right by an hour more.
func TestAClockIsComparedWithARelays(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		want  string
	}{{0, ""}, {time.Minute, ""}, {time.Hour, "60 minutes slow"}, {-5 * time.Hour, "5 hours fast"}} {
		at := newClock()
		relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", at.now().Add(c.ahead).UTC().Format(http.TimeFormat))
		}))
		defer relay.Close()
		s, err := Open(t.Context(), Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: at.now, Reach: []string{relay.URL + "/"}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := s.home(t.Context(), DefaultName)
		if err != nil {
			t.Fatal(err)
		}
		off, ok := s.clockOf(t.Context(), relay.URL+"/")
		if !ok || (off+c.ahead).Abs() > 2*time.Second {
			t.Errorf("ahead by %v: %v, %v", c.ahead, off, ok)
		}
		if c.want != "" {
			within(t, c.want+" is told", func() bool { return strings.Contains(said(t, h, "clock"), c.want) })
		} else if text := said(t, h, "clock"); text != "" {
			t.Error(text)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// certificate writes a certificate that ends at a time, and returns the files.
func certificate(t *testing.T, end time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, NotBefore: end.Add(-100 * 24 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, about, about, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTheEndOfACertificateIsTold(t *testing.T) {
	c := newClock()
	cert, key := certificate(t, c.now().Add(20*24*time.Hour))
	s, err := Open(t.Context(), Config{Data: t.TempDir(), URL: "https://localhost:8420/", Listen: "127.0.0.1:0", Cert: cert, Key: key, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := s.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	warned := func(want string) {
		t.Helper()
		if text := s.config.Ending(); !strings.Contains(text, want) || want == "" && text != "" {
			t.Errorf("who starts it hears %q, want %q", text, want)
		}
	}
	look := func() Finding {
		t.Helper()
		all, err := s.config.Doctor(t.Context(), "", "", "test")
		if err != nil {
			t.Fatal(err)
		}
		return all[slices.IndexFunc(all, func(f Finding) bool { return f.About == "certificate" })]
	}
	if text := said(t, h, "certificate"); text != "" || !look().Well() {
		t.Errorf("20 days before its end: %s, %+v", text, look())
	}
	warned("")
	c.pass(7 * 24 * time.Hour)
	warned("ends on 2026-12-12")
	if ends := toldOf(t, h, "certificate"); !strings.Contains(ends.Text, "ends on 2026-12-12") || ends.Why != "" || ends.Until == nil || look().Level != levelLook {
		t.Errorf("13 days before its end: %+v, %+v", ends, look())
	}
	c.pass(14 * 24 * time.Hour)
	warned("has ended on 2026-12-12: browsers and friends refuse this server. Renew it")
	if ended := toldOf(t, h, "certificate"); !strings.Contains(ended.Text, "has ended") || ended.Why != "ended" || ended.Since == nil || look().Level != levelBroken {
		t.Errorf("after its end: %+v, %+v", ended, look())
	}
}

func TestWhenADiskIsNearlyFull(t *testing.T) {
	const gb = 1 << 30
	for _, c := range []struct {
		free, total int64
		want        bool
	}{{500 * gb, 1000 * gb, false}, {9 * gb, 1000 * gb, true}, {2 * gb, 32 * gb, false}, {gb / 2, 32 * gb, true}, {gb / 4, gb / 2, false}, {gb / 100, gb / 2, true}, {0, 0, false}} {
		if (volume{free: c.free, total: c.total}).short() != c.want {
			t.Errorf("%d of %d bytes: %v", c.free, c.total, !c.want)
		}
	}
	v, err := volumeOf(t.TempDir())
	if err != nil || v.free <= 0 || v.total < v.free {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestALateBackupIsTold by troubles and doctor.
func TestALateBackupIsTold(t *testing.T) {
	c := newClock()
	s, h := openAt(t, c.now, t.TempDir())
	defer s.Close()
	place := filepath.Join(t.TempDir(), "stick")
	person := Person{s.config, DefaultName}
	if _, err := person.AddBackup(t.Context(), place, "", "", 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	within(t, "a backup", func() bool {
		all, err := person.Backups(context.Background())
		return err == nil && all[0].Done != nil && !all[0].Waiting()
	})
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(place, nil, 0o600); err != nil { // the stick was pulled out
		t.Fatal(err)
	}
	c.pass(8 * 24 * time.Hour)
	within(t, "a late backup is told, with the reason", func() bool {
		return strings.Contains(said(t, h, "backup"), "more than seven days old. The last attempt failed: ")
	})
	all, err := s.config.Doctor(t.Context(), DefaultName, "", "test")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(f Finding) bool { return f.Level == levelLook && strings.Contains(f.Text, "is 8 days old") }) {
		t.Errorf("the doctor says %+v", all)
	}
}
