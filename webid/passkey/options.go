package passkey

import (
	"encoding/base64"
	"time"
)

// patience is how long a browser may wait for the person.
const patience = 5 * time.Minute

// CreationOptions returns what a page gives navigator.credentials.create, as JSON
// knows it, to make a passkey for whom name tells and handle stands for, at most 64
// bytes. Authenticators that have one of the known passkeys make none.
// (WebAuthn Level 3 §5.4)
func (p Party) CreationOptions(challenge, handle []byte, name string, known [][]byte) any {
	params := []any{}
	for _, alg := range algorithms {
		params = append(params, map[string]any{"type": "public-key", "alg": alg})
	}
	exclude := []any{}
	for _, id := range known {
		exclude = append(exclude, map[string]any{"type": "public-key", "id": written(id)})
	}
	return map[string]any{"publicKey": map[string]any{
		"rp":        map[string]any{"id": p.ID, "name": "Kith"},
		"user":      map[string]any{"id": written(handle), "name": name, "displayName": name},
		"challenge": written(challenge), "pubKeyCredParams": params, "excludeCredentials": exclude,
		"authenticatorSelection": map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": p.verification()},
		"attestation":            "none", "timeout": patience.Milliseconds(),
	}}
}

// RequestOptions returns what a page gives navigator.credentials.get, as JSON knows
// it, to have any passkey of this party shown. (WebAuthn Level 3 §5.5)
func (p Party) RequestOptions(challenge []byte) any {
	return map[string]any{"publicKey": map[string]any{
		"rpId": p.ID, "challenge": written(challenge), "userVerification": p.verification(), "timeout": patience.Milliseconds(),
	}}
}

func (p Party) verification() string {
	if p.PresenceIsEnough {
		return "discouraged"
	}
	return "required"
}

func written(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
