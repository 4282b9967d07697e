package invite

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"kith/webid"
)

// Invite is what the one acceptor of an invite keeps. (protocol §7)
type Invite struct {
	ID     []byte           // 16 bytes, random
	Secret []byte           // 16 bytes, random
	Key    webid.PrivateKey // one-use; its public half is in the link
}

// New returns a new Invite.
func New() (Invite, error) {
	k, err := webid.GenerateKey()
	if err != nil {
		return Invite{}, fmt.Errorf("make invite: %w", err)
	}
	random := make([]byte, sizeID+sizeSecret)
	rand.Read(random) // never fails (crypto/rand)
	return Invite{ID: random[:sizeID:sizeID], Secret: random[sizeID:], Key: k}, nil
}

// Introduction is what each of two friends tells the other.
type Introduction struct {
	Lists webid.Lists
	Ways  []webid.Way // at most 8
	Name  string      // at most 160 bytes
}

// Acceptance is an opened acceptance: who accepts.
type Acceptance struct {
	Introduction

	id, confirm []byte
}

// Confirmation is the acceptor's answer.
type Confirmation struct {
	Introduction
	CID   string   // what the friend is called among the acceptor's contacts
	WebID webid.ID // the friend's contact WebID there
	Salt  []byte   // 32 bytes, of this pair of friends
}

// Open opens an acceptance and checks that it was made by somebody who has the
// link, for this device list, and by a holder of one of its agreement keys. It
// cannot tell whether the invite was used before. The error is a verdict:
// malformed, bad proof, bad binding, or one of webid.Lists.Accept.
func (i Invite) Open(body []byte) (Acceptance, error) {
	a, err := i.open(body)
	if err != nil {
		return Acceptance{}, fmt.Errorf("open acceptance: %w", err)
	}
	return a, nil
}

func (i Invite) open(body []byte) (Acceptance, error) {
	plain, confirm, err := openBy(i.Key, i.ID, body)
	if err != nil {
		return Acceptance{}, err
	}
	var agree, proven, bound string
	in, err := introduction(plain, map[string]any{"agree": &agree, "proof": &proven, "binding": &bound})
	if err != nil {
		return Acceptance{}, err
	}
	sum := proof(i.Secret, in.Lists.Devices.String())
	if !hmac.Equal([]byte(proven), []byte(strict64.EncodeToString(sum))) {
		return Acceptance{}, badProof
	}
	key, ok := in.Lists.Keys.Find(agree)
	if !ok {
		return Acceptance{}, badBinding
	}
	want, err := binding(i.Key, key.Key, i.Secret, sum)
	if err != nil {
		return Acceptance{}, err
	}
	if !hmac.Equal([]byte(bound), []byte(strict64.EncodeToString(want))) {
		return Acceptance{}, badBinding
	}
	return Acceptance{Introduction: in, id: i.ID, confirm: confirm}, nil
}

// introduction reads the Introduction in plain, and the members more.
func introduction(plain []byte, more map[string]any) (Introduction, error) {
	var in Introduction
	var label, devices, keys string
	var ways []json.RawMessage
	more["label"], more["device_list"], more["keys"], more["ways"], more["name"] = &label, &devices, &keys, &ways, &in.Name
	if err := decode(plain, more); err != nil {
		return Introduction{}, err
	}
	if devices == "" || keys == "" || len(in.Name) > maxName {
		return Introduction{}, webid.Malformed
	}
	var err error
	if in.Ways, err = webid.ParseWays(ways); err != nil || !shortWays(in.Ways) {
		return Introduction{}, webid.Malformed
	}
	lists, err := webid.Lists{}.Accept(devices, keys, time.Time{}) // which asks for no time at first sight
	if err != nil {
		return Introduction{}, err
	}
	if lists.Devices.Label != label {
		return Introduction{}, webid.Verdict("wrong label")
	}
	in.Lists = lists
	return in, nil
}

func (in Introduction) members() map[string]any {
	return map[string]any{
		"label": in.Lists.Devices.Label, "device_list": in.Lists.Devices.String(), "keys": in.Lists.Keys.String(),
		"ways": append([]webid.Way{}, in.Ways...), "name": in.Name,
	}
}

// Confirm seals the answer to a. It must be called once only, since there is
// one key for one message: who wants to answer twice keeps the bytes.
func (a Acceptance) Confirm(c Confirmation) ([]byte, error) {
	m := c.members()
	m["cid"], m["webid"], m["salt"] = c.CID, c.WebID, strict64.EncodeToString(c.Salt)
	plain, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("seal confirmation: %w", err)
	}
	aead, nonce, err := gcm(a.confirm)
	if err != nil {
		return nil, fmt.Errorf("seal confirmation: %w", err)
	}
	return aead.Seal(nil, nonce, plain, a.id), nil
}

// Pending is an acceptance that was sealed and waits for its confirmation.
type Pending struct {
	Link Link   // the invite that was accepted
	Body []byte // to send to the acceptor
	Key  []byte // 16 bytes, secret: opens the confirmation
}

// Accept seals an acceptance of the invite by self. agree names one of the keys
// in self.Lists.Keys, and k is its secret half.
func (l Link) Accept(self Introduction, agree string, k webid.PrivateKey) (Pending, error) {
	sum := proof(l.Secret, self.Lists.Devices.String())
	bound, err := binding(k, l.Key, l.Secret, sum)
	if err != nil {
		return Pending{}, fmt.Errorf("accept invite: %w", err)
	}
	m := self.members()
	m["agree"], m["proof"], m["binding"] = agree, strict64.EncodeToString(sum), strict64.EncodeToString(bound)
	plain, err := json.Marshal(m)
	if err != nil {
		return Pending{}, fmt.Errorf("accept invite: %w", err)
	}
	body, confirm, err := sealTo(l.Key, l.ID, plain)
	if err != nil {
		return Pending{}, fmt.Errorf("accept invite: %w", err)
	}
	return Pending{Link: l, Body: body, Key: confirm}, nil
}

// Open opens the confirmation that came back. The error is a verdict:
// malformed, wrong label when it is not from the person of the invite, or one
// of webid.Lists.Accept.
func (p Pending) Open(answer []byte) (Confirmation, error) {
	c, err := p.open(answer)
	if err != nil {
		return Confirmation{}, fmt.Errorf("open confirmation: %w", err)
	}
	return c, nil
}

func (p Pending) open(answer []byte) (Confirmation, error) {
	if len(answer) > maxBody {
		return Confirmation{}, webid.Malformed
	}
	aead, nonce, err := gcm(p.Key)
	if err != nil {
		return Confirmation{}, err
	}
	plain, err := aead.Open(nil, nonce, answer, p.Link.ID)
	if err != nil {
		return Confirmation{}, webid.Malformed
	}
	var c Confirmation
	var id, salt string
	if c.Introduction, err = introduction(plain, map[string]any{"cid": &c.CID, "webid": &id, "salt": &salt}); err != nil {
		return Confirmation{}, err
	}
	if c.Lists.Devices.Label != p.Link.Label {
		return Confirmation{}, webid.Verdict("wrong label")
	}
	if len(c.CID) > maxCID {
		return Confirmation{}, webid.Malformed
	}
	if c.WebID, err = webid.ParseID(id); err != nil {
		return Confirmation{}, err
	}
	if c.Salt, err = strict64.DecodeString(salt); err != nil || len(c.Salt) != 32 {
		return Confirmation{}, webid.Malformed
	}
	return c, nil
}
