package release

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// bench is a folder with a program in it.
type bench struct {
	t       *testing.T
	program string
}

func newBench(t *testing.T, name string) bench {
	t.Helper()
	b := bench{t, filepath.Join(t.TempDir(), name)}
	if err := os.WriteFile(b.program, []byte("one"), 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

// check looks at the whole folder: the program, and the one before unless that is "".
func (b bench) check(program, previous string) {
	b.t.Helper()
	want := []string{filepath.Base(b.program)}
	if previous != "" {
		want = append(want, filepath.Base(Previous(b.program)))
	}
	slices.Sort(want)
	entries, err := os.ReadDir(filepath.Dir(b.program))
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("the folder has %v, want %v", got, want)
	}
	b.holds(b.program, program)
	if previous != "" {
		b.holds(Previous(b.program), previous)
	}
}

func (b bench) holds(name, want string) {
	b.t.Helper()
	text, err := os.ReadFile(name)
	info, statErr := os.Stat(name)
	if err := errors.Join(err, statErr); err != nil {
		b.t.Fatal(err)
	}
	if string(text) != want || info.Mode().Perm() != 0o755 {
		b.t.Errorf("%s: %q %v, want %q", filepath.Base(name), text, info.Mode(), want)
	}
}

func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func TestAProgramIsReplacedAndComesBack(t *testing.T) {
	b := newBench(t, "kith")
	if err := Undo(b.program); !errors.Is(err, ErrNoPrevious) {
		t.Errorf("with nothing before: %v", err)
	}
	if err := Replace(b.program, writes("two"), nil); err != nil {
		t.Fatal(err)
	}
	b.check("two", "one")
	if err := Replace(b.program, writes("three"), nil); err != nil {
		t.Fatal(err)
	}
	b.check("three", "two")
	for _, want := range [][2]string{{"two", "three"}, {"three", "two"}} {
		if err := Undo(b.program); err != nil {
			t.Fatal(err)
		}
		b.check(want[0], want[1])
	}
}

// TestAsideIsHowWindowsDoesIt, and file systems without second names.
func TestAsideIsHowWindowsDoesIt(t *testing.T) {
	b := newBench(t, "kith.exe")
	for _, c := range [][3]string{{"two", "one"}, {"three", "two"}} {
		fresh, err := stage(b.program, writes(c[0]))
		if err != nil {
			t.Fatal(err)
		}
		if err := aside(fresh, b.program); err != nil {
			t.Fatal(err)
		}
		b.check(c[0], c[1])
	}
	if err := aside(b.program+".missing", b.program); err == nil {
		t.Error("took what is not there")
	}
	b.holds(b.program, "three")
}

func TestWhatFailsChangesNothing(t *testing.T) {
	b := newBench(t, "kith")
	broken := errors.New("broken")
	half := func(w io.Writer) error { return errors.Join(writes("tw")(w), broken) }
	if err := Replace(b.program, half, nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	b.check("one", "")
	tried := ""
	err := Replace(b.program, writes("two"), func(name string) error {
		text, err := os.ReadFile(name)
		tried = string(text)
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) || tried != "two" {
		t.Errorf("%v, tried %q", err, tried)
	}
	b.check("one", "")
	if err := Replace(filepath.Join(filepath.Dir(b.program), "none"), writes("x"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	b.check("one", "")
}
