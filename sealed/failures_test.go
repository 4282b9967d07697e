package sealed_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/sealed"
	"kith/webid"
)

// The failures of protocol §8 that are this package's, under their names.

// TestDuplicateAfterLostACK: an answer was lost and the request is sent again,
// once as the same bytes and once sealed anew under the same nonce. It is done
// once, and the asker gets the answer that it would have had.
func TestDuplicateAfterLostACK(t *testing.T) {
	w := newWorld(t)
	first, _ := message(t, w.as("ben"), w.comment(1, "hello"))
	if _, _, err := w.server.Answer(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, reply, err := w.server.Answer(t.Context(), first); err != nil || reply.Status != http.StatusCreated {
		t.Errorf("the same bytes: %d, %v", reply.Status, err)
	}
	response, _ := ask(t, w.as("ben"), w.comment(1, "hello"))
	if response.StatusCode != http.StatusCreated || response.Header.Get("ETag") != `"new"` {
		t.Errorf("sealed anew: %s", response.Status)
	}
	if w.executed() != 1 || len(w.inbox) != 1 {
		t.Errorf("executed %v", w.asked)
	}
	if response, _ := ask(t, w.as("ben"), w.comment(2, "hello")); response.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("another nonce: %s", response.Status)
	}
}

// TestDuplicatesAtOnce: the same request comes by several relays in one moment.
// One is executed, and all get its answer.
func TestDuplicatesAtOnce(t *testing.T) {
	w := newWorld(t)
	handler, start := w.server.Handler, make(chan struct{})
	w.server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		<-start
		handler.ServeHTTP(rw, r)
	})
	var wg sync.WaitGroup
	var created atomic.Int32
	for range 16 {
		m, _ := message(t, w.as("ben"), w.comment(1, "hello"))
		wg.Go(func() {
			if _, reply, err := w.server.Answer(t.Context(), m); err == nil && reply.Status == http.StatusCreated {
				created.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	if w.executed() != 1 || created.Load() != 16 {
		t.Errorf("executed %v; %d were answered", w.asked, created.Load())
	}
}

// TestAnAcceptanceSentTwiceIsDoneOnce: who accepts an invite is nobody yet, and
// their answer gets lost too.
func TestAnAcceptanceSentTwiceIsDoneOnce(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		r := w.request("POST", "/.invites/x", "accepted", "Kith-Nonce", "AAECAwQFBgcICQoLDA0ODw")
		if response, _ := ask(t, w.as(""), r); response.StatusCode != http.StatusNoContent {
			t.Errorf("answered %s", response.Status)
		}
	}
	if w.executed() != 1 {
		t.Errorf("executed %v", w.asked)
	}
}

// TestAFailureIsNotRemembered: what failed, or was broken off, is done when it is
// asked again.
func TestAFailureIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	handler := w.server.Handler
	ctx, cancel := context.WithCancel(t.Context())
	m, _ := message(t, w.as("ben"), w.comment(1, "hello"))
	w.server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() })
	if _, _, err := w.server.Answer(ctx, m); !errors.Is(err, context.Canceled) || errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("broken off: %v", err)
	}
	w.server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) })
	if _, reply, err := w.server.Answer(t.Context(), m); err != nil || reply.Status != http.StatusServiceUnavailable {
		t.Errorf("not able to: %d, %v", reply.Status, err)
	}
	w.server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") })
	if _, _, err := w.server.Answer(t.Context(), m); err == nil || errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("a panic: %v", err)
	}
	w.server.Handler = handler
	if _, reply, err := w.server.Answer(t.Context(), m); err != nil || reply.Status != http.StatusCreated {
		t.Errorf("at last: %d, %v", reply.Status, err)
	}
}

