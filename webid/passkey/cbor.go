package passkey

import "math"

// Major types of CBOR. (RFC 8949 §3.1)
const (
	majorUnsigned = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// maxDepth is how deep items may lie within each other. (CTAP 2.1 §8)
const maxDepth = 4

// cbor is what is left to read of a text in CBOR. Items of indefinite length are
// refused, since authenticators write none (CTAP 2.1 §8). Nothing is copied, and
// no announced length is believed.
type cbor struct{ rest []byte }

// head reads the major type and the argument of an item. (RFC 8949 §3)
func (c *cbor) head() (major byte, n uint64, err error) {
	first, err := c.take(1)
	if err != nil {
		return 0, 0, err
	}
	major, info := first[0]>>5, first[0]&31
	if info < 24 {
		return major, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, refused("CBOR has a length that is reserved or indefinite")
	}
	argument, err := c.take(1 << (info - 24))
	if err != nil {
		return 0, 0, err
	}
	for _, b := range argument {
		n = n<<8 | uint64(b)
	}
	return major, n, nil
}

func (c *cbor) take(n uint64) ([]byte, error) {
	if n > uint64(len(c.rest)) {
		return nil, refused("CBOR ends within an item")
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken, nil
}

// next returns the major type of the item that comes, majorSimple at the end.
func (c *cbor) next() byte {
	if len(c.rest) == 0 {
		return majorSimple
	}
	return c.rest[0] >> 5
}

// text reads a string of a major type.
func (c *cbor) text(want byte) ([]byte, error) {
	major, n, err := c.head()
	if err != nil {
		return nil, err
	}
	if major != want {
		return nil, refused("CBOR has another type than is expected")
	}
	return c.take(n)
}

func (c *cbor) integer() (int64, error) {
	major, n, err := c.head()
	if err != nil {
		return 0, err
	}
	if major > majorNegative || n > math.MaxInt64 {
		return 0, refused("CBOR has no integer where one is expected")
	}
	if major == majorNegative {
		return -1 - int64(n), nil
	}
	return int64(n), nil
}

// pairs reads the head of a map: how many pairs follow.
func (c *cbor) pairs() (uint64, error) {
	major, n, err := c.head()
	if err == nil && major != majorMap {
		err = refused("CBOR has no map where one is expected")
	}
	return n, err
}

// skip passes over an item in which others lie at most so deep.
func (c *cbor) skip(depth int) error {
	major, n, err := c.head()
	if err != nil {
		return err
	}
	switch major {
	case majorBytes, majorText:
		_, err = c.take(n)
		return err
	case majorArray, majorTag:
		if major == majorTag {
			n = 1
		}
		return c.skipAll(n, depth)
	case majorMap:
		if n > uint64(len(c.rest)) {
			return refused("CBOR ends within an item")
		}
		return c.skipAll(2*n, depth)
	}
	return nil
}

func (c *cbor) skipAll(n uint64, depth int) error {
	if depth <= 1 {
		return refused("CBOR lies too deep")
	}
	for range n {
		if err := c.skip(depth - 1); err != nil {
			return err
		}
	}
	return nil
}
