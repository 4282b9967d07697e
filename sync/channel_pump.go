package sync

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"kith/acl"
	"kith/pod"
)

const (
	batch = 256 // events that are worked out at once

	// tick is the grain of time in which channels look at the pod. When a
	// notification comes depends on the grain and on what it tells, so not on what
	// else happened shortly before.
	tick = 100 * time.Millisecond

	// glance is how long a channel waits for a commit before it asks anyway whether
	// its agent may still read the topic, and validity before it asks whether the
	// agent is still who it was.
	glance   = 30 * time.Second
	validity = 500 * time.Millisecond

	sendTime = 10 * time.Second // for one notification to be taken
)

// errEnded says that a channel has ended: its time is over, or its agent may not
// read the topic any more.
var errEnded = errors.New("the channel has ended")

// carrier takes notifications to whoever receives.
type carrier interface {
	send(ctx context.Context, text []byte) error
}

// pump tells a channel's agent what happens, for as long as it may know. It
// returns errEnded when the channel has ended, and is gone, the error of ctx, or
// that of the carrier. The caller has the channel's turn.
func (c *Channels) pump(ctx context.Context, ch *channel, to carrier) error {
	err := errEnded
	if c.has(ch) { // it may have been ended before it was this one's turn
		err = c.pumpUntil(ctx, ch, to)
	}
	if errors.Is(err, errEnded) {
		c.drop(ch)
	}
	return err
}

func (c *Channels) pumpUntil(ctx context.Context, ch *channel, to carrier) error {
	for {
		changed := ch.v.Changed()
		more, err := c.flush(ctx, ch, to)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if err := c.pause(ctx, ch, changed); err != nil {
			return err
		}
	}
}

// flush sends what there is to tell at this moment, a batch at most.
func (c *Channels) flush(ctx context.Context, ch *channel, to carrier) (more bool, err error) {
	now := c.config.Now()
	if !now.Before(ch.end) {
		return false, errEnded
	}
	most := batch
	switch {
	case now.Before(ch.request.startAt):
	case now.Before(ch.next):
		most = 0
	case ch.request.rate > 0:
		most = 1
	}
	if most == 0 { // but the right may be lost
		ok, err := c.holds(ctx, ch, acl.Event{Kind: "Update", Path: ch.request.topic})
		if ok || ctx.Err() != nil {
			return false, err
		}
	}
	events, ended := ch.watch.Next(ctx, most)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if now.Before(ch.request.startAt) {
		for _, e := range events { // what was before is not told
			ch.watch.Told(e)
		}
		return len(events) == batch, over(ended)
	}
	if events, err = c.greet(ch, most, events, ended); err != nil {
		return false, err
	}
	for _, e := range events {
		if err := c.tell(ctx, ch, e, to); err != nil {
			return false, err
		}
	}
	return most == batch && len(events) >= batch, over(ended)
}

func over(err error) error {
	if err != nil {
		return errEnded
	}
	return nil
}

// greet puts an Update of the topic before the first events, where the
// subscriber knows another state of it (Solid Notifications §notify-state).
func (c *Channels) greet(ch *channel, most int, events []acl.Event, ended error) ([]acl.Event, error) {
	if !ch.fresh || most == 0 || ended != nil {
		return events, nil
	}
	ch.fresh = false
	if ch.request.state == "" || ch.request.state == ch.watch.State() {
		return events, nil
	}
	first := acl.Event{Kind: "Update", Path: ch.request.topic, State: ch.watch.State()}
	return append([]acl.Event{first}, events...)[:max(1, min(most, len(events)+1))], nil
}

// tell sends one event, if the agent may still be told, with as many attempts as
// the channel's service makes.
func (c *Channels) tell(ctx context.Context, ch *channel, e acl.Event, to carrier) error {
	text, err := c.notify(e, c.config.Now())
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		if ok, err := c.holds(ctx, ch, e); !ok || err != nil {
			return err
		}
		if err = c.sendWithin(ctx, to, text); err == nil {
			break
		}
		if ctx.Err() != nil || !ch.service.push || attempt == len(retries) || errors.Is(err, errUnwanted) {
			return fmt.Errorf("send notification: %w", err)
		}
		if err := sleep(ctx, retries[attempt]); err != nil {
			return err
		}
	}
	ch.watch.Told(e)
	if ch.request.rate > 0 {
		ch.next = c.config.Now().Add(ch.request.rate)
	}
	return nil
}

func (c *Channels) sendWithin(ctx context.Context, to carrier, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return to.send(ctx, text)
}

// holds reports whether an event may be told now. That the topic was deleted is
// told once: there is no right to it left to ask for.
func (c *Channels) holds(ctx context.Context, ch *channel, e acl.Event) (bool, error) {
	if !c.config.Now().Before(ch.end) {
		return false, errEnded
	}
	if e.Kind == "Delete" && ch.watch.Valid(ctx) {
		return true, nil
	}
	ok, err := ch.watch.Holds(ctx, e)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return ok, over(err)
}

// pause waits until there may be something to tell.
func (c *Channels) pause(ctx context.Context, ch *channel, changed <-chan struct{}) error {
	now, wait := c.config.Now(), glance
	for _, t := range []time.Time{ch.end, ch.next, ch.request.startAt} {
		if t.After(now) {
			wait = min(wait, t.Sub(now))
		}
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	ask := time.NewTicker(validity)
	defer ask.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return nil
		case <-ask.C:
			if !ch.watch.Valid(ctx) {
				return errEnded
			}
		case <-changed:
			return sleep(ctx, ch.grain()-time.Since(ch.opened)%ch.grain())
		}
	}
}

// grain is longer for topics with much that the agent may see, since to look at it
// takes longer; still less than a second.
func (ch *channel) grain() time.Duration {
	return tick * time.Duration(1+ch.watch.Size()/1024)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// receive connects a client with its channel. A channel's address is as good as
// the right to receive from it, but for streams, whose clients say who they are.
func (c *Channels) receive(w http.ResponseWriter, r *http.Request, v *acl.View, s service, id, key string) error {
	if done, err := offers(w, r, http.MethodGet, http.MethodOptions); done || err != nil {
		return err
	}
	ch, err := c.find(s, id)
	if err != nil {
		return err
	}
	if s.push || !ch.hasKey(key) {
		return pod.ErrNotExist
	}
	if s.name == "stream" && !ch.of(v) {
		if v.Agent().Anonymous() {
			return acl.ErrUnauthenticated
		}
		return pod.ErrNotExist
	}
	if !c.begin() {
		return pod.ErrClosed
	}
	defer c.running.Done()
	return c.serve(w, r, ch)
}

// serve passes on what a channel has to tell until it ends or the client goes.
func (c *Channels) serve(w http.ResponseWriter, r *http.Request, ch *channel) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	ctx, err := ch.take(ctx)
	defer func() { ch.leave(err == nil, c.config.Now()) }()
	if err != nil {
		return fmt.Errorf("wait for the channel: %w", err)
	}
	if ch.service.name == "websocket" {
		c.serveSocket(ctx, w, r, ch)
	} else {
		c.serveStream(ctx, w, ch)
	}
	return nil // what was sent is an answer, however it ended
}
