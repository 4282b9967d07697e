package server

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/relay"
	"kith/sealed"
	"kith/webid"
	"kith/webid/invite"
)

// newPair makes two owners with pods behind relays who are friends of each other, and returns the first, and the
// second with the cid that the first has there.
func newPair(t *testing.T, c *clock, p *post) (ana *befriended, ben *befriended) {
	t.Helper()
	ana = &befriended{kitchen: newKitchen(t, c, p), owner: newHuman(t, c, "Ana")}
	ana.phone = ana.owner.pair(ana.kitchen)
	ben = &befriended{kitchen: newKitchen(t, c, p), owner: newHuman(t, c, "Ben")}
	ben.phone = ben.owner.pair(ben.kitchen)
	ana.ben = ben.owner
	cid := strings.ToLower(rand.Text()[:20])
	link := ana.owner.invite(ana.phone, ana.settings())
	pending, err := link.Accept(invite.Introduction{Lists: ben.owner.lists, Name: "Ben", Ways: ben.settings().ways(cid + " 1")}, "k1", ben.owner.agree)
	if err != nil {
		t.Fatal(err)
	}
	ben.owner.registered(link.Relays[0])
	a := ben.owner.to(link.Label, link.Relays[0], nil, webid.AgreementKey{Key: link.Key}).must(http.StatusOK, "POST", "/.invites/"+encode(link.ID), string(pending.Body))
	if ana.ana.Confirmation, err = pending.Open([]byte(a.body)); err != nil {
		t.Fatal(err)
	}
	ana.ana.line = ben.owner.lineOf(ana.ana, 0)
	card, err := json.Marshal(webid.Contact{CID: cid, Name: "Ana", Label: ana.owner.label(), Grant: 1, Lists: ana.owner.lists,
		Ways: ana.ana.Ways, Salt: ana.ana.Salt, Since: c.now()})
	if err != nil {
		t.Fatal(err)
	}
	ben.owner.put(ben.phone, "/contacts/"+cid+"/card", "application/ld+json", string(card))
	ben.owner.registered(ben.settings().ways(cid + " 1")[0])
	ben.ana.CID = cid
	return ana, ben
}

// hints returns from whom hints came.
func (b *befriended) hints(after uint64) (friends []string, head uint64) {
	b.t.Helper()
	var told struct {
		Head    uint64
		Friends []string
	}
	text := b.phone.must(http.StatusOK, "GET", fmt.Sprintf("/.hints?after=%d", after), "").body
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		b.t.Fatal(err)
	}
	return told.Friends, told.Head
}

func TestAHintSaysThatThereIsSomethingNew(t *testing.T) {
	c := newClock()
	ana, ben := newPair(t, c, newPost(t, c))
	ana.share("2026-11-22-b", `{"content":"not for Ben"}`, false)
	ana.nudge()
	c.pass(2 * hintJitter)
	ana.share("2026-11-22-c", `{"content":"not for Ben"}`, false)
	ana.nudge()
	if friends, _ := ben.hints(0); len(friends) > 0 {
		t.Errorf("a hint about what is hidden: %v", friends)
	}
	ana.share("2026-11-22-a", `{"content":"for Ben"}`, true)
	var head uint64
	eventually(t, "the hint", func() bool {
		c.pass(time.Second)
		ana.nudge()
		friends, now := ben.hints(0)
		head = now
		return slices.Equal(friends, []string{ben.ana.CID})
	})
	if head != 1 {
		t.Errorf("%d hints", head)
	}
	ana.share("2026-11-22-d", `{"content":"more"}`, true)
	ana.share("2026-11-22-e", `{"content":"more"}`, true)
	c.pass(5 * time.Minute)
	ana.nudge()
	if _, now := ben.hints(head); now != head {
		t.Errorf("another hint within ten minutes")
	}
	c.pass(hintPause)
	eventually(t, "one more hint, ten minutes later", func() bool {
		ana.nudge()
		friends, _ := ben.hints(head)
		return len(friends) == 1
	})
}

