package rdf

import (
	"slices"
	"strings"
)

// definer makes the term definitions of one local context.
type definer struct {
	*jsonld
	c         *activeContext
	local     *object
	how       how
	protected bool
	state     map[string]bool // false while a term is being defined, then true
}

// definition is a term definition in the making.
type definition struct {
	term
	name   string
	value  *object
	simple bool // its value is only a string
}

var termMembers = []string{
	"@id", "@reverse", "@container", "@context", "@direction", "@index", "@language", "@nest", "@prefix", "@protected", "@type",
}

// term is the create term definition algorithm (JSON-LD 1.1 API §4.2.2).
func (d *definer) term(name string) error {
	if done, begun := d.state[name]; done {
		return nil
	} else if begun {
		return wrong("cyclic IRI mapping", name)
	}
	if name == "" {
		return wrong("invalid term definition", name)
	}
	if d.depth == maxTermDepth {
		return wrong("invalid IRI mapping", name)
	}
	d.depth++
	defer func() { d.depth-- }()
	d.state[name] = false
	value, _ := d.local.get(name)
	switch {
	case name == "@type":
		if !isTypeTerm(value) {
			return wrong("keyword redefinition", name)
		}
	case isKeyword(name):
		return wrong("keyword redefinition", name)
	case likeKeyword(name):
		return nil
	}
	previous := d.c.term(name)
	if err := d.put(d.c, name, nil); err != nil {
		return err
	}
	made, err := d.make(name, value)
	if err != nil || made == nil {
		d.state[name] = true
		return err
	}
	if previous != nil && previous.protected && !d.how.override {
		if !made.same(previous) {
			return wrong("protected term redefinition", name)
		}
		made = previous
	}
	d.state[name] = true
	return d.put(d.c, name, made)
}

// maxTermDepth bounds how many terms may each be defined by another.
const maxTermDepth = 32

// isTypeTerm reports whether a value may stand for @type in a context.
func isTypeTerm(value any) bool {
	o, ok := value.(*object)
	if !ok || len(o.keys) == 0 {
		return false
	}
	for i, key := range o.keys {
		if key != "@protected" && (key != "@container" || o.values[i] != "@set") {
			return false
		}
	}
	return true
}

// make returns the definition for a value, or nil where the value is reserved and
// ignored.
func (d *definer) make(name string, value any) (*term, error) {
	def := &definition{term: term{protected: d.protected}, name: name}
	switch v := value.(type) {
	case nil:
		def.value = &object{keys: []string{"@id"}, values: []any{nil}}
	case string:
		def.value, def.simple = &object{keys: []string{"@id"}, values: []any{v}}, true
	case *object:
		def.value = v
	default:
		return nil, wrong("invalid term definition", name)
	}
	for _, key := range def.value.keys {
		if !slices.Contains(termMembers, key) {
			return nil, wrong("invalid term definition", name)
		}
	}
	if _, ok := def.value.get("@protected"); ok {
		var err error
		if def.protected, err = boolean(def.value, "@protected"); err != nil {
			return nil, err
		}
	}
	if err := d.typed(def); err != nil {
		return nil, err
	}
	if ref, ok := def.value.get("@reverse"); ok {
		return d.reversed(def, ref)
	}
	if ignored, err := d.mapped(def); err != nil || ignored {
		return nil, err
	}
	for _, part := range []func(*definition) error{d.contained, d.indexed, d.scopes, d.spoken, d.nested} {
		if err := part(def); err != nil {
			return nil, err
		}
	}
	return &def.term, nil
}

// typed reads @type (step 12).
func (d *definer) typed(def *definition) error {
	v, ok := def.value.get("@type")
	if !ok {
		return nil
	}
	name, ok := v.(string)
	if !ok {
		return wrong("invalid type mapping", def.name)
	}
	kind, err := d.expandIRI(d.c, name, vocabulary, d)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"@id", "@vocab", "@json", "@none"}, kind) && schemeEnd(kind) < 0 {
		return wrong("invalid type mapping", def.name)
	}
	def.kind = kind
	return nil
}

