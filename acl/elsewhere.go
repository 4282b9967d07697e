package acl

import (
	"context"
	"slices"
	"time"

	"kith/webid"
)

// What one request may ask of other servers: how many groups, and for how long.
const (
	maxElsewhere  = 8
	elsewhereTime = 10 * time.Second
)

// elsewhere is what one request knows of groups that lie outside of the pod. A
// group that is not known has no members; it is noted, and asked for when the
// lock of the store has been given back.
type elsewhere struct {
	members map[string][]webid.ID
	wanted  []string
}

// has reports whether the agent is known to be in a group elsewhere. The owner
// has Control of everything and waits for nobody.
func (e *elsewhere) has(a webid.Agent, group string) bool {
	if members, known := e.members[group]; known {
		return slices.ContainsFunc(members, a.Has)
	}
	if !a.Owner() && len(e.members)+len(e.wanted) < maxElsewhere && !slices.Contains(e.wanted, group) {
		e.wanted = append(e.wanted, group)
	}
	return false
}

// learn asks for the groups that are wanted. One that cannot be had is nobody
// (solid-checklist §1.10).
func (g *Guard) learn(ctx context.Context, e *elsewhere) {
	ctx, cancel := context.WithTimeout(ctx, elsewhereTime)
	defer cancel()
	if e.members == nil {
		e.members = make(map[string][]webid.ID)
	}
	for _, iri := range e.wanted {
		members, err := g.config.Groups(ctx, iri)
		if err != nil {
			members = nil
		}
		e.members[iri] = members
	}
	e.wanted = nil
}
