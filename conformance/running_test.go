package conformance

import (
	"bytes"
	order "encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// run runs the binary over the folder of the world and wants an exit code.
func (w *world) run(code int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	out, problems, got := w.kith(append(args, "--data", w.data)...)
	if got != code {
		w.t.Fatalf("kith %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, problems)
	}
	return out, problems
}

// TestAPodMovesToAnotherMachineAndLivesThereOnly takes a pod from one folder to another while its server runs.
func TestAPodMovesToAnotherMachineAndLivesThereOnly(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice", "zoe")
	alice, zoe := people[0], people[1]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	p, _ := w.furnish(alice, ben.CID)
	w.put(alice, "notes/film.bin", "application/octet-stream", bytes.Repeat([]byte("film"), 300_000), http.StatusCreated)
	w.put(zoe, "notes/stays.txt", "text/plain", []byte("here"), http.StatusCreated)
	before := w.get(alice, "notes/film.bin")

	full := filepath.Join(t.TempDir(), "full")
	must(0, os.MkdirAll(filepath.Join(full, "something"), 0o700))(t)
	w.run(1, "move", "out", "alice", full)
	w.sees(ben, p) // nothing has moved

	stick := filepath.Join(t.TempDir(), "stick")
	kit, _ := w.run(0, "move", "out", "alice", stick)
	for name, r := range map[string]Request{
		"a read":         {Method: "GET", Target: "notes/film.bin"},
		"a write":        {Method: "PUT", Target: "notes/late.txt", Header: fields("Content-Type", "text/plain"), Body: []byte("late")},
		"a replica":      alice.write("notes/late.txt", "text/plain", alice.version(), []byte("late")),
		"a list of rows": {Method: "GET", Target: ".replica"},
		"the drive":      {Method: "PROPFIND", Target: ".dav/"},
	} {
		if got := w.ask(alice, r); got.Status != http.StatusServiceUnavailable || !strings.Contains(string(got.Body), "moved to another machine") {
			t.Errorf("%s at the pod that has moved: %d %s", name, got.Status, got.Body)
		}
	}
	if got := must(ben.Do(w.ctx(), Request{Method: "GET", Target: "social/door"}))(t); got.Status != http.StatusServiceUnavailable {
		t.Errorf("a friend gets %d", got.Status)
	}
	for _, path := range []string{"/alice/", "/alice/notes/film.bin", "/alice/.pair", "/alice/.sealed"} {
		gone := must(w.wire.Do(w.ctx(), Request{Method: "GET", Target: path}))(t)
		nobody := must(w.wire.Do(w.ctx(), Request{Method: "GET", Target: strings.Replace(path, "alice", "nobody", 1)}))(t)
		if gone.Status != nobody.Status || strings.ReplaceAll(string(gone.Body), "alice", "nobody") != string(nobody.Body) {
			t.Errorf("a stranger tells at %s that somebody has moved: %d, %d", path, gone.Status, nobody.Status)
		}
	}
	if got := w.get(zoe, "notes/stays.txt"); string(got.Body) != "here" {
		t.Errorf("another person of the server gets %d", got.Status)
	}
	w.run(1, "move", "out", "alice", filepath.Join(t.TempDir(), "twice"))
	w.restart(func() {})
	if got := w.ask(alice, Request{Method: "GET", Target: "notes/film.bin"}); got.Status != http.StatusServiceUnavailable {
		t.Errorf("after a restart the old machine answers %d", got.Status)
	}

	there := &world{t: t, data: filepath.Join(t.TempDir(), "there"), wire: w.wire}
	secret := filepath.Join(t.TempDir(), "kit")
	must(0, os.WriteFile(secret, []byte(kit), 0o600))(t)
	wrong := filepath.Join(t.TempDir(), "wrong")
	must(0, os.WriteFile(wrong, []byte("kith-kit-1 nonsense"), 0o600))(t)
	there.run(1, "move", "in", stick, "--kit", wrong)
	out, _ := there.run(0, "move", "in", stick, "--kit", secret)
	if !strings.Contains(out, "Its address is "+base+", as before") {
		t.Errorf("on the new machine: %s", out)
	}
	there.run(1, "move", "in", stick, "--kit", secret) // once
	must(0, w.server.Stop())(t)
	there.start()
	t.Cleanup(func() { must(0, there.server.Kill())(t) })
	alice.Forget() // tokens were made by the other machine
	ben.Forget()
	if got := there.get(alice, "notes/film.bin"); got.Status != http.StatusOK || !bytes.Equal(got.Body, before.Body) || got.Header.Get("ETag") != before.Header.Get("ETag") {
		t.Errorf("on the new machine: %d, %d bytes, %s", got.Status, len(got.Body), got.Header.Get("ETag"))
	}
	there.sees(ben, p)
	there.downloads(ben, p)
	there.put(alice, "notes/new.txt", "text/plain", []byte("new"), http.StatusCreated)
	if out, _ := there.run(0, "check", "alice"); !strings.Contains(out, "nothing is left to do") {
		t.Errorf("the check says %s", out)
	}
}

// TestAMoveThatFailsLeavesThePodWhereItIs names a place that cannot be written.
func TestAMoveThatFailsLeavesThePodWhereItIs(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	w.put(alice, "a.txt", "text/plain", []byte("a"), http.StatusCreated)
	file := filepath.Join(t.TempDir(), "file")
	must(0, os.WriteFile(file, nil, 0o600))(t)
	_, said := w.run(1, "move", "out", "alice", filepath.Join(file, "below"))
	if !strings.Contains(said, "the pod goes on here") {
		t.Errorf("it says %s", said)
	}
	w.put(alice, "b.txt", "text/plain", []byte("b"), http.StatusCreated)
	stick := filepath.Join(t.TempDir(), "stick")
	w.run(0, "move", "out", "alice", stick)
	w.run(0, "move", "undo", "alice")
	w.put(alice, "c.txt", "text/plain", []byte("c"), http.StatusCreated)
	for _, name := range []string{"a.txt", "b.txt"} {
		if got := w.get(alice, name); got.Status != http.StatusOK {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	w.restart(func() { w.run(0, "move", "out", "alice", filepath.Join(t.TempDir(), "again")) }) // without a server, too
	if got := w.ask(alice, Request{Method: "GET", Target: "a.txt"}); got.Status != http.StatusServiceUnavailable {
		t.Errorf("after it has moved: %d", got.Status)
	}
}

// TestACheckTellsAndRepairs runs with the server and without it.
func TestACheckTellsAndRepairs(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	for i := range 30 {
		w.put(alice, fmt.Sprintf("notes/%d.txt", i), "text/plain", fmt.Appendf(nil, "note %d", i), http.StatusCreated)
	}
	type report struct {
		Sound, Server, Rebuild bool
		Resources, Held        int
		Damaged, ACLs, Foreign []string
	}
	check := func(code int) (r report) {
		t.Helper()
		out, _ := w.run(code, "check", "alice", "--json")
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return r
	}
	if r := check(0); !r.Sound || !r.Server || r.Resources < 30 {
		t.Errorf("with the server: %+v", r)
	}
	tree := filepath.Join(w.data, "pods", "alice")
	w.restart(func() {
		must(0, os.WriteFile(filepath.Join(tree, "notes", "3.txt.acl"), []byte("no turtle <"), 0o600))(t)
		must(0, os.Symlink("/etc/hostname", filepath.Join(tree, "notes", "link")))(t)
		if r := check(1); r.Sound || r.Server || len(r.ACLs) != 1 || r.ACLs[0] != "/notes/3.txt.acl" || len(r.Foreign) != 1 || !strings.HasPrefix(r.Foreign[0], "notes/link is a link") {
			t.Errorf("without a server: %+v", r)
		}
		must(0, os.Remove(filepath.Join(tree, "notes", "3.txt.acl")))(t)
	})
	for i := range 20 {
		must(0, os.Remove(filepath.Join(tree, "notes", fmt.Sprintf("%d.txt", i))))(t)
	}
	eventually(t, limit, "the deletions are held", func() bool {
		out, _, _ := w.kith("check", "alice", "--json", "--data", w.data)
		var r report
		return json.Unmarshal([]byte(out), &r) == nil && r.Held == 20
	})
	if out, _ := w.run(0, "check", "alice", "--restore-deletions"); !strings.HasPrefix(out, "20 files count as lost") {
		t.Errorf("it says %s", out)
	}
	must(0, alice.Put(w.ctx(), "notes/7.txt", "text/plain", []byte("note 7")))(t) // as a phone does that has it
	if r := check(1); r.Sound || r.Held != 0 || len(r.Foreign) != 1 {             // the link is there yet
		t.Errorf("after the phone brought one back: %+v", r)
	}
}

// TestAQuotaHoldsWhileTheServerRuns sets one, fills it, and takes it away.
func TestAQuotaHoldsWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice", "zoe")
	alice, zoe := people[0], people[1]
	large := bytes.Repeat([]byte("x"), 600_000)
	w.put(alice, "one.bin", "application/octet-stream", large, http.StatusCreated)
	out, _ := w.run(0, "person", "quota", "alice", "1MB")
	var room struct{ Used, Quota int64 }
	if err := json.Unmarshal([]byte(out), &room); err != nil || room.Quota != 1_000_000 || room.Used < 600_000 {
		t.Errorf("%s, %v", out, err)
	}
	for _, r := range []Request{
		{Method: "PUT", Target: "two.bin", Header: fields("Content-Type", "application/octet-stream"), Body: large},
		alice.write("two.bin", "application/octet-stream", alice.version(), large),
	} {
		got := w.ask(alice, r)
		w.want(got, r, http.StatusInsufficientStorage)
		if !strings.Contains(string(got.Body), "what this pod may hold") {
			t.Errorf("it says %s", got.Body)
		}
	}
	w.put(zoe, "two.bin", "application/octet-stream", large, http.StatusCreated)
	w.put(alice, "one.bin", "application/octet-stream", large[:500_000], http.StatusNoContent) // what is replaced does not count
	w.restart(func() {})
	r := Request{Method: "PUT", Target: "two.bin", Header: fields("Content-Type", "application/octet-stream"), Body: large}
	w.want(w.ask(alice, r), r, http.StatusInsufficientStorage)
	w.run(0, "person", "quota", "alice", "none")
	w.put(alice, "two.bin", "application/octet-stream", large, http.StatusCreated)
	for _, wrong := range []string{"-1GB", "much", "0", "5XB"} {
		w.run(2, "person", "quota", "alice", wrong)
	}
	w.run(1, "person", "quota", "nobody", "1GB")
}

// TestAFolderOfANewerVersionIsNotTouched starts every command over one.
func TestAFolderOfANewerVersionIsNotTouched(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, "alice")
	must(0, w.server.Stop())(t)
	name := filepath.Join(w.data, "state.db")
	text := must(os.ReadFile(name))(t)
	order.BigEndian.PutUint32(text[60:], 999) // where SQLite keeps the version of the layout
	must(0, os.WriteFile(name, text, 0o600))(t)
	before := filesIn(t, w.data)
	for _, args := range [][]string{
		{"serve", "--listen", "127.0.0.1:0"}, {"check"}, {"doctor"}, {"person", "add", "zoe"}, {"pair", "alice"}, {"backup", "list", "alice"},
		{"move", "out", "alice", t.TempDir()}, {"person", "quota", "alice", "1GB"}, {"erase-report", "alice"},
	} {
		if _, said := w.run(1, args...); !strings.Contains(said, "made by a newer version of kith") {
			t.Errorf("kith %s says %s", strings.Join(args, " "), said)
		}
	}
	after := filesIn(t, w.data)
	for file, was := range before {
		if after[file] != was {
			t.Errorf("%s was changed", file)
		}
	}
	if len(after) != len(before) {
		t.Errorf("there are %d files, and were %d", len(after), len(before))
	}
}

// finding is one line of `kith doctor --json`.
type finding struct{ About, Level, Text, Do string }

// doctor runs it, and returns its findings.
func (w *world) doctor(code int, args ...string) (all []finding) {
	w.t.Helper()
	out, _ := w.run(code, append([]string{"doctor", "--json"}, args...)...)
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var f finding
		must(0, d.Decode(&f))(w.t)
		all = append(all, f)
	}
	return all
}

// says wants one of the findings to have a level and a text.
func says(t *testing.T, all []finding, about, level, text string) {
	t.Helper()
	for _, f := range all {
		if f.About == about && f.Level == level && strings.Contains(f.Text, text) {
			return
		}
	}
	t.Errorf("no %q of %s with %q in %+v", level, about, text, all)
}

// TestTheDoctorFindsWhatIsWrong breaks one thing after another.
func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	// An address of this machine that no other test connects from, so that the port stays free.
	silent := must(net.Listen("tcp", "127.0.0.2:0"))(t)
	nowhere := silent.Addr().String()
	must(0, silent.Close())(t)
	w := &world{t: t, data: filepath.Join(t.TempDir(), "data"), wire: &Wire{Base: "http://" + nowhere + "/"}}
	must(0, os.MkdirAll(w.data, 0o700))(t)
	w.run(0, "person", "add", "alice", "--url", w.wire.Base)
	all := w.doctor(1)
	says(t, all, "server", "look at this", "No server runs")
	says(t, all, "disk", "ok", "durable")
	says(t, all, "secrets", "ok", "")
	says(t, all, "alice", "look at this", "no backup")

	s := must(Start(binary, w.data, w.wire.Base))(t) // it listens elsewhere than where its address leads
	w.server = s
	t.Cleanup(func() { must(0, s.Kill())(t) })
	says(t, w.doctor(1), "address", "broken", "does not answer from here")
	other := must(Start(binary, filepath.Join(t.TempDir(), "other"), w.wire.Base, "--listen", nowhere))(t)
	says(t, w.doctor(1), "address", "broken", "another server answers")
	must(0, other.Stop())(t)
	must(0, s.Stop())(t)
	s = must(Start(binary, w.data, w.wire.Base, "--listen", nowhere))(t)
	w.server = s
	says(t, w.doctor(1), "address", "ok", "it is this server")

	place := filepath.Join(t.TempDir(), "backup")
	w.run(0, "backup", "add", "alice", place)
	w.run(0, "backup", "run", "alice")
	must(0, os.Chmod(filepath.Join(w.data, "state.db"), 0o644))(t)
	w.run(0, "person", "quota", "alice", "20GB")
	all = w.doctor(1, "alice")
	says(t, all, "alice", "ok", "The backup to "+place)
	says(t, all, "alice", "ok", "of the 20.0 GB that it may")
	says(t, all, "alice", "look at this", "No phone is paired")
	// Opening the state has put the rights back.
	says(t, all, "secrets", "ok", "")
	must(0, os.Chmod(filepath.Join(w.data, "pods"), 0o755))(t)
	says(t, w.doctor(1), "secrets", "look at this", filepath.Join(w.data, "pods"))
	w.run(1, "doctor", "nobody")
	w.run(2, "doctor", "one", "two")
	must(0, os.WriteFile(filepath.Join(w.data, "kith.toml"), []byte("url = \""+w.wire.Base+"\"\nreach = [\"http://"+nowhere+"/\", \"http://127.0.0.1:1/\"]\n"), 0o600))(t)
	all = w.doctor(1)
	says(t, all, "relay", "broken", "http://"+nowhere+"/ answers with 204, and is no relay")
	says(t, all, "relay", "broken", "http://127.0.0.1:1/ does not answer: connection refused")
}

