package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// drive is a server with one person's network drive.
type drive struct {
	*httptest.Server
	kith     *Server
	person   Person
	password Password
}

func newDrive(t *testing.T) *drive {
	t.Helper()
	c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	d := &drive{Server: httptest.NewServer(withStallLimits(s)), kith: s, person: Person{c, DefaultName}}
	t.Cleanup(func() {
		d.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if d.password, err = d.person.AddPassword(t.Context(), "laptop"); err != nil {
		t.Fatal(err)
	}
	return d
}

// ask sends a request to the drive; header alternates names and values.
func (d *drive) ask(t *testing.T, password, method, path, body string, header ...string) (status int, answer string, h http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if password != "" {
		r.SetBasicAuth("anybody", password)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestDriveOpensWithItsPasswordOnly(t *testing.T) {
	d := newDrive(t)
	secret := d.password.Secret
	status := func(password, method, path string) int {
		t.Helper()
		got, _, _ := d.ask(t, password, method, path, "", "Depth", "1")
		return got
	}
	for _, c := range []struct {
		name, password, method, path string
		want                         int
	}{
		{"the password", secret, "PROPFIND", "/me/.dav/", 207},
		{"none", "", "PROPFIND", "/me/.dav/", 401},
		{"another", "aaaaa-aaaaa-aaaaa-aaaaa", "PROPFIND", "/me/.dav/", 401},
		{"the pod of a name that nobody has", secret, "PROPFIND", "/nobody/.dav/", 401},
		{"the password elsewhere than at the drive", secret, "GET", "/me/", 401},
		{"the password at the replica", secret, "GET", "/me/.replica", 401},
		{"all at once", secret, "PROPFIND", "/me/.dav/social/", 207},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := status(c.password, c.method, c.path); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
		})
	}
	if got, _, _ := d.ask(t, secret, "PROPFIND", "/me/.dav/", "", "Depth", "infinity"); got != 403 {
		t.Errorf("the whole pod in one answer: %d", got)
	}
	if got, _, _ := d.ask(t, secret, "PUT", "/me/.dav/contacts/x", "a friend"); got != 403 && got != 409 {
		t.Errorf("a drive writes contacts: %d", got)
	}
	if err := d.person.RevokePassword(t.Context(), d.password.ID); err != nil {
		t.Fatal(err)
	}
	if got := status(secret, "PROPFIND", "/me/.dav/"); got != 401 {
		t.Errorf("after it was revoked: %d", got)
	}
}

func TestDriveKeepsFilesAsTheyAre(t *testing.T) {
	d := newDrive(t)
	secret := d.password.Secret
	expect := func(want int, method, path, body string, header ...string) http.Header {
		t.Helper()
		got, text, h := d.ask(t, secret, method, path, body, header...)
		if got != want {
			t.Fatalf("%s %s: %d %s, want %d", method, path, got, text, want)
		}
		return h
	}
	expect(201, "MKCOL", "/me/.dav/photos/", "")
	tag := expect(201, "PUT", "/me/.dav/photos/a.jpg", "jpg").Get("ETag")
	if h := expect(200, "GET", "/me/.dav/photos/a.jpg", ""); h.Get("Content-Type") != "image/jpeg" || h.Get("ETag") != tag || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", h)
	}
	expect(412, "PUT", "/me/.dav/photos/a.jpg", "other", "If-None-Match", "*")
	expect(412, "PUT", "/me/.dav/photos/a.jpg", "other", "If-Match", `"not this"`)
	expect(204, "PUT", "/me/.dav/photos/a.jpg", "jpg, later", "If-Match", tag)
	expect(409, "PUT", "/me/.dav/nowhere/a.jpg", "x")
	expect(422, "PUT", "/me/.dav/bad.ttl", "<no turtle")
	expect(201, "MOVE", "/me/.dav/photos/", "", "Destination", d.URL+"/me/.dav/pictures")
	expect(404, "GET", "/me/.dav/photos/a.jpg", "")
	if _, text, _ := d.ask(t, secret, "GET", "/me/.dav/pictures/a.jpg", ""); text != "jpg, later" {
		t.Errorf("moved: %q", text)
	}
	expect(409, "MOVE", "/me/.dav/pictures", "", "Destination", d.URL+"/me/.dav/pictures/inner")
	expect(204, "DELETE", "/me/.dav/pictures", "")
	expect(404, "GET", "/me/.dav/pictures/a.jpg", "")
}

// TestDriveStoresNoHalf breaks the connection in the middle of a file.
func TestDriveStoresNoHalf(t *testing.T) {
	d := newDrive(t)
	secret := d.password.Secret
	if got, _, _ := d.ask(t, secret, "PUT", "/me/.dav/kept.txt", "whole"); got != 201 {
		t.Fatal(got)
	}
	for _, name := range []string{"kept.txt", "new.txt"} {
		c, err := net.Dial("tcp", d.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest("PUT", d.URL+"/me/.dav/"+name, nil)
		r.SetBasicAuth("me", secret)
		fmt.Fprintf(c, "PUT /me/.dav/%s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 100000\r\n\r\nhalf", name, r.Header.Get("Authorization"))
		c.(*net.TCPConn).CloseWrite()
		c.SetReadDeadline(time.Now().Add(stallTime))
		line, _ := bufio.NewReader(c).ReadString('\n')
		c.Close()
		if strings.Contains(line, " 20") {
			t.Errorf("%s: half a file was answered with %q", name, line)
		}
	}
	if _, text, _ := d.ask(t, secret, "GET", "/me/.dav/kept.txt", ""); text != "whole" {
		t.Errorf("replaced by %q", text)
	}
	if got, _, _ := d.ask(t, secret, "GET", "/me/.dav/new.txt", ""); got != 404 {
		t.Errorf("half a new file is there: %d", got)
	}
}

// TestDriveTellsOfLocks by the addresses that it has there, to whichever app password of the person.
func TestDriveTellsOfLocks(t *testing.T) {
	d := newDrive(t)
	other, err := d.person.AddPassword(t.Context(), "phone")
	if err != nil {
		t.Fatal(err)
	}
	const lock = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>Ana</owner></lockinfo>`
	status, text, h := d.ask(t, d.password.Secret, "LOCK", "/me/.dav/a%20b.txt", lock)
	token := strings.Trim(h.Get("Lock-Token"), "<>")
	const root = "<D:lockroot><D:href>/me/.dav/a%20b.txt</D:href></D:lockroot>"
	if status != 201 || token == "" || !strings.Contains(text, root) {
		t.Fatalf("LOCK: %d %s", status, text)
	}
	const ask = `<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/><D:supportedlock/></D:prop></D:propfind>`
	_, text, _ = d.ask(t, other.Secret, "PROPFIND", "/me/.dav/a%20b.txt", ask, "Depth", "0")
	for _, want := range []string{root, "<D:href>" + token + "</D:href>", "<D:lockentry", "<D:owner>Ana</D:owner>"} {
		if !strings.Contains(text, want) {
			t.Errorf("PROPFIND has no %s: %s", want, text)
		}
	}
	if status, _, _ = d.ask(t, other.Secret, "UNLOCK", "/me/.dav/a%20b.txt", "", "Lock-Token", "<"+token+">"); status != 204 {
		t.Errorf("UNLOCK: %d", status)
	}
	if _, text, _ = d.ask(t, other.Secret, "PROPFIND", "/me/.dav/a%20b.txt", ask, "Depth", "0"); strings.Contains(text, "activelock") || !strings.Contains(text, "<D:lockdiscovery>") {
		t.Errorf("after it ended: %s", text)
	}
}

// TestDriveSharesLocks between two programs, each of which writes with the token of its own.
func TestDriveSharesLocks(t *testing.T) {
	d := newDrive(t)
	other, err := d.person.AddPassword(t.Context(), "phone")
	if err != nil {
		t.Fatal(err)
	}
	const lock = `<lockinfo xmlns="DAV:"><lockscope><shared/></lockscope><locktype><write/></locktype><owner>Ana</owner></lockinfo>`
	expect := func(want int, password, method, body string, header ...string) (string, http.Header) {
		t.Helper()
		got, text, h := d.ask(t, password, method, "/me/.dav/shared.txt", body, header...)
		if got != want {
			t.Fatalf("%s %q: %d %s, want %d", method, header, got, text, want)
		}
		return text, h
	}
	_, h := expect(201, d.password.Secret, "LOCK", lock)
	first := h.Get("Lock-Token")
	_, h = expect(200, other.Secret, "LOCK", lock)
	second := h.Get("Lock-Token")
	expect(423, other.Secret, "LOCK", strings.Replace(lock, "shared", "exclusive", 1))
	expect(423, d.password.Secret, "PUT", "nobody's")
	expect(204, d.password.Secret, "PUT", "the first", "If", "("+first+")")
	expect(204, other.Secret, "PUT", "the second", "If", "("+second+")")
	if text, _ := expect(207, other.Secret, "PROPFIND", "", "Depth", "0"); strings.Count(text, "<D:activelock ") != 2 || strings.Count(text, "<D:lockentry ") != 2 {
		t.Errorf("PROPFIND: %s", text)
	}
	expect(204, d.password.Secret, "UNLOCK", "", "Lock-Token", first)
	expect(423, d.password.Secret, "PUT", "nobody's")
	expect(204, other.Secret, "PUT", "the second, later", "If", "("+second+")")
	expect(204, other.Secret, "UNLOCK", "", "Lock-Token", second)
	if text, _ := expect(200, d.password.Secret, "GET", ""); text != "the second, later" {
		t.Errorf("it holds %q", text)
	}
}

// TestLitmus lets another program's suite for WebDAV servers use the drive.
func TestLitmus(t *testing.T) {
	litmus, err := exec.LookPath("litmus")
	if err != nil {
		t.Skip("NOT TESTED: the drive with litmus, which is not installed (Debian: apt-get install litmus)")
	}
	d := newDrive(t)
	cmd := exec.CommandContext(t.Context(), litmus, "-k", d.URL+"/me/.dav/", "me", d.password.Secret)
	cmd.Dir = t.TempDir()          // where it writes its log
	out, _ := cmd.CombinedOutput() // the status is that of the last suite
	suites := 0
	for line := range strings.Lines(string(out)) {
		switch {
		case strings.Contains(line, "<- summary"):
			suites++
			t.Logf("%s", line)
		case strings.Contains(line, "WARNING"):
			t.Logf("%s", line)
		case strings.Contains(line, " FAIL"), strings.Contains(line, "SKIPPED"):
			t.Errorf("%s", line)
		}
	}
	if suites != 5 {
		t.Errorf("%d of 5 suites ran:\n%s", suites, out)
	}
}
