package solid

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func sampleReport() *Report {
	return &Report{Target: "https://pod.example/", Results: []Result{
		{Case: "wac#a/one", Outcome: Passed},
		{Case: "wac#a/two", Outcome: Failed, Reason: "GET x: 500, expected 200"},
		{Case: "wac#b/one", Outcome: Skipped, Reason: "not offered"},
	}}
}

func TestReportIsByClause(t *testing.T) {
	var b strings.Builder
	if err := sampleReport().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"failed   wac#a (1 of 2)", "failed two: GET x: 500", "skipped  wac#b (0 of 1)", "2 clauses: 0 passed, 1 failed, 1 skipped", "3 cases: 1 passed, 1 failed, 1 skipped"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := sampleReport().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Clauses []struct {
			Clause  string
			Outcome Outcome
			Cases   []Result
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil || len(back.Clauses) != 2 || back.Clauses[0].Outcome != Failed || len(back.Clauses[0].Cases) != 2 {
		t.Errorf("%v, %+v", err, back)
	}
}

func TestDeviations(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want int
	}{
		"exactly what is listed":        {"# known\nfailed wac#a/two: it is so\n\nskipped wac#b/one: not there\n", 0},
		"a failure is not listed":       {"skipped wac#b/one: not there", 1},
		"a skip is not listed":          {"failed wac#a/two: it is so", 1},
		"one that passes is listed":     {"failed wac#a/one: no more\nfailed wac#a/two: it is so\nskipped wac#b/one: not there", 1},
		"one fails, listed as skipped":  {"skipped wac#a/two: it is so\nskipped wac#b/one: not there", 1},
		"one is listed that is not run": {"failed wac#c/x: it is so\nfailed wac#a/two: it is so\nskipped wac#b/one: not there", 1},
		"nothing is listed":             {"", 2},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ReadDeviations(strings.NewReader(c.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Differences(sampleReport()); len(got) != c.want {
				t.Errorf("%q, want %d", got, c.want)
			}
		})
	}
	for _, bad := range []string{"wac#a/two: why", "failed wac#a/two", "passed wac#a/two: why", "failed a: b\nfailed a: c"} {
		if _, err := ReadDeviations(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestTurtle(t *testing.T) {
	const base = "http://x.example/c/r"
	for name, c := range map[string]struct {
		text string
		want graph
	}{
		"relative IRIs":   {"<#a> <../p> <>.", graph{{base + "#a", "http://x.example/p", base}}},
		"prefixes":        {"@prefix x: <urn:x:>.\nPREFIX : <#>\nx:a x:b :c .", graph{{"urn:x:a", "urn:x:b", base + "#c"}}},
		"lists":           {"<a:s> a <a:t>; <a:p> 1, 2.5 ; <a:q> true.", graph{{"a:s", rdfType, "a:t"}, {"a:s", "a:p", `"1`}, {"a:s", "a:p", `"2.5`}, {"a:s", "a:q", `"true`}}},
		"literals":        {"<a:s> <a:p> \"x \\\"y\\\"\"@en, '''long\n'one''', \"5\"^^<a:int>.", graph{{"a:s", "a:p", `"x "y"`}, {"a:s", "a:p", "\"long\n'one"}, {"a:s", "a:p", `"5`}}},
		"blank nodes":     {"_:a <a:p> [ <a:q> _:a ].", graph{{"_:[1", "a:q", "_:a"}, {"_:a", "a:p", "_:[1"}}},
		"comments, bases": {"# c <x>\n@base <http://y.example/>. <s> <p> <o>. # end", graph{{"http://y.example/s", "http://y.example/p", "http://y.example/o"}}},
		"nothing":         {" \n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseTurtle(c.text, base)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v, %q, want %q", err, got, c.want)
			}
		})
	}
	for _, bad := range []string{"<a:s> <a:p>", "<a:s> <a:p> <a:o>", "<a:s> x:p <a:o>.", "<a:s> <a:p> \"open.", "{ }", "<a:s> <a:p> <a:o>; ]."} {
		if g, err := parseTurtle(bad, base); err == nil {
			t.Errorf("%q is read as %q", bad, g)
		}
	}
}

func TestLinks(t *testing.T) {
	h := http.Header{"Link": {`<x.acl>; rel="acl", <y,z>;rel="describedby type"; title="a, b"`, `</s>; rel=up`}}
	r := &reply{answer: answer{header: h}, t: new(trial), url: "http://x.example/c/x"}
	for rel, want := range map[string][]string{"acl": {"http://x.example/c/x.acl"}, "type": {"http://x.example/c/y,z"}, "up": {"http://x.example/s"}, "other": nil} {
		if got := r.links(rel); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", rel, got, want)
		}
	}
}

func TestPermissionTable(t *testing.T) {
	all, err := situations(permissionTable)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]int{}
	for _, s := range all {
		if agentNames[s.who] == "" {
			t.Errorf("who is %q?", s.who)
		}
		for _, e := range s.expected {
			cells[e]++
		}
	}
	for word, n := range map[string]int{"yes": 150, "no": 300, "404": 8, "hid": 10} {
		if cells[word] < n {
			t.Errorf("%d cells say %s; some have been lost", cells[word], word)
		}
		delete(cells, word)
	}
	delete(cells, ".")
	if len(cells) > 0 {
		t.Errorf("nobody knows what these mean: %v", cells)
	}
	if _, err := situations("target resource GET PUT\n- - b yes"); err == nil {
		t.Error("a line with too few cells is taken")
	}
}

func TestConfigIsChecked(t *testing.T) {
	const who = `{"client_id": "i", "client_secret": "s", "webid": "w", "issuer": "u"}`
	for text, ok := range map[string]bool{
		`{"url": "https://pod.example/a/", "alice": ` + who + `, "bob": ` + who + `}`: true,
		`{"url": "https://pod.example/a", "alice": ` + who + `, "bob": ` + who + `}`:  false,
		`{"alice": ` + who + `, "bob": ` + who + `}`:                                  false,
		`{"url": "https://pod.example/a/", "alice": ` + who + `}`:                     false,
		`{"url": "https://pod.example/a/", "eve": ` + who + `}`:                       false,
		`{`: false,
	} {
		if _, err := ReadConfig(strings.NewReader(text), ""); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
