package issuer_test

import (
	"bytes"
	"context"
	"sync"

	"kith/webid/issuer"
)

// store keeps in memory what state.db keeps.
type store struct {
	mu     sync.Mutex
	grants map[string]issuer.Grant
	used   []string // IDs of grants, as they were used
	off    bool     // the owner does not sign in elsewhere

	passkeys []issuer.Passkey
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

func (s *store) AddGrant(_ context.Context, g issuer.Grant) error {
	s.add(g)
	return nil
}

func (s *store) Turn(_ context.Context, g issuer.Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, ok := s.grants[g.ID]
	if !ok || before.Turn != g.Turn-1 {
		return issuer.ErrSpent
	}
	s.grants[g.ID] = g
	return nil
}

func (s *store) Used(_ context.Context, g issuer.Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = append(s.used, g.ID)
	return nil
}

func (s *store) EndGrant(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.grants, id)
	return nil
}

func (s *store) Ready(_ context.Context, pod string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		return issuer.ErrOff
	}
	return nil
}

func (s *store) Passkeys(_ context.Context, handle []byte) (all []issuer.Passkey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.passkeys {
		if bytes.Equal(p.Handle, handle) {
			all = append(all, p)
		}
	}
	return all, nil
}

func (s *store) KeepPasskey(_ context.Context, k issuer.Passkey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.passkeys {
		if bytes.Equal(p.ID, k.ID) {
			s.passkeys[i] = k
		}
	}
	return nil
}
