package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kith/relay"
	"kith/sealed"
	"kith/webid"
	"kith/webid/invite"
)

// rotate gives the phone a new agreement key, and keeps the one before in the document or not.
func (h *human) rotate(keep bool) {
	h.t.Helper()
	old, _ := h.lists.Keys.Find("k1")
	h.agree = freshKey(h.t)
	keys := webid.KeysDocument{Label: h.label(), Serial: h.lists.Keys.Serial + 1,
		Agree: []webid.AgreementKey{{Kid: "k2", Device: h.kid(), Key: h.agree.Public(), Until: old.Until.Add(time.Hour)}}}
	if keep {
		keys.Agree = append(keys.Agree, old)
	}
	var err error
	if h.lists.Keys, err = keys.Sign(h.lists.Devices, h.signing); err != nil {
		h.t.Fatal(err)
	}
}

// edit changes the friend's record by hand; the pod is stopped.
func (b *befriended) edit(change func(*webid.Contact)) {
	b.t.Helper()
	card := filepath.Join(b.dir, "pods", DefaultName, "contacts", b.ana.CID, "card")
	text, err := os.ReadFile(card)
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := webid.ParseContact("http://localhost:8420/me/contacts/"+b.ana.CID+"/card", text)
	if err != nil {
		b.t.Fatal(err)
	}
	change(&c)
	if text, err = json.Marshal(c); err == nil {
		err = os.WriteFile(card, text, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestKeyRotatedWhileQueued(t *testing.T) {
	for name, keep := range map[string]bool{"superseded": true, "revoked": false} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			p := newPost(t, c)
			b := newShared(t, c, p)
			bag := b.ben.bag(p)
			b.stop()
			pending := b.ana.leave(bag, "GET", postOne, "")
			b.ben.rotate(keep)
			b.edit(func(c *webid.Contact) { c.Lists = b.ben.lists })
			b.start()
			if keep {
				if a := bag.next(pending); a.status != http.StatusOK {
					t.Errorf("%+v", a)
				}
				return
			}
			eventually(t, "the message is declined", func() bool { return b.me().sealed.Declined()["unknown sender"] == 1 })
		})
	}
}

func TestARequestExpiresInTheQueue(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	b.stop()
	short := c.now().Add(time.Hour).UTC().Format(time.RFC3339)
	message, _ := b.ana.seal(b.ben.bag(p), "PUT", "/social/in/"+b.ana.CID+"/n1", "{}", "If-None-Match", "*", "Content-Type", "text/plain", "Kith-Expires", short)
	b.ana.drop(message)
	c.pass(2 * time.Hour)
	b.start()
	eventually(t, "the message is declined", func() bool { return b.me().sealed.Declined()["expired"] == 1 })
	b.phone.must(http.StatusNotFound, "GET", "/.replica/social/in/"+b.ana.CID+"/n1", "")
}

func TestALeakedSendIDLetsNobodyIn(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	eve := newHuman(t, c, "Eve")
	for name, l := range map[string]*line{
		"anonymous": eve.to(b.owner.label(), b.ana.Ways[0], nil, sealed.Recipients(b.ana.Lists)...),
		"as Eve":    eve.to(b.owner.label(), b.ana.Ways[0], make([]byte, 32), sealed.Recipients(b.ana.Lists)...),
		"as Ben": {t: t, Transport: sealed.Transport{To: sealed.Recipients(b.ana.Lists), Label: b.owner.label(), Now: c.now,
			From: &sealed.Sender{Label: b.ben.label(), KID: "k1", Key: eve.agree, Salt: b.ana.Salt}}},
		"as Ana": {t: t, Transport: sealed.Transport{To: sealed.Recipients(b.ana.Lists), Label: b.owner.label(), Now: c.now,
			From: &sealed.Sender{Label: b.owner.label(), KID: "k1", Key: eve.agree, Salt: sealed.OwnSalt(b.owner.label())}}},
	} {
		message, pending := l.seal(nil, "GET", postOne, "")
		answer, _, err := b.me().sealed.Answer(context.Background(), message)
		if name != "anonymous" {
			if !errors.Is(err, sealed.ErrDeclined) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if a, err := pending.Open(answer); err != nil || a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	b.ana.must(http.StatusOK, "GET", postOne, "")
}

// crowd makes more friends of the owner by hand, and returns each with its line; the pod is stopped.
func (b *befriended) crowd(n int) []*line {
	b.t.Helper()
	set, err := parseRelays([]byte(b.file("settings", "relays")))
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []*line
	for i := range n {
		f := newHuman(b.t, b.clock, fmt.Sprintf("Friend %d", i))
		c := webid.Contact{CID: fmt.Sprintf("%s%s", strings.Repeat("c", 17), []string{"a", "b"}[i/128]+string(rune('a'+i%128/16))+string(rune('a'+i%16))),
			Name: f.name, Label: f.label(), Grant: 1, Lists: f.lists, Salt: bytes.Repeat([]byte{byte(i)}, 32), Since: b.clock.now()}
		text, err := json.Marshal(c)
		dir := filepath.Join(b.dir, "pods", DefaultName, "contacts", c.CID)
		if err = errors.Join(err, os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "card"), text, 0o600)); err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, f.to(b.owner.label(), set.Secret.way(b.posts[0].url, nameContact(c)), c.Salt, sealed.Recipients(b.ana.Lists)...))
	}
	return lines
}

