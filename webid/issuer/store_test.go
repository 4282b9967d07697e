package issuer_test

import (
	"context"
	"sync"

	"kith/webid/issuer"
)

// store keeps in memory what state.db keeps.
type store struct {
	mu     sync.Mutex
	grants map[string]issuer.Grant
	used   []string // IDs of grants, as they were used
}

func (s *store) add(g issuer.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grants == nil {
		s.grants = map[string]issuer.Grant{}
	}
	s.grants[g.ID] = g
}

func (s *store) Grant(_ context.Context, id string) (issuer.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[id]
	if !ok {
		return issuer.Grant{}, issuer.ErrUnknown
	}
	return g, nil
}

func (s *store) Use(_ context.Context, g issuer.Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = append(s.used, g.ID)
	return nil
}
