package sync

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// answer writes v as JSON, of a media type, for this agent alone. It knows
// conditional requests (RFC 9110 §13.1.2) and HEAD.
func answer(w http.ResponseWriter, r *http.Request, mediaType string, v any) error {
	body, err := prepare(w, mediaType, v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	w.Header().Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// prepare returns v as JSON and sets the headers that go with it.
func prepare(w http.ResponseWriter, mediaType string, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write answer: %w", err)
	}
	private(w)
	w.Header().Set("Content-Type", mediaType)
	return body, nil
}

// private keeps an answer, which depends on who asks, out of every cache, and
// keeps browsers from taking it for something else.
func private(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept, Authorization, Origin")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}
