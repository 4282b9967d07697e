package rdf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/piprate/json-gold/ld"
	"pgregory.net/rapid"
)

func decodeJSON(t testing.TB, doc string, base IRI) *Graph {
	t.Helper()
	g, err := Decode(strings.NewReader(doc), JSONLD, base, Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return g
}

func encodeJSON(t testing.TB, g *Graph, base IRI) string {
	t.Helper()
	var out strings.Builder
	if err := EncodeJSONLD(&out, g, base); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDecodeJSONLD(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"names are resolved against the base", `{"@id": "", "urn:x:p": [{"@id": "café"}, {"@id": "a//b"}, {"@id": "../x?y#z"}, {"@id": "?q"}]}`,
			`<> :p <café>, <a//b>, <../x?y#z>, <?q> .`},
		{"a compact name and a term", `{"@context": {"x": "urn:x:", "p": {"@id": "x:p", "@type": "@id"}}, "@id": "x:s", "p": "o", "x:q": true}`,
			`:s :p <o>; :q true .`},
		{"a term that is null is left out", `{"@context": {"x": "urn:x:", "x:q": null, "r": null, "@vocab": "urn:x:"}, "@id": "", "x:p": 1, "x:q": 2, "r": 3}`,
			`<> :p 1 .`},
		{"a prefix that is null is none", `{"@context": {"x": null}, "@id": "", "x:p": 1}`, `<> <x:p> 1 .`},
		{"numbers keep their digits and become doubles with a fraction", `{"@id": "", "urn:x:p": [12345678901234567890, 1.5, -0, 1e3, 1E30, 5.0, {"@value": 2, "@type": "http://www.w3.org/2001/XMLSchema#double"}]}`,
			`<> :p 12345678901234567890, 1.5E0, 0, 1000, 1.0E30, 5, 2.0E0 .`},
		{"a value object keeps its lexical form", `{"@id": "", "urn:x:p": [{"@value": "01", "@type": "http://www.w3.org/2001/XMLSchema#integer"}, {"@value": "x", "@language": "EN-gb"}]}`,
			`<> :p "01"^^xsd:integer, "x"@en-gb .`},
		{"only the default graph is read", `{"@id": "", "urn:x:p": 1, "@graph": [{"@id": "other", "urn:x:q": 2}]}`, `<> :p 1 .`},
		{"@graph at the top is the default graph", `{"@context": {"@vocab": "urn:x:"}, "@graph": [{"@id": "a", "p": 1}, {"@id": "b", "p": 2}]}`, `<a> :p 1 . <b> :p 2 .`},
		{"@graph in an array is a graph of its own", `[{"@graph": [{"@id": "a", "urn:x:p": 1}]}, {"@id": "b", "urn:x:p": 2}]`, `<b> :p 2 .`},
		{"one @graph in an array is one, too", `[{"@graph": [{"@id": "a", "urn:x:p": 1}]}]`, ``},
		{"@base, in the document only", `{"@context": {"@base": "sub/", "p": {"@id": "urn:x:p", "@type": "@id"}}, "@id": "a", "p": ["/b", "../c"]}`, `<sub/a> :p </b>, <c> .`},
		{"no base leaves relative names out", `{"@context": {"@base": null, "p": "urn:x:p"}, "@id": "a", "p": 1, "@included": {"@id": "urn:x:s", "p": [2, {"@id": "b"}]}}`, `:s :p 2 .`},
		{"a vocabulary, a language and their end", `{"@context": {"@vocab": "urn:x:", "@language": "en"}, "@id": "", "p": ["a", {"@value": "b", "@language": "de"}, {"@context": {"@language": null}, "@id": "o", "q": "c"}]}`,
			`<> :p 'a'@en, 'b'@de, <o> . <o> :q 'c' .`},
		{"terms with a type or a language", `{"@context": {"@vocab": "urn:x:", "d": {"@type": "http://www.w3.org/2001/XMLSchema#date"}, "v": {"@type": "@vocab"}, "n": {"@type": "@none"}, "e": {"@language": "en"}, "w": {"@language": null}}, "@id": "", "d": "2026-01-02", "v": "t", "n": "x", "e": "y", "w": "z"}`,
			`<> :d '2026-01-02'^^xsd:date; :v :t; :n 'x'; :e 'y'@en; :w 'z' .`},
		{"a list by container", `{"@context": {"l": {"@id": "urn:x:l", "@container": "@list"}}, "@id": "", "l": ["a", ["b"], {"@list": []}]}`, `<> :l ( 'a' ( 'b' ) () ) .`},
		{"an empty set makes an empty list", `{"@context": {"l": {"@id": "urn:x:l", "@container": "@list"}}, "@id": "", "l": {"@set": []}, "urn:x:p": {"@set": []}}`, `<> :l () .`},
		{"texts by language", `{"@context": {"m": {"@id": "urn:x:m", "@container": "@language"}}, "@id": "", "m": {"en": ["a", null], "de": "b", "@none": "c"}}`, `<> :m 'a'@en, 'b'@de, 'c' .`},
		{"nodes by index, by id and by type", `{"@context": {"@vocab": "urn:x:", "i": {"@container": "@index"}, "d": {"@container": "@id"}, "t": {"@container": "@type"}}, "@id": "", "i": {"1": {"@id": "a"}}, "d": {"b": {"p": 1}, "@none": {"@id": "c"}}, "t": {"T": {"@id": "e"}}}`,
			`<> :i <a>; :d <b>, <c>; :t <e> . <b> :p 1 . <e> a :T .`},
		{"an index that is a property", `{"@context": {"@vocab": "urn:x:", "i": {"@container": "@index", "@index": "at"}}, "@id": "", "i": {"one": {"@id": "a"}}}`, `<> :i <a> . <a> :at 'one' .`},
		{"a graph by container is not read", `{"@context": {"@vocab": "urn:x:", "g": {"@container": "@graph"}}, "@id": "", "g": {"@id": "a", "p": 1}, "q": 2}`, `<> :g [] ; :q 2 .`},
		{"a reverse term", `{"@context": {"of": {"@reverse": "urn:x:has", "@type": "@id"}}, "@id": "", "of": ["a", "b"]}`, `<a> :has <> . <b> :has <> .`},
		{"nested members", `{"@context": {"@vocab": "urn:x:", "box": "@nest"}, "@id": "", "box": [{"p": 1}, {"q": 2, "box": {"r": 3}}]}`, `<> :p 1; :q 2; :r 3 .`},
		{"a context of a property, and of a type", `{"@context": {"@vocab": "urn:x:", "p": {"@context": {"q": "urn:x:of-p"}}, "T": {"@context": {"q": "urn:x:of-t"}}}, "@id": "", "q": 0, "p": {"@id": "a", "q": 1, "r": {"@id": "b", "q": 2}}, "s": {"@id": "c", "@type": "T", "q": 3, "r": {"@id": "d", "q": 4}}}`,
			`<> :q 0; :p <a>; :s <c> . <a> :of-p 1; :r <b> . <b> :of-p 2 . <c> a :T; :of-t 3; :r <d> . <d> :q 4 .`},
		{"a context that is not passed on", `{"@context": {"@vocab": "urn:x:"}, "@id": "", "p": {"@context": {"@propagate": false, "q": "urn:x:other"}, "@id": "a", "q": 1, "r": {"@id": "b", "q": 2}}}`,
			`<> :p <a> . <a> :other 1; :r <b> . <b> :q 2 .`},
		{"protected terms may stay as they are", `{"@context": [{"@protected": true, "p": "urn:x:p"}, {"p": "urn:x:p"}], "@id": "", "p": 1}`, `<> :p 1 .`},
		{"an alias of a keyword", `{"@context": {"@vocab": "urn:x:", "is": "@type", "name": "@id", "value": "@value", "list": "@list"}, "name": "", "is": "T", "p": {"value": "x"}, "q": {"list": [1]}}`, `<> a :T; :p 'x'; :q ( 1 ) .`},
		{"words that look like keywords are left out", `{"@context": {"@vocab": "urn:x:", "@new": "urn:x:new", "t": "@future"}, "@id": "", "@unknown": 1, "p": 2, "t": 3}`, `<> :p 2; :t 3 .`},
		{"sets and nulls", `{"@id": "", "urn:x:p": {"@set": [1, null, {"@value": null}, {"@set": [2]}]}, "urn:x:q": null}`, `<> :p 1, 2 .`},
		{"texts at the top are no triples", `["x", 1, {"@value": "y"}, {"@id": "a"}, {}]`, ``},
		{"lists of lists", `{"@id": "", "urn:x:p": {"@list": [1, {"@list": []}, {"@list": [2]}]}}`, `<> :p ( 1 () ( 2 ) ) .`},
		{"reverse and included", `{"@id": "", "@reverse": {"urn:x:p": {"@id": "a"}}, "@included": {"@id": "b", "urn:x:q": 1}}`, `<a> :p <> . <b> :q 1 .`},
		{"blank nodes with any label", `[{"@id": "_:a b", "urn:x:p": {"@id": "_:"}}, {"@id": "_:g1", "urn:x:p": {"@id": "_:a b"}}]`, `_:x :p _:y . _:z :p _:x .`},
		{"what is no IRI, no language and no datatype is left out", `{"@id": "", "urn:x:p": [{"@id": "urn:x y"}, {"@value": "x", "@language": "not a language"}, 1], "urn:a b": 1, "_:p": 1, "@type": ["urn:<>", "urn:x:T"]}`,
			`<> :p 1; a :T .`},
		{"a node whose name is no IRI is left out, those in it are not", `{"@id": "urn:x y", "urn:x:p": {"@id": "a", "urn:x:q": 1}}`, `<a> :q 1 .`},
		{"@json is kept in canonical form", `{"@id": "", "urn:x:p": {"@type": "@json", "@value": {"b": [1.0, 1e21, "é\u2028\u000f"], "a": null}}}`,
			"<> :p \"{\\\"a\\\":null,\\\"b\\\":[1,1e+21,\\\"é\u2028\\\\u000f\\\"]}\"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> ."},
		{"Activity Streams is built in", `{"@context": ["https://www.w3.org/ns/activitystreams", {"x": "urn:x:"}], "id": "", "type": "Note", "published": "2026-01-02T03:04:05Z", "to": "a", "x:p": "y"}`,
			`@prefix as: <https://www.w3.org/ns/activitystreams#>. <> a as:Note; as:published "2026-01-02T03:04:05Z"^^xsd:dateTime; as:to <a>; :p "y" .`},
		{"Solid Notifications is built in", `{"@context": "https://www.w3.org/ns/solid/notification/v1", "type": "http://www.w3.org/ns/solid/notifications#WebSocketChannel2023", "topic": "a", "rate": "PT10S"}`,
			`@prefix n: <http://www.w3.org/ns/solid/notifications#>. [] a n:WebSocketChannel2023; n:topic <a>; n:rate "PT10S"^^xsd:duration .`},
		{"Solid-OIDC is built in", `{"@context": ["https://www.w3.org/ns/solid/oidc-context.jsonld"], "client_id": "https://app.example/id", "client_name": "App", "redirect_uris": ["https://app.example/"]}`,
			`@prefix o: <http://www.w3.org/ns/solid/oidc#>. <https://app.example/id> o:client_name "App"; o:redirect_uris <https://app.example/> .`},
		{"Controlled Identifiers is built in", `{"@context": "https://www.w3.org/ns/cid/v1", "id": "#me", "authentication": {"id": "#k", "type": "JsonWebKey", "publicKeyJwk": {"kty": "OKP", "crv": "X"}}}`,
			`@prefix s: <https://w3id.org/security#>. <#me> s:authenticationMethod <#k> . <#k> a s:JsonWebKey; s:publicKeyJwk '{"crv":"X","kty":"OKP"}'^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> .`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if g, want := decodeJSON(t, c.doc, testBase), graphOf(t, c.want); !Isomorphic(g, want) {
				t.Errorf("graph is\n%swant\n%s", lines(g), lines(want))
			}
		})
	}
}

