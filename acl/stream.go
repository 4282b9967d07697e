package acl

import (
	"context"
	"sync"

	"kith/pod"
	"kith/webid"
)

// streams are the bodies that are being sent, and who waits for the next commit.
type streams struct {
	mu   sync.Mutex
	open map[*stream]struct{}
	next chan struct{} // closed at the next commit
}

// stream is one body being sent to one agent.
type stream struct {
	agent  webid.Agent
	origin string
	// members are the groups elsewhere as they were when the stream was opened.
	members map[string][]webid.ID
	path    pod.Path
	cut     context.CancelFunc
}

// add registers a stream. Within a transaction there is no commit between the
// decision and its registration that the stream would miss.
func (s *streams) add(x *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*stream]struct{})
	}
	s.open[x] = struct{}{}
}

func (s *streams) remove(x *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, x)
}

func (s *streams) list() []*stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*stream, 0, len(s.open))
	for x := range s.open {
		out = append(out, x)
	}
	return out
}

func (s *streams) cutAll() {
	for _, x := range s.list() {
		x.cut()
	}
}

func (s *streams) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.next)
	s.next = make(chan struct{})
}

func (s *streams) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// follow runs until ctx is done: after each commit it wakes who waits and cuts
// the streams of those who lost their right.
func (g *Guard) follow(ctx context.Context, changed <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				return
			}
			g.streams.announce()
			g.review(ctx)
		}
	}
}

// review cuts the streams whose agent is no longer valid or may no longer read
// what is being sent, which includes what was deleted.
func (g *Guard) review(ctx context.Context) {
	var left []*stream
	for _, s := range g.streams.list() {
		if g.valid(ctx, s.agent) {
			left = append(left, s)
		} else {
			s.cut()
		}
	}
	if len(left) == 0 {
		return
	}
	err := g.store.View(ctx, func(tx pod.Tx) error {
		judges := make(map[string]*judge)
		for _, s := range left {
			j := g.judge(tx, s.agent, s.origin, &elsewhere{members: s.members})
			if known := judges[j.key()]; known != nil && s.members == nil {
				j = known
			}
			if s.members == nil {
				judges[j.key()] = j
			}
			st, err := j.standing(s.path)
			if err != nil || !st.modes.Has(Read) || !st.exists {
				s.cut()
			}
		}
		return nil
	})
	if err != nil { // who cannot be judged is not served
		for _, s := range left {
			s.cut()
		}
	}
}
