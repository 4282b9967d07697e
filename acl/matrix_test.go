package acl

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kith/internal/rdf"
	"kith/pod"
	"kith/webid"
)

// trees is how many random trees of ACLs the whole matrix is asked for.
var trees = flag.Int("trees", 300, "random trees of ACL documents")

// actors are those who ask, and how the oracle knows them.
var actors = []struct {
	name  string
	agent webid.Agent
	asker asker
}{
	{"the owner", owner, asker{ids: []string{string(testOwner)}, known: true, owner: true}},
	{"an app of the owner", webid.AppAgent(testOwner, "https://app.example/id", "consent"), asker{ids: []string{string(testOwner)}, known: true, owner: true}},
	{"Ben", ben, asker{ids: []string{string(contactID(benCID))}, known: true}},
	{"Dan under two names", webid.ContactAgent(contactID(danCID), danCID, 1, "did:key:zDan", "https://elsewhere.example/#i"),
		asker{ids: []string{string(contactID(danCID)), "https://elsewhere.example/#i"}, known: true}},
	{"somebody known elsewhere only", webid.StrangerAgent("https://elsewhere.example/#i"), asker{ids: []string{"https://elsewhere.example/#i"}, known: true}},
	{"a stranger", stranger, asker{}},
}

// methods are the ways to change something: whether the oracle allows one, and how the View is asked.
var methods = []struct {
	name    string
	allows  func(drawnTree, asker, string) bool
	attempt func(*View, pod.Path) error
}{
	{"PUT", drawnTree.puts, func(v *View, p pod.Path) error {
		if p.IsContainer() {
			_, err := v.MakeContainer(context.Background(), p, pod.Precondition{})
			return err
		}
		_, _, err := v.Put(context.Background(), p, "text/plain", strings.NewReader("new"), pod.Precondition{})
		return err
	}},
	{"PUT of what is new", drawnTree.makes, func(v *View, p pod.Path) error {
		pre := pod.Precondition{IfNoneMatch: []string{"*"}}
		if p.IsContainer() {
			_, err := v.MakeContainer(context.Background(), p, pre)
			return err
		}
		_, _, err := v.Put(context.Background(), p, "text/plain", strings.NewReader("new"), pre)
		return err
	}},
	{"POST", drawnTree.posts, func(v *View, p pod.Path) error {
		_, err := v.Create(context.Background(), p, "slug", "text/plain", strings.NewReader("new"), pod.Precondition{})
		return err
	}},
	{"DELETE", drawnTree.deletes, func(v *View, p pod.Path) error {
		return v.Delete(context.Background(), p, pod.Precondition{})
	}},
	{"PATCH that inserts", drawnTree.inserts, patching(`_:p a solid:InsertDeletePatch; solid:inserts { <#a> <#b> <#c> . } .`)},
	{"PATCH that deletes", drawnTree.patches, patching(`_:p a solid:InsertDeletePatch; solid:deletes { <#a> <#b> <#c> . } .`)},
	{"PATCH that asks", drawnTree.asks, patching(`_:p a solid:InsertDeletePatch; solid:where { ?s <#b> <#c> . }; solid:inserts { ?s <#d> <#e> . } .`)},
}

// patching tries a patch. What a drawn resource holds is text, so that a patch which is allowed fails at that.
func patching(text string) func(*View, pod.Path) error {
	return func(v *View, p pod.Path) error {
		patch, err := rdf.ParseN3Patch(strings.NewReader("@prefix solid: <http://www.w3.org/ns/solid/terms#> .\n"+text), "https://pod.example/", rdf.Limits{})
		if err != nil {
			return err
		}
		_, _, err = v.Patch(context.Background(), p, patch, pod.Precondition{})
		return err
	}
}

// chain returns p, which is absent, and each absent container above it, and the first container that is there.
func (d drawnTree) chain(p string) (absent []string, there string) {
	for ; !d.paths[p]; p = parentOf(p) {
		absent = append(absent, p)
	}
	return absent, p
}

// extends reports whether who may make what is absent on the way to p: each needs a mode of its own, and
// what is there already Append (WAC §access-modes, solid-checklist §1.10).
func (d drawnTree) extends(who asker, p, mode string) bool {
	absent, there := d.chain(p)
	for i, q := range absent {
		if need := []string{mode, "Append"}[min(i, 1)]; !d.holds(who, q)[need] {
			return false
		}
	}
	return d.holds(who, there)["Append"]
}

func (d drawnTree) puts(who asker, p string) bool {
	if d.paths[p] {
		return d.holds(who, p)["Write"] && !strings.HasSuffix(p, "/") // a container is not replaced
	}
	return d.extends(who, p, "Write")
}

