package torture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kith/conformance"
)

// places are two computers with a cable between them: home, where the pod's folder is, and away.
type places struct {
	t      *testing.T
	prefix string
}

var addresses = map[string]string{"home": "10.78.0.1", "away": "10.78.0.2"}

// newPlaces makes the namespaces, or skips where the system does not let it.
func newPlaces(t *testing.T) places {
	t.Helper()
	if *every > 1 {
		t.Skip("NOT TESTED: it takes a minute; make torture does it")
	}
	for _, tool := range []string{"ip", "syncthing"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT TESTED: %s is not installed", tool)
		}
	}
	p := places{t, fmt.Sprintf("kithsync%d", os.Getpid())}
	for place := range addresses {
		out, err := exec.Command("ip", "netns", "add", p.prefix+place).CombinedOutput()
		if err != nil {
			t.Skipf("NOT TESTED: this system makes no network namespaces: %s", out)
		}
		t.Cleanup(func() { p.ip("netns", "del", p.prefix+place) })
	}
	p.ip("link", "add", "name", "eth", "netns", p.prefix+"home", "type", "veth", "peer", "name", "eth", "netns", p.prefix+"away")
	for place, address := range addresses {
		p.ip("-n", p.prefix+place, "address", "add", address+"/24", "dev", "eth")
		p.ip("-n", p.prefix+place, "link", "set", "eth", "up")
	}
	return p
}

func (p places) ip(args ...string) {
	p.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		p.t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// cable pulls the cable, or puts it in again.
func (p places) cable(state string) {
	p.t.Helper()
	p.ip("-n", p.prefix+"away", "link", "set", "eth", state)
}

// syncthing is one of them at a place, with the identity that is in its folder.
type syncthing struct{ place, home, folder, id string }

func newSyncthing(t *testing.T, place, folder string) syncthing {
	t.Helper()
	s := syncthing{place: place, home: t.TempDir(), folder: folder}
	if out, err := exec.Command("syncthing", "generate", "--home", s.home, "--no-default-folder", "--skip-port-probing").CombinedOutput(); err != nil {
		t.Fatalf("syncthing generate: %v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(s.home, "config.xml"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<device id="([A-Z0-9-]{63})"`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("syncthing has no identity in %s", text)
	}
	s.id = string(m[1])
	return s
}

// config is what a Syncthing is told: one folder, one other, at its address, and nobody else to ask.
const config = `<configuration version="35">
<folder id="pod" path="%s" type="sendreceive" rescanIntervalS="5" fsWatcherEnabled="true" fsWatcherDelayS="1" ignorePerms="true">
%s<maxConflicts>10</maxConflicts><pullerPauseS>1</pullerPauseS></folder>
%s<gui enabled="false"></gui>
<options><listenAddress>tcp://%s:22000</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled>
<localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>
<reconnectionIntervalS>1</reconnectionIntervalS><urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>
<crashReportingEnabled>false</crashReportingEnabled><startBrowser>false</startBrowser></options>
</configuration>`

// run starts the Syncthing; it ends with the test.
func (p places) run(s syncthing, all ...syncthing) {
	p.t.Helper()
	members, devices := "", ""
	for _, one := range all {
		members += fmt.Sprintf("<device id=%q></device>\n", one.id)
		devices += fmt.Sprintf("<device id=%q name=%q><address>tcp://%s:22000</address></device>\n", one.id, one.place, addresses[one.place])
	}
	text := fmt.Sprintf(config, s.folder, members, devices, addresses[s.place])
	if err := os.WriteFile(filepath.Join(s.home, "config.xml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	var said saying
	c := exec.Command("ip", "netns", "exec", p.prefix+s.place, "syncthing", "serve", "--home", s.home, "--no-browser")
	c.Env = append(os.Environ(), "STMONITORED=yes", "STNOUPGRADE=1", "HOME="+s.home)
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := c.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.t.Error(err)
		}
		_ = c.Wait() // it says that it was killed
		if p.t.Failed() {
			p.t.Logf("syncthing %s said:\n%s", s.place, said.String())
		}
	})
}

// sealed returns text that tells whether it is whole: it begins with the digest of the rest.
func sealed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]) + "\n" + text
}

func whole(body []byte) bool {
	sum, text, found := bytes.Cut(body, []byte("\n"))
	want := sha256.Sum256(text)
	return found && string(sum) == hex.EncodeToString(want[:])
}

// watchers read names over and over, from several sides, until they are told to stop. They are no faster than a pod
// lets one who proves each request be for as long as Syncthing may take.
type watchers struct {
	stop context.CancelFunc
	all  sync.WaitGroup
	mu   sync.Mutex
	read int
	torn []string
}

func (s *stand) watch(names ...string) *watchers {
	ctx, stop := context.WithCancel(s.t.Context())
	w := &watchers{stop: stop}
	for range 2 {
		w.all.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for ctx.Err() == nil {
				for _, name := range names {
					<-pace.C
					answer, err := s.owner.Do(ctx, conformance.Request{Method: http.MethodGet, Target: name})
					if err != nil || answer.Status != http.StatusOK {
						continue
					}
					w.mu.Lock()
					w.read++
					if !whole(answer.Body) {
						w.torn = append(w.torn, fmt.Sprintf("%s: %d bytes", name, len(answer.Body)))
					}
					w.mu.Unlock()
				}
			}
		})
	}
	return w
}

