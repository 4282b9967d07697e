package pod

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Precondition is what a conditional request demands of the current state.
// The zero value demands nothing.
type Precondition struct {
	IfMatch     []string // quoted entity tags, or "*"
	IfNoneMatch []string // quoted entity tags, or "*"
	// UnmodifiedSince is a time in whole seconds, or zero. It counts only without
	// IfMatch, and for what exists and has a time.
	UnmodifiedSince time.Time
}

// Check returns ErrPrecondition unless p holds for a resource that exists, or not,
// with the entity tag and the time of its last change. // RFC 9110 §13.2.2
func (p Precondition) Check(exists bool, etag string, modified time.Time) error {
	switch {
	case len(p.IfMatch) > 0:
		if !matches(p.IfMatch, exists, etag, strong) {
			return fmt.Errorf("check If-Match: %w", ErrPrecondition)
		}
	case exists && !p.UnmodifiedSince.IsZero() && modified.Truncate(time.Second).After(p.UnmodifiedSince):
		return fmt.Errorf("check If-Unmodified-Since: %w", ErrPrecondition)
	}
	if len(p.IfNoneMatch) > 0 && matches(p.IfNoneMatch, exists, etag, weak) {
		return fmt.Errorf("check If-None-Match: %w", ErrPrecondition)
	}
	return nil
}

func matches(tags []string, exists bool, etag string, equal func(a, b string) bool) bool {
	if !exists {
		return false
	}
	return slices.ContainsFunc(tags, func(t string) bool { return t == "*" || equal(t, etag) })
}

// strong and weak are the comparisons of RFC 9110 §8.8.3.2.
func strong(a, b string) bool { return a == b && a != "" && !strings.HasPrefix(a, "W/") }

func weak(a, b string) bool {
	return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/") && a != ""
}
