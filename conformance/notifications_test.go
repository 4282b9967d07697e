package conformance

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const notify = "http://www.w3.org/ns/solid/notifications#"

// channel is what a pod answers to a subscription.
type channel struct {
	ID, Type, Topic, ReceiveFrom, Sender, EndAt string
}

// notification is one message of a channel.
type notification struct {
	ID, Type, Object, Target, State, Published string
}

// offers returns the subscription endpoints that the pod's description names, by
// the type of their channels, relative to the pod.
func (w *world) offers(a asker, pod Pod) map[string]string {
	w.t.Helper()
	links := strings.Join(w.get(a, "").Header.Values("Link"), ",")
	found := regexp.MustCompile(`<([^>]*)>; rel="http://www.w3.org/ns/solid/terms#storageDescription"`).FindStringSubmatch(links)
	if found == nil {
		w.t.Fatalf("no description among %s", links)
	}
	answer := w.get(a, strings.TrimPrefix(found[1], pod.URL), "Accept", "application/ld+json")
	var d struct {
		Subscription []struct{ ID, ChannelType string }
	}
	if err := json.Unmarshal(answer.Body, &d); err != nil {
		w.t.Fatalf("%d %s: %v", answer.Status, answer.Body, err)
	}
	all := map[string]string{}
	for _, s := range d.Subscription {
		all[strings.TrimPrefix(s.ChannelType, notify)] = strings.TrimPrefix(s.ID, pod.URL)
	}
	return all
}

// asks returns the request for a channel, with further members.
func asks(service, kind, topic, more string) Request {
	return Request{Method: http.MethodPost, Target: service, Header: fields("Content-Type", "application/ld+json"), Body: fmt.Appendf(nil,
		`{"@context":["https://www.w3.org/ns/solid/notifications-context/v1"],"type":%q,"topic":%q%s}`, notify+kind, topic, more)}
}

// subscribe opens a channel.
func (w *world) subscribe(a asker, service, kind, topic, more string) (c channel) {
	w.t.Helper()
	r := asks(service, kind, topic, more)
	answer := w.want(w.ask(a, r), r, http.StatusOK)
	if err := json.Unmarshal(answer.Body, &c); err != nil || c.Topic != topic || c.Type != notify+kind || c.ID == "" {
		w.t.Fatalf("%s: %v", answer.Body, err)
	}
	return c
}

// hearer is a client that receives from a channel. What it hears ends with END.
type hearer struct {
	t     *testing.T
	heard chan string
	close func()
}

// hear receives from a channel.
func (w *world) hear(a *Agent, c channel) *hearer {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	h := &hearer{w.t, make(chan string, 200), cancel}
	if strings.HasPrefix(c.ReceiveFrom, "ws:") {
		conn, _, err := websocket.Dial(ctx, c.ReceiveFrom, &websocket.DialOptions{HTTPClient: w.client()})
		if err != nil {
			w.t.Fatal(err)
		}
		go func() {
			defer conn.CloseNow()
			text, err := []byte(nil), error(nil)
			for ; err == nil; _, text, err = conn.Read(ctx) {
				h.say(string(text))
			}
			h.heard <- "END"
		}()
		return h
	}
	if strings.HasSuffix(c.Type, "EventSourceChannel2023") {
		a = w.stranger(a.Pod) // a browser sends nothing with it but the address
	}
	res, err := a.Open(ctx, Request{Method: http.MethodGet, Target: strings.TrimPrefix(c.ReceiveFrom, a.Pod.URL)})
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("receive: %v %v", res, err)
	}
	go func() {
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			h.say(strings.TrimPrefix(lines.Text(), "data: "))
		}
		h.heard <- "END"
	}()
	return h
}

func (h *hearer) say(text string) {
	if text != "" && text != ":" {
		h.heard <- text
	}
}

// client dials the server whatever the URL says.
func (w *world) client() *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, w.wire.Address)
	}}}
}

// next waits for what is heard next.
func (h *hearer) next(d time.Duration) string {
	h.t.Helper()
	select {
	case text := <-h.heard:
		return text
	case <-time.After(d):
		h.t.Fatalf("nothing was heard within %v", d)
		return ""
	}
}

