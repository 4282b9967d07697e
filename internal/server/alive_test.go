package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
)

// TestWhetherAServerAnswers: one that runs does, by http and by https; one that has ended, or is another, does not.
func TestWhetherAServerAnswers(t *testing.T) {
	t.Parallel()
	for name, secured := range map[string]bool{"by http": false, "by https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
			if secured {
				c.URL = "https://localhost:8420/"
				c.Cert, c.Key = certificate(t, time.Now().Add(time.Hour))
			}
			if err := c.Alive(t.Context()); !errors.Is(err, errSilent) {
				t.Errorf("before its first start: %v", err)
			}
			s, err := Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			within(t, "it answers", func() bool { return c.Alive(t.Context()) == nil })
			stop()
			if err := errors.Join(<-ended, s.Close()); err != nil {
				t.Fatal(err)
			}
			if err := c.Alive(t.Context()); !errors.Is(err, errSilent) {
				t.Errorf("after its end: %v", err)
			}
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) }))
			defer other.Close()
			err = Person{c, DefaultName}.do(func(st *state) error {
				return st.write(t.Context(), func(conn *sqlite.Conn) error { return setValues(conn, listensAt, other.URL) })
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Alive(t.Context()); !errors.Is(err, errSilent) {
				t.Errorf("where another one answers: %v", err)
			}
		})
	}
}

// TestPeopleAreListed with what an operator asks first.
func TestPeopleAreListed(t *testing.T) {
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	if _, err := AddPerson(t.Context(), s.config, "ana"); err != nil {
		t.Fatal(err)
	}
	all, err := s.config.List(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	me, ana := all[0], all[1]
	if me.Name != DefaultName || me.Used < 150_000 || me.Places != 1 || me.Backup == nil || len(me.Devices) > 0 || me.Moved {
		t.Errorf("%+v", me)
	}
	if ana.Name != "ana" || ana.Pod != "http://localhost:8420/ana/" || ana.Places != 0 || ana.Backup != nil {
		t.Errorf("%+v", ana)
	}
}
