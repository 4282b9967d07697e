package sealed_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"kith/sealed"
)

// replicas makes the world's handler keep what is put below .replica.
func (w *world) replicas() map[string]string {
	kept := map[string]string{}
	w.server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength || r.Header.Get("Kith-Part") != "" || r.Header.Get("Kith-Version") == "" {
			w.t.Errorf("%d of %d bytes, %v, %v", len(body), r.ContentLength, err, r.Header)
		}
		kept[r.URL.Path] = string(body)
		fmt.Fprint(rw, `{"row":1}`)
	})
	return kept
}

func (w *world) part(path, version, content string, offset, total int) *http.Request {
	return w.request("PUT", path, content, "Kith-Version", version, "Kith-Part", fmt.Sprintf("%d/%d", offset, total))
}

// TestAWriteInParts: it is done once the last part has come, whatever came twice
// or in the wrong order.
func TestAWriteInParts(t *testing.T) {
	w := newWorld(t)
	kept := w.replicas()
	send := func(content string, offset int, want string) {
		t.Helper()
		if _, body := ask(t, w.as("ana"), w.part("/.replica/1.webp", "7.x", content, offset, 10)); body != want {
			t.Errorf("the part at %d is answered %s, want %s", offset, body, want)
		}
	}
	send("ccc", 3, `{"have":0}`)
	send("aaa", 0, `{"have":3}`)
	send("aaa", 0, `{"have":3}`)
	send("ccc", 6, `{"have":3}`)
	send("bbb", 3, `{"have":6}`)
	send("", 6, "")
	if len(kept) > 0 {
		t.Errorf("before the last part, %v is kept", kept)
	}
	send("cccc", 6, `{"row":1}`)
	if kept["/.replica/1.webp"] != "aaabbbcccc" {
		t.Errorf("kept %q", kept)
	}
	send("cccc", 6, `{"have":0}`)
}

func TestWritesInPartsDoNotMix(t *testing.T) {
	w := newWorld(t)
	kept := w.replicas()
	for _, at := range []int{0, 1} {
		for _, name := range []string{"a", "b"} {
			for _, version := range []string{"1.x", "2.x"} {
				ask(t, w.as("ana"), w.part("/.replica/"+name+version[:1], version, name+version[:1], 2*at, 4))
			}
		}
	}
	for _, name := range []string{"a1", "a2", "b1", "b2"} {
		if kept["/.replica/"+name] != name+name {
			t.Errorf("%s is %q", name, kept["/.replica/"+name])
		}
	}
	ask(t, w.as("ana"), w.part("/.replica/c", "1.x", "cc", 0, 4))
	if _, body := ask(t, w.as("ana"), w.part("/.replica/c", "1.x", "cc", 2, 5)); body != `{"have":0}` {
		t.Errorf("a part of another whole is answered %s", body)
	}
	w.now = w.now.Add(10*time.Minute + time.Second)
	if _, body := ask(t, w.as("ana"), w.part("/.replica/c", "1.x", "cc", 2, 4)); body != `{"have":0}` {
		t.Errorf("a part that comes too late is answered %s", body)
	}
}

// TestPartsAreBounded: 32 MiB are held at most; what waits longest goes.
func TestPartsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.replicas()
	status := func(r *http.Request) int {
		response, _ := ask(t, w.as("ana"), r)
		return response.StatusCode
	}
	if s := status(w.part("/.replica/x", "1.x", "x", 0, 32<<20+1)); s != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 32 MiB: %d", s)
	}
	for _, bad := range []string{"x", "1", "/", "0/", "-1/5", "5/5", "6/5", "0/0", "0/1", "4/5", "0x0/5", "0/5/5"} {
		if s := status(w.request("PUT", "/.replica/x", "xx", "Kith-Version", "1.x", "Kith-Part", bad)); s != http.StatusBadRequest {
			t.Errorf("part %q: %d", bad, s)
		}
	}
	for i := range 5 {
		w.now = w.now.Add(time.Second)
		if s := status(w.part(fmt.Sprintf("/.replica/%d", i), "1.x", "x", 0, 8<<20)); s != http.StatusAccepted {
			t.Errorf("write %d: %d", i, s)
		}
	}
	for i, want := range []string{`{"have":0}`, `{"have":2}`, `{"have":2}`, `{"have":2}`, `{"have":2}`} {
		if _, body := ask(t, w.as("ana"), w.part(fmt.Sprintf("/.replica/%d", i), "1.x", "x", 1, 8<<20)); body != want {
			t.Errorf("write %d goes on with %s, want %s", i, body, want)
		}
	}
	if s := status(w.request("GET", "/.replica/x", "", "Kith-Version", "1.x", "Kith-Part", "0/9")); s != 200 {
		t.Errorf("reading is no write in parts: %d", s)
	}
	r := w.comment(1, "hello")
	r.Header.Set("Kith-Part", "0/10")
	r.Header.Set("Kith-Version", "1.x")
	if response, _ := ask(t, w.as("ben"), r); response.StatusCode != 200 {
		t.Errorf("a friend's write is whole, whatever it says: %s", response.Status)
	}
}

// TestTransportSendsInParts: a video goes to the pod over a way that loses much,
// since who sends it may begin again where the pod is.
func TestTransportSendsInParts(t *testing.T) {
	w := newWorld(t)
	kept := w.replicas()
	film := video(t, 10<<20+3)
	tr := w.as("ana")
	put := func() (string, error) {
		r := w.request("PUT", "/.replica/1.mp4", "", "Kith-Version", "7.x")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(film)), int64(len(film))
		response, err := tr.RoundTrip(r)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	if body, err := put(); err != nil || body != `{"row":1}` || kept["/.replica/1.mp4"] != string(film) {
		t.Fatalf("answered %s, %v", body, err)
	}
	clear(kept)
	way := &lossy{next: w, chance: rand.New(rand.NewPCG(3, 4))}
	tr.Carrier = way
	tries := 0
	for ; tries < 100; tries++ {
		body, err := put()
		if err == nil && body == `{"row":1}` {
			break
		}
		if !errors.Is(err, errLost) {
			t.Fatal(body, err)
		}
	}
	if kept["/.replica/1.mp4"] != string(film) || way.lost < 5 {
		t.Errorf("another video is kept; %d of %d messages were lost", way.lost, way.calls)
	}
	t.Logf("10 MiB in %d messages, of which %d were lost", way.calls, way.lost)
	r := w.request("PUT", "/.replica/1.mp4", strings.Repeat("x", 32<<20+1), "Kith-Version", "8.x")
	if _, err := tr.RoundTrip(r); err == nil || errors.Is(err, sealed.ErrAnswer) {
		t.Errorf("more than 32 MiB: %v", err)
	}
}
