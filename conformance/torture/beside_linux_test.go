package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// kith runs a command of the program over the folder, and returns its exit code and what it said.
func (s *stand) kith(args ...string) (code int, out, problems string) {
	c := exec.CommandContext(s.ctx(), s.program, append(args, "--data", s.data)...)
	var said, bad bytes.Buffer
	c.Stdout, c.Stderr = &said, &bad
	err := c.Run()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		return -1, "", err.Error()
	}
	return c.ProcessState.ExitCode(), said.String(), bad.String()
}

// does runs a command that has to end with a code, and returns what it printed.
func (s *stand) does(code int, args ...string) string {
	s.t.Helper()
	got, out, problems := s.kith(args...)
	if got != code {
		s.t.Errorf("kith %s: exit code %d, not %d\n%s%s", strings.Join(args, " "), got, code, out, problems)
	}
	return out + problems
}

// tells runs a command that has to succeed, and asks that it says something.
func (s *stand) tells(what string, args ...string) {
	s.t.Helper()
	if said := s.does(0, args...); !strings.Contains(said, what) {
		s.t.Errorf("kith %s says nothing of %q: %s", strings.Join(args, " "), what, said)
	}
}

// another makes something with an id and then takes it back, by two commands.
func (s *stand) another(kind, id string) {
	s.t.Helper()
	var made map[string]any
	said := s.does(0, kind, "add", "ben", "--label", "one more")
	if err := json.NewDecoder(strings.NewReader(said)).Decode(&made); err != nil {
		s.t.Errorf("%v: %s", err, said)
		return
	}
	s.does(0, kind, "revoke", "ben", fmt.Sprint(made[id]))
}

// errand is what somebody does at the command line, for the nth time.
type errand func(s *stand, n int)

// errands are the commands that may run beside a server, and what each leaves for the end.
var errands = map[string]errand{
	"add": func(s *stand, n int) {
		for i := range 3 {
			s.does(0, "person", "add", fmt.Sprintf("p%d-%d", n, i))
		}
	},
	"pair": func(s *stand, _ int) {
		for range 3 {
			s.tells("#pair=", "pair", "ben")
		}
	},
	"look": func(s *stand, _ int) {
		s.tells("The server answers", "health")
		s.tells("ana", "person", "list")
		s.tells("friends (1)", "erase-report", "ana")
	},
	"doctor": func(s *stand, _ int) {
		if said := s.does(1, "doctor", "--json"); !strings.Contains(said, "There is no backup of the pod") || strings.Contains(said, "is not whole") {
			s.t.Errorf("the doctor says %s", said)
		}
	},
	"check": func(s *stand, _ int) {
		s.tells("by the running server", "check", "ana")
		s.tells("No deletions are held back", "check", "ben", "--accept-deletions")
	},
	"allow": func(s *stand, n int) {
		for i := range 3 {
			s.does(0, "classes", "allow", "ana", fmt.Sprintf("/open/%d/%d/", n, i))
		}
	},
	"allow more": func(s *stand, n int) {
		for i := range 3 {
			s.does(0, "classes", "allow", "ana", fmt.Sprintf("/more/%d/%d/", n, i))
		}
	},
	"quota": func(s *stand, n int) {
		s.tells(fmt.Sprint(n+1)+"000000000", "person", "quota", "ben", fmt.Sprint(n+1)+"GB")
	},
	"passwords":   func(s *stand, _ int) { s.another("passwords", "id") },
	"credentials": func(s *stand, _ int) { s.another("credentials", "client_id") },
	"back up": func(s *stand, n int) {
		place := filepath.Join(s.t.TempDir(), "backup")
		s.does(0, "backup", "add", "ben", place)
		s.does(0, "backup", "run", "ben")
		s.tells(place, "backup", "list", "ben")
	},
	"serve": func(s *stand, _ int) {
		if said := s.does(1, "serve", "--listen", "127.0.0.1:0", "--url", base); !strings.Contains(said, "another process has this folder open") {
			s.t.Errorf("a second server says %s", said)
		}
	},
}

// TestCommandsBesideAServer starts a server, runs at once all commands that may run beside it while its owner writes,
// and asks that each does what it says, that all of it is there at the end, that nothing of the folder is open to
// others, and that no process has opened a file a second time past SQLite, which takes the locks on it.
func TestCommandsBesideAServer(t *testing.T) {
	program, judge := watchLocks(t)
	s := standOf(t, program, filepath.Join(t.TempDir(), "data"))
	for n := range *rounds {
		var running sync.WaitGroup
		for _, do := range errands {
			running.Go(func() { do(s, n) })
		}
		for i := range 20 {
			s.must(put(fmt.Sprintf("notes/%d.txt", i), "text/plain", letters(n, 1_000+i)))
		}
		running.Wait()
		s.closed()
	}
	s.kept(*rounds)
	s.ok(s.server.Stop())
	if said := s.server.Output(); strings.Contains(said, "ERROR") {
		t.Errorf("the server said:\n%s", said)
	}
	var checking sync.WaitGroup
	for range 3 { // of which two have to wait
		checking.Go(func() { s.tells("nothing is left to do", "check", "ana") })
	}
	checking.Wait()
	s.start()
	s.kept(*rounds)
	s.read()
	judge()
}

// kept asks that what was done in each round is there.
func (s *stand) kept(rounds int) {
	s.t.Helper()
	people, open := s.does(0, "person", "list"), s.does(0, "classes", "list", "ana")
	for n := range rounds {
		for i := range 3 {
			name := fmt.Sprintf("p%d-%d", n, i)
			if !strings.Contains(people, name+" ") {
				s.t.Errorf("%s was added, and is not listed: %s", name, people)
			}
			for _, path := range []string{"/open/", "/more/"} {
				if path = fmt.Sprintf("%s%d/%d/", path, n, i); !strings.Contains(open, path) {
					s.t.Errorf("%s was opened to everybody, and is not listed: %s", path, open)
				}
			}
		}
	}
	s.tells("has no app passwords", "passwords", "list", "ben")
	s.tells("has no credentials", "credentials", "list", "ben")
}

// closed asks that nobody else may read or write anything of the folder.
func (s *stand) closed() {
	s.t.Helper()
	s.ok(filepath.WalkDir(s.data, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a journal that was there for a moment
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			s.t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		return err
	}))
}
