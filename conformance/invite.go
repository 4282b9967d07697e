package conformance

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Invite is what the owner is told of a new invite, to put in a link.
type Invite struct {
	ID      string    `json:"id"`
	IK      string    `json:"ik"`
	Secret  string    `json:"secret"`
	Expires time.Time `json:"expires"`
}

// Invite asks the owner's pod for a new invite.
func (r *Replica) Invite(ctx context.Context, name string) (Invite, error) {
	req, err := jsonRequest(http.MethodPost, ".invites/", map[string]any{"name": name, "ttl": 3600})
	if err != nil {
		return Invite{}, err
	}
	var i Invite
	if err := r.into(ctx, req, http.StatusCreated, &i); err != nil {
		return Invite{}, fmt.Errorf("make invite: %w", err)
	}
	return i, nil
}

// Friend is what somebody knows who accepted an invite, and the device with which they ask.
type Friend struct {
	*Agent
	Label   string `json:"label"`
	List    string `json:"device_list"`
	Keys    string `json:"keys"`
	Ways    []Pod  `json:"ways"`
	Name    string `json:"name"`
	CID     string `json:"cid"`
	WebID   string `json:"webid"`
	Salt    string `json:"salt"`
	Request []byte `json:"-"` // the acceptance as it was sent
}

// Accept accepts an invite to the pod in the name of person, who can be reached at ways, and checks the
// confirmation.
func (i Invite) Accept(ctx context.Context, w *Wire, pod Pod, person *Person, ways ...Pod) (*Friend, error) {
	sealed, confirm, err := i.seal(person, ways)
	if err != nil {
		return nil, fmt.Errorf("accept invite: %w", err)
	}
	f := &Friend{Agent: &Agent{Wire: w, Pod: pod, Device: person.Devices[0]}, Request: sealed}
	answer, err := i.send(ctx, f.Agent, sealed)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("accept invite: %w", &refused{answer})
	}
	if err := i.confirm(confirm, answer.Body, f); err != nil {
		return nil, fmt.Errorf("accept invite: %w", err)
	}
	return f, nil
}

// send posts an acceptance, by nobody: no token is needed to become a friend.
func (i Invite) send(ctx context.Context, a *Agent, sealed []byte) (Answer, error) {
	return a.Wire.Do(ctx, Request{
		Method: http.MethodPost, Target: a.path() + ".invites/" + i.ID, Body: sealed,
		Header: http.Header{"Content-Type": {"application/octet-stream"}},
	})
}

func (i Invite) confirm(key, sealed []byte, f *Friend) error {
	id, err := b64.DecodeString(i.ID)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	text, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed, id)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, f); err != nil {
		return err
	}
	return introduced(f.Label, f.List, f.Keys)
}

// seal returns the acceptance, sealed to the invite's key, and the key of the confirmation.
func (i Invite) seal(person *Person, ways []Pod) (sealed, confirm []byte, err error) {
	device := person.Devices[0]
	id, err1 := b64.DecodeString(i.ID)
	ik, err2 := b64.DecodeString(i.IK)
	secret, err3 := b64.DecodeString(i.Secret)
	if err1 != nil || err2 != nil || err3 != nil || len(id) != 16 || len(secret) != 16 {
		return nil, nil, fmt.Errorf("the invite %+v is not of the form expected", i)
	}
	point, err := expanded(ik)
	if err != nil {
		return nil, nil, err
	}
	public, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256([]byte(person.List))
	proof := mac(secret, []byte("kith accept 1"), sum[:])
	binding, err := bind(device.agree, public, secret, proof)
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(map[string]any{
		"label": person.Label, "device_list": person.List, "keys": person.Keys, "ways": append([]Pod{}, ways...), "name": person.Name,
		"agree": device.agreeID(), "proof": b64.EncodeToString(proof), "binding": b64.EncodeToString(binding),
	})
	if err != nil {
		return nil, nil, err
	}
	return sealTo(public, id, text)
}

func sealTo(public *ecdh.PublicKey, id, text []byte) (sealed, confirm []byte, err error) {
	to, err := hpke.NewDHKEMPublicKey(public)
	if err != nil {
		return nil, nil, err
	}
	enc, sender, err := hpke.NewSender(to, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith invite 1"))
	if err != nil {
		return nil, nil, err
	}
	ct, err := sender.Seal(id, text)
	if err != nil {
		return nil, nil, err
	}
	confirm, err = sender.Export("kith confirm 1", 16)
	return append(enc, ct...), confirm, err
}

// bind shows that who made the proof holds the agreement key.
func bind(agree *ecdh.PrivateKey, public *ecdh.PublicKey, secret, proof []byte) ([]byte, error) {
	shared, err := agree.ECDH(public)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, shared, secret, "kith binding 1", 32)
	if err != nil {
		return nil, err
	}
	return mac(key, proof), nil
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
