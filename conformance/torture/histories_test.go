package torture

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"kith/conformance"
)

// ask is one request of a client. An empty text is absence.
type ask struct {
	method string
	name   string
	text   string // that a PUT leaves
	match  string // If-Match: the entity tag of this text, unless it is ""
	absent bool   // If-None-Match: *
}

// told is what came back.
type told struct {
	status  int    // 0 where the server was killed before it answered
	text    string // that a GET has shown
	strange string // an answer that fits no request
}

// register is the law for one name: each request happens at one moment between its sending and its answer, and a
// condition is judged in the same moment in which the request takes effect. A request without an answer
// has happened or not.
var register = porcupine.NondeterministicModel{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		byName := map[string][]porcupine.Operation{}
		for _, one := range all {
			name := one.Input.(ask).name
			byName[name] = append(byName[name], one)
		}
		for _, part := range byName {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{""} },
	Step: func(state, input, output any) []any { return happens(state.(string), input.(ask), output.(told)) },
}

// happens returns what a name can hold after a request that was answered like this, nothing if it cannot have been.
func happens(now string, a ask, t told) []any {
	holds := (a.match == "" || a.match == now) && (!a.absent || now == "")
	next := a.text
	if a.method == http.MethodDelete {
		holds = holds && now != ""
	}
	switch {
	case a.method == http.MethodGet && (t.status == 0 || t.text == now):
		return []any{now}
	case a.method == http.MethodGet:
		return nil
	case t.status == 0 && holds:
		return []any{now, next}
	case t.status == 0:
		return []any{now}
	case t.status < 300 && holds:
		return []any{next}
	case t.status == http.StatusPreconditionFailed && !holds,
		t.status == http.StatusNotFound && a.method == http.MethodDelete && now == "":
		return []any{now}
	}
	return nil
}

// request returns an ask as it is sent.
func (a ask) request() conformance.Request {
	r := conformance.Request{Method: a.method, Target: a.name, Header: http.Header{}}
	if a.method == http.MethodPut {
		r.Body = []byte(a.text)
		r.Header.Set("Content-Type", "text/plain")
	}
	if a.match != "" {
		r.Header.Set("If-Match", state{true, "text/plain", a.match}.etag())
	}
	if a.absent {
		r.Header.Set("If-None-Match", "*")
	}
	return r
}

// read tells what an answer means.
func (a ask) read(answer conformance.Answer) told {
	t := told{status: answer.Status}
	switch {
	case a.method == http.MethodGet && answer.Status == http.StatusOK:
		t.text = string(answer.Body)
		if tag := answer.Header.Get("ETag"); tag != (state{true, "text/plain", t.text}).etag() {
			t.strange = fmt.Sprintf("%s has the ETag %s", t.text, tag)
		}
	case answer.Status >= 500, a.method == http.MethodGet && answer.Status != http.StatusNotFound:
		t.strange = fmt.Sprintf("%s: %d %s", a.method, answer.Status, answer.Body)
	}
	return t
}

// history is what several clients have asked and were told, and when.
type history struct {
	began time.Time
	mu    sync.Mutex
	all   []porcupine.Operation
	open  []porcupine.Operation // without an answer, until the server is known to be gone
	next  int                   // number of the next client
}

func (h *history) now() int64 { return time.Since(h.began).Nanoseconds() }

// client asks until its share is done or the server is gone, each time for a condition of what it saw last.
func (h *history) client(ctx context.Context, who asker, asks int) error {
	h.mu.Lock()
	id := h.next
	h.next++
	h.mu.Unlock()
	seen := map[string]string{}
	for i := range asks {
		a := draw(seen, fmt.Sprintf("client %d, text %d", id, i))
		begin := h.now()
		answer, err := who.Do(ctx, a.request())
		one := porcupine.Operation{ClientId: id, Input: a, Call: begin, Return: h.now(), Output: told{}}
		if err != nil {
			h.mu.Lock()
			h.open = append(h.open, one)
			h.mu.Unlock()
			return nil
		}
		t := a.read(answer)
		if t.strange != "" {
			return fmt.Errorf("client %d: %s", id, t.strange)
		}
		switch one.Output = t; {
		case a.method == http.MethodGet:
			seen[a.name] = t.text
		case t.status < 300:
			seen[a.name] = a.text
		}
		h.mu.Lock()
		h.all = append(h.all, one)
		h.mu.Unlock()
	}
	return nil
}

