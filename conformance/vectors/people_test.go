package vectors_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/invite"
)

// person is a name from which all keys of a person follow.
type person string

const (
	ana person = "ana"
	ben person = "ben"
)

// scalar returns the secret half of the key with a name: SHA-256 of it, which
// is below the order of the curve but for one name in four billion.
func scalar(name string) []byte {
	sum := sha256.Sum256([]byte("kith vector " + name))
	return sum[:]
}

func key(t *testing.T, name string) webid.PrivateKey {
	t.Helper()
	var k webid.PrivateKey
	if err := k.UnmarshalText([]byte(b64(scalar(name)))); err != nil {
		t.Fatal(err)
	}
	return k
}

func (p person) key(t *testing.T, what string) webid.PrivateKey { return key(t, string(p)+" "+what) }

func (p person) did(t *testing.T, what string) string { return p.key(t, what).Public().String() }

// header is a JOSE header, or the claims under one.
type header = map[string]any

// with returns m with further members; one whose value is nil is left out.
func with(m header, more ...header) header {
	out := header{}
	for _, add := range append([]header{m}, more...) {
		for name, value := range add {
			out[name] = value
			if value == nil {
				delete(out, name)
			}
		}
	}
	return out
}

// jws returns a compact JWS with any header and payload. Its signature is
// ES256 and follows from the rest (RFC 6979).
func jws(t *testing.T, signer string, head header, payload any) string {
	t.Helper()
	h, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	p, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, signer, b64(h)+"."+b64(p))
}

func signed(t *testing.T, signer, text string) string {
	t.Helper()
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar(signer))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(text))
	der, err := k.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(raw(t, der))
}

// raw returns an ASN.1 signature as r ‖ s (RFC 7518 §3.4).
func raw(t *testing.T, der []byte) []byte {
	t.Helper()
	out := make([]byte, 64)
	rest := der[2:]
	for i := range 2 {
		size := int(rest[1])
		n := rest[2 : 2+size]
		rest = rest[2+size:]
		for len(n) > 32 {
			n = n[1:]
		}
		copy(out[32*(i+1)-len(n):], n)
	}
	return out
}

// flipped changes the last character but nine of a text.
func flipped(text string) string {
	i := len(text) - 10
	c := "A"
	if text[i:i+1] == c {
		c = "B"
	}
	return text[:i] + c + text[i+1:]
}

// listHead is the header of a device list signed by one of p's keys.
func (p person) listHead(t *testing.T, signer string) header {
	return header{"alg": "ES256", "typ": "kith-devices+jwt", "kid": p.did(t, signer)}
}

func (p person) device(t *testing.T, name string, may ...string) header {
	return header{"kid": p.did(t, name), "name": name, "may": append([]string{}, may...)}
}

// first is the payload of p's first list: a phone, which is an admin, and a
// laptop, which is not.
func (p person) first(t *testing.T) header {
	return header{
		"label": p.key(t, "person").Public().Label(), "gen": 1, "epoch": 1, "prev": "", "person": p.did(t, "person"),
		"devices": []header{p.device(t, "phone", "answer", "accept", "post", "admin"), p.device(t, "laptop", "answer", "post")},
	}
}

// list signs a payload by one of p's keys: a list alone, without its chain.
func (p person) list(t *testing.T, signer string, payload header) string {
	return jws(t, string(p)+" "+signer, p.listHead(t, signer), payload)
}

func (p person) firstList(t *testing.T) string { return p.list(t, "person", p.first(t)) }

// after returns the payload of the list that follows the newest of a chain.
func (p person) after(t *testing.T, list string, more header) header {
	before := parsed(t, list)
	return with(with(p.first(t), header{"gen": before.Gen, "epoch": before.Epoch + 1, "prev": before.Hash()}), more)
}

// on returns the chain that goes on from another by one list.
func (p person) on(t *testing.T, signer, before string, more header) string {
	return p.list(t, signer, p.after(t, before, more)) + "~" + before
}

// reign returns a chain of n lists, by the phone.
func (p person) reign(t *testing.T, n int) string {
	chain := p.firstList(t)
	for range n - 1 {
		chain = p.on(t, "phone", chain, header{"devices": []header{p.device(t, "phone", "admin")}})
	}
	return chain
}

// agreements is the payload of p's keys document: one key of the phone.
func (p person) agreements(t *testing.T) header {
	return header{
		"label": p.key(t, "person").Public().Label(), "serial": 1,
		"agree": []header{p.agreement(t, "k1", "phone")},
	}
}

func (p person) agreement(t *testing.T, kid, device string) header {
	return header{"kid": kid, "device": p.did(t, device), "jwk": p.key(t, kid).Public(), "until": "2026-12-06T12:00:00Z"}
}

func (p person) keys(t *testing.T, signer string, payload header) string {
	return jws(t, string(p)+" "+signer, header{"alg": "ES256", "typ": "kith-keys+jwt", "kid": p.did(t, signer)}, payload)
}

// introduction is what p tells a friend.
func (p person) introduction(t *testing.T) invite.Introduction { return p.later(t, 1) }

// later is the introduction when p's device list is the last of n.
func (p person) later(t *testing.T, n int) invite.Introduction {
	t.Helper()
	lists, err := webid.Lists{}.Accept(p.reign(t, n), p.keys(t, "phone", p.agreements(t)), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return invite.Introduction{Lists: lists, Name: p.title(), Ways: p.ways()}
}

func (p person) title() string { return strings.ToUpper(string(p[:1])) + string(p[1:]) }

func (p person) ways() []webid.Way {
	return []webid.Way{{Pod: "https://host.example/" + string(p) + "/", Issuer: "https://host.example"}}
}

// told are the members of an introduction with any device list.
func (p person) told(t *testing.T, list string) header {
	return header{
		"label": p.key(t, "person").Public().Label(), "device_list": list, "keys": p.keys(t, "phone", p.agreements(t)),
		"ways": p.ways(), "name": p.title(),
	}
}

// exported returns the key that the HPKE context of an acceptance exports.
func exported(t *testing.T, i invite.Invite, body []byte) string {
	t.Helper()
	k, err := i.Key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	private, err := hpke.NewDHKEMPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	r, err := hpke.NewRecipient(body[:65], private, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith invite 1"))
	if err != nil {
		t.Fatal(err)
	}
	confirm, err := r.Export("kith confirm 1", 16)
	if err != nil {
		t.Fatal(err)
	}
	return b64(confirm)
}

// mirrored returns the other signature (r, n-s) that holds where (r, s) does.
func mirrored(signature []byte) []byte {
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s)
	return append(append([]byte{}, signature[:32]...), s.FillBytes(make([]byte, 32))...)
}

// hashed returns SHA-256 of a text, as ath is written (RFC 9449 §4.2).
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return b64(sum[:])
}
