package webid

import (
	"context"
	"errors"
	"net/http"
	"time"

	"kith/internal/fetch"
)

// ErrBusy is returned when an asker may not make this server fetch more documents
// at the moment: 429.
var ErrBusy = errors.New("too many documents to fetch")

// Documents gets what other servers say of their people. It is given addresses
// that strangers chose, so it must be a guarded one.
type Documents interface {
	// Admit reports whether the asker of r may cause requests to other servers now.
	Admit(r *http.Request) bool
	// Fresh returns the document at url, fetched no longer than age ago. ErrBusy
	// when too many are being fetched for who asks.
	Fresh(ctx context.Context, url, accept string, age time.Duration) (fetch.Document, error)
}

const (
	// keysAge bounds how often a key that an issuer does not publish makes this
	// server ask for its keys again.
	keysAge = 10 * time.Second
	// anyAge leaves it to Documents how long a document holds.
	anyAge = time.Hour
)
