// Package torture takes the ground away under the real binary: it kills `kith serve` before each of the system
// calls of a request, lets each of them fail, fills its disk, empties its folder, gives it folders of the future,
// and then asks as its owner and a friend what is there. It is a stranger to the rest of the house, as
// conformance is, whose client it uses, and has no code but tests.
//
// It judges no speed. What a tool is needed for that is not here (strace, root, Syncthing) is skipped, and says so.
//
//	ledger      what was acknowledged, and what a request without an answer may have left
//	stand       a server on a folder of its own, its owner and a friend; started again as often as needed
//	tracer      strace at a running server, with one fault to inject
//
// The short run belongs to the tests; -torture.every=1 and -torture.rounds are for `make torture`.
package torture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/conformance"
)

var (
	every  = flag.Int("torture.every", 40, "try every nth system call of a request; 1 tries all")
	rounds = flag.Int("torture.rounds", 1, "how many histories of clients and kills are judged")
)

// binary is what is tortured.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	// With many processors a goroutine stays on its thread over a system call, which strace counts by thread.
	code, err := 1, os.Setenv("GOMAXPROCS", "16")
	dir, made := os.MkdirTemp("", "kith")
	if err == nil && made == nil {
		binary, err = conformance.Build(context.Background(), dir)
	}
	if err == nil && made == nil {
		code = m.Run()
		err = os.RemoveAll(dir)
	}
	if err != nil || made != nil {
		fmt.Fprintln(os.Stderr, err, made)
		code = 1
	}
	os.Exit(code)
}

const (
	base  = "http://localhost:8420/" // of every server here; not where they listen
	limit = 3 * time.Minute          // what takes longer hangs
)

// stand is a server, the owner of a pod on it, and a friend of the owner's who lives there too.
type stand struct {
	t       *testing.T
	program string
	data    string
	server  *conformance.Server
	owner   *conformance.Replica
	friend  *conformance.Friend
	ledger  ledger
	strays  []string // what lies beside the index before anything happens
}

func newStand(t *testing.T) *stand { return standIn(t, filepath.Join(t.TempDir(), "data")) }

func standIn(t *testing.T, data string) *stand { return standOf(t, binary, data) }

func standOf(t *testing.T, program, data string) *stand {
	t.Helper()
	s := &stand{t: t, program: program, data: data, ledger: ledger{}}
	s.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server said:\n%s", s.server.Output())
		}
		s.kill()
	})
	_, owner, err := conformance.Settle(s.ctx(), s.server, "ana")
	s.ok(err)
	ben, bens, err := conformance.Settle(s.ctx(), s.server, "ben")
	s.ok(err)
	invite, err := owner.Invite(s.ctx(), "ben")
	s.ok(err)
	friend, err := invite.Accept(s.ctx(), &s.server.Wire, owner.Pod, ben, bens.Pod)
	s.ok(err)
	s.owner, s.friend = owner, friend
	s.strays = s.beside()
	return s
}

func (s *stand) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// ctx bounds one exchange.
func (s *stand) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	s.t.Cleanup(cancel)
	return ctx
}

// start starts the server, and tells those who know it where it is.
func (s *stand) start() {
	s.t.Helper()
	server, err := conformance.Start(s.program, s.data, base)
	s.ok(err)
	s.server = server
	if s.owner != nil {
		s.owner.Wire, s.friend.Wire = &server.Wire, &server.Wire
	}
}

func (s *stand) kill() {
	s.t.Helper()
	if err := s.server.Kill(); err != nil {
		s.t.Error(err)
	}
}

// ended waits until the server is gone.
func (s *stand) ended() {
	s.t.Helper()
	select {
	case <-s.server.Ended():
	case <-time.After(limit):
		s.t.Fatal("the server goes on")
	}
}

// asker is who can ask.
type asker interface {
	Do(context.Context, conformance.Request) (conformance.Answer, error)
}

// get asks for a resource, and fails without an answer.
func (s *stand) get(a asker, target string) conformance.Answer {
	s.t.Helper()
	answer, err := a.Do(s.ctx(), conformance.Request{Method: http.MethodGet, Target: target})
	s.ok(err)
	return answer
}

// state is what can be at a name. The zero state is absence.
type state struct {
	there     bool
	mediaType string
	body      string
}

func (a state) String() string {
	if !a.there {
		return "nothing"
	}
	return fmt.Sprintf("%d bytes of %s", len(a.body), a.mediaType)
}

