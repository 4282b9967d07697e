package sealed_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// half is a body of which the rest never comes, until it is let go.
type half struct {
	io.Reader
	rest chan struct{}
}

func (h half) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if err == io.EOF {
		<-h.rest
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// TestAFloodOfLargeMessagesIsTurnedAway: what is on its way takes 32 MiB at most;
// more is 503, and once that is over friends are answered as before.
func TestAFloodOfLargeMessagesIsTurnedAway(t *testing.T) {
	w := newWorld(t)
	rest := make(chan struct{})
	post := func(body io.Reader, size int) int {
		r := httptest.NewRequest("POST", "/.sealed", body)
		r.ContentLength = int64(size)
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, r)
		return rec.Code
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	answered := make(chan int, 40)
	for range 40 {
		wg.Go(func() {
			code := post(half{bytes.NewReader(make([]byte, 1<<20)), rest}, 17<<16)
			answered <- code
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	deadline := time.After(time.Minute)
	for n := 0; n < 8; n++ {
		select {
		case code := <-answered:
			if code != http.StatusServiceUnavailable {
				t.Errorf("answered %d while it is full", code)
			}
		case <-deadline:
			t.Fatal("the flood is taken in")
		}
	}
	close(rest)
	wg.Wait()
	if codes[http.StatusServiceUnavailable] < 8 || codes[http.StatusServiceUnavailable]+codes[http.StatusRequestTimeout] != 40 {
		t.Errorf("answered %v", codes)
	}
	m, _ := message(t, w.as("ben"), w.request("GET", "/social/door", ""))
	if code := post(bytes.NewReader(m), len(m)); code != 200 {
		t.Errorf("afterwards a friend is answered %d", code)
	}
}

// TestHalfOpenConnections: a connection that breaks off in the middle of a message
// costs nothing that stays.
func TestHalfOpenConnections(t *testing.T) {
	w := newWorld(t)
	pod := httptest.NewServer(w.server)
	defer pod.Close()
	for range 50 {
		c, err := net.Dial("tcp", strings.TrimPrefix(pod.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "POST /.sealed HTTP/1.1\r\nHost: x\r\nContent-Length: 1114112\r\n\r\n")
		c.Write(make([]byte, 512<<10))
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	m, _ := message(t, w.as("ben"), w.request("GET", "/social/door", ""))
	for deadline := time.Now().Add(time.Minute); ; {
		response, err := pod.Client().Post(pod.URL+"/.sealed", "application/octet-stream", bytes.NewReader(m))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a friend is answered %s", response.Status)
		}
	}
}