// file returns a file of the pod.
func (b *befriended) file(name ...string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{b.dir, "pods", DefaultName}, name...)...))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func TestTwoHundredAndFiftyFriendsReturnAtOnce(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	p.stop()
	p.config.Client = func(r *http.Request) string { return r.Header.Get("X-Test-Address") } // friends are not one address
	p.start()
	b := newShared(t, c, p)
	b.stop()
	lines := b.crowd(250)
	b.start()
	reach := b.me().reach
	eventually(t, "the relay knows all of them", func() bool {
		set := b.me().readSettings(t)
		told, err := b.state.told(context.Background(), DefaultName, set.Relays[0])
		return err == nil && len(told) >= 250
	})
	var answered, busy atomic.Int64
	done := make(chan error, len(lines))
	for i, l := range lines {
		m := l.Carrier.(sealed.Mailbox)
		m.Client = &relay.Client{HTTP: &http.Client{Transport: from(fmt.Sprint(i))}}
		l.Carrier = m
		go func() {
			for {
				a, err := l.ask("GET", "/social/door", "")
				if errors.Is(err, relay.ErrUnknown) || errors.Is(err, relay.ErrBusy) {
					busy.Add(1) // the relay has not been told yet
					continue
				}
				if err == nil && a.status == http.StatusOK {
					answered.Add(1)
				}
				done <- err
				return
			}
		}()
	}
	start := time.Now()
	for range lines {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d answered in %v, %d asked again", answered.Load(), time.Since(start).Round(time.Millisecond), busy.Load())
	if answered.Load() != 250 {
		t.Errorf("%d were answered", answered.Load())
	}
	if n := len(reach.errand.sulks); n != 0 {
		t.Errorf("%d are sulked at", n)
	}
}

// from makes requests look as if they came from an address.
type from string

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Test-Address", string(f))
	return http.DefaultTransport.RoundTrip(r)
}

func TestThePhoneClaimsAndGivesBack(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	set := b.settings()
	phone := b.owner.client.Mailbox(p.url, nil, relay.Box{Queue: set.Relays[0].Queue, Token: set.Secret.token(p.url, b.owner.kid())})
	t.Cleanup(phone.Close)
	seen := make(chan string, 8)
	ctx, cancel := context.WithCancel(context.Background())
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		for {
			m, err := phone.Next(ctx)
			if err != nil {
				return
			}
			if phone.Claim(ctx, m.ID) == nil { // and then thinks better of it
				seen <- m.ID
				phone.Release(ctx, m.ID)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-listening })
	eventually(t, "the phone listens", phone.Connected)
	bag := b.ben.bag(p)
	for i := range 6 {
		pending := b.ana.leave(bag, "PUT", fmt.Sprintf("/social/in/%s/m%d", b.ana.CID, i), "{}", "If-None-Match", "*", "Content-Type", "text/plain")
		if a := bag.next(pending); a.status != http.StatusCreated && a.status != http.StatusPreconditionFailed {
			t.Errorf("message %d: %+v", i, a)
		}
	}
}

func TestAnInviteIsAltered(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newFriends(t, c, p)
	link := b.owner.invite(b.phone, b.settings())
	carl := newHuman(t, c, "Carl")
	to, pending := carl.acceptance(link)
	guess := link
	guess.Secret = make([]byte, 16)
	forged, err := guess.Accept(invite.Introduction{Lists: carl.lists, Name: "Carl"}, "k1", carl.agree)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(pending.Body)
	flipped[len(flipped)-1] ^= 1
	var answers []string
	for _, body := range [][]byte{flipped, forged.Body, nil, []byte("{}")} {
		a := to.must(http.StatusNotFound, "POST", "/.invites/"+encode(link.ID), string(body))
		answers = append(answers, a.body)
	}
	other := to.must(http.StatusNotFound, "POST", "/.invites/"+encode(make([]byte, 16)), string(pending.Body))
	for _, a := range answers {
		if a != other.body {
			t.Errorf("wrong: %s\nunknown: %s", a, other.body)
		}
	}
	a := to.must(http.StatusOK, "POST", "/.invites/"+encode(link.ID), string(pending.Body))
	if _, err := pending.Open([]byte(a.body)); err != nil {
		t.Error(err)
	}
}

// TestALaggingPodDoesNotAnswer: somebody else has told the friend of what this pod lacks.
func TestALaggingPodDoesNotAnswer(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	b.stop()
	behind := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(behind, os.DirFS(b.dir)); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.share("2026-11-22-e", `{"content":"later"}`, true)
	seen := cursorOf(t, b.ana.must(http.StatusOK, "GET", "/social/feed", "").body)
	eventually(t, "what was answered is acknowledged", func() bool { return p.server.Counters()["now_messages"] == 0 })
	b.stop()
	b.dir = behind // a backup
	b.start()
	bag := b.ben.bag(p)
	message, _ := b.ana.seal(bag, "GET", "/social/posts/2026-11-22-e/post.jsonld", "", "Kith-Seen", seen)
	b.ana.drop(message)
	eventually(t, "the pod has looked and gives it back", func() bool { return b.me().reach.released.Load() > 0 })
	if n := p.server.Counters()["now_messages"]; n != 1 {
		t.Errorf("%d messages wait", n)
	}
	_, reply, err := b.me().sealed.Answer(context.Background(), message)
	if err != nil || reply.Status != http.StatusServiceUnavailable {
		t.Errorf("the pod that lags behind says %d, %v", reply.Status, err)
	}
}

func TestNothingRunsOnAfterClose(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	b.ana.must(http.StatusOK, "GET", postOne, "")
	b.stop()
	stacks := make([]byte, 1<<20)
	text := string(stacks[:runtime.Stack(stacks, true)])
	for _, part := range []string{"server.(*reach)", "server.(*box)", "server.(*errands)", "relay.(*Mailbox)"} {
		if strings.Contains(text, part) {
			t.Errorf("%s still runs", part)
		}
	}
}
