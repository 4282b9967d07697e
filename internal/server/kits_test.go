package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kith/webid"
)

// kit returns the document of a recovery kit of h, as a key signs it.
func (h *human) kit(serial int, by webid.PrivateKey) string {
	h.t.Helper()
	said := fmt.Sprintf(`{"label":"%s","serial":%d,"since":"2026-11-22T10:00:00.000Z","key":"%s","sealed":"AAAA"}`, h.label(), serial, h.agree.Public())
	head := fmt.Sprintf(`{"alg":"ES256","typ":"kith-kit+jwt","kid":"%s"}`, by.Public())
	text := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(said))
	raw, err := by.ECDH()
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw.Bytes())
	if err != nil {
		h.t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		h.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// TestTheKitStays: only the person key writes the document by which the person comes back, no device deletes it, and
// what a hand does to it is undone.
func TestTheKitStays(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	kit := b.owner.kit(2, b.owner.person)
	b.owner.put(b.phone, kitPath, "application/jose", kit)
	for name, other := range map[string]string{
		"nonsense":                     "{}",
		"nothing":                      "",
		"one that a device signed":     b.owner.kit(3, b.owner.signing),
		"one of somebody else":         b.ben.kit(3, b.ben.person),
		"one from before":              b.owner.kit(1, b.owner.person),
		"one that was changed":         b.owner.kit(3, b.owner.person) + "A",
		"another person's of our name": b.owner.kit(3, b.ben.person),
	} {
		a, err := b.phone.ask("PUT", "/.replica"+kitPath, other, "Content-Type", "application/jose", "Kith-Version", "90000."+b.owner.kid())
		if err != nil || a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, %v", name, a.status, a.body, err)
		}
	}
	served := func() string { return b.phone.must(http.StatusOK, "GET", "/.replica"+kitPath, "").body }
	b.phone.must(http.StatusConflict, "DELETE", "/.replica"+kitPath, "", "Kith-Version", "90000."+b.owner.kid())
	b.phone.must(http.StatusConflict, "DELETE", "/.replica/settings/", "", "Kith-Version", "90000."+b.owner.kid())
	if got := served(); got != kit {
		t.Fatalf("it is %q", got)
	}
	file := filepath.Join(b.dir, "pods", DefaultName, "settings", "kit")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is back", func() bool {
		c.pass(time.Second)
		a, err := b.phone.ask("GET", "/.replica"+kitPath, "")
		return err == nil && a.status == http.StatusOK && a.body == kit
	})
	b.stop()
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.start()
	eventually(t, "it is as it was", func() bool { text, err := os.ReadFile(file); return err == nil && string(text) == kit })
	b.owner.version = 90_000
	b.owner.put(b.phone, kitPath, "application/jose", b.owner.kit(3, b.owner.person))
}

// TestAKitFromBeforeIsKnown: a pod whose folder has a kit that the server never adopted keeps that one, too.
func TestAKitFromBeforeIsKnown(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	kit := b.owner.kit(1, b.owner.person)
	b.owner.put(b.phone, kitPath, "application/jose", kit)
	if err := b.state.update(t.Context(), DefaultName, func(p *person) error { p.kit = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	b.stop()
	b.start()
	eventually(t, "it is known", func() bool {
		p, err := b.state.person(t.Context(), DefaultName)
		return err == nil && p.kit == kit
	})
}

// TestTheKitsOfBackupsStay: without them nothing opens the backup when the machine is gone.
func TestTheKitsOfBackupsStay(t *testing.T) {
	s := newVault(t)
	s.backUp(t)
	file := filepath.Join(s.tree(), "settings", "backup")
	told, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	back := func() bool { text, err := os.ReadFile(file); return err == nil && slices.Equal(text, told) }
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what a hand deleted is back", back)
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.backUp(t)
	if !back() {
		t.Error("a run does not tell them again")
	}
	h, err := s.kith.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{string(told): true, `{"backups":[{"place":"https://thief.example/","kits":["x"]}]}`: false, "{}": false} {
		if err := h.sameKits(t.Context(), []byte(text)); (err == nil) != ok {
			t.Errorf("of %q: %v", text, err)
		}
	}
}