// reversed reads @reverse (step 13).
func (d *definer) reversed(def *definition, v any) (*term, error) {
	for _, other := range []string{"@id", "@nest"} {
		if _, both := def.value.get(other); both {
			return nil, wrong("invalid reverse property", def.name)
		}
	}
	name, ok := v.(string)
	if !ok {
		return nil, wrong("invalid IRI mapping", def.name)
	}
	if likeKeyword(name) {
		return nil, nil
	}
	iri, err := d.expandIRI(d.c, name, vocabulary, d)
	if err != nil {
		return nil, err
	}
	if !isResource(iri) {
		return nil, wrong("invalid IRI mapping", def.name)
	}
	switch v, _ := def.value.get("@container"); v {
	case nil:
	case "@set", "@index":
		def.container = []string{v.(string)}
	default:
		return nil, wrong("invalid reverse property", def.name)
	}
	def.iri, def.reverse = iri, true
	return &def.term, nil
}

// isResource reports whether s is an absolute IRI or a blank node, by its form.
func isResource(s string) bool { return strings.HasPrefix(s, "_:") || schemeEnd(s) >= 0 }

// mapped finds what the term means (steps 14 to 18). It is ignored when that is
// reserved.
func (d *definer) mapped(def *definition) (ignored bool, err error) {
	v, ok := def.value.get("@id")
	if ok && v != def.name {
		if v == nil {
			return false, nil
		}
		return d.identified(def, v)
	}
	colon := strings.IndexByte(def.name, ':')
	switch {
	case colon > 0:
		prefix := def.name[:colon]
		if err := d.ensure(prefix); err != nil {
			return false, err
		}
		def.iri = def.name
		if t := d.c.term(prefix); t != nil {
			def.iri = t.iri + def.name[colon+1:]
		}
		return false, d.spend(len(def.iri))
	case strings.Contains(def.name, "/"):
		if def.iri, err = d.expandIRI(d.c, def.name, vocabulary, nil); err != nil {
			return false, err
		}
		if !isResource(def.iri) {
			return false, wrong("invalid IRI mapping", def.name)
		}
	case def.name == "@type":
		def.iri = "@type"
	case d.c.vocab == nil:
		return false, wrong("invalid IRI mapping", def.name)
	default:
		def.iri = *d.c.vocab + def.name
	}
	return false, d.spend(len(def.iri))
}

// identified reads @id (step 14.2).
func (d *definer) identified(def *definition, v any) (ignored bool, err error) {
	name, ok := v.(string)
	if !ok {
		return false, wrong("invalid IRI mapping", def.name)
	}
	if !isKeyword(name) && likeKeyword(name) {
		return true, nil
	}
	if def.iri, err = d.expandIRI(d.c, name, vocabulary, d); err != nil {
		return false, err
	}
	switch {
	case def.iri == "@context":
		return false, wrong("invalid keyword alias", def.name)
	case !isKeyword(def.iri) && !isResource(def.iri):
		return false, wrong("invalid IRI mapping", def.name)
	}
	inner := strings.IndexByte(def.name[1:], ':') >= 0 && !strings.HasSuffix(def.name, ":")
	if inner || strings.Contains(def.name, "/") {
		d.state[def.name] = true
		same, err := d.expandIRI(d.c, def.name, vocabulary, d)
		if err != nil {
			return false, err
		}
		if same != def.iri {
			return false, wrong("invalid IRI mapping", def.name)
		}
	}
	delimited := strings.HasPrefix(def.iri, "_:") || strings.ContainsAny(def.iri[len(def.iri)-1:], ":/?#[]@")
	def.prefix = def.simple && delimited && !strings.ContainsAny(def.name, ":/")
	return false, nil
}

