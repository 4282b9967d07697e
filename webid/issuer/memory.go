package issuer

import (
	"crypto/aes"
	"crypto/cipher"
	"sync"
	"time"
)

// sealerWith returns AES-256-GCM that draws its nonces.
func sealerWith(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// memory keeps values for a short while, at most so many.
type memory[V any] struct {
	mu   sync.Mutex
	kept map[string]until[V]
}

type until[V any] struct {
	value V
	whose string
	ends  time.Time
}

const (
	maxMemory = 4096 // values that are kept at one time
	maxShare  = 256  // those of one owner
)

// put keeps a value for the owner of a pod, whose. It reports whether the key is
// new and there is room; what one owner fills is not missed by another.
func (m *memory[V]) put(whose, key string, v V, ends, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[string]until[V]{}
	}
	share := 0
	for k, u := range m.kept {
		if !u.ends.After(now) {
			delete(m.kept, k)
		} else if u.whose == whose {
			share++
		}
	}
	if _, ok := m.kept[key]; ok || share >= maxShare || len(m.kept) >= maxMemory {
		return false
	}
	m.kept[key] = until[V]{v, whose, ends}
	return true
}

// change lets fn change the value that is kept, alone; it reports whether there is one.
func (m *memory[V]) change(key string, now time.Time, fn func(*V)) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.kept[key]
	if !ok || !u.ends.After(now) {
		return false
	}
	fn(&u.value)
	m.kept[key] = u
	return true
}

// has reports whether a value is kept.
func (m *memory[V]) has(key string, now time.Time) bool {
	return m.change(key, now, func(*V) {})
}

// take returns a value and forgets it.
func (m *memory[V]) take(key string, now time.Time) (v V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.kept[key]
	delete(m.kept, key)
	if !ok || !u.ends.After(now) {
		return v, false
	}
	return u.value, true
}
