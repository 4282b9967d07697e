package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAFullDiskIsSaidInWords by every command that wants to write, and the doctor names it.
func TestAFullDiskIsSaidInWords(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("kith", disk, "tmpfs", 0, "size=3m,mode=0700"); err != nil {
		t.Skipf("NOT TESTED: a small disk takes root: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	data := filepath.Join(disk, "pods")
	if _, problems, code := kith(t, "person", "add", "me", "--data", data, "--url", "http://localhost:8420/"); code != 0 {
		t.Fatal(problems)
	}
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	if _, err := io.Copy(filler, &zeros{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"person", "add", "bea"}, {"pair", "me"}, {"serve", "--listen", "127.0.0.1:0"}, {"check"}, {"backup", "add", "me", filepath.Join(t.TempDir(), "copy")}} {
		if _, problems, code := kith(t, append(args, "--data", data)...); code != exitFailed || !strings.HasPrefix(problems, "kith "+args[0]+": the disk is full: ") || !strings.Contains(problems, "There is no room: make some on the disk") {
			t.Errorf("%q: %d %s", args, code, problems)
		}
	}
	if out, _, code := kith(t, "doctor", "--data", data); code != exitFailed || !strings.Contains(out, "no space left on device") {
		t.Errorf("the doctor: %d %s", code, out)
	}
}

// zeros is what fills a disk.
type zeros struct{}

func (*zeros) Read(p []byte) (int, error) { return copy(p, make([]byte, 4096)), nil }