func TestDecodeJSONLDRefuses(t *testing.T) {
	for _, c := range []struct {
		name, doc, message string
		err                error
	}{
		{"nothing", ``, "line 1, column 1", ErrSyntax},
		{"text behind the value", `{} {}`, "behind", ErrSyntax},
		{"an object that does not end", `{"a": [1, 2`, "not JSON", ErrSyntax},
		{"a comma too many", `{"a": 1,}`, "not JSON", ErrSyntax},
		{"a member that is there twice", `{"a": 1, "b": 2, "a": 1}`, "twice", ErrSyntax},
		{"one in a context too", `{"@context": {"a": "x:a", "a": "x:b"}, "a": 1}`, "twice", ErrSyntax},
		{"a key that is no string", `{1: 2}`, "not JSON", ErrSyntax},
		{"the place of an error", "{\n \"é\": nul}", "line 2, column", ErrSyntax},
		{"what is not UTF-8", "{\"a\": \"\xff\"}", "not UTF-8", ErrSyntax},
		{"a context elsewhere is named", `{"@context": "https://elsewhere.example/c", "a": 1}`, "https://elsewhere.example/c", ErrSyntax},
		{"a relative context", `{"@context": "c.jsonld", "a": 1}`, "https://pod.example/dir/c.jsonld", ErrSyntax},
		{"an import elsewhere", `{"@context": {"@import": "https://elsewhere.example/c"}, "a": 1}`, "https://elsewhere.example/c", ErrSyntax},
		{"a file", `{"@context": "file:///etc/passwd"}`, "file:///etc/passwd", ErrSyntax},
		{"protected terms of a built-in context", `{"@context": ["https://www.w3.org/ns/cid/v1", {"controller": "urn:x"}]}`, "protected term redefinition", ErrSyntax},
		{"terms in a circle", `{"@context": {"a": "b:x", "b": "a:x"}, "a": 1}`, "cyclic IRI mapping", ErrSyntax},
		{"an @id that is no string", `{"@id": {"@id": "x"}}`, "invalid @id value", ErrSyntax},
		{"a bad node in a list", `{"urn:x:p": {"@list": [{"@id": 5}]}}`, "invalid @id value", ErrSyntax},
		{"an unknown version", `{"@context": {"@version": 1.2}}`, "invalid @version value", ErrSyntax},
		{"a context that is a number", `{"@context": 5}`, "invalid local context", ErrSyntax},
		{"a base that is none", `{"@context": {"@base": 5}}`, "invalid base IRI", ErrSyntax},
		{"a vocabulary that is none", `{"@context": {"@vocab": 5}}`, "invalid vocab mapping", ErrSyntax},
		{"a language that is none", `{"@context": {"@language": 5}}`, "invalid default language", ErrSyntax},
		{"a direction that is none", `{"@context": {"@direction": "up"}}`, "invalid base direction", ErrSyntax},
		{"@propagate that is no boolean", `{"@context": {"@propagate": 1}}`, "invalid @propagate value", ErrSyntax},
		{"@protected that is no boolean", `{"@context": {"@protected": 1}}`, "invalid @protected value", ErrSyntax},
		{"@import that is no text", `{"@context": {"@import": 1}}`, "invalid @import value", ErrSyntax},
		{"an empty term", `{"@context": {"": "urn:x"}}`, "invalid term definition", ErrSyntax},
		{"a term that is a number", `{"@context": {"a": 5}}`, "invalid term definition", ErrSyntax},
		{"a term with a member of its own", `{"@context": {"a": {"@id": "urn:x", "b": 1}}}`, "invalid term definition", ErrSyntax},
		{"a term that means nothing", `{"@context": {"a": {"@type": "@id"}}}`, "invalid IRI mapping", ErrSyntax},
		{"a keyword as a term", `{"@context": {"@id": "urn:x"}}`, "keyword redefinition", ErrSyntax},
		{"@type with an @id", `{"@context": {"@type": {"@id": "urn:x"}}}`, "keyword redefinition", ErrSyntax},
		{"an alias of @context", `{"@context": {"a": "@context"}}`, "invalid keyword alias", ErrSyntax},
		{"a type that is no IRI", `{"@context": {"a": {"@id": "urn:x", "@type": "b"}}}`, "invalid type mapping", ErrSyntax},
		{"a type that is a number", `{"@context": {"a": {"@id": "urn:x", "@type": 1}}}`, "invalid type mapping", ErrSyntax},
		{"@reverse and @id", `{"@context": {"a": {"@id": "urn:x", "@reverse": "urn:y"}}}`, "invalid reverse property", ErrSyntax},
		{"@reverse that is no IRI", `{"@context": {"a": {"@reverse": "b"}}}`, "invalid IRI mapping", ErrSyntax},
		{"@reverse of a list", `{"@context": {"a": {"@reverse": "urn:y", "@container": "@list"}}}`, "invalid reverse property", ErrSyntax},
		{"a term that says it is another", `{"@context": {"x": "urn:x:", "x:a": "urn:y"}}`, "invalid IRI mapping", ErrSyntax},
		{"an unknown container", `{"@context": {"a": {"@id": "urn:x", "@container": "@bag"}}}`, "invalid container mapping", ErrSyntax},
		{"containers that exclude each other", `{"@context": {"a": {"@id": "urn:x", "@container": ["@list", "@set"]}}}`, "invalid container mapping", ErrSyntax},
		{"a container of types with a datatype", `{"@context": {"a": {"@id": "urn:x", "@container": "@type", "@type": "urn:y"}}}`, "invalid type mapping", ErrSyntax},
		{"@index without its container", `{"@context": {"a": {"@id": "urn:x", "@index": "urn:y"}}}`, "invalid term definition", ErrSyntax},
		{"a context of a term that is wrong", `{"@context": {"a": {"@id": "urn:x", "@context": {"b": 5}}}}`, "invalid scoped context", ErrSyntax},
		{"a language of a term that is none", `{"@context": {"a": {"@id": "urn:x", "@language": 5}}}`, "invalid language mapping", ErrSyntax},
		{"@nest in a keyword", `{"@context": {"a": {"@id": "urn:x", "@nest": "@id"}}}`, "invalid @nest value", ErrSyntax},
		{"@prefix of a compact name", `{"@context": {"x:a": {"@id": "x:a", "@prefix": true}}}`, "invalid term definition", ErrSyntax},
		{"a protected term is taken away", `{"@context": [{"@protected": true, "a": "urn:x"}, null]}`, "invalid context nullification", ErrSyntax},
		{"two of a keyword", `{"@context": {"id": "@id"}, "@id": "a", "id": "b"}`, "colliding keywords", ErrSyntax},
		{"a type that is an object", `{"@type": {}}`, "invalid type value", ErrSyntax},
		{"@included of a text", `{"@included": "x"}`, "invalid @included value", ErrSyntax},
		{"a value that is an object", `{"urn:p": {"@value": {}}}`, "invalid value object value", ErrSyntax},
		{"a value with a property", `{"urn:p": {"@value": 1, "urn:q": 2}}`, "invalid value object", ErrSyntax},
		{"a value with an @id", `{"urn:p": {"@value": 1, "@id": "x"}}`, "invalid value object", ErrSyntax},
		{"a number with a language", `{"urn:p": {"@value": 1, "@language": "en"}}`, "invalid language-tagged value", ErrSyntax},
		{"a language that is a number", `{"urn:p": {"@value": "x", "@language": 1}}`, "invalid language-tagged string", ErrSyntax},
		{"a datatype that is no IRI", `{"urn:p": {"@value": "x", "@type": "y z"}}`, "invalid typed value", ErrSyntax},
		{"an @index that is a number", `{"@index": 1}`, "invalid @index value", ErrSyntax},
		{"a direction of a value", `{"urn:p": {"@value": "x", "@direction": "up"}}`, "invalid base direction", ErrSyntax},
		{"a list with an @id", `{"urn:p": {"@list": [], "@id": "x"}}`, "invalid set or list object", ErrSyntax},
		{"@reverse that is a text", `{"@reverse": "x"}`, "invalid @reverse value", ErrSyntax},
		{"@reverse with a keyword", `{"@reverse": {"@id": "x"}}`, "invalid reverse property map", ErrSyntax},
		{"@reverse with a literal", `{"@reverse": {"urn:p": "x"}}`, "invalid reverse property value", ErrSyntax},
		{"a text by language that is a number", `{"@context": {"m": {"@id": "urn:m", "@container": "@language"}}, "m": {"en": 1}}`, "invalid language map value", ErrSyntax},
		{"nested members that are a text", `{"@nest": "x"}`, "invalid @nest value", ErrSyntax},
		{"nested members that are a value", `{"@nest": {"@value": 1}}`, "invalid @nest value", ErrSyntax},
		{"nested too deeply", strings.Repeat("[", 65) + strings.Repeat("]", 65), "nested", ErrTooLarge},
		{"too many triples", `{"urn:x:p": [` + strings.Repeat(`1,`, 60_000) + `1]}`, "triples", ErrTooLarge},
		{"too many values", strings.Repeat("[", 2) + strings.Repeat("[],", 600_000) + "1]]", "values", ErrTooLarge},
		{"a long prefix used often", `{"@context": {"p": "urn:` + strings.Repeat("x", 30_000) + `/"}, "urn:x:p": ["p:a"` + strings.Repeat(`, {"@id": "p:a"}`, 3000) + `]}`, "expand", ErrTooLarge},
		{"a large context copied often", `{"@context": {` + manyTerms(2000) + `}, "@graph": [{}` + strings.Repeat(`, {"@context": {"a": "urn:x:a"}}`, 1000) + `]}`, "expand", ErrTooLarge},
		{"a context of a type used often", `{"@context": {"T": {"@id": "urn:T", "@context": {` + manyTerms(1000) + `}}}, "@graph": [{}` + strings.Repeat(`, {"@type": "T"}`, 3000) + `]}`, "expand", ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(strings.NewReader(c.doc), JSONLD, testBase, Limits{})
			if !errors.Is(err, c.err) || g != nil || !strings.Contains(err.Error(), c.message) {
				t.Errorf("error is %v, want %v with %q", err, c.err, c.message)
			}
		})
	}
}

