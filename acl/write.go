package acl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kith/internal/rdf"
	"kith/pod"
)

// Put makes p hold body, of a media type, and the missing containers above it.
// created tells that p was absent. A Precondition of If-None-Match "*" needs
// Append on the container and on what p inherits; otherwise a new resource needs
// Write of p, and a replaced one too (WAC §access-modes). One that asks for more
// than whether something is there needs Read too.
//
// ACL resources need Control of their subject, and are a graph in any syntax of
// [rdf.SyntaxOf]. They are kept as Turtle; where that is not what came, the Info has
// no ETag (RFC 9110 §9.3.4).
//
// What claims to be RDF is checked to be it, see [rdf.SyntaxOf]; the errors are
// then rdf.ErrSyntax, with line and column, rdf.ErrTooLarge, or ErrContainment.
//
// Errors besides the store's: ErrUnauthenticated, ErrForbidden, ErrMalformed,
// ErrClass, ErrLockout, ErrReplica, ErrBody, ErrBusy. pod.ErrFull also tells that an agent without Control
// went beyond Config.Quota.
func (v *View) Put(ctx context.Context, p pod.Path, typ string, body io.Reader, pre pod.Precondition) (info pod.Info, created bool, err error) {
	in, err := v.admit(ctx, p.Parent(), func(j *judge) error {
		_, err := j.mayPut(p, pre)
		return err
	})
	if err != nil {
		return info, false, err
	}
	defer in.close()
	staged, kept, err := v.take(ctx, p, typ, body, in)
	if err != nil {
		return info, false, err
	}
	defer func() { err = errors.Join(err, staged.Discard()) }()
	rules, err := v.shield(ctx, p)
	if err != nil {
		return info, false, err
	}
	defer func() { err = errors.Join(err, rules.discard()) }()
	err = v.update(ctx, func(tx pod.WriteTx, j *judge) error {
		s, err := j.mayPut(p, pre)
		if err != nil {
			return err
		}
		if err := j.withinQuota(p, staged.Size()); err != nil {
			return err
		}
		created = !s.exists
		if info, err = v.g.put(tx, p, kept, staged, pod.PutOptions{}); err == nil && created {
			err = rules.put(tx)
		}
		return err
	})
	if kept != typ {
		info.ETag = ""
	}
	return info, created, err
}

// MayPut returns the error that Put or MakeContainer would have before they look
// at a body.
func (v *View) MayPut(ctx context.Context, p pod.Path, pre pod.Precondition) error {
	return v.see(ctx, func(j *judge) error {
		_, err := j.mayPut(p, pre)
		return err
	})
}

// MayDelete returns the error that Delete would have before it looks whether a container is empty.
func (v *View) MayDelete(ctx context.Context, p pod.Path, pre pod.Precondition) error {
	return v.see(ctx, func(j *judge) error { return j.mayDelete(p, pre) })
}

// MayCreate returns the error that Create or CreateContainer would have before
// they look at a body.
func (v *View) MayCreate(ctx context.Context, container pod.Path, pre pod.Precondition) error {
	return v.see(ctx, func(j *judge) error { return j.mayCreateIn(container, pre) })
}

// MakeContainer makes the container p and the missing ones above it. It needs
// what Put needs. One that is there already is pod.ErrExist.
func (v *View) MakeContainer(ctx context.Context, p pod.Path, pre pod.Precondition) (info pod.Info, err error) {
	rules, err := v.shield(ctx, p)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, rules.discard()) }()
	err = v.update(ctx, func(tx pod.WriteTx, j *judge) error {
		s, err := j.mayPut(p, pre)
		if err != nil {
			return err
		}
		if s.exists {
			return pod.ErrExist
		}
		if err := j.withinQuota(p, 0); err != nil {
			return err
		}
		if info, err = tx.MakeContainer(p, pod.PutOptions{}); err == nil {
			err = rules.put(tx)
		}
		return err
	})
	return info, err
}

// Create makes a resource in a container, by Append (WAC §access-modes). Its
// name is slug where that is a free name and the agent controls the container;
// otherwise it is random, after slug where that is a name. The errors are those
// of Put; pod.ErrNotExist where there is no such container, which the Precondition
// is about.
func (v *View) Create(ctx context.Context, container pod.Path, slug, typ string, body io.Reader, pre pod.Precondition) (info pod.Info, err error) {
	in, err := v.admit(ctx, container, func(j *judge) error { return j.mayCreateIn(container, pre) })
	if err != nil {
		return info, err
	}
	defer in.close()
	staged, _, err := v.take(ctx, container, typ, body, in)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, staged.Discard()) }()
	err = v.update(ctx, func(tx pod.WriteTx, j *judge) error {
		p, err := j.newChild(container, slug, false, pre)
		if err != nil {
			return err
		}
		if err := j.withinQuota(p, staged.Size()); err != nil {
			return err
		}
		info, err = v.g.put(tx, p, typ, staged, pod.PutOptions{})
		return err
	})
	return info, err
}

