package acl

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"iter"
	"maps"
	"mime"
	"strings"
	"time"

	"kith/pod"
	"kith/webid"
)

// View is a pod as one agent may see and change it.
type View struct {
	g      *Guard
	agent  webid.Agent
	origin string
	// address is where the request comes from, "" where that is not known.
	address string
	alone   bool // what is made is the owner's alone
}

// Agent returns who the View is for.
func (v *View) Agent() webid.Agent { return v.agent }

// From returns the View for a request that carries an Origin header, "" for one
// that does not. Rules with acl:origin hold only for the origins that they name
// (WAC §authorization-evaluation).
func (v *View) From(origin string) *View {
	w := *v
	w.origin = origin
	return &w
}

// Alone returns the View for what a person puts into the pod by a drive, as by hand into its folder: what it makes has an
// ACL for the owner alone where it would be shared otherwise, since it is shared by its owner and not by where it lies.
// It is made with its ACL, at once (protocol §3.4).
func (v *View) Alone() *View {
	w := *v
	w.alone = true
	return &w
}

// At returns the View for a request from an address. It decides nothing about
// access: agents who are no contacts share by it what they may have under way.
func (v *View) At(address string) *View {
	w := *v
	w.address = address
	return &w
}

// Changed returns a channel that is closed at the next commit of the pod,
// whether or not the agent may see what it changes.
func (v *View) Changed() <-chan struct{} { return v.g.streams.changed() }

// Answer is what one agent gets to see of one resource. Its receiver closes it.
type Answer struct {
	// Info describes the resource as the agent may see it. A container has as
	// ETag the digest of its listing; its Modified is the store's for the owner,
	// else that of the newest visible resource in it, or zero. Where only the
	// other spelling exists (with or without a trailing slash) and the agent may
	// read it, Info.Path is that one and nothing else is set.
	Info pod.Info
	// Resource has the bytes. Nil for containers and from Stat.
	Resource pod.Resource
	// Children are the members of a container that the agent may read, by name.
	// Containers among them have no Modified, except for the owner.
	Children []pod.Info
	// User and Public are the modes of the agent and of a stranger (WAC §wac-allow).
	User, Public Modes

	ctx  context.Context
	done func()
}

// Context is cancelled when the agent may no longer be sent the bytes: a commit
// took the right away, the resource is gone, or the agent is no longer valid.
func (a Answer) Context() context.Context {
	if a.ctx == nil {
		return context.Background()
	}
	return a.ctx
}

// Close gives the bytes back to the store. It may be called on every Answer.
func (a Answer) Close() error {
	if a.done != nil {
		a.done()
	}
	if a.Resource == nil {
		return nil
	}
	return a.Resource.Close()
}

// Get returns p with its bytes or its members. The errors are
// ErrUnauthenticated, ErrForbidden, pod.ErrNotExist and those of the store.
func (v *View) Get(ctx context.Context, p pod.Path) (Answer, error) {
	return v.look(ctx, p, true)
}

// Stat is Get without bytes.
func (v *View) Stat(ctx context.Context, p pod.Path) (Answer, error) {
	return v.look(ctx, p, false)
}

func (v *View) look(ctx context.Context, p pod.Path, open bool) (Answer, error) {
	var a Answer
	err := v.see(ctx, func(j *judge) error {
		a.Close() // where this is not the first time
		var err error
		if a, err = j.answer(p); err != nil {
			return err
		}
		if open && a.Info.Path == p && !p.IsContainer() {
			return v.open(ctx, j, &a)
		}
		return nil
	})
	if err == nil && !v.g.valid(ctx, v.agent) {
		err = ErrUnauthenticated
	}
	if err != nil {
		a.Close()
		return Answer{}, err
	}
	return a, nil
}

// see runs fn with the pod, again where it wanted to know groups elsewhere.
func (v *View) see(ctx context.Context, fn func(*judge) error) error {
	return v.g.informed(ctx, func(e *elsewhere) error {
		return v.g.store.View(ctx, func(tx pod.Tx) error { return fn(v.g.judge(tx, v.agent, v.origin, e)) })
	})
}

// informed runs fn until it has wanted no group that it did not know. What fn
// decides is held to be final once it wants none, or the groups cannot be had.
func (g *Guard) informed(ctx context.Context, fn func(*elsewhere) error) error {
	e := &elsewhere{}
	for {
		err := fn(e)
		if len(e.wanted) == 0 || g.config.Groups == nil {
			return err
		}
		g.learn(ctx, e)
	}
}

