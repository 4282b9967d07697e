package dav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"kith/internal/rdf"
	"kith/pod"
)

// moveTries is how often what goes on changing is brought again.
const moveTries = 8

// move is one MOVE. Everything is stored at its new place before anything is deleted, and what apps and devices store at
// the old one meanwhile is brought before it goes.
type move struct {
	*call
	from, to rdf.IRI
	// rules tells that access rules go along: what only gets another name in its container is shared with nobody else by it.
	rules bool
	took  map[pod.Path]state  // by the old paths, what was there when it was read
	made  map[pod.Path]string // by the new paths, the tag of what was stored, "" for a container
}

// state is what may not have changed when a resource goes: entity tags, those of its description and rules "" for none.
type state struct{ tag, meta, rules string }

// Rename implements webdav.FileSystem.
func (c files) Rename(ctx context.Context, oldName, newName string) error {
	info, err := c.find(ctx, oldName)
	if err != nil {
		return err
	}
	from := info.Path
	to, err := at(newName, from.IsContainer())
	if err != nil {
		return c.refuse(err)
	}
	if from.Contains(to) {
		return c.refuse(fmt.Errorf("move a container into itself: %w", pod.ErrConflict))
	}
	if err := c.above(ctx, to); err != nil {
		return err
	}
	m := &move{
		call: c.call, from: c.iri(from), to: c.iri(to), rules: from.Parent() == to.Parent() && c.stood == nil,
		took: map[pod.Path]state{}, made: map[pod.Path]string{},
	}
	if m.rules { // which say who may read it, also where they are none of its own
		m.view = m.plain
	}
	if err = m.run(ctx, from, to); err == nil {
		c.drive.locks.drop(c.call.from, false)
	}
	return c.refuse(err)
}

func (m *move) run(ctx context.Context, from, to pod.Path) error {
	if m.stood == nil { // else it was asked before way was made
		err := m.each(ctx, from, func(inner pod.Path) error { return m.view.MayDelete(ctx, inner, pod.Precondition{}) })
		if err != nil {
			return err
		}
	}
	if err := m.copy(ctx, from, to); err != nil {
		m.undo(ctx)
		return err
	}
	return m.leave(ctx, from, to)
}

// undo deletes what was stored for a MOVE that cannot be done. What somebody has changed there since stays.
func (m *move) undo(ctx context.Context) {
	for _, p := range membersFirst(m.made) {
		if _, stood := m.stood[p]; !stood {
			_ = m.discard(ctx, p, m.made[p]) // the MOVE has failed already
		}
	}
}

// copy stores from and all in it.
func (m *move) copy(ctx context.Context, from, to pod.Path) error {
	if err := m.store(ctx, from, to); err != nil || !from.IsContainer() {
		return err
	}
	return m.members(ctx, from, to, m.copy)
}

