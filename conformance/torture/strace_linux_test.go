package torture

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// disk are the system calls by which a request reaches the disk, or an answer the network.
const disk = "openat,write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,fallocate,utimensat,fchmod,fchmodat,copy_file_range"

// tracer is strace at a running process.
type tracer struct {
	t       *testing.T
	command *exec.Cmd
	log     string
	said    saying
	gone    chan struct{}
}

// saying keeps what a process prints.
type saying struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *saying) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// needStrace skips where strace is missing, or may not look into our own processes.
func needStrace(t *testing.T) {
	t.Helper()
	if why := noStrace(t); why != "" {
		t.Skip("NOT TESTED: " + why)
	}
}

// noStrace says why nothing can be traced, "" where it can.
func noStrace(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		return "strace is not installed"
	}
	sleep := exec.Command("sleep", "60")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sleep.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = sleep.Wait() // it says that it was killed
	}()
	tr := attach(t, sleep.Process.Pid, "trace=none")
	if said := tr.said.String(); !strings.Contains(said, " attached") {
		return "this system does not let strace look into a process: " + said
	}
	tr.stop(true)
	return ""
}

// attach has strace watch a process, and returns once it does. rules are values of its option -e.
func attach(t *testing.T, pid int, rules ...string) *tracer {
	t.Helper()
	tr := &tracer{t: t, log: filepath.Join(t.TempDir(), "strace"), gone: make(chan struct{})}
	args := []string{"-f", "-y", "-o", tr.log, "-p", strconv.Itoa(pid)}
	for _, rule := range rules {
		args = append(args, "-e", rule)
	}
	tr.command = exec.Command("strace", args...)
	tr.command.Stderr = &tr.said
	if err := tr.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(tr.gone)
		_ = tr.command.Wait() // ends with the process that it watches, as that did
	}()
	eventually(t, "strace is attached", func() bool {
		select {
		case <-tr.gone:
			return true
		default:
			return strings.Contains(tr.said.String(), " attached")
		}
	})
	return tr
}

// stop takes strace away from the process and returns what it has seen. Of a process that was killed it sometimes
// waits for a thread for ever, so it is asked only while the process lives.
func (tr *tracer) stop(alive bool) seen {
	tr.t.Helper()
	end := syscall.SIGKILL
	if alive {
		end = syscall.SIGTERM
	}
	for {
		if err := tr.command.Process.Signal(end); err != nil && !errors.Is(err, os.ErrProcessDone) {
			tr.t.Error(err)
		}
		select {
		case <-tr.gone:
			text, err := os.ReadFile(tr.log)
			if err != nil {
				tr.t.Fatal(err)
			}
			return seen(text)
		case <-time.After(10 * time.Second):
			end = syscall.SIGKILL
		}
	}
}

// seen is the log of a tracer.
type seen string

var (
	call    = regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\(.*$`)
	begun   = regexp.MustCompile(`^(\d+) +[a-z0-9_]+\(`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. `)
)

// calls returns the traced calls in order, up to the end of the process.
func (s seen) calls() (names []string) {
	alive, _, _ := strings.Cut(string(s), "+++ killed by")
	for _, m := range call.FindAllStringSubmatch(alive, -1) {
		names = append(names, m[1])
	}
	return names
}

// failed returns the calls into which an error was injected, as they were begun, with what their files are called.
func (s seen) failed() (calls []string) {
	last := map[string]string{} // by thread
	for line := range strings.Lines(string(s)) {
		if m := begun.FindStringSubmatch(line); m != nil {
			last[m[1]] = line
		}
		if strings.Contains(line, "(INJECTED)") {
			if m := resumed.FindStringSubmatch(line); m != nil {
				line = last[m[1]]
			}
			calls = append(calls, strings.TrimSpace(line))
		}
	}
	return calls
}
