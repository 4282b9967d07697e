package rdf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// object is a JSON object that keeps the order of its members. A value is nil, a
// bool, a string, a json.Number, an []any or an *object.
type object struct {
	keys   []string
	values []any
	at     map[string]int // once it has many members
}

// indexFrom is the number of members from which an object is searched by a map.
const indexFrom = 8

func (o *object) find(key string) int {
	if o.at != nil {
		if i, ok := o.at[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range o.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// get returns the value of a member and whether there is one.
func (o *object) get(key string) (any, bool) {
	if i := o.find(key); i >= 0 {
		return o.values[i], true
	}
	return nil, false
}

// set adds a member, or gives one that is there another value.
func (o *object) set(key string, value any) {
	if i := o.find(key); i >= 0 {
		o.values[i] = value
		return
	}
	o.keys, o.values = append(o.keys, key), append(o.values, value)
	switch n := len(o.keys); {
	case o.at != nil:
		o.at[key] = n - 1
	case n == indexFrom:
		o.at = make(map[string]int)
		for i, k := range o.keys {
			o.at[k] = i
		}
	}
}

// jsonReader makes values of a JSON text, within limits.
type jsonReader struct {
	scanner
	dec        *json.Decoder
	depthLeft  int
	valuesLeft int
}

// readJSON reads the one value that a text consists of (RFC 8259).
func readJSON(s scanner, lim Limits) (any, error) {
	r := &jsonReader{
		scanner:    s,
		dec:        json.NewDecoder(strings.NewReader(s.src)),
		depthLeft:  lim.Depth,
		valuesLeft: lim.Triples*valuesOfTriple + valuesFree,
	}
	r.dec.UseNumber()
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.fail(int(r.dec.InputOffset()), "text behind the JSON value")
	}
	return v, nil
}

// A triple takes at most about five JSON values to write.
const (
	valuesOfTriple = 10
	valuesFree     = 1000
)

func (r *jsonReader) token() (json.Token, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, r.fail(int(r.dec.InputOffset()), "not JSON")
	}
	return t, nil
}

func (r *jsonReader) value() (any, error) {
	t, err := r.token()
	if err != nil {
		return nil, err
	}
	if r.valuesLeft--; r.valuesLeft < 0 {
		return nil, fmt.Errorf("%w: too many values", ErrTooLarge)
	}
	open, nests := t.(json.Delim)
	if !nests {
		return t, nil
	}
	if r.depthLeft == 0 {
		return nil, fmt.Errorf("%w: nested too deeply", ErrTooLarge)
	}
	r.depthLeft--
	defer func() { r.depthLeft++ }()
	if open == '{' {
		return r.object()
	}
	return r.array()
}

func (r *jsonReader) object() (*object, error) {
	o := new(object)
	for r.dec.More() {
		t, err := r.token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, r.fail(int(r.dec.InputOffset()), "not JSON")
		}
		if _, twice := o.get(key); twice { // which of the two counts, readers do not agree on (RFC 7493 §2.3)
			return nil, r.fail(int(r.dec.InputOffset()), "a member is there twice")
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		o.set(key, v)
	}
	_, err := r.token()
	return o, err
}

func (r *jsonReader) array() ([]any, error) {
	list := []any{}
	for r.dec.More() {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.token()
	return list, err
}

// asList returns the items of an array, or a lone value as the only one.
func asList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}