// CreateContainer is Create for a container.
func (v *View) CreateContainer(ctx context.Context, container pod.Path, slug string, pre pod.Precondition) (info pod.Info, err error) {
	err = v.update(ctx, func(tx pod.WriteTx, j *judge) error {
		p, err := j.newChild(container, slug, true, pre)
		if err != nil {
			return err
		}
		if err := j.withinQuota(p, 0); err != nil {
			return err
		}
		info, err = tx.MakeContainer(p, pod.PutOptions{})
		return err
	})
	return info, err
}

// Delete deletes a resource or an empty container, with its auxiliaries. It
// needs Write of p and of its container, for a container, and under a Precondition
// that asks for more than whether it is there, also Read; for an ACL resource Control
// of the subject (solid-checklist §1.8). The root is
// pod.ErrReserved, its ACL ErrLockout.
func (v *View) Delete(ctx context.Context, p pod.Path, pre pod.Precondition) error {
	return v.update(ctx, func(tx pod.WriteTx, j *judge) error {
		if err := j.mayDelete(p, pre); err != nil {
			return err
		}
		return v.g.remove(tx, p, pod.Version{}, false)
	})
}

// update runs fn alone with the pod, unless the agent is no longer valid. That
// is asked after the body has come. It is not asked with the lock held, because
// Valid may read the pod: a write that waits for the lock while the agent stops
// being valid is the last that slips in.
func (v *View) update(ctx context.Context, fn func(pod.WriteTx, *judge) error) error {
	if !v.g.valid(ctx, v.agent) {
		return ErrUnauthenticated
	}
	return v.g.informed(ctx, func(e *elsewhere) error {
		err := v.g.store.Update(ctx, func(tx pod.WriteTx) error { return fn(tx, v.g.judge(tx, v.agent, v.origin, e)) })
		if err == nil {
			e.wanted = nil // more groups could only have given more rights
		}
		return err
	})
}

// take stages what an agent sends for p, or for a member of the container p, and
// returns the media type as which it is kept.
func (v *View) take(ctx context.Context, p pod.Path, typ string, body io.Reader, in *intake) (staged pod.Staged, kept string, err error) {
	body = in.of(arriving{body})
	if _, ok := rdf.SyntaxOf(typ); ok || p.IsACL() { // which is read before it is placed
		room := v.Room()
		defer room.Close()
		body = room.Of(body)
	}
	if p.IsACL() && mediaType(typ) != typeTurtle {
		body, err = v.g.inTurtle(ctx, p, typ, body)
		typ = typeTurtle
	} else {
		body, err = v.g.checked(ctx, p, typ, body)
	}
	if err != nil {
		return nil, "", err
	}
	staged, err = v.g.stage(ctx, p, body, pod.StageOptions{Max: v.g.config.MaxBody, Type: typ})
	return staged, typ, err
}

// stage takes the bytes for p. Those of an ACL are checked first.
func (g *Guard) stage(ctx context.Context, p pod.Path, body io.Reader, o pod.StageOptions) (pod.Staged, error) {
	if !p.IsACL() {
		body, err := g.vetted(p, o.Type, body)
		if err != nil {
			return nil, err
		}
		return g.store.Stage(ctx, body, o)
	}
	text, err := readDocument(body)
	if err != nil {
		return nil, err
	}
	if err := g.checkACL(ctx, p.Subject(), o.Type, text); err != nil {
		return nil, err
	}
	return g.store.Stage(ctx, bytes.NewReader(text), o)
}

// arriving is a body, whose errors are told from those of the disk.
type arriving struct{ io.Reader }

// Read is the body's. Its errors but io.EOF are joined with ErrBody.
func (a arriving) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if err != nil && err != io.EOF && !errors.Is(err, ErrBody) {
		err = fmt.Errorf("%w: %w", ErrBody, err)
	}
	return n, err
}

// checkACL decides whether a document may become the ACL of a subject.
func (g *Guard) checkACL(ctx context.Context, subject pod.Path, typ string, text []byte) error {
	if mediaType(typ) != typeTurtle {
		return fmt.Errorf("check ACL: %w: its media type is not text/turtle", ErrMalformed)
	}
	d, err := g.scope.parse(bytes.NewReader(text), subject)
	if err != nil {
		return err
	}
	if subject.IsRoot() && !slices.ContainsFunc(d.rules, g.controls) {
		return ErrLockout
	}
	return g.checkClasses(ctx, d, subject)
}

// checkClasses refuses a document that names a class where that is not allowed.
func (g *Guard) checkClasses(ctx context.Context, d *document, subject pod.Path) error {
	if !slices.ContainsFunc(d.rules, func(r rule) bool { return len(r.classes) > 0 }) {
		return nil
	}
	check := func(tx pod.Tx) error {
		for _, r := range d.rules {
			for _, class := range r.classes {
				ok, err := g.mayName(tx, class, r, subject)
				if err != nil {
					return err
				}
				if !ok {
					return fmt.Errorf("check ACL: %w: %s on %s", ErrClass, class, subject.Escaped())
				}
			}
		}
		return nil
	}
	err := g.store.View(ctx, check)
	if errors.Is(err, ErrClass) { // a store that is a folder has by now noticed what a hand placed
		err = g.store.View(ctx, check)
	}
	return err
}

