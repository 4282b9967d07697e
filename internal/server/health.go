package server

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// machine returns what stands against the machine and its settings: every owner hears it.
func (h *home) machine(ctx context.Context) ([]trouble, error) {
	now := h.state.now()
	var all []trouble
	if v, err := volumeOf(h.config.Data); err != nil {
		all = append(all, trouble{Kind: "disk", Why: "silent", Text: "The disk of the pod does not answer: " + reason(err) + "."})
	} else if v.short() {
		all = append(all, trouble{Kind: "disk", Why: "full", Free: v.free, Text: fmt.Sprintf("The disk of the pod is nearly full: %s are left. Once it is full, nothing is written any more; reading and deleting go on. Make room, or move the pod to a larger disk.", inUnits(v.free))})
	}
	j, err := h.state.lastJump(ctx)
	if err != nil {
		return nil, err
	}
	if j.told(now) {
		all = append(all, trouble{Kind: "clock", Since: known(j.To.UTC()), Text: j.text() + " While it is wrong, your phones and friends may be refused and backups come late; nothing is deleted by it. See that the machine gets its time from the network."})
	} else if off := h.state.ahead.off(); off != "" {
		all = append(all, trouble{Kind: "clock", Text: "The clock of the pod's machine is " + off + ": your phones and friends may be refused. See that it gets its time from the network."})
	}
	switch end, err := h.config.certificateEnd(); {
	case err != nil:
		all = append(all, trouble{Kind: "certificate", Why: "unreadable", Text: "The certificate of the pod cannot be read. Say `kith doctor` on its machine."})
	case end.IsZero() || end.Sub(now) >= certificateSoon:
	case end.Before(now):
		all = append(all, trouble{Kind: "certificate", Why: "ended", Since: known(end.UTC()), Text: "The certificate of the pod has ended: nobody who minds reaches it any more. " + h.config.renewal()})
	default:
		all = append(all, trouble{Kind: "certificate", Until: known(end.UTC()), Text: fmt.Sprintf("The certificate of the pod ends on %s. %s", end.UTC().Format(time.DateOnly), h.config.renewal())})
	}
	return all, nil
}

// renewal says how the certificate of this server is renewed.
func (c Config) renewal() string {
	if c.Domain != "" {
		return "It is renewed by itself, when ports 80 and 443 of this machine can be reached from outside: see that they can."
	}
	return "Renew it, put it in the place of the old one, and start the server anew."
}

// fullness is what the owner hears when the pod has nearly reached what it may hold.
func (h *home) fullness(ctx context.Context) ([]trouble, error) {
	p, err := h.state.person(ctx, h.name)
	if err != nil || p.quota == 0 || h.upkeep.bytes() < p.quota/10*9 {
		return nil, err
	}
	text := fmt.Sprintf("The pod holds %s of the %s that it may. Delete something, or ask whoever runs the server for more room.", inUnits(h.upkeep.bytes()), inUnits(p.quota))
	return []trouble{{Kind: "quota", Free: max(0, p.quota-h.upkeep.bytes()), Text: text}}, nil
}

// inUnits writes a number of bytes for people.
func inUnits(n int64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}} {
		if float64(n) >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}

// offset is how far the clock is ahead of others, as they were last asked. The zero offset is none.
type offset struct{ nanoseconds atomic.Int64 }

// off says how wrong the clock is; "" when it is not.
func (o *offset) off() string {
	d := time.Duration(o.nanoseconds.Load())
	switch {
	case d >= clockOff:
		return span(d) + " fast"
	case -d >= clockOff:
		return span(-d) + " slow"
	}
	return ""
}

// clockBeat is the time between two looks at the clocks of relays.
const clockBeat = 6 * time.Hour

// askClocks compares the clock with those of the relays of --reach, until ctx ends. The relay that is nearest to our
// own time is believed: one whose clock is wrong says nothing against ours.
func (s *Server) askClocks(ctx context.Context) {
	for {
		best, heard := time.Duration(0), false
		for _, url := range s.config.Reach {
			if off, ok := s.clockOf(ctx, url); ok && (!heard || off.Abs() < best.Abs()) {
				best, heard = off, true
			}
		}
		if heard {
			s.state.ahead.nanoseconds.Store(int64(best))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(clockBeat):
		}
	}
}

func (s *Server) clockOf(ctx context.Context, url string) (time.Duration, bool) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+relayWellKnown, nil)
	if err != nil {
		return 0, false
	}
	asked := s.state.now()
	answer, err := s.relays.client.HTTP.Do(r)
	if err != nil {
		return 0, false
	}
	defer answer.Body.Close()
	return clockAt(answer, asked, s.state.now())
}

// relayWellKnown is where a relay tells of itself, below its address.
const relayWellKnown = ".well-known/kith-relay"
