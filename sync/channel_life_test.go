package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kith/acl"

	"github.com/coder/websocket"
)

// TestChannelsEndWithTheRight takes the right to read in several ways. Each ends
// the channel within a second, and none tells anything else.
func TestChannelsEndWithTheRight(t *testing.T) {
	for name, lose := range map[string]func(*station){
		"the rule goes":      func(s *station) { s.share("/a/", carl) },
		"the friend goes":    func(s *station) { gone := ana; s.away.Store(&gone); s.write("/z", "text/plain", "1") },
		"without a commit":   func(s *station) { gone := ana; s.away.Store(&gone) },
		"and then it's gone": func(s *station) { s.share("/a/", carl); s.erase("/a/x") },
	} {
		for _, service := range []string{"websocket", "events", "stream"} {
			t.Run(name+", "+service, func(t *testing.T) {
				s := newStation(t)
				s.share("/a/", ana)
				s.write("/a/x", "text/plain", "1")
				sub := s.subscribe(ana, service, "/a/x")
				in := s.receive(ana, sub)
				s.write("/a/x", "text/plain", "2")
				s.want(in, "Update a/x")
				began := time.Now()
				lose(s)
				end := in.next()
				if took := time.Since(began); !strings.HasPrefix(end, "END") || took > time.Second {
					t.Errorf("after %v: %s", took, end)
				}
				s.quiet(in)
				if res := s.request("owner", http.MethodGet, strings.Replace(sub.ReceiveFrom, "ws:", "http:", 1), ""); res.StatusCode != http.StatusNotFound {
					t.Errorf("its address afterwards: %d", res.StatusCode)
				}
			})
		}
	}
}

// TestWhatNobodyReceivedIsToldLater cuts a client off and lets it come again.
func TestWhatNobodyReceivedIsToldLater(t *testing.T) {
	for _, service := range []string{"websocket", "events", "stream"} {
		t.Run(service, func(t *testing.T) {
			s := newStation(t)
			s.share("/a/", ana)
			s.write("/a/x", "text/plain", "1")
			s.write("/a/y", "text/plain", "1")
			sub := s.subscribe(ana, service, "/a/")
			s.write("/a/x", "text/plain", "2") // before anybody receives
			in := s.receive(ana, sub)
			s.want(in, "Update a/x", "Update a/")
			in.close()
			for end := ""; !strings.HasPrefix(end, "END"); end = in.next() {
				continue
			}
			s.write("/a/x", "text/plain", "3")
			s.write("/a/x", "text/plain", "4")
			s.write("/a/new", "text/plain", "1")
			s.write("/a/passing", "text/plain", "1")
			s.erase("/a/passing")
			s.erase("/a/y")
			in = s.receive(ana, sub)
			s.want(in, "Remove a/y", "Add a/new", "Update a/x", "Update a/")
			again := s.receive(ana, sub) // the first is taken for lost
			if end := in.next(); !strings.HasPrefix(end, "END") {
				t.Errorf("the connection before: %s", end)
			}
			s.write("/a/x", "text/plain", "5")
			s.want(again, "Update a/x", "Update a/")
		})
	}
}

// TestStateTellsWhatWasMissed subscribes anew, as after a long time.
func TestStateTellsWhatWasMissed(t *testing.T) {
	s := newStation(t)
	s.share("/a/", ana)
	s.write("/a/x", "text/plain", "1")
	for _, topic := range []string{"/a/x", "/a/"} {
		known, err := s.friend(ana).Stat(t.Context(), s.path(topic))
		s.must(err)
		state := `"state":` + fmt.Sprintf("%q", known.Info.ETag)
		in := s.receive(ana, s.subscribe(ana, "stream", topic, state))
		s.write("/a/x", "text/plain", "of "+topic)
		if topic == "/a/" {
			s.want(in, "Update a/x")
		}
		s.want(in, "Update "+topic[1:])
		late := s.receive(ana, s.subscribe(ana, "stream", topic, state))
		s.want(late, "Update "+topic[1:])
	}
}

