package solid

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const repository = "../.."

// clause is one line of docs/specs.txt.
type clause struct{ id, kept, rest string }

func readSpecs(t *testing.T) []clause {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "docs", "specs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []clause
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 || !strings.Contains(words[0], "#") || !slices.Contains([]string{"yes", "partly", "no"}, words[1]) {
			t.Errorf("docs/specs.txt:%d is not \"clause yes|partly|no cases or reason\": %s", n+1, line)
			continue
		}
		all = append(all, clause{words[0], words[1], strings.Join(words[2:], " ")})
	}
	return all
}

// casesByClause returns the ids of the cases that are named after each clause.
func casesByClause() map[string][]string {
	found := map[string][]string{}
	for _, id := range Cases() {
		clause, _, _ := strings.Cut(id, "/")
		found[clause] = append(found[clause], id)
	}
	return found
}

// TestEachYesHasACase holds docs/specs.txt against the suite: what it promises is asked, and passes.
func TestEachYesHasACase(t *testing.T) {
	f, err := os.Open("kith.deviations.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known, err := ReadDeviations(f)
	if err != nil {
		t.Fatal(err)
	}
	ids, named := Cases(), casesByClause()
	seen := map[string]bool{}
	for _, c := range readSpecs(t) {
		if seen[c.id] {
			t.Errorf("docs/specs.txt has %s twice", c.id)
		}
		seen[c.id] = true
		if c.kept != "yes" {
			continue
		}
		cases := strings.Fields(c.rest)
		if c.rest == "*" {
			cases = named[c.id]
		}
		if len(cases) == 0 {
			t.Errorf("docs/specs.txt promises %s, but no case is named after it", c.id)
		}
		for _, id := range cases {
			if !slices.Contains(ids, id) {
				t.Errorf("docs/specs.txt promises %s by %s, but there is no such case", c.id, id)
			}
			if reason, listed := known[id]; listed {
				t.Errorf("docs/specs.txt promises %s, but %s is a known deviation: %s", c.id, id, reason)
			}
		}
	}
	for clause := range named {
		if !seen[clause] {
			t.Errorf("docs/specs.txt lacks %s, after which cases are named", clause)
		}
	}
}

// specNames are how the code calls the specifications of docs/specs.txt.
var specNames = map[string]string{
	"Solid Protocol":      "solid-protocol",
	"WAC":                 "wac",
	"Solid Notifications": "notifications",
	"Notifications":       "notifications",
	"Solid-OIDC":          "solid-oidc",
	"LDN":                 "ldn",
	"WebID Profile":       "webid-profile",
	"LWS":                 "lws10-core",
	"LWS 1.0 Authentication Suite OpenID Connect":                                    "lws10-authn-openid",
	"LWS 1.0 Authentication Suite Self-signed Identity using Controlled Identifiers": "lws10-authn-ssi-cid",
}

var (
	// citation is the name of a specification, and one or more anchors: "WAC §a, §b".
	citation = regexp.MustCompile(`\b(Solid Protocol|WAC|(?:Solid )?Notifications|Solid-OIDC|LDN|WebID Profile|LWS(?: 1\.0 Authentication Suite (?:OpenID Connect|Self-signed Identity using Controlled Identifiers))?)\s+(§[\w-]+(?:(?:,| and)\s+§[\w-]+)*)`)
	anchor   = regexp.MustCompile(`§([\w-]+)`)
	comment  = regexp.MustCompile(`\n\s*//\s*`) // a citation may go over the end of a line
)

// citations returns what a text cites, as clauses.
func citations(text string) []string {
	var found []string
	for _, m := range citation.FindAllStringSubmatch(comment.ReplaceAllString(text, " "), -1) {
		for _, a := range anchor.FindAllStringSubmatch(m[2], -1) {
			found = append(found, specNames[strings.Join(strings.Fields(m[1]), " ")]+"#"+a[1])
		}
	}
	return found
}

// TestCitationsExist holds the citations in the code against docs/specs.txt.
func TestCitationsExist(t *testing.T) {
	known := map[string]bool{}
	for _, c := range readSpecs(t) {
		known[c.id] = true
	}
	total := 0
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"node_modules", "dist", "bin"}, d.Name()) || strings.HasPrefix(d.Name(), ".git") {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".ts", ".tsx", ".md"}, filepath.Ext(path)) || strings.HasSuffix(path, "specs_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, id := range citations(string(text)) {
			total++
			if !known[id] {
				t.Errorf("%s cites %s, which docs/specs.txt does not have", path, id)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total < 30 {
		t.Errorf("%d citations; the search has lost them", total)
	}
}

func TestCitationsAreFound(t *testing.T) {
	for text, want := range map[string][]string{
		"// It is so (WAC §access-modes, §acl-agent; RFC 9110 §13.1.1).":            {"wac#access-modes", "wac#acl-agent"},
		"// as Solid Protocol\n// §server-cors has it":                              {"solid-protocol#server-cors"},
		"// (LWS 1.0 Authentication Suite OpenID Connect §validation, protocol §3)": {"lws10-authn-openid#validation"},
		"// Solid Notifications §message-state.":                                    {"notifications#message-state"},
		"// RFC 9110 §3.1, protocol §1":                                             nil,
	} {
		if got := citations(text); !slices.Equal(got, want) {
			t.Errorf("%q cites %q, want %q", text, got, want)
		}
	}
}
