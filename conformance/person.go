package conformance

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Device is one device of a person: a key that signs and one that agrees.
type Device struct {
	Key
	Name string
	May  []string // of answer, accept, post, admin

	kid   string // did:key; of the pod only this is known
	agree *ecdh.PrivateKey
	point []byte // public half of agree
}

// everything is what a phone may do for its person.
var everything = []string{"answer", "accept", "post", "admin"}

// newDevice returns a device with new keys.
func newDevice(name string, may ...string) (*Device, error) {
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	agree, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make device: %w", err)
	}
	return &Device{Key: k, Name: name, May: may, kid: k.DID(), agree: agree, point: agree.PublicKey().Bytes()}, nil
}

// agreeID names the agreement key of a device in a keys document.
func (d *Device) agreeID() string { return "k" + thumbprint(d.point)[:8] }

// Person is somebody with devices, and what they say of themselves (protocol §1.1).
type Person struct {
	Name    string
	Label   string
	Devices []*Device // the first is an admin
	List    string    // the device list and all before it, the newest first, each a JWS, joined by "~"
	Keys    string    // the keys document, a JWS

	key    Key
	epoch  int
	serial int
}

// newPerson returns a person with one device that may do everything.
func newPerson(name string) (*Person, error) {
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	phone, err := newDevice(name+"'s phone", everything...)
	if err != nil {
		return nil, err
	}
	p := &Person{Name: name, Label: k.Label(), key: k}
	return p, p.Announce(phone)
}

// Announce makes these the person's devices: it signs the next list, the first one by the person key and
// later ones by the first device of the list before, and keys that go with it.
func (p *Person) Announce(devices ...*Device) error {
	signer := p.key
	if p.epoch > 0 {
		signer = p.Devices[0].Key
	}
	p.Devices, p.epoch, p.serial = devices, p.epoch+1, p.serial+1
	list, err := p.signList(signer, p.epoch)
	if err != nil {
		return err
	}
	p.List = list
	p.Keys, err = p.signKeys()
	return err
}

// signList returns the list that follows the person's, and the chain behind it.
func (p *Person) signList(signer Key, epoch int) (string, error) {
	prev, behind := "", ""
	if p.List != "" {
		before, _, _ := strings.Cut(p.List, "~")
		sum := sha256.Sum256([]byte(before))
		prev, behind = b64.EncodeToString(sum[:]), "~"+p.List
	}
	var devices []any
	for _, d := range p.Devices {
		devices = append(devices, map[string]any{"kid": d.kid, "name": d.Name, "may": d.May})
	}
	list, err := signer.sign(map[string]any{"typ": "kith-devices+jwt", "kid": signer.DID()}, claims{
		"label": p.Label, "gen": 1, "epoch": epoch, "prev": prev, "person": p.key.DID(), "devices": devices,
	})
	return list + behind, err
}

func (p *Person) signKeys() (string, error) {
	until := time.Now().Add(7 * 24 * time.Hour).UTC().Format(time.RFC3339)
	var agree []any
	for _, d := range p.Devices {
		agree = append(agree, map[string]any{"kid": d.agreeID(), "device": d.kid, "jwk": jwk(d.point), "until": until})
	}
	admin := p.Devices[0].Key
	return admin.sign(map[string]any{"typ": "kith-keys+jwt", "kid": admin.DID()}, claims{
		"label": p.Label, "serial": p.serial, "agree": agree,
	})
}

// introduced checks what another person says of themselves: the first list is signed by the person key that
// the label is made of, each later one by an admin of the one before, and the keys by an admin of the last.
func introduced(label, chain, keys string) error {
	lists := strings.Split(chain, "~")
	slices.Reverse(lists)
	before := claims{}
	for i, list := range lists {
		c, signer, err := verify(list, "kith-devices+jwt")
		if err != nil {
			return err
		}
		by, prev := before, ""
		if i == 0 {
			by, err = personOf(label, c)
		} else {
			sum := sha256.Sum256([]byte(lists[i-1]))
			prev = b64.EncodeToString(sum[:])
		}
		if err != nil || c["label"] != label || c["prev"] != prev || !admin(by, signer) {
			return fmt.Errorf("list %d of %v, signed by %s, does not follow: %w", i, c["label"], signer, err)
		}
		before = c
	}
	k, signer, err := verify(keys, "kith-keys+jwt")
	if err != nil {
		return err
	}
	if k["label"] != label || !admin(before, signer) {
		return fmt.Errorf("the keys document of %v is signed by %s", k["label"], signer)
	}
	return nil
}

// personOf returns, in the form of a device list, that the person key of a first list is its admin, if the
// label is of this key.
func personOf(label string, c claims) (claims, error) {
	person, _ := c["person"].(string)
	public, err := publicOf(person)
	if err != nil {
		return nil, err
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(compressed(point))
	if b32.EncodeToString(sum[:]) != label {
		return nil, fmt.Errorf("the label %s is not of %s", label, person)
	}
	return claims{"devices": []any{map[string]any{"kid": person, "may": []any{"admin"}}}}, nil
}

// admin reports whether the device list c names kid as an admin.
func admin(c claims, kid string) bool {
	devices, _ := c["devices"].([]any)
	for _, d := range devices {
		device, _ := d.(map[string]any)
		may, _ := device["may"].([]any)
		for _, right := range may {
			if device["kid"] == kid && right == "admin" {
				return true
			}
		}
	}
	return false
}
