package sync

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"kith/acl"
	"kith/pod"
)

const (
	maxInline = 4 << 10  // bytes of a file that an item carries
	maxNote   = 64 << 10 // bytes of one that is looked at
)

// item is one activity of the feed.
type item struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Object    string          `json:"object,omitempty"`
	State     string          `json:"state,omitempty"`
	Published string          `json:"published,omitempty"`
	Post      json.RawMessage `json:"kith:post,omitempty"`
	Replies   json.RawMessage `json:"kith:replies,omitempty"`
}

// describe returns the items of events.
func describe(ctx context.Context, v *acl.View, events []acl.Event, inline bool) ([]item, error) {
	items := make([]item, 0, len(events))
	for _, e := range events {
		i := item{Type: e.Kind, ID: "urn:kith:" + e.ID}
		if e.Path != (pod.Path{}) {
			if err := i.fill(ctx, v, e, inline); err != nil {
				return nil, err
			}
		}
		items = append(items, i)
	}
	return items, nil
}

// fill tells of a post that the agent may read.
func (i *item) fill(ctx context.Context, v *acl.View, e acl.Event, inline bool) error {
	i.Object = strings.TrimPrefix(e.Path.Escaped(), "/social/")
	i.State = e.State
	_, text, err := readPart(ctx, v, e.Path, "post.jsonld")
	if err != nil {
		return err
	}
	i.Published = published(text, e.Modified)
	if inline && len(text) <= maxInline && isObject(text) {
		i.Post = text
	}
	i.Replies, err = replies(ctx, v, e.Path, inline)
	return err
}

// replies returns what was said to a post if it is asked for and short, else its
// ETag as a JSON string; nothing where there is nothing that the agent may read.
func replies(ctx context.Context, v *acl.View, post pod.Path, inline bool) (json.RawMessage, error) {
	info, text, err := readPart(ctx, v, post, "replies.jsonld")
	if err != nil || info.ETag == "" {
		return nil, err
	}
	if inline && len(text) <= maxInline && isObject(text) {
		return text, nil
	}
	etag, err := json.Marshal(info.ETag)
	if err != nil {
		return nil, fmt.Errorf("tell of replies: %w", err)
	}
	return etag, nil
}

// isObject reports whether a text is a JSON object that can stand in an answer.
func isObject(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) && utf8.Valid(text) && json.Valid(text)
}

// readPart returns a file of a post and its text: nothing if the agent may not
// read it, and no text if it is too long to be looked at.
func readPart(ctx context.Context, v *acl.View, post pod.Path, name string) (pod.Info, []byte, error) {
	p, err := post.Child(name, false)
	if err != nil {
		return pod.Info{}, nil, fmt.Errorf("read post: %w", err)
	}
	a, err := v.Get(ctx, p)
	if errors.Is(err, acl.ErrForbidden) || errors.Is(err, pod.ErrNotExist) {
		return pod.Info{}, nil, nil
	}
	if err != nil {
		return pod.Info{}, nil, fmt.Errorf("read post: %w", err)
	}
	defer a.Close()
	if a.Resource == nil || a.Info.Size > maxNote {
		return a.Info, nil, nil
	}
	text, err := io.ReadAll(a.Resource)
	if err != nil {
		return pod.Info{}, nil, fmt.Errorf("read post: %w", err)
	}
	return a.Info, text, nil
}

// published is when the author says that the post was made, or else when its
// newest resource was written; "" where nothing tells.
func published(text []byte, modified time.Time) string {
	var members map[string]json.RawMessage // by exact name, which a struct would not ask for
	var said string
	if json.Unmarshal(text, &members) == nil && json.Unmarshal(members["published"], &said) == nil {
		if isTime(said) {
			return said
		}
	}
	if modified.IsZero() {
		return ""
	}
	return modified.UTC().Format(timeFormat)
}

// isTime reports whether a text is a time of RFC 3339 in the one form that every
// responder takes: time.Parse takes more.
func isTime(s string) bool {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !strings.HasPrefix(s, t.Format("2006-01-02T15:04:05")) {
		return false
	}
	zone := s[len("2006-01-02T15:04:05"):]
	if fraction, ok := strings.CutPrefix(zone, "."); ok {
		zone = strings.TrimLeft(fraction, "0123456789")
		if n := len(fraction) - len(zone); n < 1 || n > 9 {
			return false
		}
	}
	return zone == "Z" || len(zone) == len("+00:00") && zone[1:3] < "24"
}

// timeFormat is RFC 3339 in milliseconds of UTC.
const timeFormat = "2006-01-02T15:04:05.000Z"
