package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// ask makes one request and returns its answer with the body read.
func ask(t testing.TB, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func TestStatuses(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	send, other := b64u(b.send), b64u(bytesOfSize(sendSize))
	token := "Bearer " + b64u(b.Token)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		reason                   string
	}{
		{"what the relay is", "GET", ".well-known/kith-relay", "", nil, 200, ""},
		{"a message", "POST", "s/" + send, "x", nil, 202, ""},
		{"a message that waits", "POST", "s/" + send + "?wait=0", "x", nil, 202, ""},
		{"no message", "POST", "s/" + send, "", nil, 400, "malformed"},
		{"a wait that is no number", "POST", "s/" + send + "?wait=soon", "x", nil, 400, "malformed"},
		{"a negative wait", "POST", "s/" + send + "?wait=-1", "x", nil, 400, "malformed"},
		{"the largest message", "POST", "s/" + send, strings.Repeat("x", maxMessage), nil, 202, ""},
		{"a larger one", "POST", "s/" + send, strings.Repeat("x", maxMessage+1), nil, 413, "too_large"},
		{"another send", "POST", "s/" + other, "x", nil, 404, "unknown_send"},
		{"no send", "POST", "s/", "x", nil, 404, "unknown_send"},
		{"a send of another length", "POST", "s/" + send + "AAAA", "x", nil, 404, "unknown_send"},
		{"the second spelling of a send", "POST", "s/" + send + "=", "x", nil, 404, "unknown_send"},
		{"a cancel token of nothing", "DELETE", "s/" + send, "", []string{"Kith-Cancel", b64u(bytesOfSize(32))}, 404, "not_there"},
		{"no cancel token", "DELETE", "s/" + send, "", nil, 404, "not_there"},
		{"a poll", "GET", "q/" + b.Queue, "", []string{"Authorization", token}, 200, ""},
		{"a poll without a token", "GET", "q/" + b.Queue, "", nil, 401, "bad_token"},
		{"a poll by another token", "GET", "q/" + b.Queue, "", []string{"Authorization", "Bearer " + b64u(bytesOfSize(32))}, 401, "bad_token"},
		{"a poll of no queue", "GET", "q/" + b64u(bytesOfSize(16)), "", []string{"Authorization", token}, 401, "bad_token"},
		{"an operation", "POST", "q/" + b.Queue, `{"ping":7}`, []string{"Authorization", token, "Content-Type", "application/json"}, 200, ""},
		{"no operation", "POST", "q/" + b.Queue, `{}`, []string{"Authorization", token, "Content-Type", "application/json"}, 400, "malformed"},
		{"no JSON", "POST", "q/" + b.Queue, `{`, []string{"Authorization", token, "Content-Type", "application/json"}, 400, "malformed"},
		{"no reply", "POST", "q/" + b.Queue, "\x02", []string{"Authorization", token, "Content-Type", "application/octet-stream"}, 400, "malformed"},
		{"a queue without tokens", "POST", "q", `{"tokens":[]}`, nil, 400, "malformed"},
		{"a queue with too many", "POST", "q", `{"tokens":["` + strings.Repeat(b64u(make([]byte, 32))+`","`, 16) + b64u(make([]byte, 32)) + `"]}`, nil, 400, "malformed"},
		{"a hop for another relay", "POST", "h", strings.Repeat("x", 200), nil, 400, "malformed"},
		{"a hop to nowhere", "POST", "f", "x", nil, 400, "malformed"},
		{"a hop to a file", "POST", "f", "x", []string{"Kith-Forward", "file:///etc/"}, 400, "malformed"},
		{"a hop with a query", "POST", "f", "x", []string{"Kith-Forward", "https://a.example/?x=/"}, 400, "malformed"},
		{"a hop with an empty query", "POST", "f", "x", []string{"Kith-Forward", "https://a.example/?"}, 400, "malformed"},
		{"a hop with credentials", "POST", "f", "x", []string{"Kith-Forward", "https://a:b@a.example/"}, 400, "malformed"},
		{"a hop where nothing goes out", "POST", "f", "x", []string{"Kith-Forward", "https://a.example/"}, 403, "forward_refused"},
		{"another path", "GET", "", "", nil, 404, "unknown_path"},
		{"another method", "PUT", "s/" + send, "x", nil, 404, "unknown_path"},
		{"a path below a queue", "GET", "q/" + b.Queue + "/x", "", []string{"Authorization", token}, 401, "bad_token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := st.server.Counters()
			answer, text := ask(t, c.method, st.url+c.path, c.body, append(c.header, "Origin", "null")...)
			if answer.StatusCode != c.status {
				t.Fatalf("%d %s", answer.StatusCode, text)
			}
			if answer.Header.Get("Access-Control-Allow-Origin") != "*" || answer.Header.Get("Set-Cookie") != "" || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", answer.Header)
			}
			if c.reason == "" {
				return
			}
			if want := fmt.Sprintf(`{"error":%q}`, c.reason); text != want {
				t.Errorf("says %s", text)
			}
			if st.counter(c.reason) != before[c.reason]+1 {
				t.Errorf("%s was counted %d times", c.reason, st.counter(c.reason)-before[c.reason])
			}
		})
	}
}

