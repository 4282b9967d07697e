package sync

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// beatTime is how often a connection that is quiet shows that it is alive. The
// times depend on when it was made only.
const beatTime = 25 * time.Second

// socket carries notifications as text messages (WebSocketChannel2023).
type socket struct{ conn *websocket.Conn }

func (s socket) send(ctx context.Context, text []byte) error {
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// serveSocket takes the connection over and returns when it is closed. No cookie
// means anything here, so any origin may connect that has the address.
func (c *Channels) serveSocket(ctx context.Context, w http.ResponseWriter, r *http.Request, ch *channel) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true,
		Subprotocols:       []string{notifyNS + ch.service.kind, ch.service.kind},
	})
	if err != nil {
		return // it has been answered
	}
	alive, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	gone := conn.CloseRead(alive) // nothing is expected; it ends when the client does
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(gone, stop)()
	ended := c.pumpAlive(ctx, ch, socket{conn}, conn.Ping)
	defer time.AfterFunc(time.Second, kill).Stop() // who does not say goodbye is not waited for
	code := websocket.StatusGoingAway
	if errors.Is(ended, errEnded) {
		code = websocket.StatusNormalClosure
	}
	_ = conn.Close(code, "") // the client may have gone
}

// pumpAlive is pump with a sign of life from time to time, until one fails.
func (c *Channels) pumpAlive(ctx context.Context, ch *channel, to carrier, beat func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	var beats sync.WaitGroup
	defer beats.Wait()
	defer stop()
	beats.Go(func() {
		defer stop()
		for sleep(ctx, beatTime) == nil {
			within, cancel := context.WithTimeout(ctx, sendTime)
			err := beat(within)
			cancel()
			if err != nil {
				return
			}
		}
	})
	return c.pump(ctx, ch, to)
}

// stream carries notifications in the body of an answer: as lines of JSON
// (StreamingHTTPChannel2023), or as server-sent events (EventSourceChannel2023).
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	events  bool
	mu      sync.Mutex // one writes at a time
}

func (s *stream) send(_ context.Context, text []byte) error {
	if s.events {
		return s.write([]byte("data: "), text, []byte("\n\n"))
	}
	return s.write(text, []byte("\n"))
}

// write sends at once, and in time: who does not read is cut.
func (s *stream) write(parts ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := unsupported(s.control.SetWriteDeadline(time.Now().Add(sendTime)))
	if err == nil {
		_, err = s.w.Write(bytes.Join(parts, nil))
	}
	if err == nil {
		err = s.control.Flush()
	}
	if err == nil {
		err = unsupported(s.control.SetWriteDeadline(time.Time{}))
	}
	return err
}

// unsupported forgets that a writer has no deadlines.
func unsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// serveStream answers with a body that goes on.
func (c *Channels) serveStream(ctx context.Context, w http.ResponseWriter, ch *channel) {
	s := &stream{w: w, control: http.NewResponseController(w), events: ch.service.name == "events"}
	// Where it cannot be set the client is cut too soon, and comes again.
	_ = s.control.SetReadDeadline(time.Time{})
	private(w)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in front must not collect
	w.Header().Set("Content-Type", ch.request.media)
	if s.events {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	w.WriteHeader(http.StatusOK)
	switch {
	case s.write() != nil: // the client has gone
	case !s.events: // what is not JSON would be in the way
		_ = c.pump(ctx, ch, s)
	default:
		_ = c.pumpAlive(ctx, ch, s, func(context.Context) error { return s.write([]byte(":\n\n")) })
	}
}
