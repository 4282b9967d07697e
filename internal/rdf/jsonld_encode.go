package rdf

import (
	"fmt"
	"io"
)

// EncodeJSONLD writes g as JSON-LD 1.1.
func EncodeJSONLD(w io.Writer, g *Graph, base IRI) error {
	return fmt.Errorf("encode JSON-LD: %w", ErrSyntax)
}
