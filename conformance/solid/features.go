package solid

import (
	"fmt"
	"slices"
	"time"
)

// changeTime is how long a case waits for a message before it changes the topic once more.
const changeTime = 200 * time.Millisecond

// featureCases are about what a subscription service takes: its methods, and the features of channels
// (Solid Notifications §notify-startAt, §notify-rate, §notify-accept).
func featureCases() []testCase {
	return []testCase{
		{"notifications#subscription-server-subscription-request-methods/Allow", func(t *trial) {
			service, _ := t.anyService()
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				t.ask(t.alice, method, service).ok().lists("Allow", "GET", "HEAD", "OPTIONS", "POST")
			}
		}},
		{"notifications#notify-startAt/nothing-before", func(t *trial) {
			at := t.clock().Add(3 * time.Second)
			c := t.featured("startAt", at.Format(time.RFC3339))
			defer c.end()
			m := c.changed()
			t.check(!m.published().Before(at) || t.over(), "with startAt %s something is told at %s", at, m.published())
		}},
		{"notifications#notify-rate/so-much-time-between-two", func(t *trial) {
			c := t.featured("rate", "PT3S")
			defer c.end()
			first, second := c.changed(), c.changed()
			between := second.published().Sub(first.published())
			t.check(between >= 3*time.Second || t.over(), "between two notifications are %s", between)
		}},
		{"notifications#notify-endAt/nothing-after", func(t *trial) {
			at := t.clock().Add(3 * time.Second)
			c := t.featured("endAt", at.Format(time.RFC3339))
			defer c.end()
			c.changed()
			for t.clock().Before(at.Add(2*time.Second)) && !t.over() {
				m, _ := c.awaitChange()
				t.check(!m.published().After(at.Add(time.Second)), "with endAt %s something is told at %s", at, m.published())
			}
		}},
		{"notifications#notify-accept/JSON-LD", func(t *trial) {
			c := t.featured("accept", "application/ld+json")
			defer c.end()
			m := c.changed()
			t.check(m.text("id") != "" || t.over(), "the message is %s", m.body)
		}},
	}
}

// featured opens a channel on the resource "made" with one feature, which the service has to have.
func (t *trial) featured(name, value string) *channel {
	service, kind := t.anyService()
	features := t.turtle(t.get("made").is(200).link(description)).objects(service, notify+"feature")
	if !t.over() && !slices.Contains(features, notify+name) {
		t.skip("%s does not offer %s", kind, name)
	}
	return t.subscribeWith(t.alice, kind, t.at("made"), map[string]any{name: value})
}

// clock returns what time it is for the server.
func (t *trial) clock() time.Time {
	r := t.get("made").is(200)
	at, err := time.Parse(time.RFC1123, r.header.Get("Date"))
	r.check(err == nil, "Date is %q", r.header.Get("Date"))
	return at
}

// published returns when the message was made, for the server.
func (m message) published() time.Time {
	at, _ := time.Parse(time.RFC3339, m.text("published")) // zero is before everything
	return at
}

// changed changes the topic again and again until a message comes.
func (c *channel) changed() message {
	deadline := time.Now().Add(messageTime)
	for !c.t.over() {
		if m, ok := c.awaitChange(); ok {
			return m
		}
		c.t.check(time.Now().Before(deadline), "nothing is told of any change")
	}
	return message{}
}

// awaitChange changes the topic, and returns a message that comes within a while.
func (c *channel) awaitChange() (message, bool) {
	c.t.put("made", plainText(fmt.Sprint("changed at ", time.Now().UnixNano())))
	timer := time.NewTimer(changeTime)
	defer timer.Stop()
	select {
	case m := <-c.messages:
		return m, true
	case <-timer.C:
		return message{}, false
	}
}
