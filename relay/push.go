package relay

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	pushText   = 128 // bytes of plaintext, all padding
	pushRecord = 4096
	pushTTL    = "86400"        // seconds that the push service tries
	vapidTime  = 12 * time.Hour // RFC 8292 §2 allows 24
)

// Subscription is where and for whom a device can be woken (RFC 8030, RFC 8291, RFC 8292). All in
// b64u but the address.
type Subscription struct {
	Endpoint string `json:"endpoint"` // https address at the push service
	P256dh   string `json:"p256dh"`   // the device's public key, 65 bytes
	Auth     string `json:"auth"`     // 16 bytes
	VAPID    string `json:"vapid"`    // the private key by which the push service knows the sender, 32 bytes
}

// pushKeys are the keys of a Subscription, read.
type pushKeys struct {
	origin string
	device *ecdh.PublicKey
	auth   []byte
	vapid  []byte
}

func (s *Subscription) keys() (k pushKeys, err error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s.Endpoint) > maxURL {
		return k, fmt.Errorf("push subscription: %w: no address", ErrRefused)
	}
	k.origin = u.Scheme + "://" + u.Host
	point, err := unb64u(s.P256dh, 65, 65)
	if err == nil {
		k.device, err = ecdh.P256().NewPublicKey(point)
	}
	if err == nil {
		k.auth, err = unb64u(s.Auth, 16, 16)
	}
	if err == nil {
		k.vapid, err = unb64u(s.VAPID, 32, 32)
	}
	if err == nil {
		_, err = ecdh.P256().NewPrivateKey(k.vapid)
	}
	if err != nil {
		return k, fmt.Errorf("push subscription: %w: %v", ErrRefused, err)
	}
	return k, nil
}

func (s *Subscription) check() error {
	_, err := s.keys()
	return err
}

// Push wakes a device by one message without content, always of the same size. sender is an https or
// mailto address at which the push service finds who is responsible (RFC 8292 §2.1). Errors:
// ErrRefused, for a subscription that makes no sense; ErrGone, when the service knows it no more;
// ErrBusy.
func Push(ctx context.Context, client *http.Client, s Subscription, sender string, now time.Time) error {
	k, err := s.keys()
	if err != nil {
		return err
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	body, err := sealRecord(k, own, random(16), append([]byte{2}, make([]byte, pushText-1)...))
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	proof, err := vapid(k, sender, now)
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return deliverPush(ctx, client, s.Endpoint, body, proof)
}

func deliverPush(ctx context.Context, client *http.Client, endpoint string, body []byte, proof string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	r.Header = http.Header{"Content-Encoding": {"aes128gcm"}, "Content-Type": {"application/octet-stream"},
		"Ttl": {pushTTL}, "Topic": {"kith"}, "Urgency": {"normal"}, "Authorization": {proof}}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("push: %w", bare(err))
	}
	answer.Body.Close()
	switch status := answer.StatusCode; {
	case status == http.StatusNotFound, status == http.StatusGone:
		return fmt.Errorf("push: %w", ErrGone)
	default:
		if err := refusal(status); err != nil {
			return fmt.Errorf("push: %w", err)
		}
	}
	return nil
}

// sealRecord makes an aes128gcm body of one record (RFC 8291 §3.4, RFC 8188 §2.1). plain ends with the
// mark of a last record, 2, and padding.
func sealRecord(k pushKeys, own *ecdh.PrivateKey, salt, plain []byte) ([]byte, error) {
	shared, err := own.ECDH(k.device)
	if err != nil {
		return nil, err
	}
	info := append(append([]byte("WebPush: info\x00"), k.device.Bytes()...), own.PublicKey().Bytes()...)
	ikm, err := hkdf.Key(sha256.New, shared, k.auth, string(info), 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	point := own.PublicKey().Bytes()
	head := binary.BigEndian.AppendUint32(append([]byte{}, salt...), pushRecord)
	head = append(append(head, byte(len(point))), point...)
	return gcm.Seal(head, nonce, plain, nil), nil
}

// vapid signs for the push service who sends (RFC 8292 §2, §3).
func vapid(k pushKeys, sender string, now time.Time) (string, error) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.vapid)
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(struct {
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		Sub string `json:"sub,omitempty"`
	}{k.origin, now.Add(vapidTime).Unix(), sender})
	if err != nil {
		return "", err
	}
	text := b64u([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + b64u(claims)
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return "", err
	}
	return "vapid t=" + text + "." + b64u(signature) + ", k=" + b64u(point), nil
}
