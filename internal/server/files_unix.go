//go:build unix

package server

import (
	"io/fs"
	"math"
	"syscall"
)

// openFiles returns how many files this process may have open. The Go runtime has raised it as far as it goes.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur)
}

// accountOf returns the number of the account to which a file belongs.
func accountOf(info fs.FileInfo) (number int, known bool) {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(stat.Uid), true
}
