package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNamesThatNoPodCanHoldAreRefused asks for, writes and deletes what must never reach a file system,
// as the owner, who may do everything.
func TestNamesThatNoPodCanHoldAreRefused(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice", "zoe")
	alice := people[0]
	outside := filepath.Join(w.data, "secret.txt")
	must(0, os.WriteFile(outside, []byte("top secret outside"), 0o600))(t)
	w.put(alice, "there/file.txt", "text/plain", []byte("there"), http.StatusCreated)
	before := must(alice.Rows(w.ctx(), "", 0))(t)
	long := strings.Repeat("n", 300)
	for name, target := range map[string]string{
		"an encoded slash":              "there%2Ffile.txt",
		"an encoded slash, lower":       "there%2ffile.txt",
		"a climb":                       "../../secret.txt",
		"a climb from a folder":         "there/../../../secret.txt",
		"an encoded climb":              "%2e%2e/%2e%2e/secret.txt",
		"a half encoded climb":          ".%2e/.%2E/secret.txt",
		"a climb to another pod":        "../zoe/profile/devices",
		"a climb with encoded slashes":  "..%2f..%2fsecret.txt",
		"a doubly encoded climb's dots": "there/%2e%2e",
		"a dot":                         "./there/file.txt",
		"an encoded dot":                "there/%2e/file.txt",
		"a NUL":                         "there/file.txt%00.jpg",
		"a control character":           "there/%01",
		"a line break":                  "there/%0d%0aX-Injected:%201",
		"a DEL":                         "there/%7f",
		"a C1 control character":        "there/%C2%85",
		"an encoded backslash":          "there%5Cfile.txt",
		"a Windows climb":               "..%5C..%5Csecret.txt",
		"two slashes":                   "there//file.txt",
		"two slashes at first":          "/there/file.txt",
		"two slashes at last":           "there//",
		"not UTF-8":                     "there/%FF",
		"an overlong slash":             "there%C0%AFfile.txt",
		"half a surrogate":              "there/%ED%A0%80",
		"not in normal form C":          "there/e%CC%81.txt",
		"a reserved name":               ".kith-type.x",
		"a reserved name, upper case":   ".KITH",
		"a device":                      "there/CON",
		"a device with an extension":    "there/aux.txt",
		"a trailing dot":                "there/file.",
		"a trailing space":              "there/file.txt%20",
		"a name of 300 bytes":           "there/" + long,
		"60 containers":                 strings.Repeat("d/", 60),
		"a path of 6,000 bytes":         strings.Repeat(long[:100]+"/", 60) + "x",
		"an ACL of an ACL":              "there/file.txt.acl.acl",
		"a description of an ACL":       "there/file.txt.acl.meta",
		"a container called .acl":       "there/.acl/",
		"something in an ACL":           "there/.acl/file.txt",
		"a container called x.acl":      "there/x.acl/",
		"an ACL in another case":        "there/file.txt.ACL",
		"a broken escape":               "there/%zz",
		"half an escape":                "there/%2",
	} {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"} {
			w.checkRefused(name, alice, method, target)
			w.checkRefused(name+", raw", alice, method, ".replica/"+target)
		}
	}
	after := must(alice.Rows(w.ctx(), "", 0))(t)
	if before.Seq != after.Seq || len(before.Rows) != len(after.Rows) {
		t.Errorf("something was written: %d rows up to %d, then %d up to %d", len(before.Rows), before.Seq, len(after.Rows), after.Seq)
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "top secret outside" {
		t.Errorf("the file outside of the pod is now %q, %v", text, err)
	}
}

// checkRefused asks that a target has a 4xx and nothing of a file.
func (w *world) checkRefused(name string, who *resident, method, target string) {
	w.t.Helper()
	r := Request{Method: method, Target: target}
	if method == "PUT" || method == "POST" {
		r.Header, r.Body = fields("Content-Type", "text/plain", "Kith-Version", "99."+who.Device.kid, "Kith-Id", random(16)), []byte("hostile")
	}
	got := w.ask(who, r)
	if got.Status < 400 || got.Status >= 500 || bytes.Contains(got.Body, []byte("secret outside")) || got.Header.Get("X-Injected") != "" {
		w.t.Errorf("%s: %s %.80s: %d %.200s", name, method, target, got.Status, got.Body)
	}
}

