package sealed

import (
	"errors"

	"kith/webid"
)

var (
	// ErrDeclined is a message that gets no answer. It wraps a webid.Verdict that
	// says why, which is for tests and counters and never for who sent it.
	ErrDeclined = errors.New("declined")
	// ErrQueued is a message that a relay has taken and nobody has answered yet. The
	// answer comes to where Transport.Reply says, if it says anything.
	ErrQueued = errors.New("waiting for somebody to wake up")
	// ErrAnswer is an answer that was not made for the request, or not by a device
	// that was asked.
	ErrAnswer = errors.New("no answer of who was asked")
	// ErrChanged is a representation that became another while it was read in pieces.
	ErrChanged = errors.New("changed while it was read")
)

// Why a message is declined.
const (
	otherVersion  webid.Verdict = "other version"
	unknownSuite  webid.Verdict = "unknown suite"
	oversize      webid.Verdict = "oversize"
	noSlot        webid.Verdict = "no slot"
	damaged       webid.Verdict = "damaged"
	misdirected   webid.Verdict = "misdirected"
	unknownSender webid.Verdict = "unknown sender"
	badMAC        webid.Verdict = "bad mac"
	futureDated   webid.Verdict = "future-dated"
	expired       webid.Verdict = "expired"
	replayed      webid.Verdict = "replayed"
)