func manyTerms(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, `"t%d": "urn:x:%d",`, i, i)
	}
	return out.String() + `"a": "urn:x:a"`
}

func TestEncodeJSONLD(t *testing.T) {
	for _, c := range []struct {
		doc  string
		base IRI
		want string
	}{
		{"", "", `[]`},
		{"<> a :T, :U; :p 1, 'x', 'x'@en, true .", testBase,
			`[{"@id":"","@type":["urn:x:T","urn:x:U"],"urn:x:p":[{"@value":"1","@type":"http://www.w3.org/2001/XMLSchema#integer"},{"@value":"x"},{"@value":"x","@language":"en"},{"@value":"true","@type":"http://www.w3.org/2001/XMLSchema#boolean"}]}]`},
		{"<> :p <a>, <#f>, <https://other.example/> .", testBase, `[{"@id":"","urn:x:p":[{"@id":"a"},{"@id":"#f"},{"@id":"https://other.example/"}]}]`},
		{"<> :p <a> .", "", `[{"@id":"https://pod.example/dir/doc?q","urn:x:p":[{"@id":"https://pod.example/dir/a"}]}]`},
		{"<@id> :p <@none> .", testBase, `[{"@id":"https://pod.example/dir/@id","urn:x:p":[{"@id":"https://pod.example/dir/@none"}]}]`},
		{"<> :p [ :q 'a\\\"\\n\\u0001\\u2028<é>' ] .", testBase, "[{\"@id\":\"\",\"urn:x:p\":[{\"urn:x:q\":[{\"@value\":\"a\\\"\\n\\u0001\u2028<é>\"}]}]}]"},
		{"<> :p ( 'a' ( 'b' ) () ) .", testBase, `[{"@id":"","urn:x:p":[{"@list":[{"@value":"a"},{"@list":[{"@value":"b"}]},{"@id":"http://www.w3.org/1999/02/22-rdf-syntax-ns#nil"}]}]}]`},
		{"_:a :p _:b . _:b :p _:a, _:a . [] :q 'x' .", testBase,
			`[{"urn:x:q":[{"@value":"x"}]},` + "\n" + `{"@id":"_:b1","urn:x:p":[{"urn:x:p":[{"@id":"_:b1"}]}]}]`},
		{"<> a 'text', [] .", testBase, `[{"@id":"","http://www.w3.org/1999/02/22-rdf-syntax-ns#type":[{"@value":"text"},{}]}]`},
	} {
		g := graphOf(t, c.doc)
		text := encodeJSON(t, g, c.base)
		if strings.TrimSuffix(text, "\n") != c.want {
			t.Errorf("%s\nis    %s\nwant  %s", c.doc, text, c.want)
		}
		if back := decodeJSON(t, text, c.base); !Isomorphic(g, back) {
			t.Errorf("%s reads back as\n%s", text, lines(back))
		}
	}
}

