package acl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kith/pod"
	"kith/webid"
)

// The oracle decides access to a drawn tree by the words of the specification,
// in the plainest way: it knows no store, no Turtle, no cache, and does not share
// a line with the Guard. What an agent is told of things it may not see is found
// by taking them out of the tree and asking again (protocol §3.1).

// drawnTree is a pod as drawn: its resources, their ACLs, and groups.
type drawnTree struct {
	paths  map[string]bool // containers end in a slash; the root is always there
	acls   map[string]drawnACL
	groups map[string][]string // group IRI -> members
	// classes are those that the owner allows to name, by container: there and below.
	classes map[string][]string
}

type drawnACL struct {
	broken bool
	rules  []drawnRule
}

// drawnRule holds whole IRIs and paths; the Turtle may say them otherwise.
type drawnRule struct {
	typed            bool
	access, defaults []string // paths
	agents, groups   []string
	classes          []string
	modes            []string
	origin           string
}

var (
	drawnPaths  = []string{"/a/", "/a/b/", "/a/b/c", "/a/x", "/a/b/y/", "/a/b/y/z", "/d/", "/d/e", "/f"}
	drawnAgents = []string{string(contactID(benCID)), string(contactID(danCID)), string(testOwner), "https://elsewhere.example/#i"}
	drawnGroups = []string{testBase + "g#one", testBase + "g#two", testBase + "missing#one", "https://elsewhere.example/g#one"}
)

func drawTree(t *rapid.T) drawnTree {
	tree := drawnTree{paths: map[string]bool{"/": true}, acls: map[string]drawnACL{}, groups: map[string][]string{}}
	for _, p := range drawnPaths {
		if rapid.IntRange(0, 4).Draw(t, "there "+p) > 0 {
			tree.add(p)
		}
	}
	for _, g := range drawnGroups[:2] {
		tree.groups[g] = rapid.SliceOfN(rapid.SampledFrom(drawnAgents), 0, 3).Draw(t, "members of "+g)
	}
	for _, p := range slices.Sorted(maps.Keys(tree.paths)) {
		if p != "/" && rapid.IntRange(0, 2).Draw(t, "ACL of "+p) == 0 {
			tree.acls[p] = drawACL(t, p)
		}
	}
	root := drawACL(t, "/")
	root.broken = false
	tree.acls["/"] = root
	return tree
}

// add puts a path and the containers above it into the tree.
func (d drawnTree) add(p string) {
	for at := p; at != "/"; at = parentOf(at) {
		d.paths[at] = true
	}
}

func drawACL(t *rapid.T, subject string) drawnACL {
	acl := drawnACL{broken: rapid.IntRange(0, 9).Draw(t, "broken") == 0}
	targets := []string{subject, subject, subject, subject, drawnPaths[0], drawnPaths[3]}
	for range rapid.IntRange(1, 4).Draw(t, "rules") {
		// Most rules are whole, or few trees would grant anything.
		some := func(label string, least int, from ...string) []string {
			if rapid.IntRange(0, 7).Draw(t, "no "+label) == 0 {
				least = 0
			}
			return rapid.SliceOfN(rapid.SampledFrom(from), least, 2).Draw(t, label)
		}
		acl.rules = append(acl.rules, drawnRule{
			typed:    rapid.IntRange(0, 9).Draw(t, "typed") > 0,
			access:   some("accessTo", 1, targets...),
			defaults: some("default", 1, targets...),
			agents:   some("agents", 1, drawnAgents...),
			groups:   some("groups", 0, drawnGroups...),
			classes:  some("classes", 0, everybody, authenticated),
			modes:    some("modes", 1, "Read", "Read", "Append", "Write", "Control", "Delete"),
			origin:   rapid.SampledFrom([]string{"", "", "https://app.example"}).Draw(t, "origin"),
		})
	}
	return acl
}