// TestAddressesAreSecret tries to receive what others subscribed to.
func TestAddressesAreSecret(t *testing.T) {
	s := newStation(t)
	s.share("/a/", ana, carl)
	s.write("/a/x", "text/plain", "1")
	for _, service := range []string{"events", "stream", "websocket"} {
		sub := s.subscribe(ana, service, "/a/x")
		url := strings.Replace(sub.ReceiveFrom, "ws:", "http:", 1)
		for what, c := range map[string]struct {
			as, method, url string
			want            int
		}{
			"another key":      {ana, "GET", url[:len(url)-1] + "_", 404},
			"no key":           {ana, "GET", sub.ID + "/", 404},
			"another id":       {ana, "GET", strings.Replace(url, "/"+service+"/", "/"+service+"/A", 1), 404},
			"another service":  {ana, "GET", strings.Replace(url, "/"+service+"/", "/webhook/", 1), 404},
			"another method":   {ana, "POST", url, 405},
			"a deeper address": {ana, "GET", url + "/more", 404},
		} {
			if res := s.request(c.as, c.method, c.url, ""); res.StatusCode != c.want {
				t.Errorf("%s, %s: %d, want %d", service, what, res.StatusCode, c.want)
			}
		}
	}
	// A stream is received by who subscribed to it.
	sub := s.subscribe(ana, "stream", "/a/x")
	for as, want := range map[string]int{"": 401, carl: 404, "owner": 404} {
		if res := s.request(as, "GET", sub.ReceiveFrom, ""); res.StatusCode != want {
			t.Errorf("%q receives the stream of another: %d", as, res.StatusCode)
		}
	}
	// A socket that is no socket is told so, and the channel goes on.
	socket := s.subscribe(ana, "websocket", "/a/x")
	if res := s.request("", "GET", strings.Replace(socket.ReceiveFrom, "ws:", "http:", 1), ""); res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade: %d", res.StatusCode)
	}
	s.write("/a/x", "text/plain", "2")
	s.want(s.receive("", socket), "Update a/x")
}

func TestChannelsAreDeleted(t *testing.T) {
	s := newStation(t)
	s.share("/a/", ana)
	s.write("/a/x", "text/plain", "1")
	for _, service := range []string{"websocket", "events", "stream"} {
		sub := s.subscribe(ana, service, "/a/x")
		in := s.receive(ana, sub)
		if res := s.request(ana, http.MethodDelete, sub.ID, ""); res.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %d", service, res.StatusCode)
		}
		if end := in.next(); !strings.HasPrefix(end, "END") {
			t.Errorf("%s: %s", service, end)
		}
		if res := s.request(ana, http.MethodDelete, sub.ID, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s, again: %d", service, res.StatusCode)
		}
	}
}

func TestChannelsAreFew(t *testing.T) {
	s := newStation(t, func(c *ChannelsConfig) { c.Client = http.DefaultClient })
	s.share("/a/", ana, carl, dora)
	s.write("/a/.acl", turtle, aclPre+"<#owner> a acl:Authorization; acl:agent <"+string(ownerID)+">; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.\n"+
		"<#all> a acl:Authorization; acl:agent <"+string(contactID(ana))+">, <"+string(contactID(carl))+">, <https://else.example/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.\n")
	s.write("/a/x", "text/plain", "1")
	open := func(as, service string, more ...string) int {
		t.Helper()
		res := s.request(as, http.MethodPost, service, s.body(kinds2023[service], "/a/x", more...))
		if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return res.StatusCode
	}
	until := func(as, service string, most int, more ...string) {
		t.Helper()
		for i := range most {
			if got := open(as, service, more...); got != http.StatusOK {
				t.Fatalf("%s %s, channel %d: %d", as, service, i, got)
			}
		}
		if got := open(as, service, more...); got != http.StatusTooManyRequests {
			t.Errorf("%s %s, one too many: %d", as, service, got)
		}
	}
	until(ana, "webhook", maxWebhooks, `"sendTo":"https://example.invalid/"`)
	until(ana, "events", maxOfOne-maxWebhooks)
	until("somebody", "events", maxOfOne)
	until(carl, "stream", maxOfOne)
	if got := open("owner", "stream"); got != http.StatusOK {
		t.Errorf("the owner: %d", got)
	}
	// Who asks for what is hidden takes no place, and is told as before.
	for range maxOfOne + 1 {
		if got := s.request(dora, http.MethodPost, "events", s.body("EventSourceChannel2023", "/a/x")).StatusCode; got != http.StatusForbidden {
			t.Fatalf("hidden: %d", got)
		}
	}
	// What nobody receives from ends after a while, and all after a day.
	s.clock.at.Add((maxIdle + time.Second).Milliseconds())
	if got := open(carl, "stream"); got != http.StatusOK {
		t.Errorf("after the idle ones are over: %d", got)
	}
	s.channels.mu.Lock()
	left := len(s.channels.open)
	s.channels.mu.Unlock()
	if left != maxWebhooks+1 {
		t.Errorf("%d are left", left)
	}
}

