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

// gateway is an S3 server that nobody here wrote. It checks signatures.
type gateway struct {
	address string // http://host:port
	binary  string
	root    string // with a folder for each bucket
	cmd     *exec.Cmd
}

const (
	s3Key    = "AKANA"
	s3Secret = "the secret of ana"
)

func newGateway(t *testing.T, root string) *gateway {
	t.Helper()
	binary, err := exec.LookPath("versitygw")
	if named := os.Getenv("KITH_VERSITYGW"); named != "" {
		binary, err = named, nil
	}
	if err != nil {
		t.Skip("NOT TESTED: a backup at another program's S3 server; versitygw is not installed (`make s3` fetches it)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{address: "http://" + l.Addr().String(), binary: binary, root: root}
	if err := errors.Join(l.Close(), os.MkdirAll(filepath.Join(root, "data", "ana"), 0o700), os.MkdirAll(filepath.Join(root, "meta"), 0o700)); err != nil {
		t.Fatal(err)
	}
	g.start(t)
	t.Cleanup(g.kill)
	return g
}

func (g *gateway) start(t *testing.T) {
	t.Helper()
	g.cmd = exec.Command(g.binary, "--access", s3Key, "--secret", s3Secret, "--port", strings.TrimPrefix(g.address, "http://"),
		"posix", "--sidecar", filepath.Join(g.root, "meta"), filepath.Join(g.root, "data"))
	var said strings.Builder
	g.cmd.Stdout, g.cmd.Stderr = &said, &said
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(g.address)
		if err == nil {
			r.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			g.kill()
			t.Fatalf("the S3 server does not answer: %v\n%s", err, said.String())
		}
	}
}

// kill ends the server at once.
func (g *gateway) kill() {
	g.cmd.Process.Kill()
	g.cmd.Wait()
}

// bucket is the address of a bucket as a person names it.
func (g *gateway) bucket(name string) string {
	return "s3://" + name + "/pods/me?endpoint=" + g.address
}

func (g *gateway) place(t *testing.T) archive.Place {
	t.Helper()
	address, err := checkPlace(Config{}, g.bucket("ana"))
	if err != nil {
		t.Fatal(err)
	}
	place, err := Backup{Address: address, Account: s3Key, secret: s3Secret}.place()
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// TestBackupAndRestoreByS3 goes the way of a person: add, run, delete, run, restore on an empty machine.
func TestBackupAndRestoreByS3(t *testing.T) {
	g := newGateway(t, t.TempDir())
	s := newBareVault(t)
	for _, c := range []struct{ name, address, key, secret, want string }{
		{"the wrong secret", g.bucket("ana"), s3Key, "wrong", "does not take this access key"},
		{"an unknown key", g.bucket("ana"), "AKBEN", s3Secret, "does not take this access key"},
		{"a bucket that is not there", g.bucket("nowhere"), s3Key, s3Secret, "there is no such bucket"},
		{"no bucket at all", "s3:///x?endpoint=" + g.address, s3Key, s3Secret, "no name of a bucket"},
		{"a parameter that is none", g.bucket("ana") + "&password=x", s3Key, s3Secret, "says nothing of a bucket"},
	} {
		if _, err := s.person.AddBackup(t.Context(), c.address, c.key, c.secret, time.Hour); !errors.Is(err, ErrPlace) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := s.person.AddBackup(t.Context(), g.bucket("ana"), s3Key, s3Secret, time.Hour); err != nil {
		t.Fatal(err)
	}
	s.want(t, 201, "PUT", "a/large", strings.Repeat("large", 2<<20))
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	s.want(t, 204, "DELETE", "a/b/photo.jpg", "")
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	if _, r, err := s.person.VerifyBackup(t.Context(), s.only(t).ID, nil); err != nil || r.Done != r.Total {
		t.Errorf("%+v, %v", r, err)
	}
	kit, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	other := Config{Data: t.TempDir(), URL: "http://elsewhere.example/", Listen: "127.0.0.1:0", Now: time.Now}
	if _, _, err := Restore(t.Context(), other, g.bucket("ana"), s3Key, s3Secret, kit, nil); err != nil {
		t.Fatal(err)
	}
	was, is := files(t, s.tree()), files(t, filepath.Join(other.Data, "pods", DefaultName))
	for name, text := range was {
		if !strings.Contains(name, "backup") && is[name] != text {
			t.Errorf("%s is not as it was", name)
		}
	}
	for name, text := range files(t, filepath.Join(g.root, "data")) {
		if strings.Contains(text, "AGE-SECRET") || strings.Contains(text, "largelarge") || strings.Contains(name, "photo") {
			t.Errorf("the server can read %s", name)
		}
	}
}

// TestBackupAtAnS3ServerThatDies kills the server in the middle of each file in turn.
func TestBackupAtAnS3ServerThatDies(t *testing.T) {
	g := newGateway(t, t.TempDir())
	s := newBareVault(t)
	place, kits, o := g.place(t), &kitBox{}, archive.Options{Now: time.Now}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Fatal(err)
	}
	before := isWhole(t, place, kits)
	for i := range 2 {
		s.want(t, 201, "PUT", fmt.Sprintf("a/more-%d", i), strings.Repeat("more", 1<<20))
	}
	for n := 1; n <= 3; n++ { // two files, and the keyring
		dying := &fading{left: n, server: g}
		if _, err := archive.Backup(t.Context(), s.replica(t), dying.place(t), kits, o); err == nil || dying.left > 0 {
			t.Fatalf("a run ended well though its server died in file %d: %v", n, err)
		}
		g.start(t)
		if now := isWhole(t, place, kits); now != before {
			t.Errorf("half of a backup counts: %d files, not %d", now, before)
		}
	}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Fatal(err)
	}
	if now := isWhole(t, place, kits); now != before+2 {
		t.Errorf("%d files, want %d", now, before+2)
	}
}

// TestTwoMachinesAtOneS3Bucket: this server heeds no If-None-Match.
func TestTwoMachinesAtOneS3Bucket(t *testing.T) {
	g := newGateway(t, t.TempDir())
	newBareVault(t).twoMachines(t, g.place(t), "objects/")
}

func TestTwoMachinesAtOnceAtOneS3Bucket(t *testing.T) {
	g := newGateway(t, t.TempDir())
	newBareVault(t).atOnce(t, 25, func() archive.Place { return g.place(t) })
}

// fading is a server that is killed while the nth file comes over the wire.
type fading struct {
	left   int
	server *gateway
}

// RoundTrip implements http.RoundTripper.
func (f *fading) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		if f.left--; f.left == 0 {
			r.Body = struct {
				io.Reader
				io.Closer
			}{&halfway{Reader: r.Body, then: f.server.kill}, r.Body}
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (f *fading) place(t *testing.T) archive.Place {
	t.Helper()
	b, err := parseBucket(f.server.bucket("ana"))
	if err != nil {
		t.Fatal(err)
	}
	b.Key, b.Secret = s3Key, s3Secret
	place, err := archive.S3(&http.Client{Transport: f}, b, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// TestBackupAtAFullS3Server fills the disk of the server.
func TestBackupAtAFullS3Server(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("NOT TESTED: a backup at a full S3 server, because this process may not mount a small file system (%v); run it as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	g := newGateway(t, dir)
	s := newBareVault(t)
	place, kits, o := g.place(t), &kitBox{}, archive.Options{Now: time.Now}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, o); err != nil {
		t.Fatal(err)
	}
	before := isWhole(t, place, kits)
	s.want(t, 201, "PUT", "a/large", strings.Repeat("large", 2<<20))
	if _, err := archive.Backup(context.WithoutCancel(t.Context()), s.replica(t), place, kits, o); err == nil {
		t.Error("ten megabytes are in four")
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