// end stops the watchers and asks that nothing was torn.
func (w *watchers) end(t *testing.T) {
	t.Helper()
	w.stop()
	w.all.Wait()
	if w.read == 0 || len(w.torn) > 0 {
		t.Errorf("of %d answers these were not whole: %q", w.read, w.torn)
	}
	t.Logf("%d answers were whole", w.read)
}

// TestASyncedFolderWhilePeoplePost has two real Syncthings carry the pod's folder to another computer, where a hand
// adds, edits and deletes files, while the owner posts over HTTP; then both sides change one file while the cable is out.
func TestASyncedFolderWhilePeoplePost(t *testing.T) {
	p := newPlaces(t)
	s := newStand(t)
	away := t.TempDir()
	tree := filepath.Join(s.data, "pods", "ana")
	s.must(put("work/letter.txt", "text/plain", sealed("as it was")))
	s.must(put("work/old.txt", "text/plain", sealed("to be deleted")))
	a, b := newSyncthing(t, "home", tree), newSyncthing(t, "away", away)
	p.run(a, a, b)
	p.run(b, a, b)
	arrived := func(name, text string) {
		t.Helper()
		eventually(t, name+" arrives away", func() bool {
			got, err := os.ReadFile(filepath.Join(away, name))
			return err == nil && string(got) == text
		})
	}
	arrived("work/letter.txt", sealed("as it was"))
	arrived("work/old.txt", sealed("to be deleted"))

	var names []string
	texts := map[string]string{}
	for i := range 12 {
		post, drop := fmt.Sprintf("work/post-%d.txt", i), fmt.Sprintf("work/drop-%d.txt", i)
		names = append(names, post, drop)
		texts[post], texts[drop] = sealed(letters(i, 300_000)), sealed(letters(100+i, 1_500_000))
	}
	watched := s.watch(append(names, "work/letter.txt")...)
	dropped, aside := make(chan error), t.TempDir()
	go func() { dropped <- drop(aside, away, texts) }()
	for name, text := range texts {
		if strings.Contains(name, "post") {
			s.must(put(name, "text/plain", text))
		}
	}
	s.ok(<-dropped)
	for name, text := range texts {
		s.becomes(name, text)
		arrived(name, text)
	}
	s.becomes("work/letter.txt", sealed("edited away"))
	eventually(t, "what was deleted away is gone", func() bool { return s.get(s.owner, "work/old.txt").Status == http.StatusNotFound })
	s.conflict(p, away)
	watched.end(t)
}

// drop does what a hand does away: it brings files that were made aside, edits one, and deletes one. None of them is
// written where Syncthing looks: half of a file that is there when it does is what it carries, as the whole of it.
func drop(aside, away string, texts map[string]string) error {
	for name, text := range texts {
		if !strings.Contains(name, "drop") {
			continue
		}
		if err := move(aside, filepath.Join(away, name), text); err != nil {
			return err
		}
	}
	return errors.Join(move(aside, filepath.Join(away, "work/letter.txt"), sealed("edited away")), os.Remove(filepath.Join(away, "work/old.txt")))
}

// move writes a text aside and moves it to its place.
func move(aside, to, text string) error {
	made := filepath.Join(aside, "made")
	return errors.Join(os.WriteFile(made, []byte(text), 0o600), os.Rename(made, to))
}

// becomes waits until a name holds a text.
func (s *stand) becomes(name, text string) {
	s.t.Helper()
	eventually(s.t, name+" is served", func() bool {
		got := s.get(s.owner, name)
		return got.Status == http.StatusOK && string(got.Body) == text
	})
	delete(s.ledger, name) // it is a hand's, too
}

// conflict changes a file on both sides while the cable is out: one text wins, the other lies beside it, is
// reported, and is not served.
func (s *stand) conflict(p places, away string) {
	s.t.Helper()
	mine, theirs := sealed("changed at home"), sealed("changed away")
	p.cable("down")
	s.must(put("work/letter.txt", "text/plain", mine))
	s.ok(move(s.t.TempDir(), filepath.Join(away, "work/letter.txt"), theirs))
	p.cable("up")
	copies := filepath.Join(s.data, "pods", "ana", "work", "*sync-conflict*")
	eventually(s.t, "there is a conflict copy at home", func() bool {
		found, err := filepath.Glob(copies)
		return err == nil && len(found) == 1
	})
	found, err := filepath.Glob(copies)
	s.ok(err)
	lost, err := os.ReadFile(found[0])
	s.ok(err)
	winner := mine
	if string(lost) == mine {
		winner = theirs
	} else if string(lost) != theirs {
		s.t.Errorf("the copy holds %q", lost)
	}
	s.becomes("work/letter.txt", winner)
	eventually(s.t, "the owner hears of the conflict", func() bool { return strings.Contains(s.troubles(), filepath.Base(found[0])) })
	if got := s.get(s.owner, "work/"+filepath.Base(found[0])); got.Status != http.StatusNotFound {
		s.t.Errorf("the conflict copy is answered with %d", got.Status)
	}
}
