package rdf

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The patches and the graphs of the model have few terms, so that much matches.
var (
	modelTerms = []string{"<urn:a>", "<urn:b>", "<urn:p>", `"x"`}
	modelNames = []string{"?u", "?v", "?w"}
	modelBlank = []string{"_:m", "_:n"}
)

// modelTriple is a triple of a formula, as written.
type modelTriple [3]string

func (t modelTriple) String() string { return t[0] + " " + t[1] + " " + t[2] + " . " }

func drawTriple(t *rapid.T, label string, variables ...string) modelTriple {
	resources := append(slices.Clone(modelTerms[:3]), variables...)
	return modelTriple{
		rapid.SampledFrom(resources).Draw(t, label+" subject"),
		rapid.SampledFrom(append([]string{"<urn:p>", "<urn:p>"}, nonBlank(variables)...)).Draw(t, label+" property"),
		rapid.SampledFrom(append(slices.Clone(modelTerms), variables...)).Draw(t, label+" object"),
	}
}

func nonBlank(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s[0] == '_' })
}

func drawTriples(t *rapid.T, label string, most int, variables ...string) []modelTriple {
	out := make([]modelTriple, rapid.IntRange(0, most).Draw(t, label))
	for i := range out {
		out[i] = drawTriple(t, fmt.Sprint(label, " ", i), variables...)
	}
	return out
}

// mapping gives variables their values.
type mapping map[string]string

func (m mapping) fill(t modelTriple) modelTriple {
	for i, name := range t {
		if value, ok := m[name]; ok {
			t[i] = value
		}
	}
	return t
}

// mappings tries every value for every variable.
func mappings(graph map[modelTriple]bool, where []modelTriple) []mapping {
	var free []string
	for _, t := range where {
		for _, name := range t {
			if (name[0] == '?' || name[0] == '_') && !slices.Contains(free, name) {
				free = append(free, name)
			}
		}
	}
	all := []mapping{{}}
	for _, name := range free {
		var more []mapping
		for _, m := range all {
			for _, value := range modelTerms {
				next := maps.Clone(m)
				next[name] = value
				more = append(more, next)
			}
		}
		all = more
	}
	return slices.DeleteFunc(all, func(m mapping) bool {
		return slices.ContainsFunc(where, func(t modelTriple) bool { return !graph[m.fill(t)] })
	})
}

// sound reports whether a filled triple is one.
func (t modelTriple) sound() bool {
	return t[0][0] == '<' && t[1][0] == '<' && (t[2][0] == '<' || t[2][0] == '"')
}

// modelPatch is a patch in both languages and what it should do.
type modelPatch struct{ where, deletes, inserts []modelTriple }

func (p modelPatch) formulas() (where, deletes, inserts string) {
	text := func(list []modelTriple) string {
		var out strings.Builder
		for _, t := range list {
			out.WriteString(t.String())
		}
		return "{ " + out.String() + "}"
	}
	return text(p.where), text(p.deletes), text(p.inserts)
}

// n3 does what Solid Protocol §n3-patch says.
func (p modelPatch) n3(graph map[modelTriple]bool) (map[modelTriple]bool, error) {
	named := map[string]mapping{}
	for _, m := range mappings(graph, p.where) {
		maps.DeleteFunc(m, func(name, _ string) bool { return name[0] == '_' })
		named[fmt.Sprint(m)] = m
	}
	if len(named) != 1 {
		return graph, ErrConflict
	}
	out := maps.Clone(graph)
	for _, m := range named {
		for _, t := range slices.Concat(p.deletes, p.inserts) {
			if !m.fill(t).sound() {
				return graph, ErrConflict
			}
		}
		for _, t := range p.deletes {
			if !graph[m.fill(t)] {
				return graph, ErrConflict
			}
			delete(out, m.fill(t))
		}
		for _, t := range p.inserts {
			out[m.fill(t)] = true
		}
	}
	return out, nil
}

// sparql does what SPARQL 1.1 Update §3.1.3 says.
func (p modelPatch) sparql(graph map[modelTriple]bool) map[modelTriple]bool {
	out := maps.Clone(graph)
	all := mappings(graph, p.where)
	for _, m := range all {
		for _, t := range p.deletes {
			delete(out, m.fill(t))
		}
	}
	for _, m := range all {
		for _, t := range p.inserts {
			if m.fill(t).sound() {
				out[m.fill(t)] = true
			}
		}
	}
	return out
}

// TestPatchesDoWhatTheModelDoes compares patches with an implementation that tries
// everything.
func TestPatchesDoWhatTheModelDoes(t *testing.T) {
	outcomes := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		graph := map[modelTriple]bool{}
		for _, triple := range drawTriples(t, "graph", 6) {
			graph[triple] = true
		}
		names := modelNames[:rapid.IntRange(0, 3).Draw(t, "variables")]
		p := modelPatch{where: drawTriples(t, "where", 3, append(slices.Clone(names), modelBlank...)...)}
		var known []string
		for _, triple := range p.where {
			for _, name := range triple {
				if name[0] == '?' {
					known = append(known, name)
				}
			}
		}
		p.deletes, p.inserts = drawTriples(t, "deletes", 2, known...), drawTriples(t, "inserts", 2, known...)
		where, deletes, inserts := p.formulas()

		want, wrong := p.n3(graph)
		doc := patchPrefixes + "<> a solid:InsertDeletePatch; solid:where " + where + "; solid:deletes " + deletes + "; solid:inserts " + inserts + " ."
		patch, err := ParseN3Patch(strings.NewReader(doc), testBase, patchLimits)
		if err != nil {
			t.Fatal(err)
		}
		checkModel(t, patch, graph, want, wrong)
		outcomes[fmt.Sprint(wrong)]++

		doc = "DELETE " + deletes + " INSERT " + inserts + " WHERE " + where
		if patch, err = ParseUpdate(strings.NewReader(doc), testBase, patchLimits); err != nil {
			t.Fatal(err)
		}
		checkModel(t, patch, graph, p.sparql(graph), nil)
	})
	if len(outcomes) != 2 {
		t.Errorf("outcomes are %v; the model tries too little", outcomes)
	}
}

func checkModel(t *rapid.T, p Patch, before, want map[modelTriple]bool, wrong error) {
	t.Helper()
	g := modelGraph(t, before)
	if err := p.Apply(g); !errors.Is(err, wrong) {
		t.Fatalf("error is %v, want %v", err, wrong)
	}
	if !Isomorphic(g, modelGraph(t, want)) {
		t.Fatalf("graph is\n%swant\n%s", lines(g), lines(modelGraph(t, want)))
	}
}

func modelGraph(t *rapid.T, triples map[modelTriple]bool) *Graph {
	var doc strings.Builder
	for triple := range triples {
		doc.WriteString(triple.String() + "\n")
	}
	g, err := Decode(strings.NewReader(doc.String()), NTriples, "", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
