package sync

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"kith/internal/fuzztest"
	"kith/pod"
)

// FuzzSubscription reads subscriptions: each is refused as one that cannot be
// processed, or is one whose channel can be told of in a form that reads as the same.
func FuzzSubscription(f *testing.F) {
	c := NewChannels(ChannelsConfig{Base: base, Plain: []string{"localhost:1"}, Now: newClock().now})
	context := `{"@context":"` + notifyContext + `",`
	for _, more := range []string{
		`"type":"WebhookChannel2023","topic":"` + base + `a/x","sendTo":"https://a.example/"}`,
		`"@type":["notify:WebhookChannel2023"],"notify:topic":{"@id":"` + base + `a/"},"sendTo":{"id":"http://localhost:1/?x"},"rate":{"@value":"PT10s"}}`,
		`"type":"` + notifyNS + `WebhookChannel2023","topic":"` + base + `","startAt":"2026-11-22T10:00:00Z","endAt":"2026-11-22T12:00:00.5+01:00","state":"\"x\"",` +
			`"rate":"P0DT1H1M1.5S","accept":"text/turtle;q=0.9, application/json;q=0.1, */*;q=0","sendTo":"https://a.example/"}`,
		`"topic":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`,
		`"accept":"` + strings.Repeat("a/b,", 100) + `"}`,
		strings.Repeat(`"a":{},`, 1000) + `"a":1}`,
		`"rate":"PT9999999S"}`,
	} {
		f.Add(context + more)
	}
	f.Add(`{"@context":[` + strings.Repeat(`"x",`, 1500) + `"` + notifyContext + `"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxRequest {
			return
		}
		fuzztest.Cheap(t, len(text), func() { c.parseRequest([]byte(text), services[3]) })
		q, err := c.parseRequest([]byte(text), services[3])
		if err != nil {
			if !errors.Is(err, ErrSubscription) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		sayAgain(t, c, q)
	})
}

// sayAgain reads what a subscriber would be told of its channel.
func sayAgain(t *testing.T, c *Channels, q request) {
	if q.topic == (pod.Path{}) || c.checkSendTo(q.sendTo) != nil || q.rate < 0 || q.rate > maxRate || q.media == "" {
		t.Fatalf("%+v", q)
	}
	end := q.end
	if end.IsZero() {
		end = c.config.Now().Add(maxLife)
	}
	text, err := json.Marshal(c.said(&channel{id: "i", key: "k", service: services[3], request: q, end: end}))
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.parseRequest(text, services[3])
	if err != nil {
		t.Fatalf("what is said of %+v is refused: %v\n%s", q, err, text)
	}
	if again.topic != q.topic || again.sendTo != q.sendTo || again.media != q.media || again.state != q.state ||
		again.rate != q.rate.Truncate(time.Microsecond) && again.rate != q.rate.Round(time.Microsecond) {
		t.Fatalf("%+v became %+v", q, again)
	}
}
