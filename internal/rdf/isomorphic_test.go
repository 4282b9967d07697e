package rdf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestIsomorphic(t *testing.T) {
	ring := func(lengths ...int) string {
		var out strings.Builder
		for i, n := range lengths {
			for k := range n {
				fmt.Fprintf(&out, "_:r%dx%d <p> _:r%dx%d . ", i, k, i, (k+1)%n)
			}
		}
		return out.String()
	}
	for _, c := range []struct {
		name, a, b string
		want       bool
	}{
		{"the same text", "<s> <p> 1 .", "<s> <p> 1 .", true},
		{"another order", "<s> <p> 1, 2 .", "<s> <p> 2, 1 .", true},
		{"another value", "<s> <p> 1 .", "<s> <p> 2 .", false},
		{"one triple less", "<s> <p> 1, 2 .", "<s> <p> 1 .", false},
		{"a blank node for an IRI", "<s> <p> <o> .", "<s> <p> [] .", false},
		{"more triples with blank nodes", "_:a <p> 1, 2 .", "_:a <p> 1 . <s> <p> 2 .", false},
		{"other labels", "_:a <p> _:b . _:b <p> 1 .", "_:b <p> _:a . _:a <p> 1 .", true},
		{"one blank node for two", "_:a <p> 1 . _:a <q> 2 .", "_:a <p> 1 . _:b <q> 2 .", false},
		{"the arrow turned", "_:a <p> _:b . _:b <q> 1 .", "_:b <p> _:a . _:b <q> 1 .", false},
		{"a loop for an arrow", "_:a <p> _:a .", "_:a <p> _:b .", false},
		{"another property", "_:a <p> _:b .", "_:a <q> _:b .", false},
		{"equal leaves", "<s> <p> [], [], [] .", "<s> <p> [], [], [] .", true},
		{"equal leaves but one", "<s> <p> [], [], [] .", "<s> <p> [], [] ; <q> [] .", false},
		{"equal trees", "<s> <p> [<p> [<q> 1]], [<p> [<q> 1]] .", "<s> <p> [<p> [<q> 1]], [<p> [<q> 1]] .", true},
		{"leaves dealt out otherwise", "[<p> [], []] <q> [<p> [], []] .", "[<p> [], [], []] <q> [<p> []] .", false},
		{"rings of one length", ring(6), ring(6), true},
		{"two rings for one, which colours do not tell", ring(6), ring(3, 3), false},
		{"rings in another order", ring(3, 4, 5), ring(5, 3, 4), true},
		{"many rings", ring(4, 4, 4, 4, 4, 4, 4, 4), ring(4, 4, 4, 4, 4, 4, 4, 4), true},
		{"some rings but one", ring(4, 4, 4, 4), ring(4, 4, 8), false},
		{"long collections", "<s> <p> (" + strings.Repeat("1 ", 20_000) + ").", "<s> <p> (" + strings.Repeat("1 ", 20_000) + ").", true},
		{"long collections but one item", "<s> <p> (" + strings.Repeat("1 ", 300) + ").", "<s> <p> (" + strings.Repeat("1 ", 200) + " 2 " + strings.Repeat("1 ", 99) + ").", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := decodeTurtle(t, c.a), decodeTurtle(t, c.b)
			for _, pair := range [][2]*Graph{{a, b}, {b, a}} {
				if same, decided := isomorphic(pair[0], pair[1], isoBudget); same != c.want || !decided {
					t.Errorf("isomorphic is %v, decided %v; want %v", same, decided, c.want)
				}
			}
		})
	}
}

// Every renaming of a small dense graph is found, whatever the order.
func TestIsomorphicFindsRenamings(t *testing.T) {
	const n = 7
	perm := []int{3, 5, 0, 6, 1, 4, 2}
	var a, b Graph
	for i := range n {
		for _, k := range []int{1, 2, 4} { // the Fano plane's arrows
			j := (i + k) % n
			for g, name := range map[*Graph]func(int) Term{
				&a: func(i int) Term { return Blank(fmt.Sprint("a", i)) },
				&b: func(i int) Term { return Blank(fmt.Sprint("b", perm[i])) },
			} {
				if err := g.Add(Triple{name(i), IRITerm("urn:p"), name(j)}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !Isomorphic(&a, &b) {
		t.Error("a renamed graph is not recognised")
	}
	first := slices.Collect(b.All())[0]
	b.Remove(first)
	if err := b.Add(Triple{first.O, first.P, first.S}); err != nil {
		t.Fatal(err)
	}
	if Isomorphic(&a, &b) {
		t.Error("one arrow turned goes unnoticed")
	}
}

func TestIsomorphicGivesUp(t *testing.T) {
	var ring strings.Builder
	for n := range 500 {
		fmt.Fprintf(&ring, "_:r%d <p> _:r%d . ", n, (n+1)%500)
	}
	doc := ring.String()
	if same, decided := isomorphic(decodeTurtle(t, doc), decodeTurtle(t, doc), 1000); same || decided {
		t.Errorf("isomorphic is %v, decided %v with no budget; want neither", same, decided)
	}
}
