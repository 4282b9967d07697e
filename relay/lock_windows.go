package relay

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockAlone locks a file against every other process.
func lockAlone(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{})
}