// TestAForgottenChannelMakesWay, one of the same agent's that nobody receives from.
func TestAForgottenChannelMakesWay(t *testing.T) {
	s := newStation(t)
	s.share("/a/", ana, carl)
	s.write("/a/x", "text/plain", "1")
	of := s.subscribe(carl, "events", "/a/x")
	received := s.subscribe(ana, "events", "/a/x")
	in := s.receive(ana, received)
	s.clock.tick()
	oldest := s.subscribe(ana, "events", "/a/x")
	s.clock.tick()
	next := s.subscribe(ana, "events", "/a/x")
	for range maxOfOne - 3 {
		s.subscribe(ana, "events", "/a/x")
	}
	s.clock.at.Add(minIdle.Milliseconds() - 1000)
	another := func() int {
		return s.request(ana, http.MethodPost, "events", s.body("EventSourceChannel2023", "/a/x")).StatusCode
	}
	if got := another(); got != http.StatusTooManyRequests {
		t.Errorf("while the others are new: %d", got)
	}
	s.clock.tick()
	if got := another(); got != http.StatusOK {
		t.Errorf("with one that is forgotten: %d", got)
	}
	for _, c := range []struct {
		as, url string
		want    int
	}{{ana, oldest.ID, 404}, {ana, next.ID, 200}, {ana, received.ID, 200}, {carl, of.ID, 200}} {
		if got := s.request(c.as, http.MethodGet, c.url, "").StatusCode; got != c.want {
			t.Errorf("%s: %d, want %d", c.url, got, c.want)
		}
	}
	s.write("/a/x", "text/plain", "2")
	s.want(in, "Update a/x")
}

// station in a bubble, without a network: time moves when all wait.
type quietStation struct {
	*house
	channels *Channels
}

func bubbleOfChannels(t *testing.T, name string, fn func(*testing.T, *quietStation)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			began, at := time.Now(), h.clock.now()
			s := &quietStation{h, NewChannels(ChannelsConfig{Base: base, Now: func() time.Time { return at.Add(time.Since(began)) }})}
			t.Cleanup(s.channels.Close)
			s.write("/a/x", "text/plain", "1")
			fn(t, s)
		})
	})
}

// log carries notifications into memory, with the time since it was made.
type log struct {
	began time.Time
	said  chan string
}

func (s *quietStation) log(v *acl.View, q request) (*log, <-chan error) {
	s.t.Helper()
	events, _ := s.channels.service("events")
	q.typ, q.media = events.kind, mediaLD
	ch, err := s.channels.start(s.t.Context(), v, events, q)
	s.must(err)
	l, ended := &log{time.Now(), make(chan string, 100)}, make(chan error, 1)
	go func() { ended <- s.channels.pump(s.t.Context(), ch, l) }()
	synctest.Wait()
	return l, ended
}

func (l *log) send(_ context.Context, text []byte) error {
	var n notification
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	l.said <- fmt.Sprint(time.Since(l.began), " ", n.Type, " /", strings.TrimPrefix(n.Object, base))
	return nil
}

