package fuzztest

import (
	"testing"
	"time"
)

// told is a test that remembers whether it failed.
type told struct {
	testing.TB
	failed bool
}

func (d *told) Helper()               {}
func (d *told) Errorf(string, ...any) { d.failed = true }
func (d *told) Fatal(...any)          { d.failed = true }

// kept holds what parsers allocate, so that the compiler lets them.
var kept []byte

// TestCheap plants a parser for each way of costing too much, and some that do not.
func TestCheap(t *testing.T) {
	alloc := func(bytes int) func() { return func() { kept = make([]byte, bytes) } }
	spin := func(d time.Duration) func() {
		return func() {
			for start := worked(t); worked(t)-start < d; {
			}
		}
	}
	slowAtFirst, turns := spin(2*maxTime), 0
	for name, c := range map[string]struct {
		size  int
		parse func()
		dear  bool
	}{
		"nothing":                          {0, func() {}, false},
		"what any text may cost":           {0, alloc(200 << 10), false},
		"more than any text may cost":      {0, alloc(300 << 10), true},
		"a short text at 1 KiB a byte":     {1 << 10, alloc(1 << 20), false},
		"a short text at 2 KiB a byte":     {1 << 10, alloc(2 << 20), true},
		"a long text at ten times itself":  {4 << 20, alloc(40 << 20), false},
		"a long text at 20 times itself":   {4 << 20, alloc(80 << 20), true},
		"as much in small pieces":          {1 << 10, func() { pieces(2 << 20) }, true},
		"some time":                        {0, spin(maxTime / 4), false},
		"too much time":                    {0, spin(maxTime + maxTime/4), true},
		"too much time in the first place": {0, func() { turns++; first(turns, slowAtFirst) }, false},
	} {
		d := &told{TB: t}
		if Cheap(d, c.size, c.parse); d.failed != c.dear {
			t.Errorf("%s: failed %v, want %v", name, d.failed, c.dear)
		}
	}
}

func pieces(bytes int) {
	for range bytes / 512 {
		kept = make([]byte, 512)
	}
}

func first(turn int, fn func()) {
	if turn == 1 {
		fn()
	}
}
