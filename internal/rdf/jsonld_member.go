package rdf

import (
	"slices"
	"sort"
)

// keyword is JSON-LD 1.1 API §5.1.2, step 13.4: a member whose key is a keyword.
func (r *reader) keyword(e member) error {
	switch {
	case r.inReverse:
		return wrong("invalid reverse property map", e.key)
	case r.out.has.any(e.iri) && e.iri != "@type" && e.iri != "@included":
		return wrong("colliding keywords", e.iri)
	}
	switch e.iri {
	case "@id":
		return r.identify(e)
	case "@type":
		return r.addTypes(e)
	case "@graph":
		return r.graph(e)
	case "@included":
		return r.include(e)
	case "@value":
		return r.literal(e)
	case "@language", "@direction", "@index":
		return r.annotate(e)
	case "@list", "@set":
		return r.collect(e)
	case "@reverse":
		return r.reverse(e)
	}
	return nil
}

func (r *reader) identify(e member) (err error) {
	ref, ok := e.value.(string)
	if !ok {
		return wrong("invalid @id value", e.key)
	}
	r.out.has |= setOf("@id")
	r.out.id, err = r.expandIRI(r.c, ref, relative, nil)
	return err
}

func (r *reader) addTypes(e member) error {
	r.out.has |= setOf("@type")
	for _, v := range asList(e.value) {
		name, ok := v.(string)
		if !ok {
			return wrong("invalid type value", e.key)
		}
		iri, err := r.expandIRI(r.types, name, relative|vocabulary, nil)
		if err != nil {
			return err
		}
		r.out.types = append(r.out.types, iri)
	}
	return nil
}

// graph reads a named graph only to see whether it is well formed: a Graph holds
// the default graph. At the top, a node that has nothing but @graph is that.
func (r *reader) graph(e member) error {
	items, err := r.expand(scope{c: r.c, name: "@graph"}, e.value)
	if err != nil {
		return err
	}
	r.out.has |= setOf("@graph")
	r.out.set = items
	return nil
}

func (r *reader) include(e member) error {
	items, err := r.expand(scope{c: r.c}, e.value)
	if err != nil {
		return err
	}
	given := 0
	for _, v := range asList(e.value) {
		if v != nil {
			given++
		}
	}
	if len(items) < given || slices.ContainsFunc(items, func(i *item) bool { return !i.isNode() }) {
		return wrong("invalid @included value", e.key)
	}
	r.out.has |= setOf("@included")
	r.out.included = append(r.out.included, items...)
	return nil
}

func (r *reader) literal(e member) error {
	r.out.has |= setOf("@value")
	r.out.value = e.value
	if r.inputType == "@json" {
		return nil
	}
	switch e.value.(type) {
	case *object, []any:
		return wrong("invalid value object value", e.key)
	}
	return nil
}

func (r *reader) annotate(e member) error {
	text, isString := e.value.(string)
	switch {
	case e.iri == "@language" && !isString:
		return wrong("invalid language-tagged string", e.key)
	case e.iri == "@direction" && text != "ltr" && text != "rtl":
		return wrong("invalid base direction", e.key)
	case e.iri == "@index" && !isString:
		return wrong("invalid @index value", e.key)
	case e.iri == "@language":
		r.out.language = text
	}
	r.out.has |= setOf(e.iri)
	r.g.partial = r.g.partial || e.iri != "@language"
	return nil
}

func (r *reader) collect(e member) error {
	if e.iri == "@list" && (r.name == "" || r.name == "@graph") {
		return nil
	}
	items, err := r.expand(scope{c: r.c, name: r.name}, e.value)
	if err != nil {
		return err
	}
	r.out.has |= setOf(e.iri)
	if e.iri == "@list" {
		r.out.list = items
	} else {
		r.out.set = append([]*item{}, items...) // none is not dropped
	}
	return nil
}

