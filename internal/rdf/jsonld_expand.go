package rdf

import (
	"slices"
	"sort"
	"strings"
)

// item is an object in expanded form (JSON-LD 1.1 §9): what JSON-LD 1.1 API calls
// a node object, a value object, a list or a set.
type item struct {
	has        keywordSet // those that are there
	id         string
	types      []string
	value      any
	language   string
	list       []*item
	set        []*item // of @set or of @graph
	included   []*item
	properties properties
	reverse    properties
}

// properties are the properties of a node in the order in which they came.
type properties struct {
	list []property
	at   map[string]int
}

// property is a property of a node and its values.
type property struct {
	iri    string
	values []*item
}

// put adds values to a property.
func (p *properties) put(iri string, values []*item) {
	n, ok := p.at[iri]
	if !ok {
		if p.at == nil {
			p.at = make(map[string]int)
		}
		n = len(p.list)
		p.at[iri] = n
		p.list = append(p.list, property{iri: iri})
	}
	p.list[n].values = append(p.list[n].values, values...)
}

// plain reports whether an item has keywords only.
func (i *item) plain() bool { return len(i.properties.list)+len(i.reverse.list) == 0 }

// isNode reports whether an item may be the subject or object that a property or
// @included wants.
func (i *item) isNode() bool { return !i.has.any("@value", "@list", "@set") }

// scope is where a value stands: the context and the name of its property, "" at
// the top.
type scope struct {
	c       *activeContext
	name    string
	fromMap bool // it is a value of a map of indexes
}

// expand is the expansion algorithm (JSON-LD 1.1 API §5.1.2). What is dropped is
// not among the items; they are nil where the value itself is dropped.
func (l *jsonld) expand(s scope, v any) (items []*item, err error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return l.expandArray(s, v)
	case *object:
		return l.expandObject(s, v)
	}
	if s.name == "" || s.name == "@graph" {
		l.g.partial = true
		return nil, nil
	}
	if t := s.c.term(s.name); t != nil && t.scoped != nil {
		if s.c, err = l.process(s.c, t.scoped.local, how{from: t.scoped.from, override: true}); err != nil {
			return nil, err
		}
	}
	i, err := l.expandValue(s, v)
	if err != nil {
		return nil, err
	}
	return []*item{i}, nil
}

func (l *jsonld) expandArray(s scope, list []any) ([]*item, error) {
	var out []*item
	inList := s.c.term(s.name).has("@list")
	for _, v := range list {
		items, err := l.expand(s, v)
		if err != nil {
			return nil, err
		}
		if _, nested := v.([]any); nested && inList {
			i, err := l.newItem("@list")
			if err != nil {
				return nil, err
			}
			i.list = items
			items = []*item{i}
		}
		out = append(out, items...)
	}
	return out, nil
}

// newItem returns an item with keywords, which counts as a triple.
func (l *jsonld) newItem(words ...string) (*item, error) {
	if l.itemsLeft--; l.itemsLeft < 0 {
		return nil, errTooManyTriples
	}
	return &item{has: setOf(words...)}, nil
}

// expandValue is the value expansion algorithm (JSON-LD 1.1 API §5.3.2).
func (l *jsonld) expandValue(s scope, v any) (*item, error) {
	t := s.c.term(s.name)
	if t == nil {
		t = new(term)
	}
	text, isString := v.(string)
	if isString && (t.kind == "@id" || t.kind == "@vocab") {
		i, err := l.newItem("@id")
		if err != nil {
			return nil, err
		}
		flags := relative
		if t.kind == "@vocab" {
			flags |= vocabulary
		}
		i.id, err = l.expandIRI(s.c, text, flags, nil)
		return i, err
	}
	i, err := l.newItem("@value")
	if err != nil {
		return nil, err
	}
	i.value = v
	switch {
	case t.kind != "" && t.kind != "@id" && t.kind != "@vocab" && t.kind != "@none":
		i.types = []string{t.kind}
	case isString && t.language != nil:
		i.language = *t.language
	case isString:
		i.language = s.c.language
	}
	return i, nil
}

// reader is an object on its way to an item.
type reader struct {
	*jsonld
	scope
	types     *activeContext // in which the values of @type are expanded
	inputType string
	inReverse bool
	out       *item
}

// member is a member of an object and what its key means.
type member struct {
	key, iri string
	value    any
}

// entries returns the members of an object in the order of their keys.
func (l *jsonld) entries(c *activeContext, o *object) ([]member, error) {
	out := make([]member, 0, len(o.keys))
	for i, key := range o.keys {
		iri, err := l.expandIRI(c, key, vocabulary, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, member{key, iri, o.values[i]})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].key < out[j].key })
	return out, nil
}

// expandObject is JSON-LD 1.1 API §5.1.2 from step 7.
func (l *jsonld) expandObject(s scope, o *object) ([]*item, error) {
	r := &reader{jsonld: l, scope: s}
	if err := r.enterContexts(o); err != nil {
		return nil, err
	}
	entries, err := l.entries(r.c, o)
	if err != nil {
		return nil, err
	}
	r.types = r.c
	for _, e := range entries {
		if e.iri == "@type" {
			if err := r.enterTypes(e.value); err != nil {
				return nil, err
			}
		}
	}
	if r.c != r.types {
		if entries, err = l.entries(r.c, o); err != nil {
			return nil, err
		}
	}
	if r.out, err = l.newItem(); err != nil {
		return nil, err
	}
	if err := r.findInputType(entries); err != nil {
		return nil, err
	}
	property, err := l.expandIRI(s.c, s.name, vocabulary, nil)
	if err != nil {
		return nil, err
	}
	r.inReverse = property == "@reverse"
	if err := r.members(entries); err != nil {
		return nil, err
	}
	return r.finish()
}

