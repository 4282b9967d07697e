package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"kith/internal/release"
)

var targetsFlag = flag.String("systems", runtime.GOOS+"/"+runtime.GOARCH, "for which systems the release is made twice")

// TestTwice makes the same release from two copies of the source, in other folders, and compares every byte.
func TestTwice(t *testing.T) {
	var lists [2][]byte
	for i := range lists {
		dir := filepath.Join(t.TempDir(), strings.Repeat("elsewhere", i), "kith")
		copySource(t, dir)
		out := filepath.Join(t.TempDir(), "release")
		c := exec.CommandContext(t.Context(), "go", "run", "./tools/release", "-version", "v1.0.0", "-date", "1790000000", "-out", out, "-targets", *targetsFlag)
		c.Dir = dir
		if said, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		lists[i] = checkRelease(t, out)
	}
	if !bytes.Equal(lists[0], lists[1]) {
		t.Errorf("the second release differs:\n%s\n%s", lists[0], lists[1])
	}
}

// checkRelease reads the list of a release, compares it with the files that are there, and returns it.
func checkRelease(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, release.List))
	if err != nil {
		t.Fatal(err)
	}
	r, err := release.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Count(*targetsFlag, ",") + 2; len(r.Files) != want || len(entries) != want+1 || len(r.App) != 2 {
		t.Errorf("%d files are there, and the list is\n%s", len(entries), text)
	}
	got, err := sums(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range r.Files {
		if got[name] != want {
			t.Errorf("%s is %x, and the list says %x", name, got[name], want)
		}
	}
	return text
}

// copySource copies what the go command needs to build kith and this tool.
func copySource(t *testing.T, to string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	from := strings.TrimSpace(string(root))
	for _, name := range source(t.Context(), t) {
		part, err := filepath.Rel(from, name)
		if err != nil {
			t.Fatal(err)
		}
		copyFile(t, name, filepath.Join(to, part))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		copyFile(t, filepath.Join(from, name), filepath.Join(to, name))
	}
}

// source lists the files of this module's packages that are in kith or in this tool, for any system.
func source(ctx context.Context, t *testing.T) (all []string) {
	t.Helper()
	out, err := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Module,GoFiles,IgnoredGoFiles,EmbedFiles", "kith/cmd/kith", "kith/tools/release").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir                                 string
			Module                              *struct{ Main bool }
			GoFiles, IgnoredGoFiles, EmbedFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		for _, names := range [][]string{p.GoFiles, p.IgnoredGoFiles, p.EmbedFiles} {
			for _, name := range names {
				all = append(all, filepath.Join(p.Dir, name))
			}
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	body, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, body, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(nil)
	good, _ := x509.MarshalPKCS8PrivateKey(key)
	public, _ := x509.MarshalPKIXPublicKey(key.Public())
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text []byte
		ok   bool
	}{
		"private": {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: good}), true},
		"public":  {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), false},
		"torn":    {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: good[:20]}), false},
		"text":    {[]byte("a key"), false},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readKey(file)
		if (err == nil) != c.ok || c.ok && !got.Equal(key) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if key, err := readKey(""); key != nil || err != nil {
		t.Errorf("no key: %v", err)
	}
	if _, err := readKey(filepath.Join(dir, "none")); err == nil {
		t.Error("read a key that is not there")
	}
}

func TestOrdersThatLackSomething(t *testing.T) {
	for _, args := range []string{"", "-version v1", "-date 1", "-version v1 -date 1 more", "-version v1 -date -1"} {
		if _, err := ordered(strings.Fields(args)); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
