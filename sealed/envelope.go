package sealed

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"kith/webid"
)

const (
	version  = 1
	sizeHead = 4 // version, suite, number of slots
	sizeEnc  = 65
	sizeMAC  = 32
	sizeSlot = sizeEnc + sizeKey + sizeMAC + sizeTag
	maxSlots = 8
	maxKeys  = 16 // of a device that are tried
	maxOpen  = 64 // keys of invites that are
)

// slot is what the asker keeps of each slot, to open the answer.
type slot struct {
	Device string `json:"device"` // did:key of who can open it, "" for an invite
	Enc    b64    `json:"enc"`
	Secret b64    `json:"secret"`
}

// seal returns the envelope of inner for the keys to. from may be nil.
func seal(inner []byte, to []webid.AgreementKey, from *Sender) (message []byte, slots []slot, err error) {
	if len(to) == 0 || len(to) > maxSlots {
		return nil, nil, fmt.Errorf("%d recipients: %w", len(to), oversize)
	}
	n := 4
	if len(to) > n {
		n = maxSlots
	}
	head := append(make([]byte, 0, sizeHead+n*sizeSlot), version, 0, 1, byte(n))
	key := make([]byte, sizeKey)
	rand.Read(key) // never fails (crypto/rand)
	sum := sha256.Sum256(inner)
	for i := range n {
		var text []byte
		if i < len(to) {
			var s slot
			text, s, err = sealSlot(append(head[:sizeHead:sizeHead], byte(i)), key, sum[:], to[i], from)
			slots = append(slots, s)
		} else {
			text, err = emptySlot()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("slot %d: %w", i, err)
		}
		head = append(head, text...)
	}
	c, err := bodyChunker(key, head)
	if err == nil {
		message, err = c.seal(head, inner)
	}
	return message, slots, err
}

func sealSlot(aad, key, sum []byte, to webid.AgreementKey, from *Sender) ([]byte, slot, error) {
	point, err := to.Key.ECDH()
	if err != nil {
		return nil, slot{}, err
	}
	pub, err := hpke.NewDHKEMPublicKey(point)
	if err != nil {
		return nil, slot{}, err
	}
	enc, h, err := hpke.NewSender(pub, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith request 1"))
	if err != nil {
		return nil, slot{}, err
	}
	mac := make([]byte, sizeMAC)
	if from != nil {
		if mac, err = pairMAC(from.Key, point, from.Salt, enc, sum); err != nil {
			return nil, slot{}, err
		}
	}
	text, err := h.Seal(aad, append(append([]byte{}, key...), mac...))
	if err != nil {
		return nil, slot{}, err
	}
	secret, err := h.Export("kith answer 1", 32)
	return append(append([]byte{}, enc...), text...), slot{to.Device, enc, secret}, err
}

// emptySlot returns what cannot be told from a slot for somebody.
func emptySlot() ([]byte, error) {
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	text := make([]byte, sizeSlot)
	rand.Read(text[copy(text, k.PublicKey().Bytes()):])
	return text, nil
}

// pairMAC shows to the holder of the other half of point that the holder of k
// made the request whose digest is sum, or that they made it themselves.
// (protocol §5.2)
func pairMAC(k webid.PrivateKey, point *ecdh.PublicKey, salt, enc, sum []byte) ([]byte, error) {
	scalar, err := k.ECDH()
	if err != nil {
		return nil, err
	}
	shared, err := scalar.ECDH(point)
	if err != nil {
		return nil, err
	}
	pair, err := hkdf.Key(sha256.New, shared, salt, "kith pair 1", sizeMAC)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, pair)
	h.Write(enc)
	h.Write(sum)
	return h.Sum(nil), nil
}

func bodyChunker(key, head []byte) (chunker, error) {
	aad := sha256.Sum256(head)
	return newChunker(key, nil, aad[:])
}

// envelope is a message that was opened.
type envelope struct {
	inner  []byte
	key    webid.PrivateKey // that opened it
	enc    []byte           // of its slot
	secret []byte           // exported by its slot
	mac    []byte
}

// open opens a message by the first of keys that has a slot, or else by the first
// of invites that has the first slot. The error is a webid.Verdict.
func open(message []byte, keys []webid.PrivateKey, invites func() []webid.PrivateKey) (envelope, error) {
	head, err := envelopeHead(message)
	if err != nil {
		return envelope{}, err
	}
	e, err := openBy(keys, head, (len(head)-sizeHead)/sizeSlot, message[len(head):])
	if err == noSlot {
		return openBy(invites(), head, 1, message[len(head):])
	}
	return e, err
}

// openBy tries keys on the first slots of a message.
func openBy(keys []webid.PrivateKey, head []byte, slots int, body []byte) (envelope, error) {
	for _, k := range keys {
		private, err := hpkeKey(k)
		if err != nil {
			return envelope{}, err
		}
		for i := range slots {
			text := head[sizeHead+i*sizeSlot:][:sizeSlot]
			aad := append(head[:sizeHead:sizeHead], byte(i))
			e, plain, ok := openSlot(private, aad, text)
			if !ok {
				continue
			}
			e.key, e.mac = k, plain[sizeKey:]
			return e.body(plain[:sizeKey], head, body)
		}
	}
	return envelope{}, noSlot
}

// envelopeHead returns everything before the body, if the message may be one.
func envelopeHead(message []byte) ([]byte, error) {
	switch {
	case len(message) > maxMessage:
		return nil, oversize
	case !isPadded(len(message)):
		return nil, webid.Malformed
	case message[0] != version:
		return nil, otherVersion
	case message[1] != 0 || message[2] != 1:
		return nil, unknownSuite
	}
	n := int(message[3])
	size := sizeHead + n*sizeSlot
	if n != 4 && n != maxSlots || size >= len(message) {
		return nil, webid.Malformed
	}
	return message[:size:size], nil
}

func hpkeKey(k webid.PrivateKey) (hpke.PrivateKey, error) {
	scalar, err := k.ECDH()
	if err != nil {
		return nil, err
	}
	return hpke.NewDHKEMPrivateKey(scalar)
}

func openSlot(k hpke.PrivateKey, aad, text []byte) (e envelope, plain []byte, ok bool) {
	e.enc = text[:sizeEnc]
	r, err := hpke.NewRecipient(e.enc, k, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith request 1"))
	if err != nil {
		return envelope{}, nil, false
	}
	if plain, err = r.Open(aad, text[sizeEnc:]); err != nil {
		return envelope{}, nil, false
	}
	e.secret, err = r.Export("kith answer 1", 32)
	return e, plain, err == nil
}

func (e envelope) body(key, head, chunks []byte) (envelope, error) {
	c, err := bodyChunker(key, head)
	if err != nil {
		return envelope{}, err
	}
	e.inner, err = c.open(chunks)
	return e, err
}

// from reports whether the holder of the other half of key made the message.
func (e envelope) from(key webid.Key, salt []byte) bool {
	point, err := key.ECDH()
	if err != nil {
		return false
	}
	sum := sha256.Sum256(e.inner)
	mac, err := pairMAC(e.key, point, salt, e.enc, sum[:])
	return err == nil && hmac.Equal(mac, e.mac)
}
