package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/webid/issuer"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// newServer opens a folder with the people named, whose clock the test moves.
func newServer(t *testing.T, dir string, c *clock, people ...string) *Server {
	t.Helper()
	config := Config{Data: dir, URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: c.now}
	st := newState(t, dir, c)
	for _, name := range people {
		if err := st.addPerson(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestAFolderOfTheFirstReleaseIsTakenAlong: nothing is lost, and what is new works.
func TestAFolderOfTheFirstReleaseIsTakenAlong(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	conn, err := sqlite.OpenConn(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := newKeyText()
	if err != nil {
		t.Fatal(err)
	}
	err = sqlitex.ExecuteScript(conn, schemas[0]+fmt.Sprintf(`
		INSERT INTO person (name, created, signing, agreement, title, label) VALUES ('ana', 1, '%s', '%s', 'Ana', 'l');
		INSERT INTO server VALUES ('issuer key', '%s');
		PRAGMA user_version = 1;`, key, key, key), nil)
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	s := newState(t, dir, c)
	p, err := s.person(t.Context(), "ana")
	if err != nil || p.title != "Ana" || p.label != "l" || p.elsewhere || p.named {
		t.Fatalf("%+v %v", p, err)
	}
	if keys, err := s.issuerKeys(t.Context()); err != nil {
		t.Fatal(err)
	} else if text, err := keys[0].MarshalText(); err != nil || string(text) != key {
		t.Errorf("another issuer's key: %v", err)
	}
	if err := s.setElsewhere(t.Context(), "ana", true, true); err != nil {
		t.Fatal(err)
	}
	if p, err := s.person(t.Context(), "ana"); err != nil || !p.elsewhere || !p.named || p.title != "Ana" {
		t.Errorf("%+v %v", p, err)
	}
	again := newState(t, dir, c)
	if p, err := again.person(t.Context(), "ana"); err != nil || !p.elsewhere {
		t.Errorf("opened again: %+v %v", p, err)
	}
}

func TestAFolderOfALaterReleaseIsRefused(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := newState(t, dir, c)
	err := s.write(t.Context(), func(conn *sqlite.Conn) error {
		return sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA user_version = %d", len(schemas)+1), nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openState(dir, c.now); !errors.Is(err, ErrNewer) {
		t.Errorf("%v, want ErrNewer", err)
	}
}

func appOf(pod string, n int, at time.Time) issuer.Grant {
	return issuer.Grant{ID: fmt.Sprintf("app%d", n), Pod: pod, Kind: issuer.KindApp, Client: "c", Name: "n", Scope: "webid", Key: "k", Since: at, Used: at, Ends: at.Add(time.Hour)}
}

func TestGrantsHoldWhileTheOwnerSignsInElsewhere(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newServer(t, t.TempDir(), c, "ana", "ben")
	store := provider{s}
	g := appOf(s.config.PodURL("ana"), 1, c.now())
	if err := store.AddGrant(ctx, g); !errors.Is(err, issuer.ErrOff) {
		t.Fatalf("while it is off: %v", err)
	}
	if err := store.Ready(ctx, g.Pod); !errors.Is(err, issuer.ErrOff) {
		t.Errorf("ready while it is off: %v", err)
	}
	for pod, want := range map[string]error{"http://localhost:8420/zoe/": issuer.ErrUnknown, "http://other.example/ana/": issuer.ErrUnknown} {
		if err := store.Ready(ctx, pod); !errors.Is(err, want) {
			t.Errorf("%s: %v", pod, err)
		}
	}
	if err := s.state.setElsewhere(ctx, "ana", true, false); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Ready(ctx, g.Pod), store.AddGrant(ctx, g)); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Grant(ctx, g.ID); err != nil || got.Pod != g.Pod || got.Kind != g.Kind || got.Key != "k" || !got.Ends.Equal(g.Ends) {
		t.Errorf("%+v %v", got, err)
	}
	if err := s.state.removeGrant(ctx, "ben", g.ID); !errors.Is(err, issuer.ErrUnknown) {
		t.Errorf("removed by ben: %v", err)
	}
	c.pass(time.Hour)
	if _, err := store.Grant(ctx, g.ID); !errors.Is(err, issuer.ErrUnknown) {
		t.Errorf("after its end: %v", err)
	}
	g = appOf(g.Pod, 2, c.now())
	if err := store.AddGrant(ctx, g); err != nil {
		t.Fatal(err)
	}
	if err := s.state.setElsewhere(ctx, "ana", false, false); err != nil {
		t.Fatal(err)
	}
	if err := s.state.setElsewhere(ctx, "ana", true, false); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Grant(ctx, g.ID); !errors.Is(err, issuer.ErrUnknown) {
		t.Errorf("after it was off: %v", err)
	}
}

// TestARefreshTokenTurnsOnce, whoever else tries at the same time.
func TestARefreshTokenTurnsOnce(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newServer(t, t.TempDir(), c, "ana")
	store := provider{s}
	g := appOf(s.config.PodURL("ana"), 1, c.now())
	if err := errors.Join(s.state.setElsewhere(ctx, "ana", true, false), store.AddGrant(ctx, g)); err != nil {
		t.Fatal(err)
	}
	g.Turn = 1
	var all sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		all.Go(func() { errs <- store.Turn(ctx, g) })
	}
	all.Wait()
	close(errs)
	won := 0
	for err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, issuer.ErrSpent) {
			t.Error(err)
		}
	}
	if got, err := store.Grant(ctx, g.ID); won != 1 || err != nil || got.Turn != 1 {
		t.Errorf("%d won, turn %d, %v", won, got.Turn, err)
	}
}

// TestGrantsAreBounded: the app that was used longest ago goes; what the owner made by hand stays.
func TestGrantsAreBounded(t *testing.T) {
	ctx, c := context.Background(), newClock()
	s := newServer(t, t.TempDir(), c, "ana")
	store, pod := provider{s}, s.config.PodURL("ana")
	made, err := AddCredentials(ctx, s.config, "ana", "backup")
	if err != nil {
		t.Fatal(err)
	}
	for n := range grantsMost + 5 {
		if err := store.AddGrant(ctx, appOf(pod, n, c.now().Add(time.Duration(n)*time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.state.grants(ctx, s.config, `g.person = ?`, "ana")
	if err != nil || len(all) != grantsMost {
		t.Fatalf("%d grants, %v", len(all), err)
	}
	if _, err := store.Grant(ctx, made.ID); err != nil {
		t.Errorf("the script's: %v", err)
	}
	if _, err := store.Grant(ctx, "app5"); !errors.Is(err, issuer.ErrUnknown) {
		t.Errorf("the oldest app: %v", err)
	}
	if _, err := store.Grant(ctx, fmt.Sprintf("app%d", grantsMost+4)); err != nil {
		t.Errorf("the newest app: %v", err)
	}
}

// TestNoSecretIsKept: neither of credentials nor of refresh tokens.
func TestNoSecretIsKept(t *testing.T) {
	ctx, c, dir := context.Background(), newClock(), t.TempDir()
	s := newServer(t, dir, c, "ana")
	made, err := AddCredentials(ctx, s.config, "ana", "backup")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	err = s.state.read(ctx, `SELECT secret, id FROM granted`, nil, func(row *sqlite.Stmt) error {
		found = true
		if text := string(column(row, 0)); strings.Contains(text, made.Secret) || len(text) != 32 {
			t.Errorf("kept %q", text)
		}
		return nil
	})
	if err != nil || !found {
		t.Errorf("found %t, %v", found, err)
	}
}

// TestTheIssuersKeysTurn: the next one is published before it signs, and the one before goes when no token by
// it can be around.
func TestTheIssuersKeysTurn(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := newState(t, dir, c)
	kids := func() (names []string) {
		keys, err := s.issuerKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			names = append(names, k.Public().Thumbprint())
		}
		return names
	}
	first := kids()
	c.pass(keyLife - time.Second)
	if again := kids(); !slices.Equal(again, first) || len(first) != 2 {
		t.Fatalf("%v became %v", first, again)
	}
	c.pass(time.Second)
	turned := kids()
	if len(turned) != 3 || turned[0] != first[1] || turned[2] != first[0] || slices.Contains(first, turned[1]) {
		t.Fatalf("%v became %v", first, turned)
	}
	c.pass(keyRest)
	if rested := kids(); !slices.Equal(rested, turned[:2]) {
		t.Errorf("%v became %v", turned, rested)
	}
}
