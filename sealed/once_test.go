package sealed_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"kith/sealed"
)

// diary is a Done that has room for eight answers of a kind.
type diary map[string][]entry

type entry struct {
	of     string // sender and nonce
	answer []byte
}

func (d diary) Recall(_ context.Context, sender string, nonce []byte) ([]byte, error) {
	for _, kind := range d {
		for _, e := range kind {
			if e.of == sender+string(nonce) {
				return e.answer, nil
			}
		}
	}
	return nil, nil
}

func (d diary) Keep(_ context.Context, kind, sender string, nonce, answer []byte, _ time.Time) error {
	all := append(d[kind], entry{sender + string(nonce), answer})
	d[kind] = all[max(0, len(all)-8):]
	return nil
}

// counted is the world with a diary, and how often each path was asked, all of which is answered alike.
func counted(t *testing.T, status int) (*world, map[string]int) {
	w, times := newWorld(t), map[string]int{}
	w.server.Done = diary{}
	w.server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		times[r.Method+" "+r.URL.Path]++
		rw.WriteHeader(status)
	})
	return w, times
}

func (w *world) mustAnswer(m []byte) {
	w.t.Helper()
	if _, _, err := w.server.Answer(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
}

// restarted is the process that comes after, with the same diary.
func (w *world) restarted() {
	s := w.server
	w.server = &sealed.Server{Label: s.Label, Device: s.Device, Keys: s.Keys, Find: s.Find, Handler: s.Handler, Now: s.Now, Done: s.Done}
}

// TestAnActIsDoneOnce: also one that answers 202, whatever else the device does meanwhile, and by the next process.
func TestAnActIsDoneOnce(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent} {
		w, times := counted(t, status)
		act, _ := message(t, w.as("ana"), w.request("POST", "/.backups", "{}"))
		word, _ := message(t, w.as("ben"), w.request("POST", "/.rtc", "{}"))
		w.mustAnswer(act)
		w.mustAnswer(word)
		for i := range 140 {
			for _, method := range []string{"PUT", "DELETE"} {
				for name, below := range map[string]string{"ana": "/.replica/", "ben": "/social/in/" + cid + "/"} {
					m, _ := message(t, w.as(name), w.request(method, fmt.Sprint(below, i), "", "If-None-Match", "*"))
					w.mustAnswer(m)
				}
			}
			m, _ := message(t, w.as("ana"), w.request("POST", "/.keys", ""))
			w.mustAnswer(m)
		}
		w.mustAnswer(act)
		w.restarted()
		w.mustAnswer(act)
		w.mustAnswer(word)
		if times["POST /.backups"] != 1 || times["POST /.rtc"] != 1 || times["PUT /.replica/139"] != 1 || times["POST /.keys"] != 140 {
			t.Errorf("answered %d: %d and %d times done, and %d", status, times["POST /.backups"], times["POST /.rtc"], times["PUT /.replica/139"])
		}
	}
}

// TestAPartIsNoAct: the next process has not got the part, so it does not say so.
func TestAPartIsNoAct(t *testing.T) {
	w := newWorld(t)
	w.replicas()
	d := diary{}
	w.server.Done = d
	part, _ := message(t, w.as("ana"), w.part("/.replica/a", "1.x", "aaa", 0, 6))
	w.mustAnswer(part)
	if len(d) != 0 {
		t.Errorf("kept %v", d)
	}
	whole, _ := message(t, w.as("ana"), w.part("/.replica/a", "1.x", "bbb", 3, 6))
	w.mustAnswer(whole)
	if len(d[""]) != 1 {
		t.Errorf("the write is not kept: %v", d)
	}
}