// TestWhatIsLeftOfWhatIsDeletedIsSaid names the file system, the backups and the friends.
func TestWhatIsLeftOfWhatIsDeletedIsSaid(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	w.befriend(people[0], must(newPerson("ben"))(t))
	must(0, people[0].Put(w.ctx(), "settings/lease", "text/plain", []byte("7")))(t)
	place := filepath.Join(t.TempDir(), "backup")
	w.run(0, "backup", "add", "alice", place)
	out, _ := w.run(0, "erase-report", "alice")
	for _, want := range []string{"this disk (", "backup at " + place, "friends (1)", "after 7 days without contact", "Snapshots"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	w.run(1, "erase-report", "nobody")
}

// TestALogHasNeitherNamesNorContents makes a server fail in many ways, and searches its log.
func TestALogHasNeitherNamesNorContents(t *testing.T) {
	t.Parallel()
	w := &world{t: t, data: filepath.Join(t.TempDir(), "data"), wire: &Wire{Base: base}}
	link := w.addPerson("alice")
	file := filepath.Join(t.TempDir(), "log", "kith.log")
	w.server = must(Start(binary, w.data, base, "--log", file, "--reach", "http://127.0.0.1:1/"))(t)
	w.wire.Address = w.server.Address
	t.Cleanup(func() { must(0, w.server.Kill())(t) })
	alice := w.settle("alice", link)
	person := must(newPerson("ben"))(t)
	ben := w.befriend(alice, person)
	p, _ := w.furnish(alice, ben.CID)
	const canary = "canary-of-a-body"
	w.put(alice, "notes/canary-of-a-name.txt", "text/plain", []byte(canary), http.StatusCreated)
	place := filepath.Join(t.TempDir(), "canary-of-a-place")
	w.run(0, "backup", "add", "alice", place)
	must(0, os.WriteFile(place, nil, 0o600))(t) // no folder can be made there
	w.run(1, "backup", "run", "alice")
	w.run(0, "person", "quota", "alice", "1KB")
	full := Request{Method: "PUT", Target: "notes/canary-of-a-name-2.txt", Header: fields("Content-Type", "text/plain"), Body: bytes.Repeat([]byte(canary), 100)}
	w.want(w.ask(alice, full), full, http.StatusInsufficientStorage)
	notes := filepath.Join(w.data, "pods", "alice", "notes")
	must(0, os.RemoveAll(notes))(t)
	must(0, os.WriteFile(notes, nil, 0o600))(t) // a file where the pod has a folder
	w.ask(alice, Request{Method: "GET", Target: "notes/canary-of-a-name.txt"})
	if got := w.ask(alice, full); got.Status < 400 {
		t.Errorf("a write below a file: %d", got.Status)
	}
	var text string
	eventually(t, limit, "the log says why the relay gives no queue", func() bool {
		read, err := os.ReadFile(file)
		text = string(read)
		return err == nil && strings.Contains(text, "a relay gives no queue: connection refused")
	})
	must(0, w.server.Stop())(t)
	text = string(must(os.ReadFile(file))(t))
	label := alice.Label
	for name, secret := range map[string]string{"a name": "alice", "a friend's name": "ben", "a contact": ben.CID, "a label": label, "an address": "127.0.0.1", "a host": "localhost",
		"a path": "canary-of-a-name", "a place": "canary-of-a-place", "a body": canary, "a folder": w.data, "a post": p.folder} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the log: %s", name, text)
		}
	}
	if info := must(os.Stat(file))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the log is %v", info.Mode())
	}
}

// filesIn returns the bytes of all files below a folder, by name.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(0, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		all[name] = string(text)
		return err
	}))(t)
	return all
}