// want compares all that was said.
func (l *log) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for len(l.said) > 0 {
		got = append(got, <-l.said)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// stuck takes nothing.
type stuck struct{}

func (stuck) send(ctx context.Context, _ []byte) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestFeaturesOfTime(t *testing.T) {
	bubbleOfChannels(t, "nothing comes before startAt, nor what was before", func(t *testing.T, s *quietStation) {
		l, _ := s.log(s.owner(), request{topic: s.path("/a/x"), startAt: s.channels.config.Now().Add(time.Hour)})
		time.Sleep(time.Minute)
		s.write("/a/x", "text/plain", "2")
		time.Sleep(59*time.Minute + time.Second)
		s.write("/a/x", "text/plain", "3")
		time.Sleep(time.Minute)
		l.want(t, "1h0m1.1s Update /a/x")
	})
	bubbleOfChannels(t, "it ends at endAt", func(t *testing.T, s *quietStation) {
		l, ended := s.log(s.owner(), request{topic: s.path("/a/x"), end: s.channels.config.Now().Add(time.Minute)})
		if err := <-ended; err != errEnded || time.Since(l.began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(l.began), err)
		}
	})
	bubbleOfChannels(t, "it ends after a day", func(t *testing.T, s *quietStation) {
		l, ended := s.log(s.owner(), request{topic: s.path("/a/x"), end: s.channels.config.Now().Add(48 * time.Hour)})
		if err := <-ended; err != errEnded || time.Since(l.began) != maxLife {
			t.Errorf("after %v: %v", time.Since(l.began), err)
		}
	})
	bubbleOfChannels(t, "rate keeps them apart, and tells the newest", func(t *testing.T, s *quietStation) {
		l, _ := s.log(s.owner(), request{topic: s.path("/a/"), rate: time.Minute})
		for i := range 50 {
			s.write("/a/x", "text/plain", fmt.Sprint("version ", i))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		l.want(t, "100ms Update /a/x", "1m0.1s Update /a/x", "2m0.1s Update /a/")
	})
	bubbleOfChannels(t, "a right that is lost ends it between two times", func(t *testing.T, s *quietStation) {
		s.write("/a/.acl", turtle, aclPre+"<#o> a acl:Authorization; acl:agent <"+string(ownerID)+">, <"+string(contactID(ana))+">; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.")
		l, ended := s.log(s.friend(ana), request{topic: s.path("/a/x"), rate: time.Hour})
		s.write("/a/x", "text/plain", "2")
		time.Sleep(time.Minute)
		s.write("/a/.acl", turtle, aclPre+"<#o> a acl:Authorization; acl:agent <"+string(ownerID)+">; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.")
		if err := <-ended; err != errEnded || time.Since(l.began) > time.Minute+time.Second {
			t.Errorf("after %v: %v", time.Since(l.began), err)
		}
	})
	bubbleOfChannels(t, "what is hidden neither delays nor hastens", func(t *testing.T, s *quietStation) {
		s.write("/a/.acl", turtle, aclPre+"<#o> a acl:Authorization; acl:agent <"+string(ownerID)+">, <"+string(contactID(ana))+">; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.")
		l, _ := s.log(s.friend(ana), request{topic: s.path("/a/")})
		for i := range 30 {
			time.Sleep(30 * time.Millisecond)
			s.write("/hidden", "text/plain", fmt.Sprint(i))
			if i%10 == 5 {
				s.write("/a/x", "text/plain", fmt.Sprint("version ", i))
			}
		}
		time.Sleep(time.Second)
		// written at 180, 480 and 780 ms
		l.want(t, "200ms Update /a/x", "200ms Update /a/", "500ms Update /a/x", "500ms Update /a/", "800ms Update /a/x", "800ms Update /a/")
	})
	bubbleOfChannels(t, "another state hides nothing else", func(t *testing.T, s *quietStation) {
		events, _ := s.channels.service("events")
		ch, err := s.channels.start(t.Context(), s.owner(), events, request{topic: s.path("/a/"), media: mediaLD, state: `"old"`, rate: time.Minute})
		s.must(err)
		s.write("/a/y", "text/plain", "1")
		s.write("/a/z", "text/plain", "1")
		l := &log{time.Now(), make(chan string, 9)}
		ctx := t.Context()
		go s.channels.pump(ctx, ch, l)
		time.Sleep(time.Hour)
		l.want(t, "0s Update /a/", "1m0s Add /a/y", "2m0s Add /a/z", "3m0s Update /a/")
	})
	bubbleOfChannels(t, "nor the only other thing", func(t *testing.T, s *quietStation) {
		s.write("/a/b/y", "text/plain", "1")
		events, _ := s.channels.service("events")
		ch, err := s.channels.start(t.Context(), s.owner(), events, request{topic: s.path("/a/"), media: mediaLD, state: `"old"`, rate: time.Minute})
		s.must(err)
		s.write("/a/b/y", "text/plain", "2")
		l := &log{time.Now(), make(chan string, 9)}
		ctx := t.Context()
		go s.channels.pump(ctx, ch, l)
		time.Sleep(time.Hour)
		l.want(t, "0s Update /a/", "1m0s Update /a/b/y")
	})
	bubbleOfChannels(t, "one that has ended tells nothing", func(t *testing.T, s *quietStation) {
		events, _ := s.channels.service("events")
		ch, err := s.channels.start(t.Context(), s.owner(), events, request{topic: s.path("/a/x"), media: mediaLD, state: `"old"`})
		s.must(err)
		s.channels.drop(ch)
		l := &log{time.Now(), make(chan string, 9)}
		if err := s.channels.pump(t.Context(), ch, l); err != errEnded {
			t.Error(err)
		}
		l.want(t)
	})
	bubbleOfChannels(t, "another state is told at once", func(t *testing.T, s *quietStation) {
		l, _ := s.log(s.owner(), request{topic: s.path("/a/x"), state: `"old"`})
		time.Sleep(time.Minute)
		l.want(t, "0s Update /a/x")
	})
}

// TestSlowReadersAreCut leaves a stream unread until nothing more fits.
func TestSlowReadersAreCut(t *testing.T) {
	bubbleOfChannels(t, "what is not taken in time is not sent", func(t *testing.T, s *quietStation) {
		events, _ := s.channels.service("events")
		ch, err := s.channels.start(t.Context(), s.owner(), events, request{topic: s.path("/a/x"), media: mediaLD})
		s.must(err)
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- s.channels.pump(t.Context(), ch, stuck{}) }()
		synctest.Wait()
		s.write("/a/x", "text/plain", "2")
		if err := <-ended; err == nil || time.Since(began) > sendTime+time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		again := &log{time.Now(), make(chan string, 9)}
		ctx := t.Context()
		go func() { ended <- s.channels.pump(ctx, ch, again) }()
		synctest.Wait()
		again.want(t, "0s Update /a/x")
	})
}

