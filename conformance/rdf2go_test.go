package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/deiu/rdf2go"
)

// readerVar tells this test binary to read Turtle; its value is the base.
const readerVar = "KITH_READ_TURTLE"

// readerTime bounds one document: the parser of rdf2go does not return on some.
const readerTime = 10 * time.Second

// fact is a triple as it is compared: blank nodes begin with _:.
type fact struct {
	Subject, Property, Value string
	Literal                  bool   `json:",omitempty"`
	Language, Datatype       string `json:",omitempty"`
}

// readTurtle reads Turtle with rdf2go and writes its facts as JSON.
func readTurtle(r io.Reader, w io.Writer, base string) error {
	g := rdf2go.NewGraph(base)
	if err := g.Parse(r, "text/turtle"); err != nil {
		return fmt.Errorf("read Turtle: %w", err)
	}
	facts := []fact{}
	for t := range g.IterTriples() {
		f := fact{Subject: named(t.Subject), Property: named(t.Predicate), Value: named(t.Object)}
		if l, ok := t.Object.(*rdf2go.Literal); ok {
			f.Literal, f.Value, f.Language = true, l.Value, l.Language
			if l.Datatype != nil {
				f.Datatype = l.Datatype.RawValue()
			}
		}
		facts = append(facts, f)
	}
	return json.NewEncoder(w).Encode(facts)
}

func named(t rdf2go.Term) string {
	if b, ok := t.(*rdf2go.BlankNode); ok {
		return "_:" + b.ID
	}
	return t.RawValue()
}

// readElsewhere reads Turtle with rdf2go in a process of its own, which is ended when the time is over.
func readElsewhere(ctx context.Context, text []byte, base string, limit time.Duration) ([]fact, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self)
	c.Env = append(os.Environ(), readerVar+"="+base, "GOMEMLIMIT=256MiB")
	var out, problems bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(text), &out, &problems
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%w: %.500s", errors.Join(err, ctx.Err()), problems.String())
	}
	var facts []fact
	err = json.Unmarshal(out.Bytes(), &facts)
	return facts, err
}

// TestTheSecondReaderIsCutOff gives rdf2go what it does not return from.
func TestTheSecondReaderIsCutOff(t *testing.T) {
	t.Parallel()
	start := time.Now()
	facts, err := readElsewhere(t.Context(), []byte("<"), base, time.Second)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it read %v, error %v; want it cut off", facts, err)
	}
	if took := time.Since(start); took > readerTime {
		t.Errorf("it took %v", took)
	}
}

const (
	typeIRI = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	xsd     = "http://www.w3.org/2001/XMLSchema#"
	solidNS = "http://www.w3.org/ns/solid/terms#"
	ldpIRI  = "http://www.w3.org/ns/ldp#"
)

// TestASecondReaderReadsWhatIsWritten lets the server write Turtle and rdf2go read it.
func TestASecondReaderReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	r := turtleReader{w, alice}
	t.Run("random graphs", r.randomGraphs)
	t.Run("a container", r.container)
	t.Run("what N3 and SPARQL patches made", r.patched)
	t.Run("an ACL that was patched", r.patchedACL)
	t.Run("the profile", r.profile)
}

type turtleReader struct {
	w     *world
	alice *resident
}

// read returns the Turtle of a resource as rdf2go reads it.
func (r turtleReader) read(t *testing.T, target string) map[fact]bool {
	t.Helper()
	answer := r.w.get(r.alice, target, "Accept", "text/turtle")
	if answer.Status != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/turtle") {
		t.Fatalf("GET %s: %d %s", target, answer.Status, answer.Header.Get("Content-Type"))
	}
	facts, err := readElsewhere(t.Context(), answer.Body, base+"alice/"+target, readerTime)
	if err != nil {
		t.Fatalf("%v\n%s", err, answer.Body)
	}
	return distinct(facts)
}

// distinct makes a set of facts. A blank node gets the name that a fact of the property "called" gives it.
func distinct(facts []fact) map[fact]bool {
	names := map[string]string{}
	for _, f := range facts {
		if f.Property == called && strings.HasPrefix(f.Subject, "_:") {
			names[f.Subject] = "_:" + f.Value
		}
	}
	set := map[fact]bool{}
	for _, f := range facts {
		if name, ok := names[f.Subject]; ok {
			f.Subject = name
		}
		if name, ok := names[f.Value]; ok && !f.Literal {
			f.Value = name
		}
		if f.Datatype == xsd+"string" {
			f.Datatype = ""
		}
		set[f] = true
	}
	return set
}

// called is the property that tells blank nodes apart here.
const called = "urn:called"

