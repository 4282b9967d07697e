package rdf

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// jsonldEntry is one case of the W3C JSON-LD 1.1 toRdf suite.
type jsonldEntry struct {
	ID     string   `json:"@id"`
	Type   []string `json:"@type"`
	Name   string   `json:"name"`
	Input  string   `json:"input"`
	Expect string   `json:"expect"`
	Code   string   `json:"expectErrorCode"`
	Option struct {
		Base           string `json:"base"`
		SpecVersion    string `json:"specVersion"`
		ProcessingMode string `json:"processingMode"`
		ExpandContext  string `json:"expandContext"`
		Direction      string `json:"rdfDirection"`
		Generalized    bool   `json:"produceGeneralizedRdf"`
	} `json:"option"`
}

// jsonldSkipped says why a case does not apply, or "".
func (e jsonldEntry) skipped() string {
	switch o := e.Option; {
	case o.SpecVersion == "json-ld-1.0" || o.ProcessingMode == "json-ld-1.0":
		return "JSON-LD 1.0"
	case o.Generalized:
		return "generalized RDF"
	case o.ExpandContext != "":
		return "an option that nothing on the web sets"
	case o.Direction != "":
		return "rdfDirection, which is not normative"
	}
	return ""
}

// jsonldFails lists the cases that apply and are not passed, with the reason.
var jsonldFails = map[string]string{}

func TestW3CJSONLD(t *testing.T) {
	dir := filepath.Join(w3cDir, "json-ld")
	text, err := os.ReadFile(filepath.Join(dir, "toRdf-manifest.jsonld"))
	if err != nil {
		t.Skipf("skipped: the W3C JSON-LD toRdf suite is not at %s", dir)
	}
	var manifest struct {
		BaseIRI  string        `json:"baseIri"`
		Sequence []jsonldEntry `json:"sequence"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	passed, skipped := 0, 0
	for _, e := range manifest.Sequence {
		if e.skipped() != "" {
			skipped++
			continue
		}
		problem := e.run(t, dir, manifest.BaseIRI)
		reason, known := jsonldFails[e.ID]
		switch {
		case problem == "" && known:
			t.Errorf("%s passes and is listed as failing: %s", e.ID, reason)
		case problem == "":
			passed++
		case !known:
			t.Errorf("%s %s: %s", e.ID, e.Name, problem)
		}
	}
	t.Logf("W3C JSON-LD toRdf: %d of %d cases passed, %d do not apply, %d are known to fail",
		passed, len(manifest.Sequence), skipped, len(jsonldFails))
}

// run returns what is wrong with the outcome of a case, or "".
func (e jsonldEntry) run(t *testing.T, dir, base string) string {
	t.Helper()
	input, err := os.Open(filepath.Join(dir, "toRdf", filepath.Base(e.Input)))
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	suite, base := base, base+e.Input
	if e.Option.Base != "" {
		base = e.Option.Base
	}
	g, err := decodeJSONLD(input, IRI(base), Limits{}.orDefault(), suiteContexts(dir, suite))
	switch {
	case e.Code != "" && err == nil:
		return "no error, want " + e.Code
	case e.Code != "" && !errors.Is(err, ErrSyntax):
		return "error is no ErrSyntax: " + err.Error()
	case e.Code != "" && !strings.Contains(err.Error(), e.Code):
		return "error is " + err.Error() + ", want " + e.Code
	case e.Code != "":
		return ""
	case err != nil:
		return err.Error()
	case e.Expect == "":
		return ""
	}
	if want := defaultGraph(t, filepath.Join(dir, e.Expect)); !Isomorphic(g, want) {
		return "graph is\n" + lines(g) + "want\n" + lines(want)
	}
	return ""
}

// suiteContexts returns the contexts of a suite, which stand beside its cases.
func suiteContexts(dir, base string) func(string) (any, error) {
	return func(url string) (any, error) {
		name, ok := strings.CutPrefix(url, base)
		if !ok {
			return builtIn(url)
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, wrong("loading remote context failed", url)
		}
		v, err := readJSON(scanner{src: string(text)}, Limits{}.orDefault())
		if err != nil {
			return nil, err
		}
		if o, ok := v.(*object); ok {
			if local, ok := o.get("@context"); ok {
				return local, nil
			}
		}
		return nil, wrong("invalid remote context", url)
	}
}

var graphName = regexp.MustCompile(`(<[^>]*>|_:\S+)\s*\.\s*$`)

// defaultGraph reads the triples of an N-Quads file that are in no named graph.
func defaultGraph(t *testing.T, name string) *Graph {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	g := new(Graph)
	for line := range strings.Lines(string(text)) {
		// Blank nodes are told apart by their labels, so lines are read apart
		// and their labels kept.
		one, err := Decode(strings.NewReader(line), NTriples, "", Limits{})
		if err != nil {
			if _, err := Decode(strings.NewReader(graphName.ReplaceAllString(line, ".")), NTriples, "", Limits{}); err != nil {
				return new(Graph)
			}
			continue
		}
		for triple := range one.All() {
			if err := g.Add(triple); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}
