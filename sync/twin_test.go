package sync

import (
	"cmp"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"testing"

	"kith/acl"
)

// seeds is how many random histories the property tests try.
var seeds = flag.Uint64("seeds", 4, "random histories for each property")

// twins are two pods with one history, but for what is hidden from the agents
// who look: that happens in the second one only.
type twins struct {
	houses [2]*house
	// names are the random strings that were seen: each stands for when it came.
	names [2]map[string]string
	// given are the cursors, next pages and tags that an agent was given, in order.
	given [2]map[string][]string
}

// TestNonInterference lets two friends look at both twins in every way and after
// every step: the transcripts are equal (protocol §3.1).
func TestNonInterference(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			if diff := newTwins(t).run(seed, 40, "others"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNonInterferenceCanFail hides nothing in truth: the posts of the second
// twin alone are for those who look.
func TestNonInterferenceCanFail(t *testing.T) {
	for seed := range uint64(3) {
		if newTwins(t).run(seed, 40, "mine") == "" {
			t.Errorf("seed %d: nobody noticed", seed)
		}
	}
}

func newTwins(t *testing.T) *twins {
	w := &twins{}
	for i := range w.houses {
		w.houses[i] = newHouse(t)
		w.houses[i].audience("mine", ana)
		w.houses[i].audience("others", carl)
		w.names[i] = map[string]string{}
		w.given[i] = map[string][]string{}
	}
	return w
}

// run does random steps and returns the first difference that an agent sees.
// What only the second twin does is for the audience hidden.
func (w *twins) run(seed uint64, steps int, hidden string) string {
	r := rand.New(rand.NewPCG(seed, 1))
	for step := range steps {
		for range r.IntN(3) {
			hiddenStep(r, hidden)(w.houses[1])
		}
		what, do := sharedStep(r)
		at := newClock().at.Load() + int64(step)*4*day.Milliseconds()
		for _, h := range w.houses {
			h.clock.at.Store(at)
			do(h)
		}
		for range 4 {
			look := newLook(r)
			if a, b := w.transcript(0, look), w.transcript(1, look); a != b {
				return fmt.Sprintf("step %d, after %s, %+v:\n%s\n%s", step, what, look, a, b)
			}
		}
	}
	return ""
}

// sharedStep is one that both twins do. It may concern the agents.
func sharedStep(r *rand.Rand) (string, func(*house)) {
	post := fmt.Sprintf("2026-11-%02d", 10+r.IntN(6))
	folder := "/social/posts/" + post
	text := fmt.Sprint(r.IntN(1000))
	aid := []string{"mine", "mine", "others", ""}[r.IntN(4)]
	switch r.IntN(10) {
	case 9:
		return "edit by the phone of " + post, func(h *house) { h.place(folder+"/post.jsonld", jsonld, note(text)) }
	case 0, 1, 2:
		return "post " + post + " for " + aid, func(h *house) { h.post(post, aid, text) }
	case 3:
		return "edit " + post, func(h *house) { h.write(folder+"/post.jsonld", jsonld, note(text)) }
	case 4:
		return "show " + post + " to " + aid, func(h *house) { h.show(post, aid) }
	case 5:
		return "picture in " + post, func(h *house) { h.write(folder+"/1.webp", "image/webp", text) }
	case 6:
		return "delete " + post, func(h *house) { h.erase(folder + "/") }
	case 7:
		members := [][]string{{ana}, {}, {ana, dora}, {dora}}[r.IntN(4)]
		return fmt.Sprint("audience ", members), func(h *house) { h.audience("mine", members...) }
	}
	if r.IntN(4) > 0 {
		return "delete picture in " + post, func(h *house) { h.erase(folder + "/1.webp") }
	}
	return "restart", func(h *house) { h.close(); h.open() }
}

// hiddenStep is one that only the second twin does.
func hiddenStep(r *rand.Rand, aid string) func(*house) {
	day := 10 + r.IntN(6)
	post := fmt.Sprintf("2026-11-%02d-hidden", day)
	folder := "/social/posts/" + post
	text := fmt.Sprint(r.IntN(1000))
	some := r.IntN(3)
	switch r.IntN(10) {
	case 9:
		return func(h *house) { h.place(folder+"/post.jsonld", jsonld, note(text)) }
	case 0, 1:
		return func(h *house) { h.post(post, aid, text) }
	case 2:
		return func(h *house) { h.write(folder+"/post.jsonld", jsonld, note(text)) }
	case 3:
		return func(h *house) { h.show(post, []string{"", aid, aid}[some]) }
	case 4:
		return func(h *house) { h.erase(folder + "/") }
	case 5:
		return func(h *house) { h.audience("others", []string{carl, "emilaaaaaaaaaaaaaaaa"}[:some]...) }
	case 6:
		return func(h *house) { h.write("/notes/"+text, "text/plain", text) }
	case 7:
		return func(h *house) { h.write("/social/in/"+carl+"/"+text, jsonld, "{}") }
	}
	return func(h *house) { h.hide(fmt.Sprintf("/social/posts/2026-11-%02d/", day), text, some == 0) }
}

// hide puts a file that only the owner may read beside what others may, or
// erases it.
func (h *house) hide(folder, text string, erase bool) {
	if _, err := h.owner().Stat(h.t.Context(), h.path(folder)); err != nil {
		return
	}
	if erase {
		h.erase(folder + "secret.txt")
		return
	}
	h.write(folder+"secret.txt.acl", turtle, aclPre+
		"<#o> a acl:Authorization; acl:agent <../../../profile/card#me>; acl:accessTo <secret.txt>;"+
		" acl:mode acl:Read, acl:Write, acl:Control.")
	h.write(folder+"secret.txt", "text/plain", text)
}

// look is one request of an agent. It may hand back something that the agent was
// given before.
type look struct {
	agent, method, target string
	kind                  string // of what is handed back
	pick                  int
}

func newLook(r *rand.Rand) look {
	l := []look{
		{target: "door"}, {target: "feed"}, {target: "feed?inline=1"}, {target: "feed?limit=1"}, {target: "feed?limit=2&inline=1"},
		{target: "feed?cursor=", kind: "cursor"}, {target: "feed?inline=1&cursor=", kind: "cursor"}, {target: "feed?limit=1&cursor=", kind: "cursor"},
		{kind: "next"}, {target: "feed", kind: "tag"}, {target: "feed?cursor=x"}, {target: "feed?limit=0"},
		{target: "feed?cursor=", kind: "elsewhere"}, {target: "feed?limit=2&cursor=", kind: "elsewhere"}, {target: "door", kind: "seen"},
	}[r.IntN(15)]
	l.agent, l.pick = []string{ana, ana, dora}[r.IntN(3)], r.IntN(1<<30)
	l.method = []string{http.MethodGet, http.MethodGet, http.MethodGet, http.MethodHead, http.MethodPut}[r.IntN(5)]
	return l
}

// transcript puts the request to one of the twins and returns all that comes back.
func (w *twins) transcript(i int, l look) string {
	h, given := w.houses[i], ""
	from := map[string]string{"elsewhere": "cursor", "seen": "cursor"}[l.kind]
	if all := w.given[i][l.agent+cmp.Or(from, l.kind)]; len(all) > 0 {
		given = all[l.pick%len(all)]
	}
	if from != "" && given != "" {
		given = h.asElsewhere(h.friend(l.agent), given, l.pick)
	}
	target, more := "social/"+l.target+given, func(*http.Request) {}
	if l.kind == "tag" {
		target, more = "social/"+l.target, header("If-None-Match", given)
	}
	if l.kind == "seen" {
		target, more = "social/"+l.target, header("Kith-Seen", given)
	}
	s := h.ask(h.friend(l.agent), l.method, target, more)
	if s.status == http.StatusOK && s.err == nil && l.method == http.MethodGet {
		w.keep(i, l.agent, "cursor", inCursor, s.body)
		w.keep(i, l.agent, "next", inNext, s.body)
		w.given[i][l.agent+"tag"] = append(w.given[i][l.agent+"tag"], s.header.Get("ETag"))
	}
	all := fmt.Sprintf("%d %v\n%v\n%s", s.status, s.err, s.header, s.body)
	return random.ReplaceAllStringFunc(all, func(x string) string {
		if w.names[i][x] == "" {
			w.names[i][x] = fmt.Sprintf("<%d>", len(w.names[i]))
		}
		return w.names[i][x]
	})
}

// asElsewhere returns a cursor with what it says has been seen, as another responder of the
// owner would give it, and now and then one that has seen more than this pod has.
func (h *house) asElsewhere(v *acl.View, cursor string, pick int) string {
	cursors := testSealer(h.t, "a key of thirty-two bytes, or so", base)
	at, err := cursors.open(v.Agent(), cursor)
	if errors.Is(err, acl.ErrGone) { // the agent's names are others now, or it was never one
		return cursor
	}
	h.must(err)
	at.Maker, at.Epoch, at.Seq = [8]byte{1}, "", 0
	if pick%8 == 0 {
		at.Seen[15].Device, at.Seen[15].Counter = [8]byte{0xff}, 1
	}
	cursor, err = cursors.seal(v.Agent(), at)
	h.must(err)
	return cursor
}

func (w *twins) keep(i int, agent, kind string, in *regexp.Regexp, body string) {
	if found := in.FindStringSubmatch(body); found != nil {
		w.given[i][agent+kind] = append(w.given[i][agent+kind], found[1])
	}
}

var (
	inCursor = regexp.MustCompile(`"kith:cursor":"([^"]+)"`)
	inNext   = regexp.MustCompile(`"next":"([^"]+)"`)
	// random are the strings that two pods with one history have apart: cursors,
	// handles, and the tags of pages with such in them. States are not among them.
	random = regexp.MustCompile(fmt.Sprintf(`[A-Za-z0-9_-]{%d}|urn:kith:[A-Za-z0-9_-]{22}|Etag:\["[A-Za-z0-9_-]{22}"\]`,
		base64.RawURLEncoding.EncodedLen(cursorSize)))
)
