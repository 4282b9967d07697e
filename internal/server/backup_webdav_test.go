//go:build linux

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/sync/archive"
)

// apache is a WebDAV server that nobody here wrote.
type apache struct {
	address string
	conf    string
	binary  string
	root    string
	cmd     *exec.Cmd
}

const apacheModules = "/usr/lib/apache2/modules"

func newApache(t *testing.T, root string) *apache {
	t.Helper()
	binary, err := exec.LookPath("apache2")
	if _, statErr := os.Stat(filepath.Join(apacheModules, "mod_dav_fs.so")); err != nil || statErr != nil {
		t.Skip("NOT TESTED: a backup at another program's WebDAV server; apache2 is not installed (Debian: apt-get install apache2-bin)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, dir := l.Addr().String(), t.TempDir()
	l.Close()
	conf := fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
Listen %[2]s
PidFile %[1]s/pid
ErrorLog %[1]s/log
DocumentRoot %[3]s
`, dir, address, root)
	for _, m := range []string{"mpm_event", "authz_core", "dav", "dav_fs"} {
		conf += fmt.Sprintf("LoadModule %s_module %s/mod_%s.so\n", m, apacheModules, m)
	}
	conf += fmt.Sprintf("User #%d\nGroup #%d\nDavLockDB %s/locks\n<Directory %s>\nDav On\nRequire all granted\n</Directory>\n", os.Getuid(), os.Getgid(), dir, root)
	if os.Getuid() == 0 { // the server does not serve as root
		conf = strings.Replace(conf, "User #0\nGroup #0\n", "User www-data\nGroup www-data\n", 1)
		for _, d := range []string{dir, root} {
			openTo(t, d)
		}
	}
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	a := &apache{address: "http://" + address + "/kith/", conf: file, binary: binary, root: root}
	a.start(t)
	t.Cleanup(func() { a.kill() })
	return a
}

// openTo lets another user reach a folder and write into it.
func openTo(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for up := filepath.Dir(dir); up != "/" && up != "/tmp"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func (a *apache) start(t *testing.T) {
	t.Helper()
	a.cmd = exec.Command(a.binary, "-f", a.conf, "-DFOREGROUND")
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(a.address)
		if err == nil {
			r.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(filepath.Dir(a.conf), "log"))
			t.Fatalf("apache does not answer: %v\n%s", err, log)
		}
	}
}

// kill ends the server and all its processes at once, and waits until none of them has the port any more.
func (a *apache) kill() {
	syscall.Kill(-a.cmd.Process.Pid, syscall.SIGKILL)
	a.cmd.Wait()
	host := strings.TrimSuffix(strings.TrimPrefix(a.address, "http://"), "/kith/")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", host)
		if err != nil {
			return
		}
		c.Close()
	}
}

// dies is a place whose server is killed in the middle of the nth file.
type dies struct {
	archive.Place
	left   int
	server *apache
}

func (d *dies) Put(ctx context.Context, name string, body io.Reader) error {
	if d.left--; d.left == 0 {
		body = &halfway{Reader: body, then: d.server.kill}
	}
	return d.Place.Put(ctx, name, body)
}

func (d *dies) Create(ctx context.Context, name string, body io.Reader) error {
	if d.left--; d.left == 0 {
		body = &halfway{Reader: body, then: d.server.kill}
	}
	return d.Place.Create(ctx, name, body)
}

// halfway does something after the first bytes.
type halfway struct {
	io.Reader
	then func()
}

func (h *halfway) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p[:min(len(p), 100)])
	if h.then != nil {
		h.then()
		h.then = nil
	}
	return n, err
}

// TestBackupAtAServerThatDies kills the server in the middle of each file in turn.
func TestBackupAtAServerThatDies(t *testing.T) {
	s := newBareVault(t)
	a := newApache(t, t.TempDir())
	place, err := archive.WebDAV(http.DefaultClient, a.address, "", "")
	if err != nil {
		t.Fatal(err)
	}
	kits, o := &kitBox{}, archive.Options{Now: time.Now}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Fatal(err)
	}
	before := isWhole(t, place, kits)
	for i := range 4 {
		s.want(t, 201, "PUT", fmt.Sprintf("a/more-%d", i), strings.Repeat("more", 100_000))
	}
	for n := 1; n <= 5; n++ { // four files, and the keyring
		_, err := archive.Backup(t.Context(), s.replica(t), &dies{place, n, a}, kits, o)
		a.start(t)
		if err == nil {
			t.Fatalf("a run ended well though its server died in file %d", n)
		}
		if now := isWhole(t, place, kits); now != before {
			t.Errorf("half of a backup counts: %d files, not %d", now, before)
		}
	}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Fatal(err)
	}
	if now := isWhole(t, place, kits); now != before+4 {
		t.Errorf("%d files, want %d", now, before+4)
	}
}

func TestTwoMachinesAtOneServer(t *testing.T) {
	s := newBareVault(t)
	place, err := archive.WebDAV(http.DefaultClient, newApache(t, t.TempDir()).address, "", "")
	if err != nil {
		t.Fatal(err)
	}
	s.twoMachines(t, place, "keyring-")
}

// TestTwoMachinesAtOnceAtOneServer, also where nothing is heard of conditions.
func TestTwoMachinesAtOnceAtOneServer(t *testing.T) {
	for name, asker := range map[string]http.RoundTripper{"a server that heeds conditions": http.DefaultTransport, "one that does not": unconditional{}} {
		t.Run(name, func(t *testing.T) {
			a := newApache(t, t.TempDir())
			newBareVault(t).atOnce(t, 8, func() archive.Place {
				place, err := archive.WebDAV(&http.Client{Transport: asker}, a.address, "", "")
				if err != nil {
					t.Fatal(err)
				}
				return place
			})
		})
	}
}

// unconditional has no server hear of conditions.
type unconditional struct{}

// RoundTrip implements http.RoundTripper.
func (unconditional) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Del("If-None-Match")
	return http.DefaultTransport.RoundTrip(r)
}

// TestBackupAtAFullServer fills the disk of the server.
func TestBackupAtAFullServer(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("NOT TESTED: a backup at a full server, because this process may not mount a small file system (%v); run it as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := newBareVault(t)
	a := newApache(t, dir)
	place, err := archive.WebDAV(http.DefaultClient, a.address, "", "")
	if err != nil {
		t.Fatal(err)
	}
	kits, o := &kitBox{}, archive.Options{Now: time.Now}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Fatal(err)
	}
	before := isWhole(t, place, kits)
	s.want(t, 201, "PUT", "a/large", strings.Repeat("large", 400_000))
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err == nil {
		t.Error("two megabytes are in one")
	}
	if now := isWhole(t, place, kits); now != before {
		t.Errorf("%d files, want %d", now, before)
	}
	s.want(t, 204, "DELETE", "a/large", "")
	s.want(t, 201, "PUT", "a/small", "small")
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Errorf("when it fits again: %v", err)
	}
	if now := isWhole(t, place, kits); now != before+1 {
		t.Errorf("%d files, want %d", now, before+1)
	}
}

// TestBackupAtASlowServer lets the bytes trickle, and gives up when nobody wants the run any more.
func TestBackupAtASlowServer(t *testing.T) {
	s := newBareVault(t)
	a := newApache(t, t.TempDir())
	slow := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &trickle{c}, err
	}}}
	place, err := archive.WebDAV(slow, a.address, "", "")
	if err != nil {
		t.Fatal(err)
	}
	kits, o := &kitBox{}, archive.Options{Now: time.Now}
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := archive.Backup(soon, s.replica(t), place, kits, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a run that nobody wants any more: %v", err)
	}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Fatal(err)
	}
	isWhole(t, place, kits)
}

// trickle is a connection over which bytes move slowly.
type trickle struct{ net.Conn }

func (c *trickle) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		time.Sleep(time.Millisecond)
		var w int
		w, err = c.Conn.Write(p[n:min(n+1000, len(p))])
		n += w
	}
	return n, err
}