// TestReplayToTheSameQueue: a relay that hands a message out again and again
// causes nothing new; one that keeps it until it has expired, nothing at all.
func TestReplayToTheSameQueue(t *testing.T) {
	w := newWorld(t)
	m, _ := message(t, w.as("ben"), w.comment(1, "hello"))
	for range 5 {
		if _, _, err := w.server.Answer(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if w.executed() != 1 {
		t.Errorf("executed %v", w.asked)
	}
	w.now = w.now.Add(14 * 24 * time.Hour)
	w.declined(m, "expired")
}

// TestReplayToAnotherQueue: two devices of Ana answer one message, which is
// harmless because of what a friend may do: read, and write under a name of its
// own. Another asker cannot open either answer.
func TestReplayToAnotherQueue(t *testing.T) {
	pod, phone := newWorld(t), newWorld(t)
	phone.server.Device, phone.keys = did(t, "ana phone"), []sealed.Key{{Key: key(t, "ana phone k")}}
	tr := pod.as("ben")
	tr.To = append(tr.To, webid.AgreementKey{Device: did(t, "ana phone"), Key: key(t, "ana phone k").Public()})
	m, p := message(t, tr, pod.comment(1, "hello"))
	_, other := message(t, tr, pod.comment(1, "hello"))
	for _, w := range []*world{pod, phone} {
		answer, reply, err := w.server.Answer(t.Context(), m)
		if err != nil || reply.Status != http.StatusCreated {
			t.Fatal(reply.Status, err)
		}
		if _, err := p.Open(answer); err != nil {
			t.Error(err)
		}
		if _, err := other.Open(answer); !errors.Is(err, sealed.ErrAnswer) {
			t.Errorf("the answer to another request opens: %v", err)
		}
	}
	if pod.inbox["/social/in/"+cid+"/n1"] != phone.inbox["/social/in/"+cid+"/n1"] {
		t.Error("the two wrote different things")
	}
}

// TestReplayToAnotherRecipient: Ana passes Ben's request on to Cleo as if it were
// meant for her: as it is, under a slot for Cleo, and under Cleo's label. Cleo
// knows Ben and does not believe it.
func TestReplayToAnotherRecipient(t *testing.T) {
	w := newWorld(t)
	m, _ := message(t, w.as("ben"), w.request("GET", "/social/door", ""))
	w.server.Label = func() string { return label(t, "cleo") }
	w.declined(m, "misdirected")
	w.keys = []sealed.Key{{Key: key(t, "cleo k1")}}
	w.declined(m, "no slot")
	// The mac is under a key that only Ben and Cleo have, over an encapsulated key
	// made for Cleo: what Ana has of Ben fits neither.
	tr := w.as("ben")
	tr.Label, tr.To[0].Key, tr.From.Key = label(t, "cleo"), key(t, "cleo k1").Public(), key(t, "ana k1")
	r := w.request("GET", "/social/door", "")
	r.URL.Host = tr.Label + ".kith.invalid"
	m, _ = message(t, tr, r)
	w.declined(m, "bad mac")
}

// TestTruncatedFlippedOversizeEnvelope: no cut, no flipped bit and no longer
// message is answered, and none executes anything.
func TestTruncatedFlippedOversizeEnvelope(t *testing.T) {
	w := newWorld(t)
	m, p := message(t, w.as("ben"), w.comment(1, "hello"))
	refused := func(name string, at int, bad []byte) {
		if answer, _, err := w.server.Answer(t.Context(), bad); !errors.Is(err, sealed.ErrDeclined) || answer != nil {
			t.Fatalf("%s %d: answered %d bytes, %v", name, at, len(answer), err)
		}
	}
	for n := range m {
		refused("cut at", n, m[:n])
	}
	for i := range m {
		bad := bytes.Clone(m)
		bad[i] ^= 1 << (i % 8)
		refused("flipped at", i, bad)
	}
	for _, size := range []int{1025, 4096, 65536, 17 << 16, 18 << 16, 4 << 20} {
		refused("made longer to", size, append(bytes.Clone(m), make([]byte, size-len(m))...))
	}
	if w.executed() > 0 {
		t.Fatalf("executed %v", w.asked)
	}
	var counted uint64
	for _, n := range w.server.Declined() {
		counted += n
	}
	if want := uint64(2*len(m) + 6); counted != want {
		t.Errorf("%d drops are counted, want %d: %v", counted, want, w.server.Declined())
	}
	answer, _, err := w.server.Answer(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range answer {
		bad := bytes.Clone(answer)
		bad[i] ^= 1 << (i % 8)
		if _, err := p.Open(bad); !errors.Is(err, sealed.ErrAnswer) {
			t.Fatalf("an answer flipped at %d opens: %v", i, err)
		}
		if _, err := p.Open(answer[:i]); !errors.Is(err, sealed.ErrAnswer) {
			t.Fatalf("an answer cut at %d opens: %v", i, err)
		}
	}
}

// TestClocksOffByAnHourAndByTenYears: an hour either way is taken, ten years is
// not, and nothing is executed then.
func TestClocksOffByAnHourAndByTenYears(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		off    time.Duration
		reason webid.Verdict
	}{
		{"an hour behind", -time.Hour, ""},
		{"an hour ahead", time.Hour, ""},
		{"an hour and a second ahead", time.Hour + time.Second, "future-dated"},
		{"ten years behind", -10 * year, "expired"},
		{"ten years ahead", 10 * year, "future-dated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			tr := w.as("ben")
			now := w.now.Add(c.off)
			tr.Now = func() time.Time { return now }
			m, _ := message(t, tr, w.comment(1, "hello"))
			if c.reason != "" {
				w.declined(m, c.reason)
			} else if _, reply, err := w.server.Answer(t.Context(), m); err != nil || reply.Status != http.StatusCreated {
				t.Errorf("answered %d, %v", reply.Status, err)
			}
		})
	}
}

// TestKeyRotatedWhileQueued: a message that waits while either side rolls its key
// is answered as long as the superseded key holds, and not once it is revoked.
func TestKeyRotatedWhileQueued(t *testing.T) {
	const day = 24 * time.Hour
	newer := func(w *world, until time.Time) {
		w.keys = []sealed.Key{{Key: key(t, "ana k2")}, {Key: key(t, "ana k1"), Until: until}}
	}
	for _, c := range []struct {
		name   string
		wait   time.Duration
		change func(*world)
		reason webid.Verdict
	}{
		{"the recipient's key is superseded", 13 * day, func(w *world) { newer(w, w.now.Add(15*day)) }, ""},
		{"the recipient's key has ended", 13 * day, func(w *world) { newer(w, w.now.Add(13*day)) }, "no slot"},
		{"the recipient's key is revoked", time.Second, func(w *world) { w.keys = []sealed.Key{{Key: key(t, "ana k2")}} }, "no slot"},
		{"the sender's key is superseded", 13 * day, func(w *world) { until(w, "ben", w.now.Add(15*day)) }, ""},
		{"the sender's key has ended", 13 * day, func(w *world) { until(w, "ben", w.now.Add(13*day)) }, "unknown sender"},
		{"the sender's key is revoked", time.Second, func(w *world) { clear(w.peers) }, "unknown sender"},
		{"another key has its name", time.Second, func(w *world) {
			p := w.peers[label(t, "ben")+" k2"]
			p.Key = key(t, "ben k3").Public()
			w.peers[label(t, "ben")+" k2"] = p
		}, "bad mac"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			m, _ := message(t, w.as("ben"), w.comment(1, "hello"))
			c.change(w)
			w.now = w.now.Add(c.wait)
			if c.reason != "" {
				w.declined(m, c.reason)
			} else if _, reply, err := w.server.Answer(t.Context(), m); err != nil || reply.Status != http.StatusCreated {
				t.Errorf("answered %d, %v", reply.Status, err)
			}
		})
	}
}

