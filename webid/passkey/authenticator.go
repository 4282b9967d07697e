package passkey

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Flags of authenticator data. (WebAuthn Level 3 §6.1)
const (
	flagPresent        = 1 << 0
	flagVerified       = 1 << 2
	flagBackupEligible = 1 << 3
	flagBackedUp       = 1 << 4
	flagAttested       = 1 << 6
	flagExtensions     = 1 << 7
)

const (
	headSize = 37   // of authenticator data: hash, flags, counter
	maxID    = 1023 // bytes of a credential ID (WebAuthn Level 3 §7.1 step 25)
)

// authenticatorData is what an authenticator says and signs.
// (WebAuthn Level 3 §6.1, §6.5.2)
type authenticatorData struct {
	party []byte // SHA-256 of the relying party's ID
	flags byte
	count uint32
	id    []byte // the credential's, where it was just made
	key   []byte // its COSE_Key, likewise
}

func (d authenticatorData) has(flags byte) bool { return d.flags&flags == flags }

// readData reads authenticator data to its end. What extensions say is passed over:
// none are asked for, and browsers add some by themselves. (§7.1, §7.2 step 23)
func readData(text []byte) (d authenticatorData, err error) {
	if len(text) < headSize {
		return d, refused("the authenticator data is too short")
	}
	d = authenticatorData{party: text[:32], flags: text[32], count: binary.BigEndian.Uint32(text[33:headSize])}
	c := cbor{text[headSize:]}
	if d.has(flagAttested) {
		if err := d.readAttested(&c); err != nil {
			return authenticatorData{}, err
		}
	}
	if d.has(flagExtensions) {
		if c.next() != majorMap {
			return authenticatorData{}, refused("the extensions are no map")
		}
		if err := c.skip(maxDepth); err != nil {
			return authenticatorData{}, err
		}
	}
	if len(c.rest) > 0 {
		return authenticatorData{}, refused("something follows the authenticator data")
	}
	return d, nil
}

// readAttested reads what is told of a credential when it is made: which model made
// it, which nobody asks here, its ID and its key. (WebAuthn Level 3 §6.5.1)
func (d *authenticatorData) readAttested(c *cbor) error {
	head, err := c.take(16 + 2)
	if err != nil {
		return err
	}
	size := binary.BigEndian.Uint16(head[16:])
	if size == 0 || size > maxID {
		return refused("the credential's ID is empty or too long")
	}
	if d.id, err = c.take(uint64(size)); err != nil {
		return err
	}
	before := c.rest
	if _, err = c.key(); err != nil {
		return err
	}
	d.key = before[:len(before)-len(c.rest)]
	return nil
}

// dataOf returns the authenticator data in an attestation object. Its statement is
// passed over: attestation "none" was asked for. (WebAuthn Level 3 §6.5.4, §8.7)
func dataOf(object []byte) (data []byte, err error) {
	c := cbor{object}
	n, err := c.pairs()
	if err != nil {
		return nil, err
	}
	for range n {
		name, err := c.text(majorText)
		if err != nil {
			return nil, err
		}
		switch {
		case string(name) != "authData":
			err = c.skip(maxDepth - 1)
		case data != nil:
			err = refused("the attestation has its data twice")
		default:
			data, err = c.text(majorBytes)
		}
		if err != nil {
			return nil, err
		}
	}
	if data == nil || len(c.rest) > 0 {
		return nil, refused("the attestation has no data, or something follows it")
	}
	return data, nil
}

// checkData asks of authenticator data what both ceremonies ask: that it is for
// this party, and that a person was there. (WebAuthn Level 3 §7.1 steps 14 to 17,
// §7.2 steps 15 to 18)
func (p Party) checkData(d authenticatorData) error {
	party := sha256.Sum256([]byte(p.ID))
	switch {
	case !slices.Equal(d.party, party[:]):
		return refused("the authenticator answers another host")
	case !d.has(flagPresent):
		return refused("nobody was present")
	case !p.PresenceIsEnough && !d.has(flagVerified):
		return refused("the person was not verified")
	case d.has(flagBackedUp) && !d.has(flagBackupEligible):
		return refused("what cannot be backed up is backed up")
	}
	return nil
}
