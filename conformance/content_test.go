package conformance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestUploadsThatABrowserWouldRunAreServedSoThatItDoesNot uploads pages and pictures with scripts.
func TestUploadsThatABrowserWouldRunAreServedSoThatItDoesNot(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	script := "<script>fetch('/alice/contacts/')</script>"
	for _, c := range []struct{ name, mediaType, body string }{
		{"index.html", "text/html", script},
		{"page.xhtml", "application/xhtml+xml", script},
		{"picture.svg", "image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'>" + script + "</svg>"},
		{"feed.xml", "text/xml", script},
		{"code.js", "text/javascript", "alert(1)"},
		{"worker", "application/javascript", "alert(1)"},
		{"style.css", "text/css", "x{}"},
		{"plain", "text/html; charset=utf-7", script},
		{"paper.pdf", "application/pdf", "%PDF-1.4"},
		{"thing.bin", "application/octet-stream", script},
		{"odd", "x/unknown", script},
	} {
		w.put(alice, "up/"+c.name, c.mediaType, []byte(c.body), http.StatusCreated)
		for _, target := range []string{"up/" + c.name, ".replica/up/" + c.name} {
			got := w.get(alice, target, "Accept", "text/html")
			h := got.Header
			csp := h.Get("Content-Security-Policy")
			if got.Status != http.StatusOK || string(got.Body) != c.body || h.Get("X-Content-Type-Options") != "nosniff" ||
				!strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
				t.Errorf("%s: %d %v", target, got.Status, h)
			}
			if strings.Contains(csp, "allow-scripts") || strings.Contains(csp, "allow-same-origin") {
				t.Errorf("%s: the sandbox has a hole: %s", target, csp)
			}
		}
	}
	for _, mediaType := range []string{"", "nonsense", "text/html\x01", "a/b/c"} {
		r := Request{Method: "PUT", Target: "up/none", Body: []byte("x"), Header: http.Header{}}
		if mediaType != "" {
			r.Header.Set("Content-Type", mediaType)
		}
		w.want(w.ask(alice, r), r, http.StatusBadRequest)
	}
	for _, method := range []string{"PUT", "POST"} {
		r := Request{Method: method, Target: "up/", Body: []byte("x")}
		w.want(w.ask(alice, r), r, http.StatusBadRequest, http.StatusConflict)
	}
	app := w.ask(w.wire, Request{Method: "GET", Target: "/"})
	if csp := app.Header.Get("Content-Security-Policy"); app.Status != http.StatusOK || strings.Contains(csp, "'unsafe-inline'") && !strings.Contains(csp, "style-src") || strings.Contains(csp, "'unsafe-eval'") {
		t.Errorf("the app: %d with the policy %q", app.Status, csp)
	}
}

// TestBodiesThatAreTooLargeAreRefused announces or sends more than each address takes.
func TestBodiesThatAreTooLargeAreRefused(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	i := must(alice.Invite(w.ctx(), "x"))(t)
	announced := Request{Method: "PUT", Target: "big.bin", Header: fields("Content-Type", "application/octet-stream", "Content-Length", "3000000000")}
	start := time.Now()
	w.want(w.ask(alice, announced), announced, http.StatusRequestEntityTooLarge)
	announced.Target = ".replica/big.bin"
	announced.Header.Set("Kith-Version", alice.version())
	announced.Header.Set("Kith-Id", random(16))
	w.want(w.ask(alice, announced), announced, http.StatusRequestEntityTooLarge)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("to refuse what is announced to be too large took %v", took)
	}
	mega := bytes.Repeat([]byte(" "), 1<<20)
	for target, want := range map[string][]int{
		".pair":            {400, 403, 413},
		".pair/links":      {400, 413},
		".invites/":        {400, 413},
		".invites/" + i.ID: {404, 413},
	} {
		r := Request{Method: "POST", Target: target, Header: fields("Content-Type", "application/json"), Body: mega}
		w.want(w.ask(alice, r), r, want...)
	}
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	flood := Request{Method: "PUT", Target: "social/in/" + ben.CID + "/" + random(16), Header: fields("Content-Type", "video/mp4", "If-None-Match", "*"), Body: make([]byte, 65<<20)}
	w.want(w.ask(ben, flood), flood, 413, 507)
	if got := w.get(alice, flood.Target); got.Status != http.StatusNotFound {
		t.Errorf("a friend's message of 65 MiB is there: %d", got.Status)
	}
	for _, target := range []string{"x.acl", "profile/devices"} {
		r := alice.write(target, "text/turtle", alice.version(), append([]byte("#"), mega...))
		w.want(w.ask(alice, r), r, 413, 422, 400)
	}
	if got := w.get(alice, "big.bin"); got.Status != http.StatusNotFound {
		t.Errorf("what was refused is there: %d", got.Status)
	}
}