func TestEveryOriginIsServed(t *testing.T) {
	st := start(t)
	for _, origin := range []string{"null", "https://app.example", "file://"} {
		answer, _ := ask(t, "OPTIONS", st.url+"s/x", "", "Origin", origin, "Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "kith-cancel")
		h := answer.Header
		if answer.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "DELETE") ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Kith-Cancel") {
			t.Errorf("%s: %d %v", origin, answer.StatusCode, h)
		}
		conn, _, err := websocket.Dial(soon(t), st.url+"ws", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}, Subprotocols: []string{subprotocol}})
		if err != nil {
			t.Errorf("%s: %v", origin, err)
			continue
		}
		conn.CloseNow()
	}
}

func TestWhoMayMakeQueues(t *testing.T) {
	dir := t.TempDir()
	invite, err := NewInvite(dir, 2, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	old, err := NewInvite(dir, 2, time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := NewInvite(t.TempDir(), 2, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	token := bytesOfSize(32)
	for _, c := range []struct {
		name, queues, invite string
		err                  error
	}{
		{"anybody, when they are open", "open", "", nil},
		{"who works, when they cost work", "work", "", nil},
		{"who has an invite, without work", "work", invite, nil},
		{"who has an invite", "invite", invite, nil},
		{"not who used it up", "invite", invite, ErrFull},
		{"not with an old invite", "invite", old, ErrRefused},
		{"not with another relay's invite", "invite", foreign, ErrRefused},
		{"not with nothing", "invite", "", ErrRefused},
		{"not with nothing, by default", "", "", ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := start(t, func(config *Config) { config.Data, config.Queues, config.Now = dir, c.queues, nil })
			if _, err := st.client.NewQueue(soon(t), st.url, c.invite, token); !errors.Is(err, c.err) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := NewInvite(dir, 0, time.Now()); !errors.Is(err, ErrConfig) {
		t.Errorf("an invite for nothing: %v", err)
	}
}

// TestWorkIsDoneOnce: work counts once, for its challenge, in its time.
func TestWorkIsDoneOnce(t *testing.T) {
	st := start(t, func(c *Config) { c.Queues = "work" })
	made := func(w *work) int {
		t.Helper()
		text, err := json.Marshal(newQueue{Tokens: []hash{hashOf(bytesOfSize(32))}, Work: w})
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := ask(t, "POST", st.url+"q", string(text))
		return answer.StatusCode
	}
	worked := func() *work {
		t.Helper()
		d, err := st.client.Describe(soon(t), st.url)
		if err != nil {
			t.Fatal(err)
		}
		w, err := solve(soon(t), d.Challenge, d.Bits)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := worked()
	if s := made(w); s != 201 {
		t.Fatalf("work: %d", s)
	}
	if s := made(w); s != 403 {
		t.Errorf("the same work again: %d", s)
	}
	lazy := *worked()
	lazy.Nonce = b64u(make([]byte, 8))
	if s := made(&lazy); s != 403 {
		t.Errorf("no work: %d", s)
	}
	own, err := solve(soon(t), bytesOfSize(challengeSize), workBits)
	if err != nil {
		t.Fatal(err)
	}
	if s := made(own); s != 403 {
		t.Errorf("work for a challenge of one's own: %d", s)
	}
	late := worked()
	st.clock.forward(workTime + 2*time.Second)
	if s := made(late); s != 403 {
		t.Errorf("work of long ago: %d", s)
	}
}

func TestQueuesOfOneAddress(t *testing.T) {
	st := start(t)
	made, busy := 0, 0
	for range creatorQueues + 4 {
		switch _, err := st.client.NewQueue(soon(t), st.url, "", bytesOfSize(32)); {
		case err == nil:
			made++
		case errors.Is(err, ErrBusy):
			busy++
		default:
			t.Fatal(err)
		}
	}
	if made != creatorQueues || busy != 4 {
		t.Errorf("%d were made, %d put off", made, busy)
	}
	st.clock.forward(time.Hour)
	if _, err := st.client.NewQueue(soon(t), st.url, "", bytesOfSize(32)); !errors.Is(err, ErrFull) {
		t.Errorf("one more, later: %v", err)
	}
}

// withoutSockets is a network that lets no WebSocket pass.
func withoutSockets(st *station) string {
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		st.server.ServeHTTP(w, r)
	}))
	st.t.Cleanup(front.Close)
	return front.URL + "/"
}

func TestPollsWhereNoSocketPasses(t *testing.T) {
	st := start(t)
	b := st.queue()
	url := withoutSockets(st)
	m := st.client.Mailbox(url, nil, b.Box)
	defer m.Close()
	go answerAll(m, bytes.ToUpper)
	for _, size := range []int{5, 100_000, maxMessage} {
		text := bytes.Repeat([]byte("hello"), size/5)
		r, err := st.client.Post(soon(t), url, b.send, text, maxWait)
		if err != nil || !bytes.Equal(r.Answer, bytes.ToUpper(text)) {
			t.Fatalf("%d bytes: answer of %d, %v", len(text), len(r.Answer), err)
		}
	}
	until(t, "acknowledged", func() bool { return st.counter("acked") == 3 })
	more := bytesOfSize(sendSize)
	if err := m.AddSends(soon(t), b.Queue, more); err != nil {
		t.Fatal(err)
	}
	if err := m.RemoveSends(soon(t), b.Queue, more); err != nil {
		t.Fatal(err)
	}
}

// TestPollsAreNotGivenTheSameTwice: what a poll has brought comes again only after a while.
func TestPollsAreNotGivenTheSameTwice(t *testing.T) {
	st := start(t)
	b := st.queue()
	st.leave(b, []byte("x"))
	poll := func() int {
		t.Helper()
		answer, text := ask(t, "GET", st.url+"q/"+b.Queue, "", "Authorization", "Bearer "+b64u(b.Token))
		if answer.StatusCode != 200 {
			t.Fatalf("%d %s", answer.StatusCode, text)
		}
		return len(text)
	}
	if n := poll(); n != 4+messageHead+1 {
		t.Fatalf("%d bytes", n)
	}
	if n := poll(); n != 0 {
		t.Errorf("%d bytes at once again", n)
	}
	st.clock.forward(offerTime)
	if n := poll(); n != 4+messageHead+1 {
		t.Errorf("%d bytes after a while", n)
	}
}

// TestOuterHop: an asker reaches a queue through another relay, which sees neither send nor message.
func TestOuterHop(t *testing.T) {
	far := start(t)
	seen := &recorder{next: http.DefaultTransport}
	near := start(t, func(c *Config) { c.Out = seen })
	b := far.queue()
	client := &Client{Via: near.url}
	text := posted([]byte("nobody on the way reads this"), 2000)
	r, err := client.Post(soon(t), far.url, b.send, text, 0)
	if err != nil || r.Cancel == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, secret := range [][]byte{b.send, []byte(b64u(b.send)), text[:32]} {
		if bytes.Contains(seen.bytes(), secret) {
			t.Error("the forwarding relay sees what it carries")
		}
	}
	if n := near.counter("forwarded"); n != 1 {
		t.Errorf("%d forwarded", n)
	}
	if err := client.Cancel(soon(t), far.url, b.send, r.Cancel); err != nil {
		t.Fatal(err)
	}
	if err := client.Cancel(soon(t), far.url, b.send, r.Cancel); !errors.Is(err, ErrUnknown) {
		t.Errorf("cancelled twice: %v", err)
	}
	if _, err := client.Post(soon(t), far.url, bytesOfSize(sendSize), text, 0); !errors.Is(err, ErrUnknown) {
		t.Errorf("by another send: %v", err)
	}
	m := far.follow(b)
	go answerAll(m, func(q []byte) []byte { return append(q, bytes.Repeat([]byte{1}, 700_000)...) })
	r, err = client.Post(soon(t), far.url, b.send, text, maxWait)
	if err != nil || len(r.Answer) != len(text)+700_000 {
		t.Fatalf("an answer of %d bytes, %v", len(r.Answer), err)
	}
}

// recorder keeps what goes through it.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	all  bytes.Buffer
}

func (r *recorder) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.all.Bytes())
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	fmt.Fprintln(&r.all, q.URL, q.Header)
	r.all.Write(body)
	r.mu.Unlock()
	q = q.Clone(q.Context())
	q.Body = io.NopCloser(bytes.NewReader(body))
	return r.next.RoundTrip(q)
}

