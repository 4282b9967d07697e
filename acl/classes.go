package acl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"kith/pod"
	"kith/webid"
)

// The classes of agents that rules may name.
const (
	everybody     = "http://xmlns.com/foaf/0.1/Agent"
	authenticated = aclNS + "AuthenticatedAgent"
)

// setting is where the owner says which classes may be named where (protocol
// §1.2): JSON, from the escaped path of a container, for it and all below it, to
// the IRIs of classes. The owner's devices write it, as replicas.
var setting, _ = pod.ParsePath("/settings/classes")

// maxSetting bounds the setting, in bytes.
const maxSetting = 64 << 10

// allowances are the classes that may be named, by the container where.
type allowances map[pod.Path][]string

// parseAllowances reads the setting. What is no container allows nothing.
func parseAllowances(text []byte) (allowances, error) {
	var said map[string][]string
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, fmt.Errorf("parse classes: %w: %w", ErrMalformed, err)
	}
	a := allowances{}
	for name, classes := range said {
		if p, err := pod.ParsePath(name); err == nil && p.IsContainer() {
			a[p] = append(a[p], classes...)
		}
	}
	return a, nil
}

// allow reports whether the ACL of a subject may name a class.
func (a allowances) allow(subject pod.Path, class string) bool {
	for c := subject; c != (pod.Path{}); c = c.Parent() {
		if slices.Contains(a[c], class) {
			return true
		}
	}
	return false
}

// allowances returns what the setting says; one that is absent or cannot be read
// allows nothing.
func (g *Guard) allowances(tx pod.Tx) (allowances, error) {
	info, ok, err := stat(tx, setting)
	if err != nil || !ok {
		return nil, errors.Join(err, notice(tx, setting))
	}
	if a, ok := g.settings.get(info.ETag); ok {
		return a, nil
	}
	res, err := tx.Open(setting)
	if err != nil {
		return nil, fmt.Errorf("open classes: %w", err)
	}
	defer res.Close()
	text, err := io.ReadAll(io.LimitReader(res, maxSetting))
	if err != nil {
		return nil, fmt.Errorf("read classes: %w", err)
	}
	a, err := parseAllowances(text)
	if err != nil {
		a = nil
	}
	g.settings.put(res.Info().ETag, a)
	return a, nil
}

// notice lets a store that is a folder find what a hand placed where nothing was.
func notice(tx pod.Tx, p pod.Path) error {
	for c := p.Parent(); c != (pod.Path{}); c = c.Parent() {
		for _, err := range tx.List(c) {
			if err != nil && !errors.Is(err, pod.ErrNotExist) {
				return fmt.Errorf("list members: %w", err)
			}
		}
	}
	return nil
}

// ofClass reports whether an agent is of a class, where the owner has allowed to
// name it (WAC §acl-agentclass).
func ofClass(a webid.Agent, class string) bool {
	return class == everybody || class == authenticated && !a.Anonymous()
}

// showsProfile reports whether a rule is the one that opens the owner's profile
// to everybody: that document must be public where a WebID is to be of use
// elsewhere (protocol §1.4).
func (r rule) showsProfile(class string, subject pod.Path) bool {
	return class == everybody && isProfile(subject) && !subject.IsContainer() && r.modes == Read && len(r.inherit) == 0
}

// inbox is where contacts leave notifications of Solid apps (LDN §receiver).
var inbox, _ = pod.ParsePath("/inbox/")

// forContacts reports whether a rule of the subject's ACL is one that may name
// acl:AuthenticatedAgent anyway: who reads the list of posts, and who leaves
// something in the inbox, where names are random. It means the contacts and the
// owner there (protocol §1.2).
func (r rule) forContacts(class string, subject pod.Path) bool {
	if class != authenticated || len(r.inherit) > 0 {
		return false
	}
	return subject == posts && r.modes == Read || subject == inbox && r.modes == Append
}

// inClass reports whether the agent is of a class that a rule of the subject's
// ACL names and may name.
func (j *judge) inClass(class string, r rule, subject pod.Path) (bool, error) {
	if r.showsProfile(class, subject) || r.forContacts(class, subject) && (j.agent.Owner() || j.agent.Contact() != "") {
		return true, nil
	}
	if !ofClass(j.agent, class) {
		return false, nil
	}
	a, err := j.g.allowances(j.tx)
	return a.allow(subject, class), err
}

// mayName reports whether a rule of the subject's ACL may name a class.
func (g *Guard) mayName(tx pod.Tx, class string, r rule, subject pod.Path) (bool, error) {
	if r.showsProfile(class, subject) || r.forContacts(class, subject) {
		return true, nil
	}
	a, err := g.allowances(tx)
	return a.allow(subject, class), err
}

// classed reports whether the effective ACL of a resource names a class.
func (c *census) classed(info pod.Info) (bool, error) {
	e, err := effective(c.tx, info.Path, info.ACLTag)
	if err != nil || e.tag == "" {
		return false, err
	}
	d, err := c.g.document(c.tx, e.subject, e.tag)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(d.rules, func(r rule) bool { return len(r.classes) > 0 }), nil
}
