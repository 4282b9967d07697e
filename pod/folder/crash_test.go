//go:build unix

package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/pod"
	"kith/pod/podtest"
)

const (
	killAt  = "KITH_TEST_KILL_AT" // number of the change to the disk before which a child ends itself
	torture = "KITH_TEST_TORTURE" // how many times as long the tests of crashes run
)

func rounds(n int) int {
	if times, err := strconv.Atoi(os.Getenv(torture)); err == nil {
		n *= times
	}
	return n
}

// openToKill opens a pod; in a child that is to end itself, with a disk that
// kills the process before a certain change.
func openToKill(dir string) (pod.Store, error) {
	k := &disk{}
	if n, err := strconv.Atoi(os.Getenv(killAt)); err == nil {
		k.before = func(string) error {
			if n--; n == 0 {
				unix.Kill(unix.Getpid(), unix.SIGKILL)
				select {}
			}
			return nil
		}
	}
	o := options(dir)
	o.Now = nil
	return open(o, k)
}

// leftovers returns an error if the store's scratch folders hold anything, or a
// sidecar stands in the tree without its file.
func leftovers(dir string) error {
	var errs []error
	for _, scratch := range []string{"tmp", "erase"} {
		entries, err := os.ReadDir(filepath.Join(dir, "state", scratch))
		if err != nil {
			return err
		}
		for _, e := range entries {
			errs = append(errs, fmt.Errorf("%s is left in %s", e.Name(), scratch))
		}
	}
	errs = append(errs, filepath.WalkDir(filepath.Join(dir, "tree"), func(name string, d os.DirEntry, err error) error {
		if of, ok := strings.CutPrefix(d.Name(), sidecarPrefix); ok && err == nil {
			if _, err := os.Lstat(filepath.Join(filepath.Dir(name), of)); err != nil {
				return fmt.Errorf("a sidecar is left: %w", err)
			}
			if text, err := os.ReadFile(name); err != nil || strings.Count(string(text), "\n") != 1 {
				return fmt.Errorf("a sidecar is left unsettled: %q, %w", text, err)
			}
		}
		return err
	}))
	return errors.Join(errs...)
}

// TestKillAtRandomMoments kills a writer from outside.
func TestKillAtRandomMoments(t *testing.T) {
	podtest.Killing{Rounds: rounds(4), Writes: 500, Open: openToKill, Leftovers: leftovers}.Run(t)
}

// TestKillAtEachStep kills a writer before the nth change that it makes to the
// disk, for one n after another.
func TestKillAtEachStep(t *testing.T) {
	podtest.Killing{
		Rounds: rounds(40), Writes: 60, Open: openToKill, Leftovers: leftovers,
		Env: func(round int) []string { return []string{killAt + "=" + strconv.Itoa(10+round*7%400)} },
	}.Run(t)
}
