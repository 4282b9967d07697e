//go:build webrtc

package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Frames of a direct connection (docs/protocol.md, Direct connections):
//
//	frame   kind u8 ‖ number u32 ‖ length u32 ‖ piece, at most 16 KiB
const (
	frameAsks = iota + 1
	frameAnswers
	frameDeclines

	frameHead  = 9
	framePiece = 16 << 10
	frameMost  = 17 << 16 // bytes of a message
)

// Bounds of one conversation.
const (
	talkAnswers = 8 // requests that are answered at a time
	talkIdle    = 2 * time.Minute
	talkStall   = 30 * time.Second // that a piece may take to leave
)

var errFrame = errors.New("a frame breaks the rules")

// wire is a data channel: each Read and each Write is one frame.
type wire interface {
	ReadDataChannel(p []byte) (n int, isText bool, err error)
	Write(p []byte) (int, error)
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// talk answers what is asked over one channel. It asks nothing itself, so answers that come belong to nothing.
//
// Goroutines: the one that calls run reads; one writes; one waits for the end; one for each request that is being
// answered. All have ended when run returns.
type talk struct {
	wire  wire
	serve func(ctx context.Context, message []byte) []byte // nil: no answer
	busy  chan struct{}
	out   chan spoken
	wg    sync.WaitGroup
}

// spoken is a message of a kind under an asker's number.
type spoken struct {
	kind   byte
	number uint32
	body   []byte
}

func newTalk(w wire, serve func(context.Context, []byte) []byte) *talk {
	return &talk{wire: w, serve: serve, busy: make(chan struct{}, talkAnswers), out: make(chan spoken)}
}

// run answers until ctx ends, the channel does, or nothing is asked for a while; hangUp closes the channel.
func (t *talk) run(ctx context.Context, hangUp func()) error {
	ctx, cancel := context.WithCancel(ctx)
	t.wg.Go(func() {
		defer cancel()
		t.write(ctx)
	})
	t.wg.Go(func() {
		<-ctx.Done()
		hangUp()
		t.wire.SetReadDeadline(time.Unix(1, 0))
		t.wire.SetWriteDeadline(time.Unix(1, 0)) // a Write that waits for room does not hear that the channel is closed
	})
	err := t.read(ctx)
	cancel()
	t.wg.Wait()
	return err
}

func (t *talk) read(ctx context.Context) error {
	var coming gathering
	frame := make([]byte, frameHead+framePiece+1)
	for ctx.Err() == nil {
		t.wire.SetReadDeadline(time.Now().Add(talkIdle)) // a channel that is gone says so when it is read
		n, text, err := t.wire.ReadDataChannel(frame)
		if err != nil {
			return fmt.Errorf("read frame: %w", err)
		}
		said, whole, err := coming.add(frame[:n])
		if err != nil || text {
			return errFrame
		}
		if whole && said.kind == frameAsks {
			t.take(ctx, said)
		}
	}
	return ctx.Err()
}

// take answers a request in a goroutine of its own. Beyond what is answered at a time there is no answer.
func (t *talk) take(ctx context.Context, asked spoken) {
	select {
	case t.busy <- struct{}{}:
	default:
		t.say(ctx, spoken{frameDeclines, asked.number, nil})
		return
	}
	t.wg.Go(func() {
		defer func() { <-t.busy }()
		if answer := t.serve(ctx, asked.body); answer != nil {
			t.say(ctx, spoken{frameAnswers, asked.number, answer})
		} else {
			t.say(ctx, spoken{frameDeclines, asked.number, nil})
		}
	})
}

func (t *talk) say(ctx context.Context, s spoken) {
	select {
	case t.out <- s:
	case <-ctx.Done():
	}
}

// write sends one message after another, each in its pieces.
func (t *talk) write(ctx context.Context) {
	for {
		select {
		case s := <-t.out:
			for frame := range s.frames() {
				t.wire.SetWriteDeadline(time.Now().Add(talkStall))
				if _, err := t.wire.Write(frame); err != nil {
					return
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// frames are the pieces of a message, at least one.
func (s spoken) frames() func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for rest, first := s.body, true; first || len(rest) > 0; first = false {
			piece := rest[:min(len(rest), framePiece)]
			rest = rest[len(piece):]
			frame := make([]byte, frameHead, frameHead+len(piece))
			frame[0] = s.kind
			binary.BigEndian.PutUint32(frame[1:], s.number)
			binary.BigEndian.PutUint32(frame[5:], uint32(len(s.body)))
			if !yield(append(frame, piece...)) {
				return
			}
		}
	}
}

// gathering is a message whose pieces are coming.
type gathering struct {
	head [frameHead]byte
	body []byte
	open bool
}

// add takes a frame; whole tells that it was the last piece of a message. The error is errFrame.
func (g *gathering) add(frame []byte) (s spoken, whole bool, err error) {
	if len(frame) < frameHead || frame[0] < frameAsks || frame[0] > frameDeclines {
		return spoken{}, false, errFrame
	}
	head, piece := [frameHead]byte(frame), frame[frameHead:]
	length := int(binary.BigEndian.Uint32(head[5:]))
	if !g.open {
		*g = gathering{head: head, open: true}
	}
	empty := len(piece) == 0 && length > 0
	if g.head != head || length > frameMost || len(piece) > framePiece || len(g.body)+len(piece) > length || empty {
		return spoken{}, false, errFrame
	}
	g.body = append(g.body, piece...)
	if len(g.body) < length {
		return spoken{}, false, nil
	}
	s = spoken{head[0], binary.BigEndian.Uint32(head[1:]), g.body}
	*g = gathering{}
	return s, true, nil
}

// answerDirect answers a sealed message that came over a direct connection; nil: it gets no answer by that way.
func (h *home) answerDirect(ctx context.Context, message []byte, waits waiting) []byte {
	ctx, cancel := context.WithTimeout(ctx, boxTime)
	defer cancel()
	limit, leave := waits.patience(true)
	defer leave()
	answer, reply, err := h.sealed.Answer(context.WithValue(ctx, patience{}, limit), message)
	if err != nil || reply.Status == http.StatusServiceUnavailable || declinesOffer(reply) {
		return nil
	}
	return answer
}
