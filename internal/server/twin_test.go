package server

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kith/conformance/twin"
	"kith/webid"
	"kith/webid/invite"
)

// seeds is how many random histories the twins play.
var seeds = flag.Uint64("twins", 4, "random histories that the twins play")

// room is a person's pod with two contacts, as the suite of twins sees it: everything that a server of
// pods does for an agent, but for finding out who the agent is.
type room struct {
	*home
	people map[twin.Who]webid.Agent
	clock  *clock
	// leaky answers in place of the pod; nil for none.
	leaky func(context.Context, twin.Who, twin.Request, twin.Answer) twin.Answer
}

func newRoom(t *testing.T) *room {
	t.Helper()
	ctx, c := t.Context(), newClock()
	s, err := Open(ctx, Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: c.now, quota: 64 << 10}) // so that a play can fill it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := s.home(ctx, DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.settle(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := h.realm.person(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{home: h, clock: c, people: map[twin.Who]webid.Agent{twin.Owner: webid.OwnerAgent(h.realm.Owner(), p.kid())}}
	r.meet(t, twin.Reader, "readerreaderreaderaa")
	r.meet(t, twin.Other, "otherotherotherother")
	return r
}

// meet makes a contact.
func (r *room) meet(t *testing.T, who twin.Who, cid string) {
	t.Helper()
	lists, kid := newLists(t)
	c, err := r.befriend(t.Context(), invite.Acceptance{Introduction: invite.Introduction{Lists: lists, Name: who.String()}}, cid)
	if err != nil {
		t.Fatal(err)
	}
	r.people[who] = webid.ContactAgent(c.ID, c.CID, c.Grant, kid)
}

// newLists returns the lists of somebody with one device, and its kid.
func newLists(t *testing.T) (webid.Lists, string) {
	t.Helper()
	key := func() webid.PrivateKey {
		k, err := webid.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	person, device := key(), key()
	kid := device.Public().String()
	devices, err := webid.DeviceList{Label: person.Public().Label(), Gen: 1, Epoch: 1, Person: person.Public().String(),
		Devices: []webid.Device{{Kid: kid, Name: "phone", May: []string{"answer", "accept", "post", "admin"}}}}.Sign(webid.DeviceList{}, person)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := webid.KeysDocument{Label: devices.Label, Serial: 1,
		Agree: []webid.AgreementKey{{Kid: "k1", Device: kid, Key: key().Public(), Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}}}.Sign(devices, device)
	if err != nil {
		t.Fatal(err)
	}
	return webid.Lists{Devices: devices, Keys: keys}, kid
}

func (r *room) Base() string { return r.url }

func (r *room) WebID(who twin.Who) string {
	if ids := r.people[who].IDs(); len(ids) > 0 {
		return string(ids[0])
	}
	return ""
}

func (r *room) Do(ctx context.Context, who twin.Who, q twin.Request) (twin.Answer, error) {
	a := r.ask(ctx, who, q)
	if r.leaky != nil && (who == twin.Reader || who == twin.Stranger) {
		a = r.leaky(ctx, who, q, a)
	}
	return a, nil
}

func (r *room) ask(ctx context.Context, who twin.Who, q twin.Request) twin.Answer {
	request := httptest.NewRequestWithContext(ctx, q.Method, r.url+q.Target, strings.NewReader(q.Body))
	for name, values := range q.Header {
		request.Header[name] = values
	}
	w := httptest.NewRecorder()
	if err := r.answer(w, request, r.people[who], strings.TrimPrefix(request.URL.EscapedPath(), "/"+r.name)); err != nil {
		r.refuse(w, request, err)
	}
	return twin.Answer{Status: w.Code, Header: w.Result().Header, Body: w.Body.String()}
}

// play plays one history to two rooms and returns the first difference.
func play(t *testing.T, seed uint64, steps int, plain, full *room) *twin.Difference {
	t.Helper()
	start := plain.clock.now()
	p := twin.Play{Seed: seed, Steps: steps, Kith: true, Tick: twin.Seconds(start, func(at time.Time) {
		for _, r := range []*room{plain, full} {
			r.clock.pass(at.Sub(r.clock.now()))
		}
	})}
	d, err := p.Compare(t.Context(), plain, full)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTwinsCannotBeToldApart: a friend and a stranger who look in every way at two pods, of which one
// holds more than they may see, find no difference (protocol §3.1).
func TestTwinsCannotBeToldApart(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			if d := play(t, seed, 40, newRoom(t), newRoom(t)); d != nil {
				t.Error(d)
			}
		})
	}
}