// until ends the key of somebody.
func until(w *world, name string, end time.Time) {
	p := w.peers[label(w.t, name)+" k2"]
	p.Until = end
	w.peers[p.Label+" k2"] = p
}

// TestRequestExpiresInTheQueue: a message that comes out too late is not executed;
// the asker's limit counts, and 14 days at most.
func TestRequestExpiresInTheQueue(t *testing.T) {
	w := newWorld(t)
	end := w.now.Add(time.Hour)
	r := w.comment(1, "hello")
	r.Header.Set("Kith-Expires", end.Format(time.RFC3339))
	m, _ := message(t, w.as("ben"), r)
	late, _ := message(t, w.as("ben"), w.comment(2, "hello"))
	r.Header.Set("Kith-Expires", w.now.Add(15*24*time.Hour).Format(time.RFC3339))
	w.declined(first(message(t, w.as("ben"), r)), "malformed")
	w.now = end
	w.declined(m, "expired")
	w.now = w.now.Add(14*24*time.Hour - time.Hour)
	w.declined(late, "expired")
}

func first(m []byte, _ sealed.Pending) []byte { return m }

// TestRevokedBetweenSendingAndExecution: who asks is looked up when the request is
// executed; the friend of yesterday gets no answer.
func TestRevokedBetweenSendingAndExecution(t *testing.T) {
	w := newWorld(t)
	m, _ := message(t, w.as("ben"), w.comment(1, "hello"))
	delete(w.peers, label(t, "ben")+" k2")
	w.declined(m, "unknown sender")
}

