package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"kith/internal/server"
)

// TestTheQRFitsATerminal: of a link as long as they get, in 80 columns and 40 lines.
func TestTheQRFitsATerminal(t *testing.T) {
	const mark = "https://relay.example.org/#pair="
	var out bytes.Buffer
	p := server.Pairing{Link: mark + strings.Repeat("Ab0_", (321-len(mark))/4), Relays: []string{"https://relay.example.org/"}}
	if err := printPairing(&out, p); err != nil {
		t.Fatal(err)
	}
	drawn := 0
	for line := range strings.Lines(out.String()) {
		code, is := strings.CutPrefix(strings.TrimSuffix(line, "\x1b[0m\n"), "\x1b[30;107m")
		if !is {
			continue
		}
		if drawn++; utf8.RuneCountInString(code) > 80 {
			t.Errorf("a line of %d columns", utf8.RuneCountInString(code))
		}
	}
	if drawn < 20 || drawn > 36 {
		t.Errorf("drawn in %d lines", drawn)
	}
}
