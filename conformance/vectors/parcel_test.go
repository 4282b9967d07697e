package vectors_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"kith/webid"
)

// parcel is a sealed message as it is drawn in docs/protocol.md, written and read
// here without package sealed, so that it can also be made wrongly.
type parcel struct {
	first   [4]byte // version, suite, number of slots
	to      []webid.Key
	from    *webid.PrivateKey
	salt    []byte
	inner   []byte
	mac     []byte      // instead of the right one
	index   map[int]int // in the aad, instead of the right one
	length  int         // of inner as it is told, beside the right one
	padding byte
	size    int // of the message
}

func dhkem(t *testing.T, k webid.Key) (hpke.PublicKey, *ecdh.PublicKey) {
	t.Helper()
	point, err := k.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := hpke.NewDHKEMPublicKey(point)
	if err != nil {
		t.Fatal(err)
	}
	return pub, point
}

// pairMAC is the mac of a slot.
func pairMAC(t *testing.T, k webid.PrivateKey, point *ecdh.PublicKey, salt, enc, inner []byte) []byte {
	t.Helper()
	scalar, err := k.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	shared, err := scalar.ECDH(point)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := hkdf.Key(sha256.New, shared, salt, "kith pair 1", 32)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(inner)
	return mac(pair, string(enc), sum[:])
}

func (p parcel) seal(t *testing.T) []byte {
	t.Helper()
	key := make([]byte, 16)
	rand.Read(key)
	head := append([]byte{}, p.first[:]...)
	for i := range int(p.first[3]) {
		to := webid.Key{}
		if i < len(p.to) {
			to = p.to[i]
		} else {
			nobody, err := webid.GenerateKey()
			if err != nil {
				t.Fatal(err)
			}
			to = nobody.Public()
		}
		head = append(head, p.slot(t, i, to, key)...)
	}
	plain := binary.BigEndian.AppendUint32(nil, uint32(len(p.inner)+p.length))
	plain = append(plain, p.inner...)
	chunks := (p.size - len(head) + 65551) / 65552
	for len(plain) < p.size-len(head)-16*chunks {
		plain = append(plain, p.padding)
	}
	sum := sha256.Sum256(head)
	return append(head, sealChunks(t, key, make([]byte, 12), sum[:], plain)...)
}

func (p parcel) slot(t *testing.T, i int, to webid.Key, key []byte) []byte {
	t.Helper()
	pub, point := dhkem(t, to)
	enc, s, err := hpke.NewSender(pub, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith request 1"))
	if err != nil {
		t.Fatal(err)
	}
	sum := p.mac
	if sum == nil && p.from != nil {
		sum = pairMAC(t, *p.from, point, p.salt, enc, p.inner)
	}
	if sum == nil {
		sum = make([]byte, 32)
	}
	at := i
	if other, ok := p.index[i]; ok {
		at = other
	}
	text, err := s.Seal(append(p.first[:], byte(at)), append(append([]byte{}, key...), sum...))
	if err != nil {
		t.Fatal(err)
	}
	return append(enc, text...)
}

func gcmOf(t *testing.T, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// chunkNonce is base XOR (0^7 ‖ counter ‖ last).
func chunkNonce(base []byte, counter int, last bool) []byte {
	n := append([]byte{}, base...)
	var c [4]byte
	binary.BigEndian.PutUint32(c[:], uint32(counter))
	for i, b := range c {
		n[7+i] ^= b
	}
	if last {
		n[11] ^= 1
	}
	return n
}

func sealChunks(t *testing.T, key, base, aad, plain []byte) (out []byte) {
	aead := gcmOf(t, key)
	for i := 0; ; i++ {
		n := min(len(plain), 65536)
		out = aead.Seal(out, chunkNonce(base, i, n == len(plain)), plain[:n], aad)
		if plain = plain[n:]; len(plain) == 0 {
			return out
		}
	}
}

var errChunks = errors.New("chunks do not open")

func openChunks(t *testing.T, key, base, aad, chunks []byte) (inner []byte, err error) {
	aead := gcmOf(t, key)
	var plain []byte
	for i := 0; len(chunks) > 0; i++ {
		n := min(len(chunks), 65552)
		plain, err = aead.Open(plain, chunkNonce(base, i, n == len(chunks)), chunks[:n], aad)
		if err != nil {
			return nil, errChunks
		}
		chunks = chunks[n:]
	}
	return plain[4:][:binary.BigEndian.Uint32(plain)], nil
}

// opened is what a recipient finds in a message.
type opened struct{ inner, enc, secret, mac []byte }

// openParcel opens a message that is sound by one of keys.
func openParcel(t *testing.T, keys []webid.PrivateKey, message []byte) opened {
	t.Helper()
	head := message[:4+129*int(message[3])]
	for _, k := range keys {
		scalar, err := k.ECDH()
		if err != nil {
			t.Fatal(err)
		}
		private, err := hpke.NewDHKEMPrivateKey(scalar)
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(message[3]) {
			slot := head[4+129*i:][:129]
			r, err := hpke.NewRecipient(slot[:65], private, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith request 1"))
			if err != nil {
				continue
			}
			plain, err := r.Open(append(append([]byte{}, head[:4]...), byte(i)), slot[65:])
			if err != nil {
				continue
			}
			secret, err := r.Export("kith answer 1", 32)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(head)
			inner, err := openChunks(t, plain[:16], make([]byte, 12), sum[:], message[len(head):])
			if err != nil {
				t.Fatal(err)
			}
			return opened{inner, slot[:65], secret, plain[16:]}
		}
	}
	t.Fatal("no slot opens")
	return opened{}
}

// answerKeys are what the chunks of an answer are sealed under.
func answerKeys(t *testing.T, enc, secret, nonce []byte) (key, base []byte) {
	t.Helper()
	prk, err1 := hkdf.Extract(sha256.New, secret, append(append([]byte{}, enc...), nonce...))
	key, err2 := hkdf.Expand(sha256.New, prk, "key", 16)
	base, err3 := hkdf.Expand(sha256.New, prk, "nonce", 12)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return key, base
}

// sealAnswer answers with any inner text.
func sealAnswer(t *testing.T, o opened, id, nonce, inner []byte, size int) []byte {
	t.Helper()
	head := append(append([]byte{}, id...), nonce...)
	key, base := answerKeys(t, o.enc, o.secret, nonce)
	plain := append(binary.BigEndian.AppendUint32(nil, uint32(len(inner))), inner...)
	chunks := (size - len(head) + 65551) / 65552
	plain = append(plain, make([]byte, size-len(head)-16*chunks-len(plain))...)
	sum := sha256.Sum256(head)
	return append(head, sealChunks(t, key, base, sum[:], plain)...)
}

// openedAnswer opens an answer that is sound.
func openedAnswer(t *testing.T, o opened, answer []byte) []byte {
	t.Helper()
	key, base := answerKeys(t, o.enc, o.secret, answer[16:48])
	sum := sha256.Sum256(answer[:48])
	inner, err := openChunks(t, key, base, sum[:], answer[48:])
	if err != nil {
		t.Fatal(err)
	}
	return inner
}
