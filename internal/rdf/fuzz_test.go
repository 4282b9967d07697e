package rdf

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What reading a document of at most 64 KB may cost: time, and bytes allocated,
// which are ten for each byte read and 2 KiB for each triple admitted.
const (
	fuzzBytes   = 64 << 10
	fuzzTriples = 2000
	fuzzTime    = 100 * time.Millisecond
	fuzzFloor   = fuzzTriples*2<<10 + 64<<10
)

var fuzzLimits = Limits{Bytes: fuzzBytes, Triples: fuzzTriples, Depth: 64}

func FuzzTurtle(f *testing.F) {
	seedTurtle(f)
	f.Fuzz(func(t *testing.T, doc string) { fuzzDecode(t, Turtle, doc) })
}

func FuzzNTriples(f *testing.F) {
	f.Add("<urn:s> <urn:p> \"a\\u00e9\\\"\"@en-x .# c\r\n_:a.b<urn:p>_:c.")
	f.Add("<urn:s> <urn:p> \"x\" ^^ <urn:\\U00000041> .\n\n\t#")
	f.Fuzz(func(t *testing.T, doc string) { fuzzDecode(t, NTriples, doc) })
}

func seedTurtle(f *testing.F) {
	for _, c := range turtleGood {
		f.Add(ex + c.doc)
	}
	for _, c := range turtleBad {
		f.Add(c.doc)
	}
	// The two that allocate most for a triple and for a byte.
	var names strings.Builder
	for n := range fuzzTriples {
		fmt.Fprintf(&names, ":%x :%x :%x .", 3*n, 3*n+1, 3*n+2)
	}
	f.Add(ex + names.String())
	f.Add("<s> <p> (" + strings.Repeat("()", fuzzTriples/2-1) + ").")
}

// fuzzDecode checks what decoding costs and that a graph holds only what Add
// would let in.
func fuzzDecode(t *testing.T, syntax Syntax, doc string) {
	if len(doc) > fuzzBytes {
		return
	}
	g, err := decodeWithin(t, syntax, doc)
	if err != nil {
		if g != nil {
			t.Fatal("a graph and an error")
		}
		return
	}
	seen := 0
	for triple := range g.All() {
		seen++
		if !triple.valid() {
			t.Fatalf("not RDF: %v", triple)
		}
		if !g.Has(triple) {
			t.Fatalf("listed but not there: %v", triple)
		}
	}
	if seen != g.Len() {
		t.Fatalf("%d triples listed, Len() = %d", seen, g.Len())
	}
}

// decodeWithin decodes and checks time and allocation. The best of three runs
// counts, because other work shares the machine.
func decodeWithin(t *testing.T, syntax Syntax, doc string) (g *Graph, err error) {
	best := time.Duration(0)
	for run := range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		g, err = Decode(strings.NewReader(doc), syntax, testBase, fuzzLimits)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if most := uint64(10*len(doc) + fuzzFloor); after.TotalAlloc-before.TotalAlloc > most {
			t.Fatalf("%d bytes made it allocate %d, want at most %d", len(doc), after.TotalAlloc-before.TotalAlloc, most)
		}
		if run == 0 || took < best {
			best = took
		}
		if best < fuzzTime {
			return g, err
		}
	}
	t.Fatalf("%d bytes took %v, want less than %v", len(doc), best, fuzzTime)
	return g, err
}

func FuzzRoundTrip(f *testing.F) {
	seedTurtle(f)
	f.Fuzz(func(t *testing.T, doc string) {
		g, err := Decode(strings.NewReader(doc), Turtle, testBase, fuzzLimits)
		if err != nil {
			return
		}
		for _, base := range []IRI{"", testBase} {
			var out strings.Builder
			if err := Encode(&out, g, testPrefixes, base); err != nil {
				t.Fatal(err)
			}
			fuzzSame(t, g, Turtle, out.String(), base)
		}
		fuzzSame(t, g, NTriples, lines(g), "")
	})
}

// fuzzSame checks that text means g, where that can be told.
func fuzzSame(t *testing.T, g *Graph, syntax Syntax, text string, base IRI) {
	back, err := Decode(strings.NewReader(text), syntax, base, Limits{})
	if err != nil {
		t.Fatalf("%v does not read back: %v\n%s", syntax, err, text)
	}
	if back.Len() != g.Len() {
		t.Fatalf("%v reads back as %d triples, want %d:\n%s", syntax, back.Len(), g.Len(), text)
	}
	if same, decided := isomorphic(g, back, 1<<20); decided && !same {
		t.Fatalf("%v reads back as another graph:\n%s", syntax, text)
	}
}
