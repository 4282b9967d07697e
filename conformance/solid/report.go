package solid

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Outcome is what came of a case.
type Outcome string

// Passed, Failed and Skipped are the outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped"
)

// Result is the outcome of one case. Reason says what was not as it should be, or why the case was skipped.
type Result struct {
	Case    string        `json:"case"`
	Outcome Outcome       `json:"outcome"`
	Reason  string        `json:"reason,omitempty"`
	Took    time.Duration `json:"took"` // nanoseconds
}

// Clause returns the clause that the case belongs to, specification#anchor.
func (r Result) Clause() string {
	clause, _, _ := strings.Cut(r.Case, "/")
	return clause
}

// Report is what came of a run.
type Report struct {
	Target  string        `json:"target"`
	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took"` // nanoseconds
	Results []Result      `json:"results"`
}

// Count returns how many cases had an outcome.
func (r *Report) Count(o Outcome) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == o {
			n++
		}
	}
	return n
}

// clauses returns the results by clause, sorted by clause and case.
func (r *Report) clauses() [][]Result {
	sorted := slices.Clone(r.Results)
	slices.SortStableFunc(sorted, func(a, b Result) int {
		if by := strings.Compare(a.Clause(), b.Clause()); by != 0 {
			return by
		}
		return strings.Compare(a.Case, b.Case)
	})
	var groups [][]Result
	for i, result := range sorted {
		if i == 0 || result.Clause() != sorted[i-1].Clause() {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], result)
	}
	return groups
}

// of returns the outcome of a clause: failed if any of its cases failed, skipped if all were.
func of(clause []Result) Outcome {
	outcome := Skipped
	for _, r := range clause {
		if r.Outcome == Failed {
			return Failed
		}
		if r.Outcome == Passed {
			outcome = Passed
		}
	}
	return outcome
}

// WriteText writes a line for each clause, below it one for each case that did not pass, and totals.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Target)
	clauses := map[Outcome]int{}
	for _, clause := range r.clauses() {
		outcome := of(clause)
		clauses[outcome]++
		fmt.Fprintf(&b, "%-8s %s (%d of %d)\n", outcome, clause[0].Clause(), passed(clause), len(clause))
		for _, result := range clause {
			if result.Outcome != Passed {
				fmt.Fprintf(&b, "           %s %s: %s\n", result.Outcome, strings.TrimPrefix(result.Case, clause[0].Clause()+"/"), result.Reason)
			}
		}
	}
	fmt.Fprintf(&b, "\n%d clauses: %d passed, %d failed, %d skipped\n", len(r.clauses()), clauses[Passed], clauses[Failed], clauses[Skipped])
	fmt.Fprintf(&b, "%d cases: %d passed, %d failed, %d skipped, in %.1f s\n", len(r.Results), r.Count(Passed), r.Count(Failed), r.Count(Skipped), r.Took.Seconds())
	_, err := io.WriteString(w, b.String())
	return err
}

func passed(clause []Result) int {
	n := 0
	for _, r := range clause {
		if r.Outcome == Passed {
			n++
		}
	}
	return n
}

// WriteJSON writes the report by clause: {target, began, took, clauses: [{clause, outcome, cases}]}.
func (r *Report) WriteJSON(w io.Writer) error {
	type clause struct {
		Clause  string   `json:"clause"`
		Outcome Outcome  `json:"outcome"`
		Cases   []Result `json:"cases"`
	}
	found := []clause{}
	for _, c := range r.clauses() {
		found = append(found, clause{c[0].Clause(), of(c), c})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Target  string    `json:"target"`
		Began   time.Time `json:"began"`
		Seconds float64   `json:"seconds"`
		Clauses []clause  `json:"clauses"`
	}{r.Target, r.Began, r.Took.Seconds(), found})
}
