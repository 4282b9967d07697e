// Package rdf holds small RDF 1.1 graphs in memory, reads and writes them, and
// changes them by patches.
//
// It reads Turtle, N-Triples and JSON-LD ([Decode]), writes Turtle ([Encode]),
// JSON-LD ([EncodeJSONLD]) and N-Triples (a [Triple]'s String is its line), reads
// N3 Patch and the plain part of SPARQL Update ([ParseN3Patch], [ParseUpdate])
// and applies them ([Patch.Apply]), and compares graphs up to the names of their
// blank nodes ([Isomorphic]). It knows no vocabulary but the words the syntaxes
// themselves need and the contexts that JSON-LD documents of Solid name.
//
// It is not a triple store: a graph lives in memory, belongs to one document,
// and is dropped with it. It does no inference, no queries beyond [Graph.Match]
// and the conditions of patches, and never opens a network connection or a file:
// a JSON-LD context that is not built in is an error.
//
// # What may be relied on
//
// Everything that arrives is hostile until it is parsed. Decode is bounded in
// bytes, triples, nesting depth and in the text that short names expand to
// ([Limits]); its time grows with the length of the document and it starts no
// goroutine. A triple costs up to 600 bytes to keep and up to 2 KiB to read (4 in
// JSON-LD), beside its text, so the number of triples is the limit that bounds
// memory. Contexts of JSON-LD, which a document may define, copy and invoke in
// few bytes, are paid for from the same allowance as the text of names. Applying
// a patch is bounded in the rows it looks at and the triples it makes; a patch
// that fails changes nothing.
//
// A [Graph] admits only terms that RDF allows, so whatever is in a graph can be
// written, and what is written reads back as the same graph: no IRI, label or
// literal can be shaped so that it comes back as another triple.
//
// # How a graph is laid out
//
//	terms  [ - | term 1 | term 2 | ... ]      every term once, numbered from 1
//	ids    term -> number
//	rows   [ s p o nextS nextO ] ...          one per triple, in order of arrival
//	index  (s, p, o) -> row                   the set
//
// Each term heads two chains through the rows: those where it is the subject
// (nextS) and those where it is the object (nextO). Match follows the one that
// applies. A removed row stays as a gap until gaps outnumber triples, when the
// graph is laid out anew.
//
// # How a document is read
//
//	Turtle, N-Triples   text ─ scanner ─ parser ─ builder ─> Graph
//	N3 Patch, SPARQL    text ─ scanner ─ turtle, formula ─> Patch: { where, deletes, inserts } ...
//	JSON-LD             text ─ readJSON ─> value ─ expand (contexts, terms) ─> items ─ builder ─> Graph
//
// A parser is a type that embeds scanner (characters, tokens, positions) and
// builder (terms, triples, blank nodes, limits) and is chosen by [Syntax]. The
// formulas of a patch are graphs whose terms may be variables; no such graph
// leaves the package. To apply a patch is to solve its condition, pattern after
// pattern along the same chains, in a copy of the graph, which takes the
// original's place at the end.
//
// # Why JSON-LD is read here
//
// The library for it in Go, piprate/json-gold, is the second reader in the tests
// and is not used otherwise: it escapes letters and joins slashes in relative
// names, so that JSON-LD and Turtle would name different resources; it drops what
// is wrong within a list; it panics where a prefix is null; and its work cannot
// be bounded from outside, for it grows with the square of the document
// (50 KB took 5 seconds, 78 KB of contexts 420 MB).
//
// # Ownership
//
// A graph has no lock. Any number of goroutines may read one that nobody
// changes; who changes it must be alone with it. A [Patch] does not change and
// may be used by several at a time.
package rdf
