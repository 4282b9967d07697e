//go:build !unix

package relay

import "math"

// openFiles returns how many files this process may have open: this system has no bound of its own.
func openFiles() int { return math.MaxInt32 }
