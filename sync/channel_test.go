package sync

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/webid"

	"github.com/coder/websocket"
)

// station is a house with channels, on the network.
type station struct {
	*house
	channels *Channels
	server   *httptest.Server
	errs     chan error // what Serve returned, for requests made over the network
}

func newStation(t testing.TB, change ...func(*ChannelsConfig)) *station {
	s := &station{house: newHouse(t), errs: make(chan error, 100)}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.channels.Serve(w, r, s.as(r.Header.Get("As")), strings.TrimPrefix(r.URL.Path, "/ben/.channels/")); err != nil {
			w.WriteHeader(status(err))
			s.errs <- err
		}
	}))
	config := ChannelsConfig{Base: s.server.URL + "/ben/", Now: s.clock.now}
	for _, f := range change {
		f(&config)
	}
	s.channels = NewChannels(config)
	t.Cleanup(func() {
		s.channels.Close()
		s.server.Close()
	})
	return s
}

// status is what internal/server makes of an error.
func status(err error) int {
	for want, code := range map[error]int{
		acl.ErrUnauthenticated: 401, acl.ErrForbidden: 403, pod.ErrNotExist: 404, ErrMethod: 405, pod.ErrTooLarge: 413,
		ErrMedia: 415, ErrSubscription: 422, ErrChannels: 429, ErrRequest: 400,
	} {
		if errors.Is(err, want) {
			return code
		}
	}
	return 500
}

func (s *station) as(name string) *acl.View {
	switch name {
	case "":
		return s.stranger()
	case "owner":
		return s.owner()
	case "somebody":
		return s.guard.As(webid.StrangerAgent("https://else.example/card#me"))
	}
	return s.friend(name)
}

// body is a subscription to a topic, with more members.
func (s *station) body(kind, topic string, more ...string) string {
	all := append([]string{
		`"@context":["https://www.w3.org/ns/solid/notifications-context/v1"]`,
		`"type":"http://www.w3.org/ns/solid/notifications#` + kind + `"`,
		`"topic":"` + s.channels.config.Base + strings.TrimPrefix(topic, "/") + `"`,
	}, more...)
	return "{" + strings.Join(all, ",") + "}"
}

// request makes a request below .channels.
func (s *station) request(as, method, url, body string) *http.Response {
	s.t.Helper()
	if !strings.HasPrefix(url, "http") {
		url = s.server.URL + "/ben/.channels/" + url
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	s.must(err)
	r.Header.Set("As", as)
	if body != "" {
		r.Header.Set("Content-Type", mediaLD)
	}
	res, err := http.DefaultClient.Do(r)
	s.must(err)
	s.t.Cleanup(func() { res.Body.Close() })
	return res
}

var kinds2023 = map[string]string{
	"websocket": "WebSocketChannel2023", "stream": "StreamingHTTPChannel2023",
	"events": "EventSourceChannel2023", "webhook": "WebhookChannel2023",
}

// subscribe opens a channel that must be possible.
func (s *station) subscribe(as, service, topic string, more ...string) subscription {
	s.t.Helper()
	res := s.request(as, http.MethodPost, service, s.body(kinds2023[service], topic, more...))
	var sub subscription
	text, err := io.ReadAll(res.Body)
	s.must(err)
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("subscribe to %s: %d %v", topic, res.StatusCode, <-s.errs)
	}
	s.must(json.Unmarshal(text, &sub))
	return sub
}

// receiver is a client of a channel; its messages end with "END".
type receiver struct {
	t        testing.TB
	messages chan string
	close    func()
}

