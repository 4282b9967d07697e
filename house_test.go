// Package house_test holds the walls of the house: which package may import
// which, who may hold a pod, and how large a thing may grow. It reads the
// source of every Go package of the module, tests included, and owns no
// goroutine.
//
// The order of the packages, lowest first. A line imports only lines above it:
//
//	1  internal/rdf  internal/fetch  pod and its stores  relay  webid/passkey      these know nothing of each other
//	2  webid          -> internal/rdf, internal/fetch
//	3  acl            -> pod, webid, internal/rdf
//	4  ldp sync dav   -> acl, webid, pod's plain types, internal/rdf
//	   sync/archive   -> pod's plain types
//	   sealed         -> webid, relay, sealed/bhttp
//	   webid/issuer   -> webid, webid/passkey
//	   webid/invite   -> webid
//	5  internal/server -> all above, and the built app in pwa
//	   internal/release  knows nothing of all this
//	6  cmd/kith       -> internal/server, internal/release, relay, and the built app in pwa
//	   tools/release  -> internal/release, and the built app in pwa
//	   tools/image    -> none of them
//	   conformance    -> none of them
package house_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "kith"

// mayImport lists, for each package, the packages of this module that it may
// import. A package that is not listed has no place in the house yet. Tests
// may import what they like: they stand outside.
var mayImport = map[string][]string{
	"internal/rdf":      {},
	"internal/fetch":    {},
	"internal/fuzztest": {}, // no package may import it, only tests: what parsers may cost has one home
	"pod":               {},
	"pod/folder":        {"pod"},
	"pod/podtest":       {"pod"},
	"relay":             {},
	"webid":             {"internal/rdf", "internal/fetch"},
	"webid/issuer":      {"webid", "webid/passkey", "internal/rdf", "internal/fetch"},
	"webid/passkey":     {},
	"webid/invite":      {"webid"},
	"acl":               {"pod", "webid", "internal/rdf"},
	"ldp":               {"acl", "webid", "pod", "internal/rdf"},
	"sync":              {"acl", "webid", "pod", "internal/rdf"},
	"sync/archive":      {"pod"},
	"dav":               {"acl", "webid", "pod", "internal/rdf"},
	"sealed":            {"webid", "relay", "sealed/bhttp"},
	"sealed/bhttp":      {},
	"pwa":               {},
	"internal/server":   {"internal/rdf", "internal/fetch", "pod", "pod/folder", "relay", "webid", "webid/issuer", "webid/invite", "acl", "ldp", "sync", "sync/archive", "dav", "sealed", "pwa"},
	"internal/release":  {},
	"cmd/kith":          {"internal/server", "internal/release", "relay", "sync/archive", "pwa"},
	"tools/release":     {"internal/release", "pwa"},
	"tools/image":       {},
	"conformance":       {"conformance/solid"},

	"conformance/solid": {},
	"conformance/run":   {"conformance/solid"},
	"conformance/twin":  {},
}

// mayHoldPods lists the packages that may mention pod.Store: all others see
// only what one agent may see of a pod, through an acl.View.
var mayHoldPods = []string{"pod", "pod/folder", "pod/podtest", "acl", "internal/server"}

const (
	maxFileLines = 500
	maxFuncLines = 100
	maxExported  = 20
)

// wider allows a package more exported names than maxExported, for a reason.
var wider = map[string]struct {
	names  int
	reason string
}{
	"pod":             {31, "a dozen plain types and one sentinel error for each way in which a name or a write can be refused"},
	"webid":           {36, "who asks, in one vocabulary: ids, keys, signed lists, contacts, proofs, the four kinds of agent, and a sentinel for each answer to a request"},
	"internal/rdf":    {34, "terms, triples, graphs, patches and three syntaxes, of which six names are constants of two enumerations"},
	"internal/server": {42, "what each subcommand does, with what it returns and how it can fail, beside the Server"},
	"conformance":     {30, "a whole client of the protocol, which is one vocabulary: who, where, what is sent and what comes back; and the binary, built and settled on"},
	"sync/archive":    {22, "three kinds of places, one run, what it leaves behind, how that is taken away, and a sentinel for each way in which a backup is not to be written or opened"},
	"acl":             {30, "the one door: the modes, the Guard and View, the room of a request, and a sentinel for each refusal, and the place in a feed that replicas share"},
}

