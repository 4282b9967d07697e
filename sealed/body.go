package sealed

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	maxComing = 32 << 20         // bytes of messages that are being read
	maxSlow   = 30 * time.Second // that one may take to come
)

var (
	errSlow = errors.New("came too slowly")
	errFull = errors.New("too much comes at once")
)

// read returns the message that a POST brings, or the status of its refusal.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (message []byte, status int) {
	switch size := r.ContentLength; {
	case size > maxMessage:
		return nil, http.StatusRequestEntityTooLarge
	case size < 0:
		return nil, http.StatusLengthRequired
	case !isPadded(int(size)):
		return nil, http.StatusNotFound
	}
	b := &coming{Reader: r.Body, s: s, by: time.Now().Add(maxSlow)}
	defer b.done()
	message, err := io.ReadAll(b)
	switch {
	case err == errFull:
		w.Header().Set("Retry-After", "2")
		return nil, http.StatusServiceUnavailable
	case err != nil || int64(len(message)) != r.ContentLength:
		return nil, http.StatusRequestTimeout
	}
	return message, 0
}

// coming is a message on its way. It has to come within a time, by the real
// clock, whatever that of the Server says: it is about the connection.
type coming struct {
	io.Reader
	s   *Server
	by  time.Time
	got int64
}

func (c *coming) Read(p []byte) (int, error) {
	if time.Now().After(c.by) {
		return 0, errSlow
	}
	n, err := c.Reader.Read(p)
	c.got += int64(n)
	if !c.s.hold(int64(n)) {
		return n, errFull
	}
	return n, err
}

func (c *coming) done() { c.s.hold(-c.got) }

// hold counts bytes that came, and reports whether there is room for them.
func (s *Server) hold(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming += n
	return s.coming <= maxComing
}
