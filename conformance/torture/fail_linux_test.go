package torture

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kith/conformance"
)

// fault is what a system call answers instead of doing its work.
type fault struct {
	errno  string
	status int // with which a request is answered that it has hit
}

var faults = []fault{{"EIO", http.StatusInternalServerError}, {"ENOSPC", http.StatusInsufficientStorage}}

// TestEachCallThatFails lets the nth openat of a request fail, the nth fsync, and so on. Nothing is acknowledged of
// which a file could not be made durable; whatever was acknowledged is there at once and after the next start;
// the person is told; and the server goes on, or refuses to write until it is started again, and says that.
func TestEachCallThatFails(t *testing.T) {
	needStrace(t)
	for i, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.furnish()
			hits, round := map[string]int{}, 0
			usual := s.usual(d)
			for j, name := range slices.Sorted(maps.Keys(usual)) {
				for n := 1; *every == 1 || n <= usual[name]; n += *every {
					round++
					hit := s.spoil(d, round, name, n, faults[(i+j+n)%2])
					if *every == 1 {
						round++
						s.spoil(d, round, name, n, faults[(i+j+n+1)%2])
					}
					if !hit {
						break
					}
					hits[name]++
				}
			}
			for _, name := range []string{"openat", "fsync", "pwrite64", "renameat", "utimensat"} {
				if hits[name] == 0 {
					t.Errorf("%s has never failed", name)
				}
			}
			t.Logf("failed: %v", hits)
		})
	}
}

// spoil does a deed, in which a thread's nth call of a name fails, and reports whether one has.
func (s *stand) spoil(d deed, round int, name string, n int, f fault) bool {
	s.t.Helper()
	if d.before != nil {
		d.before(s, round)
	}
	w := d.write(s, round)
	tr := attach(s.t, s.server.PID(), "trace="+disk, fmt.Sprintf("inject=%s:error=%s:when=%d", name, f.errno, n))
	answer, err := s.do(w)
	failed := tr.stop(err == nil).failed()
	what := fmt.Sprintf("%s %s, the %d. %s fails with %s", w.method, w.target, n, name, f.errno)
	switch {
	case err != nil:
		s.checkCrash(what, name, err)
	case answer.Status < 300 && name == "fsync" && slices.ContainsFunc(failed, func(call string) bool { return s.counts(call, f) }):
		s.t.Errorf("%s: answered with %d after %q", what, answer.Status, failed)
	case answer.Status >= 300:
		s.checkTold(what, answer, f)
	}
	// After a write it may end at any time: see checkCrash. And strace counts for each thread: where two calls failed, the
	// second may be what was to undo the first, and only the next start puts that in order.
	if err == nil && name != "write" && len(failed) < 2 {
		s.read()
		s.checkAccess()
		s.checkNext(what)
	}
	s.kill()
	s.start()
	s.check()
	s.checkAccess()
	return len(failed) > 0 && !s.t.Failed()
}

// counts reports whether a request whose fsync failed must not be acknowledged. The index is derived from the folder:
// its log, and the directory in which SQLite makes that, are made durable on no request's behalf. Where a full disk has no room to overwrite what was replaced or
// deleted, it is unlinked, and no more is promised (reliability, promise 4).
func (s *stand) counts(fsync string, f fault) bool {
	index := filepath.Join(s.data, "index", "ana")
	derived := strings.Contains(fsync, filepath.Join(index, "index.db")) || strings.Contains(fsync, index+">")
	erasing := strings.Contains(fsync, filepath.Join(index, "erase")+"/")
	return !derived && !(erasing && f.errno == "ENOSPC")
}

// checkCrash asks that a server did not answer only because it could not write: to the network, or to what wakes its
// own threads, without which no Go program goes on.
func (s *stand) checkCrash(what, name string, err error) {
	s.t.Helper()
	if name != "write" {
		s.t.Errorf("%s: no answer: %v", what, err)
	}
}

// checkTold asks that a person is told in a sentence what happened, and no more than that.
func (s *stand) checkTold(what string, answer conformance.Answer, f fault) {
	s.t.Helper()
	var problem struct{ Detail string }
	if err := json.Unmarshal(answer.Body, &problem); err != nil || strings.Count(problem.Detail, " ") < 5 {
		s.t.Errorf("%s: %d says %q", what, answer.Status, answer.Body)
	}
	if strings.Contains(string(answer.Body), s.data) {
		s.t.Errorf("%s: the answer names the machine's folders: %s", what, answer.Body)
	}
	// Of its own fsync and ftruncate SQLite tells that they failed, and not why.
	vague := answer.Status == http.StatusInternalServerError && (strings.Contains(what, " fsync ") || strings.Contains(what, " ftruncate "))
	if answer.Status != f.status && !vague {
		s.t.Errorf("%s: answered with %d %s", what, answer.Status, answer.Body)
	}
}

// checkNext asks that the next write is acknowledged and there, or refused in words.
func (s *stand) checkNext(what string) {
	s.t.Helper()
	answer, err := s.do(put("next.txt", "text/plain", letters(len(s.ledger), 100)))
	s.ok(err)
	if answer.Status >= 300 {
		s.checkTold(what+", and then", answer, faults[0])
	}
	s.read()
}
