package solid

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// The channel types that the suite knows, and the specification of each.
var channelKinds = []struct{ kind, clause string }{
	{"WebSocketChannel2023", "websocket-channel-2023#subscription-type"},
	{"StreamingHTTPChannel2023", "streaming-http-channel-2023#channel-type"},
	{"EventSourceChannel2023", "eventsource-channel-2023#channel-type"},
	{"WebhookChannel2023", "webhook-channel-2023#channel-type"},
}

// How long a message may take, and how long none may come before it is taken not to come.
const (
	messageTime = 30 * time.Second
	silence     = 700 * time.Millisecond
)

// channel is a subscription, and what comes by it.
type channel struct {
	t        *trial
	kind     string
	said     map[string]any // the subscription response
	messages chan message
	stop     func()
}

// message is one notification.
type message struct {
	members map[string]any
	header  http.Header // of the request, where it came by a webhook
	path    string      // of that request
	body    []byte
}

func (m message) text(name string) string {
	switch v := m.members[name].(type) {
	case string:
		return v
	case map[string]any:
		id, _ := v["id"].(string)
		return id
	case []any:
		if len(v) == 1 {
			s, _ := v[0].(string)
			return s
		}
	}
	return ""
}

// typed tells whether the message has a type of ActivityStreams, whichever way it is written.
func (m message) typed(names ...string) bool {
	kind := m.text("type")
	kind = kind[strings.LastIndexAny(kind, "#:")+1:]
	return slices.Contains(names, kind)
}

// serviceFor returns the URL of the subscription resource for a kind of channel, or skips the case.
func (t *trial) serviceFor(kind string) string {
	if service := t.offers.channels[kind]; service != "" {
		return service
	}
	t.skip("the server does not offer %s", kind)
	return t.base
}

// request writes a subscription for a channel type in the context that the service itself uses.
func (t *trial) subscription(service, kind, topic string, more map[string]any) content {
	r := t.ask(t.alice, "GET", service, "Accept: application/ld+json").is(200)
	var offered map[string]any
	if err := json.Unmarshal(r.body, &offered); err != nil {
		r.check(false, "%v", err)
	}
	ask := map[string]any{"@context": offered["@context"], "type": notify + kind, "topic": topic}
	for name, value := range more {
		ask[name] = value
	}
	return content{"application/ld+json", mustJSON(ask)}
}

// subscribe opens a channel and connects to it. The case has to end it.
func (t *trial) subscribe(who *agent, kind, topic string) *channel {
	return t.subscribeWith(who, kind, topic, map[string]any{})
}

// subscribeWith subscribes with more members in the request.
func (t *trial) subscribeWith(who *agent, kind, topic string, more map[string]any) *channel {
	c := &channel{t: t, kind: kind, messages: make(chan message, 64), stop: func() {}}
	service := t.serviceFor(kind)
	if kind == "WebhookChannel2023" {
		if t.elsewhere == nil {
			t.skip("the server could not reach the suite")
			return c
		}
		url, arrived := t.elsewhere.hook()
		more["sendTo"] = url
		c.stop = c.relay(arrived)
	}
	r := t.send(who, "POST", service, t.subscription(service, kind, topic, more), "Accept: application/ld+json").ok()
	if t.over() {
		return c
	}
	r.check(json.Unmarshal(r.body, &c.said) == nil, "the answer is no JSON")
	if kind != "WebhookChannel2023" {
		c.connect(who)
	}
	return c
}

// end closes the channel, and asks the server to forget it where it has a URL.
func (c *channel) end() {
	c.stop()
	id, _ := c.said["id"].(string)
	if strings.HasPrefix(id, "http") {
		again := &trial{suite: c.t.suite, ctx: c.t.ctx, base: c.t.base}
		again.ask(c.t.alice, "DELETE", id)
	}
}

// relay passes on what a webhook receives, until the function that it returns is called.
func (c *channel) relay(arrived <-chan delivery) func() {
	return c.running(func(ctx context.Context) {
		for {
			select {
			case d := <-arrived:
				c.deliver(ctx, message{header: d.header, path: d.target, body: d.body})
			case <-ctx.Done():
				return
			}
		}
	})
}