// until waits for an activity about an object, and returns it with the types of
// all that was heard before.
func (h *hearer) until(kind, object string) (n notification, before []string) {
	h.t.Helper()
	for {
		text := h.next(time.Minute)
		if text == "END" {
			h.t.Fatalf("it ended before %s %s; heard %q", kind, object, before)
		}
		n = notification{}
		if err := json.Unmarshal([]byte(text), &n); err != nil || n.ID == "" || n.Published == "" {
			h.t.Fatalf("%q: %v", text, err)
		}
		if n.Type == kind && n.Object == object {
			return n, before
		}
		before = append(before, n.Type+" "+n.Object)
	}
}

// ends waits until the channel ends within a second, and fails if anything else
// was said that holds a word.
func (h *hearer) ends(since time.Time, secret string) {
	h.t.Helper()
	for {
		text := h.next(5 * time.Second)
		if text == "END" {
			if took := time.Since(since); took > time.Second {
				h.t.Errorf("it ended after %v", took)
			}
			return
		}
		if strings.Contains(text, secret) {
			h.t.Errorf("it said %s", text)
		}
	}
}

// pulled are the channels that are received from.
var pulled = []string{"WebSocketChannel2023", "EventSourceChannel2023", "StreamingHTTPChannel2023"}

// TestChannelsTellFriendsWhatTheyMayRead follows a friend from the description of
// the pod to the end of the friendship, by each kind of channel.
func TestChannelsTellFriendsWhatTheyMayRead(t *testing.T) {
	t.Parallel()
	for _, kind := range pulled {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, people := newWorld(t, "alice")
			alice := people[0]
			ben, cleo := w.befriend(alice, must(newPerson("ben"))(t)), w.befriend(alice, must(newPerson("cleo"))(t))
			both := must(alice.Audience(w.ctx(), ben.CID, cleo.CID))(t)
			shared, hidden := newPost(t, "2026-11-22"), newPost(t, "2026-11-21")
			w.publish(alice, shared, postACL(both))
			w.publish(alice, hidden, postACL(""))
			service := w.offers(alice, alice.Pod)[kind]
			posts, note := alice.Pod.URL+"social/posts/", alice.Pod.URL+shared.folder+"post.jsonld"

			all := w.hear(ben.Agent, w.subscribe(ben, service, kind, posts, ""))
			one := w.hear(cleo.Agent, w.subscribe(cleo, service, kind, note, ""))
			must(0, alice.Put(w.ctx(), hidden.folder+"post.jsonld", "application/ld+json", []byte(`{"hidden":1}`)))(t)
			must(0, alice.Put(w.ctx(), shared.folder+"post.jsonld", "application/ld+json", []byte(`{"edited":1}`)))(t)
			n, before := all.until("Update", note)
			if len(before) > 0 || n.State != w.get(ben, shared.folder+"post.jsonld").Header.Get("ETag") {
				t.Errorf("%+v, after %q", n, before)
			}
			one.until("Update", note)

			// A post that appears, and one that goes.
			third := newPost(t, "2026-11-23")
			w.publish(alice, third, postACL(both))
			n, before = all.until("Add", alice.Pod.URL+third.folder)
			if n.Target != posts || strings.Contains(fmt.Sprint(before), "hidden") {
				t.Errorf("%+v after %q", n, before)
			}
			must(0, alice.Delete(w.ctx(), third.folder))(t)
			all.until("Remove", alice.Pod.URL+third.folder)
			must(0, alice.Delete(w.ctx(), hidden.folder))(t)

			// Out of the audience: the channel of the post ends, that of the list tells.
			must(0, alice.Put(w.ctx(), "social/audiences/"+both, "text/turtle", group([]string{ben.CID})))(t)
			one.ends(time.Now(), "{")
			must(0, alice.Put(w.ctx(), "social/audiences/"+both, "text/turtle", group([]string{cleo.CID})))(t)
			_, before = all.until("Remove", alice.Pod.URL+shared.folder)
			if strings.Contains(fmt.Sprint(before), hidden.folder) {
				t.Errorf("ben heard of what was hidden: %q", before)
			}
			again := asks(service, kind, note, "")
			w.want(w.ask(ben, again), again, http.StatusForbidden)

			// Deleted: told to who could read it.
			last := w.hear(cleo.Agent, w.subscribe(cleo, service, kind, note, ""))
			must(0, alice.Delete(w.ctx(), shared.folder))(t)
			last.until("Delete", note)
			last.ends(time.Now(), "{")

			// No friend any more: nothing at all.
			must(0, alice.Delete(w.ctx(), "contacts/"+ben.CID+"/"))(t)
			all.ends(time.Now(), "never")
		})
	}
}