// open gives a the bytes and registers it among the open streams.
func (v *View) open(ctx context.Context, j *judge, a *Answer) error {
	res, err := j.tx.Open(a.Info.Path)
	if err != nil {
		return fmt.Errorf("open resource: %w", err)
	}
	a.Resource, a.Info = res, res.Info()
	ctx, cut := context.WithCancel(ctx)
	s := &stream{agent: v.agent, origin: v.origin, members: maps.Clone(j.elsewhere.members), path: a.Info.Path, cut: cut}
	v.g.streams.add(s)
	a.ctx = ctx
	a.done = func() {
		v.g.streams.remove(s)
		cut()
	}
	return nil
}

// answer decides on reading p and describes it.
func (j *judge) answer(p pod.Path) (Answer, error) {
	s, err := j.standing(p)
	if err != nil {
		return Answer{}, err
	}
	if !s.exists {
		if other, ok, err := j.twin(p); ok || err != nil {
			return Answer{Info: pod.Info{Path: other}}, err
		}
	}
	if err := j.require(s, Read); err != nil {
		return Answer{}, err
	}
	stranger, err := j.g.judge(j.tx, webid.Agent{}, j.origin, &elsewhere{}).modes(s)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Info: s.info, User: s.modes, Public: stranger}
	if p.IsContainer() {
		err = j.list(&a)
	}
	return a, err
}

// twin returns the other spelling of p, if it exists and the agent may read it
// (solid-checklist §1.2).
func (j *judge) twin(p pod.Path) (pod.Path, bool, error) {
	if p.IsRoot() || p != p.Subject() {
		return pod.Path{}, false, nil
	}
	other, err := p.Parent().Child(p.Name(), !p.IsContainer())
	if err != nil {
		return pod.Path{}, false, nil // a name that is none: nothing is there
	}
	s, err := j.standing(other)
	return other, s.exists && s.modes.Has(Read), err
}

// list fills in the members that the agent may see, and what follows from them.
func (j *judge) list(a *Answer) error {
	var newest time.Time
	for c, err := range j.visible(a.Info.Path) {
		if err != nil {
			return err
		}
		if c.Path.IsContainer() && !j.agent.Owner() {
			c.Modified = time.Time{}
		}
		if c.Modified.After(newest) {
			newest = c.Modified
		}
		a.Children = append(a.Children, c)
	}
	if !j.agent.Owner() {
		a.Info.Modified = newest
	}
	a.Info.ETag = digest(a.Info, a.Children)
	return nil
}

// visible yields the members of a container that the agent may read. Who
// controls a member sees it too: the control could give the right to read.
func (j *judge) visible(container pod.Path) iter.Seq2[pod.Info, error] {
	return func(yield func(pod.Info, error) bool) {
		var inherited Modes
		known := false
		for c, err := range j.tx.List(container) {
			if err != nil {
				yield(pod.Info{}, fmt.Errorf("list members: %w", err))
				return
			}
			m := inherited
			if c.ACLTag != "" || !known {
				if m, err = j.allowed(c); err != nil {
					yield(pod.Info{}, err)
					return
				}
			}
			if c.ACLTag == "" {
				inherited, known = m, true
			}
			if m&(Read|Control) != 0 && !yield(c, nil) {
				return
			}
		}
	}
}

// posts yields the posts that the agent may read, by name.
func (j *judge) posts() iter.Seq2[pod.Info, error] {
	return func(yield func(pod.Info, error) bool) {
		if _, ok, err := stat(j.tx, posts); err != nil || !ok {
			if err != nil {
				yield(pod.Info{}, err)
			}
			return
		}
		for c, err := range j.visible(posts) {
			if (err != nil || c.Path.IsContainer()) && !yield(c, err) {
				return
			}
		}
	}
}

// digest returns a strong ETag over all that a listing tells. Every responder
// that has the same members makes the same (docs/protocol.md, What every
// responder computes alike).
func digest(container pod.Info, children []pod.Info) string {
	h := sha256.New()
	add(h, "listing 2", container)
	for _, c := range children {
		add(h, c.Path.Name(), c)
	}
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16]) + `"`
}

// add adds a line. No field of it can have a control character in it.
func add(h hash.Hash, name string, i pod.Info) {
	at, slash := int64(0), ""
	if !i.Modified.IsZero() {
		at = i.Modified.UnixMilli()
	}
	if i.Path.IsContainer() {
		slash = "/"
	}
	fmt.Fprintf(h, "%s%s\x00%s\x00%d\x00%d\x00%s\n", name, slash, i.Type, i.Size, at, i.ETag)
}

// mediaType returns a media type without its parameters, in lower case.
func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil {
		return ""
	}
	return t
}

func withoutFragment(iri string) string {
	doc, _, _ := strings.Cut(iri, "#")
	return doc
}
