package rdf

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// activeContext is an active context (JSON-LD 1.1 API §4.1). It does not change once
// it is made.
type activeContext struct {
	terms    map[string]*term
	base     string // "" where there is none
	vocab    *string
	language string
	previous *activeContext // to go back to, where this one is not for what is nested
	shared   bool           // terms are another context's
}

// term is a term definition (JSON-LD 1.1 API §4.2).
type term struct {
	iri       string // a keyword, an IRI or a blank node; "" means nothing
	prefix    bool
	protected bool
	reverse   bool
	container []string
	kind      string // the type mapping
	language  *string
	index     string
	nest      string
	scoped    *scoped
}

// scoped is a context that belongs to a term, and the place it stands in.
type scoped struct {
	local any
	from  origin
}

// origin is where a local context stands: the URL it was loaded from and those
// that led there, itself included. The zero origin is the document.
type origin struct {
	url   string
	chain []string
}

func (c *activeContext) term(name string) *term { return c.terms[name] }

func (t *term) has(container string) bool {
	return t != nil && slices.Contains(t.container, container)
}

// same reports whether two definitions differ in nothing but their protection.
func (t *term) same(u *term) bool {
	return t.iri == u.iri && t.prefix == u.prefix && t.reverse == u.reverse && t.kind == u.kind &&
		t.index == u.index && t.nest == u.nest && slices.Equal(t.container, u.container) &&
		(t.language == nil) == (u.language == nil) && (t.language == nil || *t.language == *u.language) &&
		sameScope(t.scoped, u.scoped)
}

func sameScope(a, b *scoped) bool {
	return a == b || a != nil && b != nil && a.from.url == b.from.url && sameJSON(a.local, b.local)
}

// sameJSON reports whether two values are equal, whatever the order of members.
func sameJSON(a, b any) bool { return string(canonical(nil, a)) == string(canonical(nil, b)) }

// keywords of JSON-LD 1.1 (JSON-LD 1.1 §1.7).
var keywords = []string{
	"@base", "@container", "@context", "@direction", "@graph", "@id", "@import", "@included", "@index", "@json", "@language",
	"@list", "@nest", "@none", "@prefix", "@propagate", "@protected", "@reverse", "@set", "@type", "@value", "@version", "@vocab",
}

// keywordSet has a bit for each keyword.
type keywordSet uint32

func setOf(words ...string) (s keywordSet) {
	for _, w := range words {
		s |= 1 << slices.Index(keywords, w)
	}
	return s
}

// any reports whether one of some keywords is in s.
func (s keywordSet) any(words ...string) bool { return s&setOf(words...) != 0 }

// within reports whether no others than some keywords are in s.
func (s keywordSet) within(words ...string) bool { return s&^setOf(words...) == 0 }

func isKeyword(s string) bool { return s != "" && s[0] == '@' && slices.Contains(keywords, s) }

