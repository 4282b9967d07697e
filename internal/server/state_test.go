package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/invite"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newState(t *testing.T, dir string, c *clock) *state {
	t.Helper()
	s, err := openState(dir, c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return s
}

func TestPeopleAndKeysSurviveARestart(t *testing.T) {
	ctx, dir, c := context.Background(), t.TempDir(), newClock()
	s := newState(t, dir, c)
	if err := s.addPerson(ctx, "ana"); err != nil {
		t.Fatal(err)
	}
	if err := s.addPerson(ctx, "ana"); !errors.Is(err, ErrExists) {
		t.Fatalf("the same name again: %v, want ErrExists", err)
	}
	before, err := s.person(ctx, "ana")
	if err != nil || before.paired() {
		t.Fatalf("person %+v, error %v", before, err)
	}
	keys, err := s.issuerKeys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = newState(t, dir, c)
	after, err := s.person(ctx, "ana")
	if err != nil || after.kid() != before.kid() {
		t.Fatalf("kid %s became %s, error %v", before.kid(), after.kid(), err)
	}
	if again, err := s.issuerKeys(ctx); err != nil || len(again) != 2 || again[0].Public() != keys[0].Public() {
		t.Fatalf("the issuer's key changed, error %v", err)
	}
	if _, err := s.person(ctx, "ben"); !errors.Is(err, ErrPerson) {
		t.Fatalf("nobody: %v, want ErrPerson", err)
	}
}

func TestTwoProcessesShareAFolder(t *testing.T) {
	ctx, dir, c := context.Background(), t.TempDir(), newClock()
	server, command := newState(t, dir, c), newState(t, dir, c)
	if err := command.addPerson(ctx, "ben"); err != nil {
		t.Fatal(err)
	}
	secret, _, err := command.newPairing(ctx, "ben")
	if err != nil {
		t.Fatal(err)
	}
	if kind, err := server.pairingKind(ctx, "ben", secret); err != nil || kind != kindPhone {
		t.Fatalf("the server sees kind %q, error %v", kind, err)
	}
}

