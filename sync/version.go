package sync

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kith/pod"
)

const (
	maxCounter = 1<<53 - 1 // the largest integer that every JSON reader keeps (RFC 8259 §6)
	maxLeap    = 1 << 32   // how far a counter may go beyond those that the pod has seen
	maxDevice  = 200       // bytes
	endOfTime  = 2200      // the first year that no clock which is right tells
	handleSize = 16        // bytes of a pod.Info.ID
)

// parseVersion reads a Kith-Version header, `<counter>.<device>`: digits without
// a leading zero, and visible ASCII. "0." is the Version that nobody knows.
func parseVersion(s string) (pod.Version, error) {
	if s == "0." {
		return pod.Version{}, nil
	}
	digits, device, _ := strings.Cut(s, ".")
	counter, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || counter == 0 || counter > maxCounter || strconv.FormatUint(counter, 10) != digits {
		return pod.Version{}, fmt.Errorf("read Kith-Version: %w", ErrRequest)
	}
	if device == "" || len(device) > maxDevice || strings.ContainsFunc(device, invisible) {
		return pod.Version{}, fmt.Errorf("read Kith-Version: %w", ErrRequest)
	}
	return pod.Version{Counter: counter, Device: device}, nil
}

func invisible(r rune) bool { return r <= ' ' || r > '~' }

func formatVersion(v pod.Version) string {
	return strconv.FormatUint(v.Counter, 10) + "." + v.Device
}

// rowOf reads what the headers of a PUT tell of p.
func rowOf(p pod.Path, h http.Header) (pod.Info, error) {
	row := pod.Info{Path: p, Type: h.Get("Content-Type"), ID: h.Get("Kith-Id")}
	if row.Type == "" && !p.IsContainer() { // the ETag covers it, so it cannot be guessed
		return row, fmt.Errorf("read Content-Type: %w", ErrRequest)
	}
	var err error
	if row.Version, err = parseVersion(h.Get("Kith-Version")); err != nil {
		return row, err
	}
	if _, ok := fromBase64(row.ID, handleSize); row.ID != "" && !ok {
		return row, fmt.Errorf("read Kith-Id: %w", ErrRequest)
	}
	if at := h.Get("Kith-Modified"); at != "" {
		row.Modified, err = parseTime(at)
	}
	return row, err
}

// plausible refuses a version that no device can have come to by counting on
// from what it has seen: one that is broken would take all counters with it to
// maxCounter, beyond which nobody can write.
func plausible(v pod.Version, head pod.Head) error {
	if v.Counter > head.Counter && v.Counter-head.Counter > maxLeap {
		return fmt.Errorf("read Kith-Version: %w: the counter is too far ahead", ErrRequest)
	}
	return nil
}

// parseTime reads an RFC 3339 time from 1970 to 2199, to the millisecond: later
// ones cannot be counted in nanoseconds, as stores and digests do.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UnixMilli() < 0 || t.UTC().Year() >= endOfTime {
		return time.Time{}, fmt.Errorf("read Kith-Modified: %w", ErrRequest)
	}
	return t.UTC().Truncate(time.Millisecond), nil
}

// row is a resource, a container or a trace of either, as replicas exchange it.
type row struct {
	ID       string  `json:"id"`
	Path     string  `json:"path,omitempty"`
	Gone     bool    `json:"gone,omitempty"`
	Version  version `json:"version"`
	ETag     string  `json:"etag,omitempty"`
	Type     string  `json:"type,omitempty"`
	Size     *int64  `json:"size,omitempty"` // nil for containers and traces
	Modified string  `json:"modified,omitempty"`
}

func newRow(i pod.Info) row {
	r := row{ID: i.ID, Version: version(i.Version)}
	if i.Path == (pod.Path{}) {
		r.Gone = true
		return r
	}
	r.Path, r.ETag, r.Type = i.Path.String(), i.ETag, i.Type
	if !i.Path.IsContainer() {
		r.Size = &i.Size
	}
	if !i.Modified.IsZero() {
		r.Modified = i.Modified.UTC().Format(timeFormat)
	}
	return r
}

// version is [counter, "device"] in JSON.
type version pod.Version

// MarshalJSON returns the array.
func (v version) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{v.Counter, v.Device})
}
