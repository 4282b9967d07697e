package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/relay"
	"kith/sealed"
	"kith/webid"
	"kith/webid/invite"
)

// This file is the stage on which pods behind a NAT, their owners and their friends meet: real relays on loopback
// addresses, a real Server that nobody ever connects to, and people who have keys and a relay client, nothing else.

// post is a relay that can be stopped and started again at its address, with what it had.
type post struct {
	t      testing.TB
	url    string
	at     string // host:port
	config relay.Config
	server *relay.Server
	web    *http.Server
	gone   chan struct{}
	lie    func(http.ResponseWriter, *http.Request) bool // answers instead of the relay
	mu     sync.Mutex
}

// newPost starts a relay.
func newPost(t testing.TB, c *clock) *post {
	t.Helper()
	p := &post{t: t, at: "127.0.0.1:0", config: relay.Config{Data: t.TempDir(), Queues: "open", Out: http.DefaultTransport, Now: c.now}}
	p.start()
	t.Cleanup(p.stop)
	return p
}

func (p *post) start() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.at)
	if err != nil {
		p.t.Fatal(err)
	}
	p.at = listener.Addr().String()
	p.url = "http://" + p.at + "/"
	if p.server, err = relay.Open(p.config); err != nil {
		p.t.Fatal(err)
	}
	p.web = &http.Server{Handler: http.HandlerFunc(p.serve)}
	p.gone = make(chan struct{})
	go func(web *http.Server, gone chan struct{}) {
		defer close(gone)
		web.Serve(listener)
	}(p.web, p.gone)
}

// stop ends the relay as a crash of its machine would be seen from outside. It may be called again.
func (p *post) stop() {
	if p.web == nil {
		return
	}
	err := p.server.Close()
	p.web.Close()
	<-p.gone
	if p.web = nil; err != nil {
		p.t.Error(err)
	}
}

func (p *post) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	lie := p.lie
	p.mu.Unlock()
	if lie == nil || !lie(w, r) {
		p.server.ServeHTTP(w, r)
	}
}