// turtle writes the ACL of a subject, now relative, now absolute.
func (a drawnACL) turtle(subject string) string {
	var b strings.Builder
	b.WriteString(prefix)
	iri := func(p string) string {
		if p == subject && strings.HasSuffix(p, "/") {
			return "<./>"
		}
		return "<" + testBase + strings.TrimPrefix(p, "/") + ">"
	}
	for i, r := range a.rules {
		say := func(property string, terms []string, term func(string) string) {
			for _, x := range terms {
				fmt.Fprintf(&b, "<#r%d> acl:%s %s .\n", i, property, term(x))
			}
		}
		whole := func(s string) string { return "<" + s + ">" }
		if r.typed {
			fmt.Fprintf(&b, "<#r%d> a acl:Authorization .\n", i)
		}
		say("accessTo", r.access, iri)
		say("default", r.defaults, iri)
		say("agent", r.agents, whole)
		say("agentGroup", r.groups, whole)
		say("agentClass", r.classes, whole)
		say("mode", r.modes, func(m string) string { return "acl:" + m })
		if r.origin != "" {
			say("origin", []string{r.origin}, whole)
		}
	}
	if a.broken {
		b.WriteString("<#r")
	}
	return b.String()
}

// asker is who asks the oracle.
type asker struct {
	ids    []string
	known  bool
	owner  bool
	origin string
}

func parentOf(p string) string {
	p = strings.TrimSuffix(p, "/")
	return p[:strings.LastIndex(p, "/")+1]
}

// holds returns the modes of an agent on a path, by name.
func (d drawnTree) holds(who asker, p string) map[string]bool {
	held := map[string]bool{}
	if who.owner {
		held["Control"] = true
	}
	subject, inherit := p, false
	for {
		if _, ok := d.acls[subject]; ok && d.paths[subject] {
			break
		}
		if subject == "/" {
			return held
		}
		subject, inherit = parentOf(subject), true
	}
	acl := d.acls[subject]
	if acl.broken {
		return held
	}
	for _, r := range acl.rules {
		objects := r.access
		if inherit {
			objects = r.defaults
		}
		if !r.typed || !slices.Contains(objects, subject) || !d.meansAgent(r, who, subject) {
			continue
		}
		for _, m := range r.modes {
			held[m] = true
			if m == "Write" {
				held["Append"] = true
			}
		}
	}
	delete(held, "Delete")
	return held
}

// meansAgent reports whether a rule in the ACL of a subject is for an agent.
func (d drawnTree) meansAgent(r drawnRule, who asker, subject string) bool {
	if r.origin != "" && who.origin != "" && r.origin != who.origin {
		return false
	}
	for c, classes := range d.classes {
		for _, class := range r.classes {
			if strings.HasPrefix(subject, c) && slices.Contains(classes, class) && (class == everybody || who.known) {
				return true
			}
		}
	}
	named := slices.Clone(r.agents)
	for _, g := range r.groups {
		named = append(named, d.groups[g]...)
	}
	for _, id := range who.ids {
		if slices.Contains(named, id) {
			return true
		}
	}
	return false
}

// without returns the tree with a path and all below it taken out.
func (d drawnTree) without(p string) drawnTree {
	out := drawnTree{paths: map[string]bool{}, acls: d.acls, groups: d.groups, classes: d.classes}
	for q := range d.paths {
		if q != p && !(strings.HasSuffix(p, "/") && strings.HasPrefix(q, p)) {
			out.paths[q] = true
		}
	}
	return out
}

// get returns what a GET is answered: 200, 301, 401, 403 or 404.
func (d drawnTree) get(who asker, p string) int {
	refused := 403
	if !who.known {
		refused = 401
	}
	held := d.holds(who, p)
	if d.paths[p] && len(held) > 0 {
		if held["Read"] {
			return 200
		}
		return refused
	}
	other := p + "/"
	if strings.HasSuffix(p, "/") {
		other = strings.TrimSuffix(p, "/")
	}
	if !d.paths[p] && d.paths[other] && d.holds(who, other)["Read"] {
		return 301
	}
	if d.paths[p] && p != "/" {
		return d.without(p).get(who, p)
	}
	if p == "/" {
		return refused
	}
	// Nothing is there. The container that decides may be hidden itself; then it
	// must not be felt.
	at := parentOf(p)
	for at != "/" && (!d.paths[at] || !d.has(at)) {
		at = parentOf(at)
	}
	if len(held) == 0 && at != "/" && len(d.holds(who, at)) == 0 {
		return d.without(at).get(who, p)
	}
	if held["Read"] || who.owner {
		return 404
	}
	return refused
}

func (d drawnTree) has(p string) bool { _, ok := d.acls[p]; return ok }