func (r *reader) reverse(e member) error {
	o, ok := e.value.(*object)
	if !ok {
		return wrong("invalid @reverse value", e.key)
	}
	items, err := r.expand(scope{c: r.c, name: "@reverse"}, o)
	if err != nil {
		return err
	}
	for _, i := range items {
		for _, p := range i.reverse.list { // reversed twice
			r.out.properties.put(p.iri, p.values)
		}
		for _, p := range i.properties.list {
			if err := r.addReverse(p.iri, p.values); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) addReverse(iri string, values []*item) error {
	for _, i := range values {
		if i.has.any("@value", "@list") {
			return wrong("invalid reverse property value", iri)
		}
	}
	r.out.reverse.put(iri, values)
	return nil
}

// property is steps 13.5 to 13.14: a member whose key is an IRI.
func (r *reader) property(e member) error {
	t := r.c.term(e.key)
	values, err := r.values(e, t)
	if err != nil {
		return err
	}
	if values == nil {
		return nil
	}
	_, isArray := e.value.([]any)
	if t.has("@list") && (isArray || len(values) != 1 || !values[0].has.any("@list")) {
		i, err := r.newItem("@list")
		if err != nil {
			return err
		}
		i.list = values
		values = []*item{i}
	}
	if t.has("@graph") && !t.has("@id") && !t.has("@index") {
		for n, v := range values {
			if values[n], err = r.asGraph(v); err != nil {
				return err
			}
		}
	}
	if t != nil && t.reverse {
		return r.addReverse(e.iri, values)
	}
	r.out.properties.put(e.iri, values)
	return nil
}

// asGraph returns a graph of its own that holds a node.
func (r *reader) asGraph(node *item) (*item, error) {
	i, err := r.newItem("@graph")
	if err == nil {
		i.set = []*item{node}
	}
	return i, err
}

// values is steps 13.6 to 13.9. It returns nil for what is to be dropped.
func (r *reader) values(e member, t *term) ([]*item, error) {
	o, isObject := e.value.(*object)
	switch {
	case t != nil && t.kind == "@json":
		i, err := r.newItem("@value", "@type")
		if err != nil {
			return nil, err
		}
		i.value, i.types = e.value, []string{"@json"}
		return []*item{i}, nil
	case isObject && t.has("@language"):
		return r.languages(o)
	case isObject && (t.has("@index") || t.has("@type") || t.has("@id")):
		return r.indexes(e, o, t)
	}
	items, err := r.expand(scope{c: r.c, name: e.key}, e.value)
	if _, isArray := e.value.([]any); items == nil && isArray {
		items = []*item{}
	}
	return items, err
}

// sorted returns the members of a map of indexes in the order of their keys.
func sorted(o *object) []member {
	out := make([]member, len(o.keys))
	for i, key := range o.keys {
		out[i] = member{key: key, value: o.values[i]}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].key < out[j].key })
	return out
}

// languages is step 13.7: texts by language.
func (r *reader) languages(o *object) ([]*item, error) {
	var out []*item
	for _, e := range sorted(o) {
		language, err := r.expandIRI(r.c, e.key, vocabulary, nil)
		if err != nil {
			return nil, err
		}
		for _, v := range asList(e.value) {
			if v == nil {
				continue
			}
			if _, ok := v.(string); !ok {
				return nil, wrong("invalid language map value", e.key)
			}
			i, err := r.newItem("@value")
			if err != nil {
				return nil, err
			}
			i.value = v
			if language != "@none" {
				i.has |= setOf("@language")
				i.language = e.key
			}
			out = append(out, i)
		}
	}
	return out, nil
}

// indexes is step 13.8: values by index, by id or by type.
func (r *reader) indexes(e member, o *object, t *term) ([]*item, error) {
	var out []*item
	for _, at := range sorted(o) {
		c := r.c
		if (t.has("@id") || t.has("@type")) && c.previous != nil {
			c = c.previous
		}
		if own := c.term(at.key); t.has("@type") && own != nil && own.scoped != nil {
			var err error
			if c, err = r.process(c, own.scoped.local, how{from: own.scoped.from}); err != nil {
				return nil, err
			}
		}
		items, err := r.expand(scope{c: c, name: e.key, fromMap: true}, asList(at.value))
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			if t.has("@graph") && !i.has.any("@graph") {
				if i, err = r.asGraph(i); err != nil {
					return nil, err
				}
			}
			if err := r.file(i, at.key, t); err != nil {
				return nil, err
			}
			out = append(out, i)
		}
	}
	return out, nil
}

// file gives an item what its place in a map of indexes says of it.
func (r *reader) file(i *item, index string, t *term) error {
	expanded, err := r.expandIRI(r.c, index, vocabulary, nil)
	if err != nil || expanded == "@none" {
		return err
	}
	switch {
	case t.has("@index") && t.index != "":
		value, err := r.expandValue(scope{c: r.c, name: t.index}, index)
		if err != nil {
			return err
		}
		if i.has.any("@value") {
			return wrong("invalid value object", index)
		}
		iri, err := r.expandIRI(r.c, t.index, vocabulary, nil)
		if err != nil {
			return err
		}
		i.properties.put(iri, []*item{value})
	case t.has("@id") && !i.has.any("@id"):
		i.has |= setOf("@id")
		i.id, err = r.expandIRI(r.c, index, relative, nil)
		return err
	case t.has("@type"):
		i.has |= setOf("@type")
		i.types = append([]string{expanded}, i.types...)
	case t.has("@index"):
		r.g.partial = true // the key is lost
	}
	return nil
}
