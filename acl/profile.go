package acl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"kith/pod"
)

// ErrProtected refuses a change of the owner's profile that Config.Profile does
// not let pass (409).
var ErrProtected = errors.New("this part of the profile is protected")

// profile is where the owner's profile lies.
const profile = "/profile/card"

// isProfile reports whether p is the owner's profile document, or a container in
// its place.
func isProfile(p pod.Path) bool { return strings.TrimSuffix(p.String(), "/") == profile }

// vetted reads a body that is to become the owner's profile and asks whether it
// may. Other bodies are left alone.
func (g *Guard) vetted(p pod.Path, typ string, body io.Reader) (io.Reader, error) {
	if g.config.Profile == nil || !isProfile(p) {
		return body, nil
	}
	text, err := io.ReadAll(io.LimitReader(body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("read profile: %w", pod.ErrTooLarge)
	}
	return bytes.NewReader(text), g.config.Profile(typ, text)
}

// mayLose reports whether p may be deleted, as far as it is the profile.
func (g *Guard) mayLose(p pod.Path) error {
	if g.config.Profile == nil || !isProfile(p) {
		return nil
	}
	return g.config.Profile("", nil)
}