func TestHouse(t *testing.T) {
	found, files, err := violations(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if files < 2 {
		t.Fatalf("read %d Go files; the walk has lost the house", files)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// source is one parsed Go file.
type source struct {
	name string // path from the root of the module
	dir  string // import path below the module
	test bool
	set  *token.FileSet
	tree *ast.File
	size int // lines
}

// violations returns one line for each broken wall, in order of file name, and
// the number of Go files that were read.
func violations(tree fs.FS) ([]string, int, error) {
	files, err := sources(tree)
	if err != nil {
		return nil, 0, err
	}
	var found []string
	for _, f := range files {
		found = append(found, imports(f)...)
		found = append(found, pods(f)...)
		found = append(found, sizes(f)...)
		found = append(found, inits(f)...)
	}
	found = append(found, comments(files)...)
	found = append(found, exports(files)...)
	return found, len(files), nil
}

func sources(tree fs.FS) ([]source, error) {
	var files []source
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if outside(name, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parse(tree, name)
		files = append(files, f)
		return err
	})
	return files, err
}

// outside tells which folders the go command leaves out of ./... too.
func outside(name, base string) bool {
	return base == "testdata" || base == "node_modules" ||
		name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_"))
}

func parse(tree fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return source{}, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	return source{
		name: name,
		dir:  path.Dir(name),
		test: strings.HasSuffix(name, "_test.go"),
		set:  set,
		tree: file,
		size: strings.Count(string(text), "\n"),
	}, nil
}

// own returns the path below the module of one of its own packages.
func own(spec *ast.ImportSpec) (dir string, ok bool) {
	full, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(full, module+"/")
}

func imports(f source) []string {
	var found []string
	allowed, known := mayImport[f.dir]
	if !known && !f.test {
		found = append(found, fmt.Sprintf("%s: package %s has no place in the import order of house_test.go", f.name, f.dir))
	}
	for _, spec := range f.tree.Imports {
		dir, ok := own(spec)
		if !ok {
			continue
		}
		if known && !f.test && !slices.Contains(allowed, dir) {
			found = append(found, fmt.Sprintf("%s: %s may not import %s", f.name, f.dir, dir))
		}
		if spec.Name != nil && spec.Name.Name == "." {
			found = append(found, fmt.Sprintf("%s: %s is imported without a name", f.name, dir))
		}
		if dir == "sync" && f.dir != "sync" && (spec.Name == nil || spec.Name.Name != "podsync") {
			found = append(found, fmt.Sprintf("%s: import %s/sync as podsync", f.name, module))
		}
	}
	return found
}

// pods finds mentions of pod.Store, by whatever name pod is imported.
func pods(f source) []string {
	if f.test || slices.Contains(mayHoldPods, f.dir) {
		return nil
	}
	local := ""
	for _, spec := range f.tree.Imports {
		if dir, ok := own(spec); ok && dir == "pod" {
			local = "pod"
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	if local == "" {
		return nil
	}
	var found []string
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Store" && name(s.X) == local {
			found = append(found, fmt.Sprintf("%s: %s may not mention pod.Store", at(f, s), f.dir))
		}
		return true
	})
	return found
}

func name(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func at(f source, n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.set.Position(n.Pos()).Line)
}

func sizes(f source) []string {
	if f.test {
		return nil
	}
	var found []string
	if f.size > maxFileLines {
		found = append(found, fmt.Sprintf("%s: %d lines; at most %d", f.name, f.size, maxFileLines))
	}
	for _, d := range f.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1
		if lines > maxFuncLines {
			found = append(found, fmt.Sprintf("%s: %s has %d lines; at most %d", at(f, fn), fn.Name.Name, lines, maxFuncLines))
		}
	}
	return found
}

func inits(f source) []string {
	var found []string
	for _, d := range f.tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, fmt.Sprintf("%s: no init functions", at(f, fn)))
		}
	}
	return found
}

// comments asks for one package comment in each package, in a file that is not
// a test.
func comments(files []source) []string {
	var dirs []string
	told := map[string]bool{}
	for _, f := range files {
		if f.test {
			continue
		}
		if !slices.Contains(dirs, f.dir) {
			dirs = append(dirs, f.dir)
		}
		begins := "Package " + f.tree.Name.Name + " "
		if f.tree.Name.Name == "main" {
			begins = "Command " + path.Base(f.dir) + " "
		}
		if strings.HasPrefix(f.tree.Doc.Text(), begins) {
			told[f.dir] = true
		}
	}
	var found []string
	for _, dir := range dirs {
		if !told[dir] {
			found = append(found, fmt.Sprintf("%s: no package comment (\"Package name ...\" or \"Command name ...\")", dir))
		}
	}
	return found
}

// exports counts the exported top-level names of each package; methods and
// fields come with their type and do not count.
func exports(files []source) []string {
	names := map[string][]string{}
	var dirs []string
	for _, f := range files {
		if f.test {
			continue
		}
		if _, seen := names[f.dir]; !seen {
			dirs = append(dirs, f.dir)
		}
		names[f.dir] = append(names[f.dir], exported(f.tree)...)
	}
	var found []string
	for _, dir := range dirs {
		limit := max(maxExported, wider[dir].names)
		if n := len(names[dir]); n > limit {
			found = append(found, fmt.Sprintf("%s: %d exported names, at most %d: %s", dir, n, limit, strings.Join(names[dir], " ")))
		}
	}
	return found
}

func exported(file *ast.File) []string {
	var names []string
	add := func(ids ...*ast.Ident) {
		for _, id := range ids {
			if id.IsExported() {
				names = append(names, id.Name)
			}
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					add(s.Names...)
				}
			}
		}
	}
	return names
}