// sees returns the members of a container that an agent sees.
func (d drawnTree) sees(who asker, container string) []string {
	var out []string
	for p := range d.paths {
		if p == "/" || parentOf(p) != container {
			continue
		}
		if held := d.holds(who, p); held["Read"] || held["Control"] {
			out = append(out, strings.Trim(strings.TrimPrefix(p, container), "/"))
		}
	}
	slices.Sort(out)
	return out
}

// build makes the tree in a store, at once.
func (d drawnTree) build(w *world) {
	members := ""
	for g, ids := range d.groups {
		for _, id := range ids {
			members += fmt.Sprintf("<%s> <http://www.w3.org/2006/vcard/ns#hasMember> <%s> .\n", g, id)
		}
	}
	staged := map[pod.Path]pod.Staged{path(w.t, "/g"): w.stage("text/turtle", members)}
	for p, acl := range d.acls {
		staged[path(w.t, p).ACL()] = w.stage("text/turtle", acl.turtle(p))
	}
	for p := range d.paths {
		if !strings.HasSuffix(p, "/") {
			staged[path(w.t, p)] = w.stage("text/plain", p)
		}
	}
	err := w.store.Update(context.Background(), func(tx pod.WriteTx) error {
		for p := range d.paths {
			if !strings.HasSuffix(p, "/") {
				continue
			}
			if _, err := tx.MakeContainer(path(w.t, p), pod.PutOptions{}); err != nil && !errors.Is(err, pod.ErrExist) {
				return err
			}
		}
		for p, s := range staged {
			if _, err := tx.Put(p, s, pod.PutOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestGuardAgreesWithOracle(t *testing.T) {
	askers := []struct {
		name  string
		agent webid.Agent
		asker asker
	}{
		{"the owner", owner, asker{ids: []string{string(testOwner)}, known: true, owner: true}},
		{"Ben", ben, asker{ids: []string{string(contactID(benCID))}, known: true}},
		{"Dan under two names", webid.ContactAgent(contactID(danCID), danCID, 1, "did:key:zDan", "https://elsewhere.example/#i"),
			asker{ids: []string{string(contactID(danCID)), "https://elsewhere.example/#i"}, known: true}},
		{"a stranger", stranger, asker{}},
	}
	asked := append([]string{"/", "/none", "/a/none", "/a/b/none/deep", "/a", "/a/x/", "/d/e/"}, drawnPaths...)
	rapid.Check(t, func(rt *rapid.T) {
		tree := drawTree(rt)
		w := newWorld(t, Config{})
		defer w.close()
		tree.build(w)
		tree.paths["/g"] = true
		for _, who := range askers {
			who.asker.origin = rapid.SampledFrom([]string{"", "https://app.example", "https://evil.example"}).Draw(rt, "origin of "+who.name)
			v := w.guard.As(who.agent).From(who.asker.origin)
			for _, p := range asked {
				a, err := v.Stat(context.Background(), path(t, p))
				got, want := statusOf(a, err, p), tree.get(who.asker, p)
				if got != want {
					rt.Fatalf("%s asks for %s: %d, the oracle says %d", who.name, p, got, want)
				}
				if got != 200 {
					continue
				}
				if held := words(tree.holds(who.asker, p)); a.User.String() != held {
					rt.Fatalf("%s holds %q on %s, the oracle says %q", who.name, a.User, p, held)
				}
				var seen []string
				for _, c := range a.Children {
					seen = append(seen, c.Path.Name())
				}
				if want := tree.sees(who.asker, p); strings.HasSuffix(p, "/") && !slices.Equal(seen, want) {
					rt.Fatalf("%s sees %v in %s, the oracle says %v", who.name, seen, p, want)
				}
			}
		}
	})
}

// words writes modes as WAC-Allow does.
func words(held map[string]bool) string {
	var out []string
	for _, m := range []string{"Read", "Append", "Write", "Control"} {
		if held[m] {
			out = append(out, strings.ToLower(m))
		}
	}
	return strings.Join(out, " ")
}

// statusOf turns an answer into what a GET would be answered.
func statusOf(a Answer, err error, p string) int {
	switch {
	case err == nil && a.Info.Path.String() == p:
		return 200
	case err == nil:
		return 301
	case errors.Is(err, pod.ErrNotExist):
		return 404
	case errors.Is(err, ErrForbidden):
		return 403
	case errors.Is(err, ErrUnauthenticated):
		return 401
	}
	return 500
}
