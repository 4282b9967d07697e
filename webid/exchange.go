package webid

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
)

// Exchange gives the device that signed assertion, a self-issued JWT, an access
// token for the pod with the URL resource. r carries the proof by the key that
// the token is then bound to. devices is a device list to show, or "": when it
// is newer than what is pinned for its person it is pinned, and counts.
// An assertion by an https WebID is verified by the document of that WebID, and
// gets a token for what names it. (RFC 8693 §2; protocol §1.3)
//
// The error is ErrProof or ErrNonce for the proof, ErrToken for an assertion or
// device list that does not hold whoever made it, and ErrUnknown for everything
// else: an unknown key, a blocked contact, an unknown pod, a replay. That of a
// device which the owner has removed has a method DeviceList() string, the chain
// on which it is not any more. Others are those of the Realm, and ErrReplayFull.
func (v *Verifier) Exchange(r *http.Request, resource, assertion, devices string) (string, error) {
	p, err := v.proof(r, claim{})
	if err != nil {
		return "", err
	}
	if byWebID(assertion) {
		return v.exchangeSelf(r, resource, assertion, p)
	}
	a, err := v.assertion(assertion, p)
	if err != nil {
		return "", fmt.Errorf("%w: subject token: %w", ErrToken, err)
	}
	list, err := v.list(devices)
	if err != nil {
		return "", fmt.Errorf("%w: device list: %w", ErrToken, err)
	}
	agent, err := v.admit(r.Context(), resource, a.kid, list)
	sub := ID(a.kid)
	switch out := (removed{}); {
	case err == nil:
		sub = agent.ids[0]
	case !errors.As(err, &out):
		return "", err
	}
	// A replay is answered as by somebody unknown, so that whoever recorded a
	// request does not learn that its maker is known.
	if err := once(r.Context(), v.Assertions, ErrUnknown, sub, a.id, a.until); err != nil {
		return "", err
	}
	if err := once(r.Context(), v.Proofs, ErrUnknown, sub, p.id, p.until); err != nil {
		return "", err
	}
	if err != nil {
		return "", err
	}
	return v.issue(access{sub: sub, aud: resource, kid: a.kid, jkt: p.key.Thumbprint(), grant: agent.grant})
}

// mayPost is what a device list must allow a device that acts for its person: as the owner at their pod, and
// as a friend elsewhere. A pod, which only answers and accepts, may not.
const mayPost = "post"

// maxShown is how many device lists one generation of the cache holds.
const maxShown = 128

// list reads the device list that came along, if there is one. A phone shows the
// same one each time, so what was verified lately is remembered; whoever it is
// of, so that what it costs does not tell who is known.
func (v *Verifier) list(text string) (DeviceList, error) {
	if text == "" {
		return DeviceList{}, nil
	}
	sum := sha256.Sum256([]byte(text))
	if l, ok := v.shown.get(sum); ok {
		return l, nil
	}
	l, err := DeviceList{}.read(text)
	if err == nil {
		v.shown.put(sum, l, maxShown)
	}
	return l, err
}

// admit returns who the device kid is to the pod, or ErrUnknown. An unknown pod
// is asked like any other, so that it answers alike.
func (v *Verifier) admit(ctx context.Context, resource, kid string, list DeviceList) (Agent, error) {
	realm, ok := v.Realms(resource)
	if !ok {
		realm = nowhere{}
	}
	if err := pin(ctx, realm, list); err != nil {
		return Agent{}, err
	}
	owner, err := realm.Lists(ctx)
	if err != nil {
		return Agent{}, fmt.Errorf("find owner's devices: %w", err)
	}
	byLabel, err0 := realm.ByLabel(ctx, list.Label)
	byDevice, err1 := realm.ByDevice(ctx, kid)
	byID, err2 := realm.ByID(ctx, ID(kid))
	if err := errors.Join(known(err0), known(err1), known(err2)); err != nil {
		return Agent{}, fmt.Errorf("find contact: %w", err)
	}
	switch {
	case owner.Devices.Can(kid, mayPost):
		return OwnerAgent(realm.Owner(), kid), nil
	case err0 == nil && list.Label != "" && byLabel.Proves(ID(kid)):
		// Whose list the device shows is who it is, whoever else names its key.
		return contactAgent(byLabel, kid), nil
	case err1 == nil && byDevice.Proves(ID(kid)):
		return contactAgent(byDevice, kid), nil
	case err2 == nil && byID.Proves(ID(kid)):
		return contactAgent(byID, kid), nil
	case list.Label == owner.Devices.Label && list.Can(kid, mayPost):
		return Agent{}, removed{owner.Devices}
	}
	return Agent{}, ErrUnknown
}

// removed is ErrUnknown to a device of the owner's that shows a list of theirs
// in which it still is: it is told by which it went.
type removed struct{ list DeviceList }

func (removed) Error() string        { return "the owner removed this device" }
func (removed) Is(err error) bool    { return err == ErrUnknown }
func (r removed) DeviceList() string { return r.list.String() }

func contactAgent(c Contact, kid string) Agent {
	return ContactAgent(c.ID, c.CID, c.Grant, kid, c.Accepts...)
}

// pin stores list if it is newer than what is pinned for its person. A list
// that is not, or of a person who is not known here, changes nothing.
func pin(ctx context.Context, realm Realm, list DeviceList) error {
	if list.IsZero() {
		return nil
	}
	owner, err := realm.Lists(ctx)
	if err != nil {
		return fmt.Errorf("find owner's devices: %w", err)
	}
	pinned := owner.Devices
	c, err := realm.ByLabel(ctx, list.Label)
	if known(err) != nil {
		return fmt.Errorf("find contact: %w", err)
	}
	if err == nil && pinned.Label != list.Label {
		pinned = c.Devices
	}
	if pinned.IsZero() {
		return nil
	}
	next, err := pinned.accept(list)
	if err != nil || next.text == pinned.text {
		return nil
	}
	var verdict Verdict
	if err := realm.Pin(ctx, next); err != nil && !errors.As(err, &verdict) {
		return fmt.Errorf("pin device list: %w", err)
	}
	return nil
}

// known drops ErrUnknown.
func known(err error) error {
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	return err
}

// nowhere is the pod that does not exist.
type nowhere struct{}

func (nowhere) Owner() ID                                         { return "" }
func (nowhere) Lists(context.Context) (Lists, error)              { return Lists{}, nil }
func (nowhere) ByDevice(context.Context, string) (Contact, error) { return Contact{}, ErrUnknown }
func (nowhere) ByID(context.Context, ID) (Contact, error)         { return Contact{}, ErrUnknown }
func (nowhere) ByLabel(context.Context, string) (Contact, error)  { return Contact{}, ErrUnknown }
func (nowhere) Pin(context.Context, DeviceList) error             { return ErrUnknown }
