package acl

import (
	"sync"

	"kith/pod"
)

// cacheSize bounds how many documents a Guard remembers of each kind.
const cacheSize = 4096

// cache remembers what was parsed. Its keys say which bytes were parsed, and
// where, so an entry can become useless but never wrong.
type cache[K comparable, V any] struct {
	mu   sync.Mutex
	rows map[K]V
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.rows[k]
	return v, ok
}

// put remembers v. A full cache forgets some entries, whichever come first.
func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil {
		c.rows = make(map[K]V)
	}
	for old := range c.rows {
		if len(c.rows) < cacheSize {
			break
		}
		delete(c.rows, old)
	}
	c.rows[k] = v
}

// documentKey names an ACL document by what its meaning depends on: the
// container in which its subject lies, whether the subject is one, and its bytes.
type documentKey struct {
	parent    pod.Path
	container bool
	etag      string
}

// groupKey names a group document by its place and its bytes.
type groupKey struct {
	path pod.Path
	etag string
}
