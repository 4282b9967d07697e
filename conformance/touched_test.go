package conformance

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// firstStatements reads a coverage profile and returns, for each function of the module as
// "file:function", how often its body was entered.
func firstStatements(b *testing.B, profile string) map[string]int {
	b.Helper()
	file, err := os.Open(profile)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	blocks := map[string]map[int]int{} // file → line of a block → how often
	lines := bufio.NewScanner(file)
	for lines.Scan() { // kith/acl/view.go:84.66,86.2 1 17
		name, rest, ok := strings.Cut(lines.Text(), ":")
		if !ok || name == "mode" {
			continue
		}
		fields := strings.Fields(rest)
		line, err1 := strconv.Atoi(strings.SplitN(fields[0], ".", 2)[0])
		count, err2 := strconv.Atoi(fields[2])
		if err1 != nil || err2 != nil {
			b.Fatalf("read coverage: %q", lines.Text())
		}
		if blocks[name] == nil {
			blocks[name] = map[int]int{}
		}
		blocks[name][line] = max(blocks[name][line], count)
	}
	entered := map[string]int{}
	for name, counts := range blocks {
		for function, at := range functions(b, name) {
			entered[name+":"+function] = counts[at]
		}
	}
	return entered
}

// functions returns the functions of one file and the line on which the body of each begins.
func functions(b *testing.B, name string) map[string]int {
	b.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, filepath.Join("..", strings.TrimPrefix(name, "kith/")), nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	found := map[string]int{}
	for _, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			at := set.Position(f.Body.Lbrace).Line
			found[fmt.Sprintf("%s@%d", f.Name.Name, at)] = at
		}
	}
	return found
}
