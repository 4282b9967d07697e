package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"kith/pod"
	"kith/pod/folder"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	deskBeat = 500 * time.Millisecond // between two looks at what is asked, and at what is told
	deskSlow = 20 * time.Second       // after which whoever asks hears that nobody has answered yet

	askerBeat = 2 * time.Second  // after which whoever asks says that they still wait
	askerGone = 20 * time.Second // without that, after which they have gone
	askerFree = 5                // beats in a row in which no process has the pod, after which none is answering
)

var (
	// errStopped says that the server which was asked has ended.
	errStopped = errors.New("the server stopped before it had answered; try again")
	// errUnheard says that no server has the pod open, and none has begun to answer.
	errUnheard = errors.New("no server hears for this pod")
)

// desk answers what the command line asks of pods that this process has open: through the table asked of
// state.db, since a pod has one process only. Each question has a goroutine; close waits for all.
type desk struct {
	stop context.CancelFunc
	all  sync.WaitGroup
}

// told is an answer in the table.
type told struct {
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// openDesk begins to answer. What an earlier process was asked is dropped.
func (s *Server) openDesk(ctx context.Context) error {
	err := s.state.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `DELETE FROM asked WHERE told <> '' OR since < ?`, &sqlitex.ExecOptions{Args: []any{s.state.now().Add(-time.Hour).Unix()}})
		if err != nil {
			return err
		}
		return forgetLeaving(c)
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.desk = &desk{stop: stop}
	s.desk.all.Go(func() { every(ctx, deskBeat, func() { s.attend(ctx) }) })
	began := time.Now()
	s.desk.all.Go(func() { s.state.watchClock(ctx, func() time.Duration { return time.Since(began) }) })
	s.desk.all.Go(func() { every(ctx, agreeBeat, func() { s.tendKeys(ctx) }) })
	if len(s.config.Reach) > 0 {
		s.desk.all.Go(func() { s.askClocks(ctx) })
	}
	return nil
}

// every does something at each beat, until ctx ends.
func every(ctx context.Context, beat time.Duration, do func()) {
	t := time.NewTicker(beat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			do()
		}
	}
}

func (d *desk) close() {
	if d != nil {
		d.stop()
		d.all.Wait()
	}
}

// attend begins to answer what is new.
func (s *Server) attend(ctx context.Context) {
	type question struct{ id, person, verb string }
	var all []question
	err := s.state.read(ctx, `SELECT id, person, verb FROM asked WHERE told = ''`, nil, func(row *sqlite.Stmt) error {
		all = append(all, question{row.ColumnText(0), row.ColumnText(1), row.ColumnText(2)})
		return nil
	})
	for _, q := range all {
		if err = errors.Join(err, s.state.answer(ctx, q.id, "begun")); err != nil {
			break
		}
		s.desk.all.Go(func() {
			if err := s.reply(ctx, q.id, q.person, q.verb); err != nil && ctx.Err() == nil {
				slog.Error("answer the command line", "err", err)
			}
		})
	}
	if err != nil && ctx.Err() == nil {
		slog.Error("hear the command line", "err", err)
	}
}

// reply does what is asked, and answers. A pod that leaves has left once whoever asks has heard of it: where they go away
// before, it stays.
func (s *Server) reply(ctx context.Context, id, name, verb string) error {
	box, leaves := strings.CutPrefix(verb, moveOut)
	if !leaves {
		return s.state.answer(context.WithoutCancel(ctx), id, answerOf(s.perform(ctx, name, verb)))
	}
	wanted, end := s.wanted(ctx, id)
	defer end()
	answer, failed := s.perform(wanted, name, verb)
	if err := s.state.answer(context.WithoutCancel(ctx), id, answerOf(answer, failed)); failed != nil || err != nil {
		return err
	}
	<-wanted.Done()
	if ctx.Err() != nil { // the server stops: whoever asks may still hear of it
		return nil
	}
	return s.breakOff(ctx, name, box)
}

// wanted returns a context that ends when whoever asks has gone: they have taken the question back, or say no more that
// they wait for the answer.
func (s *Server) wanted(ctx context.Context, id string) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	last, heard := int64(-1), time.Now()
	s.desk.all.Go(func() {
		every(ctx, deskBeat, func() {
			beat := int64(-1)
			err := s.state.read(ctx, `SELECT since FROM asked WHERE id = ?`, []any{id}, func(row *sqlite.Stmt) error {
				beat = row.ColumnInt64(0)
				return nil
			})
			if beat != last && beat >= 0 {
				last, heard = beat, time.Now()
			}
			if err == nil && beat < 0 || time.Since(heard) > askerGone {
				end()
			}
		})
	})
	return ctx, end
}

func answerOf(answer any, err error) string {
	var t told
	if err == nil {
		t.Answer, err = json.Marshal(answer)
	}
	if err != nil {
		t = told{Error: err.Error()}
	}
	text, _ := json.Marshal(t) // of a text and of what is JSON
	return string(text)
}

