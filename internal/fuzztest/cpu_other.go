//go:build !unix

package fuzztest

import (
	"testing"
	"time"
)

var began = time.Now()

// worked returns the time since this process began.
func worked(testing.TB) time.Duration { return time.Since(began) }
