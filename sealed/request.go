package sealed

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kith/sealed/bhttp"
	"kith/webid"
)

const (
	maxLife = 14 * 24 * time.Hour // of a request
	skew    = time.Hour           // that a sender's clock may be ahead
	domain  = ".kith.invalid"     // of the authorities of people
)

// stamp is what a request says of itself.
type stamp struct {
	label, kid       string // of the sender; "" for anonymous
	created, expires time.Time
	nonce            [sizeID]byte
	reply            string // where the answer is to be posted, "" for nowhere
	id               replyID
}

// fields returns the stamp as header lines.
func (s stamp) fields() []bhttp.Field {
	var f []bhttp.Field
	if s.label != "" {
		f = append(f, bhttp.Field{Name: "kith-from", Value: s.label + " " + s.kid})
	}
	f = append(f,
		bhttp.Field{Name: "kith-created", Value: s.created.UTC().Format(time.RFC3339)},
		bhttp.Field{Name: "kith-expires", Value: s.expires.UTC().Format(time.RFC3339)},
		bhttp.Field{Name: "kith-nonce", Value: encode64(s.nonce[:])},
	)
	if s.reply != "" {
		f = append(f, bhttp.Field{Name: "kith-reply", Value: s.reply + " " + encode64(s.id[:])})
	}
	return f
}

// parseStamp reads the stamp of a request. Each of its lines may be there once.
// The error is webid.Malformed.
func parseStamp(header []bhttp.Field) (stamp, error) {
	var s stamp
	lines := map[string]string{}
	for _, f := range header {
		if !isStamp(f.Name) {
			continue
		}
		if _, twice := lines[f.Name]; twice {
			return stamp{}, webid.Malformed
		}
		lines[f.Name] = f.Value
	}
	ok := true
	if from, there := lines["kith-from"]; there {
		s.label, s.kid, ok = strings.Cut(from, " ")
		ok = ok && s.label != "" && s.kid != ""
	}
	if reply, there := lines["kith-reply"]; there {
		var id string
		s.reply, id, _ = strings.Cut(reply, " ")
		ok = ok && isQueue(s.reply) && into(s.id[:], id)
	}
	ok = ok && into(s.nonce[:], lines["kith-nonce"])
	var err1, err2 error
	s.created, err1 = moment(lines["kith-created"])
	s.expires, err2 = moment(lines["kith-expires"])
	life := s.expires.Sub(s.created)
	if !ok || err1 != nil || err2 != nil || life <= 0 || life > maxLife {
		return stamp{}, webid.Malformed
	}
	return s, nil
}

func isStamp(name string) bool {
	switch name {
	case "kith-from", "kith-created", "kith-expires", "kith-nonce", "kith-reply":
		return true
	}
	return false
}

// moment reads a time of RFC 3339 that is written in UTC, in whole seconds.
func moment(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err == nil && t.UTC().Format(time.RFC3339) != s {
		err = webid.Malformed
	}
	return t, err
}

func into(b []byte, text string) bool {
	raw, ok := decode64(text)
	return ok && len(raw) == len(b) && copy(b, raw) == len(b)
}

// isQueue reports whether s is the address of a queue, RELAYs/<b64u send>.
func isQueue(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > 512 || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.String() != s ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	relay, send, found := strings.Cut(u.EscapedPath(), "/s/")
	raw, err := base64.RawURLEncoding.DecodeString(send)
	return found && !strings.Contains(relay, "//") && err == nil && len(raw) == 24
}

// check holds the times of a request against the clock.
func (s stamp) check(now time.Time) error {
	switch {
	case !now.Before(s.expires):
		return expired
	case s.created.Sub(now) > skew:
		return futureDated
	}
	return nil
}

// takenFields are the fields of a request that go along, beside those that begin
// with kith- and are no stamp.
var takenFields = []string{"range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "content-type"}

func isTaken(name string) bool {
	return slices.Contains(takenFields, name) || strings.HasPrefix(name, "kith-") && !isStamp(name)
}

// sentFields are the fields of a response that go back.
var sentFields = []string{
	"content-type", "etag", "last-modified", "content-range", "accept-ranges", "location", "retry-after", "kith-version", "kith-by",
}

// linesOf returns the fields of h that pass, in the order of their names.
func linesOf(h http.Header, pass func(name string) bool) []bhttp.Field {
	var lines []bhttp.Field
	for name, values := range h {
		name = strings.ToLower(name)
		if !pass(name) {
			continue
		}
		for _, v := range values {
			lines = append(lines, bhttp.Field{Name: name, Value: strings.TrimSpace(v)})
		}
	}
	slices.SortStableFunc(lines, func(a, b bhttp.Field) int { return strings.Compare(a.Name, b.Name) })
	return lines
}

func headerOf(lines []bhttp.Field, pass func(name string) bool) http.Header {
	h := http.Header{}
	for _, f := range lines {
		if pass(f.Name) {
			h.Add(f.Name, f.Value)
		}
	}
	return h
}

func isSent(name string) bool { return slices.Contains(sentFields, name) }

// labelOf returns the label in the authority of a request.
func labelOf(authority string) (string, error) {
	label, found := strings.CutSuffix(authority, domain)
	if !found || label == "" {
		return "", fmt.Errorf("%q names nobody: %w", authority, webid.Malformed)
	}
	return label, nil
}