// TestChannelsTellStrangersNothing compares the channels of a pod that is there
// with those of one that is not, and topics that are there with such that are not.
func TestChannelsTellStrangersNothing(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	secret := newPost(t, "2026-11-22")
	w.publish(alice, secret, postACL(""))
	nobody := Pod{URL: base + "nobody/", Issuer: alice.Pod.Issuer}
	for _, service := range []string{"websocket", "events", "stream", "webhook", "none", ""} {
		for _, r := range []Request{
			{Method: "GET"}, {Method: "HEAD"}, {Method: "OPTIONS"}, {Method: "PUT"},
			asks("", "WebSocketChannel2023", "POD"+secret.folder, ""), asks("", "WebhookChannel2023", "POD", `,"sendTo":"https://example.org/"`),
			asks("", "EventSourceChannel2023", "POD", ""), asks("", "StreamingHTTPChannel2023", "POD/none", ""),
		} {
			there, not := r, r
			there.Target, not.Target = ".channels/"+service, ".channels/"+service
			there.Body = []byte(strings.ReplaceAll(string(r.Body), "POD", alice.Pod.URL))
			not.Body = []byte(strings.ReplaceAll(string(r.Body), "POD", nobody.URL))
			a, b := w.ask(w.stranger(alice.Pod), there), w.ask(w.stranger(nobody), not)
			if same := strings.ReplaceAll(string(b.Body), "/nobody/", "/alice/"); a.Status != b.Status || string(a.Body) != same {
				t.Errorf("%s %q of the pod: %d %s\nof none: %d %s", r.Method, service, a.Status, a.Body, b.Status, same)
			}
		}
	}
	for topic, want := range map[string]int{
		secret.folder: http.StatusForbidden, "social/posts/2026-11-22-none/": http.StatusForbidden, secret.folder + "post.jsonld": http.StatusForbidden,
		"contacts/" + ben.CID + "/card": http.StatusForbidden, "": http.StatusForbidden, "social/posts/": http.StatusOK,
	} {
		r := asks(".channels/events", "EventSourceChannel2023", alice.Pod.URL+topic, "")
		w.want(w.ask(ben, r), r, want)
	}
}

