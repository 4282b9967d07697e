//go:build !unix

package rdf

import (
	"testing"
	"time"
)

var began = time.Now()

// worked returns the time since this process began.
func worked(*testing.T) time.Duration { return time.Since(began) }
