package conformance

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
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

// Person is somebody with devices, and what they say of themselves: the device list and the keys
// document, each as a JWS (protocol §1.1).
type Person struct {
	Name    string
	Label   string
	Devices []*Device // the first is an admin
	List    string
	Keys    string

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
	signer, prev := p.key, ""
	if p.epoch > 0 {
		sum := sha256.Sum256([]byte(p.List))
		signer, prev = p.Devices[0].Key, b64.EncodeToString(sum[:])
	}
	p.Devices, p.epoch, p.serial = devices, p.epoch+1, p.serial+1
	list, err := p.signList(signer, p.epoch, prev)
	if err != nil {
		return err
	}
	p.List = list
	p.Keys, err = p.signKeys()
	return err
}

func (p *Person) signList(signer Key, epoch int, prev string) (string, error) {
	var devices []any
	for _, d := range p.Devices {
		devices = append(devices, map[string]any{"kid": d.kid, "name": d.Name, "may": d.May})
	}
	return signer.sign(map[string]any{"typ": "kith-devices+jwt", "kid": signer.DID()}, claims{
		"label": p.Label, "gen": 1, "epoch": epoch, "prev": prev, "person": p.key.DID(), "devices": devices,
	})
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

// introduced checks what another person says of themselves: the list is signed by the person key or by a
// device that an earlier list may have named, it is about the label, and the keys are signed by one of its
// admins.
func introduced(label, list, keys string) error {
	c, signer, err := verify(list, "kith-devices+jwt")
	if err != nil {
		return err
	}
	person, _ := c["person"].(string)
	public, err := publicOf(person)
	if err != nil {
		return err
	}
	point, err := public.Bytes()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(compressed(point))
	if c["label"] != label || b32.EncodeToString(sum[:]) != label {
		return fmt.Errorf("the device list is of %v, not of %s", c["label"], label)
	}
	if signer != person && !admin(c, signer) {
		return fmt.Errorf("the device list is signed by %s, who is no admin", signer)
	}
	k, signer, err := verify(keys, "kith-keys+jwt")
	if err != nil {
		return err
	}
	if k["label"] != label || !admin(c, signer) {
		return fmt.Errorf("the keys document of %v is signed by %s", k["label"], signer)
	}
	return nil
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
