package dav_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestWhatSomebodyElseDescribes goes into no answer unless a PROPPATCH could have written it: who may write one file is not
// to change what its owner sees of others.
func TestWhatSomebodyElseDescribes(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	deep := strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70)
	for _, c := range []struct {
		space, local, inner string
		shown               bool
	}{
		{"urn:x", "good", `<a xmlns="urn:y" xmlns:b="urn:z"><b:c b:d="1"/>text &amp; more</a>`, true},
		{"", "bare", "text", true},
		{"urn:x", "open", "</broken", false},
		{"urn:x", "entity", "&lol;", false},
		{"urn:x", "prefix", "<no:such/>", false},
		{"urn:x", "attribute", `<a no:such="1"/>`, false},
		{`urn:x" onload="`, "space", "v", true}, // which is escaped
		{"urn:x", "a b><c/", "v", false},
		{"urn:x", `a b="c"`, "v", false},
		{"urn:x", "a", "</a><a xmlns='urn:x'>", false},
		{"urn:x", "a", "</a></D:prop></D:propstat></D:response><D:response><D:href>/Payslip.exe</D:href><D:propstat><D:prop><a>", false},
		{"urn:x", "said", "<?php 1 ?>", false},
		{"urn:x", "long", long, false},
		{"urn:x", long, "v", false},
		{"urn:x", "deep", deep, false},
		{"urn:x", "", "v", false},
	} {
		d := newDrive(t)
		kept, err := json.Marshal(map[string]string{"space": c.space, "local": c.local, "inner": c.inner})
		if err != nil {
			t.Fatal(err)
		}
		quoted, err := json.Marshal(string(kept))
		if err != nil {
			t.Fatal(err)
		}
		d.want(201, "PUT", "/note.meta", fmt.Sprintf("<note> <https://kith.invalid/ns#davProperty> %s .", quoted), "Content-Type", "text/turtle")
		all := d.ask(d.owner, "PROPFIND", "/", "", "Depth", "1").Body.String()
		wellFormed(t, []byte(all))
		if n := strings.Count(all, "<D:response>"); n != 2 {
			t.Errorf("%.40q: %d responses: %s", c.inner, n, all)
		}
		if shown := strings.Contains(all, "<"+c.local); c.local != "" && shown != c.shown {
			t.Errorf("%.40q %.40q shown: %v, want %v: %s", c.local, c.inner, shown, c.shown, all)
		}
	}
}