// enterContexts is steps 7 to 9: the contexts that hold for an object.
func (r *reader) enterContexts(o *object) (err error) {
	t := r.c.term(r.name)
	if r.c.previous != nil && !r.fromMap {
		keep, err := r.keepsContext(o)
		if err != nil {
			return err
		}
		if !keep {
			r.c = r.c.previous
		}
	}
	if t != nil && t.scoped != nil {
		if r.c, err = r.process(r.c, t.scoped.local, how{from: t.scoped.from, override: true}); err != nil {
			return err
		}
	}
	if local, ok := o.get("@context"); ok {
		r.c, err = r.process(r.c, local, how{})
	}
	return err
}

// keepsContext reports whether an object is a value or a mere reference, for
// which a context that does not propagate stays in force.
func (r *reader) keepsContext(o *object) (bool, error) {
	entries, err := r.entries(r.c, o)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.iri == "@value" || e.iri == "@id" && len(entries) == 1 {
			return true, nil
		}
	}
	return false, nil
}

// enterTypes is step 11: the contexts that belong to types.
func (r *reader) enterTypes(v any) error {
	var names []string
	for _, item := range asList(v) {
		if name, ok := item.(string); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		t := r.types.term(name)
		if t == nil || t.scoped == nil {
			continue
		}
		c, err := r.process(r.c, t.scoped.local, how{from: t.scoped.from, passing: true})
		if err != nil {
			return err
		}
		r.c = c
	}
	return nil
}

// findInputType is step 12: the last type of the first member that holds types.
func (r *reader) findInputType(entries []member) error {
	for _, e := range entries {
		if e.iri != "@type" {
			continue
		}
		list := asList(e.value)
		if len(list) == 0 {
			return nil
		}
		name, _ := list[len(list)-1].(string)
		var err error
		r.inputType, err = r.expandIRI(r.c, name, vocabulary, nil)
		return err
	}
	return nil
}

// members is steps 13 and 14.
func (r *reader) members(entries []member) error {
	var nests []member
	for _, e := range entries {
		var err error
		switch {
		case e.key == "@context":
		case isKeyword(e.iri) && e.iri == "@nest" && !r.inReverse:
			nests = append(nests, e)
		case isKeyword(e.iri):
			err = r.keyword(e)
		case strings.Contains(e.iri, ":"):
			err = r.property(e)
		default:
			r.g.partial = r.g.partial || e.value != nil
		}
		if err != nil {
			return err
		}
	}
	for _, e := range nests {
		if err := r.nested(e); err != nil {
			return err
		}
	}
	return nil
}

// nested is step 14: members that stand one level deeper than they belong.
func (r *reader) nested(e member) (err error) {
	c := r.c
	defer func() { r.c = c }()
	if t := r.c.term(e.key); t != nil && t.scoped != nil {
		if r.c, err = r.process(r.c, t.scoped.local, how{from: t.scoped.from, override: true}); err != nil {
			return err
		}
	}
	for _, v := range asList(e.value) {
		o, ok := v.(*object)
		if !ok {
			return wrong("invalid @nest value", e.key)
		}
		entries, err := r.entries(r.c, o)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(entries, func(e member) bool { return e.iri == "@value" }) {
			return wrong("invalid @nest value", e.key)
		}
		if err := r.members(entries); err != nil {
			return err
		}
	}
	return nil
}

// finish is steps 15 to 20: what the members make together.
func (r *reader) finish() ([]*item, error) {
	i := r.out
	switch {
	case i.has.any("@value"):
		return r.finishValue()
	case i.has.any("@list", "@set"):
		if !i.plain() || !i.has.within("@list", "@index") && !i.has.within("@set", "@index") {
			return nil, wrong("invalid set or list object", r.name)
		}
		if i.has.any("@set") {
			return i.set, nil
		}
	}
	if i.plain() && i.has != 0 && i.has.within("@language") {
		return nil, nil
	}
	if r.name == "" || r.name == "@graph" {
		if i.plain() && i.has.within("@id") || i.has.any("@list") {
			return nil, nil
		}
	}
	return []*item{i}, nil
}

// finishValue is step 15, for value objects.
func (r *reader) finishValue() ([]*item, error) {
	i := r.out
	typed := i.has.any("@type")
	switch _, isString := i.value.(string); {
	case !i.plain(), !i.has.within("@value", "@type", "@language", "@direction", "@index"),
		typed && i.has.any("@language", "@direction"):
		return nil, wrong("invalid value object", r.name)
	case typed && len(i.types) == 1 && i.types[0] == "@json":
		return []*item{i}, nil
	case i.value == nil:
		return nil, nil
	case !isString && i.has.any("@language"):
		return nil, wrong("invalid language-tagged value", r.name)
	case typed && (len(i.types) != 1 || checkIRI(i.types[0]) != nil):
		return nil, wrong("invalid typed value", r.name)
	}
	if r.name == "" || r.name == "@graph" {
		return nil, nil
	}
	return []*item{i}, nil
}
