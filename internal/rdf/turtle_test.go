package rdf

import (
	"errors"
	"strings"
	"testing"
)

const testBase = IRI("https://pod.example/dir/doc?q#f")

// ex shortens the tables: every document and every expected graph begins with it.
const ex = "@prefix : <urn:x:> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"

var turtleGood = []struct{ name, doc, want string }{
	// [1] to [6s]: documents and directives
	{"an empty document is an empty graph", ``, ``},
	{"comments and white space are nothing", " \t\r\n# <a> <b> <c> .\n#", ``},
	{"a comment may end a statement's line", ":s :p :o .# done", `<urn:x:s> <urn:x:p> <urn:x:o> .`},
	{"a comment may stand between tokens", ":s#1\n:p#2\r:o#3\n.", `<urn:x:s> <urn:x:p> <urn:x:o> .`},
	{"a triple twice is one", ":s :p :o . :s :p :o .", `<urn:x:s> <urn:x:p> <urn:x:o> .`},
	{"SPARQL prefix takes no dot and any case", "pReFiX e: <urn:e:> e:s e:p e:o .", `<urn:e:s> <urn:e:p> <urn:e:o> .`},
	{"SPARQL base takes no dot and any case", "bASE <urn:b/> <s> <p> <o> .", `<urn:b/s> <urn:b/p> <urn:b/o> .`},
	{"a directive needs no space before its IRI", "@base<urn:b/>.<s> <p> <o>.", `<urn:b/s> <urn:b/p> <urn:b/o> .`},
	{"@prefix needs no space before the colon", "@prefix:<urn:y:>.:s :p :o.", `<urn:y:s> <urn:y:p> <urn:y:o> .`},
	{"a prefix may be declared anew", ":s :p :o . @prefix : <urn:y:> . :s :p :o .",
		"<urn:x:s> <urn:x:p> <urn:x:o> .\n<urn:y:s> <urn:y:p> <urn:y:o> ."},
	{"a prefix is relative to the base where it stands", "@base <http://h/a/> . @prefix r: <b#> . @base <http://i/> . r:s r:p <> .",
		`<http://h/a/b#s> <http://h/a/b#p> <http://i/> .`},
	{"a base is relative to the base before", "@base <http://h/a/> . @base <b/> . <s> <p> <o> .",
		`<http://h/a/b/s> <http://h/a/b/p> <http://h/a/b/o> .`},
	{"a later base changes what the same text means", "@base <http://h/> . <s> <p> <s> . @base <http://i/> . <s> <p> <s> .",
		"<http://h/s> <http://h/p> <http://h/s> .\n<http://i/s> <http://i/p> <http://i/s> ."},
	{"a prefix may be called prefix or base", "@prefix prefix: <urn:1:> . @prefix base: <urn:2:> . prefix:s base:p base:o .",
		`<urn:1:s> <urn:2:p> <urn:2:o> .`},
	{"a prefix may be called a, true or false", "@prefix a: <urn:1:> . @prefix true: <urn:2:> . a:s a:a true:false .",
		`<urn:1:s> <urn:1:a> <urn:2:false> .`},
	// [6] to [9]: lists of properties and objects
	{"a is rdf:type", ":s a :T .", `<urn:x:s> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:x:T> .`},
	{"a needs no space before an IRI", ":s a<urn:x:T> .", `<urn:x:s> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:x:T> .`},
	{"commas list objects", ":s :p :a,:b , :c.", "<urn:x:s> <urn:x:p> <urn:x:a> .\n<urn:x:s> <urn:x:p> <urn:x:b> .\n<urn:x:s> <urn:x:p> <urn:x:c> ."},
	{"semicolons list properties", ":s :p :a;:q :b.", "<urn:x:s> <urn:x:p> <urn:x:a> .\n<urn:x:s> <urn:x:q> <urn:x:b> ."},
	{"semicolons may repeat and end a list", ":s :p :a ; ;; :q :b ;; .", "<urn:x:s> <urn:x:p> <urn:x:a> .\n<urn:x:s> <urn:x:q> <urn:x:b> ."},
	// [13], [16], [19] to [21], [133s]: values
	{"integers keep their digits", ":s :p -007,+1,0.", "<urn:x:s> <urn:x:p> \"-007\"^^xsd:integer .\n<urn:x:s> <urn:x:p> \"+1\"^^xsd:integer .\n<urn:x:s> <urn:x:p> \"0\"^^xsd:integer ."},
	{"decimals may begin with their point", ":s :p 1.50,-.5.", "<urn:x:s> <urn:x:p> \"1.50\"^^xsd:decimal .\n<urn:x:s> <urn:x:p> \"-.5\"^^xsd:decimal ."},
	{"doubles have an exponent", ":s :p 1e9,.5E-3,1.E+0,1.5e1.",
		"<urn:x:s> <urn:x:p> \"1e9\"^^xsd:double .\n<urn:x:s> <urn:x:p> \".5E-3\"^^xsd:double .\n<urn:x:s> <urn:x:p> \"1.E+0\"^^xsd:double .\n<urn:x:s> <urn:x:p> \"1.5e1\"^^xsd:double ."},
	{"a dot behind a number ends the statement", ":s :p 1.\n:s :p 2 .", "<urn:x:s> <urn:x:p> \"1\"^^xsd:integer .\n<urn:x:s> <urn:x:p> \"2\"^^xsd:integer ."},
	{"true and false are boolean", ":s :p true,false.", "<urn:x:s> <urn:x:p> \"true\"^^xsd:boolean .\n<urn:x:s> <urn:x:p> \"false\"^^xsd:boolean ."},
	{"a dot behind true ends the statement", ":s :p true.@base <urn:b/>.", `<urn:x:s> <urn:x:p> "true"^^xsd:boolean .`},
	{"a dot between true and a keyword does too", ":s :p true.BASE <urn:b/>", `<urn:x:s> <urn:x:p> "true"^^xsd:boolean .`},
	{"a plain literal is an xsd:string", `:s :p "x", "x"^^xsd:string .`, `<urn:x:s> <urn:x:p> "x" .`},
	{"a datatype may be an IRI reference", `:s :p "x"^^<t> .`, `<urn:x:s> <urn:x:p> "x"^^<https://pod.example/dir/t> .`},
	{"white space may stand around the type and before the tag", ":s :p \"x\" ^^ :t , \"x\" @en .", "<urn:x:s> <urn:x:p> \"x\"^^<urn:x:t> .\n<urn:x:s> <urn:x:p> \"x\"@en ."},
	{"languages do not differ by case", `:s :p "x"@EN-gb, "x"@en-GB .`, `<urn:x:s> <urn:x:p> "x"@en-gb .`},
	{"a language ends at the dot", `:s :p "x"@en.`, `<urn:x:s> <urn:x:p> "x"@en .`},
	{"the lexical form is not checked", `:s :p "wide"^^xsd:integer .`, `<urn:x:s> <urn:x:p> "wide"^^xsd:integer .`},
	// [17], [22] to [25], [159s], [26]: strings
	{"the four quotes mean the same", `:s :p "x", 'x', """x""", '''x''' .`, `<urn:x:s> <urn:x:p> "x" .`},
	{"empty strings of four quotes", `:s :p "", '', """""", '''''' .`, `<urn:x:s> <urn:x:p> "" .`},
	{"long strings hold quotes and lines", ":s :p \"\"\"a\"b\"\"\nc\"\"\" .", `<urn:x:s> <urn:x:p> "a\"b\"\"\nc" .`},
	{"a long string may begin with quotes", `:s :p """""a""" .`, `<urn:x:s> <urn:x:p> "\"\"a" .`},
	{"an escaped quote does not end a long string", `:s :p '''a\'''' .`, `<urn:x:s> <urn:x:p> "a'" .`},
	{"the letter escapes", `:s :p "\t\b\n\r\f\"\'\\" .`, "<urn:x:s> <urn:x:p> \"\\u0009\\u0008\\u000A\\u000D\\u000C\\u0022\\u0027\\u005C\" ."},
	{"the numeric escapes", `:s :p "\u00e9\U0001F600" .`, `<urn:x:s> <urn:x:p> "é😀" .`},
	{"an escaped backslash before u is no escape", `:s :p "\\u0041" .`, `<urn:x:s> <urn:x:p> "\\u0041" .`},
	{"a string may hold a zero and other controls", ":s :p \"\x00\x01\x7f\" .", `<urn:x:s> <urn:x:p> "\u0000\u0001\u007f" .`},
	// [18], §6.3: IRIs
	{"relative references are resolved", "<> <#g> <../up> .", `<https://pod.example/dir/doc?q> <https://pod.example/dir/doc?q#g> <https://pod.example/up> .`},
	{"a reference may be a query, a path or a host", "<?r> </p> <//h> .", `<https://pod.example/dir/doc?r> <https://pod.example/p> <https://h> .`},
	{"absolute IRIs are kept as written", "<http://h/a/../b> <HTTP://h/%7e> <http:> .", `<http://h/a/../b> <HTTP://h/%7e> <http:> .`},
	{"IRIs may be escaped numerically", `<urn:\u0061\U000000e9> :p <urn:\u00E9> .`, `<urn:aé> <urn:x:p> <urn:é> .`},
	{"IRIs need not be ASCII", `<urn:é\u00e9> :p <urn:日本> .`, `<urn:éé> <urn:x:p> <urn:日本> .`},
	// [139s] to [141s], [167s] to [172s]: names
	{"a name may be empty on both sides", ": : : .", `<urn:x:> <urn:x:> <urn:x:> .`},
	{"a local name may hold colons, digits and dots", ":1 :a.b :c:d: .", `<urn:x:1> <urn:x:a.b> <urn:x:c:d:> .`},
	{"a dot at the end is not of the name", ":s :p :o.", `<urn:x:s> <urn:x:p> <urn:x:o> .`},
	{"dots may repeat inside", ":a..b :p :o .", `<urn:x:a..b> <urn:x:p> <urn:x:o> .`},
	{"a percent escape stays", ":%41 :p :a%2Fb .", `<urn:x:%41> <urn:x:p> <urn:x:a%2Fb> .`},
	{"a backslash escape is undone", `:\-\~\. :p :a\/b\(\)\#\% .`, `<urn:x:-~.> <urn:x:p> <urn:x:a/b()#%> .`},
	{"an escaped dot may end a name", `:s :p :o\. .`, `<urn:x:s> <urn:x:p> <urn:x:o.> .`},
	{"names need not be ASCII", "@prefix é.ü: <urn:e:> . é.ü:日本 :p :o·o .", `<urn:e:日本> <urn:x:p> <urn:x:o·o> .`},
	{"a minus may stand inside", ":a-b :p- :_- .", `<urn:x:a-b> <urn:x:p-> <urn:x:_-> .`},
	// [137s], [141s], [162s]: blank nodes
	{"a label means one blank node", "_:a :p _:a .", `_:z <urn:x:p> _:z .`},
	{"labels may hold dots, digits and minus", "_:1.a-b :p _:_.", `_:z <urn:x:p> _:y .`},
	{"generated labels meet no written ones", "_:g1 :p _:gg1, [], _:g2, [] .", "_:a <urn:x:p> _:b .\n_:a <urn:x:p> _:c .\n_:a <urn:x:p> _:d .\n_:a <urn:x:p> _:e ."},
	{"[] is a new blank node each time", "[] :p [ ] .", `_:a <urn:x:p> _:b .`},
	{"a comment may stand in []", ":s :p [ # nothing\n ] .", `<urn:x:s> <urn:x:p> _:a .`},
	// [14], [15]: nesting
	{"a bracket holds properties", ":s :p [ :q 1 ; :r :o ] .", "<urn:x:s> <urn:x:p> _:a .\n_:a <urn:x:q> \"1\"^^xsd:integer .\n_:a <urn:x:r> <urn:x:o> ."},
	{"a bracket may be a statement", "[ :p :o ; ] .", `_:a <urn:x:p> <urn:x:o> .`},
	{"a bracket may be a subject", "[ :p :o ] :q :r .", "_:a <urn:x:p> <urn:x:o> .\n_:a <urn:x:q> <urn:x:r> ."},
	{"brackets nest", ":s :p [ :p [ :p [] ] ] .", "<urn:x:s> <urn:x:p> _:a .\n_:a <urn:x:p> _:b .\n_:b <urn:x:p> _:c ."},
	{"an empty collection is rdf:nil", ":s :p () . () :p ( ) .",
		"<urn:x:s> <urn:x:p> <http://www.w3.org/1999/02/22-rdf-syntax-ns#nil> .\n<http://www.w3.org/1999/02/22-rdf-syntax-ns#nil> <urn:x:p> <http://www.w3.org/1999/02/22-rdf-syntax-ns#nil> ."},
	{"a collection is a chain", "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>. :s :p (1 :o).",
		"<urn:x:s> <urn:x:p> _:a .\n_:a rdf:first \"1\"^^xsd:integer .\n_:a rdf:rest _:b .\n_:b rdf:first <urn:x:o> .\n_:b rdf:rest rdf:nil ."},
	{"a collection may be a subject", "(:o) :p :q .", "_:a <urn:x:p> <urn:x:q> .\n_:a rdf:first <urn:x:o> .\n_:a rdf:rest rdf:nil ."},
	{"collections nest", ":s :p (()(:o)) .", "<urn:x:s> <urn:x:p> _:a .\n_:a rdf:first rdf:nil .\n_:a rdf:rest _:b .\n_:b rdf:first _:c .\n_:b rdf:rest rdf:nil .\n_:c rdf:first <urn:x:o> .\n_:c rdf:rest rdf:nil ."},
}

