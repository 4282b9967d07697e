package conformance

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// shelf serves releases over https, each below a path of its own.
type shelf struct {
	*httptest.Server
	roots string // a file with its certificate

	mu    sync.Mutex
	files map[string][]byte // by path
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{files: map[string][]byte{}, roots: filepath.Join(t.TempDir(), "roots.pem")}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	must(0, os.WriteFile(s.roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))(t)
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	body, ok := s.files[r.URL.Path]
	s.mu.Unlock()
	switch {
	case !ok || body == nil:
		http.NotFound(w, r)
	case strings.HasPrefix(r.URL.Path, "/dying/kith-"):
		w.Header().Set("Content-Length", "99999999")
		w.Write(body)
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body)
	}
}

// put lays the files of a release below a path, after spoil has had them.
func (s *shelf) put(t *testing.T, path, dir string, spoil func(name string, body []byte) []byte) string {
	t.Helper()
	entries := must(os.ReadDir(dir))(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.files[path+e.Name()] = spoil(e.Name(), must(os.ReadFile(filepath.Join(dir, e.Name())))(t))
	}
	return s.URL + path
}

func unspoilt(_ string, body []byte) []byte { return body }

// newReleaseKey writes a key as openssl does, and returns the name of its file.
func newReleaseKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	must(0, err)(t)
	raw := must(x509.MarshalPKCS8PrivateKey(key))(t)
	name := filepath.Join(t.TempDir(), "key.pem")
	must(0, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))(t)
	return name
}

// makeRelease runs tools/release for this machine, and returns the folder.
func makeRelease(t *testing.T, version, date, key string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), version)
	args := []string{"run", "kith/tools/release", "-version", version, "-date", date, "-out", out, "-targets", runtime.GOOS + "/" + runtime.GOARCH}
	if key != "" {
		args = append(args, "-key", key)
	}
	said, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	if signed := !bytes.Contains(said, []byte("NOT SIGNED")); err != nil || signed != (key != "") {
		t.Fatalf("make the release: %v\n%s", err, said)
	}
	return out
}

// installed is a program of a release, in a folder of its own.
type installed struct {
	t    *testing.T
	s    *shelf
	name string
}

func install(t *testing.T, s *shelf, release string) installed {
	t.Helper()
	return installIn(t, t.TempDir(), s, release)
}

func installIn(t *testing.T, dir string, s *shelf, release string) installed {
	t.Helper()
	programs := must(filepath.Glob(filepath.Join(release, "kith-*")))(t)
	i := installed{t, s, filepath.Join(dir, "kith")}
	must(0, os.WriteFile(i.name, must(os.ReadFile(programs[0]))(t), 0o755))(t)
	return i
}

// update runs `kith update` and returns what it printed, and its exit code.
func (i installed) update(answer string, args ...string) (string, int) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, i.name, append([]string{"update"}, args...)...)
	c.Env = append(os.Environ(), "SSL_CERT_FILE="+i.s.roots)
	c.Stdin = strings.NewReader(answer)
	out, problems, code := run(i.t, c)
	return out + problems, code
}

// check runs the program, and the one before unless that is to be missing, and looks for what is left over.
func (i installed) check(version, previous string) {
	i.t.Helper()
	want := 1
	if i.says(i.name, version); previous != "" {
		want = 2
		i.says(i.name+".previous", previous)
	}
	if entries := must(os.ReadDir(filepath.Dir(i.name)))(i.t); len(entries) != want {
		i.t.Errorf("the folder has %v", entries)
	}
}

func (i installed) says(name, version string) {
	i.t.Helper()
	out, problems, _ := run(i.t, exec.CommandContext(i.t.Context(), name, "version"))
	if !strings.HasPrefix(out, "kith "+version+"\n") {
		i.t.Errorf("%s says %q %q, want %s", filepath.Base(name), out, problems, version)
	}
}

// editions are two releases signed by one key, on a shelf.
type editions struct {
	s          *shelf
	one, two   string // their folders
	ones, twos string // their addresses
}

func newEditions(t *testing.T) editions {
	t.Helper()
	key, s := newReleaseKey(t), newShelf(t)
	e := editions{s: s, one: makeRelease(t, "v1.0.0", "1790000000", key), two: makeRelease(t, "v2.0.0", "1795000000", key)}
	e.ones, e.twos = s.put(t, "/one/", e.one, unspoilt), s.put(t, "/two/", e.two, unspoilt)
	return e
}

