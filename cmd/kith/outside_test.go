package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// must runs a subcommand that has to succeed.
func must(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := callKith(t, args...)
	if code != exitOK {
		t.Fatalf("kith %s: %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout, stderr
}

// lay puts files into a folder, as if long ago.
func lay(t *testing.T, tree string, files map[string]string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	for name, text := range files {
		name = filepath.Join(tree, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600), os.Chtimes(name, long, long)); err != nil {
			t.Fatal(err)
		}
	}
}

// tells wants all of some words in a text.
func tells(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("nothing says %q:\n%s", word, text)
		}
	}
}

// strange are names in a folder that no pod takes, as they are told.
var strange = map[string]string{"trail.": "d/trail.", "trail ": `"d/trail "`, "new\nline": `"d/new\nline"`, `back\slash`: `"d/back\\slash"`, "bad\xffname": `"d/bad\xffname"`, "CON": "d/CON", "nai\u0308f": "d/nai\u0308f", strings.Repeat("n", 250): "nnnn"}

// TestWhatIsNoPartOfThePodIsTold: by a check, by the backup and by who moves out; and what was just dropped moves.
func TestWhatIsNoPartOfThePodIsTold(t *testing.T) {
	data, place, box := t.TempDir(), filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "box")
	must(t, "person", "add", "me", "--data", data)
	tree, secret := filepath.Join(data, "pods", "me"), filepath.Join(t.TempDir(), "secret")
	lay(t, tree, map[string]string{"d/IMG.jpg": "one"})
	tells(t, first(must(t, "check", "me", "--data", data)), "nothing is left to do")
	all := map[string]string{"d/img.JPG": "two", "d/film.part": "half", "d/list (conflicted copy 2026-01-02 030405).txt": "other"}
	var told []string
	for name, as := range strange {
		all["d/"+name] = "text"
		told = append(told, as)
	}
	lay(t, tree, all)
	lay(t, filepath.Dir(secret), map[string]string{filepath.Base(secret): "SECRET"})
	if err := errors.Join(os.Link(secret, filepath.Join(tree, "d", "linked.txt")), os.Symlink(secret, filepath.Join(tree, "d", "link"))); err != nil {
		t.Fatal(err)
	}
	told = append(told, "d/img.JPG has the name of another file beside it", "d/linked.txt has a further name", "d/link is a link", "d/film.part", "d/list (conflicted copy")
	code, report, _ := callKith(t, "check", "me", "--data", data)
	if code != exitFailed {
		t.Errorf("the check ends with %d", code)
	}
	tells(t, report, append(slices.Clone(told), "no part of the pod (11)")...)

	made, _ := must(t, "backup", "add", "me", place, "--data", data)
	var b struct{ ID string }
	if err := json.Unmarshal([]byte(made), &b); err != nil {
		t.Fatal(err)
	}
	_, problems := must(t, "backup", "run", "me", "--data", data)
	tellsSome(t, problems, told, "and 8 more: kith check me")
	_, problems = must(t, "backup", "verify", "me", b.ID, "--data", data)
	tellsSome(t, problems, told, "and 8 more: kith check me")

	if err := os.WriteFile(filepath.Join(tree, "d", "just.txt"), []byte("now"), 0o600); err != nil {
		t.Fatal(err)
	}
	kit, problems := must(t, "move", "out", "me", box, "--data", data)
	tells(t, problems, append(told, "stay here")...)
	other := t.TempDir()
	moveIn(t, box, kit, other)
	for name, want := range map[string]string{"d/IMG.jpg": "one", "d/just.txt": "now"} {
		if got, err := os.ReadFile(filepath.Join(other, "pods", "me", name)); string(got) != want {
			t.Errorf("%s moved in holds %q, %v", name, got, err)
		}
	}
}

// tellsSome fails unless a report tells some names, and last how many more there are and where they are told.
func tellsSome(t *testing.T, report string, names []string, last string) {
	t.Helper()
	_, list, _ := strings.Cut(report, "under these names before:\n")
	lines := strings.Split(strings.TrimSpace(list), "\n")
	if len(lines) != outsideMost+1 || strings.TrimSpace(lines[outsideMost]) != last {
		t.Fatalf("%d lines:\n%s", len(lines), report)
	}
	for _, line := range lines[:outsideMost] {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(line, name) }) {
			t.Errorf("%q is none of them", line)
		}
	}
}

func first(stdout, _ string) string { return stdout }

func moveIn(t *testing.T, box, kit, data string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kit")
	if err := os.WriteFile(file, []byte(kit), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "move", "in", box, "--kit", file, "--data", data)
}

// known gives the index of a pod that nobody has open rows for what lies beside other files under names like theirs, as
// pods have them that took both.
func known(t *testing.T, data string, twins map[string]string) {
	t.Helper()
	c, err := sqlite.OpenConn(filepath.Join(data, "index", "me", "index.db"), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, of := range twins {
		n++
		for _, query := range []string{"UPDATE head SET seq = seq + 1", `INSERT INTO resource
			SELECT dir, ?1, lower(name), container, type, 0, 0, 0, 0, etag, counter, device, substr(id, 1, 21) || ?3, '', (SELECT seq FROM head), (SELECT seq FROM head), (SELECT seq FROM head)
			FROM resource WHERE name = ?2`} {
			o := &sqlitex.ExecOptions{}
			if strings.HasPrefix(query, "INSERT") {
				o.Args = []any{name, of, n}
			}
			if err := sqlitex.Execute(c, query, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTwinsComeBackBoth: a pod that has two names which differ in case only is restored, and moves, with both.
func TestTwinsComeBackBoth(t *testing.T) {
	data, place, box := t.TempDir(), filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "box")
	must(t, "person", "add", "me", "--data", data)
	tree := filepath.Join(data, "pods", "me")
	lay(t, tree, map[string]string{"d/IMG.jpg": "one", "Docs/a.txt": "a"})
	must(t, "check", "me", "--data", data)
	lay(t, tree, map[string]string{"d/img.JPG": "two", "docs/a.txt": "another"})
	known(t, data, map[string]string{"img.JPG": "IMG.jpg", "docs": "Docs"})
	tells(t, first(must(t, "check", "me", "--data", data)), "nothing is left to do")

	must(t, "backup", "add", "me", place, "--data", data)
	must(t, "backup", "run", "me", "--data", data)
	kit, _ := must(t, "backup", "kit", "me", "--data", data)
	file := filepath.Join(t.TempDir(), "kit")
	if err := os.WriteFile(file, []byte(kit), 0o600); err != nil {
		t.Fatal(err)
	}
	restored, moved := t.TempDir(), t.TempDir()
	must(t, "restore", place, "--kit", file, "--data", restored)
	kit, _ = must(t, "move", "out", "me", box, "--data", data)
	moveIn(t, box, kit, moved)
	for _, dir := range []string{restored, moved} {
		for name, want := range map[string]string{"d/IMG.jpg": "one", "d/img (2).JPG": "two", "Docs/a.txt": "a", "docs (2)/a.txt": "another"} {
			if got, err := os.ReadFile(filepath.Join(dir, "pods", "me", name)); string(got) != want {
				t.Errorf("%s holds %q, %v", name, got, err)
			}
		}
		tells(t, first(must(t, "check", "me", "--data", dir)), "nothing is left to do")
	}
}
