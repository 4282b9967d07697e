package rdf

import (
	"errors"
	"fmt"
	"io"
)

// ErrPatch says that a patch is well formed but asks for what patches may not do,
// or for what this reader does not support; its message says what is supported.
var ErrPatch = errors.New("patch not supported")

// ErrConflict says that a patch does not fit the graph that it was to change.
var ErrConflict = errors.New("patch does not fit the graph")

// Patch is a change to a graph. The zero Patch changes nothing.
type Patch struct {
	operations []operation
}

// operation is one step of a patch: formulas whose terms may be variables.
type operation struct {
	where, deletes, inserts Graph
}

// Reads reports whether what p does depends on what the graph holds.
func (p Patch) Reads() bool { return p.any(func(o *operation) int { return o.where.Len() }) }

// Inserts reports whether p may add triples.
func (p Patch) Inserts() bool { return p.any(func(o *operation) int { return o.inserts.Len() }) }

// Deletes reports whether p may remove triples.
func (p Patch) Deletes() bool { return p.any(func(o *operation) int { return o.deletes.Len() }) }

func (p Patch) any(size func(*operation) int) bool {
	for i := range p.operations {
		if size(&p.operations[i]) > 0 {
			return true
		}
	}
	return false
}

// Apply changes g as p says, or leaves it as it is and returns an error:
// ErrConflict or ErrTooLarge.
func (p Patch) Apply(g *Graph) error {
	return errors.New("apply patch: not read yet")
}

// ParseN3Patch reads a patch in the syntax of Solid Protocol §n3-patch.
func ParseN3Patch(r io.Reader, base IRI, lim Limits) (Patch, error) {
	return Patch{}, fmt.Errorf("parse N3 Patch: %w", ErrPatch)
}

// ParseUpdate reads a patch in SPARQL 1.1 Update.
func ParseUpdate(r io.Reader, base IRI, lim Limits) (Patch, error) {
	return Patch{}, fmt.Errorf("parse SPARQL Update: %w", ErrPatch)
}
