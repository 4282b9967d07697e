package acl

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"kith/pod"
	"kith/webid"
)

// ErrBusy refuses what would take more memory, or more bodies on their way, than
// the agent may have at a time while others are being served (503).
var ErrBusy = errors.New("too much is under way")

// What lies in memory for the requests of one pod, in bytes. Who is no contact
// leaves room for contacts, and they leave some for the owner.
const (
	roomAgent = 16 << 20 // of one agent, but for the first thing that it asks for
	roomSmall = 64 << 10 // of one request, which is not held against the agent's others
)

var roomOf = [...]int64{rankOutsider: 32 << 20, rankContact: 48 << 20, rankOwner: 64 << 20}

// rank orders agents by how much room is left for them: each has what those below
// it leave of its own bound.
type rank int

const (
	rankOutsider rank = iota
	rankContact
	rankOwner
)

func rankOf(a webid.Agent) rank {
	switch {
	case a.Owner():
		return rankOwner
	case a.Contact() != "":
		return rankContact
	}
	return rankOutsider
}

// rooms are what the requests of a pod hold in memory.
type rooms struct {
	mu    sync.Mutex
	ranks [len(roomOf)]int64
	open  map[string]*tenant
}

// tenant is one who has rooms.
type tenant struct {
	rooms int
	bytes int64
	first *Room // the one that may be as large as there is room; nil where it is closed
}

// Room is what one request holds in memory: a document that is being sent or has
// been made, for as long as its reader takes. It is closed when the request ends.
type Room struct {
	rooms *rooms
	who   string
	rank  rank
	held  int64
}

// Room returns an empty Room for a request of the agent.
func (v *View) Room() *Room {
	return &Room{rooms: &v.g.rooms, who: v.who(), rank: rankOf(v.agent)}
}

// who names the agent among those who share what is bounded. Who is no contact
// can have any number of names, so the address counts, where it is known.
func (v *View) who() string {
	switch {
	case v.agent.Owner():
		return "owner"
	case v.agent.Contact() != "":
		return "contact " + v.agent.Contact()
	case v.address != "" || v.agent.Anonymous():
		return "address " + v.address
	}
	return "agent " + string(v.agent.IDs()[0])
}

// Take adds n bytes. The error is ErrBusy where others, or other requests of the
// agent, hold what there is, and pod.ErrTooLarge where there never is so much.
func (r *Room) Take(n int64) error {
	if n == 0 {
		return nil
	}
	r.rooms.mu.Lock()
	defer r.rooms.mu.Unlock()
	if r.held+n > roomOf[r.rank] {
		return fmt.Errorf("take room: %w", pod.ErrTooLarge)
	}
	t := r.rooms.tenant(r)
	if t.first != r && t.bytes+n > roomAgent && r.held+n > roomSmall || !r.rooms.has(r.rank, n) {
		if r.held == 0 {
			r.rooms.quit(r)
		}
		return fmt.Errorf("take room: %w", ErrBusy)
	}
	t.bytes += n
	r.held += n
	r.rooms.ranks[r.rank] += n
	return nil
}

// tenant returns whose room it is; one that is empty so far is counted.
func (a *rooms) tenant(r *Room) *tenant {
	t := a.open[r.who]
	if t == nil {
		t = &tenant{}
		if a.open == nil {
			a.open = map[string]*tenant{}
		}
		a.open[r.who] = t
	}
	if r.held == 0 {
		t.rooms++
	}
	if t.first == nil {
		t.first = r
	}
	return t
}

// has reports whether there are n more bytes for a rank.
func (a *rooms) has(of rank, n int64) bool {
	for k, held := range a.ranks {
		n += held
		if rank(k) >= of && n > roomOf[k] {
			return false
		}
	}
	return true
}

// quit counts one room less.
func (a *rooms) quit(r *Room) {
	t := a.open[r.who]
	if t.first == r {
		t.first = nil
	}
	if t.rooms--; t.rooms == 0 {
		delete(a.open, r.who)
	}
}

// Close gives back what was taken. It may be called again.
func (r *Room) Close() {
	r.rooms.mu.Lock()
	defer r.rooms.mu.Unlock()
	if r.held == 0 {
		return
	}
	r.rooms.open[r.who].bytes -= r.held
	r.rooms.ranks[r.rank] -= r.held
	r.held = 0
	r.rooms.quit(r)
}

// Of returns a body that is read into memory: each byte is taken as it comes.
func (r *Room) Of(body io.Reader) io.Reader { return metered{body, r.Take} }

// metered is a body of which each byte is asked for as it comes.
type metered struct {
	body io.Reader
	take func(n int64) error
}

// Read is the body's, or the error of take.
func (m metered) Read(b []byte) (int, error) {
	n, err := m.body.Read(b)
	if full := m.take(int64(n)); full != nil {
		return 0, full
	}
	return n, err
}
