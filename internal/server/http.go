package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"kith/acl"
	"kith/ldp"
	podsync "kith/sync"
	"kith/webid"
	"kith/webid/issuer"
)

// maxTitle bounds names that people give themselves and their devices, in bytes.
const maxTitle = 120

// errBody refuses a body that is not what is expected.
var errBody = errors.New("the body is not the JSON that is expected here")

// readJSON reads a bounded JSON body into v.
func readJSON(w http.ResponseWriter, r *http.Request, most int64, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return fmt.Errorf("%w: %w", acl.ErrBody, err)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %v", errBody, err)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err = w.Write(body)
	return dropped(err)
}

// dropped forgets that an answer could not be delivered: whoever asked has gone.
func dropped(error) error { return nil }

// allow answers a method that the address does not take.
func allow(w http.ResponseWriter, methods string) error {
	w.Header().Set("Allow", methods)
	ldp.Problem(w, http.StatusMethodNotAllowed, "This address takes "+methods+".")
	return nil
}

// asOwner lets the owner's devices through, not the owner's apps; others get the answer for what does not exist.
func asOwner(a webid.Agent, do func() error) error {
	switch {
	case a.Device():
		return do()
	case a.Anonymous():
		return acl.ErrUnauthenticated
	}
	return acl.ErrForbidden
}

// statuses maps the errors of this package to what is answered; the rest is ldp's.
var statuses = []struct {
	err    error
	status int
	detail string
}{
	{ErrSecret, http.StatusForbidden, "The secret is wrong, used or expired. Make a new pairing link."},
	{ErrOwned, http.StatusConflict, "This pod belongs to somebody else."},
	{ErrInvite, http.StatusNotFound, "There is no such invite: it is used, or expired, or was never made."},
	{ErrInvites, http.StatusTooManyRequests, "Too many invites are open. Cancel one, or wait until one expires."},
	{errBody, http.StatusBadRequest, "The body is not the JSON that is expected here."},
	{podsync.ErrCursor, http.StatusBadRequest, "This is no cursor of this feed."},
	{podsync.ErrRequest, http.StatusBadRequest, "The request is not understood here."},
	{podsync.ErrMethod, http.StatusMethodNotAllowed, "The method is not allowed here."},
	{podsync.ErrRefused, http.StatusUnprocessableEntity, "The list is not acceptable after the one that is pinned."},
	{webid.ErrReplayFull, http.StatusServiceUnavailable, "Too many requests in a minute."},
	{webid.ErrBusy, http.StatusTooManyRequests, "Too many sign-ins from elsewhere. Wait a moment."},
	{issuer.ErrUnknown, http.StatusNotFound, "There is no such app, script or passkey."},
	{ErrBackup, http.StatusNotFound, "There is no such backup."},
	{issuer.ErrFull, http.StatusTooManyRequests, "There are too many. Remove one first."},
	{issuer.ErrPasskey, http.StatusUnprocessableEntity, "The passkey is not accepted. Start again."},
	{webid.Malformed, http.StatusBadRequest, "The request is not well formed."},
}

// refuse answers with what belongs to err. What is not expected is answered with 500 and logged,
// without names or paths.
func (h *home) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, webid.ErrBusy):
		w.Header().Set("Retry-After", "2")
	case errors.Is(err, webid.ErrReplayFull):
		w.Header().Set("Retry-After", "60")
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			ldp.Problem(w, s.status, s.detail)
			return
		}
	}
	var verdict webid.Verdict
	if errors.As(err, &verdict) {
		ldp.Problem(w, http.StatusUnprocessableEntity, "The lists are not accepted: "+verdict.Error()+".")
		return
	}
	if unexpected := h.ldp.Refuse(w, r, err); unexpected != nil {
		slog.Error("request failed", "err", unexpected)
	}
}

// clip shortens a text to at most n bytes without cutting a character, and drops control characters.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimSpace(s)
}