func TestAPairingSecretWorksOnceAndForAShortTime(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newState(t, t.TempDir(), c)
	if err := s.addPerson(ctx, "ana"); err != nil {
		t.Fatal(err)
	}
	same := func(*person) error { return nil }
	secret, _, err := s.newPairing(ctx, "ana")
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]error{
		"another secret": s.pairPhone(ctx, "ana", secret+"x", same),
		"another person": s.pairPhone(ctx, "ben", secret, same),
	} {
		if !errors.Is(try, ErrSecret) {
			t.Errorf("%s: %v, want ErrSecret", name, try)
		}
	}
	refused := errors.New("refused")
	if err := s.pairPhone(ctx, "ana", secret, func(*person) error { return refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if err := s.pairPhone(ctx, "ana", secret, same); err != nil {
		t.Fatalf("after an attempt that was refused: %v", err)
	}
	if err := s.pairPhone(ctx, "ana", secret, same); !errors.Is(err, ErrSecret) {
		t.Fatalf("a second time: %v, want ErrSecret", err)
	}
	late, _, err := s.newPairing(ctx, "ana")
	if err != nil {
		t.Fatal(err)
	}
	c.pass(pairingTime)
	if err := s.pairPhone(ctx, "ana", late, same); !errors.Is(err, ErrSecret) {
		t.Fatalf("after %v: %v, want ErrSecret", pairingTime, err)
	}
}

// guest returns an acceptance of an invite by somebody new.
func guest(t *testing.T, i invite.Invite) []byte {
	t.Helper()
	key := func() webid.PrivateKey {
		k, err := webid.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	person, phone, agree := key(), key(), key()
	list, err := webid.DeviceList{Label: person.Public().Label(), Gen: 1, Epoch: 1, Person: person.Public().String(),
		Devices: []webid.Device{{Kid: phone.Public().String(), Name: "Phone", May: []string{"answer", "accept", "post", "admin"}}}}.Sign(webid.DeviceList{}, person)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := webid.KeysDocument{Label: list.Label, Serial: 1,
		Agree: []webid.AgreementKey{{Kid: "k1", Device: phone.Public().String(), Key: agree.Public(), Until: time.Now().Add(time.Hour)}}}.Sign(list, phone)
	if err != nil {
		t.Fatal(err)
	}
	link := invite.Link{Label: list.Label, Key: i.Key.Public(), Secret: i.Secret, ID: i.ID, Name: "Ana", Pods: []string{"https://pod.example.org/ana/"}}
	pending, err := link.Accept(invite.Introduction{Lists: webid.Lists{Devices: list, Keys: keys}, Name: "Guest"}, "k1", agree)
	if err != nil {
		t.Fatal(err)
	}
	return pending.Body
}

func newInvite(t *testing.T, s *state) invite.Invite {
	t.Helper()
	i, err := invite.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.addInvite(context.Background(), "ana", openInvite{Invite: i, expires: s.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestAnInviteIsUsedUpByOneAcceptance(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newState(t, t.TempDir(), c)
	i := newInvite(t, s)
	ben, carl := guest(t, i), guest(t, i)
	if _, err := s.claimInvite(ctx, "ana", i.ID, []byte("garbled"), "nobody"); !errors.Is(err, ErrInvite) {
		t.Fatalf("garbled: %v, want ErrInvite", err)
	}
	for _, cid := range []string{"ben", "other"} { // the second time the connection had been cut
		got, err := s.claimInvite(ctx, "ana", i.ID, ben, cid)
		if err != nil || got.contact != "ben" || got.answer != nil || got.Key.Public() != i.Key.Public() {
			t.Fatalf("claim by ben: contact %q, answer %q, error %v", got.contact, got.answer, err)
		}
	}
	if _, err := s.claimInvite(ctx, "ana", i.ID, carl, "carl"); !errors.Is(err, ErrInvite) {
		t.Fatalf("the second person, before the first is answered: %v, want ErrInvite", err)
	}
	for _, answer := range []string{"yes", "another"} { // one answer stands for good
		if stands, err := s.answerInvite(ctx, "ana", i.ID, "ben", []byte(answer)); err != nil || string(stands) != "yes" {
			t.Fatalf("answer %q, error %v", stands, err)
		}
	}
	if got, err := s.claimInvite(ctx, "ana", i.ID, ben, "other"); err != nil || string(got.answer) != "yes" {
		t.Fatalf("ben again: %q, error %v", got.answer, err)
	}
	if _, err := s.claimInvite(ctx, "ana", i.ID, carl, "carl"); !errors.Is(err, ErrInvite) {
		t.Fatalf("the second person: %v, want ErrInvite", err)
	}
	all, err := s.invites(ctx, "ana")
	if err != nil || len(all) != 1 || all[0].contact != "ben" || all[0].tries != 2 {
		t.Fatalf("the owner sees %+v, error %v", all, err)
	}
	c.pass(time.Hour)
	if _, err := s.claimInvite(ctx, "ana", i.ID, ben, "ben"); !errors.Is(err, ErrInvite) {
		t.Fatalf("expired: %v, want ErrInvite", err)
	}
}

func TestOfTwoWhoAcceptAtOnceOneWins(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newState(t, t.TempDir(), c)
	i := newInvite(t, s)
	var racing sync.WaitGroup
	errs := make([]error, 8)
	for n := range errs {
		body := guest(t, i)
		racing.Go(func() { _, errs[n] = s.claimInvite(ctx, "ana", i.ID, body, fmt.Sprint(n)) })
	}
	racing.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrInvite):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Fatalf("%d won, want 1", won)
	}
}

func TestSpentSecretsAreNotInTheFile(t *testing.T) {
	ctx, dir, c := context.Background(), t.TempDir(), newClock()
	s := newState(t, dir, c)
	i := newInvite(t, s)
	if !inFile(t, dir, i.Secret) {
		t.Fatal("the search does not find an invite that is open; it would find nothing ever")
	}
	if _, err := s.claimInvite(ctx, "ana", i.ID, guest(t, i), "ben"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.answerInvite(ctx, "ana", i.ID, "ben", []byte("yes")); err != nil {
		t.Fatal(err)
	}
	if inFile(t, dir, i.Secret) {
		t.Fatal("the secret of a used invite is still in state.db")
	}
}

func inFile(t *testing.T, dir string, needle []byte) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "state.db*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no state.db in %s, error %v", dir, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, needle) {
			return true
		}
	}
	return false
}

func TestAFolderOfANewerVersionIsLeftAlone(t *testing.T) {
	ctx, dir, c := context.Background(), t.TempDir(), newClock()
	s := newState(t, dir, c)
	err := s.write(ctx, func(c *sqlite.Conn) error { return sqlitex.ExecuteTransient(c, "PRAGMA user_version = 99", nil) })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(dir, c.now); !errors.Is(err, ErrNewer) {
		t.Fatalf("%v, want ErrNewer", err)
	}
}

// TestPairingLinksAreShort: of a pod behind relays too, however many there are, and the key with which the phone asks
// is in each.
func TestPairingLinksAreShort(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newState(t, t.TempDir(), c)
	for name, urls := range map[string][]string{
		"one":   {"https://relay.example.org/"},
		"three": {"https://relay.example.org/", "https://messages.another.example.net/kith/", "https://third.example/"},
		"long":  {"https://" + strings.Repeat("relay.", 12) + "example.org/", "https://" + strings.Repeat("other.", 12) + "example.org/"},
	} {
		if err := s.addPerson(ctx, name); err != nil {
			t.Fatal(err)
		}
		for _, url := range urls {
			err := s.setReaching(ctx, name, func(r *reaching) error {
				r.draft.add(queue{URL: url, Queue: "AAAA", Since: c.now()}, secret{1})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		p, err := s.pairing(ctx, Config{URL: "http://localhost:8420/"}, name)
		if err != nil {
			t.Fatal(err)
		}
		link, err := invite.ParsePairing(p.Link)
		if err != nil || len(p.Link) > linkMost || len(link.Via) == 0 || len(link.Via) > linkRelays || len(p.Relays) != len(urls) {
			t.Errorf("%s: %d characters, %d relays, %v", name, len(p.Link), len(link.Via), err)
		}
		if row, err := s.person(ctx, name); err != nil || link.Key != row.keys.agreement.Public() || link.Pod != p.Pod {
			t.Errorf("%s: %+v, %v", name, link, err)
		}
		t.Logf("%s: %d characters", name, len(p.Link))
	}
}