// members calls do with each member of a container, and with its new path.
func (m *move) members(ctx context.Context, from, to pod.Path, do func(ctx context.Context, from, to pod.Path) error) error {
	children, err := m.children(ctx, from)
	if err != nil {
		return err
	}
	for _, child := range children {
		inner, err := to.Child(child.Path.Name(), child.Path.IsContainer())
		if err == nil {
			err = do(ctx, child.Path, inner)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leave deletes from and all in it, each once what stands there stands at the new place too.
func (m *move) leave(ctx context.Context, from, to pod.Path) error {
	for range moveTries {
		now, err := m.state(ctx, from)
		if errors.Is(err, pod.ErrNotExist) {
			return nil
		}
		if err == nil && now != m.took[from] {
			if err = m.store(ctx, from, to); errors.Is(err, pod.ErrPrecondition) {
				err = fmt.Errorf("move %s, where something else stands: %w", from.Name(), pod.ErrConflict)
			}
		}
		if err == nil && from.IsContainer() {
			err = m.members(ctx, from, to, m.leave)
		}
		if err != nil {
			return err
		}
		err = m.discard(ctx, from, m.took[from].tag)
		if err == nil { // what comes to this name from here on is something else
			delete(m.took, from)
			delete(m.made, to)
		}
		if !errors.Is(err, pod.ErrPrecondition) && !errors.Is(err, pod.ErrNotEmpty) {
			return err
		}
	}
	return fmt.Errorf("move %s, which goes on changing: %w", from.Name(), pod.ErrConflict)
}

// state returns what stands at p.
func (m *move) state(ctx context.Context, p pod.Path) (s state, err error) {
	a, err := m.view.Stat(ctx, p)
	if err != nil {
		return s, err
	}
	if s.tag = a.Info.ETag; p.IsContainer() {
		s.tag = "container"
	}
	if s.meta, err = m.tagOf(ctx, p.Meta()); err == nil && m.rules {
		s.rules, err = m.tagOf(ctx, p.ACL())
	}
	return s, err
}

func (m *move) tagOf(ctx context.Context, p pod.Path) (string, error) {
	a, err := m.view.Stat(ctx, p)
	if errors.Is(err, pod.ErrNotExist) {
		return "", nil
	}
	return a.Info.ETag, err
}

// store stores from without its members: what it is, its description, and where they go along its rules, before there is
// anything to be read by others.
func (m *move) store(ctx context.Context, from, to pod.Path) error {
	now, err := m.state(ctx, from)
	if err != nil {
		return err
	}
	if _, again := m.made[to]; !again {
		if err := m.free(ctx, to); err != nil {
			return err
		}
		if from.IsContainer() || now.rules != "" {
			if err := m.make(ctx, to); err != nil {
				return err
			}
		}
	}
	if m.rules {
		err = m.carry(ctx, from.ACL(), to.ACL())
	}
	if err == nil && !from.IsContainer() {
		err = m.put(ctx, from, to)
	}
	if err == nil {
		err = m.carry(ctx, from.Meta(), to.Meta())
	}
	if err == nil {
		m.took[from] = now
	}
	return err
}

// make makes a new container, or a new document that is empty.
func (m *move) make(ctx context.Context, to pod.Path) error {
	fresh := pod.Precondition{IfNoneMatch: []string{"*"}}
	if to.IsContainer() {
		if _, stood := m.stood[to]; stood {
			return m.note(to, pod.Info{}, nil)
		}
		_, err := m.view.MakeContainer(ctx, to, fresh)
		return m.note(to, pod.Info{}, err)
	}
	info, _, err := m.view.Put(ctx, to, "application/octet-stream", strings.NewReader(""), fresh)
	return m.note(to, info, err)
}

func (m *move) put(ctx context.Context, from, to pod.Path) (err error) {
	a, err := m.view.Get(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	pre := pod.Precondition{IfNoneMatch: []string{"*"}}
	if tag, again := m.made[to]; again {
		pre = pod.Precondition{IfMatch: []string{tag}}
	} else if _, stood := m.stood[to]; stood {
		pre = pod.Precondition{}
	}
	info, _, err := m.view.Put(ctx, to, a.Info.Type, a.Resource, pre)
	return m.note(to, info, err)
}

// note remembers what was stored.
func (m *move) note(to pod.Path, info pod.Info, err error) error {
	if err != nil {
		return err
	}
	m.made[to], m.came[to] = info.ETag, true
	return nil
}

// carry stores a description or rules, in which what is moved has its new IRIs. Where there are none, there are none at the
// new place either.
func (m *move) carry(ctx context.Context, from, to pod.Path) (err error) {
	a, err := m.view.Get(ctx, from)
	if errors.Is(err, pod.ErrNotExist) {
		if err = m.view.Delete(ctx, to, pod.Precondition{}); errors.Is(err, pod.ErrNotExist) {
			err = nil
		}
		return err
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	syntax, ok := rdf.SyntaxOf(a.Info.Type)
	if !ok {
		_, _, err = m.view.Put(ctx, to, a.Info.Type, a.Resource, pod.Precondition{})
		return err
	}
	g, err := rdf.Decode(a.Resource, syntax, m.iri(from), rdf.Limits{})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if g, err = m.renamed(g); err == nil {
		err = rdf.Encode(&text, g, nil, m.iri(to))
	}
	if err == nil {
		_, _, err = m.view.Put(ctx, to, rdf.Turtle.MediaType(), &text, pod.Precondition{})
	}
	return err
}

// renamed returns a graph with the new IRIs of what is moved.
func (m *move) renamed(g *rdf.Graph) (*rdf.Graph, error) {
	next := new(rdf.Graph)
	for t := range g.All() {
		if err := next.Add(rdf.Triple{S: m.term(t.S), P: t.P, O: m.term(t.O)}); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// term returns the new IRI of what is moved, of something in it, of its description or of its rules; other terms are
// themselves.
func (m *move) term(t rdf.Term) rdf.Term {
	iri, _ := t.IRI()
	rest, found := strings.CutPrefix(string(iri), string(m.from))
	aside := strings.TrimPrefix(strings.TrimPrefix(rest, ".acl"), ".meta")
	if found && (aside == "" || strings.ContainsAny(aside[:1], "#?") || strings.HasSuffix(string(m.from), "/")) {
		return rdf.IRITerm(m.to + rdf.IRI(rest))
	}
	return t
}
