package sync

import (
	"fmt"
	"sync"

	"kith/acl"
	"kith/webid"
)

// waitsContact is how many requests of one contact may wait for something to happen
// at a time: several for each of a few devices. Each costs a look at the pod whenever
// it changes.
const waitsContact = 16

// waits are the requests of contacts that wait.
type waits struct {
	mu   sync.Mutex
	open map[string]int // by cid
}

// enter counts a request that may wait; leave ends it. The owner's may be any
// number. The error is acl.ErrBusy.
func (w *waits) enter(a webid.Agent) (leave func(), err error) {
	cid := a.Contact()
	if cid == "" {
		return func() {}, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[cid] >= waitsContact {
		return nil, fmt.Errorf("wait for changes: %w: %d others wait", acl.ErrBusy, waitsContact)
	}
	if w.open == nil {
		w.open = map[string]int{}
	}
	w.open[cid]++
	return func() { w.leave(cid) }, nil
}

func (w *waits) leave(cid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[cid]--; w.open[cid] == 0 {
		delete(w.open, cid)
	}
}
