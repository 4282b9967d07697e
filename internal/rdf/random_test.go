package rdf

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestRandomGraphsReadBack writes and reads graphs of every shape that a few
// blank nodes can take: trees, circles, collections whole, broken and shared.
func TestRandomGraphsReadBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		g := randomGraph(t, random)
		checkReadsBack(t, g, testBase)
		if t.Failed() {
			return
		}
	}
}

func randomGraph(t *testing.T, random *rand.Rand) *Graph {
	t.Helper()
	blanks := 1 + random.IntN(12)
	blank := func() Term { return Blank(fmt.Sprint("b", random.IntN(blanks))) }
	resource := func() Term {
		if random.IntN(4) > 0 {
			return blank()
		}
		return number(random.IntN(3))
	}
	g := new(Graph)
	for range random.IntN(24) {
		var triple Triple
		switch random.IntN(4) {
		case 0:
			triple = Triple{resource(), IRITerm(rdfFirst), resource()}
		case 1:
			triple = Triple{blank(), IRITerm(rdfRest), blank()}
		case 2:
			triple = Triple{blank(), IRITerm(rdfRest), IRITerm(rdfNil)}
		default:
			triple = Triple{resource(), number(random.IntN(2)), resource()}
		}
		if err := g.Add(triple); err != nil {
			t.Fatal(err)
		}
	}
	return g
}
