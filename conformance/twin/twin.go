package twin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Who asks. The owner and the other make the history; the reader and the stranger look.
type Who int

// Those who take part. The other may see what is hidden, the stranger proves nothing.
const (
	Owner Who = iota
	Reader
	Other
	Stranger
)

func (w Who) String() string { return [...]string{"owner", "reader", "other", "stranger"}[w] }

// Request is one request. Target is relative to the side's base, escaped, and may have a query.
type Request struct {
	Method, Target string
	Header         http.Header
	Body           string
}

// Answer is all that came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Side is one of the two servers: a container in which the owner may do all.
type Side interface {
	// Base is the container's URL, with a trailing slash.
	Base() string
	// WebID names one of those who prove who they are, in ACL documents.
	WebID(Who) string
	// Do sends a request. An error is not an answer: it ends the play.
	Do(context.Context, Who, Request) (Answer, error)
}

// A Listener is a Side that also tells of changes while they happen.
type Listener interface {
	Side
	// Heard returns what the one who listens to the whole of Base has been told since the last call,
	// up to and with what is told of the resource at target, which has just been written and may be
	// read by the listener.
	Heard(ctx context.Context, who Who, target string) (string, error)
}

// Play is one history.
type Play struct {
	Seed  uint64
	Steps int
	// Kith adds what only our servers have: posts, the feed and the door.
	Kith bool
	// Loose compares no times, for servers whose clock cannot be set.
	Loose bool
	// Tick is called before each step of both sides: it sets their clocks. It may be nil.
	Tick func(step int)
}

// Difference is where the lookers can tell the two sides apart.
type Difference struct {
	Step        int
	After       string // what the owner did last, on both sides
	Surface     string // which way of looking told it
	Who         Who
	Request     Request
	Plain, Full string // the first line in which the answers differ
}

func (d *Difference) String() string {
	return fmt.Sprintf("step %d, after %s: %s: %s %s %s %v\n  without: %s\n  with:    %s",
		d.Step, d.After, d.Surface, d.Who, d.Request.Method, d.Request.Target, d.Request.Header, d.Plain, d.Full)
}

// Compare plays the history to both sides; full gets the hidden part of it. It returns the first
// difference, or nil.
func (p Play) Compare(ctx context.Context, plain, full Side) (*Difference, error) {
	t := &table{Play: p, ctx: ctx, random: rand.New(rand.NewPCG(p.Seed, 1)), sides: [2]*seat{newSeat(plain, p.Loose), newSeat(full, p.Loose)}}
	if err := t.both(t.world()...); err != nil {
		return nil, err
	}
	for step := range p.Steps {
		if p.Tick != nil {
			p.Tick(step)
		}
		if d, err := t.step(step); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// table is a play under way.
type table struct {
	Play
	ctx    context.Context
	random *rand.Rand
	sides  [2]*seat
}

// deed is something that changes the pod, and who does it.
type deed struct {
	who Who
	Request
}

// step does some hidden deeds, one shared deed, and looks.
func (t *table) step(n int) (*Difference, error) {
	for range t.random.IntN(3) {
		for _, d := range t.hidden() {
			if _, err := t.sides[1].do(t.ctx, d); err != nil {
				return nil, err
			}
		}
	}
	name, deeds := t.shared()
	if err := t.both(deeds...); err != nil {
		return nil, err
	}
	for _, l := range t.looks() {
		if d, err := t.look(l); d != nil || err != nil {
			if d != nil {
				d.Step, d.After = n, name
			}
			return d, err
		}
	}
	return t.listen(n, name)
}

// both does the same on both sides. What one side answers otherwise than the other shows in the looks.
func (t *table) both(deeds ...deed) error {
	for _, d := range deeds {
		for _, s := range t.sides {
			if _, err := s.do(t.ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// look puts one request to both sides and compares.
func (t *table) look(l look) (*Difference, error) {
	var heard [2]string
	for i, s := range t.sides {
		r := l.Request
		if l.given != "" {
			r = s.handBack(l)
		}
		a, err := s.do(t.ctx, deed{l.who, r})
		if err != nil {
			return nil, err
		}
		s.keep(l, a)
		heard[i] = s.transcript(a)
	}
	return difference(l, heard), nil
}

// listen compares what the reader is told of changes, where the sides tell.
func (t *table) listen(n int, after string) (*Difference, error) {
	var heard [2]string
	mark := fmt.Sprintf("box/mark%d", n)
	for i, s := range t.sides {
		side, ok := s.Side.(Listener)
		if !ok {
			return nil, nil
		}
		if _, err := s.do(t.ctx, deed{Owner, put(mark, "text/plain", "mark")}); err != nil {
			return nil, err
		}
		text, err := side.Heard(t.ctx, Reader, mark)
		if err != nil {
			return nil, err
		}
		heard[i] = s.names.replace(text)
	}
	d := difference(look{surface: "notifications", who: Reader}, heard)
	if d != nil {
		d.Step, d.After = n, after
	}
	return d, nil
}

func difference(l look, heard [2]string) *Difference {
	a, b := strings.Split(heard[0], "\n"), strings.Split(heard[1], "\n")
	for i := range max(len(a), len(b)) {
		x, y := line(a, i), line(b, i)
		if x != y {
			return &Difference{Surface: l.surface, Who: l.who, Request: l.Request, Plain: x, Full: y}
		}
	}
	return nil
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// Seconds makes a Tick that sets clocks to start and, with each step, some seconds later.
func Seconds(start time.Time, set func(time.Time)) func(int) {
	return func(step int) { set(start.Add(time.Duration(step+1) * 3 * time.Second)) }
}