// TestChannelsThatBrokeAreMadeUpFor kills the server, and lets a friend catch up
// by the state of a resource and by the feed.
func TestChannelsThatBrokeAreMadeUpFor(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	audience := must(alice.Audience(w.ctx(), ben.CID))(t)
	p := newPost(t, "2026-11-22")
	w.publish(alice, p, postACL(audience))
	note, posts := alice.Pod.URL+p.folder+"post.jsonld", alice.Pod.URL+"social/posts/"
	kind, service := "WebSocketChannel2023", ".channels/websocket"
	cursor := w.feed(ben).Cursor
	one := w.subscribe(ben, service, kind, note, "")
	h := w.hear(ben.Agent, one)
	must(0, alice.Put(w.ctx(), p.folder+"post.jsonld", "application/ld+json", []byte(`{"edited":1}`)))(t)
	n, _ := h.until("Update", note)

	// The line breaks; the address is good for a while, and what was missed comes.
	h.close()
	must(0, alice.Put(w.ctx(), p.folder+"post.jsonld", "application/ld+json", []byte(`{"edited":2}`)))(t)
	h = w.hear(ben.Agent, one)
	n, _ = h.until("Update", note)

	// The server is killed.
	if err := w.server.Kill(); err != nil {
		t.Fatal(err)
	}
	h.ends(time.Now(), "{")
	w.start()
	if _, _, err := websocket.Dial(w.ctx(), one.ReceiveFrom, &websocket.DialOptions{HTTPClient: w.client()}); err == nil {
		t.Error("the old address is still good")
	}
	second := newPost(t, "2026-11-23")
	w.publish(alice, second, postACL(audience))
	must(0, alice.Put(w.ctx(), p.folder+"post.jsonld", "application/ld+json", []byte(`{"edited":3}`)))(t)
	state := func(s string) string { return `,"state":` + string(must(json.Marshal(s))(t)) }
	late := w.hear(ben.Agent, w.subscribe(ben, service, kind, note, state(n.State)))
	n, before := late.until("Update", note)
	if now := w.get(ben, p.folder+"post.jsonld").Header.Get("ETag"); n.State != now || len(before) > 0 {
		t.Errorf("told of the state %s, which is %s, after %q", n.State, now, before)
	}
	current := w.hear(ben.Agent, w.subscribe(ben, service, kind, note, state(n.State)))
	list := w.hear(ben.Agent, w.subscribe(ben, service, kind, posts, state("what it was")))
	list.until("Update", posts)
	news := w.since(ben, cursor)
	if len(news.Items) != 2 {
		t.Errorf("the feed tells %+v", news.Items)
	}
	// Nothing had to be told to who knew the state: the next is the next change.
	must(0, alice.Put(w.ctx(), p.folder+"post.jsonld", "application/ld+json", []byte(`{"edited":4}`)))(t)
	if next, before := current.until("Update", note); next.State == n.State || len(before) > 0 {
		t.Errorf("%+v after %q", next, before)
	}
}

// TestAServerWithChannelsStops leaves channels open and one that says no goodbye.
func TestAServerWithChannelsStops(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	for _, kind := range pulled {
		w.hear(alice.Agent, w.subscribe(alice, w.offers(alice, alice.Pod)[kind], kind, alice.Pod.URL, ""))
	}
	silent := w.subscribe(alice, ".channels/websocket", pulled[0], alice.Pod.URL, "")
	conn, _, err := websocket.Dial(w.ctx(), silent.ReceiveFrom, &websocket.DialOptions{HTTPClient: w.client()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	start := time.Now()
	w.restart(func() {
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("to stop took %v", took)
		}
	})
}

// hook is a post that a webhook received.
type hook struct {
	method, target, host string
	header               http.Header
	body                 []byte
}

// TestWebhooksAreSigned receives webhooks and checks them with the key that the
// answer to the subscription leads to.
func TestWebhooksAreSigned(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	posts := make(chan hook, 100)
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			posts <- hook{r.Method, r.RequestURI, r.Host, r.Header, body}
		}
	}))
	t.Cleanup(target.Close)
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	audience := must(alice.Audience(w.ctx(), ben.CID))(t)
	p := newPost(t, "2026-11-22")
	w.publish(alice, p, postACL(audience))
	note, sendTo := alice.Pod.URL+p.folder+"post.jsonld", `,"sendTo":"`+target.URL+`/in?box=1"`
	refused := asks(".channels/webhook", "WebhookChannel2023", note, sendTo)
	w.want(w.ask(ben, refused), refused, http.StatusUnprocessableEntity) // nobody has allowed this address
	w.fetches(strings.TrimPrefix(target.URL, "http://"))

	c := w.subscribe(ben, ".channels/webhook", "WebhookChannel2023", note, sendTo)
	must(0, alice.Put(w.ctx(), p.folder+"post.jsonld", "application/ld+json", []byte(`{"edited":1}`)))(t)
	got := w.posted(posts)
	var n notification
	if err := json.Unmarshal(got.body, &n); err != nil || n.Type != "Update" || n.Object != note {
		t.Errorf("%s: %v", got.body, err)
	}
	if err := got.check(w.keys(c.Sender)); err != nil {
		t.Error(err)
	}
	got.target = "/other?box=1"
	if got.check(w.keys(c.Sender)) == nil {
		t.Error("the signature holds for another target too")
	}

	// Nothing is sent when the right has gone: the owner's own webhook, which is sent
	// to at the same time, tells when there would have been something.
	own := w.subscribe(alice, ".channels/webhook", "WebhookChannel2023", note, strings.Replace(sendTo, "in?", "own?", 1))
	must(0, alice.Put(w.ctx(), "social/audiences/"+audience, "text/turtle", group(nil)))(t)
	for i := range 3 {
		must(0, alice.Put(w.ctx(), p.folder+"post.jsonld", "application/ld+json", fmt.Appendf(nil, `{"secret":%d}`, i)))(t)
		if got := w.posted(posts); got.target != "/own?box=1" {
			t.Errorf("sent to %s: %s", got.target, got.body)
		}
	}
	gone := Request{Method: http.MethodGet, Target: strings.TrimPrefix(c.ID, alice.Pod.URL)}
	w.want(w.ask(ben, gone), gone, http.StatusNotFound)
	end := Request{Method: http.MethodDelete, Target: strings.TrimPrefix(own.ID, alice.Pod.URL)}
	w.want(w.ask(ben, end), end, http.StatusNotFound)
	w.want(w.ask(alice, end), end, http.StatusNoContent)
	w.want(w.ask(alice, end), end, http.StatusNotFound)
}

