package solid

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Deviations are the cases that a server is known not to pass, by id, and why.
type Deviations map[string]string

// errDeviation says that a file of deviations, or a report, is not as it should be.
var errDeviation = errors.New("deviation")

// ReadDeviations reads a file of deviations: lines "outcome case: reason", where outcome is failed or skipped.
// Empty lines and those that begin with # are left out.
func ReadDeviations(r io.Reader) (Deviations, error) {
	found := Deviations{}
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, ok := strings.Cut(line, ": ")
		outcome, id, known := strings.Cut(key, " ")
		if !ok || !known || reason == "" || outcome != string(Failed) && outcome != string(Skipped) {
			return nil, fmt.Errorf("read deviations: line %d is not \"failed CASE: REASON\": %w", n, errDeviation)
		}
		if _, twice := found[id]; twice {
			return nil, fmt.Errorf("read deviations: line %d names %s again: %w", n, id, errDeviation)
		}
		found[id] = outcome + ": " + reason
	}
	return found, s.Err()
}

// Differences returns what is in a report and not among the deviations, or the other way round: a case that
// failed, or was skipped, without being listed; one that is listed and passed; one that is listed and does not
// exist. None means that the report is as expected.
func (d Deviations) Differences(r *Report) []string {
	var found []string
	seen := map[string]bool{}
	for _, result := range r.Results {
		listed, ok := d[result.Case]
		outcome, _, _ := strings.Cut(listed, ": ")
		seen[result.Case] = true
		switch {
		case !ok && result.Outcome != Passed:
			found = append(found, fmt.Sprintf("%s: %s: %s", result.Case, result.Outcome, result.Reason))
		case ok && result.Outcome == Passed:
			found = append(found, result.Case+": passed, though it is listed as a deviation")
		case ok && outcome != string(result.Outcome):
			found = append(found, fmt.Sprintf("%s: %s (%s), though it is listed as %s", result.Case, result.Outcome, result.Reason, outcome))
		}
	}
	for id := range d {
		if !seen[id] {
			found = append(found, id+": listed as a deviation, but there is no such case")
		}
	}
	slices.Sort(found)
	return found
}
