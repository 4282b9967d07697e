package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestSystemdTakesTheUnits asks systemd itself, for folders with all that needs quoting.
func TestSystemdTakesTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("NOT TESTED: there is no systemd-analyze here")
	}
	program, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		unit unit
		args []string
	}{
		{"of an account", unit{program: program, data: "/srv/kith"}, []string{"--user", "verify"}},
		{"of an account, with a strange folder", unit{program: program, data: `/srv/my "pod" 100% $HOME \n`}, []string{"--user", "verify"}},
		{"of the machine", unit{program: program, data: "/var/lib/kith", system: true}, []string{"verify"}},
		{"of the machine, with a folder in a home", unit{program: program, data: "/home/ana/my pod", system: true}, []string{"verify"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kith.service")
			if err := os.WriteFile(file, []byte(c.unit.systemd()), 0o600); err != nil {
				t.Fatal(err)
			}
			verify := exec.Command("systemd-analyze", append(c.args, file)...)
			verify.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
			out, err := verify.CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestTheOtherFilesAreWellFormed reads them as XML, with names that need escaping.
func TestTheOtherFilesAreWellFormed(t *testing.T) {
	u := unit{program: `C:\Program Files\Kith & Co\kith.exe`, data: `C:\Users\Änne <1>\kith`, account: `DESK\Änne & Ben`}
	for name, text := range map[string]string{"launchd": u.launchd(), "task": strings.Replace(u.task(), "UTF-16", "UTF-8", 1)} {
		found := false
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if said, is := token.(xml.CharData); is && string(said) == u.program {
				found = true
			}
		}
		if !found {
			t.Errorf("%s does not name the program: %s", name, text)
		}
	}
	if n := strings.Count(u.task(), `<UserId>DESK\Änne &amp; Ben</UserId>`); n != 2 {
		t.Errorf("the task names its owner %d times: %s", n, u.task())
	}
	b := asUTF16("<Ä>")
	if b[0] != 0xff || b[1] != 0xfe || string(utf16.Decode([]uint16{uint16(b[2]) | uint16(b[3])<<8, uint16(b[4]) | uint16(b[5])<<8})) != "<Ä" {
		t.Errorf("% x", b)
	}
}

// stage makes commands of that name do nothing but write down how they were called, and end with a code.
func stage(t *testing.T, name, code string) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho \"$@\" >> "+log+"\nexit "+code+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return func() string {
		text, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return string(text)
	}
}

func kith(t *testing.T, args ...string) (string, string, int) {
	t.Helper()
	var out, problems bytes.Buffer
	code := run(t.Context(), args, &out, &problems)
	return out.String(), problems.String(), code
}

func TestInstallingTwiceIsInstallingOnce(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT TESTED: systemd is Linux's")
	}
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	calls := stage(t, "systemctl", "0")
	data := filepath.Join(t.TempDir(), "pods")
	if out, problems, code := kith(t, "service", "install", "--data", data); code != 0 || !strings.Contains(out, "enable-linger") {
		t.Fatalf("%d: %s%s", code, out, problems)
	}
	want := "--user show-environment\n--user daemon-reload\n--user enable kith.service\n--user restart kith.service\n"
	if got := calls(); got != want {
		t.Errorf("systemctl was called with %s", got)
	}
	text, err := os.ReadFile(filepath.Join(config, "systemd", "user", "kith.service"))
	if err != nil || !strings.Contains(string(text), `--data "`+data+`"`) {
		t.Errorf("%v: %s", err, text)
	}
	out, _, code := kith(t, "service", "install", "--data", data)
	if code != 0 || !strings.HasPrefix(out, "Nothing has changed") || strings.Count(calls(), "restart") != 1 {
		t.Errorf("the second time: %d %s, %s", code, out, calls())
	}
	if out, _, _ := kith(t, "service", "install", "--data", data+"2"); strings.Count(calls(), "restart") != 2 {
		t.Errorf("with another folder: %s", out)
	}
	relays := []string{"service", "install", "--data", data + "2", "--reach", "https://relay.example.org/,https://other.example.org"}
	for range 2 { // the second time nothing has changed
		if out, problems, code := kith(t, relays...); code != 0 || strings.Count(calls(), "restart") != 3 {
			t.Errorf("with relays: %d %s%s", code, out, problems)
		}
	}
	settings, err := os.ReadFile(filepath.Join(data+"2", "kith.toml"))
	if err != nil || !strings.Contains(string(settings), `reach = ["https://relay.example.org/", "https://other.example.org"]`) || strings.Contains(string(settings), "queues") {
		t.Errorf("%v: %s", err, settings)
	}
	if _, problems, code := kith(t, "service", "install", "--data", data+"2", "--cert", "only.pem"); code != 2 || !strings.Contains(problems, "belong together") {
		t.Errorf("with half a certificate: %d %s", code, problems)
	}
	if out, _, code := kith(t, "service", "status"); code != 0 || !strings.Contains(out, "and runs") {
		t.Errorf("status: %s", out)
	}
	for _, want := range []string{"The server has stopped", "Nothing is installed"} {
		if out, _, code := kith(t, "service", "remove"); code != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("remove: %d %s", code, out)
		}
	}
	if !strings.HasSuffix(calls(), "--user disable --now kith.service\n") {
		t.Errorf("systemctl was called with %s", calls())
	}
}

func TestWithoutSystemdItSaysSoAndWritesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT TESTED: systemd is Linux's")
	}
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	stage(t, "systemctl", "1")
	_, problems, code := kith(t, "service", "install", "--data", t.TempDir())
	if code != 1 || !strings.Contains(problems, "systemd does not run here") || !strings.Contains(problems, "--print") {
		t.Errorf("%d: %s", code, problems)
	}
	if left, err := os.ReadDir(config); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestFlagsOfAServiceAreChecked before anything is shown, or written.
func TestFlagsOfAServiceAreChecked(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT TESTED: the service of Windows")
	}
	data := filepath.Join(t.TempDir(), "pods")
	for want, args := range map[string][]string{
		"belong together":          {"--cert", "only.pem"},
		"is none of open":          {"--queues", "everybody"},
		"tells no address":         {"--listen", "here"},
		"its own certificates":     {"--domain", "pod.example.org", "--behind-proxy"},
		"kith.toml alone; write":   {"--system", "--reach", "https://relay.example.org/"},
		"settings cannot work: --": {"--url", "https://pod.example.org/me/"},
	} {
		if runtime.GOOS != "linux" && args[0] == "--system" {
			continue
		}
		out, problems, code := kith(t, append([]string{"service", "install", "--print", "--data", data}, args...)...)
		if code != exitUsage || out != "" || !strings.Contains(problems, want) {
			t.Errorf("%q: %d %s %s", args, code, out, problems)
		}
	}
	out, problems, code := kith(t, "service", "install", "--print", "--data", data, "--reach", "https://relay.example.org/")
	if code != exitOK || !strings.Contains(out, data) || !strings.Contains(problems, "write into "+filepath.Join(data, "kith.toml")) {
		t.Errorf("%d %s %s", code, out, problems)
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a service that is only shown has written: %v", err)
	}
}

// TestTheUnitBoundsMemory above what the program was seen to take (docs/performance.md), and below what would hurt a
// machine at home.
func TestTheUnitBoundsMemory(t *testing.T) {
	for _, system := range []bool{false, true} {
		if text := (unit{program: "/bin/sh", data: "/srv/kith", system: system}).systemd(); !strings.Contains(text, "\nMemoryHigh=320M\nMemoryMax=384M\n") {
			t.Error(text)
		}
	}
}
