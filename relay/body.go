package relay

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// body is bytes in memory, with the place there that they take.
type body struct {
	bytes []byte
	leave func() // nil when they take none
}

func (b *body) free() {
	if b.leave != nil {
		b.leave()
		b.leave = nil
	}
}

// pace ends who sends too slowly: n bytes have to be there by began + moving(n).
type pace struct {
	began time.Time
	set   func(time.Time) // the deadline
}

// moved pushes the deadline, when n bytes have come.
func (p *pace) moved(n int) { p.set(p.began.Add(moving(n))) }

// pause lets nobody be late while the relay itself has no room.
func (p *pace) pause() { p.set(time.Now().Add(2 * frameTime)) }

// resume ends a pause.
func (p *pace) resume(n int) {
	p.began = time.Now().Add(moving(0) - moving(n))
	p.moved(n)
}

// read reads at most `most` bytes, and asks for a place in memory as soon as it is not little: who
// sends slowly holds little, who sends much waits for others. The caller frees the body.
func (s *Server) read(r io.Reader, who visitor, most int, p *pace) (b body, err error) {
	defer func() {
		if err != nil {
			b.free()
		}
	}()
	for _, step := range []struct{ size, place int }{{freeBody, -1}, {smallBody, placeSmall}, {most, placeLarge}} {
		size := min(step.size, most)
		if step.place >= 0 {
			p.pause()
			if err := s.space(&b, who, step.place); err != nil {
				return b, err
			}
			p.resume(len(b.bytes))
		}
		if b.bytes, err = grow(b.bytes, size, r, p); err != nil {
			return b, err
		}
		if len(b.bytes) < size {
			return b, nil
		}
		if size == most {
			break
		}
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 || err != io.EOF {
		return b, tooLarge(n, err)
	}
	return b, nil
}

func tooLarge(n int, err error) error {
	if n > 0 {
		return dropTooLarge
	}
	return slow(err)
}

// space takes a place in memory for b, in exchange for a smaller one.
func (s *Server) space(b *body, who visitor, place int) error {
	over := make(chan struct{})
	stop := time.AfterFunc(frameTime, func() { close(over) })
	defer stop.Stop()
	leave, ok := s.visitors.wait(who, place, over)
	if !ok {
		return dropMemory
	}
	b.free()
	b.leave = leave
	return nil
}

// grow reads until b has size bytes or r ends.
func grow(b []byte, size int, r io.Reader, p *pace) ([]byte, error) {
	bigger := make([]byte, len(b), size)
	copy(bigger, b)
	b = bigger
	for len(b) < size {
		n, err := r.Read(b[len(b):size])
		b = b[:len(b)+n]
		p.moved(len(b))
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, slow(err)
		}
	}
	return b, nil
}

// slow tells what an error while reading means: a bound, or somebody who has gone or does not move.
func slow(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return dropTooLarge
	}
	return dropSlow
}

// body reads the body of a request.
func (s *Server) body(w http.ResponseWriter, r *http.Request, who visitor, most int) (body, error) {
	if r.ContentLength > int64(most) {
		return body{}, dropTooLarge
	}
	control := http.NewResponseController(w)
	p := &pace{time.Now(), func(at time.Time) { control.SetReadDeadline(at) }}
	p.moved(0)
	b, err := s.read(r.Body, who, most, p)
	if err == nil {
		control.SetReadDeadline(time.Time{}) // or a wait would end with it
	}
	return b, err
}