func (s *state) answer(ctx context.Context, id, text string) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE asked SET told = ? WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{text, id}})
	})
}

// perform does what the command line asks of one pod: a verb and what it is about.
func (s *Server) perform(ctx context.Context, name, verb string) (any, error) {
	h, err := s.home(ctx, name)
	if err != nil {
		return nil, err
	}
	if h.away() {
		return nil, s.config.awayError(pod.ErrAway, name)
	}
	verb, about, _ := strings.Cut(verb, " ")
	switch verb {
	case "check":
		return h.check(ctx)
	case "troubles":
		return h.troubles(ctx)
	case "outside":
		return everyReason(h.upkeep.troubles().Refused), nil
	case "delete-held", "restore-held":
		return h.decideHeld(ctx, verb == "delete-held", about)
	case "limit":
		return nil, h.limit(ctx)
	case "back-up":
		return nil, h.backUpAlone(ctx)
	case strings.TrimSpace(moveOut):
		return s.leave(ctx, name, about)
	case "return":
		return nil, s.takeBack(ctx, name)
	}
	return nil, fmt.Errorf("the server does not know how to %s; is it of an older version?", verb)
}

// ask has something done with the pod: in this process, or by the server that has it open. waiting is called when
// that takes long to begin.
func (o Person) ask(ctx context.Context, verb string, answer any, waiting func()) error {
	text, err := json.RawMessage(nil), errUnheard
	for errors.Is(err, errUnheard) { // what has the pod may be a command, which ends and answers nobody
		if err = folder.ErrBusy; !o.busy() {
			text, err = o.alone(ctx, verb)
		}
		if errors.Is(err, folder.ErrBusy) {
			text, err = o.askServer(ctx, verb, waiting)
		}
	}
	if err != nil {
		return advise(err, o.Name)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// busy reports whether a process has the pod open.
func (o Person) busy() bool { return folder.Busy(o.Config.index(o.Name)) }

// alone does it in this process. Errors: folder.ErrBusy where another one has the pod.
func (o Person) alone(ctx context.Context, verb string) (text json.RawMessage, err error) {
	c := o.Config
	c.quiet, c.Relay, c.Onion, c.Reach = true, false, false, nil
	s, err := Open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	answer, err := s.perform(ctx, o.Name, verb)
	if err != nil {
		return nil, s.state.orHalf(ctx, o.Config, o.Name, err)
	}
	return json.Marshal(answer)
}

// askServer has it done by the server that has the pod open. Errors: errUnheard, errStopped.
func (o Person) askServer(ctx context.Context, verb string, waiting func()) (text json.RawMessage, err error) {
	err = o.do(func(s *state) error {
		id := strings.ToLower(rand.Text())
		err := s.write(ctx, func(c *sqlite.Conn) error {
			return sqlitex.Execute(c, `INSERT INTO asked (id, person, verb, since) VALUES (?, ?, ?, ?)`,
				&sqlitex.ExecOptions{Args: []any{id, o.Name, verb, s.now().Unix()}})
		})
		if err != nil {
			return err
		}
		text, err = s.await(ctx, id, o.busy, waiting)
		if err == nil && strings.HasPrefix(verb, moveOut) {
			err = s.setOut(ctx, o.Name)
		}
		return errors.Join(err, s.forgetAsked(context.WithoutCancel(ctx), id))
	})
	return text, err
}

func (s *state) forgetAsked(ctx context.Context, id string) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `DELETE FROM asked WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{id}})
	})
}

// stillAsks says that an answer is waited for.
func (s *state) stillAsks(ctx context.Context, id string) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE asked SET since = since + 1 WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{id}})
	})
}

// await waits for an answer, as long as the pod is busy. Errors: errUnheard, errStopped.
func (s *state) await(ctx context.Context, id string, busy func() bool, waiting func()) (json.RawMessage, error) {
	slow, beat := time.NewTimer(deskSlow), time.NewTicker(askerBeat)
	defer slow.Stop()
	defer beat.Stop()
	for free := 0; ; {
		text, found := "", false
		err := s.read(ctx, `SELECT told FROM asked WHERE id = ?`, []any{id}, func(row *sqlite.Stmt) error {
			text, found = row.ColumnText(0), true
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case !found, free >= askerFree:
			return nil, errStopped
		case text == "" && free > 0:
			return nil, errUnheard
		case strings.HasPrefix(text, "{"):
			var t told
			if err := json.Unmarshal([]byte(text), &t); err != nil {
				return nil, err
			}
			if t.Error != "" {
				return nil, errors.New(t.Error)
			}
			return t.Answer, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-slow.C:
			waiting()
		case <-beat.C:
			if free++; busy() {
				free = 0
			}
			if err := s.stillAsks(ctx, id); err != nil {
				return nil, err
			}
		case <-time.After(deskBeat / 2):
		}
	}
}