// ensure defines a term of the same context before one that depends on it.
func (d *definer) ensure(name string) error {
	if _, ok := d.local.get(name); !ok || slices.Contains(notTerms, name) {
		return nil
	}
	return d.term(name)
}

// contained reads @container (step 19).
func (d *definer) contained(def *definition) error {
	v, ok := def.value.get("@container")
	if !ok {
		return nil
	}
	for _, item := range asList(v) {
		name, isString := item.(string)
		if !isString || slices.Contains(def.container, name) {
			return wrong("invalid container mapping", def.name)
		}
		def.container = append(def.container, name)
	}
	if !validContainer(def.container) {
		return wrong("invalid container mapping", def.name)
	}
	if def.has("@type") {
		switch def.kind {
		case "":
			def.kind = "@id"
		case "@id", "@vocab":
		default:
			return wrong("invalid type mapping", def.name)
		}
	}
	return nil
}

// validContainer tells which words may stand together.
func validContainer(words []string) bool {
	var left []string
	for _, w := range words {
		if !slices.Contains([]string{"@graph", "@id", "@index", "@language", "@list", "@set", "@type"}, w) {
			return false
		}
		if w != "@set" {
			left = append(left, w)
		}
	}
	if slices.Contains(left, "@graph") {
		return len(left) == 1 || len(left) == 2 && (slices.Contains(left, "@id") || slices.Contains(left, "@index"))
	}
	return len(left) == 1 && (len(words) == 1 || left[0] != "@list") || len(left) == 0 && len(words) == 1
}

// indexed reads @index (step 20).
func (d *definer) indexed(def *definition) error {
	v, ok := def.value.get("@index")
	if !ok {
		return nil
	}
	name, isString := v.(string)
	if !isString || !def.has("@index") {
		return wrong("invalid term definition", def.name)
	}
	iri, err := d.expandIRI(d.c, name, vocabulary, d)
	if err != nil {
		return err
	}
	if schemeEnd(iri) < 0 {
		return wrong("invalid term definition", def.name)
	}
	def.index = name
	return nil
}

// scopes reads @context (step 21), which must be sound even if it is never used.
func (d *definer) scopes(def *definition) error {
	local, ok := def.value.get("@context")
	if !ok {
		return nil
	}
	if _, err := d.process(d.c, local, how{from: d.how.from, override: true, checking: true}); err != nil {
		if isTooLarge(err) {
			return err
		}
		return wrong("invalid scoped context", def.name)
	}
	def.scoped = &scoped{local: local, from: origin{url: d.how.from.url}}
	return nil
}

// spoken reads @language and @direction (steps 22 and 23).
func (d *definer) spoken(def *definition) error {
	if v, ok := def.value.get("@direction"); ok && v != nil && v != "ltr" && v != "rtl" {
		return wrong("invalid base direction", def.name)
	}
	v, ok := def.value.get("@language")
	if !ok {
		return nil
	}
	language, isString := v.(string)
	if !isString && v != nil {
		return wrong("invalid language mapping", def.name)
	}
	if def.kind == "" {
		def.language = &language
	}
	return nil
}

// nested reads @nest and @prefix (steps 24 and 25).
func (d *definer) nested(def *definition) error {
	if v, ok := def.value.get("@nest"); ok {
		name, isString := v.(string)
		if !isString || isKeyword(name) && name != "@nest" {
			return wrong("invalid @nest value", def.name)
		}
		def.nest = name
	}
	if _, ok := def.value.get("@prefix"); !ok {
		return nil
	}
	if strings.ContainsAny(def.name, ":/") {
		return wrong("invalid term definition", def.name)
	}
	prefix, err := boolean(def.value, "@prefix")
	if err != nil {
		return err
	}
	if prefix && isKeyword(def.iri) {
		return wrong("invalid term definition", def.name)
	}
	def.prefix = prefix
	return nil
}