// refusing lets nothing out, as a guard does for private addresses.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("not a public address")
}

// TestForwardingTellsNothing: who names an address learns nothing of it but that it could not be had.
func TestForwardingTellsNothing(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	wrong := httptest.NewServer(http.NotFoundHandler())
	defer wrong.Close()
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxHopAnswer+1)) }))
	defer huge.Close()
	open := start(t, func(c *Config) { c.Out = http.DefaultTransport })
	guarded := start(t, func(c *Config) { c.Out = refusing{} })
	for name, c := range map[string]struct{ relay, to string }{
		"a closed port":         {open.url, closed.URL},
		"something else":        {open.url, wrong.URL},
		"too much":              {open.url, huge.URL},
		"a guarded address":     {guarded.url, "http://127.0.0.1"},
		"another guarded":       {guarded.url, "http://169.254.169.254"},
		"a name that is no one": {guarded.url, "https://nobody.invalid"},
	} {
		answer, text := ask(t, "POST", c.relay+"f", strings.Repeat("x", 200), "Kith-Forward", c.to+"/")
		if answer.StatusCode != 502 || text != `{"error":"forward_failed"}` {
			t.Errorf("%s: %d %s", name, answer.StatusCode, text)
		}
	}
}

// TestHopAnswerIsTheAskersAlone: an answer that was altered on the way, or is of another hop, is none.
func TestHopAnswerIsTheAskersAlone(t *testing.T) {
	st := start(t)
	h := hop{send: bytesOfSize(sendSize), wait: 3, message: []byte("m")}
	body, asker, err := sealHop(st.server.secrets.point, h)
	if err != nil {
		t.Fatal(err)
	}
	got, responder, err := openHop(st.server.secrets.hop, body)
	if err != nil || !bytes.Equal(got.send, h.send) || got.wait != 3 || string(got.message) != "m" {
		t.Fatalf("%+v, %v", got, err)
	}
	sealed := sealHopAnswer(responder, 202, []byte("text"))
	if len(sealed) != hopNonce+1<<10+16 {
		t.Errorf("an answer of %d bytes", len(sealed))
	}
	if status, text, err := openHopAnswer(asker, sealed); err != nil || status != 202 || string(text) != "text" {
		t.Fatalf("%d %q, %v", status, text, err)
	}
	_, other, err := sealHop(st.server.secrets.point, h)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := openHopAnswer(other, sealed); !errors.Is(err, errHop) {
		t.Errorf("by another asker: %v", err)
	}
	for _, at := range []int{0, hopNonce, len(sealed) - 1} {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		if _, _, err := openHopAnswer(asker, bad); !errors.Is(err, errHop) {
			t.Errorf("flipped at %d: %v", at, err)
		}
		bad = bytes.Clone(body)
		bad[at%len(bad)] ^= 1
		if _, _, err := openHop(st.server.secrets.hop, bad); err == nil {
			t.Errorf("a hop flipped at %d opens", at)
		}
	}
}