// likeKeyword reports whether s looks as keywords do, which are all reserved.
func likeKeyword(s string) bool {
	return len(s) > 1 && s[0] == '@' && strings.Trim(s[1:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// notTerms are the members of a context that define no term.
var notTerms = []string{"@base", "@direction", "@import", "@language", "@propagate", "@protected", "@version", "@vocab"}

// wrong returns the error for a document that JSON-LD forbids; code is one of
// JSON-LD 1.1 API §8.2.
func wrong(code, detail string) error {
	if detail == "" {
		return fmt.Errorf("%w: %s", ErrSyntax, code)
	}
	return fmt.Errorf("%w: %s: %.200q", ErrSyntax, code, detail)
}

// how tells what a local context is processed for.
type how struct {
	from     origin
	override bool // protected terms may be defined anew
	passing  bool // not for what is nested: propagate is false
	checking bool // only to see whether it is sound
}

// process is the context processing algorithm (JSON-LD 1.1 API §4.1.2).
func (l *jsonld) process(active *activeContext, local any, h how) (*activeContext, error) {
	if o, ok := local.(*object); ok {
		if v, ok := o.get("@propagate"); ok {
			propagate, isBool := v.(bool)
			if !isBool {
				return nil, wrong("invalid @propagate value", "")
			}
			h.passing = !propagate
		}
	}
	result := *active
	result.shared = true
	if h.passing && result.previous == nil {
		result.previous = active
	}
	for _, v := range asList(local) {
		if err := l.spend(contextCost); err != nil {
			return nil, err
		}
		if err := l.processOne(&result, v, h); err != nil {
			return nil, err
		}
	}
	return &result, nil
}

// contextCost is what a context counts for beside its members, in bytes.
const contextCost = 64

func (l *jsonld) processOne(c *activeContext, local any, h how) error {
	switch local := local.(type) {
	case nil:
		return l.clear(c, h)
	case string:
		return l.named(c, local, h)
	case *object:
		return l.define(c, local, h)
	}
	return wrong("invalid local context", "")
}

// clear makes c the context that the document began with.
func (l *jsonld) clear(c *activeContext, h how) error {
	if !h.override {
		for name, t := range c.terms {
			if t != nil && t.protected {
				return wrong("invalid context nullification", name)
			}
		}
	}
	fresh := activeContext{base: l.base}
	if h.passing {
		old := *c
		old.previous = nil // what a reverted context reverts to is never asked
		fresh.previous = &old
	}
	*c = fresh
	return nil
}

// named adds to c a context that is known by its URL.
func (l *jsonld) named(c *activeContext, ref string, h how) error {
	url, local, err := l.load(ref, h.from)
	if err != nil {
		return err
	}
	if slices.Contains(h.from.chain, url) {
		if h.checking {
			return nil
		}
		return wrong("recursive context inclusion", url)
	}
	fresh := c.terms == nil && c.previous == nil && c.vocab == nil && c.language == "" && c.base == l.base
	if made := l.made[url]; made != nil && fresh {
		*c = *made
		return nil
	}
	h.from = origin{url, append(slices.Clone(h.from.chain), url)}
	made, err := l.process(c, local, how{from: h.from, override: h.override, checking: h.checking})
	if err != nil {
		return err
	}
	made.shared = true
	if fresh {
		l.made[url] = made
	}
	*c = *made
	return nil
}

// define adds to c what an object says (JSON-LD 1.1 API §4.1.2, 5.5 to 5.13).
func (l *jsonld) define(c *activeContext, local *object, h how) error {
	if v, ok := local.get("@version"); ok && v != json.Number("1.1") {
		return wrong("invalid @version value", "")
	}
	local, err := l.imported(local, h)
	if err != nil {
		return err
	}
	for _, set := range []func(*activeContext, *object, how) error{l.setBase, l.setVocab, setLanguage} {
		if err := set(c, local, h); err != nil {
			return err
		}
	}
	if v, ok := local.get("@propagate"); ok {
		if _, isBool := v.(bool); !isBool {
			return wrong("invalid @propagate value", "")
		}
	}
	d := definer{jsonld: l, c: c, local: local, how: h, state: make(map[string]bool)}
	if d.protected, err = boolean(local, "@protected"); err != nil {
		return err
	}
	for _, name := range local.keys {
		if slices.Contains(notTerms, name) {
			continue
		}
		if err := d.term(name); err != nil {
			return err
		}
	}
	return nil
}

// imported returns a context with what it imports beneath its own members.
func (l *jsonld) imported(local *object, h how) (*object, error) {
	v, ok := local.get("@import")
	if !ok {
		return local, nil
	}
	ref, ok := v.(string)
	if !ok {
		return nil, wrong("invalid @import value", "")
	}
	url, loaded, err := l.load(ref, h.from)
	if err != nil {
		return nil, err
	}
	below, ok := loaded.(*object)
	if !ok {
		return nil, wrong("invalid remote context", url)
	}
	if _, again := below.get("@import"); again {
		return nil, wrong("invalid context entry", url)
	}
	merged := new(object)
	for _, o := range []*object{below, local} {
		for i, key := range o.keys {
			merged.set(key, o.values[i])
		}
	}
	return merged, nil
}

func (l *jsonld) setBase(c *activeContext, local *object, h how) error {
	v, ok := local.get("@base")
	if !ok || len(h.from.chain) > 0 {
		return nil
	}
	ref, isString := v.(string)
	if v == nil {
		c.base = ""
		return nil
	}
	base, err := l.resolve(c.base, ref)
	if err != nil {
		return err
	}
	if !isString || schemeEnd(base) < 0 {
		return wrong("invalid base IRI", ref)
	}
	c.base = base
	return nil
}

func (l *jsonld) setVocab(c *activeContext, local *object, _ how) error {
	v, ok := local.get("@vocab")
	if !ok {
		return nil
	}
	if v == nil {
		c.vocab = nil
		return nil
	}
	ref, isString := v.(string)
	if !isString {
		return wrong("invalid vocab mapping", "")
	}
	vocab, err := l.expandIRI(c, ref, relative|vocabulary, nil)
	if err != nil {
		return err
	}
	c.vocab = &vocab
	return nil
}

func setLanguage(c *activeContext, local *object, _ how) error {
	if v, ok := local.get("@direction"); ok && v != nil && v != "ltr" && v != "rtl" {
		return wrong("invalid base direction", "")
	}
	v, ok := local.get("@language")
	if !ok {
		return nil
	}
	language, isString := v.(string)
	if !isString && v != nil {
		return wrong("invalid default language", "")
	}
	c.language = language
	return nil
}

// boolean returns a member that may be absent, which is false.
func boolean(o *object, key string) (bool, error) {
	v, ok := o.get(key)
	if !ok {
		return false, nil
	}
	b, ok := v.(bool)
	if !ok {
		return false, wrong("invalid "+key+" value", "")
	}
	return b, nil
}

// put gives c a definition of its own; nil takes away the one it has.
func (l *jsonld) put(c *activeContext, name string, t *term) error {
	if c.shared || c.terms == nil {
		if err := l.spend(len(c.terms) * copyCost); err != nil {
			return err
		}
		c.terms, c.shared = maps.Clone(c.terms), false
	}
	if t == nil {
		delete(c.terms, name)
		return nil
	}
	if c.terms == nil {
		c.terms = make(map[string]*term)
	}
	c.terms[name] = t
	return l.spend(termCost)
}

// What a definition and the copy of one count for, in bytes.
const (
	termCost = 64
	copyCost = 16
)
