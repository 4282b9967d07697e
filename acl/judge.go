package acl

import (
	"fmt"
	"slices"
	"strings"

	"kith/pod"
	"kith/webid"
)

// judge decides what one agent may do, within one transaction of the store.
type judge struct {
	g      *Guard
	tx     pod.Tx
	agent  webid.Agent
	origin string
	// held remembers which rules of a document are for the agent, where that
	// does not depend on the subject.
	held map[*document][]rule
	// member remembers which groups of the pod the agent is in.
	member map[string]bool
	// elsewhere knows the other groups.
	elsewhere *elsewhere
}

func (g *Guard) judge(tx pod.Tx, a webid.Agent, origin string, e *elsewhere) *judge {
	return &judge{g: g, tx: tx, agent: a, origin: origin, elsewhere: e,
		held: make(map[*document][]rule), member: make(map[string]bool)}
}

// key names the agent by all that decides what it may do. What a request brings
// is quoted, so that no Origin reads like the names of somebody else.
func (j *judge) key() string {
	var key strings.Builder
	fmt.Fprintf(&key, "%t %t %q", j.agent.Owner(), j.agent.Contact() != "", j.origin)
	for _, id := range j.agent.IDs() {
		fmt.Fprintf(&key, " %q", id)
	}
	return key.String()
}

// implicit is what the agent holds whatever is written.
func (j *judge) implicit() Modes {
	if j.agent.Owner() {
		return Control
	}
	return 0
}

// allowed returns the agent's modes on a subject that exists.
func (j *judge) allowed(subject pod.Info) (Modes, error) {
	e, err := effective(j.tx, subject.Path, subject.ACLTag)
	if err != nil {
		return 0, err
	}
	return j.by(e, subject.Path)
}

// underOwn returns the agent's modes on a subject that may or may not exist: its
// own ACL may be there before it.
func (j *judge) underOwn(subject pod.Path) (Modes, error) {
	e, err := effectiveOwn(j.tx, subject)
	if err != nil {
		return 0, err
	}
	return j.by(e, subject)
}

// secrets is where the owner's devices and the server keep what they derive keys
// from (protocol §6). For all others, apps of the owner among them, there is
// nothing.
const secrets = "/settings/relays"

// kits is where the phones find what opens the backups.
const kits = "/settings/backup"

// by returns the agent's modes on p, whose effective ACL is e.
func (j *judge) by(e effect, p pod.Path) (Modes, error) {
	if (p.String() == secrets || p.String() == kits) && !j.agent.Device() {
		return 0, nil
	}
	if e.tag == "" {
		return j.implicit(), nil
	}
	m, err := j.granted(e)
	return m | j.implicit(), err
}

// effect is where the effective ACL of a path lies. The zero effect is none.
type effect struct {
	subject pod.Path
	tag     string // ETag of the ACL document
	inherit bool   // the path is below the subject
}

// effective finds the effective ACL of p, whose own ACL has the ETag tag, or ""
// (WAC §effective-acl-resource).
func effective(tx pod.Tx, p pod.Path, tag string) (effect, error) {
	if tag != "" {
		return effect{p, tag, false}, nil
	}
	for c := p.Parent(); c != (pod.Path{}); c = c.Parent() {
		info, ok, err := stat(tx, c)
		if err != nil {
			return effect{}, err
		}
		if ok && info.ACLTag != "" {
			return effect{c, info.ACLTag, true}, nil
		}
	}
	return effect{}, nil
}

// effectiveOwn finds the effective ACL of a path that may have an ACL without being there.
func effectiveOwn(tx pod.Tx, p pod.Path) (effect, error) {
	own, _, err := stat(tx, p.ACL())
	if err != nil {
		return effect{}, err
	}
	return effective(tx, p, own.ETag)
}

// apparent returns what the agent would be granted on p if neither p nor the
// containers that are hidden from the agent existed. It decides what the agent
// is told of p's absence, never what it may do.
func (j *judge) apparent(p pod.Path) (Modes, error) {
	for c := p.Parent(); c != (pod.Path{}); c = c.Parent() {
		info, ok, err := stat(j.tx, c)
		if err != nil {
			return 0, err
		}
		if !ok || info.ACLTag == "" {
			continue
		}
		below, err := j.granted(effect{c, info.ACLTag, true})
		if err != nil || below != 0 {
			return below | j.implicit(), err
		}
		here, err := j.granted(effect{c, info.ACLTag, false})
		if err != nil || here != 0 {
			return j.implicit(), err
		}
	}
	return j.implicit(), nil
}

