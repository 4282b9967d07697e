// Package fuzztest is what every fuzz target asks of a parser beside its own
// questions: that whatever somebody sends costs little (reliability §1, row 11).
// Nothing but tests imports it.
//
//	time     at most 100 ms of the processors, however busy the machine is
//	memory   at most 10 bytes for each byte sent, over a floor of 16 MiB, of which
//	         a text that is shorter than 16 KiB gets 256 KiB and 1 KiB for each byte
//
// All that is allocated counts, also what is given back at once: it can be measured,
// to within a page or so of each size of object, and is never less than what is held.
//
// A panic fails a test by itself. The package owns no goroutine.
package fuzztest

import (
	"runtime/metrics"
	"testing"
	"time"
)

const (
	maxTime  = 100 * time.Millisecond
	maxEach  = 10 // bytes of memory for each byte sent
	floor    = 16 << 20
	ground   = 256 << 10 // of the floor, for any text
	rise     = 1 << 10   // of the floor, for each byte of a short text
	maxTries = 5
)

// Cheap runs parse, which reads size bytes that somebody sent, and fails t where it
// costs too much. The best of five runs counts, since the collector and other tests
// are at work in the same process; parse has to bear to be run again.
func Cheap(t testing.TB, size int, parse func()) {
	t.Helper()
	var took time.Duration
	var memory uint64
	for range maxTries {
		before, start := allocated(), worked(t)
		parse()
		took, memory = worked(t)-start, allocated()-before
		if took < maxTime && memory <= allowed(size) {
			return
		}
	}
	t.Errorf("%d bytes take %v and %d bytes of memory", size, took, memory)
}

// allocated returns how many bytes this process has ever allocated. To ask
// runtime.ReadMemStats would take longer than most inputs do.
func allocated() uint64 {
	sample := [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}

// allowed returns how many bytes of memory a text of size bytes may cost.
func allowed(size int) uint64 {
	return uint64(maxEach*size + min(floor, ground+rise*size))
}