func TestClose(t *testing.T) {
	s := newStation(t)
	s.share("/a/", ana)
	s.write("/a/x", "text/plain", "1")
	for _, service := range []string{"websocket", "events", "stream"} {
		s.receive(ana, s.subscribe(ana, service, "/a/x"))
	}
	conn, _, err := websocket.Dial(t.Context(), s.subscribe(ana, "websocket", "/a/x").ReceiveFrom, nil)
	s.must(err)
	defer conn.CloseNow() // it never reads, so it does not say goodbye
	began := time.Now()
	s.channels.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("to close took %v", took)
	}
	if res := s.request(ana, http.MethodPost, "events", s.body("EventSourceChannel2023", "/a/x")); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a channel after the end: %d", res.StatusCode)
	}
}

// narrow is a listener whose connections hold little that was not read.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetWriteBuffer(4<<10))
	}
	return conn, err
}

// TestWhoDoesNotReadIsCut connects to each kind of channel and never reads, while
// there is more to tell than fits into the line.
func TestWhoDoesNotReadIsCut(t *testing.T) {
	for _, service := range []string{"events", "stream", "websocket"} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := newStation(t)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			s.must(err)
			server := httptest.NewUnstartedServer(s.server.Config.Handler)
			server.Listener.Close()
			server.Listener = narrow{listener}
			server.Start()
			t.Cleanup(server.Close)
			s.write("/a/x", "text/plain", "1")
			sub := s.subscribe("owner", service, "/a/")
			conn, err := net.Dial("tcp", listener.Addr().String())
			s.must(err)
			defer conn.Close()
			s.must(conn.(*net.TCPConn).SetReadBuffer(4 << 10))
			_, path, _ := strings.Cut(strings.TrimPrefix(sub.ReceiveFrom, "ws:"), "/ben/")
			fmt.Fprintf(conn, "GET /ben/%s HTTP/1.1\r\nHost: x\r\nAs: owner\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path)
			receivers := func() int {
				kind, _ := s.channels.service(service)
				ch, err := s.channels.find(kind, strings.Split(path, "/")[2])
				s.must(err)
				ch.mu.Lock()
				defer ch.mu.Unlock()
				return ch.receivers
			}
			until := func(what string, ok func() bool) {
				t.Helper()
				for deadline := time.Now().Add(3 * sendTime); !ok(); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal(what)
					}
				}
			}
			until("nobody receives", func() bool { return receivers() == 1 })
			for i := range 120 {
				s.write(fmt.Sprintf("/a/%d-%s", i, strings.Repeat("long", 50)), "text/plain", "1")
			}
			until("it is still being sent to", func() bool { return receivers() == 0 })
			// It has not been told, and comes again.
			again := s.receive("owner", sub)
			for s.short(again.next()) != "Update a/" {
				continue
			}
		})
	}
}
