package vectors_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// did58 returns a did:key of any bytes.
func did58(b []byte) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	var out []byte
	for n, mod := new(big.Int).SetBytes(b), new(big.Int); n.Sign() > 0; {
		n.DivMod(n, big.NewInt(58), mod)
		out = append(out, alphabet[mod.Int64()])
	}
	for i := 0; i < len(b) && b[i] == 0; i++ {
		out = append(out, '1')
	}
	slices.Reverse(out)
	return "did:key:z" + string(out)
}

func keyCases(t *testing.T) []keyCase {
	const example = "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169"
	point := key(t, "ana phone").Public().Point()
	p256 := func(point ...byte) string { return did58(append([]byte{0x80, 0x24}, point...)) }
	zeros := func(last byte) []byte { return append(append([]byte{2}, make([]byte, 31)...), last) }
	aboveP := append([]byte{2}, bytes.Repeat([]byte{0xff}, 32)...)
	other := slices.Clone(point)
	other[0] ^= 1
	good := func(name, did string) keyCase { return keyCase{head: head{name, "success"}, DID: did} }
	bad := func(name, did string) keyCase { return keyCase{head: head{name, "malformed"}, DID: did} }
	return []keyCase{
		good("the first P-256 example of the did:key specification", example),
		good("the second P-256 example of the did:key specification", "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"),
		good("a key", p256(point...)),
		good("the key with the other y", p256(other...)),
		good("a key whose x begins with zeros", p256(zeros(5)...)),
		bad("an Ed25519 key", "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"),
		bad("a secp256k1 key", "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"),
		bad("a P-384 key", "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9"),
		bad("the codec without the varint", did58(append([]byte{0x12, 0x00}, point...))),
		bad("a varint that is longer than it has to be", did58(append([]byte{0x80, 0xa4, 0x00}, point...))),
		bad("an x that is on no point", p256(zeros(2)...)),
		bad("an x that is not below p", p256(aboveP...)),
		bad("an uncompressed point", p256(slices.Concat([]byte{4}, unb64(t, "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), unb64(t, "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"))...)),
		bad("a point with a wrong first byte", p256(append([]byte{5}, point[1:]...)...)),
		bad("a point of 32 bytes", p256(point[:32]...)),
		bad("a point of 34 bytes", p256(append(slices.Clone(point), 0)...)),
		bad("the point at infinity", p256(0)),
		bad("a leading 1 in the base58", "did:key:z1"+strings.TrimPrefix(example, "did:key:z")),
		bad("a character that base58 has not", strings.Replace(example, "aerD", "ae0D", 1)),
		bad("another multibase", strings.Replace(example, "key:z", "key:Z", 1)),
		bad("no multibase", strings.Replace(example, "key:z", "key:", 1)),
		bad("nothing after the multibase", "did:key:z"),
		bad("a method in capitals", strings.Replace(example, "did:key", "did:KEY", 1)),
		bad("a DID URL", example+"#"+strings.TrimPrefix(example, "did:key:")),
		bad("a space at the end", example+" "),
		bad("nothing", ""),
	}
}

func jwkCases(t *testing.T) []jwkCase {
	rfc := header{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
	var zero header
	text, err := json.Marshal(zeroX(t))
	if err != nil || json.Unmarshal(text, &zero) != nil {
		t.Fatal(err)
	}
	good := func(name string, more header) jwkCase {
		return jwkCase{head: head{name, "success"}, JWK: with(rfc, more)}
	}
	bad := func(name string, more header) jwkCase {
		return jwkCase{head: head{name, "malformed"}, JWK: with(rfc, more)}
	}
	return []jwkCase{
		good("the key of RFC 7515 A.3", nil),
		good("members that mean nothing here", header{"kid": "1", "use": "sig", "alg": "ES256", "key_ops": []string{"verify"}, "ext": true}),
		{head: head{"a key whose x begins with zeros", "success"}, JWK: zero},
		bad("a private key", header{"d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}),
		bad("a private member of another kind of key", header{"k": "AAAA"}),
		bad("another curve", header{"crv": "P-384"}),
		bad("the curve of Bitcoin", header{"crv": "secp256k1"}),
		bad("another type", header{"kty": "OKP"}),
		bad("a type in lower case", header{"kty": "ec"}),
		bad("no y", header{"y": nil}),
		bad("an x that is a number", header{"x": 1}),
		bad("an x with padding", header{"x": rfc["x"].(string) + "="}),
		bad("an x with a bit that is left over", header{"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV"}),
		bad("an x of 31 bytes", header{"x": b64(make([]byte, 31))}),
		bad("an x of 33 bytes", header{"x": b64(append([]byte{0}, unb64(t, rfc["x"].(string))...))}),
		bad("x and y exchanged", header{"x": rfc["y"], "y": rfc["x"]}),
		bad("both zero", header{"x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))}),
		bad("an empty object", header{"kty": nil, "crv": nil, "x": nil, "y": nil}),
	}
}
