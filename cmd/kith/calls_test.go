package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// call runs a subcommand and returns how it ends and what it says.
func callKith(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	code = run(t.Context(), args, &out, &problems)
	return code, out.String(), problems.String()
}

func isThere(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestARestoreThatFailsLeavesNothing: neither a folder that was not there, nor a file in one that was.
func TestARestoreThatFailsLeavesNothing(t *testing.T) {
	empty := t.TempDir()
	kit := filepath.Join(t.TempDir(), "kit")
	if err := os.WriteFile(kit, []byte("AGE-SECRET-KEY-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	absent, there, own := filepath.Join(t.TempDir(), "kith"), t.TempDir(), t.TempDir()
	settings := filepath.Join(own, "kith.toml")
	if err := os.WriteFile(settings, []byte("url = \"http://localhost:8420/\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{absent, there, own} {
		if code, _, problems := callKith(t, "restore", empty, "--kit", kit, "--data", dir); code != exitFailed || !strings.Contains(problems, "no backup is there") {
			t.Errorf("%d %s", code, problems)
		}
	}
	if isThere(t, absent) || !isThere(t, there) || !isThere(t, settings) {
		t.Error("the folders are not as they were")
	}
	for dir, want := range map[string]int{there: 0, own: 1} {
		if left, err := os.ReadDir(dir); err != nil || len(left) != want {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// TestWhatIsAskedForTooEarly: it is said what has to come before.
func TestWhatIsAskedForTooEarly(t *testing.T) {
	relay, data := filepath.Join(t.TempDir(), "relay"), t.TempDir()
	if code, _, problems := callKith(t, "relay", "invite", "--data", relay); code != exitUsage || !strings.Contains(problems, "there is no relay in "+relay) {
		t.Errorf("%d %s", code, problems)
	}
	if isThere(t, relay) {
		t.Error("a folder was made for a relay that is none")
	}
	if code, _, problems := callKith(t, "person", "add", "me", "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	if code, _, problems := callKith(t, "backup", "kit", "me", "--data", data); code != exitFailed || !strings.Contains(problems, "name one with `kith backup add me PLACE`") {
		t.Errorf("%d %s", code, problems)
	}
	if code, _, problems := callKith(t, "backup", "add", "me", filepath.Join(t.TempDir(), "copy"), "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	if code, _, problems := callKith(t, "backup", "kit", "me", "--data", data); code != exitFailed || !strings.Contains(problems, "make one with `kith backup run me`") {
		t.Errorf("%d %s", code, problems)
	}
	for _, args := range [][]string{
		{"s3://ana/pod"}, {"s3://ana/pod", "--key", "k", "--user", "u"}, {"/media/disk", "--endpoint", "https://s3.example.org"},
	} {
		if code, _, problems := callKith(t, append([]string{"backup", "add", "me", "--data", data}, args...)...); code != exitUsage {
			t.Errorf("%q: %d %s", args, code, problems)
		}
	}
}

// TestABackupOfNobody: the person is looked for before the place, and before a password is asked for.
func TestABackupOfNobody(t *testing.T) {
	data := t.TempDir()
	if code, _, problems := callKith(t, "person", "add", "me", "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	for _, args := range [][]string{{"/nowhere/at/all"}, {"s3://ana/pod", "--key", "k"}, {"https://cloud.example.org/ana", "--user", "ana"}} {
		code, _, problems := callKith(t, append([]string{"backup", "add", "nobody", "--data", data}, args...)...)
		if code != exitFailed || !strings.Contains(problems, "no such person here: nobody") || strings.Contains(problems, "Password") {
			t.Errorf("%q: %d %s", args, code, problems)
		}
	}
}

// TestABackupWithoutAServer is made by the command itself, and why one fails is told.
func TestABackupWithoutAServer(t *testing.T) {
	data, place, file := t.TempDir(), filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "file")
	for _, args := range [][]string{{"person", "add", "me"}, {"backup", "add", "me", place}} {
		if code, _, problems := callKith(t, append(args, "--data", data)...); code != exitOK {
			t.Fatal(problems)
		}
	}
	for range 2 {
		if code, out, problems := callKith(t, "backup", "run", "me", "--data", data); code != exitOK || !strings.Contains(out, place+" holds the pod as it was at ") {
			t.Errorf("%d %s %s", code, out, problems)
		}
	}
	if !isThere(t, filepath.Join(place, "objects")) {
		t.Error("nothing is at the place")
	}
	if code, _, problems := callKith(t, "backup", "add", "me", file, "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, problems := callKith(t, "backup", "run", "me", "--data", data); code != exitFailed || !strings.Contains(out, place+" holds the pod") || !strings.Contains(problems, file+": ") {
		t.Errorf("%d %s %s", code, out, problems)
	}
}

// TestABackupOfAPodThatHasMoved: a run does not wait for what never comes.
func TestABackupOfAPodThatHasMoved(t *testing.T) {
	data := t.TempDir()
	for _, args := range [][]string{{"person", "add", "me"}, {"backup", "add", "me", filepath.Join(t.TempDir(), "copy")}, {"move", "out", "me", filepath.Join(t.TempDir(), "box")}} {
		if code, _, problems := callKith(t, append(args, "--data", data)...); code != exitOK {
			t.Fatal(problems)
		}
	}
	if code, _, problems := callKith(t, "backup", "run", "me", "--data", data); code != exitFailed || !strings.Contains(problems, "has moved to another machine") {
		t.Errorf("%d %s", code, problems)
	}
}

// TestAWrongCallIsToldShortly: what was wrong is still on the screen, above the forms of the call.
func TestAWrongCallIsToldShortly(t *testing.T) {
	data := t.TempDir()
	if code, _, problems := callKith(t, "person", "add", "me", "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	for want, args := range map[string][]string{
		"-bogus":                         {"serve", "--bogus"},
		"--every 5m0s is too often":      {"backup", "add", "me", filepath.Join(t.TempDir(), "copy"), "--every", "5m", "--data", data},
		"say whose pod":                  {"pair", "--data", t.TempDir()},
		"say `kith restore PLACE`":       {"restore"},
		"say `kith move out NAME FOLDER": {"move"},
	} {
		code, _, problems := callKith(t, args...)
		lines := strings.Split(strings.TrimSpace(problems), "\n")
		if code != exitUsage || !strings.Contains(lines[0], want) || len(lines) > 16 || lines[len(lines)-1] != "More, with examples: kith help "+args[0] {
			t.Errorf("%q: %d %s", args, code, problems)
		}
	}
}

// TestACommandThatIsStopped says so first, and then in what it was.
func TestACommandThatIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var said heard
	if code := run(ctx, []string{"backup", "list", "me", "--data", t.TempDir()}, &said, &said); code != exitFailed || said.find("stopped before it was done") == "" {
		t.Errorf("%d %s", code, said.find(`(?s).*`))
	}
}

// heard is what a command has said so far.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) find(pattern string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return regexp.MustCompile(pattern).FindString(h.text.String())
}

// TestARelayTellsItsAddress: what it prints can be given to --reach.
func TestARelayTellsItsAddress(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var said heard
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"relay", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--queues", "open"}, &said, &said)
	}()
	defer func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("it ends with %d", code)
		}
	}()
	for deadline := time.Now().Add(time.Minute); said.find(`(?m)^listening on http://127\.0\.0\.1:\d+$`) == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it says %q", said.find(`(?s).*`))
		}
	}
}