// expected reads an expected graph: N-Triples in which rdf: and xsd: names may
// stand, followed by a space.
func expected(t *testing.T, text string) *Graph {
	t.Helper()
	var out strings.Builder
	for _, line := range strings.Split(text, "\n") {
		for _, word := range strings.SplitAfter(line, " ") {
			name := strings.TrimSuffix(word, " ")
			switch literal, datatype, typed := strings.Cut(name, "^^xsd:"); {
			case typed:
				out.WriteString(literal + "^^<" + xsdNS + datatype + "> ")
			case strings.HasPrefix(name, "rdf:"):
				out.WriteString("<" + rdfNS + strings.TrimPrefix(name, "rdf:") + "> ")
			default:
				out.WriteString(word)
			}
		}
		out.WriteByte('\n')
	}
	g, err := Decode(strings.NewReader(out.String()), NTriples, "", Limits{})
	if err != nil {
		t.Fatalf("expected graph: %v", err)
	}
	return g
}

func TestTurtleMeans(t *testing.T) {
	for _, c := range turtleGood {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(strings.NewReader(ex+c.doc), Turtle, testBase, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if want := expected(t, c.want); !Isomorphic(g, want) {
				t.Errorf("graph is\n%swant\n%s", lines(g), lines(want))
			}
			checkRoundTrip(t, g, testBase)
		})
	}
}

