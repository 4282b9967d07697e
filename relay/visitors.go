package relay

import (
	"hash/maphash"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// visitor stands for an address while a relay runs: a hash under a key of the process, so that no
// list of addresses is in its memory.
type visitor uint64

// What is limited by rate, for each address.
const (
	rateRequests = iota
	rateHops
	rateGuesses
	rateQueues
	rateCount
)

var rates = [rateCount]struct{ perSecond, burst float64 }{
	rateRequests: {20, 200},
	rateHops:     {200, 2000},
	rateGuesses:  {1, 60},
	rateQueues:   {1. / 60, 16},
}

// What is limited by number, for each address and for all.
const (
	placeSockets = iota
	placeWaiters
	placeSmall // bodies of at most smallBody in memory
	placeLarge // others
	placeCount
)

const (
	freeBody  = 5 << 10 // bytes that are read before a place in memory is asked for
	smallBody = 66 << 10
)

var places = [placeCount]struct{ each, all int }{
	placeSockets: {maxAddressSockets, maxSockets},
	placeWaiters: {maxAddressWaiters, maxWaiters},
	placeSmall:   {64, 256}, // 16 MiB
	placeLarge:   {7, 28},   // 30 MiB
}

// maxVisitors bounds memory: beyond it all are forgotten who have nothing open.
const maxVisitors = 1 << 16

// visitors counts what addresses do.
type visitors struct {
	seed    maphash.Seed
	address func(*http.Request) string
	now     func() time.Time

	mu    sync.Mutex
	seen  map[visitor]*visits
	all   [placeCount]int
	freed chan struct{} // closed when a place is left
}

type visits struct {
	buckets [rateCount]float64 // how much of the burst is spent
	last    time.Time
	places  [placeCount]int
}

func newVisitors(address func(*http.Request) string, now func() time.Time) *visitors {
	if address == nil {
		address = func(r *http.Request) string { return r.RemoteAddr }
	}
	return &visitors{seed: maphash.MakeSeed(), address: address, now: now, seen: map[visitor]*visits{}, freed: make(chan struct{})}
}

// of returns who makes a request. Of an IPv6 address the network of 64 bits counts.
func (v *visitors) of(r *http.Request) visitor {
	text := v.address(r)
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Is6() && !a.Is4In6() {
		if network, err := a.WithZone("").Prefix(64); err == nil {
			text = network.String()
		}
	}
	return visitor(maphash.String(v.seed, text))
}

// get returns the visits of who, brought up to date; the caller holds v.mu.
func (v *visitors) get(who visitor) *visits {
	now := v.now()
	s := v.seen[who]
	if s == nil {
		if len(v.seen) >= maxVisitors {
			v.forget()
		}
		s = &visits{last: now}
		v.seen[who] = s
	}
	if past := now.Sub(s.last).Seconds(); past > 0 {
		for i, r := range rates {
			s.buckets[i] = max(0, s.buckets[i]-past*r.perSecond)
		}
	}
	s.last = now
	return s
}

// forget drops whoever has nothing open.
func (v *visitors) forget() {
	for who, s := range v.seen {
		if s.places == [placeCount]int{} {
			delete(v.seen, who)
		}
	}
}

// allow reports whether who may do one more of what is limited by rate.
func (v *visitors) allow(who visitor, rate int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.get(who)
	if s.buckets[rate]+1 > rates[rate].burst {
		return false
	}
	s.buckets[rate]++
	return true
}

// enter takes a place for who, if there is one. The caller calls leave, once.
func (v *visitors) enter(who visitor, place int) (leave func(), ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.get(who)
	if s.places[place] >= places[place].each || v.all[place] >= places[place].all {
		return nil, false
	}
	s.places[place]++
	v.all[place]++
	return func() { v.leave(who, place) }, true
}

func (v *visitors) leave(who visitor, place int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.get(who).places[place]--
	v.all[place]--
	close(v.freed)
	v.freed = make(chan struct{})
}

// wait is enter for those who can wait until patience ends.
func (v *visitors) wait(who visitor, place int, patience <-chan struct{}) (leave func(), ok bool) {
	for {
		v.mu.Lock()
		freed := v.freed
		v.mu.Unlock()
		if leave, ok := v.enter(who, place); ok {
			return leave, true
		}
		select {
		case <-freed:
		case <-patience:
			return nil, false
		}
	}
}
