package server

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kith/acl"
	"kith/conformance/twin"
	"kith/pod"
	"kith/webid"
)

// reaches are the functions of this package that touch the store of a pod, and why none of them is a way
// around the guard.
var reaches = map[string]string{
	"openHome":   "opens it, and gives it to the guard",
	"close":      "closes it, after the guard",
	"openUpkeep": "has it checked, bounded and frozen as a whole, for its owner, who is told which paths are damaged",
	"openHands":  "lets it follow its folder, where nobody asks for anything",
	"refresh":    "who the owner's contacts are, which is asked before anything is decided",
	"appear":     "whether there is a pod at all",
}

// TestOnlyTheGuardReachesAPod reads the source: every other function has a View at most.
func TestOnlyTheGuardReachesAPod(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "store" {
					found[f.Name.Name] = true
				}
				return true
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if reaches[name] == "" {
			t.Errorf("%s touches the store of a pod", name)
		}
	}
	for name := range reaches {
		if !found[name] {
			t.Errorf("%s is listed and touches no store", name)
		}
	}
}

// watched is a store that writes down what is opened and changed in it.
type watched struct {
	pod.Store
	mu   sync.Mutex
	seen []string
}

func (w *watched) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, what)
}

// taken returns what has been noted since the last call.
func (w *watched) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func (w *watched) Stage(ctx context.Context, body io.Reader, o pod.StageOptions) (pod.Staged, error) {
	w.note("stage")
	return w.Store.Stage(ctx, body, o)
}

func (w *watched) View(ctx context.Context, fn func(pod.Tx) error) error {
	return w.Store.View(ctx, func(tx pod.Tx) error { return fn(watchedTx{tx, w}) })
}

func (w *watched) Update(ctx context.Context, fn func(pod.WriteTx) error) error {
	return w.Store.Update(ctx, func(tx pod.WriteTx) error { return fn(watchedWriteTx{tx, w}) })
}

type watchedTx struct {
	pod.Tx
	w *watched
}

func (x watchedTx) Open(p pod.Path) (pod.Resource, error) {
	x.w.note("open " + p.String())
	return x.Tx.Open(p)
}

type watchedWriteTx struct {
	pod.WriteTx
	w *watched
}

func (x watchedWriteTx) Open(p pod.Path) (pod.Resource, error) {
	x.w.note("open " + p.String())
	return x.WriteTx.Open(p)
}

func (x watchedWriteTx) Put(p pod.Path, s pod.Staged, o pod.PutOptions) (pod.Info, error) {
	x.w.note("put " + p.String())
	return x.WriteTx.Put(p, s, o)
}

func (x watchedWriteTx) MakeContainer(p pod.Path, o pod.PutOptions) (pod.Info, error) {
	x.w.note("make " + p.String())
	return x.WriteTx.MakeContainer(p, o)
}

func (x watchedWriteTx) Delete(p pod.Path, o pod.DeleteOptions) error {
	x.w.note("delete " + p.String())
	return x.WriteTx.Delete(p, o)
}

func (x watchedWriteTx) DeleteTree(p pod.Path, o pod.DeleteOptions) error {
	x.w.note("delete " + p.String())
	return x.WriteTx.DeleteTree(p, o)
}

// decides reports whether a note is of what decisions are made from.
func decides(note string) bool {
	name, opened := strings.CutPrefix(note, "open ")
	return opened && (strings.HasSuffix(name, ".acl") || name == "/settings/classes" ||
		name == relaysPath || // by which relays who may know is told the way
		strings.HasPrefix(name, "/social/audiences/") || strings.HasPrefix(name, "/circles/"))
}

// routesOfPods reads from the source of routes.go what is answered below a pod's URL by another than ldp.
func routesOfPods(t *testing.T) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), "routes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		clause, ok := n.(*ast.CaseClause)
		if !ok {
			return true
		}
		for _, e := range clause.List {
			if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				name, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				found[strings.TrimPrefix(name, "/")] = true
			}
		}
		return true
	})
	if len(found) < 8 {
		t.Fatalf("found %d routes", len(found))
	}
	return slices.Sorted(maps.Keys(found))
}

// TestNoRouteReachesAPodWithoutADecision sends every method to every route as those who may do nothing
// there: of the pod, nothing is opened but what decides, and nothing is written.
func TestNoRouteReachesAPodWithoutADecision(t *testing.T) {
	r := newRoom(t)
	ctx := t.Context()
	resources := []string{"private/letter.txt", "private/data.ttl", "social/posts/2026-11-22-a/post.jsonld", "profile/card", "settings/classes"}
	for _, name := range resources[:3] {
		if err := r.write(ctx, "/"+name, "text/plain", "secret", absent); err != nil {
			t.Fatal(err)
		}
	}
	w := &watched{Store: r.store}
	r.reach.close() // it asks the guard, which is another from here on
	r.guard.Close()
	r.guard = acl.New(w, acl.Config{Base: r.url, Owner: r.realm.Owner(), Valid: r.realm.valid, Now: r.clock.now})
	t.Cleanup(r.guard.Close)

	targets := append(slices.Clone(resources), "", "private/", "private/.acl", "private/data.ttl.meta", "private/none", ".storage", ".well-known/x", "a//b", "%2e%2e/x")
	for _, route := range routesOfPods(t) {
		targets = append(targets, route, route+"/", route+"/x", route+"?cursor=x&wait=0")
	}
	r.people[twin.Other] = webid.StrangerAgent("https://elsewhere.example/#i")
	for _, who := range []twin.Who{twin.Reader, twin.Other, twin.Stranger} {
		for _, target := range targets {
			for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "MKCOL"} {
				q := twin.Request{Method: method, Target: target, Header: http.Header{"Content-Type": {"text/turtle"}}, Body: "<#a> <#b> <#c> ."}
				a := r.ask(ctx, who, q)
				for _, note := range w.taken() {
					if !decides(note) {
						t.Errorf("%s %s %s, answered %d: %s", who, method, target, a.Status, note)
					}
				}
			}
		}
	}
	r.ask(ctx, twin.Owner, twin.Request{Method: "GET", Target: "private/letter.txt"})
	if seen := w.taken(); !slices.Contains(seen, "open /private/letter.txt") {
		t.Errorf("what the owner reads is not seen: %v", seen)
	}
}

func TestASpecialAddressHasOneSpelling(t *testing.T) {
	for rest, want := range map[string]string{
		"%2ereplica/x":       ".replica/x",
		"%2Epair":            ".pair",
		"social/d%6For":      "social/door",
		"social/f%65ed":      "social/feed",
		"profile/c%61rd":     "profile/card",
		"a%20b/%C3%A9":       "a%20b/%C3%A9",
		"a%2Fb":              "a%2Fb",
		"%zz":                "%zz",
		"social/posts/a.txt": "social/posts/a.txt",
		"":                   "",
	} {
		if got := canonical(rest); got != want {
			t.Errorf("%q is read as %q, want %q", rest, got, want)
		}
	}
}