// TestPeopleAreListed with what is missing, and what to say for it.
func TestPeopleAreListed(t *testing.T) {
	data := t.TempDir()
	for _, name := range []string{"ana", "ben"} {
		if code, _, problems := callKith(t, "person", "add", name, "--data", data); code != exitOK {
			t.Fatal(problems)
		}
	}
	code, out, problems := callKith(t, "person", "list", "--data", data)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || len(lines) != 3 || !strings.Contains(lines[1], "kith backup add ana PLACE") || !strings.Contains(lines[2], "kith pair ben") {
		t.Errorf("%d %s %s", code, out, problems)
	}
	if code, out, _ := callKith(t, "person", "list", "--json", "--data", data); code != exitOK || strings.Count(out, `"devices":[]`) != 2 {
		t.Errorf("%d %s", code, out)
	}
	empty := filepath.Join(t.TempDir(), "none")
	if code, _, problems := callKith(t, "person", "list", "--data", empty); code != exitUsage || !strings.Contains(problems, "there are no pods in") || isThere(t, empty) {
		t.Errorf("%d %s", code, problems)
	}
}

// TestAWrongCallMakesNothing: a mistyped folder stays one that is not there, and each error says what to do.
func TestAWrongCallMakesNothing(t *testing.T) {
	data, none := t.TempDir(), filepath.Join(t.TempDir(), "none")
	if code, _, problems := callKith(t, "person", "add", "me", "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"name the folder with --data", []string{"backup", "list", "me", "--data", none}},
		{"name the folder with --data", []string{"passwords", "list", "me", "--data", none}},
		{"name the folder with --data", []string{"credentials", "list", "me", "--data", none}},
		{"name the folder with --data", []string{"classes", "list", "me", "--data", none}},
		{"name the folder with --data", []string{"health", "--data", none}},
		{"name the folder with --data", []string{"pair", "me", "--data", none}},
		{"kith pair me", []string{"person", "add", "me", "--data", data}},
		{"kith person list", []string{"backup", "list", "nobody", "--data", data}},
		{"is no name on the internet", []string{"serve", "--domain", "a b", "--data", data}},
		{"name PEM files with --cert and --key", []string{"serve", "--cert", none, "--key", none, "--listen", "127.0.0.1:0", "--data", data}},
		{"name the folder that was given to it", []string{"move", "in", none, "--kit", kitFile(t), "--data", none}},
		{"there is nothing to undo", []string{"move", "undo", "me", "--data", data}},
		{"name the file that has it", []string{"restore", data, "--kit", none, "--data", none}},
		{"version takes nothing", []string{"version", "x"}},
	} {
		code, out, problems := callKith(t, c.args...)
		if code == exitOK || out != "" || !strings.Contains(problems, c.want) || isThere(t, none) {
			t.Errorf("%q: %d %s %s", c.args, code, out, problems)
		}
	}
}

func kitFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kit")
	if err := os.WriteFile(file, []byte("AGE-SECRET-KEY-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