// posted waits for a post.
func (w *world) posted(posts <-chan hook) hook {
	w.t.Helper()
	select {
	case p := <-posts:
		return p
	case <-time.After(time.Minute):
		w.t.Fatal("nothing was posted")
		return hook{}
	}
}

// keys returns the keys of a key set by their ids.
func (w *world) keys(url string) map[string]*ecdsa.PublicKey {
	w.t.Helper()
	answer := w.ask(w.wire, Request{Method: http.MethodGet, Target: "/" + strings.TrimPrefix(url, base)})
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(answer.Body, &set); err != nil {
		w.t.Fatalf("%d %s: %v", answer.Status, answer.Body, err)
	}
	all := map[string]*ecdsa.PublicKey{}
	for _, j := range set.Keys {
		text := map[string]string{}
		for name, value := range j {
			text[name], _ = value.(string)
		}
		point := must(fromJWK(text))(w.t)
		all[text["kid"]] = must(ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point))(w.t)
	}
	return all
}

var signatureInput = regexp.MustCompile(`^kith=(\("@method" "@scheme" "@authority" "@path" "@query" "content-type" "content-digest"\);created=([0-9]+);keyid="([^"]+)";alg="ecdsa-p256-sha256")$`)

// check verifies the digest and the signature of a post (RFC 9530, RFC 9421).
func (p hook) check(keys map[string]*ecdsa.PublicKey) error {
	sum := sha256.Sum256(p.body)
	if digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"; p.header.Get("Content-Digest") != digest {
		return fmt.Errorf("the digest is %s, not %s", p.header.Get("Content-Digest"), digest)
	}
	in := signatureInput.FindStringSubmatch(p.header.Get("Signature-Input"))
	if in == nil || keys[in[3]] == nil {
		return fmt.Errorf("signed as %s, which is unknown", p.header.Get("Signature-Input"))
	}
	path, query, _ := strings.Cut(p.target, "?")
	text := `"@method": ` + p.method + "\n" + `"@scheme": http` + "\n" + `"@authority": ` + p.host + "\n" + `"@path": ` + path + "\n" +
		`"@query": ?` + query + "\n" + `"content-type": ` + p.header.Get("Content-Type") + "\n" +
		`"content-digest": ` + p.header.Get("Content-Digest") + "\n" + `"@signature-params": ` + in[1]
	hash := sha256.Sum256([]byte(text))
	encoded := strings.TrimSuffix(strings.TrimPrefix(p.header.Get("Signature"), "kith=:"), ":")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 64 || !ecdsa.Verify(keys[in[3]], hash[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])) {
		return fmt.Errorf("the signature %s does not hold for\n%s", encoded, text)
	}
	return nil
}
