//go:build !unix

package server

import (
	"io/fs"
	"math"
)

// openFiles returns how many files this process may have open: this system has no bound of its own.
func openFiles() int { return math.MaxInt32 }

// accountOf returns the number of the account to which a file belongs: here, accounts have none.
func accountOf(fs.FileInfo) (number int, known bool) { return 0, false }
