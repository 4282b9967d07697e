package relay

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// inject makes every call of a kind fail in a running process, from now on.
func inject(t *testing.T, pid int, call, failure string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace here")
	}
	cmd := exec.Command(strace, "-f", "-p", strconv.Itoa(pid), "-e", "trace="+call, "-e", "inject="+call+":"+failure)
	said := &firstLine{came: make(chan struct{})}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	select {
	case <-said.came:
	case <-time.After(time.Minute):
		t.Fatal("strace does not attach")
	}
	if strings.Contains(said.text, "not permitted") {
		t.Skip(said.text)
	}
}

// firstLine tells when something was written, and what.
type firstLine struct {
	text string
	came chan struct{}
}

// Write implements io.Writer.
func (f *firstLine) Write(p []byte) (int, error) {
	if f.text == "" {
		f.text = string(p)
		close(f.came)
	}
	return len(p), nil
}

// TestFailedSyncIsNotAcknowledged: once a sync has failed nothing is accepted, and what was accepted
// before can be read and is there after a restart.
func TestFailedSyncIsNotAcknowledged(t *testing.T) {
	dir := t.TempDir()
	c := spawn(t, dir)
	b := childQueue(t, c.url)
	client := &Client{}
	if _, err := client.Post(soon(t), c.url, b.send, []byte("before"), 0); err != nil {
		t.Fatal(err)
	}
	inject(t, c.cmd.Process.Pid, "fsync", "error=EIO")
	for range 3 {
		if r, err := client.Post(soon(t), c.url, b.send, []byte("after"), 0); !errors.Is(err, ErrBusy) {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if n := countersOf(t, c.url)["disk"]; n != 3 {
		t.Errorf("counted %d times", n)
	}
	m := client.Mailbox(c.url, nil, b.Box)
	defer m.Close()
	if got := next(t, m); string(got.Body) != "before" {
		t.Errorf("read %q", got.Body)
	}
	c.kill()
	c = spawn(t, dir)
	again := client.Mailbox(c.url, nil, b.Box)
	defer again.Close()
	if got := next(t, again); string(got.Body) != "before" {
		t.Errorf("after a restart %q", got.Body)
	}
}

// TestFullDisk: 507 while there is no space, and all goes on when there is some again.
func TestFullDisk(t *testing.T) {
	c := spawn(t, t.TempDir())
	b := childQueue(t, c.url)
	client := &Client{}
	if _, err := client.Post(soon(t), c.url, b.send, []byte("before"), 0); err != nil {
		t.Fatal(err)
	}
	inject(t, c.cmd.Process.Pid, "pwrite64", "error=ENOSPC:when=1..2")
	full := 0
	until(t, "each thread of the relay has met the full disk twice", func() bool { // strace counts by thread
		_, err := client.Post(soon(t), c.url, b.send, []byte("after"), 0)
		if err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		if err != nil {
			full++
		}
		return err == nil
	})
	if n := countersOf(t, c.url)["relay_full"]; full == 0 || n != uint64(full) {
		t.Errorf("full %d times, counted %d times", full, n)
	}
	m := client.Mailbox(c.url, nil, b.Box)
	defer m.Close()
	for _, want := range []string{"before", "after"} {
		got := next(t, m)
		if string(got.Body) != want {
			t.Errorf("got %q, want %q", got.Body, want)
		}
		if err := m.Ack(soon(t), got.ID); err != nil {
			t.Fatal(err)
		}
	}
}
