package server

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAFolderInMemoryIsTold by the doctor: a pod there does not outlive the machine's next start.
func TestAFolderInMemoryIsTold(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "kith")
	if err != nil {
		t.Skipf("NOT TESTED: there is no disk in memory here: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if v, err := volumeOf(dir); err != nil || v.kind != "tmpfs" {
		t.Skipf("NOT TESTED: /dev/shm is %s here: %v", v.kind, err)
	}
	all, err := Config{Data: dir, Now: time.Now}.Doctor(t.Context(), "", "", "test")
	told := func(f Finding) bool {
		return f.About == "disk" && f.Level == levelLook && strings.Contains(f.Text, "the pods are gone") && f.Do != ""
	}
	if err != nil || !slices.ContainsFunc(all, told) {
		t.Errorf("%v %+v", err, all)
	}
	for kind, want := range map[string]bool{"ext4": false, "": false, "overlay": true, "tmpfs": true} {
		if why := (volume{kind: kind}).fleeting(); (why != "") != want {
			t.Errorf("%q: %q", kind, why)
		}
	}
}