// TestUpdate makes signed releases with the tool that makes them, and updates real programs from an https server.
func TestUpdate(t *testing.T) {
	t.Parallel()
	e := newEditions(t)
	t.Run("to a newer one and back", e.checkForth)
	t.Run("to an older one only when that is meant", e.checkBack)
	t.Run("signed by somebody else", func(t *testing.T) {
		e.checkRefused(t, makeRelease(t, "v1.0.0", "1790000000", newReleaseKey(t)), e.twos, "not signed by the key")
	})
	t.Run("built without a key", func(t *testing.T) {
		e.checkRefused(t, makeRelease(t, "v1.0.0", "1790000000", ""), e.twos, "without the key")
	})
	t.Run("over http", func(t *testing.T) { e.checkRefused(t, e.one, "http://127.0.0.1:1/", "https://") })
	t.Run("from nowhere", func(t *testing.T) { e.checkRefused(t, e.one, "", "does not know where") })
	t.Run("with nothing to go back to", func(t *testing.T) {
		if said, code := install(t, e.s, e.one).update("", "--undo"); code == 0 {
			t.Error(said)
		}
	})
	t.Run("onto a full disk", e.checkFull)
	for name, spoilt := range spoiltReleases {
		t.Run(name, func(t *testing.T) {
			e.checkRefused(t, e.one, e.s.put(t, spoilt.path, e.two, spoilt.how), spoilt.want)
		})
	}
}

// checkForth declines an update, takes it, and goes back.
func (e editions) checkForth(t *testing.T) {
	i := install(t, e.s, e.one)
	if said, code := i.update("n\n", "--from", e.twos); code != 0 || !strings.Contains(said, "v2.0.0 of 2026-11-18") || !strings.Contains(said, "Nothing was changed") {
		t.Errorf("declined: %d %s", code, said)
	}
	i.check("v1.0.0", "")
	if said, code := i.update("y\n", "--from", e.twos); code != 0 || !strings.Contains(said, "100 %") {
		t.Errorf("%d %s", code, said)
	}
	i.check("v2.0.0", "v1.0.0")
	if said, code := i.update("", "--from", e.twos); code != 0 || !strings.Contains(said, "newest") {
		t.Errorf("again: %d %s", code, said)
	}
	if said, code := i.update("", "--undo"); code != 0 {
		t.Errorf("undo: %d %s", code, said)
	}
	i.check("v1.0.0", "v2.0.0")
}

func (e editions) checkBack(t *testing.T) {
	i := install(t, e.s, e.two)
	if said, code := i.update("y\n", "--from", e.ones); code == 0 || !strings.Contains(said, "--older") {
		t.Errorf("%d %s", code, said)
	}
	i.check("v2.0.0", "")
	if said, code := i.update("", "--from", e.ones, "--older", "--yes"); code != 0 {
		t.Errorf("%d %s", code, said)
	}
	i.check("v1.0.0", "v2.0.0")
}

// checkRefused looks whether an update says why it fails, and leaves everything as it was.
func (e editions) checkRefused(t *testing.T, release, from, want string) {
	i := install(t, e.s, release)
	if said, code := i.update("", "--from", from, "--yes"); code == 0 || !strings.Contains(said, want) {
		t.Errorf("%d %s", code, said)
	}
	i.check("v1.0.0", "")
}

// checkFull has place for one program and not for two.
func (e editions) checkFull(t *testing.T) {
	i := installIn(t, smallDisk(t, "30m"), e.s, e.one)
	if said, code := i.update("", "--from", e.twos, "--yes"); code == 0 || !strings.Contains(said, "no space left") {
		t.Errorf("%d %s", code, said)
	}
	i.check("v1.0.0", "")
}

// spoiltReleases are what an update must not take; a file that is spoilt to nil is not there.
var spoiltReleases = map[string]struct {
	path, want string
	how        func(name string, body []byte) []byte
}{
	"a flipped byte": {"/flipped/", "not the one that was signed", func(name string, body []byte) []byte {
		if strings.HasPrefix(name, "kith-") {
			body[len(body)/2] ^= 1
		}
		return body
	}},
	"a program cut short": {"/short/", "not the one that was signed", func(name string, body []byte) []byte {
		if strings.HasPrefix(name, "kith-") {
			body = body[:len(body)/2]
		}
		return body
	}},
	"a network that dies": {"/dying/", "unexpected EOF", unspoilt},
	"another list": {"/list/", "not signed by the key", func(_ string, body []byte) []byte {
		return bytes.Replace(body, []byte("v2.0.0"), []byte("v2.0.1"), 1)
	}},
	"no signature": {"/unsigned/", "404", func(name string, body []byte) []byte {
		if name == "checksums.txt.sig" {
			return nil
		}
		return body
	}},
}

// smallDisk returns a file system in memory, of the given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	disk := t.TempDir()
	err := syscall.Mount("kith", disk, "tmpfs", 0, "size="+size+",mode=0700")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("mounting a small file system takes root")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	return disk
}
