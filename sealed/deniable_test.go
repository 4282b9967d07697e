package sealed_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"net/http"
	"testing"
	"time"

	"kith/sealed"
	"kith/sealed/bhttp"
	"kith/webid"
)

// forger has what Ana has, and nothing of Ben's but his public key.
type forger struct {
	ana  webid.PrivateKey
	ben  webid.Key
	salt []byte
}

// forge writes a message "from Ben" by Ana's keys alone, without package sealed:
// HPKE in base mode asks for no key of the sender, and the pair key comes out of
// Ana's private and Ben's public half as well.
func (f forger) forge(t testing.TB, inner []byte) []byte {
	t.Helper()
	own, err1 := f.ana.ECDH()
	his, err2 := f.ben.ECDH()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	shared, err := own.ECDH(his)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := hkdf.Key(sha256.New, shared, f.salt, "kith pair 1", 32)
	if err != nil {
		t.Fatal(err)
	}
	to, err := hpke.NewDHKEMPublicKey(own.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	enc, s, err := hpke.NewSender(to, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith request 1"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(inner)
	h := hmac.New(sha256.New, pair)
	h.Write(append(bytes.Clone(enc), sum[:]...))
	key := make([]byte, 16)
	rand.Read(key)
	text, err := s.Seal([]byte{1, 0, 1, 4, 0}, append(bytes.Clone(key), h.Sum(nil)...))
	if err != nil {
		t.Fatal(err)
	}
	head := append(append([]byte{1, 0, 1, 4}, enc...), text...)
	for range 3 {
		k, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		rest := make([]byte, 64)
		rand.Read(rest)
		head = append(append(head, k.PublicKey().Bytes()...), rest...)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain := append(binary.BigEndian.AppendUint32(nil, uint32(len(inner))), inner...)
	plain = append(plain, make([]byte, 1024-len(head)-16-len(plain))...)
	aad := sha256.Sum256(head)
	return aead.Seal(head, append(make([]byte, 11), 1), plain, aad[:])
}

// TestTheRecipientCanForgeWhatItIsShown is deniability (B8): with her own keys
// alone Ana writes a whole exchange, a request of Ben's and her answer to it,
// which her own verifier takes for Ben's. So an exchange that Ana shows somebody
// is no evidence of anything.
func TestTheRecipientCanForgeWhatItIsShown(t *testing.T) {
	w := newWorld(t)
	f := forger{key(t, "ana k1"), key(t, "ben k2").Public(), w.salt}
	inner := bhttp.Request{
		Method: "PUT", Scheme: "https", Authority: label(t, "ana") + ".kith.invalid", Path: "/social/in/" + cid + "/n1",
		Header: []bhttp.Field{
			{Name: "kith-from", Value: label(t, "ben") + " k2"},
			{Name: "kith-created", Value: w.now.Format(time.RFC3339)}, {Name: "kith-expires", Value: w.now.Add(time.Hour).Format(time.RFC3339)},
			{Name: "kith-nonce", Value: "AAECAwQFBgcICQoLDA0ODw"}, {Name: "if-none-match", Value: "*"},
		},
		Content: []byte("Ben never said this."),
	}.Append(nil)
	transcript := f.forge(t, inner)
	answer, reply, err := w.server.Answer(t.Context(), transcript)
	if err != nil || reply.Status != http.StatusCreated || reply.Peer.Agent.Contact() != cid {
		t.Fatalf("the verifier says %d, %+v, %v", reply.Status, reply.Peer, err)
	}
	if w.inbox["/social/in/"+cid+"/n1"] != "Ben never said this." {
		t.Errorf("the inbox has %q", w.inbox)
	}
	if len(answer) != 1024 {
		t.Errorf("answered %d bytes", len(answer))
	}
	// It takes a key of the two: somebody else's gets nowhere.
	f.ana = key(t, "eve k1")
	w.keys = []sealed.Key{{Key: f.ana}}
	f.salt = bytes.Repeat([]byte{8}, 32)
	w.declined(f.forge(t, inner), "bad mac")
}

// TestNothingVerifiesUnderAPublicKey: no 64 bytes of a message or of the request
// inside are a signature by a key of Ben's, over the whole, the request or its
// content; nor is there an ASN.1 one. The same search finds a signature that was
// put there.
func TestNothingVerifiesUnderAPublicKey(t *testing.T) {
	w := newWorld(t)
	content := "What I think of it."
	m, _ := message(t, w.as("ben"), w.comment(1, content))
	var inner []byte
	w.server.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			t.Error(err)
		}
		inner = b.Bytes()
	})
	if _, _, err := w.server.Answer(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var keys []*ecdsa.PublicKey
	for _, name := range []string{"ben k2", "ben phone"} {
		keys = append(keys, publicKey(t, key(t, name).Public()))
	}
	over := [][]byte{m, inner, []byte(content)}
	for _, text := range [][]byte{m, inner} {
		if n := signatures(text, keys, over); n != 0 {
			t.Errorf("%d signatures are in %d bytes", n, len(text))
		}
	}
	signer, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalarOf(t, key(t, "ben k2")))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	der, err := ecdsa.SignASN1(rand.Reader, signer, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		t.Fatal(err)
	}
	planted := append(append(append(bytes.Clone(m[:300]), sig.R.FillBytes(make([]byte, 32))...), sig.S.FillBytes(make([]byte, 32))...), m[300:]...)
	if signatures(planted[250:420], keys[:1], over) == 0 {
		t.Error("the search does not find a signature that is there")
	}
	if signatures(append(bytes.Clone(m[250:300]), der...), keys[:1], over) == 0 {
		t.Error("the search does not find an ASN.1 signature that is there")
	}
}

func publicKey(t *testing.T, k webid.Key) *ecdsa.PublicKey {
	t.Helper()
	point, err := k.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func scalarOf(t *testing.T, k webid.PrivateKey) []byte {
	t.Helper()
	private, err := k.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	return private.Bytes()
}

// signatures counts the places in text at which a signature by one of keys over
// one of the texts begins.
func signatures(text []byte, keys []*ecdsa.PublicKey, over [][]byte) (found int) {
	for i := range text {
		if text[i] == 0x30 && i+2 <= len(text) {
			end := min(len(text), i+2+int(text[min(i+1, len(text)-1)]))
			found += verified(text[i:end], nil, nil, keys, over)
		}
		if i+64 <= len(text) {
			found += verified(nil, text[i:i+32], text[i+32:i+64], keys, over)
		}
	}
	return found
}

func verified(der, r, s []byte, keys []*ecdsa.PublicKey, over [][]byte) (found int) {
	if der == nil {
		var err error
		if der, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)}); err != nil {
			return 0
		}
	}
	for _, k := range keys {
		for _, o := range over {
			sum := sha256.Sum256(o)
			if ecdsa.VerifyASN1(k, sum[:], der) {
				found++
			}
		}
	}
	return found
}