// TestFramesThatMakeNoSense end the connection, each counted.
func TestFramesThatMakeNoSense(t *testing.T) {
	st := start(t)
	for name, c := range map[string]struct {
		kind websocket.MessageType
		text []byte
		code websocket.StatusCode
	}{
		"no JSON":               {websocket.MessageText, []byte("{"), websocket.StatusPolicyViolation},
		"no operation":          {websocket.MessageText, []byte("{}"), websocket.StatusPolicyViolation},
		"an id that is none":    {websocket.MessageText, []byte(`{"ack":"x"}`), websocket.StatusPolicyViolation},
		"too much text":         {websocket.MessageText, []byte(`{"sub":"` + strings.Repeat("x", maxText)), websocket.StatusMessageTooBig},
		"an empty reply":        {websocket.MessageBinary, []byte{}, websocket.StatusPolicyViolation},
		"another kind":          {websocket.MessageBinary, append([]byte{9}, make([]byte, 40)...), websocket.StatusPolicyViolation},
		"a reply that is large": {websocket.MessageBinary, append([]byte{kindReply}, make([]byte, replyHead+maxMessage)...), websocket.StatusMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			conn, _, err := websocket.Dial(soon(t), st.url+"ws", &websocket.DialOptions{Subprotocols: []string{subprotocol}})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			if err := conn.Write(soon(t), c.kind, c.text); err != nil && c.code != websocket.StatusMessageTooBig {
				t.Fatal(err)
			}
			if _, _, err = conn.Read(soon(t)); websocket.CloseStatus(err) != c.code {
				t.Errorf("ended by %v", err)
			}
		})
	}
	if st.counter("bad_frame") != 5 || st.counter("too_large") != 2 {
		t.Errorf("%d bad, %d large", st.counter("bad_frame"), st.counter("too_large"))
	}
}