func (d drawnTree) makes(who asker, p string) bool { return !d.paths[p] && d.extends(who, p, "Append") }

func (d drawnTree) posts(who asker, p string) bool {
	return strings.HasSuffix(p, "/") && d.paths[p] && d.holds(who, p)["Append"]
}

func (d drawnTree) deletes(who asker, p string) bool {
	if p == "/" || !d.paths[p] {
		return false
	}
	container := strings.HasSuffix(p, "/")
	if container && !d.holds(who, p)["Read"] {
		return false
	}
	return d.holds(who, p)["Write"] && d.holds(who, parentOf(p))["Write"]
}

// changes reports whether who may patch p with a patch that needs modes on it.
func (d drawnTree) changes(who asker, p string, modes ...string) bool {
	if strings.HasSuffix(p, "/") {
		return false // containment is the server's
	}
	held := d.holds(who, p)
	for _, m := range modes {
		if !held[m] {
			return false
		}
	}
	return d.paths[p] || d.extends(who, p, modes[0])
}

func (d drawnTree) inserts(who asker, p string) bool { return d.changes(who, p, "Append") }
func (d drawnTree) patches(who asker, p string) bool { return d.changes(who, p, "Write", "Read") }
func (d drawnTree) asks(who asker, p string) bool    { return d.changes(who, p, "Append", "Read") }

// refusals are the answers of a decision against. All others come after the decision fell.
var refusals = []error{ErrUnauthenticated, ErrForbidden}

func refused(err error) bool {
	for _, r := range refusals {
		if errors.Is(err, r) {
			return true
		}
	}
	return false
}

// TestTheWholeMatrixAgreesWithTheOracle asks for actors × methods × kinds × inheritance over random trees.
func TestTheWholeMatrixAgreesWithTheOracle(t *testing.T) {
	asked := append([]string{"/", "/none", "/a/none", "/a/b/none/deep", "/a/new/"}, drawnPaths...)
	for range max(1, *trees/100) {
		rapid.Check(t, func(rt *rapid.T) {
			tree := drawTree(rt)
			tree.classes = map[string][]string{}
			for _, c := range []string{"/a/", "/d/"} {
				tree.classes[c] = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{everybody, authenticated}), 0, 2, rapid.ID[string]).Draw(rt, "classes of "+c)
			}
			g := New(tree.store(), Config{Base: testBase, Owner: testOwner})
			defer g.Close()
			tree.add("/g")
			tree.add("/settings/classes")
			for _, who := range actors {
				who.asker.origin = rapid.SampledFrom([]string{"", "https://app.example", "https://evil.example"}).Draw(rt, "origin of "+who.name)
				v := g.As(who.agent).From(who.asker.origin)
				for _, p := range asked {
					if diff := tree.compare(v, who.asker, p); diff != "" {
						rt.Fatalf("%s, origin %q, %s: %s", who.name, who.asker.origin, p, diff)
					}
				}
			}
		})
	}
}

// compare asks View and oracle for each method on p, and for the ACL of p.
func (d drawnTree) compare(v *View, who asker, p string) string {
	at, err := pod.ParsePath(p)
	if err != nil {
		return err.Error()
	}
	a, err := v.Stat(context.Background(), at)
	if got, want := statusOf(a, err, p), d.get(who, p); got != want {
		return fmt.Sprintf("GET: %d, the oracle says %d", got, want)
	}
	_, err = v.Stat(context.Background(), at.ACL())
	if controls := d.holds(who, p)["Control"]; controls && refused(err) || !controls && err == nil {
		return fmt.Sprintf("GET of the ACL: %v, the oracle says that Control is %v", err, controls)
	}
	for _, m := range methods {
		err := m.attempt(v, at)
		if err == nil {
			return m.name + ": nothing happened"
		}
		want := m.allows(d, who, p)
		if acted := !refused(err) && !errors.Is(err, pod.ErrNotExist) && !formal(err); acted && !want {
			return fmt.Sprintf("%s: %v, the oracle refuses", m.name, err)
		} else if !acted && want {
			return fmt.Sprintf("%s: %v, the oracle allows", m.name, err)
		}
		if hidden := d.paths[p] && len(d.holds(who, p)) == 0; hidden && m.name == "DELETE" && p != "/" {
			if got := statusOf(Answer{}, err, p); got != d.get(who, p) {
				return fmt.Sprintf("%s of what is hidden: %d, a GET is answered %d", m.name, got, d.get(who, p))
			}
		}
	}
	return ""
}

// formal reports whether a method is refused for what it is asked of, by whomever who might do it.
func formal(err error) bool {
	for _, known := range []error{pod.ErrBadPath, pod.ErrReserved, pod.ErrExist, pod.ErrPrecondition, ErrContainment} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