// controls reports whether a rule of the root ACL gives the owner Control of
// the root, with no condition.
func (g *Guard) controls(r rule) bool {
	return r.modes.Has(Control) && len(r.origins) == 0 &&
		r.covers(effect{subject: pod.Root}) &&
		slices.Contains(r.agents, name{iri: string(g.config.Owner)})
}

// put places what was staged, and marks who won or lost which posts by it.
func (g *Guard) put(tx pod.WriteTx, p pod.Path, typ string, staged pod.Staged, o pod.PutOptions) (info pod.Info, err error) {
	err = g.marked(tx, p, typ, func() error {
		info, err = tx.Put(p, staged, o)
		return err
	})
	return info, err
}

// pinned are, of those that are adopted, what a person has as long as there is one: by it devices and friends know and
// reach each other, and come back when their devices are lost.
var pinned = []string{"/profile/devices", "/profile/keys", "/profile/name", secrets, "/settings/kit", kits}

// adopted are what a person says of themselves, of whom the pod is open to, of
// how the person is reached, and what opens their backups.
// The server adopts it as the owner's devices bring it, so nothing else may write
// it: no app that acts for the owner, either (protocol §3.4).
var adopted = []string{"/profile/devices", "/profile/keys", "/profile/name", "/settings/classes", secrets, "/settings/kit", kits}

// replicated reports whether p is written through replicas only; a container of
// such a name, which is also made for what lies below it, would be in its way.
func replicated(p pod.Path) bool {
	return slices.ContainsFunc(adopted, func(name string) bool {
		return p.String() == name || strings.HasPrefix(p.String(), name+"/")
	})
}

// untouchable refuses to write what only the server and the owner's devices write, and
// what would put a container in the place of the profile.
func (j *judge) untouchable(p pod.Path) error {
	switch {
	case replicated(p) || !j.mayKnow(p):
		return ErrReplica
	case strings.HasPrefix(p.String(), profile+"/"):
		return fmt.Errorf("make a container in its place: %w", ErrProtected)
	}
	return nil
}

// mayKnow reports whether the agent may write p as far as that says whom the owner
// knows: contacts, by whose records keys are taken for people, are the business of
// the owner's devices. An app's contact would stay when the app is gone.
func (j *judge) mayKnow(p pod.Path) bool { return j.agent.Device() || !inContacts(p) }

// mayPut decides on a PUT of p.
func (j *judge) mayPut(p pod.Path, pre pod.Precondition) (standing, error) {
	s, err := j.standing(p)
	if err != nil {
		return s, err
	}
	need := Write
	if onlyCreates(pre) && p == p.Subject() {
		need = Append
	}
	if looks(pre) {
		need |= Read
	}
	if s.exists {
		if !s.modes.Has(need) {
			return s, j.refusal()
		}
	} else if err := j.mayMake(p, need); err != nil {
		return s, err
	}
	if err := j.untouchable(p); err != nil {
		return s, err
	}
	return s, pre.Check(s.exists, s.info.ETag, s.info.Modified)
}

// mayMake decides on making p, which is absent, and each missing container
// above it (WAC §access-modes, solid-checklist §1.10).
func (j *judge) mayMake(p pod.Path, need Modes) error {
	subject := p.Subject()
	m, err := j.underOwn(subject)
	if err != nil {
		return err
	}
	if !on(p, m).Has(need) {
		return j.refusal()
	}
	if p != subject {
		if _, ok, err := stat(j.tx, subject); ok || err != nil {
			return err
		}
		if subject.IsContainer() { // which is made with its auxiliary
			return j.mayMake(subject, Append)
		}
	}
	for c := subject.Parent(); c != (pod.Path{}); c = c.Parent() {
		m, err := j.underOwn(c)
		if err != nil {
			return err
		}
		if !m.Has(Append) {
			return j.refusal()
		}
		if _, ok, err := stat(j.tx, c); ok || err != nil {
			return err
		}
	}
	return nil
}

// mayDelete decides on a DELETE of p.
func (j *judge) mayDelete(p pod.Path, pre pod.Precondition) error {
	s, err := j.standing(p)
	if err != nil {
		return err
	}
	need := Write
	if p.IsContainer() || looks(pre) {
		need |= Read
	}
	if err := j.require(s, need); err != nil {
		return err
	}
	if p.IsRoot() {
		return fmt.Errorf("delete the root: %w", pod.ErrReserved)
	}
	if replicated(p) || !j.mayKnow(p) {
		return ErrReplica
	}
	if err := j.g.mayLose(p); err != nil {
		return err
	}
	if p == p.Subject() {
		container, err := j.underOwn(p.Parent())
		if err != nil {
			return err
		}
		if !container.Has(Write) {
			return j.refusal()
		}
	}
	a := Answer{Info: s.info}
	if p.IsContainer() {
		if err := j.list(&a); err != nil {
			return err
		}
	}
	return pre.Check(s.exists, a.Info.ETag, a.Info.Modified)
}
