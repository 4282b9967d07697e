package relay

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	hopInfo       = "kith hop 1"
	hopAnswerInfo = "kith hop answer 1"
	encSize       = 65
	hopNonce      = 12
	hopCancel     = 255 // in place of a wait: the message is a cancel token
	maxHop        = encSize + sendSize + 1 + maxMessage + 16
	// maxHopAnswer is an answer of maxMessage with its head, padded to the next 64 KiB.
	maxHopAnswer = hopNonce + maxMessage + 64<<10 + 16
)

var errHop = errors.New("not a hop for this relay")

func kem() hpke.KEM   { return hpke.DHKEM(ecdh.P256()) }
func kdf() hpke.KDF   { return hpke.HKDFSHA256() }
func aead() hpke.AEAD { return hpke.AES128GCM() }

// hop is what one relay carries to another without seeing it.
type hop struct {
	send    []byte // 24 bytes
	wait    byte   // seconds, or hopCancel
	message []byte
}

// sealHop seals h to the relay whose key is point, and returns what opens the answer.
func sealHop(point []byte, h hop) (body []byte, answers cipher.AEAD, err error) {
	key, err := kem().NewPublicKey(point)
	if err != nil {
		return nil, nil, fmt.Errorf("seal a hop: %w", err)
	}
	enc, sender, err := hpke.NewSender(key, kdf(), aead(), []byte(hopInfo))
	if err != nil {
		return nil, nil, fmt.Errorf("seal a hop: %w", err)
	}
	plain := append(append(append([]byte{}, h.send...), h.wait), h.message...)
	sealed, err := sender.Seal(nil, plain)
	if err != nil {
		return nil, nil, fmt.Errorf("seal a hop: %w", err)
	}
	answers, err = answerKey(sender.Export(hopAnswerInfo, 16))
	return append(enc, sealed...), answers, err
}

// openHop opens what was sealed to key, and returns what seals the answer.
func openHop(key hpke.PrivateKey, body []byte) (h hop, answers cipher.AEAD, err error) {
	if len(body) < encSize {
		return hop{}, nil, errHop
	}
	recipient, err := hpke.NewRecipient(body[:encSize], key, kdf(), aead(), []byte(hopInfo))
	if err != nil {
		return hop{}, nil, errHop
	}
	plain, err := recipient.Open(nil, body[encSize:])
	if err != nil || len(plain) < sendSize+1 {
		return hop{}, nil, errHop
	}
	h = hop{send: plain[:sendSize], wait: plain[sendSize], message: plain[sendSize+1:]}
	answers, err = answerKey(recipient.Export(hopAnswerInfo, 16))
	return h, answers, err
}

func answerKey(secret []byte, err error) (cipher.AEAD, error) {
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealHopAnswer seals what POST /s would have answered, padded.
func sealHopAnswer(key cipher.AEAD, status int, body []byte) []byte {
	nonce := make([]byte, hopNonce, hopNonce+padded(6+len(body))+key.Overhead())
	rand.Read(nonce)
	plain := make([]byte, padded(6+len(body)))
	binary.BigEndian.PutUint16(plain, uint16(status))
	binary.BigEndian.PutUint32(plain[2:], uint32(len(body)))
	copy(plain[6:], body)
	return key.Seal(nonce, nonce, plain, nil)
}

// openHopAnswer is the other end of sealHopAnswer.
func openHopAnswer(key cipher.AEAD, sealed []byte) (status int, body []byte, err error) {
	if len(sealed) < hopNonce {
		return 0, nil, errHop
	}
	plain, err := key.Open(nil, sealed[:hopNonce], sealed[hopNonce:], nil)
	if err != nil || len(plain) < 6 {
		return 0, nil, errHop
	}
	status = int(binary.BigEndian.Uint16(plain))
	size := binary.BigEndian.Uint32(plain[2:])
	if uint64(size) > uint64(len(plain)-6) {
		return 0, nil, errHop
	}
	return status, plain[6 : 6+size], nil
}

// padded returns the size to which n bytes are padded: 1, 4, 16 or 64 KiB, or a
// multiple of 64 KiB (protocol §6).
func padded(n int) int {
	for _, size := range []int{1 << 10, 4 << 10, 16 << 10} {
		if n <= size {
			return size
		}
	}
	const step = 64 << 10
	return (n + step - 1) / step * step
}
