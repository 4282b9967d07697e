package rdf

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func decodeTurtle(t *testing.T, doc string) *Graph {
	t.Helper()
	g, err := Decode(strings.NewReader(doc), Turtle, testBase, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestDecodeHoldsItsLimits(t *testing.T) {
	deep := func(n int) string {
		return "<s> <p> " + strings.Repeat("(", n) + strings.Repeat(")", n) + " ."
	}
	deepBrackets := func(n int) string {
		return strings.Repeat("[ <p> ", n) + "1" + strings.Repeat("]", n) + " ."
	}
	long := "<urn:" + strings.Repeat("x", 30_000) + ">"
	for _, c := range []struct {
		name, doc string
		lim       Limits
		want      error
	}{
		{"as many bytes as allowed", "<s> <p> <o>.", Limits{Bytes: 12}, nil},
		{"a byte more", "<s> <p> <o>. ", Limits{Bytes: 12}, ErrTooLarge},
		{"as many triples as allowed", "<s> <p> 1,2,3.", Limits{Triples: 3}, nil},
		{"a triple more", "<s> <p> 1,2,3,4.", Limits{Triples: 3}, ErrTooLarge},
		{"triples that repeat count", "<s> <p> 1,1,1,1.", Limits{Triples: 3}, ErrTooLarge},
		{"triples of collections count", "<s> <p> (1).", Limits{Triples: 2}, ErrTooLarge},
		{"collections as deep as allowed", deep(5), Limits{Depth: 5}, nil},
		{"collections a level deeper", deep(6), Limits{Depth: 5}, ErrTooLarge},
		{"brackets as deep as allowed", deepBrackets(5), Limits{Depth: 5}, nil},
		{"brackets a level deeper", deepBrackets(6), Limits{Depth: 5}, ErrTooLarge},
		{"depth counts what is open, not what was", "<s> <p> " + strings.Repeat("((())),", 99) + "1.", Limits{Depth: 3}, nil},
		{"the default depth", deep(defaultDepth), Limits{}, nil},
		{"beyond the default depth", deep(defaultDepth + 1), Limits{}, ErrTooLarge},
		{"beyond the default triples", "<s> <p> (" + strings.Repeat("1 ", defaultTriples/2) + ").", Limits{}, ErrTooLarge},
		{"beyond the default bytes", strings.Repeat(" ", defaultBytes+1), Limits{}, ErrTooLarge},
		{"negative limits are the defaults", deep(defaultDepth), Limits{-1, -1, -1}, nil},
		{"a long namespace used over and over is read once", "@prefix e: " + long + ". e:a e:a " + strings.Repeat("e:a,", 9999) + "1.", Limits{}, nil},
		{"a long namespace before many names", "@prefix e: " + long + ". e:a e:a " + names("e:", "", 9999) + "1.", Limits{}, ErrTooLarge},
		{"a long base before many references", "@base " + long + ". <a> <a> " + names("<#", ">", 9999) + "1.", Limits{}, ErrTooLarge},
		{"a long base resolved again and again", "@base " + long + ". " + strings.Repeat("@base <#>.", 9999), Limits{}, ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(strings.NewReader(c.doc), Turtle, testBase, c.lim)
			if !errors.Is(err, c.want) || (g == nil) != (c.want != nil) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
}

// names returns n different names with a comma behind each.
func names(open, end string, n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "%s%d%s,", open, i, end)
	}
	return out.String()
}

func TestDecodeHandsOnTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader("<s> <p> <o> ."), iotest.ErrReader(broken))
	if g, err := Decode(r, Turtle, testBase, Limits{}); g != nil || !errors.Is(err, broken) {
		t.Errorf("graph %v, error %v; want no graph and the reader's error", g, err)
	}
}

func TestDecodeKnowsNoOtherSyntax(t *testing.T) {
	for _, s := range []Syntax{0, 99} {
		g, err := Decode(strings.NewReader(""), s, "", Limits{})
		if g != nil || err == nil || errors.Is(err, ErrSyntax) || errors.Is(err, ErrTooLarge) {
			t.Errorf("syntax %d: graph %v, error %v; want no graph and an error of its own", s, g, err)
		}
	}
}

func TestDecodeReadsSmallPieces(t *testing.T) {
	doc := "<s> <p> \"é😀\" ."
	g, err := Decode(iotest.OneByteReader(strings.NewReader(doc)), Turtle, testBase, Limits{})
	if err != nil || !Isomorphic(g, decodeTurtle(t, doc)) {
		t.Errorf("graph differs or error: %v", err)
	}
}
