package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// watchLocks returns a program that is the binary under strace from its first call on, and what judges all processes
// that were it, once they have ended. Without strace it is the binary, and nothing is judged.
func watchLocks(t *testing.T) (program string, judge func()) {
	t.Helper()
	if why := noStrace(t); why != "" {
		t.Log("NOT TESTED: whether a process takes its own locks: " + why)
		return binary, func() {}
	}
	dir := t.TempDir()
	program = filepath.Join(dir, "kith")
	script := fmt.Sprintf("#!/bin/sh\nexec strace -D -f -y -qq -o %s/$$.log -e trace=open,openat,close,fcntl --signal=none %s \"$@\"\n", dir, binary)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program, func() {
		t.Helper()
		logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
		if err != nil || len(logs) == 0 {
			t.Fatalf("no process was watched: %v", err)
		}
		locked := 0
		for _, log := range logs {
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			faults, asked := pastLocks(string(text))
			locked += asked
			for _, fault := range faults {
				t.Errorf("a process took its own locks: %s", fault)
			}
		}
		if locked == 0 {
			t.Error("no process has asked for a lock")
		}
		t.Logf("%d processes, %d locks", len(logs), locked)
	}
}

var (
	opens   = regexp.MustCompile(`^open(?:at)?\(.*"[^"]+", ([A-Z_|]+).* = (\d+)<(.*)>$`)
	closes  = regexp.MustCompile(`^close\((\d+)<`)
	locks   = regexp.MustCompile(`^fcntl\((\d+)<.*>, F_SETLKW?, .* = 0$`)
	of      = regexp.MustCompile(`^(\d+) +(.*)$`)
	resumes = regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)$`)
)

// pastLocks returns the calls of a log by which a process opened a file that it had open and locked already, other than
// by SQLite, and how many locks it asked for. SQLite knows all of its own descriptors, and closes none while another
// needs the locks; its calls have O_NOFOLLOW.
func pastLocks(log string) (faults []string, asked int) {
	type descriptor struct {
		file   string
		locked bool
	}
	open, begun := map[string]descriptor{}, map[string]string{}
	for line := range strings.Lines(log) {
		thread := of.FindStringSubmatch(strings.TrimSpace(line))
		if thread == nil {
			continue
		}
		call, unfinished := strings.CutSuffix(thread[2], " <unfinished ...>")
		if unfinished {
			begun[thread[1]] = call
			continue
		}
		if rest := resumes.FindStringSubmatch(call); rest != nil {
			call = begun[thread[1]] + rest[1]
		}
		switch {
		case opens.MatchString(call):
			m := opens.FindStringSubmatch(call)
			for _, d := range open {
				if d.locked && d.file == m[3] && !strings.Contains(m[1], "O_NOFOLLOW") {
					faults = append(faults, call)
				}
			}
			open[m[2]] = descriptor{file: m[3]}
		case closes.MatchString(call):
			delete(open, closes.FindStringSubmatch(call)[1])
		case locks.MatchString(call):
			asked++
			number := locks.FindStringSubmatch(call)[1]
			open[number] = descriptor{open[number].file, true}
		}
	}
	return faults, asked
}
