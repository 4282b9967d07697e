package webid

import (
	"math/big"
	"slices"
	"strings"
)

const (
	alphabet58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" // Bitcoin's
	max58      = 64                                                           // characters read; a P-256 did:key has 48
)

// encode58 returns b in base58btc.
func encode58(b []byte) string {
	var out []byte
	n, base, digit := new(big.Int).SetBytes(b), big.NewInt(58), new(big.Int)
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		out = append(out, alphabet58[digit.Int64()])
	}
	for _, zero := range b {
		if zero != 0 {
			break
		}
		out = append(out, alphabet58[0])
	}
	slices.Reverse(out)
	return string(out)
}

// decode58 returns the bytes of base58btc text. Every text has one value and
// every value one text, since leading zeros are counted.
func decode58(s string) ([]byte, bool) {
	if len(s) > max58 {
		return nil, false
	}
	n, base := new(big.Int), big.NewInt(58)
	for _, c := range []byte(s) {
		digit := strings.IndexByte(alphabet58, c)
		if digit < 0 {
			return nil, false
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(digit)))
	}
	zeros := len(s) - len(strings.TrimLeft(s, alphabet58[:1]))
	return append(make([]byte, zeros), n.Bytes()...), true
}