// receive connects to a channel.
func (s *station) receive(as string, sub subscription) *receiver {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in := &receiver{s.t, make(chan string, 1000), cancel}
	s.t.Cleanup(cancel)
	if strings.HasPrefix(sub.ReceiveFrom, "ws:") {
		conn, _, err := websocket.Dial(ctx, sub.ReceiveFrom, nil)
		s.must(err)
		in.close = func() { conn.Close(websocket.StatusNormalClosure, ""); cancel() }
		go in.readSocket(ctx, conn)
		return in
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, sub.ReceiveFrom, nil)
	s.must(err)
	r.Header.Set("As", as)
	res, err := http.DefaultClient.Do(r)
	s.must(err)
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("receive: %d", res.StatusCode)
	}
	go in.readLines(res)
	return in
}

func (in *receiver) readSocket(ctx context.Context, conn *websocket.Conn) {
	defer conn.CloseNow()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			in.messages <- fmt.Sprint("END ", int(websocket.CloseStatus(err)))
			return
		}
		in.messages <- string(text)
	}
}

func (in *receiver) readLines(res *http.Response) {
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if text := strings.TrimPrefix(lines.Text(), "data: "); text != "" && text != ":" {
			in.messages <- text
		}
	}
	in.messages <- "END"
}

// next waits for a message.
func (in *receiver) next() string {
	in.t.Helper()
	select {
	case text := <-in.messages:
		return text
	case <-time.After(time.Minute):
		in.t.Fatal("no message came")
		return ""
	}
}

// short is a message as "Type path".
func (s *station) short(text string) string {
	s.t.Helper()
	if strings.HasPrefix(text, "END") {
		return text
	}
	var n notification
	s.must(json.Unmarshal([]byte(text), &n))
	if !strings.HasPrefix(n.ID, "urn:uuid:") || n.Published == "" || len(n.Context) != 2 {
		s.t.Errorf("not a notification: %s", text)
	}
	return n.Type + " " + strings.TrimPrefix(n.Object, s.channels.config.Base)
}

// want waits for messages and compares them.
func (s *station) want(in *receiver, want ...string) {
	s.t.Helper()
	var got []string
	for range want {
		got = append(got, s.short(in.next()))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("got %q, want %q", got, want)
	}
}

// quiet fails if a message has come. Whatever came before the last one that was
// awaited would be there.
func (s *station) quiet(in *receiver) {
	s.t.Helper()
	select {
	case text := <-in.messages:
		s.t.Errorf("it said %s", text)
	default:
	}
}

// share lets a friend read a folder and what is below.
func (s *station) share(folder string, cids ...string) {
	s.t.Helper()
	rules := aclPre + "<#owner> a acl:Authorization; acl:agent <" + string(ownerID) + ">; acl:accessTo <./>; acl:default <./>;" +
		" acl:mode acl:Read, acl:Write, acl:Control.\n"
	for i, cid := range cids {
		rules += fmt.Sprintf("<#r%d> a acl:Authorization; acl:agent <%s>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.\n", i, contactID(cid))
	}
	s.write(folder+".acl", turtle, rules)
}