func TestThePhoneIsWokenForWhatAFriendLeft(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	pushes := make(chan *http.Request, 8)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pushes <- r
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(service.Close)
	b := newShared(t, c, p)
	b.stop()
	b.also = append(b.also, hostOf(t, service.URL))
	b.start()
	device, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	vapid, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := relay.Subscription{Endpoint: service.URL + "/push/1", P256dh: encode(device.PublicKey().Bytes()), Auth: encode(make([]byte, 16)), VAPID: encode(vapid.Bytes())}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	b.phone.must(http.StatusNoContent, "PUT", "/.push", string(text), "Content-Type", "application/json")
	b.phone.must(http.StatusBadRequest, "PUT", "/.push", `{"endpoint":"https://push.example/"}`, "Content-Type", "application/json")
	if a, err := b.ana.ask("PUT", "/.push", string(text)); err != nil || a.status != http.StatusForbidden {
		t.Errorf("a friend: %d, %v", a.status, err)
	}
	c.pass(time.Minute)
	leave := func(name string) {
		b.ana.must(http.StatusCreated, "PUT", "/social/in/"+b.ana.CID+"/"+name, `{}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	}
	woken := func(what string) {
		eventually(t, what, func() bool {
			c.pass(time.Second)
			b.nudge()
			return len(pushes) > 0
		})
		if r := <-pushes; r.Header.Get("Content-Encoding") != "aes128gcm" || !strings.HasPrefix(r.Header.Get("Authorization"), "vapid ") {
			t.Errorf("push %v", r.Header)
		}
	}
	leave("n1")
	woken("the phone is woken")
	leave("n2")
	leave("n3")
	c.pass(10 * time.Second)
	b.nudge()
	if len(pushes) > 0 {
		t.Error("a second push within a quarter of an hour")
	}
	c.pass(pushPause)
	woken("the phone is woken again")
	c.pass(pushPause)
	leave("n4")
	b.nudge()                                           // the pod has seen it
	b.phone.must(http.StatusOK, "GET", "/.replica", "") // the phone came by itself
	c.pass(time.Second)
	b.phone.must(http.StatusOK, "GET", "/.replica", "")
	c.pass(time.Minute)
	b.nudge()
	if len(pushes) > 0 {
		t.Error("a push although the phone came")
	}
}

func TestSettingsAreFollowed(t *testing.T) {
	c := newClock()
	one, two := newPost(t, c), newPost(t, c)
	b := newShared(t, c, one)
	b.allow(two)
	set := b.settings()
	pod := b.me().sealed.Device
	made := func(key secret) queue { // as the phone makes it
		name, err := b.owner.client.NewQueue(context.Background(), two.url, "", key.token(two.url, pod), key.token(two.url, b.owner.kid()))
		if err != nil {
			t.Fatal(err)
		}
		return queue{URL: two.url, Queue: name, Since: c.now()}
	}
	write := func(r relays) {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		b.owner.version += 1 << 10
		b.owner.put(b.phone, relaysPath, "application/json", string(text))
	}
	more := set
	more.Relays = append(slices.Clone(set.Relays), made(set.Secret))
	write(more)
	b.ana.Ways = more.ways(b.ana.CID + " 1")
	b.ben.registered(b.ana.Ways[1])
	second := b.ben.lineOf(b.ana, 1)
	second.must(http.StatusOK, "GET", postOne, "")

	turned := relays{Secret: newSecret(), Hop: true}
	turned.Relays = []queue{made(turned.Secret)}
	for _, q := range more.Relays {
		turned.Old = append(turned.Old, oldQueue{queue: q, Secret: set.Secret, Until: c.now().Add(15 * 24 * time.Hour)})
	}
	write(turned)
	ways := turned.ways(b.ana.CID + " 1")
	b.ben.registered(ways[0])
	b.ben.to(b.owner.label(), ways[0], b.ana.Salt, sealed.Recipients(b.ana.Lists)...).must(http.StatusOK, "GET", postOne, "")
	second.must(http.StatusOK, "GET", postOne, "") // who knows the old way only
	b.ana.must(http.StatusOK, "GET", postOne, "")
	var door struct{ Ways []webid.Way }
	if err := json.Unmarshal([]byte(second.must(http.StatusOK, "GET", "/social/door", "").body), &door); err != nil || !slices.Equal(door.Ways, ways) {
		t.Errorf("the door says %+v: %v", door, err)
	}
	b.owner.version++
	bad := fmt.Sprintf("%d.%s", b.owner.version, b.owner.kid())
	b.phone.must(http.StatusUnprocessableEntity, "PUT", "/.replica"+relaysPath, `{"secret":"","relays":[]}`, "Content-Type", "application/json", "Kith-Version", bad)
	b.stop()
	b.start() // --reach gives a person a relay once
	if got := b.me().readSettings(t); len(got.Relays) != 1 || got.Relays[0].URL != two.url {
		t.Errorf("after a new start: %+v", got)
	}
}

func (h *home) readSettings(t *testing.T) relays {
	t.Helper()
	<-h.reach.tried
	r, _, err := h.readRelays(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARelayIsAddedToAPodThatHasAnOwner(t *testing.T) {
	c := newClock()
	one, two := newPost(t, c), newPost(t, c)
	b := newShared(t, c, one)
	b.stop()
	b.posts = append(b.posts, two)
	b.start()
	eventually(t, "the second relay", func() bool { return len(b.settings().Relays) == 2 })
	way := b.settings().ways(b.ana.CID + " 1")[1]
	b.ben.registered(way)
	b.ben.to(b.owner.label(), way, b.ana.Salt, sealed.Recipients(b.ana.Lists)...).must(http.StatusOK, "GET", postOne, "")
}

func TestSeveralPeopleOnOneShelf(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	s := newKitchen(t, c, p)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	ana := newHuman(t, c, "Ana")
	ana.pair(s)
	config := s.config
	config.Reach = nil // the command line does not know the flags of the server
	told, err := AddPerson(context.Background(), config, "ben")
	if err != nil {
		t.Fatal(err)
	}
	link, err := invite.ParsePairing(told.Pair)
	if err != nil || len(link.Via) != 1 || link.Pod != s.config.PodURL("ben") {
		t.Fatalf("link %+v: %v", link, err)
	}
	ben := newHuman(t, c, "Ben")
	ben.registered(link.Via[0])
	body, err := json.Marshal(map[string]any{"secret": link.Secret, "device_list": ben.lists.Devices.String(), "keys": ben.lists.Keys.String(), "name": "Ben"})
	if err != nil {
		t.Fatal(err)
	}
	to := ben.to(ben.label(), link.Via[0], nil, webid.AgreementKey{Key: link.Key})
	to.must(http.StatusOK, "POST", "/.pair", string(body), "Content-Type", "application/json")
	if a, err := to.ask("POST", "/.pair", string(body), "Content-Type", "application/json"); err != nil || a.status != http.StatusForbidden {
		t.Errorf("the secret twice: %d, %v", a.status, err)
	}
	eve := newHuman(t, c, "Eve")
	again := eve.to(eve.label(), link.Via[0], nil, webid.AgreementKey{Key: link.Key})
	message, _ := again.seal(nil, "POST", "/.pair", string(body))
	h, err := s.home(ctx, "ben")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.sealed.Answer(ctx, message); !errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("a request to Eve is answered by Ben's pod: %v", err)
	}
}

func TestAFloodIsBounded(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	way := b.settings().Secret.way(p.url, namePair)
	for i := range 150 {
		if _, err := b.ben.client.Post(context.Background(), p.url, unb64(t, way.Send), slices.Repeat([]byte{byte(i)}, 2048), 0); err != nil {
			t.Fatal(err)
		}
	}
	if a := b.ana.must(http.StatusOK, "GET", postOne, ""); a.status != http.StatusOK {
		t.Error("the friend is not served")
	}
	eventually(t, "each drop is counted", func() bool {
		n := uint64(0)
		for _, k := range b.me().sealed.Declined() {
			n += k
		}
		return n >= 150
	})
}

func TestAppAndRelayAtOneOrigin(t *testing.T) {
	c := newClock()
	config, err := Config{Data: t.TempDir(), URL: "https://relay.example/", Listen: "127.0.0.1:0", Relay: true, Queues: "open", Now: c.now}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	for path, want := range map[string]int{"/": 200, "/.well-known/kith-relay": 200, "/.well-known/lws-configuration": 200, "/me/": 401, "/s/x": 404} {
		a, err := web.Client().Get(web.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if a.Body.Close(); a.StatusCode != want && path != "/s/x" || path == "/s/x" && a.StatusCode == 401 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	for _, name := range relayNames {
		if err := checkName(name); !errors.Is(err, ErrName) {
			t.Errorf("a pod may be called %s: %v", name, err)
		}
	}
	p := &post{t: t, url: web.URL + "/", at: hostOf(t, web.URL), server: s.relay}
	shelf := newKitchen(t, c, p)
	if first, err := shelf.FirstPairing(context.Background()); err != nil || !strings.HasPrefix(first.Link, p.url+"#pair=") {
		t.Errorf("the first link %+v: %v", first, err)
	}
	b := newShared(t, c, p)
	b.ana.must(http.StatusOK, "GET", postOne, "")
	link, err := b.state.pairing(context.Background(), b.config, DefaultName)
	if err != nil || link.ForPhones || !slices.Equal(link.Relays, []string{p.url}) {
		t.Errorf("link %+v: %v", link, err)
	}
}

func TestWhereALinkOpensTheApp(t *testing.T) {
	apps := []string{"https://relay.example/"}
	for _, c := range []struct {
		name, url string
		apps      []string
		reached   bool
		base      string
	}{
		{"a pod with an address", "https://pod.example/", apps, true, "https://pod.example/"},
		{"a pod on a shelf", "http://localhost:8420/", apps, true, "https://relay.example/"},
		{"a pod on a shelf, by a relay without the app", "http://localhost:8420/", nil, true, "http://localhost:8420/"},
		{"a pod on a shelf that no relay reaches", "http://localhost:8420/", apps, false, "http://localhost:8420/"},
	} {
		if got := (Config{URL: c.url}).appFor(c.apps, c.reached); got != c.base {
			t.Errorf("%s: %s, want %s", c.name, got, c.base)
		}
	}
}

func TestADeviceReadsTheQueueWhileItIsOnTheList(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	set, laptop := b.settings(), freshKey(t).Public().String()
	reads := func() bool {
		token := encode(set.Secret.token(p.url, laptop))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"q/"+set.Relays[0].Queue, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a.StatusCode == http.StatusOK
	}
	next := func(devices ...webid.Device) {
		list := b.owner.lists.Devices
		list.Epoch, list.Devices = list.Epoch+1, devices
		list, err := list.Sign(b.owner.lists.Devices, b.owner.signing)
		if err != nil {
			t.Fatal(err)
		}
		b.owner.lists.Devices = list
		b.owner.put(b.phone, "/profile/devices", "application/jose", list.String())
	}
	if reads() {
		t.Fatal("a device reads that nobody knows")
	}
	own := b.owner.lists.Devices.Devices
	next(append(slices.Clone(own), webid.Device{Kid: laptop, Name: "laptop", May: []string{"answer", "post"}})...)
	polled(t, "the new device reads", 200*time.Millisecond, reads)
	p.stop() // and hears of it when it is back
	list := b.owner.lists.Devices
	list.Epoch, list.Devices = list.Epoch+1, own
	list, err := list.Sign(b.owner.lists.Devices, b.owner.signing)
	if err != nil {
		t.Fatal(err)
	}
	err = b.me().state.update(t.Context(), DefaultName, func(p *person) (err error) {
		p.lists, err = p.lists.Accept(list.String(), p.lists.Keys.String(), time.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.stop()
	p.start()
	b.start()
	polled(t, "the device that went reads no more", 200*time.Millisecond, func() bool { return !reads() })
}

// TestAQueueThatIsLostIsMadeAnew: a relay comes back on an empty disk, and the friend reaches the pod by the way of before.
func TestAQueueThatIsLostIsMadeAnew(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	before := b.settings()
	p.stop()
	p.config.Data = t.TempDir()
	p.start()
	polled(t, "the friend is answered", 500*time.Millisecond, func() bool { // a relay takes many wrong tries for guesses
		a, err := b.ana.ask("GET", postOne, "")
		return err == nil && a.status == http.StatusOK
	})
	after := b.settings()
	if len(after.Relays) != 1 || after.Relays[0].Queue == before.Relays[0].Queue || after.Secret != before.Secret {
		t.Errorf("the settings say %+v", after.Relays)
	}
}