func TestEncodeJSONLDRefusesABadBase(t *testing.T) {
	if err := EncodeJSONLD(new(strings.Builder), new(Graph), "not an IRI"); !errors.Is(err, ErrSyntax) {
		t.Errorf("error is %v, want ErrSyntax", err)
	}
}

// TestJSONLDReadsBack writes and reads random graphs, with every kind of term that
// a graph admits, and asks that the text depends on the graph alone.
func TestJSONLDReadsBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		g := randomGraph(t, random)
		if back := decodeJSON(t, encodeJSON(t, g, testBase), testBase); !Isomorphic(g, back) {
			t.Fatalf("%s\nreads back as\n%s", lines(g), lines(back))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		for _, base := range []IRI{"", testBase} {
			var one, two strings.Builder
			if err := EncodeJSONLD(&one, g, base); err != nil {
				t.Fatal(err)
			}
			if err := EncodeJSONLD(&two, g, base); err != nil || one.String() != two.String() {
				t.Fatalf("written twice: %v\n%s%s", err, one.String(), two.String())
			}
			back, err := Decode(strings.NewReader(one.String()), JSONLD, base, Limits{})
			if err != nil || !Isomorphic(g, back) {
				t.Fatalf("%s\nreads back as another graph: %v", one.String(), err)
			}
		}
	})
}