func (r turtleReader) same(t *testing.T, target string, want map[fact]bool) {
	t.Helper()
	got := r.read(t, target)
	for f := range want {
		if !got[f] {
			t.Errorf("%s: not there: %+v", target, f)
		}
	}
	for f := range got {
		if !want[f] {
			t.Errorf("%s: not what was put: %+v", target, f)
		}
	}
	if t.Failed() {
		t.Logf("%s", r.w.get(r.alice, target, "Accept", "text/turtle").Body)
	}
}

// randomGraphs puts N-Triples and reads the Turtle that is made of them.
func (r turtleReader) randomGraphs(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for i := range 40 {
		target := fmt.Sprintf("graphs/%d", i)
		facts := drawFacts(random, base+"alice/"+target)
		r.w.put(r.alice, target, "application/n-triples", []byte(nTriples(facts)), 201)
		r.same(t, target, distinct(facts))
		if t.Failed() {
			return
		}
	}
}

// drawFacts returns some facts with the names and texts that are hardest to write. Their IRIs are ASCII:
// rdf2go escapes other letters. Nor are there decimals, which it does not read without quotes.
func drawFacts(random *rand.Rand, self string) []fact {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	iri := func() string {
		return pick(self, self+"#me", self+"/x", base+"alice/graphs/", base+"alice/graphs/a:b", base+"alice/", "https://other.example/%20?q=(a)&b#f", ldpIRI+"contains", ldpIRI+"a.b", "urn:a:b", "tag:x,2026:y'z")
	}
	var facts []fact
	blanks := random.IntN(5)
	for b := range blanks {
		facts = append(facts, fact{Subject: fmt.Sprint("_:b", b), Property: called, Value: fmt.Sprint("b", b), Literal: true})
	}
	resource := func() string {
		if blanks > 0 && random.IntN(3) == 0 {
			return fmt.Sprint("_:b", random.IntN(blanks))
		}
		return iri()
	}
	for range 1 + random.IntN(15) {
		f := fact{Subject: resource(), Property: pick(typeIRI, ldpIRI+"contains", "urn:p", "https://other.example/p/"), Value: resource()}
		switch random.IntN(5) {
		case 0:
			f.Value, f.Literal = pick("", "plain", "\"quoted\"", `back\slash`, "two\nlines\r\n", "tab\t", "é 漢 😀", "'''", `"""`, "<a> <b> <c> .", "#no comment", "a@en"), true
		case 1:
			f.Value, f.Literal, f.Language = pick("text", "\"", ""), true, pick("en", "de-ch", "x-y1")
		case 2:
			f.Literal = true
			typed := [][2]string{{"5", "integer"}, {"-0", "integer"}, {"1e6", "double"}, {"true", "boolean"}, {"1", "boolean"}, {"five", "integer"}, {"2026-01-02T03:04:05Z", "dateTime"}}
			v := typed[random.IntN(len(typed))]
			f.Value, f.Datatype = v[0], xsd+v[1]
		}
		facts = append(facts, f)
	}
	return facts
}

// nTriples writes facts, escaping all that is not plain.
func nTriples(facts []fact) string {
	var out strings.Builder
	term := func(s string) string {
		if strings.HasPrefix(s, "_:") {
			return s
		}
		return "<" + s + ">"
	}
	for _, f := range facts {
		value := term(f.Value)
		if f.Literal {
			var text strings.Builder
			for _, c := range f.Value {
				if c < ' ' || c > '~' || c == '"' || c == '\\' {
					fmt.Fprintf(&text, `\U%08X`, c)
				} else {
					text.WriteRune(c)
				}
			}
			value = `"` + text.String() + `"`
			switch {
			case f.Language != "":
				value += "@" + f.Language
			case f.Datatype != "":
				value += "^^<" + f.Datatype + ">"
			}
		}
		fmt.Fprintf(&out, "%s <%s> %s .\n", term(f.Subject), f.Property, value)
	}
	return out.String()
}

// container fills a container and reads its listing.
func (r turtleReader) container(t *testing.T) {
	names := map[string]string{"plain.txt": "plain.txt", "a%20b.txt": "a b", "caf%C3%A9.txt": "é", "c,d;e(f).txt": "punctuation", "sub/x.txt": "below"}
	for name, text := range names {
		r.w.put(r.alice, "box/"+name, "text/plain", []byte(text), 201)
	}
	got := r.read(t, "box/")
	box := base + "alice/box/"
	members := 0
	for f := range got {
		if f.Subject == box && f.Property == ldpIRI+"contains" {
			members++
		}
	}
	if members != len(names) {
		t.Errorf("the listing has %d members, want %d", members, len(names))
	}
	for name, text := range names {
		member := box + name
		if below, _, ok := strings.Cut(name, "/"); ok {
			member = box + below + "/"
		} else if size := (fact{Subject: member, Property: "http://www.w3.org/ns/posix/stat#size", Value: fmt.Sprint(len(text)), Literal: true, Datatype: xsd + "integer"}); !got[size] {
			t.Errorf("not in the listing: %+v", size)
		}
		for _, f := range []fact{
			{Subject: box, Property: ldpIRI + "contains", Value: member},
			{Subject: member, Property: typeIRI, Value: ldpIRI + "Resource"},
		} {
			if !got[f] {
				t.Errorf("not in the listing: %+v", f)
			}
		}
	}
}

