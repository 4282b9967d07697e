package acl

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"kith/pod"
	"kith/webid"
)

// maxWatched bounds what one Watch remembers.
const maxWatched = 8192

// wholeTime is how long a Watch believes that rights which depend on more than
// the pod, such as groups elsewhere, are what they were.
const wholeTime = time.Minute

// Watch follows what one agent may read of a topic: a resource, or a container
// with all that is listed below it at any depth. It knows what the agent has been
// told and compares that with what the agent may see, so that whatever is hidden
// from the agent makes no difference to it, and nothing is lost or piled up while
// nobody looks. It is for one goroutine at a time. Its maker closes it.
type Watch struct {
	v     *View
	topic pod.Path

	// What the agent has been told, or could see at the start.
	state string
	known map[pod.Path]sighting

	head      pod.Head              // nothing up to here differs from what is known, unless left
	left      int                   // differences that the agent was not told yet
	whole     time.Time             // when all was looked at last
	groups    map[pod.Path]struct{} // documents that decided about the agent's rights
	elsewhere bool                  // groups elsewhere did, too

	// Of use to who deletes the topic, and guarded by the store's lock.
	id      string                // handle of the topic
	members map[string][]webid.ID // groups elsewhere
	mourned string                // handle of the topic that the agent could read when it was deleted
}

// sighting is what an agent saw of a resource. The state of a container below the
// topic is "": what is in it is told by itself.
type sighting struct{ id, state string }

// Watch returns a Watch of a topic that the agent may read, as it is at this
// moment. The errors are those of Get, and pod.ErrTooLarge where more than 8192
// resources below the topic are visible to the agent.
func (v *View) Watch(ctx context.Context, topic pod.Path) (*Watch, error) {
	w := &Watch{v: v, topic: topic, known: make(map[pod.Path]sighting)}
	v.g.watches.add(w)
	found, err := w.look(ctx)
	if err != nil {
		w.Close()
		return nil, err
	}
	w.take(found)
	w.state = found.state
	if found.below != nil {
		w.known = found.below
	}
	return w, nil
}

// Close ends the Watch. It may be called again.
func (w *Watch) Close() { w.v.g.watches.remove(w) }

// State is the ETag of the topic that the agent knows: the one that it had at
// first, or of the last Update that was told.
func (w *Watch) State() string { return w.state }

// Next returns at most so many differences between what the agent knows and what
// it may see now, Removes first, and by name. Kind is Add for what became
// visible below the topic, Remove for what is visible no longer, for whatever
// reason, and Update, which comes last for the topic itself. Path is set in all;
// Modified in none. A difference comes again until Told.
//
// An error ends the Watch: the topic may not be read any more. It comes with a
// Delete of the topic if the agent could read it until it was deleted.
func (w *Watch) Next(ctx context.Context, most int) ([]Event, error) {
	found, err := w.look(ctx)
	if err != nil {
		if found.deleted {
			return []Event{{Kind: kindDelete, ID: found.id, Path: w.topic}}, err
		}
		return nil, err
	}
	w.take(found)
	all := w.differences(found)
	w.left = len(all)
	return all[:min(most, len(all))], nil
}

// Told takes in that the agent was told an event that Next returned last. One that
// tells what was known already makes no difference.
func (w *Watch) Told(e Event) {
	is, was := sighting{e.ID, e.State}, w.known[e.Path]
	switch {
	case e.Path == w.topic && w.state != e.State:
		w.state = e.State
	case e.Path == w.topic || was == is && e.Kind != kindRemove:
		return
	case e.Kind == kindRemove:
		delete(w.known, e.Path)
	default:
		w.known[e.Path] = is
	}
	w.left--
}

// Size is how many resources below the topic the agent has been told of.
func (w *Watch) Size() int { return len(w.known) }

// Holds reports whether the agent may be told an event at this moment; Next may
// have returned it long ago. An error ends the Watch.
func (w *Watch) Holds(ctx context.Context, e Event) (bool, error) {
	holds := true
	err := w.v.see(ctx, func(j *judge) error {
		s, err := w.standing(j)
		if err != nil || e.Kind == kindRemove || e.Path == w.topic {
			return err
		}
		s, err = j.standing(e.Path)
		holds = s.exists && s.modes&(Read|Control) != 0
		return err
	})
	if !w.v.g.valid(ctx, w.v.agent) {
		return false, ErrUnauthenticated
	}
	return holds, err
}

// Valid reports whether the agent is still who it was, without a look at the pod:
// that can end without a commit, as when an app is let in no longer.
func (w *Watch) Valid(ctx context.Context) bool { return w.v.g.valid(ctx, w.v.agent) }