// TestBlockedAndUnknownLookAlike: somebody blocked, somebody unknown, a liar, and
// what is no envelope get the same bytes over HTTPS.
func TestBlockedAndUnknownLookAlike(t *testing.T) {
	w := newWorld(t)
	w.know("eve", webid.ContactAgent("https://a.example/contacts/eve/card#me", "eve", 1, did(t, "eve phone")), w.salt)
	eve := w.as("eve")
	delete(w.peers, label(t, "eve")+" k2")
	ben := w.as("ben")
	delete(w.peers, label(t, "ben")+" k2")
	w.know("cleo", webid.StrangerAgent("https://c.example/#me"), w.salt)
	liar := w.as("cleo")
	liar.From.Label, liar.From.KID = label(t, "ana"), "k2"
	var answers []string
	for _, tr := range []*sealed.Transport{eve, ben, liar} {
		m, _ := message(t, tr, w.request("GET", "/social/door", ""))
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, httptest.NewRequest("POST", "/.sealed", bytes.NewReader(m)))
		answers = append(answers, rec.Result().Status+rec.Body.String()+strings.Join(rec.Result().Header["Content-Type"], ""))
	}
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, httptest.NewRequest("POST", "/.sealed", bytes.NewReader(make([]byte, 1024))))
	answers = append(answers, rec.Result().Status+rec.Body.String()+strings.Join(rec.Result().Header["Content-Type"], ""))
	for _, a := range answers[1:] {
		if a != answers[0] || !strings.HasPrefix(a, "404") {
			t.Errorf("answered %q and %q", answers[0], a)
		}
	}
}

// TestForbiddenInnerTargets: nothing but what the subset has reaches the handler,
// whoever asks. The vectors have the list; here the handler is one that would
// answer anything.
func TestForbiddenInnerTargets(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/token", "/contacts/" + cid + "/card", "/settings/relays", "/social/.acl", "/social/posts/x/.acl", "/.passkeys", "/.elsewhere/x", "/.trouble/x", "/.dav/", "/%2e%2e/bob/social/door"} {
		for _, name := range []string{"ben", "ana", ""} {
			for _, method := range []string{"GET", "PUT", "POST", "DELETE", "PATCH"} {
				response, _ := ask(t, w.as(name), w.request(method, path, "", "If-None-Match", "*"))
				if s := response.StatusCode; s != 401 && s != 403 && s != 405 {
					t.Errorf("%q may %s %s: %d", name, method, path, s)
				}
			}
		}
	}
	if w.executed() > 0 {
		t.Errorf("executed %v", w.asked)
	}
	r := w.request("GET", "/social/door", "", "Authorization", "DPoP x", "Cookie", "a=b", "X-Forwarded-For", "1.2.3.4", "Accept", "text/turtle")
	w.server.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if len(r.Header) != 1 || r.Header.Get("Accept") != "*/*" {
			t.Errorf("the handler is given %v", r.Header)
		}
	})
	ask(t, w.as("ben"), r)
}

// TestAFriendsPodGivesHintsAndNothingElse: a device that answers for a friend is
// not the friend.
func TestAFriendsPodGivesHintsAndNothingElse(t *testing.T) {
	w := newWorld(t)
	p := w.peers[label(t, "ben")+" k2"]
	p.Hints = true
	w.peers[label(t, "ben")+" k2"] = p
	for target, want := range map[string]int{
		"POST /.hint": 204, "GET /.hint": 405, "GET /social/door": 403, "GET /social/posts/": 403, "PUT /social/in/" + cid + "/n1": 403, "POST /.pair": 403,
	} {
		method, path, _ := strings.Cut(target, " ")
		if response, _ := ask(t, w.as("ben"), w.request(method, path, "", "If-None-Match", "*")); response.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, response.StatusCode, want)
		}
	}
	if w.executed() != 1 {
		t.Errorf("executed %v", w.asked)
	}
}

// lossy loses some of the messages and some of the answers.
type lossy struct {
	next   sealed.Carrier
	chance *rand.Rand
	lost   int
	calls  int
}

var errLost = errors.New("lost on the way")

func (l *lossy) Carry(ctx context.Context, m []byte) ([]byte, error) {
	l.calls++
	if l.chance.IntN(100) < 20 {
		l.lost++
		return nil, errLost
	}
	answer, err := l.next.Carry(ctx, m)
	if l.chance.IntN(100) < 20 {
		l.lost++
		return nil, errLost
	}
	return answer, err
}

