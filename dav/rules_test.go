package dav_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/dav"
)

// drive is a pod as its owner mounts it.
type drive struct {
	t       *testing.T
	handler *dav.Handler
	owner   *acl.View
}

func newDrive(t *testing.T) *drive {
	owner, _ := newPod(t)
	return &drive{t, dav.New(prefix, base, time.Now), owner}
}

// want sends a request, whose header alternates names and values, and fails
// unless the status is as wanted.
func (d *drive) want(status int, method, path, body string, header ...string) http.Header {
	d.t.Helper()
	r := httptest.NewRequest(method, "https://pod.example"+prefix+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.Serve(w, r, d.owner)
	if w.Code != status {
		d.t.Fatalf("%s %s %q: %d %s, want %d", method, path, header, w.Code, w.Body, status)
	}
	return w.Header()
}

const lockInfo = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>Ana</owner></lockinfo>`

// lock locks something and returns the token, with its brackets.
func (d *drive) lock(path string) string {
	d.t.Helper()
	return d.want(200, "LOCK", path, lockInfo).Get("Lock-Token")
}

// TestALockedFileStays, whatever is done to what it lies in (RFC 4918 §7, §9.6.1).
func TestALockedFileStays(t *testing.T) {
	d := newDrive(t)
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "PUT", "/box/locked", "1")
	d.want(201, "PUT", "/box/free", "1")
	token := d.lock("/box/locked")
	at := "https://pod.example" + prefix
	d.want(423, "PUT", "/box/locked", "2")
	d.want(423, "DELETE", "/box/locked", "")
	d.want(423, "DELETE", "/box/", "")
	d.want(423, "MOVE", "/box/", "", "Destination", at+"/elsewhere/")
	d.want(423, "COPY", "/box/free", "", "Destination", at+"/box/locked")
	d.want(423, "MOVE", "/note", "", "Destination", at+"/box/")
	d.want(201, "COPY", "/box/", "", "Destination", at+"/copy/") // which only reads it
	d.want(204, "PUT", "/box/free", "2")
	d.want(204, "PUT", "/box/locked", "2", "If", "("+token+")")
	d.want(409, "UNLOCK", "/box/locked", "", "Lock-Token", "<1>")
	d.want(204, "UNLOCK", "/box/locked", "", "Lock-Token", token)
	d.want(204, "DELETE", "/box/", "")
}

// TestNothingIsSwallowed: what would be removed with the place that it is to take stays.
func TestNothingIsSwallowed(t *testing.T) {
	d := newDrive(t)
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "MKCOL", "/box/in/", "")
	d.want(201, "PUT", "/box/in/file", "1")
	at := "https://pod.example" + prefix
	for _, c := range [][3]string{
		{"MOVE", "/box/", "/box/in/more/"}, {"MOVE", "/box", "/box/more"}, {"MOVE", "/box/in/", "/box/"}, {"MOVE", "/box/in/file", "/box"},
		{"COPY", "/box/in/", "/box/"}, {"COPY", "/box/in/file", "/box/in"}, {"COPY", "/box/", "/"},
	} {
		d.want(409, c[0], c[1], "", "Destination", at+c[2])
		d.want(200, "GET", "/box/in/file", "")
	}
	d.want(201, "COPY", "/box/", "", "Destination", at+"/box2/")
	d.want(201, "COPY", "/box/", "", "Destination", at+"/box/copy/")
}

// TestIfHeaders are evaluated for tokens and entity tags, each also with Not
// (RFC 4918 §10.4).
func TestIfHeaders(t *testing.T) {
	d := newDrive(t)
	tag := func() string { return d.want(200, "HEAD", "/note", "").Get("ETag") }
	d.want(204, "PUT", "/note", "by its tag", "If", "(["+tag()+"])")
	d.want(412, "PUT", "/note", "x", "If", `(["another"])`)
	d.want(412, "PUT", "/note", "x", "If", "(Not ["+tag()+"])")
	d.want(204, "PUT", "/note", "no lock", "If", "(Not <DAV:no-lock>)")
	d.want(412, "PUT", "/note", "x", "If", "(<urn:uuid:1>)")
	token := d.lock("/note")
	d.want(423, "PUT", "/note", "x", "If", "(["+tag()+"])")
	d.want(423, "PUT", "/note", "x", "If", "(Not <DAV:no-lock>)")
	d.want(412, "PUT", "/note", "x", "If", "(Not "+token+")")
	d.want(204, "PUT", "/note", "either", "If", "(<urn:uuid:1>) ("+token+")")
	d.want(204, "PUT", "/note", "both", "If", "("+token+" ["+tag()+"])")
	d.want(412, "PUT", "/note", "x", "If", "("+token+` ["another"])`)
}

// TestLocksEndAndAreToldApart: tokens are URIs, and no lock is for ever (RFC 4918 §6.5, §10.7).
func TestLocksEndAndAreToldApart(t *testing.T) {
	d, other := newDrive(t), newDrive(t)
	form := regexp.MustCompile(`^<opaquelocktoken:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}>$`)
	first, second := d.lock("/note"), other.lock("/note")
	if !form.MatchString(first) || first == second {
		t.Errorf("the tokens are %s and %s", first, second)
	}
	for asked, want := range map[string]string{"": "Second-3600", "Infinite": "Second-3600", "Infinite, Second-4100000000": "Second-3600", "Second-90": "Second-90", "Second-0": "Second-3600"} {
		r := httptest.NewRequest("LOCK", "https://pod.example"+prefix+"/note", nil)
		r.Header.Set("If", "("+first+")")
		r.Header.Set("Timeout", asked)
		w := httptest.NewRecorder()
		d.handler.Serve(w, r, d.owner)
		if w.Code != 200 || !strings.Contains(w.Body.String(), "<D:timeout>"+want+"</D:timeout>") {
			t.Errorf("Timeout %q: %d %s", asked, w.Code, w.Body)
		}
	}
}

// TestStatusesOfADrive are those of RFC 9110 and RFC 4918.
func TestStatusesOfADrive(t *testing.T) {
	d := newDrive(t)
	d.want(201, "PUT", "/new", "1")
	d.want(204, "PUT", "/new", "2")
	d.want(400, "PUT", "/new", "3", "Content-Range", "bytes 0-0/2")
	d.want(409, "LOCK", "/absent/file", lockInfo)
	d.want(409, "PUT", "/absent/file", "1")
	d.want(400, "PROPFIND", "/", "", "Depth", "2")
	d.want(403, "PROPFIND", "/", "", "Depth", "Infinity")
	for path, has := range map[string]string{"/new": "GET", "/": "PROPFIND", "/absent": "MKCOL"} {
		if allow := d.want(405, "BREW", path, "").Get("Allow"); !strings.Contains(allow, has) {
			t.Errorf("of %s Allow is %q", path, allow)
		}
	}
	if allow := d.want(405, "MKCOL", "/new", "").Get("Allow"); !strings.Contains(allow, "PUT") {
		t.Errorf("Allow is %q", allow)
	}
}
