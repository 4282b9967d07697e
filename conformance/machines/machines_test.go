// Package machines starts the program where people have it and a developer's machine is not: on other processors, in
// Wine, in a container engine by docker-compose.yml, under a booted systemd. It is a stranger to the rest of the house,
// as conformance is, whose client it uses, and has no code but tests.
//
// It runs for `make machines` alone, since each part takes a minute. What is not here (QEMU, Wine, an engine, systemd-nspawn,
// root) is skipped, and says so. QEMU is no Raspberry Pi and Wine is no Windows: what fails there is a fault, what
// passes there is not yet seen on the real one.
//
//	life        what each machine is asked: pair, write, be killed, start again, back up, restore, check
//	engine      docker with its compose, an image and a volume of its own
//	booted      systemd as process 1 over a throw-away copy of this machine's disk
package machines

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/conformance"
)

var asked = flag.Bool("machines", false, "start the program on other machines, as far as they are here")

// base is the URL of every server here. It is not where they listen.
const base = "http://localhost:8420/"

// patience is how long something may take on a busy machine before it counts as never.
const patience = 3 * time.Minute

// wanted skips a test that nobody asked for, or whose programs are not here.
func wanted(t *testing.T, programs ...string) {
	t.Helper()
	if !*asked {
		t.Skip("only for `make machines`")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("NOT TESTED: there is no %s here", p)
		}
	}
}

// built returns a kith for a system and a processor.
func built(t *testing.T, system, processor string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "kith")
	if system == "windows" {
		name += ".exe"
	}
	c := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", name, "kith/cmd/kith")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor, "GOARM=7")
	run(t, c)
	return name
}

// run returns what a command prints; one that fails ends the test.
func run(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(c.Args, " "), err, &out, &problems)
	}
	return out.String()
}

// until asks again and again, until what is asked for holds.
func until(t *testing.T, what string, holds func() error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

const (
	note = "notes/Ärger, aux & co.txt"
	said = "what was said on one machine"
)

// target is where the note is, as a request says it.
const target = "notes/%C3%84rger,%20aux%20&%20co.txt"

// keeps reports whether the pod has the note.
func keeps(ctx context.Context, owner *conformance.Replica) error {
	answer, err := owner.Do(ctx, conformance.Request{Method: http.MethodGet, Target: target})
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK || string(answer.Body) != said {
		return fmt.Errorf("the note: %d %q", answer.Status, answer.Body)
	}
	return nil
}

// newLife returns an empty folder for a program.
func newLife(t *testing.T, program string) *life {
	return &life{t: t, program: program, data: filepath.Join(t.TempDir(), "kith")}
}

// life is one folder and the program that serves it.
type life struct {
	t       *testing.T
	program string
	data    string
	server  *conformance.Server
	abrupt  bool // no signal asks it to end
}

func (l *life) start() {
	l.t.Helper()
	s, err := conformance.Start(l.program, l.data, base)
	if err != nil {
		l.t.Fatal(err)
	}
	l.server = s
	l.t.Cleanup(func() { s.Kill() })
}

func (l *life) kith(args ...string) string {
	l.t.Helper()
	ctx, stop := context.WithTimeout(l.t.Context(), patience)
	defer stop()
	return run(l.t, exec.CommandContext(ctx, l.program, args...))
}

// live has the program do what it does in years.
func (l *life) live() {
	t := l.t
	t.Helper()
	t.Logf("%s", l.kith("version"))
	l.start()
	_, owner, err := conformance.Settle(t.Context(), l.server, "ana")
	if err == nil {
		err = owner.Put(t.Context(), target, "text/plain", []byte(said))
	}
	if err := errors.Join(err, keeps(t.Context(), owner)); err != nil {
		t.Fatalf("%v\n%s", err, l.server.Output())
	}
	if err := l.server.Kill(); err != nil {
		t.Fatal(err)
	}
	l.start()
	owner.Address = l.server.Address
	if err := keeps(t.Context(), owner); err != nil {
		t.Errorf("after a kill: %v\n%s", err, l.server.Output())
	}
	l.backUp()
	if err := l.server.Stop(); err != nil && !l.abrupt {
		t.Errorf("it did not end as it should: %v\n%s", err, l.server.Output())
	}
	l.kith("check", "--data", l.data)
	l.moveBack()
}

// backUp makes a backup, and restores it into another folder.
func (l *life) backUp() {
	l.t.Helper()
	dir := filepath.Dir(l.data)
	place, kit, second := filepath.Join(dir, "place"), filepath.Join(dir, "kit.txt"), filepath.Join(dir, "second")
	l.kith("backup", "add", "ana", place, "--data", l.data)
	l.kith("backup", "run", "ana", "--data", l.data)
	if err := os.WriteFile(kit, []byte(l.kith("backup", "kit", "ana", "--data", l.data)), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.kith("restore", place, "--kit", kit, "--data", second)
	l.kith("check", "--data", second)
	l.same(second)
}

// moveBack takes the pod out of its folder, and in again elsewhere.
func (l *life) moveBack() {
	l.t.Helper()
	dir := filepath.Dir(l.data)
	box, kit, third := filepath.Join(dir, "box"), filepath.Join(dir, "move.txt"), filepath.Join(dir, "third")
	if err := os.WriteFile(kit, []byte(l.kith("move", "out", "ana", box, "--data", l.data)), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.kith("move", "in", box, "--kit", kit, "--data", third, "--url", base)
	l.kith("check", "--data", third)
	l.same(third)
}

// same compares the note's bytes in two folders, past the program.
func (l *life) same(other string) {
	l.t.Helper()
	for _, data := range []string{l.data, other} {
		text, err := os.ReadFile(filepath.Join(data, "pods", "ana", filepath.FromSlash(note)))
		if errors.Is(err, fs.ErrNotExist) || string(text) != said {
			l.t.Errorf("in %s: %q %v", data, text, err)
		}
	}
}