// TestConnectionsThatStandStillAreCut opens connections that send nothing, half a header, half a body, and
// one that reads nothing; meanwhile others are served.
func TestConnectionsThatStandStillAreCut(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	w.put(alice, "film.mp4", "video/mp4", bytes.Repeat([]byte("moving pictures "), 2<<20), http.StatusCreated)
	proven := func(r Request) string {
		signed := must(alice.sign(w.ctx(), r))(t)
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost:8420\r\n", signed.Method, signed.Target)
		must(0, signed.Header.Write(&b))(t)
		return b.String()
	}
	const most = 30 * time.Second
	cut := make(chan string)
	stand := func(name, text string, read bool) {
		conn := must(w.wire.Dial(w.t.Context()))(t)
		t.Cleanup(func() { conn.Close() })
		_, err := io.WriteString(conn, text)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			wrong := cutAfter(conn, most, read)
			if wrong != "" {
				wrong = name + ", " + wrong
			}
			cut <- wrong
		}()
	}
	plain := func(text string) func() string { return func() string { return text } }
	kinds := []struct {
		name string
		text func() string // anew for each connection: a proof works once
		read bool
	}{
		{"says nothing", plain(""), true},
		{"sends half a request line", plain("GET /al"), true},
		{"sends half a header", plain("GET /alice/ HTTP/1.1\r\nHost: localhost:8420\r\nX-Slow: "), true},
		{"sends half a body", func() string {
			return proven(Request{Method: "PUT", Target: "slow.bin", Header: fields("Content-Type", "text/plain")}) + "Content-Length: 1000\r\n\r\nhalf"
		}, true},
		{"sends half a form", plain("POST /token HTTP/1.1\r\nHost: localhost:8420\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ngrant"), true},
		{"reads nothing", func() string { return proven(Request{Method: "GET", Target: "film.mp4"}) + "\r\n" }, false},
	}
	for range 5 {
		for _, k := range kinds {
			stand(k.name, k.text(), k.read)
		}
	}
	for range 20 {
		start := time.Now()
		if got := w.get(alice, "profile/devices"); got.Status != http.StatusOK || time.Since(start) > 2*time.Second {
			t.Errorf("beside slow connections: %d after %v", got.Status, time.Since(start))
		}
	}
	for range 5 * len(kinds) {
		if wrong := <-cut; wrong != "" {
			t.Errorf("after %v, a connection that %s", most, wrong)
		}
	}
	if got := w.get(alice, "slow.bin"); got.Status != http.StatusNotFound {
		t.Errorf("half a body became a resource: %d", got.Status)
	}
}

// cutAfter returns what is wrong, if anything, with how the server ends the connection.
func cutAfter(conn net.Conn, most time.Duration, read bool) string {
	end := time.Now().Add(most)
	if !read {
		return resetBefore(conn, end)
	}
	if err := conn.SetReadDeadline(end); err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(conn)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return "still stands"
	}
	if len(text) > 0 && !bytes.HasPrefix(text, []byte("HTTP/1.1 4")) {
		return fmt.Sprintf("ends with %.200q", text)
	}
	return ""
}

// resetBefore waits for the end of a connection without reading from it: a byte written to one that the
// server has left is answered with a reset.
func resetBefore(conn net.Conn, end time.Time) string {
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := conn.Write([]byte(" ")); err != nil {
			return ""
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "still stands"
		}
	}
}