// A leak answers a looker by what the owner knows, on one surface.
var leaks = map[string]func(*room) func(context.Context, twin.Who, twin.Request, twin.Answer) twin.Answer{
	"GET": byName(func(q twin.Request, a twin.Answer) twin.Answer {
		if q.Method == http.MethodGet && a.Status >= 400 && len(q.Header) == 0 && !strings.HasSuffix(q.Target, "/") {
			a.Status = http.StatusConflict
		}
		return a
	}),
	"HEAD": byName(func(q twin.Request, a twin.Answer) twin.Answer {
		if q.Method == http.MethodHead && a.Status >= 400 {
			a.Header.Set("Content-Length", "7")
		}
		return a
	}),
	"OPTIONS": byName(func(q twin.Request, a twin.Answer) twin.Answer {
		if q.Method == http.MethodOptions {
			a.Header.Set("Allow", "GET, HEAD, OPTIONS")
		}
		return a
	}),
	"error": byName(func(q twin.Request, a twin.Answer) twin.Answer {
		if q.Method == http.MethodDelete || q.Method == http.MethodPatch {
			a.Body += " It is not yours."
		}
		return a
	}),
	"condition": byName(func(q twin.Request, a twin.Answer) twin.Answer {
		if q.Header.Get("If-None-Match") == "*" && q.Method == http.MethodPut {
			a.Status = http.StatusPreconditionFailed
		}
		return a
	}),
	"range": byName(func(q twin.Request, a twin.Answer) twin.Answer {
		if q.Header.Get("Range") != "" && a.Status >= 400 {
			a.Status = http.StatusRequestedRangeNotSatisfiable
		}
		return a
	}),
	"slug": func(r *room) func(context.Context, twin.Who, twin.Request, twin.Answer) twin.Answer {
		return func(ctx context.Context, _ twin.Who, q twin.Request, a twin.Answer) twin.Answer {
			slug := q.Header.Get("Slug")
			if slug != "" && r.ask(ctx, twin.Owner, twin.Request{Method: http.MethodGet, Target: "slugs/" + slug}).Status == http.StatusOK {
				a.Header.Set("Location", r.url+"slugs/"+slug+"-1")
			}
			return a
		}
	},
	"listing": byListing("box/", func(q twin.Request, a twin.Answer, members int) twin.Answer {
		if q.Target == "box/" && q.Method == http.MethodGet && a.Status == http.StatusOK {
			a.Header.Set("ETag", fmt.Sprintf(`"%d"`, members))
		}
		return a
	}),
	"quota": byListing("others/", func(q twin.Request, a twin.Answer, members int) twin.Answer {
		if q.Method == http.MethodPost && len(q.Body) > 1000 && members > 4 {
			a.Status = http.StatusInsufficientStorage
		}
		return a
	}),
	"feed": byListing("social/posts/", func(q twin.Request, a twin.Answer, members int) twin.Answer {
		if strings.HasPrefix(q.Target, "social/feed") && a.Status == http.StatusOK {
			a.Body += fmt.Sprintf(`{"totalItems":%d}`, members)
		}
		return a
	}),
}

// byName makes a leak that tells whether something is there.
func byName(tell func(twin.Request, twin.Answer) twin.Answer) func(*room) func(context.Context, twin.Who, twin.Request, twin.Answer) twin.Answer {
	return func(r *room) func(context.Context, twin.Who, twin.Request, twin.Answer) twin.Answer {
		return func(ctx context.Context, _ twin.Who, q twin.Request, a twin.Answer) twin.Answer {
			if r.ask(ctx, twin.Owner, twin.Request{Method: http.MethodHead, Target: q.Target}).Status != http.StatusOK {
				return a
			}
			return tell(q, a)
		}
	}
}

// byListing makes a leak that tells how many members a container has.
func byListing(container string, tell func(twin.Request, twin.Answer, int) twin.Answer) func(*room) func(context.Context, twin.Who, twin.Request, twin.Answer) twin.Answer {
	return func(r *room) func(context.Context, twin.Who, twin.Request, twin.Answer) twin.Answer {
		return func(ctx context.Context, _ twin.Who, q twin.Request, a twin.Answer) twin.Answer {
			all := r.ask(ctx, twin.Owner, twin.Request{Method: http.MethodGet, Target: container})
			return tell(q, a, strings.Count(all.Body, "ns/posix/stat#mtime")+strings.Count(all.Body, "stat:mtime")+strings.Count(all.Body, "ldp:contains"))
		}
	}
}

// TestAPlantedLeakIsFound plants a leak on each surface, in both pods alike: what they tell of is in one
// only.
func TestAPlantedLeakIsFound(t *testing.T) {
	for surface, leak := range leaks {
		t.Run(surface, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(0); seed < 4; seed++ {
				plain, full := newRoom(t), newRoom(t)
				plain.leaky, full.leaky = leak(plain), leak(full)
				d := play(t, seed, 60, plain, full)
				if d == nil {
					continue
				}
				if d.Surface != surface {
					t.Errorf("found in another place: %v", d)
				}
				return
			}
			t.Error("nobody noticed")
		})
	}
}