// The column is counted from the start of doc, which is on the first line.
var turtleBad = []struct {
	name, doc string
	column    int
}{
	{"a lone less-than", `<`, 2},
	{"a lone quote", `"`, 1},
	{"an IRI that does not end", `<http:/`, 8},
	{"an undeclared prefix", `e:s <p> <o> .`, 1},
	{"a prefix that differs in case", `@prefix e: <urn:e:> . E:s <p> <o> .`, 23},
	{"no dot at the end", `<s> <p> <o>`, 12},
	{"no object", `<s> <p> .`, 9},
	{"no property", `<s> .`, 5},
	{"a literal as subject", `"s" <p> <o> .`, 1},
	{"a literal as property", `<s> "p" <o> .`, 5},
	{"a number as subject", `1 <p> <o> .`, 1},
	{"a blank node as property", `<s> _:p <o> .`, 5},
	{"a bracket as property", `<s> [] <o> .`, 5},
	{"a collection as property", `<s> () <o> .`, 5},
	{"a as subject", `a <p> <o> .`, 1},
	{"a as object", `<s> <p> a .`, 9},
	{"an empty bracket as statement", `[] .`, 4},
	{"a bracket that does not end", `<s> <p> [ <q> 1 .`, 17},
	{"a collection that does not end", `<s> <p> ( 1 .`, 13},
	{"a bracket closed by a parenthesis", `<s> <p> [ <q> 1 ) .`, 17},
	{"a comma without an object", `<s> <p> <o> , .`, 15},
	{"two dots", `<s> <p> <o> . .`, 15},
	{"a closing bracket alone", `]`, 1},
	{"@Prefix", `@Prefix e: <urn:e:> .`, 1},
	{"@prefix without a dot", `@prefix e: <urn:e:> <s> <p> <o> .`, 21},
	{"PREFIX with a dot", `PREFIX e: <urn:e:> .`, 20},
	{"@prefix without a colon", `@prefix e <urn:e:> .`, 9},
	{"a prefix with a dot at the end", `@prefix e.: <urn:e:> .`, 9},
	{"a prefix that begins with a digit", `@prefix 1: <urn:e:> .`, 9},
	{"a prefix that is a blank node label", `@prefix _: <urn:e:> .`, 9},
	{"a namespace that is a name", `@prefix e: e:x .`, 12},
	{"a base that is a name", `@base e: .`, 7},
	{"a space in an IRI", `<a b> <p> <o> .`, 3},
	{"an escaped space in an IRI", `<urn:\u0020> <p> <o> .`, 2},
	{"an escaped greater-than in an IRI", `<urn:\u003e> <p> <o> .`, 2},
	{"a letter escape in an IRI", `<urn:\n> <p> <o> .`, 6},
	{"a quote in an IRI", `<urn:"> <p> <o> .`, 6},
	{"a brace in an IRI", `<urn:{> <p> <o> .`, 6},
	{"a control in an IRI", "<urn:\x01> <p> <o> .", 6},
	{"a C1 control in an IRI", "<urn:\u0085> <p> <o> .", 2},
	{"a line's end in an IRI", "<urn:\n> <p> <o> .", 6},
	{"an unknown escape in a string", `<s> <p> "a\zb" .`, 11},
	{"too few digits", `<s> <p> "\u12" .`, 10},
	{"a surrogate", `<s> <p> "\uD800" .`, 10},
	{"beyond Unicode", `<s> <p> "\U00110000" .`, 10},
	{"a line's end in a string", "<s> <p> \"a\nb\" .", 11},
	{"a carriage return in a string", "<s> <p> 'a\rb' .", 11},
	{"quotes that differ", `<s> <p> "a' .`, 9},
	{"a long string that ends short", `<s> <p> """a" .`, 9},
	{"one quote too many behind a long string", `<s> <p> """a"""" .`, 16},
	{"a backslash at the end", `<s> <p> "\`, 9},
	{"a language that begins with a digit", `<s> <p> "x"@1 .`, 13},
	{"no language behind the at", `<s> <p> "x"@ .`, 13},
	{"a language and a type", `<s> <p> "x"@en^^<t> .`, 15},
	{"one caret", `<s> <p> "x"^<t> .`, 13},
	{"a literal as type", `<s> <p> "x"^^"t" .`, 14},
	{"a language string without a language", `<s> <p> "x"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString> .`, 9},
	{"a sign alone", `<s> <p> + .`, 9},
	{"an exponent without digits", `<s> <p> 1e .`, 10},
	{"True", `<s> <p> True .`, 9},
	{"a word that begins with true", `<s> <p> trueish .`, 9},
	{"a blank node without a label", `_: <p> <o> .`, 3},
	{"a label that begins with a dot", `_:.a <p> <o> .`, 3},
	{"a local name that begins with a minus", `@prefix e: <urn:e:> . e:-a <p> <o> .`, 25},
	{"a private character in a name", "@prefix e: <urn:e:> . e:\U000F0000 <p> <o> .", 25},
	{"an item that is none", `<s> <p> (1 a) .`, 12},
	{"an escape cut off by the end", `<s> <p> "\u00`, 9},
	{"a name cut off in its escape", `@prefix e: <urn:e:> . e:a\`, 26},
	{"an underscore alone", `_ <p> <o> .`, 1},
	{"half a percent escape", `@prefix e: <urn:e:> . e:a%4 <p> <o> .`, 26},
	{"a percent escape that is none", `@prefix e: <urn:e:> . e:%zz <p> <o> .`, 25},
	{"a backslash before a letter", `@prefix e: <urn:e:> . e:\a <p> <o> .`, 25},
	{"a zero byte", "<s> <p> \x00 .", 9},
	{"a byte order mark", "\ufeff<s> <p> <o> .", 1},
	{"a no-break space", "<s>\u00a0<p> <o> .", 4},
	{"bytes that are not UTF-8", "<s> <p> \"\xff\" .", 10},
	{"half a character at the end", "<s> <p> <o> . #\xe2\x82", 16},
	{"a path that would read as a host", `@base <x:/a/b> . <..//c> <p> <o> .`, 18},
	{"N3's implication", `{ <s> <p> <o> } => { } .`, 1},
	{"N3's equality", `<s> = <o> .`, 5},
	{"N3's path", `<s> <p> <o>!<q> .`, 12},
	{"N3's keyword is", `<s> is <p> of <o> .`, 5},
}

func TestTurtleRefuses(t *testing.T) {
	for _, c := range turtleBad {
		t.Run(c.name, func(t *testing.T) { checkRefused(t, Turtle, c.doc, 1, c.column) })
	}
}

// checkRefused expects ErrSyntax at a place.
func checkRefused(t *testing.T, syntax Syntax, doc string, line, column int) {
	t.Helper()
	g, err := Decode(strings.NewReader(doc), syntax, testBase, Limits{})
	place := new(syntaxError)
	if g != nil || !errors.Is(err, ErrSyntax) || !errors.As(err, &place) {
		t.Fatalf("graph %v, error %v; want no graph and ErrSyntax", g, err)
	}
	if place.line != line || place.column != column {
		t.Errorf("error is %v, want line %d, column %d", err, line, column)
	}
}

func TestTurtleErrorsCountLinesAndCharacters(t *testing.T) {
	checkRefused(t, Turtle, "# é\n<s> <p> <o> .\n<s> <p> \"é日😀\" ! .", 3, 15)
}

func TestTurtleNeedsABaseForRelativeIRIs(t *testing.T) {
	_, err := Decode(strings.NewReader("<s> <p> <o> ."), Turtle, "", Limits{})
	if !errors.Is(err, ErrSyntax) {
		t.Errorf("error is %v, want ErrSyntax", err)
	}
	if _, err := Decode(strings.NewReader(""), Turtle, "no base", Limits{}); !errors.Is(err, ErrSyntax) {
		t.Errorf("bad base: error is %v, want ErrSyntax", err)
	}
}
