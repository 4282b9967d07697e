package passkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512
	"math/big"
	"slices"
)

// Labels of a COSE_Key. Those below zero mean something else for each type of key.
// (RFC 9052 §7.1; RFC 9053 §7.1.1, §7.2; RFC 8230 §4)
const (
	labelType      = 1
	labelAlgorithm = 3
	labelCurve     = -1
	labelX         = -2
	labelY         = -3
	labelModulus   = -1
	labelExponent  = -2
)

// Types of keys. (RFC 9053 §7; RFC 8230 §4)
const (
	typeOKP = 1
	typeEC2 = 2
	typeRSA = 3
)

// Algorithms. (RFC 9053 §2; RFC 8812 §2)
const (
	algES256 = -7
	algES384 = -35
	algES512 = -36
	algEdDSA = -8
	algRS256 = -257
)

// algorithms are those that are asked for, the best liked first.
var algorithms = []int64{algES256, algEdDSA, algES384, algES512, algRS256}

const curveEd25519 = 6

// curves are those that WebAuthn allows with each algorithm. (WebAuthn Level 3 §5.8.5)
var curves = map[int64]struct {
	id    int64
	curve elliptic.Curve
	hash  crypto.Hash
}{
	algES256: {1, elliptic.P256(), crypto.SHA256},
	algES384: {2, elliptic.P384(), crypto.SHA384},
	algES512: {3, elliptic.P521(), crypto.SHA512},
}

// Moduli of RSA, in bits: smaller ones are weak, larger ones only slow.
const (
	minModulus = 2048
	maxModulus = 4096
)

// coseKey holds the members of a COSE_Key that are integers or byte strings.
type coseKey struct {
	numbers map[int64]int64
	texts   map[int64][]byte
}

// key reads a COSE_Key, in which each label stands once.
func (c *cbor) key() (k coseKey, err error) {
	n, err := c.pairs()
	if err != nil {
		return k, err
	}
	k = coseKey{map[int64]int64{}, map[int64][]byte{}}
	seen := map[int64]bool{}
	for range n {
		label, err := c.integer()
		if err != nil {
			return coseKey{}, err
		}
		if seen[label] {
			return coseKey{}, refused("a label stands twice in the key")
		}
		seen[label] = true
		if err := c.member(k, label); err != nil {
			return coseKey{}, err
		}
	}
	return k, nil
}

func (c *cbor) member(k coseKey, label int64) (err error) {
	switch c.next() {
	case majorUnsigned, majorNegative:
		k.numbers[label], err = c.integer()
	case majorBytes:
		k.texts[label], err = c.text(majorBytes)
	default:
		err = c.skip(maxDepth - 1)
	}
	return err
}

// verifier reports whether a signature over a message was made by a certain key.
type verifier func(message, signature []byte) bool

// readKey reads a whole text as a COSE_Key of one of the algorithms.
func readKey(text []byte) (verifier, error) {
	c := cbor{text}
	k, err := c.key()
	if err != nil {
		return nil, err
	}
	if len(c.rest) > 0 {
		return nil, refused("something follows the key")
	}
	return k.verifier()
}

func (k coseKey) verifier() (verifier, error) {
	kind, alg := k.numbers[labelType], k.numbers[labelAlgorithm]
	switch {
	case kind == typeEC2 && curves[alg].curve != nil:
		return k.ecdsa()
	case kind == typeOKP && alg == algEdDSA:
		return k.eddsa()
	case kind == typeRSA && alg == algRS256:
		return k.rsa()
	}
	return nil, refused("the key is of an algorithm that was not asked for")
}

// ecdsa takes uncompressed points only, of the algorithm's curve; signatures are
// ASN.1 in DER. (WebAuthn Level 3 §5.8.5, §6.5.5)
func (k coseKey) ecdsa() (verifier, error) {
	with := curves[k.numbers[labelAlgorithm]]
	size := (with.curve.Params().BitSize + 7) / 8
	x, y := k.texts[labelX], k.texts[labelY]
	if k.numbers[labelCurve] != with.id || len(x) != size || len(y) != size {
		return nil, refused("the key is not on the curve of its algorithm")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(with.curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, refused("the key is no point of its curve")
	}
	return func(message, signature []byte) bool {
		return ecdsa.VerifyASN1(key, digest(with.hash, message), signature)
	}, nil
}

func (k coseKey) eddsa() (verifier, error) {
	key := ed25519.PublicKey(k.texts[labelX])
	if k.numbers[labelCurve] != curveEd25519 || len(key) != ed25519.PublicKeySize {
		return nil, refused("the key is not on the curve of its algorithm")
	}
	return func(message, signature []byte) bool { return ed25519.Verify(key, message, signature) }, nil
}

func (k coseKey) rsa() (verifier, error) {
	n, e := new(big.Int).SetBytes(k.texts[labelModulus]), new(big.Int).SetBytes(k.texts[labelExponent])
	if n.BitLen() < minModulus || n.BitLen() > maxModulus || e.BitLen() > 31 {
		return nil, refused("the key is too small or too large")
	}
	key := &rsa.PublicKey{N: n, E: int(e.Int64())}
	return func(message, signature []byte) bool {
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest(crypto.SHA256, message), signature) == nil
	}, nil
}

func digest(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}
