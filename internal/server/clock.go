package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"zombiezen.com/go/sqlite"
)

// A clock that is wrong loses nothing here, but phones and friends prove who they are by the time, so they may be
// refused while it is. It is watched for jumps, against the time that has passed by itself, and over restarts
// against when the server ran last.
const (
	clockBack    = time.Hour            // a jump back that is told
	clockForward = 365 * 24 * time.Hour // a jump forward that is told; a machine that slept is no news
	clockNews    = 7 * 24 * time.Hour   // for how long a jump is told
	clockKeep    = time.Hour            // between two notes of when the server ran
	clockOff     = 2 * time.Minute      // against others, from which on proofs are refused
)

// Names of what is kept of the clock.
const (
	clockSeen   = "clock seen"
	clockJumped = "clock jumped"
)

// jump is what the clock did.
type jump struct {
	From time.Time `json:"from"` // what it should have shown, or what it last showed
	To   time.Time `json:"to"`
}

// text says it to people.
func (j jump) text() string {
	way, by := "back", j.From.Sub(j.To)
	if by < 0 {
		way, by = "forward", -by
	}
	return fmt.Sprintf("The clock of the pod's machine jumped %s by %s, to %s.", way, span(by), j.To.UTC().Format(time.DateTime))
}

func span(d time.Duration) string {
	switch days := int(d.Hours() / 24); {
	case days >= 2*365:
		return fmt.Sprintf("%d years", days/365)
	case days >= 2:
		return fmt.Sprintf("%d days", days)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

// told reports whether a jump is still news.
func (j jump) told(now time.Time) bool {
	age := now.Sub(j.To)
	return !j.To.IsZero() && age > -clockBack && age < clockNews
}

// jumped returns the jump between two looks, if it is one.
func jumped(before, now time.Time, passed time.Duration) (jump, bool) {
	should := before.Add(passed)
	off := now.Sub(should)
	return jump{should, now}, off <= -clockBack || off >= clockForward
}

// watchClock looks at the clock until ctx ends. passed is the time since some moment, by another clock than that.
func (s *state) watchClock(ctx context.Context, passed func() time.Duration) {
	before, at, kept := s.now(), passed(), time.Duration(0)
	if err := s.compareClock(ctx); err != nil && ctx.Err() == nil {
		slog.Error("look at the clock", "err", err)
	}
	every(ctx, deskBeat, func() {
		now, then := s.now(), passed()
		j, is := jumped(before, now, then-at)
		var err error
		if is {
			err = s.keepJump(ctx, j)
		}
		if is || then-kept >= clockKeep {
			kept = then
			err = s.keepClock(ctx)
		}
		if err != nil && ctx.Err() == nil {
			slog.Error("look at the clock", "err", err)
		}
		before, at = now, then
	})
}

// compareClock compares the clock with when the server ran last.
func (s *state) compareClock(ctx context.Context) error {
	text, err := s.value(ctx, clockSeen)
	if err != nil {
		return err
	}
	if seen, bad := time.Parse(time.RFC3339, text); bad == nil {
		if off := s.now().Sub(seen); off <= -clockBack || off >= 3*clockForward {
			if err := s.keepJump(ctx, jump{seen, s.now()}); err != nil {
				return err
			}
		}
	}
	return s.keepClock(ctx)
}

func (s *state) keepClock(ctx context.Context) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return setValues(c, clockSeen, s.now().UTC().Format(time.RFC3339))
	})
}

func (s *state) keepJump(ctx context.Context, j jump) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c *sqlite.Conn) error { return setValues(c, clockJumped, string(text)) })
}

// lastJump returns what the clock last did, the zero jump when it never did.
func (s *state) lastJump(ctx context.Context) (j jump, err error) {
	text, err := s.value(ctx, clockJumped)
	if err != nil || text == "" {
		return j, err
	}
	return j, json.Unmarshal([]byte(text), &j)
}

// value returns what is kept under name, "" for nothing.
func (s *state) value(ctx context.Context, name string) (string, error) {
	c, err := s.pool.Take(ctx)
	if err != nil {
		return "", fmt.Errorf("reach state.db: %w", err)
	}
	defer s.pool.Put(c)
	return value(c, name)
}

// clockAt returns how far the clock is ahead of that of the host that answered, within a second or two: a Date has
// whole seconds, and the answer was made between asked and now. ok is false where it does not tell.
func clockAt(answer *http.Response, asked, now time.Time) (off time.Duration, ok bool) {
	theirs, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	return asked.Add(now.Sub(asked) / 2).Sub(theirs), true
}
