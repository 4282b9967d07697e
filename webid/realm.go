package webid

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrUnknown is returned by Contacts when no contact is meant.
	ErrUnknown = errors.New("unknown contact")
	// ErrReplayed is returned by Replay for a key that was used before.
	ErrReplayed error = Verdict("replayed")
	// ErrReplayFull is returned by Replay when it cannot remember one more
	// key; the caller refuses what it cannot check.
	ErrReplayFull = errors.New("replay memory full")
)

// Contacts finds a pod owner's contacts. It is asked at each request, so it
// should answer from memory; what it returns is not changed by the caller.
// A contact that was removed is ErrUnknown at once; a blocked one is returned.
type Contacts interface {
	// ByDevice returns the contact whose pinned device list names kid.
	ByDevice(ctx context.Context, kid string) (Contact, error)
	// ByID returns the contact whose WebID is id or whose record accepts id.
	ByID(ctx context.Context, id ID) (Contact, error)
}

// Realm is one pod as proofs see it: whose it is and whom the owner knows.
type Realm interface {
	Contacts
	// Owner returns the owner's WebID.
	Owner() ID
	// Lists returns the owner's pinned lists; the zero Lists before pairing.
	Lists(ctx context.Context) (Lists, error)
	// ByLabel returns the contact with the label, if there is one.
	ByLabel(ctx context.Context, label string) (Contact, error)
	// Pin stores a device list that was accepted over what is pinned for its
	// label: the owner's or a contact's. It checks again by DeviceList.Accept
	// under its own lock, since two may come at once.
	Pin(ctx context.Context, next DeviceList) error
}

// Replay remembers what may be used once only.
type Replay interface {
	// Use returns nil the first time it is given key, and remembers it until
	// the time given; ErrReplayed after that; ErrReplayFull when it cannot
	// remember. A key is "<WebID> <hash>", of which the WebID says whose share
	// of the memory is used up; nobody else is refused when that is full.
	Use(ctx context.Context, key string, until time.Time) error
}
