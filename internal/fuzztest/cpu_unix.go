//go:build unix

package fuzztest

import (
	"syscall"
	"testing"
	"time"
)

// worked returns the time that processors have spent on this process: how busy
// they are otherwise does not count.
func worked(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