// drawGraph returns a small graph. Its IRIs and its texts have whatever characters
// they may have.
func drawGraph(t *rapid.T) *Graph {
	iri := rapid.OneOf(
		rapid.SampledFrom([]string{"https://pod.example/dir/", "https://pod.example/dir/doc?q", "urn:x:p", "http://a/#a#b", "x:@id", string(rdfNil), string(rdfFirst)}),
		rapid.StringMatching(`https://pod\.example/dir/[@a-z:#?./é%20-]{0,8}`),
		rapid.StringMatching(`[a-z]{1,3}:[a-z@:/#?é]{0,6}`),
	)
	blank := rapid.Custom(func(t *rapid.T) Term {
		return Blank(rapid.SampledFrom([]string{"a", "b", "g1", "b1"}).Draw(t, "label"))
	})
	named := rapid.Custom(func(t *rapid.T) Term { return IRITerm(IRI(iri.Draw(t, "iri"))) })
	literal := rapid.Custom(func(t *rapid.T) Term {
		text := rapid.String().Draw(t, "text")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			return LangLiteral(text, rapid.SampledFrom([]string{"en", "de-CH-1996", "x-a1"}).Draw(t, "language"))
		case 1:
			return TypedLiteral(text, IRI(iri.Draw(t, "datatype")))
		}
		return Literal(text)
	})
	g := new(Graph)
	for range rapid.IntRange(0, 12).Draw(t, "triples") {
		triple := Triple{
			S: rapid.OneOf(named, blank).Draw(t, "s"),
			P: rapid.OneOf(named, rapid.SampledFrom([]Term{IRITerm(rdfType), IRITerm(rdfRest), IRITerm(rdfFirst)})).Draw(t, "p"),
			O: rapid.OneOf(named, blank, literal).Draw(t, "o"),
		}
		// What is drawn may be no triple; then it is not in the graph.
		if err := g.Add(triple); err != nil && !errors.Is(err, ErrSyntax) {
			t.Fatal(err)
		}
	}
	return g
}