// lying has the relay answer by lie where that returns true.
func (p *post) lying(lie func(http.ResponseWriter, *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = lie
}

// kitchen is a pod on a kitchen kitchen: it is reached by relays and by nothing else.
type kitchen struct {
	*Server
	t     testing.TB
	clock *clock
	posts []*post
	also  []string // relays of others that it may call, host:port
	dir   string
}

// newKitchen starts a pod that is reached by the relays.
func newKitchen(t testing.TB, c *clock, posts ...*post) *kitchen {
	t.Helper()
	s := &kitchen{t: t, clock: c, posts: posts, dir: t.TempDir()}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *kitchen) start() {
	s.t.Helper()
	config := Config{Data: s.dir, URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: s.clock.now}
	for _, p := range s.posts {
		config.Reach = append(config.Reach, p.url)
		config.Fetch = append(config.Fetch, p.at)
	}
	config.Fetch = append(config.Fetch, s.also...)
	config, err := config.Complete()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.Server, err = Open(context.Background(), config); err != nil {
		s.t.Fatal(err)
	}
}

// stop ends the pod. It may be called again.
func (s *kitchen) stop() {
	if s.Server == nil {
		return
	}
	if err := s.Close(); err != nil {
		s.t.Error(err)
	}
	s.Server = nil
}

// me is the home of the only person.
func (s *kitchen) me() *home {
	s.t.Helper()
	h, err := s.home(context.Background(), DefaultName)
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// human is somebody with a phone.
type human struct {
	t       testing.TB
	name    string
	clock   *clock
	person  webid.PrivateKey
	signing webid.PrivateKey
	agree   webid.PrivateKey
	lists   webid.Lists
	client  *relay.Client
	version uint64 // of what the phone writes
}

func newHuman(t testing.TB, c *clock, name string) *human {
	t.Helper()
	h := &human{t: t, name: name, clock: c, person: freshKey(t), signing: freshKey(t), agree: freshKey(t), client: &relay.Client{HTTP: &http.Client{}}}
	t.Cleanup(h.client.HTTP.CloseIdleConnections)
	h.list()
	return h
}

func freshKey(t testing.TB) webid.PrivateKey {
	t.Helper()
	k, err := webid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// list signs the next device list and keys document: of the phone, and of the pod if there is one.
func (h *human) list(pods ...webid.AgreementKey) {
	h.t.Helper()
	all := []string{"answer", "accept", "post", "admin"}
	next := webid.DeviceList{Label: h.label(), Gen: 1, Epoch: h.lists.Devices.Epoch + 1, Person: h.person.Public().String(),
		Devices: []webid.Device{{Kid: h.kid(), Name: "phone", May: all}}}
	until := h.clock.now().Add(14 * 24 * time.Hour)
	keys := webid.KeysDocument{Label: h.label(), Serial: h.lists.Keys.Serial + 1,
		Agree: []webid.AgreementKey{{Kid: "k1", Device: h.kid(), Key: h.agree.Public(), Until: until}}}
	for _, pod := range pods {
		next.Devices = append(next.Devices, webid.Device{Kid: pod.Device, Name: "pod", May: all[:2]})
		pod.Until = until
		keys.Agree = append(keys.Agree, pod)
	}
	signer := h.signing
	if next.Epoch == 1 {
		signer = h.person
	}
	var err error
	if h.lists.Devices, err = next.Sign(h.lists.Devices, signer); err == nil {
		h.lists.Keys, err = keys.Sign(h.lists.Devices, h.signing)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *human) label() string { return h.person.Public().Label() }

func (h *human) kid() string { return h.signing.Public().String() }

// line is how a human asks a person: whom, as whom, and by which relay.
type line struct {
	sealed.Transport
	t testing.TB
}

// to returns a line to the person with that label by a way through a relay.
func (h *human) to(label string, way webid.Way, salt []byte, keys ...webid.AgreementKey) *line {
	h.t.Helper()
	l := &line{t: h.t, Transport: sealed.Transport{To: keys, Label: label, Now: h.clock.now,
		Carrier: sealed.Mailbox{Client: h.client, Relay: way.Relay, Send: unb64(h.t, way.Send), Wait: 20 * time.Second}}}
	if salt != nil {
		l.From = &sealed.Sender{Label: h.label(), KID: "k1", Key: h.agree, Salt: salt}
	}
	return l
}

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answer is what came back, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask makes one request; header are names and values in turn.
func (l *line) ask(method, path, body string, header ...string) (answer, error) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	a, err := l.RoundTrip(l.request(ctx, method, path, body, header...))
	if err != nil {
		return answer{}, err
	}
	return read(a)
}

func read(a *http.Response) (answer, error) {
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	return answer{a.StatusCode, a.Header, string(text)}, err
}

func (l *line) request(ctx context.Context, method, path, body string, header ...string) *http.Request {
	l.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "https://"+l.Label+".kith.invalid"+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// must asks and wants a status.
func (l *line) must(status int, method, path, body string, header ...string) answer {
	l.t.Helper()
	a, err := l.ask(method, path, body, header...)
	if err != nil || a.status != status {
		l.t.Fatalf("%s %s: %d %s, %v; want %d", method, path, a.status, a.body, err, status)
	}
	return a
}

// pair makes h the owner of a pod by its pairing link, without ever reaching its network, lists the pod as a device,
// and returns the line from phone to pod by the first relay.
func (h *human) pair(s *kitchen) *line {
	h.t.Helper()
	p, err := s.FirstPairing(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return h.pairBy(p.Link)
}

// pairBy pairs by a link, whoever shows it.
func (h *human) pairBy(text string) *line {
	h.t.Helper()
	link, err := invite.ParsePairing(text)
	if err != nil || len(link.Via) == 0 {
		h.t.Fatalf("link %+v: %v", link, err)
	}
	h.registered(link.Via[0])
	body, err := json.Marshal(map[string]any{"secret": link.Secret, "device_list": h.lists.Devices.String(), "keys": h.lists.Keys.String(), "name": h.name})
	if err != nil {
		h.t.Fatal(err)
	}
	anonymous := h.to(h.label(), link.Via[0], nil, webid.AgreementKey{Key: link.Key})
	a := anonymous.must(http.StatusOK, "POST", "/.pair", string(body), "Content-Type", "application/json")
	var told struct {
		Device struct {
			Kid   string    `json:"kid"`
			Agree webid.Key `json:"agree"`
		} `json:"device"`
	}
	if err := json.Unmarshal([]byte(a.body), &told); err != nil {
		h.t.Fatal(err)
	}
	pod := webid.AgreementKey{Kid: "p1", Device: told.Device.Kid, Key: told.Device.Agree}
	h.list(pod)
	own := h.to(h.label(), link.Via[0], sealed.OwnSalt(h.label()), pod)
	h.put(own, "/profile/devices", "application/jose", h.lists.Devices.String())
	h.put(own, "/profile/keys", "application/jose", h.lists.Keys.String())
	return own
}

// registered waits until the relay knows a send.
func (h *human) registered(way webid.Way) {
	h.t.Helper()
	polled(h.t, "the relay knows the way", 200*time.Millisecond, func() bool { return h.known(way) }) // it bears few guesses of one address
}

// known reports whether a relay lets h leave a message by a way. What is left is nonsense, which nobody answers.
func (h *human) known(way webid.Way) bool {
	h.t.Helper()
	receipt, err := h.client.Post(context.Background(), way.Relay, unb64(h.t, way.Send), bytes.Repeat([]byte{9}, 1024), 0)
	if err == nil && receipt.Cancel != "" {
		h.client.Cancel(context.Background(), way.Relay, unb64(h.t, way.Send), receipt.Cancel)
	}
	return !errors.Is(err, relay.ErrUnknown) && err == nil
}

// put writes a row of the tree from the phone.
func (h *human) put(own *line, path, typ, body string) {
	h.t.Helper()
	if h.version == 0 {
		h.version = 1000
	}
	h.version++
	own.must(http.StatusOK, "PUT", "/.replica"+path, body, "Content-Type", typ, "Kith-Version", fmt.Sprintf("%d.%s", h.version, h.kid()))
}

// friendship is what a friend has of an owner.
type friendship struct {
	invite.Confirmation
	*line
}

// invite makes an invite from the phone and returns its link.
func (h *human) invite(own *line, set relays) invite.Link {
	h.t.Helper()
	a := own.must(http.StatusCreated, "POST", "/.invites/", "{}", "Content-Type", "application/json")
	var made struct{ ID, IK, Secret string }
	if err := json.Unmarshal([]byte(a.body), &made); err != nil {
		h.t.Fatal(err)
	}
	l := invite.Link{Label: h.label(), Secret: unb64(h.t, made.Secret), ID: unb64(h.t, made.ID), Name: h.name, Relays: set.ways(nameInvite(unb64(h.t, made.ID)))}
	if err := l.Key.UnmarshalBinary(unb64(h.t, made.IK)); err != nil {
		h.t.Fatal(err)
	}
	return l
}

// acceptance returns what h sends to accept an invite, and the line by which.
func (h *human) acceptance(l invite.Link) (*line, invite.Pending) {
	h.t.Helper()
	pending, err := l.Accept(invite.Introduction{Lists: h.lists, Name: h.name}, "k1", h.agree)
	if err != nil {
		h.t.Fatal(err)
	}
	h.registered(l.Relays[0])
	return h.to(l.Label, l.Relays[0], nil, webid.AgreementKey{Key: l.Key}), pending
}

// accept accepts an invite through a relay.
func (h *human) accept(l invite.Link) friendship {
	h.t.Helper()
	to, pending := h.acceptance(l)
	a := to.must(http.StatusOK, "POST", "/.invites/"+encode(l.ID), string(pending.Body), "Content-Type", "application/octet-stream")
	c, err := pending.Open([]byte(a.body))
	if err != nil {
		h.t.Fatal(err)
	}
	f := friendship{Confirmation: c}
	f.line = h.lineOf(f, 0)
	h.registered(c.Ways[0])
	return f
}

// lineOf returns the line to a friend by the i-th way.
func (h *human) lineOf(f friendship, i int) *line {
	h.t.Helper()
	return h.to(f.Lists.Devices.Label, f.Ways[i], f.Salt, sealed.Recipients(f.Lists)...)
}

// befriended is a pod with an owner and a friend, all by relays.
type befriended struct {
	*kitchen
	owner, ben *human
	phone      *line      // the owner's
	ana        friendship // what Ben has of the owner
}

// newFriends makes an owner with a pod behind the relays, and a friend.
func newFriends(t testing.TB, c *clock, posts ...*post) *befriended {
	t.Helper()
	b := &befriended{kitchen: newKitchen(t, c, posts...), owner: newHuman(t, c, "Ana"), ben: newHuman(t, c, "Ben")}
	b.phone = b.owner.pair(b.kitchen)
	b.ana = b.ben.accept(b.owner.invite(b.phone, b.settings()))
	return b
}

// settings returns what settings/relays says, as the phone reads it.
func (b *befriended) settings() relays {
	b.t.Helper()
	set, err := parseRelays([]byte(b.phone.must(http.StatusOK, "GET", "/.replica"+relaysPath, "").body))
	if err != nil {
		b.t.Fatal(err)
	}
	return set
}

// share writes a post from the phone that the friend may read, or not.
func (b *befriended) share(name, text string, withBen bool) {
	b.t.Helper()
	at := "/social/posts/" + name + "/"
	b.owner.put(b.phone, at+"post.jsonld", "application/ld+json", text)
	b.audience(name, withBen)
}

// audience says from the phone who may read a post.
func (b *befriended) audience(name string, withBen bool) {
	b.t.Helper()
	rules := `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <../../../profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
`
	if withBen {
		rules += `<#ben> a acl:Authorization; acl:agent <../../../contacts/` + b.ana.CID + `/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.
`
	}
	b.owner.put(b.phone, "/social/posts/"+name+"/.acl", "text/turtle", rules)
}

// mailbag is a queue for answers that come later.
type mailbag struct {
	t    testing.TB
	box  *relay.Mailbox
	addr string // RELAYs/<send>
}

// bag makes a queue of h's own at a relay.
func (h *human) bag(p *post) *mailbag {
	h.t.Helper()
	token, send := make([]byte, 32), make([]byte, 24)
	rand.Read(token)
	rand.Read(send)
	name, err := h.client.NewQueue(context.Background(), p.url, "", token)
	if err != nil {
		h.t.Fatal(err)
	}
	b := &mailbag{t: h.t, box: h.client.Mailbox(p.url, nil, relay.Box{Queue: name, Token: token}), addr: p.url + "s/" + encode(send)}
	h.t.Cleanup(b.box.Close)
	if err := b.box.AddSends(context.Background(), name, send); err != nil {
		h.t.Fatal(err)
	}
	return b
}

// next returns the answer to p; what comes twice, and answers to others, are passed over.
func (b *mailbag) next(p sealed.Pending) answer {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		m, err := b.box.Next(ctx)
		if err == nil {
			err = b.box.Ack(ctx, m.ID)
		}
		if err != nil {
			b.t.Fatal(err)
		}
		r, err := p.Open(m.Body)
		if errors.Is(err, sealed.ErrAnswer) {
			continue
		}
		if err != nil {
			b.t.Fatal(err)
		}
		a, err := read(r)
		if err != nil {
			b.t.Fatal(err)
		}
		return a
	}
}

// leave seals a request whose answer is to come to a bag, leaves it at the relay of the line, and waits for nobody.
func (l *line) leave(b *mailbag, method, path, body string, header ...string) sealed.Pending {
	l.t.Helper()
	message, p := l.seal(b, method, path, body, header...)
	l.drop(message)
	return p
}

func (l *line) seal(b *mailbag, method, path, body string, header ...string) ([]byte, sealed.Pending) {
	l.t.Helper()
	t := l.Transport
	if b != nil {
		t.Reply = b.addr
	}
	message, p, err := t.Seal(l.request(context.Background(), method, path, body, header...))
	if err != nil {
		l.t.Fatal(err)
	}
	return message, p
}

// drop leaves a message at the relay of the line.
func (l *line) drop(message []byte) relay.Receipt {
	l.t.Helper()
	c := l.Carrier.(sealed.Mailbox)
	receipt, err := c.Client.Post(context.Background(), c.Relay, c.Send, message, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	return receipt
}

// eventually polls until ok, or fails.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	polled(t, what, 5*time.Millisecond, ok)
}

// polled polls with pauses until ok, or fails.
func polled(t testing.TB, what string, pause time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within ninety seconds: %s", what)
		}
		time.Sleep(pause)
	}
}

// nudge has the pod look at what is due, and waits until it has.
func (b *befriended) nudge() {
	b.t.Helper()
	looks := &b.me().reach.errand.looks
	before := looks.Load()
	eventually(b.t, "the pod looks", func() bool {
		b.owner.version++
		h := b.me()
		if err := h.write(context.Background(), fmt.Sprintf("/notes/%d", b.owner.version), "text/plain", "x", absent); err != nil {
			b.t.Fatal(err)
		}
		return looks.Load() > before+1
	})
}

// hostOf returns host:port of a URL.
func hostOf(t testing.TB, s string) string {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