// granted returns what an ACL document gives the agent.
func (j *judge) granted(e effect) (Modes, error) {
	d, err := j.g.document(j.tx, e.subject, e.tag)
	if err != nil {
		return 0, err
	}
	rules, err := j.rules(d, e.subject)
	if err != nil {
		return 0, err
	}
	var m Modes
	for _, r := range rules {
		if r.covers(e) {
			m |= r.modes
		}
	}
	return m, nil
}

// rules returns the rules of a document that are for the agent.
func (j *judge) rules(d *document, subject pod.Path) ([]rule, error) {
	if rules, ok := j.held[d]; ok {
		return rules, nil
	}
	var rules []rule
	for _, r := range d.rules {
		ok, err := j.holds(r, subject)
		if err != nil {
			return nil, err
		}
		if ok {
			rules = append(rules, r)
		}
	}
	if !d.own {
		j.held[d] = rules
	}
	return rules, nil
}

// holds reports whether a rule is for the agent (WAC §authorization-evaluation).
func (j *judge) holds(r rule, subject pod.Path) (bool, error) {
	if j.origin != "" && len(r.origins) > 0 && !slices.Contains(r.origins, j.origin) {
		return false, nil
	}
	for _, class := range r.classes {
		if ok, err := j.inClass(class, r, subject); ok || err != nil {
			return ok, err
		}
	}
	self := strings.TrimSuffix(j.g.scope.iri(subject), "/")
	for _, n := range r.agents {
		if j.agent.Has(webid.ID(n.in(self))) {
			return true, nil
		}
	}
	for _, n := range r.groups {
		ok, err := j.in(n.in(self))
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// in reports whether the agent is a member of a group.
func (j *judge) in(iri string) (bool, error) {
	if j.agent.Anonymous() {
		return false, nil
	}
	if ok, known := j.member[iri]; known {
		return ok, nil
	}
	members, here, err := j.g.members(j.tx, iri)
	if err != nil {
		return false, fmt.Errorf("read group: %w", err)
	}
	if !here {
		return j.elsewhere.has(j.agent, iri), nil
	}
	j.member[iri] = slices.ContainsFunc(members, j.agent.Has)
	return j.member[iri], nil
}

// standing is what an agent may do with one path, and what is there.
type standing struct {
	path   pod.Path
	info   pod.Info
	exists bool
	effect effect // the effective ACL of its subject
	modes  Modes  // none where nothing is there
}

// standing looks p up and decides. An ACL resource is open to who controls its
// subject, a description to whom its subject is (solid-checklist §1.9).
func (j *judge) standing(p pod.Path) (standing, error) {
	s := standing{path: p}
	subject, there, err := stat(j.tx, p.Subject())
	if err != nil {
		return s, err
	}
	s.info, s.exists = subject, there
	if p != p.Subject() {
		if s.info, s.exists, err = stat(j.tx, p); err != nil {
			return s, err
		}
	}
	switch {
	case there:
		s.effect, err = effective(j.tx, subject.Path, subject.ACLTag)
	case s.exists: // an auxiliary that is there before its subject
		s.effect, err = effectiveOwn(j.tx, p.Subject())
	default:
		return s, nil
	}
	if err == nil {
		s.modes, err = j.modes(s)
	}
	return s, err
}

// modes returns what the agent may do with what is there.
func (j *judge) modes(s standing) (Modes, error) {
	m, err := j.by(s.effect, s.path.Subject())
	return on(s.path, m), err
}

// on turns modes on a subject into modes on p, the subject or an auxiliary of it.
func on(p pod.Path, m Modes) Modes {
	switch {
	case !p.IsACL():
		return m
	case m.Has(Control):
		return all
	}
	return 0
}

// absent is the answer for p where it does not exist, or must seem not to: that it
// is not there for who would inherit Read, and for the owner, else a refusal.
func (j *judge) absent(p pod.Path) error {
	m, err := j.apparent(p.Subject())
	if err != nil {
		return err
	}
	if on(p, m).Has(Read) || j.agent.Owner() {
		return pod.ErrNotExist
	}
	return j.refusal()
}

func (j *judge) refusal() error {
	if j.agent.Anonymous() {
		return ErrUnauthenticated
	}
	return ErrForbidden
}

// require is nil if the agent holds the modes on what is there. Who holds none
// gets the answer of an absent resource (protocol §3.1).
func (j *judge) require(s standing, want Modes) error {
	switch {
	case s.modes == 0:
		return j.absent(s.path)
	case !s.modes.Has(want):
		return j.refusal()
	case !s.exists:
		return pod.ErrNotExist
	}
	return nil
}