// glance is what the agent may see of the topic at one moment.
type glance struct {
	head    pod.Head
	id      string
	state   string
	below   map[pod.Path]sighting // nil for a resource
	all     bool                  // below has all that is visible, else what changed
	gone    map[pod.Path]struct{} // of what is known, where all is not set
	groups  map[pod.Path]struct{}
	deleted bool
	// elsewhere tells that groups elsewhere were asked for.
	elsewhere bool
}

// look takes a glance under one lock.
func (w *Watch) look(ctx context.Context) (found glance, err error) {
	err = w.v.see(ctx, func(j *judge) (err error) {
		found, err = w.glance(j)
		return err
	})
	if !w.v.g.valid(ctx, w.v.agent) {
		return glance{}, ErrUnauthenticated
	}
	return found, err
}

// standing is what the agent may do with the topic; an error unless it may be read.
func (w *Watch) standing(j *judge) (standing, error) {
	s, err := j.standing(w.topic)
	if err == nil {
		err = j.require(s, Read)
	}
	return s, err
}

func (w *Watch) glance(j *judge) (glance, error) {
	s, err := w.standing(j)
	if err != nil {
		return glance{id: w.id, deleted: !s.exists && w.mourned != "" && w.mourned == w.id}, err
	}
	g := glance{head: j.tx.Head(), id: s.info.ID, state: s.info.ETag}
	if w.topic.IsContainer() {
		err = w.descend(j, s.info, &g)
	}
	g.groups, g.elsewhere, w.id = j.consulted(), len(j.elsewhere.members) > 0, g.id
	if g.elsewhere {
		w.members = maps.Clone(j.elsewhere.members)
	}
	return g, err
}

// descend looks at what is below the topic: at what has changed, if that tells
// all, else at everything.
func (w *Watch) descend(j *judge, topic pod.Info, g *glance) error {
	changed, ok, err := w.changed(j)
	if err == nil && ok {
		ok, err = w.sift(j, changed, g)
	}
	if err != nil {
		return err
	}
	g.all = !ok
	if g.all {
		g.below, g.gone = make(map[pod.Path]sighting), nil
		if err := j.watch(w.topic, g.below); err != nil {
			return err
		}
	}
	if !g.all && len(changed.rows) == 0 && len(g.gone) == 0 {
		g.state = w.state
		return nil
	}
	a := Answer{Info: topic}
	err = j.list(&a)
	g.state = a.Info.ETag
	return err
}

// watch gathers all that is visible below a container.
func (j *judge) watch(container pod.Path, into map[pod.Path]sighting) error {
	for info, err := range j.visible(container) {
		if err != nil {
			return err
		}
		if len(into) == maxWatched {
			return fmt.Errorf("watch what is below a container: %w", pod.ErrTooLarge)
		}
		into[info.Path] = sighting{info.ID, info.ETag}
		if info.Path.IsContainer() {
			if err := j.watch(info.Path, into); err != nil {
				return err
			}
		}
	}
	return nil
}

// changed is what changed below a topic.
type changed struct {
	rows map[pod.Path]bool   // true where other rules may apply to it and below it
	gone map[string]struct{} // handles, of the whole pod
}

// changed returns what has changed since the last time, or ok false where rights
// may have changed with it.
func (w *Watch) changed(j *judge) (c changed, ok bool, err error) {
	head := j.tx.Head()
	late := w.elsewhere && j.g.config.Now().Sub(w.whole) >= wholeTime
	if w.left > 0 || head.Epoch != w.head.Epoch || w.head.Seq < head.Floor || late {
		return c, false, nil
	}
	c.rows, c.gone = make(map[pod.Path]bool), make(map[string]struct{})
	for row, err := range j.tx.Changes(w.head.Seq) {
		switch {
		case err != nil:
			return c, false, fmt.Errorf("read changes: %w", err)
		case row.Gone():
			c.gone[row.ID] = struct{}{}
		case w.decides(row):
			return c, false, nil
		case !w.topic.Contains(row.Path.Subject()):
		case w.rules(row):
			c.rows[row.Path.Subject()] = true
		case row.Path == row.Path.Subject() && !c.rows[row.Path]:
			c.rows[row.Path] = false
		}
	}
	return c, true, nil
}

// decides reports whether the agent's rights to anything below the topic can have
// changed with a row.
func (w *Watch) decides(c pod.Change) bool {
	if _, group := w.groups[c.Path]; group || c.Path == setting {
		return true
	}
	subject := c.Path.Subject()
	return w.rules(c) && (subject == w.topic || subject.Contains(w.topic))
}

// rules reports whether the access to the subject of a row changed with it.
func (w *Watch) rules(c pod.Change) bool {
	return c.Path.IsACL() || c.Narrowed() || c.Access > w.head.Seq
}

