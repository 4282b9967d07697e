// Package passkey checks what a browser and an authenticator say of a passkey: that
// it was made for the pages of this host, and that it signed what was asked of it.
// (WebAuthn Level 3 §7)
//
// It knows neither who has a passkey nor what was asked: its caller finds a Record by
// the IDs in a Response, keeps challenges, and uses each once. Of which model an
// authenticator is nobody asks: attestation "none" is asked for, and a statement
// that comes nevertheless is passed over. Extensions are neither asked for nor read.
//
// A Response is the JSON of a browser's PublicKeyCredential, byte strings in base64url:
//
//	{id, rawId, type: "public-key", response: {clientDataJSON,
//	    attestationObject                              when it is made: CBOR {fmt, attStmt, authData}
//	    authenticatorData, signature, userHandle}}     when it is shown
//	clientDataJSON       {type, challenge, origin, crossOrigin?, topOrigin?}
//	authenticator data   SHA-256 of the party's ID 32 | flags 1 | counter 4
//	                     | when made: model 16 | n 2 | ID n | COSE_Key    | extensions: CBOR map, if flagged
//	signature            over authenticator data | SHA-256(clientDataJSON)
//
// The package owns no goroutine, and nothing in it changes by its use.
package passkey

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrRefused refuses a passkey; the text says which of the things that it has to be
// it is not.
var ErrRefused = errors.New("passkey refused")

func refused(why string) error { return fmt.Errorf("%w: %s", ErrRefused, why) }

// Party is who asks for passkeys, a relying party of WebAuthn. The zero Party
// accepts none.
type Party struct {
	ID               string // host name; passkeys are bound to it
	Origin           string // scheme://host[:port] of the pages that may use them
	PresenceIsEnough bool   // a touch counts; else the authenticator must have verified the person
}

// Record is what is kept of a passkey, also as JSON: a credential record of
// WebAuthn Level 3 §4. The names are those that github.com/go-webauthn/webauthn
// gives them, of whose records Record reads what it needs.
type Record struct {
	ID            []byte  `json:"id"`
	PublicKey     []byte  `json:"publicKey"` // COSE_Key
	Flags         Flags   `json:"flags"`
	Authenticator Counter `json:"authenticator"`
}

// Flags are what an authenticator said last of the person and of copies of the key.
type Flags struct {
	Present        bool `json:"userPresent"`
	Verified       bool `json:"userVerified"`
	BackupEligible bool `json:"backupEligible"` // can be copied to other devices; never changes
	BackedUp       bool `json:"backupState"`
}

// Counter counts the uses of a passkey, 0 where the authenticator does not.
type Counter struct {
	Uses uint32 `json:"signCount"`
}

// Made returns the Record of a passkey that a browser made for this challenge, or
// ErrRefused. That no other person has a passkey of this ID is for the caller to see
// to. (WebAuthn Level 3 §7.1)
func (p Party) Made(r Response, challenge []byte) (Record, error) {
	if err := p.checkClient(r.client, "webauthn.create", challenge); err != nil {
		return Record{}, err
	}
	text, err := dataOf(r.object) // step 13
	if err != nil {
		return Record{}, err
	}
	d, err := readData(text)
	if err != nil {
		return Record{}, err
	}
	if err := p.checkData(d); err != nil { // steps 14 to 17
		return Record{}, err
	}
	if !d.has(flagAttested) || !slices.Equal(d.id, r.ID) {
		return Record{}, refused("the authenticator made another passkey, or none")
	}
	if _, err := readKey(d.key); err != nil { // step 20
		return Record{}, err
	}
	return record(d, d.id, d.key), nil
}

// Shown returns what has become of k, the Record of the passkey by whose ID r
// answers, once it has signed this challenge; or ErrRefused. That r's Handle is that
// of the passkey's owner is for the caller to see to. (WebAuthn Level 3 §7.2)
func (p Party) Shown(r Response, challenge []byte, k Record) (Record, error) {
	if !slices.Equal(r.ID, k.ID) { // step 6
		return Record{}, refused("another passkey answers")
	}
	if err := p.checkClient(r.client, "webauthn.get", challenge); err != nil {
		return Record{}, err
	}
	d, err := readData(r.data)
	if err != nil {
		return Record{}, err
	}
	if err := p.checkData(d); err != nil { // steps 15 to 18
		return Record{}, err
	}
	switch {
	case d.has(flagAttested): // §6.1: not in an assertion
		return Record{}, refused("a passkey was made instead of shown")
	case d.has(flagBackupEligible) != k.Flags.BackupEligible: // step 19
		return Record{}, refused("whether it can be backed up has changed")
	}
	verify, err := readKey(k.PublicKey)
	if err != nil {
		return Record{}, err
	}
	hash := sha256.Sum256(r.client)                           // step 20
	if !verify(slices.Concat(r.data, hash[:]), r.signature) { // step 21
		return Record{}, refused("the signature is not the key's")
	}
	if last := k.Authenticator.Uses; (d.count != 0 || last != 0) && d.count <= last { // step 22
		return Record{}, refused("it was used fewer times than before: there may be a copy")
	}
	return record(d, k.ID, k.PublicKey), nil // step 24
}

func record(d authenticatorData, id, key []byte) Record {
	return Record{
		ID: slices.Clone(id), PublicKey: slices.Clone(key), Authenticator: Counter{d.count},
		Flags: Flags{d.has(flagPresent), d.has(flagVerified), d.has(flagBackupEligible), d.has(flagBackedUp)},
	}
}

// checkClient asks of the client data that this party's own page asked for this
// challenge. Names count to the letter, which a struct would not hold them to.
// (WebAuthn Level 3 §5.8.1, §7.1 steps 5 to 11, §7.2 steps 8 to 14)
func (p Party) checkClient(text []byte, kind string, challenge []byte) error {
	said, err := clientData(text)
	if err != nil {
		return err
	}
	named, _ := said["challenge"].(string)
	want := base64.RawURLEncoding.EncodeToString(challenge)
	switch {
	case said["type"] != kind:
		return refused("the browser did something else")
	case len(challenge) < minChallenge || subtle.ConstantTimeCompare([]byte(named), []byte(want)) != 1:
		return refused("it answers another challenge")
	case p.Origin == "" || said["origin"] != p.Origin:
		return refused("a page of another origin asked")
	case said["crossOrigin"] != nil && said["crossOrigin"] != false, said["topOrigin"] != nil:
		return refused("the page was within another")
	}
	return nil
}

// minChallenge is how many bytes make guessing hopeless. (WebAuthn Level 3 §13.4.3)
const minChallenge = 16

// clientData reads the JSON of client data, of which one byte order mark may stand
// before it. (Encoding §utf-8-decode)
func clientData(text []byte) (said map[string]any, err error) {
	text, _ = bytes.CutPrefix(text, []byte("\ufeff"))
	if json.Unmarshal(text, &said) != nil {
		return nil, refused("the client data is no JSON object")
	}
	return said, nil
}
