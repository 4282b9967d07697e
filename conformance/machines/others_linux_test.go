package machines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOtherProcessors lets QEMU be the processor of a small computer at home.
func TestOtherProcessors(t *testing.T) {
	for processor, names := range map[string][]string{"arm64": {"qemu-aarch64-static", "qemu-aarch64"}, "arm": {"qemu-arm-static", "qemu-arm"}} {
		t.Run(processor, func(t *testing.T) {
			qemu := names[0]
			if _, err := exec.LookPath(qemu); err != nil {
				qemu = names[1]
			}
			wanted(t, qemu)
			newLife(t, through(t, qemu, built(t, "linux", processor))).live()
		})
	}
}

// TestWine has the program for Windows, in a Windows of its own.
func TestWine(t *testing.T) {
	wanted(t, "wine")
	t.Setenv("WINEPREFIX", wineFolder(t))
	t.Setenv("WINEDEBUG", "-all")
	program := through(t, "wine", built(t, "windows", "amd64"))
	if out, err := exec.CommandContext(t.Context(), program, "version").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: this Wine starts no program of Go, which from 1.22 on wants one of version 9 or later: %v %.300s", err, out)
	}
	l := newLife(t, program)
	l.abrupt = true
	l.live()
}

// wineFolder is the Windows to use: the one that $WINEPREFIX names, else a new one.
func wineFolder(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("WINEPREFIX"); dir != "" {
		return dir
	}
	return filepath.Join(t.TempDir(), "wine")
}

// through returns a program that starts another by a third one.
func through(t *testing.T, by, program string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "kith")
	if err := os.WriteFile(name, fmt.Appendf(nil, "#!/bin/sh\nexec %q %q \"$@\"\n", by, program), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}
