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
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// device is the end of a push: what a browser has.
type device struct {
	key      *ecdh.PrivateKey
	auth     []byte
	vapid    *ecdh.PrivateKey
	endpoint string
}

func subscription(t testing.TB, endpoint string) device {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	vapid, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return device{key, bytesOfSize(16), vapid, endpoint}
}

// Subscription is what the device tells a relay.
func (d device) Subscription() *Subscription {
	return &Subscription{Endpoint: d.endpoint, P256dh: b64u(d.key.PublicKey().Bytes()), Auth: b64u(d.auth), VAPID: b64u(d.vapid.Bytes())}
}

// open decrypts a push as a browser does (RFC 8291 §3.4), and returns its content without padding.
func (d device) open(body []byte) ([]byte, error) {
	if len(body) < 86 || body[20] != 65 {
		return nil, errors.New("no aes128gcm header")
	}
	point, err := ecdh.P256().NewPublicKey(body[21:86])
	if err != nil {
		return nil, err
	}
	shared, err := d.key.ECDH(point)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(d.key.PublicKey().Bytes()) + string(body[21:86])
	ikm, _ := hkdf.Key(sha256.New, shared, d.auth, info, 32)
	key, _ := hkdf.Key(sha256.New, ikm, body[:16], "Content-Encoding: aes128gcm\x00", 16)
	nonce, _ := hkdf.Key(sha256.New, ikm, body[:16], "Content-Encoding: nonce\x00", 12)
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	plain, err := gcm.Open(nil, nonce, body[86:], nil)
	if err != nil {
		return nil, err
	}
	content, mark := bytes.TrimRight(plain, "\x00"), byte(0)
	if len(content) > 0 {
		content, mark = content[:len(content)-1], content[len(content)-1]
	}
	if mark != 2 {
		return nil, errors.New("not the last record")
	}
	return content, nil
}

// proven checks Authorization as a push service does (RFC 8292 §3, §4).
func (d device) proven(r *http.Request, origin string, now time.Time) error {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "vapid t=")
	token, key, ok2 := strings.Cut(text, ", k=")
	if !ok || !ok2 || key != b64u(d.vapid.PublicKey().Bytes()) {
		return fmt.Errorf("no vapid header of the subscription's key: %q", r.Header.Get("Authorization"))
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("no JWT")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return errors.New("no ES256 signature")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), d.vapid.PublicKey().Bytes())
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return errors.New("wrong signature")
	}
	var head struct{ Typ, Alg string }
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	for i, into := range []any{&head, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return errors.New("no JSON in the JWT")
		}
	}
	until := time.Unix(claims.Exp, 0).Sub(now)
	if head.Alg != "ES256" || claims.Aud != origin || until <= 0 || until > 24*time.Hour || !strings.HasPrefix(claims.Sub, "https://") {
		return fmt.Errorf("claims %+v", claims)
	}
	return nil
}

// service is a push service that checks what it is given.
type service struct {
	t      testing.TB
	http   *httptest.Server
	mu     sync.Mutex
	device device
	now    func() time.Time
	status int
	came   []int // sizes
}

// pushed starts a relay, and a push service that answers with a status and wakes a device that follows a queue.
func pushed(t testing.TB, status int) (*station, *service, box, *Mailbox) {
	t.Helper()
	st := start(t, func(c *Config) { c.Out, c.URL = http.DefaultTransport, "https://relay.example/" })
	s := &service{t: t, now: st.clock.now, status: status}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	s.device = subscription(t, s.http.URL+"/push/abc")
	b := st.queue()
	m := st.follow(b)
	if err := m.setPush(soon(t), b.Queue, s.device.Subscription()); err != nil {
		t.Fatal(err)
	}
	return st, s, b, m
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	if content, err := s.device.open(body); err != nil || len(content) != 0 {
		s.t.Errorf("the push has content %q: %v", content, err)
	}
	if err := s.device.proven(r, s.http.URL, s.now()); err != nil {
		s.t.Error(err)
	}
	if r.Header.Get("Content-Encoding") != "aes128gcm" || r.Header.Get("TTL") == "" {
		s.t.Errorf("headers %v", r.Header)
	}
	s.came = append(s.came, len(body))
	w.WriteHeader(s.status)
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.came)
}

