package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"kith/webid"
)

const (
	sizePiece  = 64 << 10 // plain bytes of a chunk
	sizeTag    = 16
	sizeKey    = 16
	sizeNonce  = 12
	sizeLength = 4
	maxMessage = 17 << 16 // bytes of a message or an answer: 1 MiB and 64 KiB
)

// chunker seals and opens the chunks of one body. Its key is good for one.
type chunker struct {
	aead cipher.AEAD
	base [sizeNonce]byte // what the nonces are combined with
	aad  []byte
}

func newChunker(key, base, aad []byte) (chunker, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return chunker{}, err
	}
	c := chunker{aad: aad}
	copy(c.base[:], base)
	c.aead, err = cipher.NewGCM(block)
	return c, err
}

func (c chunker) nonce(counter int, last bool) []byte {
	n := c.base
	binary.BigEndian.PutUint32(n[7:11], binary.BigEndian.Uint32(n[7:11])^uint32(counter))
	if last {
		n[11] ^= 1
	}
	return n[:]
}

// seal appends inner to head, padded so that all of it has one of the sizes that
// a message may have.
func (c chunker) seal(head, inner []byte) ([]byte, error) {
	size, ok := padded(len(head), sizeLength+len(inner))
	if !ok {
		return nil, oversize
	}
	plain := make([]byte, capacity(size-len(head)))
	binary.BigEndian.PutUint32(plain, uint32(len(inner)))
	copy(plain[sizeLength:], inner)
	out := append(make([]byte, 0, size), head...)
	for i := 0; ; i++ {
		last := len(plain) <= sizePiece
		piece := plain[:min(len(plain), sizePiece)]
		out = c.aead.Seal(out, c.nonce(i, last), piece, c.aad)
		if plain = plain[len(piece):]; last {
			return out, nil
		}
	}
}

// open returns the inner text of the chunks. The error is damaged when they were
// not made by the key, and webid.Malformed when they hold something else.
func (c chunker) open(chunks []byte) ([]byte, error) {
	plain := make([]byte, 0, max(0, capacity(len(chunks))))
	for i := 0; ; i++ {
		last := len(chunks) <= sizePiece+sizeTag
		chunk := chunks[:min(len(chunks), sizePiece+sizeTag)]
		var err error
		if plain, err = c.aead.Open(plain, c.nonce(i, last), chunk, c.aad); err != nil {
			return nil, damaged
		}
		if chunks = chunks[len(chunk):]; last {
			return unpadded(plain)
		}
	}
}

func unpadded(plain []byte) ([]byte, error) {
	if len(plain) < sizeLength {
		return nil, webid.Malformed
	}
	size := uint64(binary.BigEndian.Uint32(plain))
	plain = plain[sizeLength:]
	if size > uint64(len(plain)) {
		return nil, webid.Malformed
	}
	for _, b := range plain[size:] {
		if b != 0 {
			return nil, webid.Malformed
		}
	}
	return plain[:size:size], nil
}

// capacity returns how many plain bytes chunks of that size hold.
func capacity(size int) int {
	const chunk = sizePiece + sizeTag
	return size - (size+chunk-1)/chunk*sizeTag
}

// padded returns the size of the smallest message with a head of that size that
// has room for plain bytes.
func padded(head, plain int) (size int, ok bool) {
	for size = 1 << 10; size <= maxMessage; size = larger(size) {
		if size > head && capacity(size-head) >= plain {
			return size, true
		}
	}
	return 0, false
}

// larger returns the size that comes after one of 1, 4, 16, 64 KiB and the
// multiples of 64 KiB.
func larger(size int) int {
	if size < sizePiece {
		return 4 * size
	}
	return size + sizePiece
}

// isPadded reports whether a message may have that size.
func isPadded(size int) bool {
	return size == 1<<10 || size == 4<<10 || size == 16<<10 || size > 0 && size%sizePiece == 0
}