// TestJSONLDAgreesWithJSONGold gives what EncodeJSONLD writes, and documents with
// contexts, to another reader of JSON-LD. The documents stay clear of what that
// one gets wrong: relative names with spaces or other letters, prefixes that are
// null, errors within lists.
func TestJSONLDAgreesWithJSONGold(t *testing.T) {
	docs := []string{
		`{"@context": {"@vocab": "http://v.example/", "id": "@id", "p": {"@type": "@id", "@container": "@list"}}, "id": "http://s.example/", "p": ["http://o.example/", "a"], "q": [1, 2.5, true, "x"]}`,
		`{"@context": {"@vocab": "http://v.example/", "@language": "de", "m": {"@container": "@language"}}, "@id": "http://s.example/", "p": "wort", "m": {"en": ["a", "b"], "fr": "c"}}`,
		`{"@context": {"@vocab": "http://v.example/", "T": {"@context": {"p": {"@id": "http://w.example/p", "@type": "@id"}}}}, "@id": "http://s.example/", "@type": "T", "p": "http://o.example/", "q": {"p": "text"}}`,
		`{"@context": {"@vocab": "http://v.example/", "by": {"@container": "@id"}, "kind": {"@container": "@type"}}, "@id": "http://s.example/", "by": {"http://a.example/": {"p": 1}}, "kind": {"K": {"@id": "http://b.example/"}}}`,
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		docs = append(docs, encodeJSON(t, randomGraph(t, random), ""))
	}
	for _, doc := range docs {
		g, other := decodeJSON(t, doc, "https://pod.example/"), readByJSONGold(t, doc, "https://pod.example/")
		if !Isomorphic(g, other) {
			t.Fatalf("%s\nis\n%sto json-gold it is\n%s", doc, lines(g), lines(other))
		}
	}
}