// TestNobodyTouchesAnothersMessages: ids are no rights.
func TestNobodyTouchesAnothersMessages(t *testing.T) {
	st := start(t)
	mine, theirs := st.queue(), st.queue()
	st.leave(mine, []byte("x"))
	m, other := st.follow(mine), st.follow(theirs)
	got := next(t, m)
	if err := other.Claim(soon(t), got.ID); !errors.Is(err, ErrGone) {
		t.Errorf("claimed: %v", err)
	}
	if err := other.Reply(soon(t), got.ID, []byte("x")); !errors.Is(err, ErrGone) {
		t.Errorf("replied: %v", err)
	}
	for _, do := range []func(context.Context, string) error{other.Ack, other.Decline, other.Release} {
		if err := do(soon(t), got.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.deleteQueue(soon(t), mine.Queue); !errors.Is(err, ErrRefused) {
		t.Errorf("deleted: %v", err)
	}
	if err := other.AddSends(soon(t), theirs.Queue, mine.send); !errors.Is(err, ErrRefused) {
		t.Errorf("a send of another queue: %v", err)
	}
	if st.counter("now_messages") != 1 {
		t.Error("somebody else has erased the message")
	}
	if err := m.deleteQueue(soon(t), mine.Queue); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Next(soon(t)); !errors.Is(err, ErrRefused) {
		t.Errorf("after its end the queue says %v", err)
	}
	st.restart()
	if _, err := st.client.Post(soon(t), st.url, mine.send, []byte("x"), 0); !errors.Is(err, ErrUnknown) {
		t.Errorf("into a deleted queue: %v", err)
	}
	if _, err := st.client.Post(soon(t), st.url, theirs.send, []byte("x"), 0); err != nil {
		t.Errorf("into the other: %v", err)
	}
}

// TestQueueThatNobodyReads ends after 60 days; one that is read does not.
func TestQueueThatNobodyReads(t *testing.T) {
	st := start(t, generous)
	left, read := st.queue(), st.queue()
	until(t, "nobody is connected", func() bool { return st.counter("now_sockets") == 0 })
	for range 3 {
		st.clock.forward(unreadTime/2 - time.Hour)
		m := st.follow(read)
		until(t, "followed", func() bool { return st.followers(read)[0] == 1 })
		m.Close()
		st.server.sweep()
	}
	if _, err := st.client.Post(soon(t), st.url, left.send, []byte("x"), 0); !errors.Is(err, ErrUnknown) {
		t.Errorf("into the one that nobody reads: %v", err)
	}
	st.leave(read, []byte("x"))
	if n := st.counter("unread"); n != 1 {
		t.Errorf("%d ended", n)
	}
}
