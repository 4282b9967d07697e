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
	ends  time.Time
}

// maxMemory is how many values are kept at one time.
const maxMemory = 4096

// put keeps a value. It reports whether the key is new and there is room.
func (m *memory[V]) put(key string, v V, ends, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[string]until[V]{}
	}
	if len(m.kept) >= maxMemory {
		for k, u := range m.kept {
			if !u.ends.After(now) {
				delete(m.kept, k)
			}
		}
	}
	if u, ok := m.kept[key]; ok && u.ends.After(now) || len(m.kept) >= maxMemory {
		return false
	}
	m.kept[key] = until[V]{v, ends}
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
