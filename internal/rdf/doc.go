// Package rdf holds small RDF 1.1 graphs in memory and reads and writes them.
//
// It reads Turtle and N-Triples ([Decode]), writes Turtle ([Encode]; a
// [Triple]'s String is its N-Triples line), and compares graphs up to the names
// of their blank nodes ([Isomorphic]). It knows no vocabulary but the words the
// syntaxes themselves need.
//
// It is not a triple store: a graph lives in memory, belongs to one document,
// and is dropped with it. It does no inference, no queries beyond [Graph.Match],
// and never opens a network connection or a file.
//
// # What may be relied on
//
// Everything that arrives is hostile until it is parsed. Decode is bounded in
// bytes, triples, nesting depth and in the text that short names expand to
// ([Limits]); its time grows with the length of the document and it starts no
// goroutine. A triple costs up to 600 bytes to keep and up to 2 KiB to read,
// beside its text, so the number of triples is the limit that bounds memory.
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
// # Ownership
//
// A graph has no lock. Any number of goroutines may read one that nobody
// changes; who changes it must be alone with it.
//
// # Where other syntaxes belong
//
// A parser is a type that embeds scanner (characters, tokens, positions) and
// builder (terms, triples, blank nodes, limits) and is chosen by [Syntax].
package rdf