// running starts a goroutine of the channel and returns what ends it and waits for it.
func (c *channel) running(run func(context.Context)) func() {
	ctx, cancel := context.WithCancel(c.t.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	return func() { cancel(); <-done }
}

// deliver hands a message over, if it is one.
func (c *channel) deliver(ctx context.Context, m message) {
	if json.Unmarshal(m.body, &m.members) != nil || m.members["object"] == nil {
		return
	}
	select {
	case c.messages <- m:
	case <-ctx.Done():
	}
}

// connect receives from a channel; when it has returned, no message is missed.
func (c *channel) connect(who *agent) {
	from, _ := c.said["receiveFrom"].(string)
	c.t.check(from != "", "no receiveFrom in %v", c.said)
	if c.t.over() {
		return
	}
	open := make(chan error)
	c.stop = c.running(func(ctx context.Context) {
		next, err := c.open(ctx, who, from)
		open <- err
		for err == nil {
			var text []byte
			if text, err = next(); err == nil {
				c.deliver(ctx, message{body: text})
			}
		}
	})
	if err := <-open; err != nil {
		c.t.fail("connect to %s: %w", c.kind, err)
	}
}

// open returns a function that waits for the next message. The end of ctx ends the connection.
func (c *channel) open(ctx context.Context, who *agent, from string) (func() ([]byte, error), error) {
	if c.kind == "WebSocketChannel2023" {
		conn, _, err := websocket.Dial(ctx, from, &websocket.DialOptions{HTTPClient: c.t.client})
		if err != nil {
			return nil, err
		}
		return func() ([]byte, error) {
			_, text, err := conn.Read(ctx)
			return text, err
		}, nil
	}
	accept := map[string]string{"EventSourceChannel2023": "text/event-stream", "StreamingHTTPChannel2023": "application/ld+json"}[c.kind]
	req, err := newRequest(ctx, request{method: "GET", url: from, header: []string{"Accept: " + accept}})
	if err != nil {
		return nil, err
	}
	if c.kind == "StreamingHTTPChannel2023" { // the others are capability URLs
		if err := who.sign(req); err != nil {
			return nil, err
		}
	}
	res, err := c.t.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("%w: %d", errWant, res.StatusCode)
	}
	if c.kind == "EventSourceChannel2023" {
		return events(bufio.NewReader(res.Body)), nil
	}
	d := json.NewDecoder(res.Body)
	return func() ([]byte, error) {
		var text json.RawMessage
		err := d.Decode(&text)
		return text, err
	}, nil
}

// events reads the data of server-sent events (HTML §event-stream-interpretation).
func events(r *bufio.Reader) func() ([]byte, error) {
	return func() ([]byte, error) {
		var data []string
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return nil, err
			}
			line = strings.TrimRight(line, "\r\n")
			if text, ok := strings.CutPrefix(line, "data:"); ok {
				data = append(data, strings.TrimPrefix(text, " "))
			}
			if line == "" && data != nil {
				return []byte(strings.Join(data, "\n")), nil
			}
		}
	}
}

// next waits for a message about an object of one of some types; others are passed over.
func (c *channel) next(object string, types ...string) message {
	timer := time.NewTimer(messageTime)
	defer timer.Stop()
	for !c.t.over() {
		select {
		case m := <-c.messages:
			if m.text("object") == object && m.typed(types...) {
				return m
			}
		case <-timer.C:
			c.t.fail("no %s of %s came by %s", strings.Join(types, " or "), strings.TrimPrefix(object, c.t.base), c.kind)
		}
	}
	return message{}
}

// quiet asks that nothing comes for a while.
func (c *channel) quiet(d time.Duration) {
	if c.t.over() {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case m := <-c.messages:
		c.t.fail("by %s came %s of %s", c.kind, m.text("type"), strings.TrimPrefix(m.text("object"), c.t.base))
	case <-timer.C:
	}
}

// lacksUntil asks that no message has a text, up to the one that tells that an object is gone.
func (c *channel) lacksUntil(text, object string) {
	timer := time.NewTimer(messageTime)
	defer timer.Stop()
	for !c.t.over() {
		select {
		case m := <-c.messages:
			c.t.check(!strings.Contains(string(m.body), text), "Bob was told of %s, which he may not read", text)
			if m.text("object") == object && m.typed("Delete", "Remove") {
				return
			}
		case <-timer.C:
			c.t.fail("Bob was not told that what he could read is deleted")
		}
	}
}

// channelCases ask the same of every type of channel that is offered.
func channelCases() []testCase {
	type ask struct {
		name string
		run  func(*trial, string)
	}
	var cases []testCase
	for _, k := range channelKinds {
		for _, a := range []ask{
			{"subscription-response", channelResponse},
			{"Update", channelUpdate},
			{"Delete", channelDelete},
			{"member-of-a-container", channelMember},
			{"needs-Read", channelNeedsRead},
			{"features", channelFeatures},
			{"a-wrong-type-is-refused", channelWrongType},
			{"a-topic-that-is-not-there-tells-nothing", channelAbsent},
			{"endAt-in-the-past-is-refused", channelPast},
		} {
			cases = append(cases, testCase{k.clause + "/" + a.name, func(t *trial) { a.run(t, k.kind) }})
		}
		for _, a := range []ask{
			{"authorised-again-at-delivery", channelRevoked},
			{"nothing-of-members-that-may-not-be-read", channelHidden},
			{"a-deletion-only-to-who-could-read", channelHiddenDelete},
		} {
			cases = append(cases, testCase{"notifications#consider-exposing-information/" + a.name + "," + k.kind, func(t *trial) { a.run(t, k.kind) }})
		}
	}
	return cases
}