// sift puts what is visible of the changes into g. It reports false where they do
// not tell all: an ACL or a group may be among what is gone, or a right was lost
// in a way that the pod does not tell.
func (w *Watch) sift(j *judge, c changed, g *glance) (bool, error) {
	g.below, g.gone = make(map[pod.Path]sighting), make(map[pod.Path]struct{})
	if len(c.gone) > 0 {
		for p, was := range w.known {
			if _, gone := c.gone[was.id]; gone {
				g.gone[p] = struct{}{}
			}
			if _, group := w.groups[p]; group {
				return false, nil
			}
		}
	}
	if len(g.gone) < len(c.gone) {
		return false, nil
	}
	for _, p := range slices.SortedFunc(maps.Keys(c.rows), byName) {
		if ok, err := w.visit(j, p, c.rows[p], g); !ok || err != nil {
			return false, err
		}
	}
	return len(w.known)+len(g.below) <= maxWatched, nil
}

// visit looks at what has changed, after what lies above it, and where it is ruled
// otherwise at all below it, as if nothing were known of that.
func (w *Watch) visit(j *judge, p pod.Path, ruled bool, g *glance) (bool, error) {
	if ruled {
		for known := range w.known {
			if known == p || p.Contains(known) {
				g.gone[known] = struct{}{}
			}
		}
	}
	info, there, err := stat(j.tx, p)
	if !there || err != nil || !w.sees(p.Parent(), g) {
		return true, err
	}
	m, err := j.allowed(info)
	if err != nil {
		return false, err
	}
	if m&(Read|Control) == 0 {
		return !w.sees(p, g), nil
	}
	g.below[p] = sighting{info.ID, info.ETag}
	if ruled && p.IsContainer() {
		err = j.watch(p, g.below)
	}
	return true, err
}

// sees reports whether p is the topic or taken to be visible below it.
func (w *Watch) sees(p pod.Path, g *glance) bool {
	_, before := w.known[p]
	_, gone := g.gone[p]
	_, now := g.below[p]
	return p == w.topic || now || before && !gone
}

// take makes a glance the newest.
func (w *Watch) take(g glance) {
	w.head = g.head
	if g.all || w.groups == nil {
		w.groups, w.elsewhere, w.whole = g.groups, g.elsewhere, w.v.g.config.Now()
		return
	}
	maps.Copy(w.groups, g.groups)
	w.elsewhere = w.elsewhere || g.elsewhere
}

// differences returns what the agent was not told, Removes first, deep ones
// before those above.
func (w *Watch) differences(g glance) []Event {
	var lost, found []Event
	for p, was := range w.known {
		_, gone := g.gone[p]
		if _, there := g.below[p]; !there && (g.all || gone) {
			lost = append(lost, Event{Kind: kindRemove, ID: was.id, Path: p})
		}
	}
	for p, is := range g.below {
		was, before := w.known[p]
		switch {
		case !before:
			found = append(found, Event{Kind: kindAdd, ID: is.id, Path: p, State: is.state})
		case was != is:
			found = append(found, Event{Kind: kindUpdate, ID: is.id, Path: p, State: is.state})
		}
	}
	sort.Slice(lost, func(i, j int) bool { return byName(lost[j].Path, lost[i].Path) < 0 })
	sort.Slice(found, func(i, j int) bool { return byName(found[i].Path, found[j].Path) < 0 })
	if g.state != w.state {
		found = append(found, Event{Kind: kindUpdate, ID: g.id, Path: w.topic, State: g.state})
	}
	return append(lost, found...)
}

// consulted returns the documents of the groups of the pod that decided.
func (j *judge) consulted() map[pod.Path]struct{} {
	out := make(map[pod.Path]struct{})
	for iri := range j.member {
		if p, ok := j.g.scope.path(withoutFragment(iri)); ok {
			out[p] = struct{}{}
		}
	}
	return out
}

// watches are the Watches that are open.
type watches struct {
	mu   sync.Mutex
	open map[*Watch]struct{}
}

func (s *watches) add(w *Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*Watch]struct{})
	}
	s.open[w] = struct{}{}
}

func (s *watches) remove(w *Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, w)
}

// about returns the Watches whose topic is p or lies below it.
func (s *watches) about(p pod.Path) []*Watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*Watch
	for w := range s.open {
		if w.topic == p || p.Contains(w.topic) || w.topic.Subject() == p {
			out = append(out, w)
		}
	}
	return out
}

// mourn notes which agents can read the topics that go with p, which is about to
// be deleted: they alone are told. The lock of the store keeps it from glances.
func (g *Guard) mourn(tx pod.Tx, p pod.Path) error {
	for _, w := range g.watches.about(p) {
		s, err := g.judge(tx, w.v.agent, w.v.origin, &elsewhere{members: w.members}).standing(w.topic)
		if err != nil {
			return err
		}
		switch {
		case s.exists && s.modes.Has(Read):
			w.mourned = s.info.ID
		case s.exists:
			w.mourned = ""
		}
	}
	return nil
}