func TestServicesAreDescribed(t *testing.T) {
	s := newStation(t, func(c *ChannelsConfig) { c.Client = http.DefaultClient })
	res := s.request("", http.MethodGet, "", "")
	var d description
	s.must(json.NewDecoder(res.Body).Decode(&d))
	if res.Header.Get("Content-Type") != mediaLD || d.ID != s.channels.root() || len(d.Subscription) != 4 {
		t.Errorf("%v %+v", res.Header, d)
	}
	for _, o := range d.Subscription {
		name := strings.TrimPrefix(o.ID, s.channels.root())
		if o.ChannelType != notifyNS+kinds2023[name] || len(o.Feature) != 5 {
			t.Errorf("%+v", o)
		}
		one := s.request("", http.MethodGet, o.ID, "")
		var again offer
		s.must(json.NewDecoder(one.Body).Decode(&again))
		if again.ID != o.ID || again.ChannelType != o.ChannelType || len(again.Context) != 1 || again.Context[0] != notifyContext {
			t.Errorf("%+v", again)
		}
		options := s.request("", http.MethodOptions, o.ID, "")
		if options.StatusCode != http.StatusNoContent || options.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" || options.Header.Get("Accept-Post") != mediaLD {
			t.Errorf("OPTIONS: %d %v", options.StatusCode, options.Header)
		}
		if head := s.request("", http.MethodHead, o.ID, ""); head.StatusCode != http.StatusOK || head.ContentLength != one.ContentLength {
			t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
		}
		if put := s.request("", http.MethodPut, o.ID, "{}"); put.StatusCode != 405 || put.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
			t.Errorf("PUT: %d %v", put.StatusCode, put.Header)
		}
	}
	if without := NewChannels(ChannelsConfig{Base: base}); len(without.Services()) != 3 {
		t.Errorf("without a client: %v", without.Services())
	}
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	s := newStation(t, func(c *ChannelsConfig) { c.Client = http.DefaultClient })
	s.share("/a/", ana)
	s.write("/a/x", "text/plain", "1")
	s.write("/b/x", "text/plain", "1")
	topic := func(path string) string { return s.body("WebSocketChannel2023", path) }
	hook := func(url string) string { return s.body("WebhookChannel2023", "/a/x", `"sendTo":"`+url+`"`) }
	good := topic("/a/x")
	for name, c := range map[string]struct {
		as, service, media, body string
		want                     int
	}{
		"no media type":             {ana, "websocket", "", good, 400},
		"Turtle":                    {ana, "websocket", "text/turtle", good, 415},
		"an unknown profile":        {ana, "websocket", mediaLD + `; profile="https://example.org/p"`, good, 415},
		"a known profile":           {ana, "websocket", mediaLD + `; profile="` + notifyContext + `"`, good, 200},
		"plain JSON":                {ana, "websocket", "application/json", good, 200},
		"no JSON":                   {ana, "websocket", mediaLD, "{", 422},
		"a list":                    {ana, "websocket", mediaLD, "[" + good + "]", 422},
		"null":                      {ana, "websocket", mediaLD, "null", 422},
		"too long":                  {ana, "websocket", mediaLD, good + strings.Repeat(" ", maxRequest), 413},
		"no context":                {ana, "websocket", mediaLD, `{"type":"WebSocketChannel2023","topic":"` + s.channels.config.Base + `a/x"}`, 422},
		"an unknown context":        {ana, "websocket", mediaLD, strings.Replace(good, notifyContext, "https://example.org/c", 1), 422},
		"one more context":          {ana, "websocket", mediaLD, strings.Replace(good, `"]`, `","https://example.org/c"]`, 1), 422},
		"a context of its own":      {ana, "websocket", mediaLD, strings.Replace(good, `["`+notifyContext+`"]`, `{"topic":"x:y"}`, 1), 422},
		"the older context":         {ana, "websocket", mediaLD, strings.Replace(good, notifyContext, olderContext, 1), 200},
		"a short type":              {ana, "websocket", mediaLD, strings.Replace(good, notifyNS, "", 1), 200},
		"a type with a prefix":      {ana, "websocket", mediaLD, strings.Replace(good, notifyNS, "notify:", 1), 200},
		"another type":              {ana, "events", mediaLD, good, 422},
		"no type":                   {ana, "websocket", mediaLD, strings.Replace(good, `"type"`, `"kind"`, 1), 422},
		"no topic":                  {ana, "websocket", mediaLD, strings.Replace(good, `"topic"`, `"about"`, 1), 422},
		"a topic elsewhere":         {ana, "websocket", mediaLD, strings.Replace(good, "127.0.0.1", "127.0.0.2", 1), 422},
		"a topic with a query":      {ana, "websocket", mediaLD, topic("/a/x?y"), 422},
		"a topic that is no path":   {ana, "websocket", mediaLD, topic("/a/../b/x"), 422},
		"two topics":                {ana, "websocket", mediaLD, strings.Replace(good, `"topic":"`, `"topic":["https://example.org/","`, 1)[:len(good)] + `]}`, 422},
		"a topic as an object":      {ana, "websocket", mediaLD, strings.Replace(good, `"topic":"`+s.channels.config.Base+`a/x"`, `"notify:topic":[{"@id":"`+s.channels.config.Base+`a/x"}]`, 1), 200},
		"hidden":                    {ana, "websocket", mediaLD, topic("/b/x"), 403},
		"absent, where hidden":      {ana, "websocket", mediaLD, topic("/b/none"), 403},
		"absent":                    {ana, "websocket", mediaLD, topic("/a/none"), 404},
		"hidden from a stranger":    {"", "websocket", mediaLD, good, 401},
		"absent for a stranger":     {"", "websocket", mediaLD, topic("/a/none"), 401},
		"an end that is over":       {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"endAt":"2026-11-22T08:59:59Z"`), 422},
		"an end before its start":   {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"startAt":"2026-11-22T11:00:00Z"`, `"endAt":"2026-11-22T10:00:00Z"`), 422},
		"a start after any end":     {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"startAt":"2027-11-22T11:00:00Z"`), 422},
		"a date without a zone":     {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"endAt":"2026-11-22T10:00:00"`), 422},
		"a rate in months":          {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"rate":"P1M"`), 422},
		"a rate of nothing":         {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"rate":"PT"`), 422},
		"a rate of years":           {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"rate":"P9999D"`), 422},
		"Turtle is wanted":          {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"accept":"text/turtle"`), 422},
		"JSON is wanted":            {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"accept":"text/turtle, application/json;q=0.5"`), 200},
		"a socket that sends":       {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"sendTo":"https://example.org/"`), 422},
		"a long state":              {ana, "websocket", mediaLD, s.body("WebSocketChannel2023", "/a/x", `"state":"`+strings.Repeat("x", 600)+`"`), 422},
		"a webhook of a stranger":   {"", "webhook", mediaLD, hook("https://example.org/"), 401},
		"a webhook of somebody":     {"somebody", "webhook", mediaLD, hook("https://example.org/"), 403},
		"a webhook without address": {ana, "webhook", mediaLD, s.body("WebhookChannel2023", "/a/x"), 422},
		"a webhook without TLS":     {ana, "webhook", mediaLD, hook("http://example.org/"), 422},
		"a webhook with a password": {ana, "webhook", mediaLD, hook("https://a:b@example.org/"), 422},
		"a webhook to a file":       {ana, "webhook", mediaLD, hook("file:///etc/passwd"), 422},
		"a webhook on what is hidden, of a friend": {ana, "webhook", mediaLD, strings.Replace(hook("https://example.org/"), "a/x", "b/x", 1), 403},
		"no such service":                          {ana, "carrier-pigeon", mediaLD, good, 404},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			if c.media != "" {
				r.Header.Set("Content-Type", c.media)
			}
			w := httptest.NewRecorder()
			err := s.channels.Serve(w, r, s.as(c.as), c.service)
			got := w.Code
			if err != nil {
				got = status(err)
			}
			if got != c.want || err != nil && w.Body.Len() > 0 {
				t.Errorf("%d %v %s, want %d", got, err, w.Body, c.want)
			}
			if c.want == 415 && w.Header().Get("Accept-Post") != mediaLD {
				t.Error("no Accept-Post")
			}
			s.channels.mu.Lock()
			for _, ch := range s.channels.open {
				s.channels.forget(ch)
			}
			s.channels.mu.Unlock()
		})
	}
}

