package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// lying is a relay that speaks as say does.
func lying(t *testing.T, say func(ctx context.Context, c *websocket.Conn)) (url string, dials *atomic.Int32) {
	t.Helper()
	dials = &atomic.Int32{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			http.NotFound(w, r)
			return
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		dials.Add(1)
		say(r.Context(), c)
		for { // until the client has had enough
			if _, _, err := c.Read(r.Context()); err != nil {
				return
			}
		}
	}))
	t.Cleanup(front.Close)
	return front.URL + "/", dials
}

// TestRelayThatLies: what a relay sends that it may not ends the connection, and is tried again; a
// client's memory stays bounded.
func TestRelayThatLies(t *testing.T) {
	frame := func(size int) []byte {
		return appendMessage(nil, id(bytesOfSize(idSize)), sendMark{}, false, time.Now(), make([]byte, size))
	}
	for name, say := range map[string]func(ctx context.Context, c *websocket.Conn){
		"no JSON":        func(ctx context.Context, c *websocket.Conn) { c.Write(ctx, websocket.MessageText, []byte("{")) },
		"no frame":       func(ctx context.Context, c *websocket.Conn) { c.Write(ctx, websocket.MessageBinary, []byte("x")) },
		"an empty frame": func(ctx context.Context, c *websocket.Conn) { c.Write(ctx, websocket.MessageBinary, nil) },
		"a huge frame": func(ctx context.Context, c *websocket.Conn) {
			c.Write(ctx, websocket.MessageBinary, frame(maxMessage+1))
		},
		"many messages": func(ctx context.Context, c *websocket.Conn) {
			for range holdMessages + 1 {
				c.Write(ctx, websocket.MessageBinary, frame(1))
			}
		},
		"large messages": func(ctx context.Context, c *websocket.Conn) {
			for range holdBytes/maxMessage + 1 {
				c.Write(ctx, websocket.MessageBinary, frame(maxMessage))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, dials := lying(t, say)
			m := (&Client{}).Mailbox(url, nil, Box{b64u(bytesOfSize(16)), bytesOfSize(32)})
			defer m.Close()
			until(t, "it is tried again", func() bool { return dials.Load() >= 2 })
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.size > holdBytes || len(m.held) > holdMessages {
				t.Errorf("%d messages of %d bytes are held", len(m.held), m.size)
			}
		})
	}
}

// TestRelayThatSaysTooMuch: answers that no relay gives are errors, not results.
func TestRelayThatSaysTooMuch(t *testing.T) {
	var status int
	var body string
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer front.Close()
	url, send := front.URL+"/", bytesOfSize(sendSize)
	for _, c := range []struct {
		name   string
		status int
		body   string
		err    error // nil: any
	}{
		{"a receipt without a token", 202, "{}", nil},
		{"a receipt that is no JSON", 202, "", nil},
		{"an answer without end", 200, strings.Repeat("x", maxMessage+1), nil},
		{"a teapot", 418, "", nil},
		{"not here", 404, "", ErrUnknown},
		{"full", 507, "", ErrFull},
		{"busy", 429, "", ErrBusy},
		{"too large", 413, "", ErrTooLarge},
		{"down", 503, "", ErrBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body = c.status, c.body
			r, err := (&Client{}).Post(soon(t), url, send, []byte("x"), 0)
			if err == nil || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%+v, %v", r, err)
			}
			if err != nil && strings.Contains(err.Error(), b64u(send)) {
				t.Errorf("the error tells the send: %v", err)
			}
		})
	}
	for _, d := range []string{"", "{}", `{"relay":2}`, `{"relay":1,"key":"AAAA","challenge":"AAAA"}`} {
		status, body = 200, d
		if _, err := (&Client{}).Describe(soon(t), url); err == nil {
			t.Errorf("%q is taken for a relay", d)
		}
	}
	point, err := json.Marshal(map[string]any{"relay": 1, "key": b64u(append([]byte{4}, make([]byte, 64)...)), "challenge": "AAAA", "queues": "work", "bits": 60})
	if err != nil {
		t.Fatal(err)
	}
	body = string(point)
	if _, err := (&Client{}).NewQueue(soon(t), url, "", bytesOfSize(32)); !errors.Is(err, ErrRefused) {
		t.Errorf("work without end: %v", err)
	}
	if _, err := (&Client{Via: "http://a.invalid/"}).Post(soon(t), url, send, []byte("x"), 0); err == nil {
		t.Error("a hop to a key that is no point")
	}
}

// TestReceiptThatIsTooLarge: a relay gives a cancel token that nobody should have to keep.
func TestReceiptThatIsTooLarge(t *testing.T) {
	for size, ok := range map[int]bool{maxCancel: true, maxCancel + 1: false} {
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, `{"cancel": %q}`, strings.Repeat("A", size))
		}))
		_, err := (&Client{}).Post(context.Background(), front.URL+"/", bytesOfSize(sendSize), []byte("x"), 0)
		if front.Close(); (err == nil) != ok {
			t.Errorf("a token of %d bytes: %v", size, err)
		}
	}
}

// TestManyRelaysAreNotRemembered: who has a client send to ever more relays fills no memory.
func TestManyRelaysAreNotRemembered(t *testing.T) {
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"relay": 1, "key": b64u(bytesOfSize(encSize)), "challenge": b64u(bytesOfSize(24))})
	}))
	defer front.Close()
	c := &Client{Via: front.URL + "/"}
	for i := range maxKeys + 10 {
		if _, err := c.key(context.Background(), fmt.Sprintf("%s/%d/", front.URL, i)); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	c.keys.Range(func(any, any) bool { kept++; return true })
	if kept == 0 || kept > maxKeys {
		t.Errorf("%d keys are remembered", kept)
	}
}
