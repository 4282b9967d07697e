package acl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"kith/internal/rdf"
	"kith/pod"
)

// errMoved says that what was read in order to patch it is no longer there.
var errMoved = errors.New("the resource has changed meanwhile")

// Patch changes the graph that p holds, in the syntax in which it is stored, or
// makes p and the missing containers above it, in Turtle. created tells that p
// was absent. All is decided, read and written for one state of p.
//
// Access is decided before the patch is tried (WAC §consider-delete-read-diff): a
// condition needs Read, inserting Append, deleting Read and Write; a Precondition
// that names entity tags needs Read. What is absent needs the same on what p
// would inherit, and Append on the container; an absent description needs Write.
// The Info has an ETag only where the agent may read p.
//
// Errors besides those of [View.Put]: rdf.ErrConflict, rdf.ErrTooLarge;
// ErrContainment for a container; ErrNoGraph for what holds no graph, does not
// parse, or has a shape in which only the app writes it.
func (v *View) Patch(ctx context.Context, p pod.Path, patch rdf.Patch, pre pod.Precondition) (info pod.Info, created bool, err error) {
	leave, err := v.g.patches.enter(ctx, p)
	if err != nil {
		return info, false, err
	}
	defer leave()
	for {
		info, created, err = v.patch(ctx, p, patch, pre)
		if !errors.Is(err, errMoved) {
			return info, created, err
		}
	}
}

// MayPatch returns the error that Patch would have for the least of patches.
func (v *View) MayPatch(ctx context.Context, p pod.Path, pre pod.Precondition) error {
	return v.see(ctx, func(j *judge) error {
		_, err := j.mayPatch(p, rdf.Patch{}, pre)
		return err
	})
}

// patch tries once. The lock is not held while the graph is changed and staged:
// if p is another when it has been taken again, nothing is written.
func (v *View) patch(ctx context.Context, p pod.Path, patch rdf.Patch, pre pod.Precondition) (info pod.Info, created bool, err error) {
	old, s, err := v.toPatch(ctx, p, patch, pre)
	if err != nil {
		return info, false, err
	}
	text, typ, err := v.g.patched(ctx, p, old, patch)
	if err != nil {
		return info, false, err
	}
	staged, err := v.g.stage(ctx, p, bytes.NewReader(text), pod.StageOptions{Max: v.g.config.MaxBody, Type: typ})
	if err != nil {
		return info, false, err
	}
	defer func() { err = errors.Join(err, staged.Discard()) }()
	err = v.update(ctx, func(tx pod.WriteTx, j *judge) error {
		now, err := j.mayPatch(p, patch, pre)
		if err != nil {
			return err
		}
		if now.exists != s.exists || now.info.ETag != s.info.ETag {
			return errMoved
		}
		if err := j.withinQuota(p, staged.Size()-now.info.Size); err != nil {
			return err
		}
		if info, err = v.g.put(tx, p, typ, staged, pod.PutOptions{}); !now.modes.Has(Read) {
			info.ETag = ""
		}
		return err
	})
	return info, !s.exists, err
}

// toPatch opens p, unless it is absent, and tells how it stands.
func (v *View) toPatch(ctx context.Context, p pod.Path, patch rdf.Patch, pre pod.Precondition) (old pod.Resource, s standing, err error) {
	err = v.see(ctx, func(j *judge) error {
		if s, err = j.mayPatch(p, patch, pre); err != nil || !s.exists {
			return err
		}
		old, err = j.tx.Open(p)
		return err
	})
	return old, s, err
}

// patched returns what p becomes. It closes old, which is nil where p is absent.
func (g *Guard) patched(ctx context.Context, p pod.Path, old pod.Resource, patch rdf.Patch) (text []byte, typ string, err error) {
	if err := g.turns.take(ctx); err != nil {
		return nil, "", err
	}
	defer g.turns.give()
	graph, typ := &rdf.Graph{}, typeTurtle
	base := rdf.IRI(g.scope.iri(p))
	if old != nil {
		typ = old.Info().Type
		graph, err = readGraph(p, old, base)
		if err = errors.Join(err, old.Close()); err != nil {
			return nil, "", err
		}
	}
	if err := patch.Apply(graph); err != nil {
		return nil, "", err
	}
	if err := g.checkDescription(p, graph); err != nil {
		return nil, "", err
	}
	var out bytes.Buffer
	syntax, _ := rdf.SyntaxOf(typ)
	if err := rdf.EncodeAs(&out, graph, syntax, prefixes, base, rdf.IRI(g.config.Base)); err != nil {
		return nil, "", err
	}
	if int64(out.Len()) > maxGraph {
		return nil, "", fmt.Errorf("patch resource: %w", pod.ErrTooLarge)
	}
	return out.Bytes(), typ, nil
}

// readGraph reads the graph that a resource holds.
func readGraph(p pod.Path, res pod.Resource, base rdf.IRI) (*rdf.Graph, error) {
	syntax, ok := rdf.SyntaxOf(res.Info().Type)
	if !ok || syntax == rdf.JSONLD && shaped(p) {
		return nil, fmt.Errorf("patch resource: %w", ErrNoGraph)
	}
	g, err := rdf.Decode(res, syntax, base, rdf.Limits{})
	if errors.Is(err, rdf.ErrSyntax) || errors.Is(err, rdf.ErrTooLarge) {
		return nil, fmt.Errorf("patch resource: %w", ErrNoGraph)
	}
	if err != nil {
		return nil, fmt.Errorf("read resource: %w", err)
	}
	return g, nil
}

// shaped reports whether p is read as JSON of a fixed shape, in which a graph
// would not be written again: contact records and what is posted.
func shaped(p pod.Path) bool {
	return strings.HasPrefix(p.String(), "/contacts/") || strings.HasPrefix(p.String(), "/social/")
}

// mayPatch decides on a PATCH of p.
func (j *judge) mayPatch(p pod.Path, patch rdf.Patch, pre pod.Precondition) (standing, error) {
	s, err := j.standing(p)
	if err != nil {
		return s, err
	}
	need := patchNeeds(patch, pre)
	switch {
	case s.exists && !s.modes.Has(need):
		return s, j.refusal()
	case !s.exists && p.IsMeta():
		need |= Write
		fallthrough
	case !s.exists:
		if err := j.mayMake(p, need); err != nil {
			return s, err
		}
	}
	if err := j.untouchable(p); err != nil {
		return s, err
	}
	if p.IsContainer() {
		return s, fmt.Errorf("patch container: %w", ErrContainment)
	}
	return s, pre.Check(s.exists, s.info.ETag, s.info.Modified)
}

// patchNeeds returns the access modes that a patch needs, at least Append.
func patchNeeds(patch rdf.Patch, pre pod.Precondition) Modes {
	need := Append
	if patch.Reads() {
		need |= Read
	}
	if patch.Deletes() {
		need |= Read | Write
	}
	if looks(pre) {
		need |= Read
	}
	return need
}
