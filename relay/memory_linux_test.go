package relay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// inMemory reports which of the texts lie in the memory of another process.
func inMemory(t testing.TB, pid int, texts map[string][]byte) (found []string) {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var mode string
		if n, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil || n != 3 || !strings.HasPrefix(mode, "rw") {
			continue
		}
		text, err := io.ReadAll(io.NewSectionReader(memory, from, to-from))
		if err != nil && len(text) == 0 {
			continue
		}
		for name, want := range texts {
			if bytes.Contains(text, want) && !seen[name] {
				seen[name] = true
				found = append(found, name)
			}
		}
	}
	return found
}

// TestNothingInClearInMemory looks into the process of a relay while messages wait and after they have
// been taken. What is inside a message is never there. Control: what has to be there while it waits is
// found.
func TestNothingInClearInMemory(t *testing.T) {
	if watched {
		t.Skip("the race detector fills gigabytes with its own notes")
	}
	c := spawn(t, t.TempDir())
	b := childQueue(t, c.url)
	pid := c.cmd.Process.Pid
	label := "kzq7" + strings.Repeat("m5xw", 12)
	clear := map[string][]byte{"the text": []byte("a canary that sings in clear"), "the label": []byte(label)}
	client := &Client{HTTP: asClient(7)}
	for range 50 {
		text := posted([]byte("a canary that sings in clear, of "+label), 900)
		if _, err := client.Post(soon(t), c.url, b.send, text, 0); err != nil {
			t.Fatal(err)
		}
	}
	m := client.Mailbox(c.url, nil, b.Box)
	defer m.Close()
	var last []byte
	for i := range 50 {
		got := next(t, m)
		last = got.Body
		if i%10 == 0 {
			if found := inMemory(t, pid, clear); len(found) > 0 {
				t.Fatalf("in memory: %v", found)
			}
		}
		if err := m.Ack(soon(t), got.ID); err != nil {
			t.Fatal(err)
		}
	}
	if found := inMemory(t, pid, clear); len(found) > 0 {
		t.Fatalf("in memory: %v", found)
	}
	mark := hashOf(b.send)
	if found := inMemory(t, pid, map[string][]byte{"control": mark[:16]}); len(found) != 1 {
		t.Error("the search finds nothing, not even the hash by which the queue is known")
	}
	lingering := inMemory(t, pid, map[string][]byte{"the last message, sealed": last[:64], "the send": []byte(b64u(b.send)), "the address": []byte("10.0.0.7")})
	t.Logf("in memory until it is used again: %v", lingering)
}
