package passkey

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// Response is what a browser answered, read and not yet checked.
type Response struct {
	ID     []byte // of the passkey
	Handle []byte // user handle of the owner; nil: none was told

	client    []byte // clientDataJSON
	object    []byte // attestation object, of a passkey just made
	data      []byte // authenticator data, of one that is shown
	signature []byte
}

// base64url is bytes in JSON, in base64url without padding. (RFC 4648 §5)
type base64url []byte

func (b *base64url) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	read, err := base64.RawURLEncoding.Strict().DecodeString(s)
	*b = read
	return err
}

// Parse reads the JSON of a PublicKeyCredential, or returns ErrRefused.
// (WebAuthn Level 3 §5.1)
func Parse(text []byte) (Response, error) {
	var c struct {
		ID       base64url `json:"id"`
		RawID    base64url `json:"rawId"`
		Type     string    `json:"type"`
		Response struct {
			ClientData base64url `json:"clientDataJSON"`
			Object     base64url `json:"attestationObject"`
			Data       base64url `json:"authenticatorData"`
			Signature  base64url `json:"signature"`
			Handle     base64url `json:"userHandle"`
		} `json:"response"`
	}
	if json.Unmarshal(text, &c) != nil {
		return Response{}, refused("the answer is not the JSON of a credential")
	}
	if c.Type != "public-key" || len(c.ID) == 0 || !bytes.Equal(c.ID, c.RawID) {
		return Response{}, refused("the answer is of no passkey")
	}
	r := c.Response
	return Response{c.RawID, r.Handle, r.ClientData, r.Object, r.Data, r.Signature}, nil
}

// Challenge returns which challenge r says it answers, "" for none: enough to find
// what was asked, which Made and Shown hold it to.
func (r Response) Challenge() string {
	said, err := clientData(r.client)
	if err != nil {
		return ""
	}
	challenge, _ := said["challenge"].(string)
	return challenge
}
