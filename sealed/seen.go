package sealed

import (
	"context"
	"sync"
	"time"

	"kith/sealed/bhttp"
)

// Bounds of what is remembered.
const (
	maxDone    = 1024 // answers
	maxDoneOne = 128  // of one device
	maxDoneFor = 4 << 10
)

// effects remembers what was done for whom, so that it is not done twice.
// (protocol §5.2)
type effects struct {
	mu   sync.Mutex
	done map[effect]*outcome
	ages []effect // in the order in which they came
}

// effect is a request that changes something.
type effect struct {
	device string // label and key id of the sender
	nonce  [sizeID]byte
}

type outcome struct {
	ready    chan struct{} // closed once it is answered
	until    time.Time
	response bhttp.Response
	kept     bool // false: do it again
}

// once returns what do answers, or what it answered to the same request before.
// Two who come at once get one answer.
func (e *effects) once(ctx context.Context, key effect, until, now time.Time, do func() (bhttp.Response, error)) (bhttp.Response, error) {
	for {
		o, mine := e.claim(key, until, now)
		if mine {
			return e.settle(key, o, do)
		}
		select {
		case <-o.ready:
		case <-ctx.Done():
			return bhttp.Response{}, ctx.Err()
		}
		if o.kept {
			return o.response, nil
		}
	}
}

// claim returns what is known of an effect; mine when nothing is, and the caller
// has to settle it.
func (e *effects) claim(key effect, until, now time.Time) (o *outcome, mine bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o, ok := e.done[key]; ok && now.Before(o.until) {
		return o, false
	}
	e.forget(key.device, now)
	o = &outcome{ready: make(chan struct{}), until: until}
	if e.done == nil {
		e.done = map[effect]*outcome{}
	}
	e.done[key] = o
	e.ages = append(e.ages, key)
	return o, true
}

// forget makes room for one more effect of a device: what has expired goes, then
// the oldest of the device if it has too many, then the oldest of all.
func (e *effects) forget(device string, now time.Time) {
	own := 0
	for _, key := range e.ages {
		if key.device == device {
			own++
		}
	}
	kept := e.ages[:0]
	for i, key := range e.ages {
		spare := len(e.ages)-i+len(kept) >= maxDone || own >= maxDoneOne && key.device == device
		if !spare && now.Before(e.done[key].until) {
			kept = append(kept, key)
			continue
		}
		if key.device == device {
			own--
		}
		delete(e.done, key)
	}
	clear(e.ages[len(kept):])
	e.ages = kept
}

// memorable reports whether an answer is an outcome, and small enough to keep.
func memorable(r bhttp.Response) bool { return r.Status < 500 && len(r.Content) <= maxDoneFor }

// settle does what nobody did before. An answer that is no outcome, or too large
// to keep, is not remembered.
func (e *effects) settle(key effect, o *outcome, do func() (bhttp.Response, error)) (bhttp.Response, error) {
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if !o.kept && e.done[key] == o {
			o.until = time.Time{}
		}
		close(o.ready)
	}()
	response, err := do()
	if err == nil && memorable(response) {
		o.response, o.kept = response, true
		o.response.Content = append([]byte{}, response.Content...)
	}
	return response, err
}

const (
	maxReads   = 16        // answers to one request in readsTime
	maxReadsOf = 1 << 16   // requests that are counted
	readsTime  = time.Hour // until counts begin anew
)

// reads counts how often a request that changes nothing is answered. Who asks may
// have to ask again, by several relays, and a relay may bring the same message as
// often as it likes, whose answer is up to 500 times as long. (protocol §5.2)
type reads struct {
	mu    sync.Mutex
	since time.Time
	times map[effect]uint8
}

// allow counts one more answer.
func (r *reads) allow(key effect, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.times == nil || now.Sub(r.since) >= readsTime || len(r.times) >= maxReadsOf {
		r.since, r.times = now, map[effect]uint8{}
	}
	if r.times[key] >= maxReads {
		return false
	}
	r.times[key]++
	return true
}
