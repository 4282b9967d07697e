package bhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"kith/internal/fuzztest"
	"kith/sealed/bhttp"
)

// seeds adds the messages of the vectors.
func seeds(f *testing.F) {
	f.Helper()
	text, err := os.ReadFile("../../conformance/vectors/bhttp.json")
	if err != nil {
		f.Fatal(err)
	}
	var cases []struct{ Message string }
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	if len(cases) < 20 {
		f.Fatalf("%d vectors", len(cases))
	}
	for _, c := range cases {
		m, err := base64.RawURLEncoding.DecodeString(c.Message)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m)
	}
}

func FuzzParseRequest(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, m []byte) {
		fuzztest.Cheap(t, len(m), func() { bhttp.ParseRequest(m) })
		r, err := bhttp.ParseRequest(m)
		if err != nil {
			if !errors.Is(err, bhttp.ErrMalformed) || !reflect.DeepEqual(r, bhttp.Request{}) {
				t.Errorf("%+v, %v", r, err)
			}
			return
		}
		again, err := bhttp.ParseRequest(r.Append(nil))
		if err != nil || !same(r.Header, again.Header) || !same(r.Trailer, again.Trailer) || string(again.Content) != string(r.Content) ||
			again.Method != r.Method || again.Scheme != r.Scheme || again.Authority != r.Authority || again.Path != r.Path {
			t.Errorf("%+v is written and read as %+v, %v", r, again, err)
		}
		for _, line := range append(r.Header, r.Trailer...) {
			if line.Name == "" || line.Name != strings.ToLower(line.Name) || strings.ContainsAny(line.Name+line.Value, "\r\n\x00") || strings.Contains(line.Name, ":") {
				t.Errorf("line %q", line)
			}
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, m []byte) {
		fuzztest.Cheap(t, len(m), func() { bhttp.ParseResponse(m) })
		r, err := bhttp.ParseResponse(m)
		if err != nil {
			if !errors.Is(err, bhttp.ErrMalformed) || !reflect.DeepEqual(r, bhttp.Response{}) {
				t.Errorf("%+v, %v", r, err)
			}
			return
		}
		again, err := bhttp.ParseResponse(r.Append(nil))
		if err != nil || !same(r.Header, again.Header) || !same(r.Trailer, again.Trailer) || string(again.Content) != string(r.Content) ||
			again.Status != r.Status || len(again.Interim) != len(r.Interim) || r.Status < 200 || r.Status > 599 {
			t.Errorf("%+v is written and read as %+v, %v", r, again, err)
		}
	})
}

// same compares sections; none and an empty one are one.
func same(a, b []bhttp.Field) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

// TestInterimResponsesAreBounded: a message of nothing but interim responses costs
// no more than others.
func TestInterimResponsesAreBounded(t *testing.T) {
	m := []byte{1}
	for len(m) < 1<<20 {
		m = append(m, 0x40, 0x66, 0)
	}
	m = append(m, 0x40, 0xc8)
	if r, err := bhttp.ParseResponse(m); err == nil {
		t.Errorf("%d interim responses are read", len(r.Interim))
	}
	fuzztest.Cheap(t, 1<<10, func() { bhttp.ParseResponse(m) })
}

// TestContentOfManyChunks: a megabyte in chunks of a byte.
func TestContentOfManyChunks(t *testing.T) {
	m := []byte{3, 0x40, 0xc8, 0}
	for range 1 << 20 {
		m = append(m, 1, 'x')
	}
	m = append(m, 0, 0)
	r, err := bhttp.ParseResponse(m)
	if err != nil || len(r.Content) != 1<<20 {
		t.Fatalf("%d bytes, %v", len(r.Content), err)
	}
	fuzztest.Cheap(t, len(m), func() { bhttp.ParseResponse(m) })
}
