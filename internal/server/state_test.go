package server

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
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
	key, err := s.issuerKey(ctx)
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
	if again, err := s.issuerKey(ctx); err != nil || again.Public() != key.Public() {
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

func TestAnInviteIsUsedUpByOneAcceptance(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newState(t, t.TempDir(), c)
	i, err := invite.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.addInvite(ctx, "ana", openInvite{Invite: i, expires: c.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	confirmed := 0
	accept := func(body string, refuse error) ([]byte, error) {
		return s.useInvite(ctx, "ana", i.ID, []byte(body), func(got invite.Invite) (string, []byte, error) {
			if !bytes.Equal(got.Secret, i.Secret) || got.Key.Public() != i.Key.Public() {
				t.Error("the invite came back with other secrets")
			}
			confirmed++
			return "cid", []byte("answer to " + body), refuse
		})
	}
	if _, err := accept("garbled", webid.Malformed); !errors.Is(err, webid.Malformed) {
		t.Fatal(err)
	}
	for range 2 { // the same bytes again: the answer was lost on the way
		if answer, err := accept("ben", nil); err != nil || string(answer) != "answer to ben" {
			t.Fatalf("answer %q, error %v", answer, err)
		}
	}
	if _, err := accept("carl", nil); !errors.Is(err, ErrInvite) {
		t.Fatalf("the second person: %v, want ErrInvite", err)
	}
	if confirmed != 2 {
		t.Fatalf("confirm was called %d times, want 2: once refused, once for ben", confirmed)
	}
	all, err := s.invites(ctx, "ana")
	if err != nil || len(all) != 1 || all[0].contact != "cid" || all[0].tries != 1 {
		t.Fatalf("the owner sees %+v, error %v", all, err)
	}
	c.pass(time.Hour)
	if _, err := accept("ben", nil); !errors.Is(err, ErrInvite) {
		t.Fatalf("expired: %v, want ErrInvite", err)
	}
}

func TestOfTwoWhoAcceptAtOnceOneWins(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newState(t, t.TempDir(), c)
	i, err := invite.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.addInvite(ctx, "ana", openInvite{Invite: i, expires: c.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	var racing sync.WaitGroup
	errs := make([]error, 8)
	for n := range errs {
		racing.Go(func() {
			_, errs[n] = s.useInvite(ctx, "ana", i.ID, []byte{byte(n)}, func(invite.Invite) (string, []byte, error) {
				return "cid", []byte("yes"), nil
			})
		})
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
	i, err := invite.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.addInvite(ctx, "ana", openInvite{Invite: i, expires: c.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if !inFile(t, dir, i.Secret) {
		t.Fatal("the search does not find an invite that is open; it would find nothing ever")
	}
	if _, err := s.useInvite(ctx, "ana", i.ID, []byte("x"), func(invite.Invite) (string, []byte, error) { return "cid", nil, nil }); err != nil {
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
