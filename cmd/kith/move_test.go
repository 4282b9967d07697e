package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAPodThatHasMovedIsCheckedElsewhere: and it keeps nobody from checking the others, nor is it said to be here.
func TestAPodThatHasMovedIsCheckedElsewhere(t *testing.T) {
	data, stick := t.TempDir(), filepath.Join(t.TempDir(), "stick")
	for _, name := range []string{"ana", "zoe"} {
		if code, _, problems := callKith(t, "person", "add", name, "--data", data); code != exitOK {
			t.Fatal(problems)
		}
	}
	if code, _, problems := callKith(t, "move", "out", "ana", stick, "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	code, said, problems := callKith(t, "check", "--data", data)
	if code != exitOK || !strings.Contains(said, "ana: has moved to another machine") || !strings.Contains(said, "zoe: 0 files read") {
		t.Errorf("%d %s %s", code, said, problems)
	}
	code, _, problems = callKith(t, "move", "out", "ana", stick, "--data", data)
	if code != exitFailed || !strings.Contains(problems, "has left this machine") || strings.Contains(problems, "goes on here") {
		t.Errorf("%d %s", code, problems)
	}
}