type noContexts struct{}

func (noContexts) LoadDocument(url string) (*ld.RemoteDocument, error) {
	return nil, fmt.Errorf("%s is not loaded", url)
}

func readByJSONGold(t *testing.T, doc, base string) *Graph {
	t.Helper()
	v, err := ld.DocumentFromReader(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	opts := ld.NewJsonLdOptions(base)
	opts.DocumentLoader = noContexts{}
	out, err := ld.NewJsonLdProcessor().ToRDF(v, opts)
	if err != nil {
		t.Fatalf("json-gold: %v\n%s", err, doc)
	}
	g := new(Graph)
	for _, q := range out.(*ld.RDFDataset).GetQuads("@default") {
		if err := g.Add(Triple{goldTerm(q.Subject), goldTerm(q.Predicate), goldTerm(q.Object)}); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func goldTerm(n ld.Node) Term {
	switch n := n.(type) {
	case ld.IRI:
		return IRITerm(IRI(n.Value))
	case ld.BlankNode:
		return Blank(strings.TrimPrefix(n.Attribute, "_:"))
	case ld.Literal:
		if n.Language != "" {
			return LangLiteral(n.Value, n.Language)
		}
		return TypedLiteral(n.Value, IRI(n.Datatype))
	}
	return Term{}
}

// TestBuiltInContextsAreSound processes each context that is built in, and asks
// for what its terms mean.
func TestBuiltInContextsAreSound(t *testing.T) {
	for _, v := range known {
		for _, url := range v.urls {
			g := decodeJSON(t, fmt.Sprintf(`{"@context": %q, "@type": ["urn:x:T"]}`, url), "")
			if g.Len() != 1 {
				t.Errorf("%s: %d triples, want 1", url, g.Len())
			}
		}
		for _, group := range v.terms {
			for _, name := range strings.Fields(group.names) {
				name, _, _ = strings.Cut(name, "=")
				if slices.Contains([]string{"@list", "@language"}, group.container) {
					continue
				}
				g := decodeJSON(t, fmt.Sprintf(`{"@context": %q, %q: "x:y"}`, v.urls[0], name), "")
				if g.Len() != 1 {
					t.Errorf("%s: %s gives %d triples, want 1", v.urls[0], name, g.Len())
				}
			}
		}
	}
}
