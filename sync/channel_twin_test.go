package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// listeners are two pods with one history but for what is hidden, and agents who
// subscribe to the same topics of both, in a world whose clock moves only when
// all wait: so the times of all that they hear are compared, too.
type listeners struct {
	t        *testing.T
	houses   [2]*house
	channels [2]*Channels
	began    time.Time
	mu       sync.Mutex
	heard    [2][]string // by each who listens, in order of subscription
}

// TestChannelsDoNotInterfere lets two friends listen to both twins: they hear the
// same, at the same times (protocol §3.1).
func TestChannelsDoNotInterfere(t *testing.T) {
	for seed := range *seeds {
		synctest.Test(t, func(t *testing.T) {
			diff, events := newListeners(t).run(seed, 36, "others")
			if diff != "" {
				t.Errorf("seed %d: %s", seed, diff)
			}
			if events < 6 {
				t.Errorf("seed %d: no more than %d notifications were heard", seed, events)
			}
		})
	}
}

// TestChannelsDoNotInterfereCanFail hides nothing in truth: the posts of the
// second twin alone are for those who listen.
func TestChannelsDoNotInterfereCanFail(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			if diff, _ := newListeners(t).run(seed, 40, "mine"); diff == "" {
				t.Errorf("seed %d: nobody noticed", seed)
			}
		})
	}
}

func newListeners(t *testing.T) *listeners {
	l := &listeners{t: t, began: time.Now()}
	for i := range l.houses {
		h := newHouse(t)
		h.audience("mine", ana)
		h.audience("others", carl)
		start := h.clock.now()
		l.houses[i] = h
		l.channels[i] = NewChannels(ChannelsConfig{Base: base, Now: func() time.Time { return start.Add(time.Since(l.began)) }})
		t.Cleanup(l.channels[i].Close)
	}
	return l
}

// run does random steps and returns the first difference that an agent hears, and
// how much was heard.
func (l *listeners) run(seed uint64, steps int, hidden string) (diff string, events int) {
	r := rand.New(rand.NewPCG(seed, 2))
	for step := range steps {
		for range r.IntN(3) {
			hiddenStep(r, hidden)(l.houses[1])
			l.wait()
		}
		what, do := sharedStep(r)
		if what == "restart" {
			continue // which ends all channels
		}
		for _, h := range l.houses {
			h.clock.at.Store(newClock().at.Load() + int64(step)*1000)
			do(h)
		}
		l.wait()
		if r.IntN(2) == 0 {
			l.listen([]string{ana, ana, dora}[r.IntN(3)], topics[r.IntN(len(topics))], r.IntN(4) == 0)
			l.wait()
		}
		if a, b := l.all(0), l.all(1); a != b {
			return fmt.Sprintf("step %d, after %s:\n%s\n%s", step, what, a, b), 0
		}
	}
	return "", strings.Count(l.all(0), "published")
}

// wait lets whoever has something to say say it.
func (l *listeners) wait() {
	time.Sleep(350 * time.Millisecond) // of the bubble's clock
	synctest.Wait()
}

// topics are what may be subscribed to, hidden and absent ones among them.
var topics = []string{
	"/social/posts/", "/social/posts/", "/social/posts/2026-11-10/", "/social/posts/2026-11-11/", "/social/posts/2026-11-12/post.jsonld",
	"/social/posts/2026-11-13/1.webp", "/social/posts/2026-11-14/secret.txt", "/social/posts/2026-11-10-hidden/",
	"/social/posts/2026-11-11-hidden/post.jsonld", "/social/", "/", "/notes/", "/social/audiences/others", "/social/posts/.acl",
}

// listen subscribes an agent to the same topic of both twins.
func (l *listeners) listen(agent, topic string, slowly bool) {
	for i, c := range l.channels {
		h := l.houses[i]
		q := request{topic: h.path(topic), media: mediaLD, state: `"old"`}
		if slowly {
			q.rate = 2 * time.Second
		}
		s, _ := c.service("events")
		ch, err := c.start(h.t.Context(), h.friend(agent), s, q)
		l.mu.Lock()
		ear := ear{l, i, len(l.heard[i])}
		l.heard[i] = append(l.heard[i], "")
		l.mu.Unlock()
		ear.hear(fmt.Sprintf("%s asks for %s: %v", agent, topic, err))
		if err != nil {
			continue
		}
		ctx := l.t.Context()
		go func() {
			if err := c.pump(ctx, ch, ear); !errors.Is(err, context.Canceled) { // the end of the test
				ear.hear(fmt.Sprint(err))
			}
		}()
	}
}

func (l *listeners) all(i int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.heard[i], "\n")
}

var unnamed = regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}`)

// ear is who listens to one channel of a twin.
type ear struct {
	l     *listeners
	i, no int
}

func (e ear) hear(what string) {
	e.l.mu.Lock()
	defer e.l.mu.Unlock()
	e.l.heard[e.i][e.no] += fmt.Sprintln(time.Since(e.l.began), unnamed.ReplaceAllString(what, "<random>"))
}

func (e ear) send(_ context.Context, text []byte) error {
	if !json.Valid(text) {
		return errors.New("not JSON")
	}
	e.hear(string(text))
	return nil
}
