package solid

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// modulesVar names the node_modules folder that has Community Solid Server.
const modulesVar = "SOLID_MODULES"

// runs holds the report of a server against its known deviations.
func runs(t *testing.T, start func(context.Context) (*Server, error), file string, sample int) {
	ctx, cancel := context.WithTimeout(t.Context(), 14*time.Minute)
	defer cancel()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known, err := ReadDeviations(f)
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]bool{}
	for _, c := range allCases(sample) {
		run[c.id] = true
	}
	for _, id := range Cases() {
		if !run[id] {
			delete(known, id)
		}
	}
	s, err := start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	s.Sample = sample
	report, err := Run(ctx, s.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range known.Differences(report) {
		t.Error(difference)
	}
	t.Logf("%d cases in %v: %d passed, %d failed, %d skipped", len(report.Results), report.Took, report.Count(Passed), report.Count(Failed), report.Count(Skipped))
	if t.Failed() {
		t.Log(tail(s.Output()))
	}
}

// tail returns the end of what a server has printed.
func tail(text string) string { return text[max(0, len(text)-1000):] }

// TestKith runs the whole suite against the binary of this module.
func TestKith(t *testing.T) {
	runs(t, func(ctx context.Context) (*Server, error) { return StartKith(ctx, "") }, "kith.deviations.txt", 1)
}

// TestCSS runs the suite against Community Solid Server, as the control: a suite that finds nothing wrong
// there could find nothing wrong anywhere. It takes every fourth situation of the permission table.
func TestCSS(t *testing.T) {
	modules := os.Getenv(modulesVar)
	if modules == "" {
		t.Skip("not run: " + modulesVar + " does not name a node_modules folder with @solid/community-server; `make css` installs one and runs this test")
	}
	runs(t, func(ctx context.Context) (*Server, error) { return StartCSS(ctx, modules) }, "css.deviations.txt", cssSample)
}

const cssSample = 4

// knownBugs are defects that servers have had, each with the case that finds it.
var knownBugs = map[string]string{
	"an N3 insert is acknowledged and not written":                     "solid-protocol#server-patch-n3-semantics/20-at-once-are-all-written",
	"10 of 10 concurrent If-None-Match: * PUTs succeed":                "solid-protocol#resource-update-integrity/10-by-10-If-None-Match-at-once",
	"a stale If-Match overwrites":                                      "solid-protocol#server-etag/If-Match",
	"DELETE of a container deletes its members":                        "solid-protocol#server-delete-protect-nonempty-container/members-stay",
	"POST to a missing container makes it":                             "solid-protocol#server-post-target-not-found/missing-container",
	"PUT without Content-Type is accepted":                             "solid-protocol#server-content-type-missing/PUT",
	"parallel PUTs break the quota, and then every PUT fails":          "solid-protocol#writing-resources/30-PUT-at-once-and-one-more",
	"Slug: x.acl turns Append into Control":                            "wac#server-control-operation/a-name-that-looks-like-an-ACL",
	"a listing shows names, sizes and dates of what may not be read":   "solid-protocol#server-contained-resource-metadata/nothing-of-what-may-not-be-read",
	"a container ETag does not cover the listing: a false 304":         "solid-protocol#server-caching/a-listing-that-has-changed-is-told",
	"two writes within a millisecond have one ETag":                    "solid-protocol#server-etag/changes-with-each-write",
	"a Bearer token that is bound to no key is accepted":               "solid-oidc#dpop-validation/Bearer-bound-to-no-key",
	"a context that a client names is fetched from inside the network": "solid-protocol#server-representation-turtle-jsonld/remote-contexts-are-not-fetched",
}

func TestKnownBugsHaveCases(t *testing.T) {
	all := map[string]bool{}
	for _, id := range Cases() {
		all[id] = true
	}
	for bug, id := range knownBugs {
		if !all[id] {
			t.Errorf("%s: there is no case %s", bug, id)
		}
	}
}

func TestCasesAreNamedByClause(t *testing.T) {
	seen := map[string]bool{}
	ids := Cases()
	for _, id := range ids {
		clause, name, ok := strings.Cut(id, "/")
		specification, anchor, named := strings.Cut(clause, "#")
		if !ok || !named || specification == "" || anchor == "" || name == "" || strings.ContainsAny(id, " \t") {
			t.Errorf("%q is not specification#clause/case", id)
		}
		if seen[id] {
			t.Errorf("%q is the name of two cases", id)
		}
		seen[id] = true
	}
	if len(ids) < 1000 {
		t.Errorf("there are %d cases; some have been lost", len(ids))
	}
}
