package webid

import "sync"

// recent remembers what was verified, by the SHA-256 of its text. When the newer
// generation is full the older one is forgotten.
type recent[V any] struct {
	mu         sync.Mutex
	newer, old map[[32]byte]V
}

func (r *recent[V]) get(sum [32]byte) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.newer[sum]
	if !ok {
		v, ok = r.old[sum]
	}
	return v, ok
}

// put remembers v; a generation has at most so many.
func (r *recent[V]) put(sum [32]byte, v V, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.newer) >= most || r.newer == nil {
		r.newer, r.old = map[[32]byte]V{}, r.newer
	}
	r.newer[sum] = v
}
