package sync

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kith/acl"
	"kith/pod"
)

// service is one way to be told.
type service struct {
	name string // of its endpoint
	kind string // of its channels, below notifyNS
	push bool   // the server connects
}

var services = []service{
	{"websocket", "WebSocketChannel2023", false},
	{"events", "EventSourceChannel2023", false},
	{"stream", "StreamingHTTPChannel2023", false},
	{"webhook", "WebhookChannel2023", true},
}

// features are what a subscription can ask for, of every service.
var features = []string{"startAt", "endAt", "state", "rate", "accept"}

// Service is a subscription endpoint: its URL, the IRI of the type of channel that
// it opens, and the names of the features that it has, for a description of the
// storage (Solid Notifications §subscription-service-data-model).
type Service struct {
	ID       string
	Type     string
	Features []string
}

// Services returns the subscription endpoints that are offered.
func (c *Channels) Services() []Service {
	var out []Service
	for _, o := range c.description().Subscription {
		out = append(out, Service{o.ID, o.ChannelType, o.Feature})
	}
	return out
}

func (c *Channels) service(name string) (service, bool) {
	for _, s := range services {
		if s.name == name && (!s.push || c.config.Client != nil) {
			return s, true
		}
	}
	return service{}, false
}

func (c *Channels) root() string { return c.config.Base + ".channels/" }

// offer is a subscription service (Solid Notifications §subscription-service-data-model).
type offer struct {
	Context     []string `json:"@context,omitempty"`
	ID          string   `json:"id"`
	ChannelType string   `json:"channelType"`
	Feature     []string `json:"feature"`
}

func (c *Channels) offer(s service) offer {
	return offer{[]string{notifyContext}, c.root() + s.name, notifyNS + s.kind, features}
}

// description is all of them (Solid Notifications §description-resource-data-model).
type description struct {
	Context      []string `json:"@context"`
	ID           string   `json:"id"`
	Subscription []offer  `json:"subscription"`
}

func (c *Channels) description() description {
	d := description{Context: []string{notifyContext}, ID: c.root()}
	for _, s := range services {
		if _, ok := c.service(s.name); ok {
			o := c.offer(s)
			o.Context = nil
			d.Subscription = append(d.Subscription, o)
		}
	}
	return d
}

// subscription is a channel as its subscriber is told of it (Solid Notifications
// §notification-channel-data-model).
type subscription struct {
	Context     []string `json:"@context"`
	ID          string   `json:"id"`
	Type        string   `json:"type"`
	Topic       string   `json:"topic"`
	ReceiveFrom string   `json:"receiveFrom,omitempty"`
	SendTo      string   `json:"sendTo,omitempty"`
	Sender      string   `json:"sender,omitempty"`
	StartAt     string   `json:"startAt,omitempty"`
	EndAt       string   `json:"endAt"`
	State       string   `json:"state,omitempty"`
	Rate        string   `json:"rate,omitempty"`
	Accept      string   `json:"accept,omitempty"`
}

// said describes a channel: what was asked for, as it was understood.
func (c *Channels) said(ch *channel) subscription {
	q := ch.request
	s := subscription{
		Context: []string{notifyContext}, ID: c.root() + ch.service.name + "/" + ch.id, Type: q.typ, Topic: c.url(q.topic),
		EndAt: ch.end.UTC().Format(timeFormat), State: q.state, Accept: q.accept,
	}
	if !q.startAt.IsZero() {
		s.StartAt = q.startAt.Format(timeFormat)
	}
	if q.rate > 0 {
		s.Rate = strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("PT%.6f", q.rate.Seconds()), "0"), ".") + "S"
	}
	if ch.service.push {
		s.SendTo, s.Sender = q.sendTo, c.config.Sender
		return s
	}
	s.ReceiveFrom = s.ID + "/" + ch.key
	if rest, ok := strings.CutPrefix(s.ReceiveFrom, "http"); ok && ch.service.name == "websocket" {
		s.ReceiveFrom = "ws" + rest
	}
	return s
}

// url returns the URL of a path.
func (c *Channels) url(p pod.Path) string {
	return c.config.Base + strings.TrimPrefix(p.Escaped(), "/")
}

// notification is one message (Solid Notifications §notification-message-data-model).
type notification struct {
	Context   []string `json:"@context"`
	ID        string   `json:"id"`
	Type      string   `json:"type"`
	Object    string   `json:"object"`
	Target    string   `json:"target,omitempty"`
	State     string   `json:"state,omitempty"`
	Published string   `json:"published"`
}

// notify returns the text that tells of an event, without line ends.
func (c *Channels) notify(e acl.Event, now time.Time) ([]byte, error) {
	n := notification{
		Context: []string{"https://www.w3.org/ns/activitystreams", notifyContext},
		ID:      "urn:uuid:" + uuid(), Type: e.Kind, Object: c.url(e.Path), State: e.State, Published: now.UTC().Format(timeFormat),
	}
	if e.Kind == "Add" || e.Kind == "Remove" {
		n.Target = c.url(e.Path.Parent())
	}
	text, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("write notification: %w", err)
	}
	return text, nil
}

// uuid returns a random UUID (RFC 9562 §5.4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
