package sync

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/acl"
	"kith/pod"
)

// Names of the Solid Notifications Protocol.
const (
	notifyNS      = "http://www.w3.org/ns/solid/notifications#"
	notifyContext = "https://www.w3.org/ns/solid/notifications-context/v1"
	olderContext  = "https://www.w3.org/ns/solid/notification/v1" // of the drafts of channel types
	mediaLD       = "application/ld+json"
)

const (
	maxRequest = 8 << 10        // bytes of a subscription
	maxText    = 512            // bytes of a state, accept or sendTo
	maxRate    = 24 * time.Hour // between two notifications
)

// request is a subscription that can be processed.
type request struct {
	typ     string // as it was asked for
	topic   pod.Path
	sendTo  string
	state   string
	startAt time.Time
	end     time.Time // endAt; zero: not said
	rate    time.Duration
	accept  string // as it was asked for
	media   string // of the notifications
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSubscription, fmt.Sprintf(format, args...))
}

// readRequest reads the subscription that a POST asks for. It looks at nothing of
// the pod.
func (c *Channels) readRequest(w http.ResponseWriter, r *http.Request, s service) (request, error) {
	if err := acceptable(r.Header.Get("Content-Type")); err != nil {
		w.Header().Set("Accept-Post", mediaLD)
		return request{}, err
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return request{}, fmt.Errorf("read subscription: %w", pod.ErrTooLarge)
		}
		return request{}, fmt.Errorf("read subscription: %w: %w", acl.ErrBody, err)
	}
	return c.parseRequest(text, s)
}

// acceptable is nil for JSON-LD of a profile that is known here
// (Solid Notifications §subscription-server-subscription-request-content-type).
func acceptable(contentType string) error {
	if contentType == "" {
		return fmt.Errorf("%w: a subscription needs a Content-Type", ErrRequest)
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != mediaLD && media != "application/json" {
		return fmt.Errorf("%w: %s", ErrMedia, "send "+mediaLD)
	}
	for _, profile := range strings.Fields(params["profile"]) {
		if profile != notifyContext {
			return fmt.Errorf("%w: the only profile is %s", ErrMedia, notifyContext)
		}
	}
	return nil
}

// parseRequest reads a subscription (Solid Notifications
// §notification-channel-data-model). JSON-LD is read by its keys, which must be
// those of a context that is known here.
func (c *Channels) parseRequest(text []byte, s service) (request, error) {
	d, err := parseDocument(text)
	if err != nil {
		return request{}, err
	}
	q := request{typ: d.one("type", "@type"), sendTo: d.one("sendTo"), state: d.one("state"), accept: d.one("accept")}
	if strings.TrimPrefix(strings.TrimPrefix(q.typ, notifyNS), "notify:") != s.kind {
		d.wrong("the type here is %s", s.kind)
	}
	q.topic = c.topic(d, d.one("topic"))
	q.startAt, q.end = d.time("startAt"), d.time("endAt")
	q.rate = d.duration("rate")
	q.media = mediaLD
	if q.accept != "" {
		q.media = pick(q.accept)
	}
	now := c.config.Now()
	switch {
	case q.media == "":
		d.wrong("notifications are sent as %s", strings.Join(medias, ", "))
	case !q.end.IsZero() && !q.end.After(now):
		d.wrong("endAt is over")
	case q.startAt.After(now.Add(maxLife)) || !q.end.IsZero() && !q.end.After(q.startAt):
		d.wrong("startAt is after the channel's end")
	case s.push && c.checkSendTo(q.sendTo) != nil:
		d.wrong("sendTo is not an https URL")
	case !s.push && q.sendTo != "":
		d.wrong("nothing is sent by %s", s.kind)
	}
	return q, d.err
}

// topic reads the URL of a resource of the pod.
func (c *Channels) topic(d *document, url string) pod.Path {
	rest, ok := strings.CutPrefix(url, c.config.Base)
	p, err := pod.ParsePath("/" + rest)
	if !ok || err != nil || strings.ContainsAny(rest, "?#") {
		d.wrong("the topic is not the URL of a resource of this pod")
	}
	return p
}

// document is a JSON-LD object that is read by its keys. What is wrong with it is
// remembered, the first thing only.
type document struct {
	members map[string]json.RawMessage
	err     error
}

func (d *document) wrong(format string, args ...any) {
	if d.err == nil {
		d.err = refused(format, args...)
	}
}

func parseDocument(text []byte) (*document, error) {
	d := &document{}
	if err := json.Unmarshal(text, &d.members); err != nil || d.members == nil {
		return nil, refused("it is not a JSON object")
	}
	contexts, ok := list(d.members["@context"])
	if !ok || !slices.Contains(contexts, notifyContext) && !slices.Contains(contexts, olderContext) {
		return nil, refused("the @context is not %s", notifyContext)
	}
	for _, known := range contexts {
		if known != notifyContext && known != olderContext {
			return nil, refused("the @context has more than %s", notifyContext)
		}
	}
	return d, nil
}

// list reads a string or a list of strings.
func list(raw json.RawMessage) ([]string, bool) {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}, true
	}
	var all []string
	err := json.Unmarshal(raw, &all)
	return all, err == nil
}