// TestRequestsThatAreNoneAreRefused writes request lines and headers that no client would.
func TestRequestsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, "alice")
	host := "Host: localhost:8420\r\n"
	for name, text := range map[string]string{
		"no HTTP":                     "hello\r\n\r\n",
		"a raw backslash":             "GET /alice\\..\\.. HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"a raw NUL":                   "GET /alice/\x00 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"no host":                     "GET /alice/ HTTP/1.1\r\n\r\n",
		"two hosts":                   "GET /alice/ HTTP/1.1\r\n" + host + "Host: elsewhere.example\r\n\r\n",
		"two lengths":                 "PUT /alice/x HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"a negative length":           "PUT /alice/x HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
		"a broken chunk":              "POST /token HTTP/1.1\r\n" + host + "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
		"an unknown coding":           "PUT /alice/x HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, identity\r\n\r\n",
		"headers of 100 kB":           "GET /alice/ HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 100<<10) + "\r\n\r\n",
		"a header name with a space":  "GET /alice/ HTTP/1.1\r\n" + host + "Content Type: x\r\n\r\n",
		"a target of another server":  "GET http://elsewhere.example/alice/profile/card HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"a request for the whole":     "CONNECT localhost:22 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"a body where a length lies":  "POST /alice/.pair HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{\"a\":1}xx",
		"a body of a million objects": "POST /alice/.pair HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 60000\r\nConnection: close\r\n\r\n" + strings.Repeat("[", 60000),
	} {
		status := w.raw(text)
		if (status < 400 || status > 499) && status != http.StatusNotImplemented {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// raw writes text to a new connection and returns the status that comes back, 0 for none.
func (w *world) raw(text string) int {
	w.t.Helper()
	conn := must(w.wire.Dial(w.ctx()))(w.t)
	defer conn.Close()
	must(0, conn.SetDeadline(time.Now().Add(time.Minute)))(w.t)
	_, writeErr := io.WriteString(conn, text)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.t.Logf("%.40q: %v, %v", text, writeErr, err)
		return 0
	}
	return res.StatusCode
}

// TestTheBaseIsNeverTakenFromARequest asks under the names of other hosts.
func TestTheBaseIsNeverTakenFromARequest(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	w.put(alice, "a.txt", "text/plain", []byte("text"), http.StatusCreated)
	evil := &Wire{Base: "http://attacker.example/", Address: w.wire.Address}
	for _, target := range []string{"/alice/", "/alice/a.txt", "/alice/a.txt/", "/alice", "/token", "/.well-known/lws-configuration", "/.well-known/oauth-protected-resource/alice/", "/", "/nobody/"} {
		for _, method := range []string{"GET", "OPTIONS", "POST"} {
			r := Request{Method: method, Target: target, Header: fields("X-Forwarded-Host", "attacker.example", "Forwarded", "host=attacker.example", "X-Forwarded-Proto", "https")}
			got := w.ask(evil, r)
			if strings.Contains(fmt.Sprint(got.Header), "attacker") || bytes.Contains(got.Body, []byte("attacker")) {
				t.Errorf("%s %s: %v\n%s", method, target, got.Header, got.Body)
			}
		}
	}
	signed := must(alice.sign(w.ctx(), Request{Method: "GET", Target: "a.txt/"}))(t)
	moved := w.ask(evil, signed)
	if moved.Status != http.StatusMovedPermanently || moved.Header.Get("Location") != "../a.txt" {
		t.Errorf("moved with %d to %q", moved.Status, moved.Header.Get("Location"))
	}
}

// TestTwoNamesThatAPersonTakesForOneAreNotBothMade makes twins by case, by Unicode, and by a slash.
func TestTwoNamesThatAPersonTakesForOneAreNotBothMade(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	for _, c := range []struct{ name, first, second string }{
		{"case", "a/Letter.txt", "a/letter.txt"},
		{"case beyond ASCII", "a/%C3%89t%C3%A9.txt", "a/%C3%A9t%C3%A9.txt"},
		{"a compatibility form", "a/file.txt", "a/%EF%AC%81le.txt"},
		{"an invisible character", "a/plain.txt", "a/pl%E2%80%8Bain.txt"},
		{"case of a container", "Box/x.txt", "box/y.txt"},
		{"a slash more", "b/thing", "b/thing/"},
		{"something below a file", "b/leaf", "b/leaf/below"},
		{"a slash less", "c/thing/", "c/thing"},
	} {
		put := func(target string) Answer {
			r := Request{Method: "PUT", Target: target, Header: fields("Content-Type", "text/plain"), Body: []byte("x")}
			if strings.HasSuffix(target, "/") {
				r.Header = fields("Content-Type", "text/turtle", "Link", `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`)
				r.Body = nil
			}
			return w.ask(alice, r)
		}
		if got := put(c.first); got.Status != http.StatusCreated {
			t.Errorf("%s: the first: %d %s", c.name, got.Status, got.Body)
		}
		if got := put(c.second); got.Status != http.StatusConflict {
			t.Errorf("%s: the second: %d %s", c.name, got.Status, got.Body)
		}
		if got := w.get(alice, c.second); got.Status == http.StatusOK {
			t.Errorf("%s: the second can be read", c.name)
		}
	}
	moved := w.get(alice, "b/thing/")
	if moved.Status != http.StatusMovedPermanently || moved.Header.Get("Location") != "../thing" {
		t.Errorf("the other spelling: %d to %q", moved.Status, moved.Header.Get("Location"))
	}
}

// TestWhatLiesInTheFolderAndIsNoFileOfThePodIsNotServed plants links and pipes, while the server stands
// still and while it runs.
func TestWhatLiesInTheFolderAndIsNoFileOfThePodIsNotServed(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	w.put(alice, "box/real.txt", "text/plain", []byte("real"), http.StatusCreated)
	outside := filepath.Join(t.TempDir(), "outside")
	must(0, os.MkdirAll(outside, 0o700))(t)
	must(0, os.WriteFile(filepath.Join(outside, "secret.txt"), []byte("top secret outside"), 0o600))(t)
	box := filepath.Join(w.data, "pods", "alice", "box")
	plant := func(suffix string) {
		must(0, os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(box, "link"+suffix)))(t)
		must(0, os.Symlink("../../../state.db", filepath.Join(box, "state"+suffix)))(t)
		must(0, os.Symlink(outside, filepath.Join(box, "folder"+suffix)))(t)
		must(0, os.Symlink("/", filepath.Join(box, "root"+suffix)))(t)
		must(0, os.Link(filepath.Join(outside, "secret.txt"), filepath.Join(box, "hard"+suffix)))(t)
		must(0, mkfifo(filepath.Join(box, "pipe"+suffix)))(t)
	}
	check := func(suffix string) {
		for _, target := range []string{"link", "state", "hard", "pipe", "folder", "folder%s/", "folder%s/secret.txt", "root%s/etc/passwd"} {
			if strings.Contains(target, "%s") {
				target = fmt.Sprintf(target, suffix)
			} else {
				target += suffix
			}
			for _, where := range []string{"box/", ".replica/box/"} {
				got := w.get(alice, where+target)
				if got.Status < 400 || got.Status > 499 || bytes.Contains(got.Body, []byte("secret outside")) {
					t.Errorf("%s: %d %.100q", where+target, got.Status, got.Body)
				}
			}
			w.checkUntouched(alice, "box/"+target, outside)
		}
		listing := string(w.get(alice, "box/").Body)
		for _, name := range []string{"link", "state", "hard", "pipe", "folder", "root"} {
			if strings.Contains(listing, name+suffix) {
				t.Errorf("the listing has %s:\n%s", name+suffix, listing)
			}
		}
	}
	plant("1")
	check("1")
	w.restart(func() { plant("2") })
	check("1")
	check("2")
	if got := w.get(alice, "box/real.txt"); got.Status != http.StatusOK || string(got.Body) != "real" {
		t.Errorf("what is a file: %d %s", got.Status, got.Body)
	}
}

// checkUntouched writes to and deletes a planted thing: what it leads to must stay as it is.
func (w *world) checkUntouched(owner *resident, target, outside string) {
	w.t.Helper()
	for _, method := range []string{"PUT", "DELETE"} {
		r := Request{Method: method, Target: target, Header: fields("Content-Type", "text/plain", "If-Match", "*"), Body: []byte("overwritten")}
		if got := w.ask(owner, r); got.Status < 400 || got.Status > 499 {
			w.t.Errorf("%s %s: %d %s", method, target, got.Status, got.Body)
		}
	}
	text, err := os.ReadFile(filepath.Join(outside, "secret.txt"))
	if err != nil || string(text) != "top secret outside" {
		w.t.Fatalf("through %s the file outside became %q, %v", target, text, err)
	}
}
