package acl

import "strings"

// Modes is a set of access modes. The zero Modes grants nothing.
type Modes uint8

// The access modes (WAC §access-modes). Write includes Append; Control includes
// neither Read nor Write.
const (
	Read    Modes = 1
	Append  Modes = 2
	Write   Modes = 4 | Append
	Control Modes = 8
)

// all is what Control over a subject gives on its ACL resource (WAC §acl-resource-representation).
const all = Read | Write | Control

// Has reports whether m includes every mode of want. No set has the empty one.
func (m Modes) Has(want Modes) bool { return want != 0 && m&want == want }

// String returns the modes as WAC-Allow writes them, such as "read append
// write"; Append is named beside the Write that includes it (WAC §wac-allow).
func (m Modes) String() string {
	var words []string
	for _, w := range modeWords {
		if m.Has(w.modes) {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}

var modeWords = []struct {
	word  string
	modes Modes
}{{"read", Read}, {"append", Append}, {"write", Write}, {"control", Control}}