// TestPushVector is RFC 8291 §5 and Appendix A.
func TestPushVector(t *testing.T) {
	raw := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	own, err := ecdh.P256().NewPrivateKey(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	point, err := ecdh.P256().NewPublicKey(raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"))
	if err != nil {
		t.Fatal(err)
	}
	k := pushKeys{device: point, auth: raw("BTBZMqHH6r4Tts7J_aSIgg")}
	got, err := sealRecord(k, own, raw("DGv6ra1nlYgDCS1FRnbzlw"), []byte("When I grow up, I want to be a watermelon\x02"))
	if err != nil {
		t.Fatal(err)
	}
	want := "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if b64u(got) != want {
		t.Errorf("got %s", b64u(got))
	}
}

func TestPushWakesWhoClaimsNothing(t *testing.T) {
	st, push, b, m := pushed(t, http.StatusCreated)
	m.Close()
	st.leave(b, []byte("one"))
	st.server.wakeUp()
	st.clock.forward(pushDelay - time.Second)
	st.server.wakeUp()
	if n := push.count(); n != 0 {
		t.Fatalf("%d pushes before their time", n)
	}
	st.clock.forward(time.Second)
	until(t, "the first push", func() bool { return push.count() == 1 && st.counter("pushed") == 1 })

	st.leave(b, []byte("two"))
	st.clock.forward(pushPause - 2*time.Second)
	st.server.wakeUp()
	if n := push.count(); n != 1 {
		t.Fatalf("%d pushes within the pause", n)
	}
	st.clock.forward(2 * time.Second)
	until(t, "the second push", func() bool { return push.count() == 2 })
	if push.came[0] != push.came[1] {
		t.Errorf("sizes %v", push.came)
	}
}

func TestPushIsNotSentForWhatIsClaimed(t *testing.T) {
	st, push, b, m := pushed(t, http.StatusCreated)
	st.leave(b, []byte("one"))
	if err := m.Claim(soon(t), next(t, m).ID); err != nil {
		t.Fatal(err)
	}
	st.clock.forward(pushDelay + time.Second)
	st.server.wakeUp()
	if len(st.server.waking) != 0 || push.count() != 0 {
		t.Errorf("%d pushes, %d due", push.count(), len(st.server.waking))
	}
}

func TestSubscriptionThatIsGoneIsForgotten(t *testing.T) {
	st, _, b, m := pushed(t, http.StatusGone)
	m.Close()
	st.leave(b, []byte("one"))
	st.clock.forward(pushDelay)
	until(t, "forgotten", func() bool { return st.counter("push_gone") == 1 })
	st.restart()
	st.leave(b, []byte("two"))
	if st.server.queues[mustID(t, b.Queue)].push != nil {
		t.Error("the subscription is back after a restart")
	}
}

func mustID(t testing.TB, s string) (i id) {
	t.Helper()
	if err := i.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestSubscriptionsThatMakeNoSense(t *testing.T) {
	good := *subscription(t, "https://push.example/a").Subscription()
	for name, change := range map[string]func(*Subscription){
		"no address":     func(s *Subscription) { s.Endpoint = "" },
		"another scheme": func(s *Subscription) { s.Endpoint = "file:///etc/passwd" },
		"no point":       func(s *Subscription) { s.P256dh = b64u(make([]byte, 65)) },
		"a short secret": func(s *Subscription) { s.Auth = b64u(make([]byte, 8)) },
		"no scalar":      func(s *Subscription) { s.VAPID = b64u(make([]byte, 32)) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			change(&bad)
			if err := Push(context.Background(), http.DefaultClient, bad, "https://a.example/", time.Now()); !errors.Is(err, ErrRefused) {
				t.Errorf("%v", err)
			}
		})
	}
}