// TestWallsHold plants one violation at a time in a small sound house and asks
// that exactly that one is found.
func TestWallsHold(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n", n) }
	constants := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "const C%d = %d\n", i, i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"a sound house has no violation", "ldp/get.go",
			"package ldp\nimport (\"kith/acl\"; \"kith/pod\"; \"net/http\")\nvar _ pod.Info", ""},
		{"a test may open a pod", "ldp/get_test.go",
			"package ldp\nimport (\"kith/pod\"; \"kith/pod/folder\")\nvar _ pod.Store", ""},
		{"a store of another package is no pod.Store", "ldp/get.go",
			"package ldp\nimport \"os\"\nvar _ os.Store", ""},
		{"a relay does not import keys", "relay/keys.go",
			"package relay\nimport \"kith/webid\"", "relay/keys.go: relay may not import webid"},
		{"a lower package does not import a higher one", "webid/up.go",
			"package webid\nimport \"kith/acl\"", "webid/up.go: webid may not import acl"},
		{"a handler does not open a pod", "ldp/get.go",
			"package ldp\nimport \"kith/pod/folder\"", "ldp/get.go: ldp may not import pod/folder"},
		{"a command does not go round the server", "cmd/kith/acl.go",
			"package main\nimport \"kith/acl\"", "cmd/kith/acl.go: cmd/kith may not import acl"},
		{"a package outside the order is refused", "utils/x.go",
			"// Package utils is misplaced.\npackage utils", "utils/x.go: package utils has no place in the import order of house_test.go"},
		{"a handler does not hold a pod", "ldp/get.go",
			"package ldp\nimport \"kith/pod\"\ntype h struct{ s pod.Store }", "ldp/get.go:3: ldp may not mention pod.Store"},
		{"nor under another name", "sync/feed.go",
			"package sync\nimport p \"kith/pod\"\nfunc f(s p.Store) {}", "sync/feed.go:3: sync may not mention pod.Store"},
		{"nor by a dot import", "ldp/get.go",
			"package ldp\nimport . \"kith/pod\"\nvar s Store", "ldp/get.go: pod is imported without a name"},
		{"our sync is not called sync elsewhere", "internal/server/x.go",
			"package server\nimport \"kith/sync\"", "internal/server/x.go: import kith/sync as podsync"},
		{"nor in a test", "internal/server/x_test.go",
			"package server\nimport feed \"kith/sync\"", "internal/server/x_test.go: import kith/sync as podsync"},
		{"podsync is its name", "internal/server/x.go",
			"package server\nimport podsync \"kith/sync\"", ""},
		{"a package says what it is", "dav/dav.go",
			"package dav", "dav: no package comment (\"Package name ...\" or \"Command name ...\")"},
		{"a test's comment does not count", "dav/dav_test.go",
			"// Package dav is told here only.\npackage dav", ""},
		{"a file of 501 lines is too long", "ldp/long.go",
			"package ldp" + lines(501), "ldp/long.go: 501 lines; at most 500"},
		{"a file of 500 lines is not", "ldp/long.go",
			"package ldp" + lines(500), ""},
		{"a function of 101 lines is too long", "ldp/long.go",
			"package ldp\nfunc f() {" + lines(100) + "}", "ldp/long.go:2: f has 101 lines; at most 100"},
		{"a method too", "ldp/long.go",
			"package ldp\ntype h struct{}\nfunc (h) g() {" + lines(100) + "}", "ldp/long.go:3: g has 101 lines; at most 100"},
		{"a test function may be long", "ldp/long_test.go",
			"package ldp\nfunc f() {" + lines(200) + "}", ""},
		{"21 exported names are too many", "relay/names.go",
			"package relay\n" + constants(21), "relay: 21 exported names, at most 20: C0 C1 "},
		{"20 are not", "relay/names.go",
			"package relay\n" + constants(20) + "func (t) M() {}\nfunc f() {}\n", ""},
		{"nothing runs before main", "relay/x.go",
			"package relay\nfunc init() {}", "relay/x.go:2: no init functions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := sound()
			tree[c.file] = &fstest.MapFile{Data: []byte(c.text)}
			found, _, err := violations(tree)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(found) == 0 {
				return
			}
			if c.want == "" || len(found) != 1 || !strings.HasPrefix(found[0], c.want) {
				t.Fatalf("found %q, want %q", found, c.want)
			}
		})
	}
}

// sound returns a small house without a violation.
func sound() fstest.MapFS {
	tree := fstest.MapFS{
		"pwa/node_modules/x/x.go":    {Data: []byte("package x")},
		"internal/rdf/testdata/x.go": {Data: []byte("not Go")},
	}
	for _, dir := range []string{"relay", "webid", "pod", "acl", "ldp", "sync", "internal/server"} {
		text := fmt.Sprintf("// Package %[1]s is sound.\npackage %[1]s\n", path.Base(dir))
		tree[dir+"/doc.go"] = &fstest.MapFile{Data: []byte(text)}
	}
	tree["cmd/kith/main.go"] = &fstest.MapFile{Data: []byte("// Command kith is sound.\npackage main\n")}
	return tree
}