// one returns the text that a key has, or "". The key may be written with its
// prefix or as an IRI, the value as a JSON-LD object.
func (d *document) one(keys ...string) string {
	for _, key := range keys {
		for _, name := range []string{key, "notify:" + key, notifyNS + key} {
			raw, ok := d.members[name]
			if !ok || bytes.Equal(raw, []byte("null")) {
				continue
			}
			text, ok := single(raw)
			if !ok || len(text) > maxText && key != "topic" {
				d.wrong("%s is not one short text", key)
			}
			return text
		}
	}
	return ""
}

// single reads a text, {"id"}, {"@id"}, {"@value"}, or a list of one of these.
func single(raw json.RawMessage) (string, bool) {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) == nil {
		if len(all) != 1 {
			return "", false
		}
		raw = all[0]
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil {
		return "", false
	}
	for _, key := range []string{"@id", "id", "@value"} {
		if text, ok := object[key].(string); ok {
			return text, true
		}
	}
	return "", false
}

// time reads an xsd:dateTime with a time zone; zero where the key is absent.
func (d *document) time(key string) time.Time {
	text := d.one(key)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 2000 || t.Year() > 9999 {
		d.wrong("%s is not a date and time with a time zone", key)
		return time.Time{}
	}
	return t.UTC()
}

// durations are those of xsd:duration that have one length. Drafts write "PT10s".
var durations = regexp.MustCompile(`^P(?:([0-9]{1,4})D)?(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,7}(?:\.[0-9]{1,6})?)[Ss])?)?$`)

func (d *document) duration(key string) time.Duration {
	text := d.one(key)
	if text == "" {
		return 0
	}
	parts := durations.FindStringSubmatch(text)
	if parts == nil || strings.HasSuffix(text, "T") || text == "P" {
		d.wrong("%s is not a duration in days, hours, minutes and seconds", key)
		return 0
	}
	var sum time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if parts[i+1] != "" {
			n, _ := strconv.ParseFloat(parts[i+1], 64) // digits, few
			sum += time.Duration(n * float64(unit))
		}
	}
	if sum > maxRate {
		d.wrong("%s is more than a day", key)
	}
	return sum
}

// medias are the media types of notifications, the preferred one first: JSON-LD,
// under any of the names that it goes by.
var medias = []string{mediaLD, "application/activity+json", "application/json"}

// pick returns the media type that an Accept value prefers, or "" (RFC 9110
// §12.5.1).
func pick(accept string) string {
	best, quality := "", 0.0
	for _, part := range strings.Split(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		if params["q"] == "" || err != nil {
			q = 1
		}
		if media == "*/*" || media == "application/*" {
			media = mediaLD
		}
		if q > quality && slices.Contains(medias, media) {
			best, quality = media, q
		}
	}
	return best
}
