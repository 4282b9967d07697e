package vectors_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/json"
	"testing"

	"kith/webid"
	"kith/webid/invite"
)

// sealedTo returns an acceptance that says anything, sound in all but that: package
// invite seals no device list that does not hold.
func sealedTo(t *testing.T, i invite.Invite, told header, agree webid.PrivateKey) []byte {
	t.Helper()
	list := sha256.Sum256([]byte(told["device_list"].(string)))
	proof := mac(i.Secret, "kith accept 1", list[:])
	scalar, err1 := agree.ECDH()
	point, err2 := i.Key.Public().ECDH()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	shared, err := scalar.ECDH(point)
	if err != nil {
		t.Fatal(err)
	}
	key, err := hkdf.Key(sha256.New, shared, i.Secret, "kith binding 1", 32)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(with(told, header{"agree": "k1", "proof": b64(proof), "binding": b64(mac(key, "", proof))}))
	if err != nil {
		t.Fatal(err)
	}
	to, err := hpke.NewDHKEMPublicKey(point)
	if err != nil {
		t.Fatal(err)
	}
	enc, s, err := hpke.NewSender(to, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith invite 1"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := s.Seal(i.ID, plain)
	if err != nil {
		t.Fatal(err)
	}
	return append(enc, body...)
}

func mac(key []byte, domain string, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(domain))
	h.Write(text)
	return h.Sum(nil)
}

// closed returns a confirmation that says anything.
func closed(t *testing.T, key, id []byte, told header) []byte {
	t.Helper()
	plain, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead.Seal(nil, make([]byte, aead.NonceSize()), plain, id)
}