func TestSubscriptionIsSaid(t *testing.T) {
	s := newStation(t)
	s.share("/a/", ana)
	s.write("/a/x", "text/plain", "1")
	got := s.subscribe(ana, "websocket", "/a/x", `"startAt":"2026-11-22T10:00:00Z"`, `"endAt":"2026-11-22T12:00:00+01:00"`,
		`"state":"\"s\""`, `"rate":"PT1M30.5s"`, `"accept":"application/json"`)
	want := subscription{
		Context: []string{notifyContext}, ID: got.ID, Type: notifyNS + "WebSocketChannel2023", Topic: s.channels.config.Base + "a/x",
		ReceiveFrom: got.ReceiveFrom, StartAt: "2026-11-22T10:00:00.000Z", EndAt: "2026-11-22T11:00:00.000Z", State: `"s"`,
		Rate: "PT90.5S", Accept: "application/json",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	secret, ok := strings.CutPrefix(got.ReceiveFrom, "ws"+strings.TrimPrefix(got.ID, "http")+"/")
	if !ok || len(secret) < 22 || !strings.HasPrefix(got.ID, s.channels.root()+"websocket/") {
		t.Errorf("channel %s, received from %s", got.ID, got.ReceiveFrom)
	}
	if other := s.subscribe(ana, "websocket", "/a/x"); other.ReceiveFrom == got.ReceiveFrom || other.EndAt != "2026-11-23T09:00:00.000Z" {
		t.Errorf("another one: %+v", other)
	}
	for url, want := range map[string]string{
		"": "GET, HEAD, OPTIONS", "websocket": "GET, HEAD, OPTIONS, POST", got.ID: "GET, HEAD, OPTIONS, DELETE",
		"websocket/absent": "GET, HEAD, OPTIONS, DELETE", "events/absent/secret": "GET, OPTIONS",
	} { // whoever asks, and whether or not there is such a channel
		if res := s.request("", http.MethodOptions, url, ""); res.StatusCode != http.StatusNoContent || res.Header.Get("Allow") != want {
			t.Errorf("OPTIONS of %q: %d, Allow: %s", url, res.StatusCode, res.Header.Get("Allow"))
		}
	}
	for as, want := range map[string]int{ana: 200, carl: 404, "": 404, "owner": 404} {
		if res := s.request(as, http.MethodGet, got.ID, ""); res.StatusCode != want {
			t.Errorf("%q asks for the channel: %d", as, res.StatusCode)
		}
		if res := s.request(as, http.MethodDelete, got.ID, ""); as != ana && res.StatusCode != 404 {
			t.Errorf("%q deletes the channel: %d", as, res.StatusCode)
		}
	}
}

// TestChannelsTell lets each kind of channel that is received from tell a story.
func TestChannelsTell(t *testing.T) {
	for _, service := range []string{"websocket", "events", "stream"} {
		t.Run(service, func(t *testing.T) {
			s := newStation(t)
			s.share("/a/", ana)
			s.write("/a/x", "text/plain", "1")
			resource, folder := s.subscribe(ana, service, "/a/x"), s.subscribe(ana, service, "/a/")
			one, all := s.receive(ana, resource), s.receive(ana, folder)
			s.write("/a/x", "text/plain", "2")
			text := one.next()
			state, err := s.friend(ana).Stat(t.Context(), s.path("/a/x"))
			s.must(err)
			var n notification
			s.must(json.Unmarshal([]byte(text), &n))
			if s.short(text) != "Update a/x" || n.State != state.Info.ETag || n.Published != "2026-11-22T09:00:00.000Z" || n.Target != "" {
				t.Errorf("%+v", n)
			}
			s.want(all, "Update a/x", "Update a/")
			s.write("/hidden", "text/plain", "2")
			s.write("/a/b/c", "text/plain", "1")
			s.want(all, "Add a/b/", "Add a/b/c", "Update a/")
			s.erase("/a/b/")
			s.want(all, "Remove a/b/c", "Remove a/b/", "Update a/")
			s.erase("/a/x")
			s.want(one, "Delete a/x")
			if end := one.next(); !strings.HasPrefix(end, "END") {
				t.Errorf("after the end: %s", end)
			}
			s.want(all, "Remove a/x", "Update a/")
			s.quiet(all)
			if res := s.request(ana, http.MethodGet, resource.ID, ""); res.StatusCode != http.StatusNotFound {
				t.Errorf("the ended channel: %d", res.StatusCode)
			}
		})
	}
}