// draw returns a random request, mostly on the condition that things are as they were seen.
func draw(seen map[string]string, text string) ask {
	a := ask{method: http.MethodPut, name: fmt.Sprintf("register-%d.txt", rand.IntN(3)), text: text}
	last, known := seen[a.name]
	switch n := rand.IntN(10); {
	case n < 3 || !known:
		a.method, a.text = http.MethodGet, ""
	case n < 7 && last != "":
		a.match = last
	case n < 7:
		a.absent = true
	case n < 9:
		a.method, a.text, a.match = http.MethodDelete, "", last
	}
	return a
}

// gone enters what had no answer: it happened before the server was gone, or not at all.
func (h *history) gone() (cut int) {
	for _, one := range h.open {
		one.Return = h.now()
		h.all = append(h.all, one)
	}
	cut, h.open = len(h.open), nil
	return cut
}

// together lets several clients ask at once, and waits for them.
func (h *history) together(t *testing.T, who asker, asks int) {
	t.Helper()
	const clients = 5
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	errs := make(chan error, clients)
	for range clients {
		go func() { errs <- h.client(ctx, who, asks) }()
	}
	for range clients {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// judge reports whether a history is one that the law allows.
func (h *history) judge() porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(register.ToModel(), h.all, limit)
}

// TestHistoriesOfConditionalWritesAreLegal has clients write and delete on conditions, while the server is killed and
// started again, and judges what they were told.
func TestHistoriesOfConditionalWritesAreLegal(t *testing.T) {
	s := newStand(t)
	total, cut, kills := 0, 0, 0
	for range *rounds {
		h := &history{began: time.Now()}
		for _, name := range []string{"register-0.txt", "register-1.txt", "register-2.txt"} {
			if _, err := s.owner.Do(s.ctx(), conformance.Request{Method: http.MethodDelete, Target: name}); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			h.untilKilled(s, 120)
			s.ended()
			cut += h.gone()
			kills++
			s.start()
		}
		h.together(t, s.owner, 40)
		if verdict := h.judge(); verdict != porcupine.Ok {
			t.Fatalf("a history of %d requests is %s", len(h.all), verdict)
		}
		total += len(h.all)
	}
	t.Logf("%d requests in %d histories, %d kills, %d requests without an answer", total, *rounds, kills, cut)
}

// untilKilled lets clients ask, and kills the server after so many answers.
func (h *history) untilKilled(s *stand, answers int) {
	s.t.Helper()
	h.mu.Lock()
	target := len(h.all) + answers
	h.mu.Unlock()
	killed, done := make(chan error), make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for due := false; !due; {
			select {
			case <-tick.C:
				h.mu.Lock()
				due = len(h.all) >= target
				h.mu.Unlock()
			case <-done:
				due = true
			}
		}
		killed <- s.server.Kill()
	}()
	h.together(s.t, s.owner, 1_000_000)
	close(done)
	s.ok(<-killed)
}

// hasty is a store that judges a condition, and then writes: what is wrong with it is that others write in between.
type hasty struct {
	mu   sync.Mutex
	held map[string]string
}

func (s *hasty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	now, there := s.held[r.URL.Path]
	s.mu.Unlock()
	tag := state{true, "text/plain", now}.etag()
	match := r.Header.Get("If-Match")
	switch {
	case match != "" && (!there || match != tag), r.Header.Get("If-None-Match") != "" && there:
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	case r.Method != http.MethodPut && !there:
		w.WriteHeader(http.StatusNotFound)
		return
	case r.Method == http.MethodGet:
		w.Header().Set("ETag", tag)
		_, _ = io.WriteString(w, now) // a client that does not read on has no answer
		return
	}
	for range 1_000 {
		runtime.Gosched() // others get their turn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPut {
		s.held[r.URL.Path] = string(body)
	} else {
		delete(s.held, r.URL.Path)
	}
	w.WriteHeader(http.StatusNoContent)
}

// TestAStoreThatChecksAndThenWritesIsCaught judges by the same law a store that does not keep it.
func TestAStoreThatChecksAndThenWritesIsCaught(t *testing.T) {
	for round := range 100 {
		server := httptest.NewServer(&hasty{held: map[string]string{}})
		who := &conformance.Agent{Wire: &conformance.Wire{Base: server.URL + "/"}, Pod: conformance.Pod{URL: server.URL + "/"}}
		h := &history{began: time.Now()}
		h.together(t, who, 40)
		server.Close()
		if h.judge() == porcupine.Illegal {
			t.Logf("caught in round %d", round)
			return
		}
	}
	t.Error("it was never caught")
}
