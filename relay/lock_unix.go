//go:build unix

package relay

import (
	"os"
	"syscall"
)

// lockAlone locks a file against every other process.
func lockAlone(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