// patched makes a resource by a patch and changes it by others.
func (r turtleReader) patched(t *testing.T) {
	const target = "notes/patched"
	self := base + "alice/" + target
	for _, p := range []struct{ mediaType, text string }{
		{"text/n3", `@prefix solid: <` + solidNS + `>.
_:p a solid:InsertDeletePatch; solid:inserts { <#a> <urn:p> "one", 1, <x>; a <urn:T>. [] <urn:called> "new". }.`},
		{"application/sparql-update", `DELETE DATA { <#a> <urn:p> 1 } ; INSERT DATA { <#a> <urn:p> 2, "zwei"@de . }`},
		{"text/n3", `@prefix solid: <` + solidNS + `>.
_:p a solid:InsertDeletePatch; solid:where { ?who <urn:called> "new" }; solid:inserts { ?who <urn:of> <#a> }; solid:deletes { <#a> <urn:p> <x> }.`},
	} {
		request := Request{Method: "PATCH", Target: target, Header: fields("Content-Type", p.mediaType), Body: []byte(p.text)}
		r.w.want(r.w.ask(r.alice, request), request, 200, 201, 204, 205)
	}
	r.same(t, target, distinct([]fact{
		{Subject: self + "#a", Property: typeIRI, Value: "urn:T"},
		{Subject: self + "#a", Property: "urn:p", Value: "one", Literal: true},
		{Subject: self + "#a", Property: "urn:p", Value: "2", Literal: true, Datatype: xsd + "integer"},
		{Subject: self + "#a", Property: "urn:p", Value: "zwei", Literal: true, Language: "de"},
		{Subject: "_:x", Property: called, Value: "new", Literal: true},
		{Subject: "_:x", Property: "urn:of", Value: self + "#a"},
	}))
}

// patchedACL adds a rule to an ACL resource, in a container whose name has to be escaped.
func (r turtleReader) patchedACL(t *testing.T) {
	const acl = "http://www.w3.org/ns/auth/acl#"
	container, owner := base+"alice/sha%20red/", base+"alice/profile/card#me"
	r.w.put(r.alice, "sha%20red/x.txt", "text/plain", []byte("x"), 201)
	r.w.put(r.alice, "sha%20red/.acl", "text/turtle", []byte(`@prefix acl: <`+acl+`>.
<#owner> a acl:Authorization; acl:agent <../profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.`), 201)
	request := Request{Method: "PATCH", Target: "sha%20red/.acl", Header: fields("Content-Type", "application/sparql-update"), Body: []byte(
		`INSERT DATA { <#reader> a <` + acl + `Authorization>; <` + acl + `agent> <did:key:zDnaeXYZ>; <` + acl + `accessTo> <./>; <` + acl + `mode> <` + acl + `Read> . };`)}
	r.w.want(r.w.ask(r.alice, request), request, 200, 204, 205)
	rule := func(name, property, value string) fact {
		if property == typeIRI {
			return fact{Subject: container + ".acl#" + name, Property: typeIRI, Value: acl + value}
		}
		return fact{Subject: container + ".acl#" + name, Property: acl + property, Value: value}
	}
	r.same(t, "sha%20red/.acl", distinct([]fact{
		rule("owner", typeIRI, "Authorization"), rule("owner", "agent", owner), rule("owner", "accessTo", container), rule("owner", "default", container),
		rule("owner", "mode", acl+"Read"), rule("owner", "mode", acl+"Write"), rule("owner", "mode", acl+"Control"),
		rule("reader", typeIRI, "Authorization"), rule("reader", "agent", "did:key:zDnaeXYZ"), rule("reader", "accessTo", container), rule("reader", "mode", acl+"Read"),
	}))
}

// profile makes the WebID public and reads what it then says, as anybody can.
func (r turtleReader) profile(t *testing.T) {
	if out, problems, code := r.w.kith("credentials", "add", "alice", "--data", r.w.data, "--label", "reader"); code != 0 {
		t.Fatalf("credentials add: exit %d: %s%s", code, out, problems)
	}
	me := base + "alice/profile/card#me"
	got := r.read(t, "profile/card")
	for _, f := range []fact{
		{Subject: me, Property: solidNS + "oidcIssuer", Value: strings.TrimSuffix(base, "/")},
		{Subject: me, Property: "http://www.w3.org/ns/pim/space#storage", Value: base + "alice/"},
	} {
		if !got[f] {
			t.Errorf("not in the profile: %+v, which is %v", f, got)
		}
	}
}