// etag returns the entity tag that belongs to a state: of type and bytes.
func (a state) etag() string {
	sum := sha256.Sum256([]byte(a.mediaType + "\x00" + a.body))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// ledger maps a name to the states that may be there: one, or several after a request without an answer.
type ledger map[string][]state

// write is one request of the owner's, and what it leaves at which names.
type write struct {
	method  string
	target  string
	header  http.Header
	content state // sent, if there
	leaves  map[string]state
}

// put is the writing of a resource.
func put(name, mediaType, body string) write {
	content := state{true, mediaType, body}
	return write{method: http.MethodPut, target: name, content: content, leaves: map[string]state{name: content}}
}

// remove is the deletion of names by one request.
func remove(target string, names ...string) write {
	w := write{method: http.MethodDelete, target: target, leaves: map[string]state{}}
	for _, name := range names {
		w.leaves[name] = state{}
	}
	return w
}

// do sends a write and enters what came of it: all of what it leaves, nothing, or without an answer
// one of the two.
func (s *stand) do(w write) (conformance.Answer, error) {
	s.t.Helper()
	r := conformance.Request{Method: w.method, Target: w.target, Header: w.header.Clone()}
	if w.content.there {
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set("Content-Type", w.content.mediaType)
		r.Body = []byte(w.content.body)
	}
	answer, err := s.owner.Do(s.ctx(), r)
	for name, left := range w.leaves {
		before := s.ledger[name]
		if len(before) == 0 {
			before = []state{{}}
		}
		switch {
		case err != nil || answer.Status >= 500:
			s.ledger[name] = append(slices.Clone(before), left)
		case answer.Status < 300:
			s.ledger[name] = []state{left}
		default:
			s.t.Errorf("%s %s: %d %s", w.method, w.target, answer.Status, answer.Body)
		}
	}
	return answer, err
}

// must is do for a write that has to be acknowledged.
func (s *stand) must(w write) {
	s.t.Helper()
	answer, err := s.do(w)
	s.ok(err)
	if answer.Status >= 300 {
		s.t.Fatalf("%s %s: %d %s", w.method, w.target, answer.Status, answer.Body)
	}
}

// check reads every name of the ledger and looks into the tree.
func (s *stand) check() {
	s.t.Helper()
	s.read()
	s.checkTree()
}

// read reads every name of the ledger, by one request each, and settles what is there. What the server wants to leave
// alone for a while is asked for again.
func (s *stand) read() {
	s.t.Helper()
	for name, may := range s.ledger {
		var got conformance.Answer
		eventually(s.t, name+" is settled", func() bool {
			got = s.get(s.owner, name)
			return got.Status != http.StatusServiceUnavailable
		})
		now := state{}
		switch got.Status {
		case http.StatusOK:
			now = state{true, got.Header.Get("Content-Type"), string(got.Body)}
			if tag := got.Header.Get("ETag"); tag != now.etag() {
				s.t.Errorf("%s: the ETag %s does not belong to %v", name, tag, now)
			}
		case http.StatusNotFound:
		default:
			s.t.Errorf("%s: %d %s", name, got.Status, got.Body)
			continue
		}
		if !slices.Contains(may, now) {
			s.t.Errorf("%s holds %v; it may hold %v", name, now, may)
		}
		s.ledger[name] = []state{now}
	}
}

// checkTree asks that index and tree agree, that the tree holds what the ledger does, and that no leftover lies about.
func (s *stand) checkTree() {
	s.t.Helper()
	rows, err := s.owner.Rows(s.ctx(), "", 0)
	s.ok(err)
	listed := map[string]conformance.Row{}
	for _, r := range rows.Rows {
		if !r.Gone {
			listed[strings.Trim(r.Path, "/")] = r
		}
	}
	tree := filepath.Join(s.data, "pods", "ana")
	s.ok(filepath.WalkDir(tree, func(path string, d os.DirEntry, err error) error {
		name := strings.Trim(strings.TrimPrefix(path, tree), "/")
		row, known := listed[name]
		switch {
		case err != nil || strings.HasPrefix(d.Name(), ".kith"):
			return err
		case !known:
			s.t.Errorf("%q lies in the tree and is no resource", name)
			return nil
		case d.Type().IsRegular():
			s.checkFile(path, row)
		}
		delete(listed, name)
		return nil
	}))
	for name := range listed {
		s.t.Errorf("%q is listed and not in the tree", name)
	}
	for name, may := range s.ledger {
		if _, err := os.Stat(filepath.Join(tree, filepath.FromSlash(name))); len(may) == 1 && may[0].there != (err == nil) {
			s.t.Errorf("%s: %v is answered, and the file: %v", name, may[0], err)
		}
	}
	if left := s.beside(); !slices.Equal(left, s.strays) {
		s.t.Errorf("beside the index there are %q, and were %q", left, s.strays)
	}
}

// checkFile asks that a row tells what is in its file.
func (s *stand) checkFile(path string, row conformance.Row) {
	s.t.Helper()
	text, err := os.ReadFile(path)
	s.ok(err)
	if of := (state{true, row.Type, string(text)}); row.ETag != of.etag() || row.Size != int64(len(text)) {
		s.t.Errorf("the row of %s tells %d bytes of %s with %s; the file has %d, whose ETag were %s", row.Path, row.Size, row.Type, row.ETag, len(text), of.etag())
	}
}

// beside returns the files in the folder of the index that are not the index's own.
func (s *stand) beside() (files []string) {
	s.t.Helper()
	dir := filepath.Join(s.data, "index", "ana")
	s.ok(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), "index.db") {
			files = append(files, path)
		}
		return err
	}))
	return files
}

// eventually asks again and again until ok says so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// letters returns text of a certain length that is like no other of another seed.
func letters(seed, length int) string {
	word := fmt.Sprintf("letter %d. ", seed)
	return string(bytes.Repeat([]byte(word), length/len(word)+1)[:length])
}
