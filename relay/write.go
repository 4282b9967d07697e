package relay

import (
	"context"
	"errors"
	"time"

	"github.com/coder/websocket"
)

// write sends what there is to send.
func (c *conn) write() {
	for {
		i, more := c.next()
		var err error
		switch {
		case !more:
			return
		case i.message != nil:
			err = c.send(c.ctx, i.message)
		case i.text != nil:
			err = c.text(c.ctx, i)
		default:
			err = c.ping(c.ctx)
		}
		if err != nil {
			c.ws.CloseNow() // ends the reader, which lets go of what is left
			return
		}
	}
}

// next takes the next thing to write; without one the writer ends.
func (c *conn) next() (i item, more bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if len(c.out) == 0 {
		c.out, c.writing = nil, false
		return item{}, false
	}
	i, c.out = c.out[0], c.out[1:]
	return i, true
}

// ping ends the connection of who does not answer.
func (c *conn) ping(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, pongTime)
	defer cancel()
	if err := c.ws.Ping(wait); err != nil {
		c.s.counters.count(countSilent)
		return err
	}
	c.moved.Store(time.Now().UnixNano())
	return nil
}

// pings has those pinged who have been silent.
func (s *Server) pings() {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := time.Now().Add(-silentTime).UnixNano()
	for c := range s.conns {
		if c.moved.Load() < since && !c.writing {
			c.push(item{})
		}
	}
}

func (c *conn) text(ctx context.Context, i item) error {
	write, cancel := context.WithTimeout(ctx, moving(len(i.text)))
	defer cancel()
	if i.place {
		<-c.places
	}
	return c.moves(c.ws.Write(write, websocket.MessageText, i.text))
}

// moves counts who takes nothing.
func (c *conn) moves(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		c.s.counters.count(dropSlow.reason)
	}
	return err
}

// send writes a message, if it is still to be offered.
func (c *conn) send(ctx context.Context, m *message) error {
	head, ok := c.head(m)
	if !ok {
		return nil
	}
	var b body
	if m.size > freeBody {
		place := placeSmall
		if m.size > smallBody {
			place = placeLarge
		}
		if err := c.s.space(&b, c.who, place); err != nil {
			c.s.counters.count(dropMemory.reason)
			return err
		}
	}
	defer b.free()
	text, err := c.s.disk.body(m.place)
	if err != nil {
		c.s.broken(m)
		return nil
	}
	write, cancel := context.WithTimeout(ctx, moving(len(text)))
	defer cancel()
	w, err := c.ws.Writer(write, websocket.MessageBinary)
	if err != nil {
		return err
	}
	_, err = w.Write(head)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	return c.moves(err)
}

// head returns the head of m's frame, unless it is not offered to this connection any more.
func (c *conn) head(m *message) ([]byte, bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if m.erased || !c.window[m] {
		return nil, false
	}
	return appendMessage(nil, m.id, m.mark, m.waiter != nil, m.expires(), nil), true
}

// broken erases a message that the disk has lost, unless it is just gone.
func (s *Server) broken(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !m.erased {
		s.counters.count(countDamaged)
		s.erase(m, nil)
	}
}