// TestTenMegabyteVideoWithLossesResumed: a body whose pieces get lost goes on from
// where it was, and an asker that was started again goes on by Range.
func TestTenMegabyteVideoWithLossesResumed(t *testing.T) {
	w := newWorld(t)
	film := video(t, 10<<20)
	w.files["/social/posts/a/1.mp4"] = film
	way := &lossy{next: w, chance: rand.New(rand.NewPCG(1, 2))}
	tr := w.as("ben")
	tr.Carrier = way
	var got bytes.Buffer
	fetch := func(most int, header ...string) {
		var response *http.Response
		var err error
		for range 100 {
			if response, err = tr.RoundTrip(w.request("GET", "/social/posts/a/1.mp4", "", header...)); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if left := int64(len(film) - got.Len()); response.ContentLength != left {
			t.Fatalf("%d bytes are announced, %d are left", response.ContentLength, left)
		}
		for range 100 {
			if _, err = io.CopyN(&got, response.Body, int64(most)-int64(got.Len())); err == nil {
				return
			}
			if !errors.Is(err, errLost) {
				t.Fatal(err)
			}
		}
		t.Fatal(err)
	}
	fetch(4 << 20)
	fetch(len(film), "Range", "bytes=4194304-", "If-Range", tagOf(film))
	if !bytes.Equal(got.Bytes(), film) {
		t.Error("another video came")
	}
	if way.lost < 5 {
		t.Errorf("only %d of %d were lost", way.lost, way.calls)
	}
	t.Logf("10 MiB in %d messages, of which %d were lost", way.calls, way.lost)
}

// TestAnAnswererThatDoesNotGoOn: a device of the person that answers a piece with
// something else. What was read is the beginning of the right thing, and then
// there is an error.
func TestAnAnswererThatDoesNotGoOn(t *testing.T) {
	const tag = `"abc"`
	half := strings.Repeat("x", 512<<10)
	for _, c := range []struct {
		name, span, tag string
		status, length  int
		want            error
	}{
		{"the whole of another", "", `"other"`, 200, 100, sealed.ErrChanged},
		{"a piece of another", "bytes 524288-1048575/1048576", `"other"`, 206, 512 << 10, sealed.ErrChanged},
		{"it has become shorter", "bytes */100", tag, 416, 0, sealed.ErrChanged},
		{"the first piece again", "bytes 0-524287/1048576", tag, 206, 512 << 10, sealed.ErrAnswer},
		{"a piece with a hole before it", "bytes 524289-1048575/1048576", tag, 206, 512<<10 - 1, sealed.ErrAnswer},
		{"less than it says", "bytes 524288-1048575/1048576", tag, 206, 100, sealed.ErrAnswer},
		{"no range", "", tag, 206, 512 << 10, sealed.ErrAnswer},
		{"revoked", "", "", 403, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			calls := 0
			w.server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				calls++
				rw.Header().Set("ETag", tag)
				if calls == 1 {
					rw.Header().Set("Content-Range", "bytes 0-524287/1048576")
					rw.WriteHeader(206)
					io.WriteString(rw, half)
					return
				}
				rw.Header().Set("ETag", c.tag)
				if c.span != "" {
					rw.Header().Set("Content-Range", c.span)
				}
				rw.WriteHeader(c.status)
				io.WriteString(rw, strings.Repeat("y", c.length))
			})
			response, err := w.as("ben").RoundTrip(w.request("GET", "/social/posts/a/1.mp4", ""))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			if string(got) != half || err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("read %d bytes, %v; want %v", len(got), err, c.want)
			}
			if c.want == nil && (errors.Is(err, sealed.ErrChanged) || errors.Is(err, sealed.ErrAnswer)) {
				t.Errorf("read %v", err)
			}
		})
	}
}

// TestAVideoThatChangesWhileItIsRead: its reader is told, and never gets the
// beginning of one and the end of another.
func TestAVideoThatChangesWhileItIsRead(t *testing.T) {
	w := newWorld(t)
	w.files["/social/posts/a/1.mp4"] = video(t, 2<<20)
	response, err := w.as("ben").RoundTrip(w.request("GET", "/social/posts/a/1.mp4", ""))
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.files["/social/posts/a/1.mp4"] = video(t, 2<<20)
	w.mu.Unlock()
	n, err := io.Copy(io.Discard, response.Body)
	if n != 512<<10 || !errors.Is(err, sealed.ErrChanged) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if n, err := response.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("a closed body gives %d, %v", n, err)
	}
}
