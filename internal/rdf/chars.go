package rdf

import "unicode/utf8"

// The classes of ASCII characters that the grammars tell apart.
const (
	classIRI   = 1 << iota // stands unescaped in an IRI reference (Turtle §6.5 [18])
	classAlpha             // A-Z a-z
	classDigit             // 0-9
	classHex               // 0-9 A-F a-f
	className              // PN_CHARS below U+0080: letters, digits, _ and -
	classSpace             // white space (Turtle §6.5 [161s])
	classLocal             // may follow a backslash in a local name (Turtle §6.5 [172s])
)

var classes = classTable()

func classTable() (t [256]uint8) {
	mark := func(set string, class uint8) {
		for i := range len(set) {
			t[set[i]] |= class
		}
	}
	for c := byte('!'); c < 0x7F; c++ {
		t[c] |= classIRI
	}
	for _, c := range []byte("<>\"{}|\\^`") {
		t[c] = 0
	}
	for c := byte('a'); c <= 'z'; c++ {
		mark(string([]byte{c, c - 'a' + 'A'}), classAlpha|className)
	}
	mark("0123456789", classDigit|className|classHex)
	mark("abcdefABCDEF", classHex)
	mark("_-", className)
	mark(" \t\r\n", classSpace)
	mark("_~.-!$&'()*+,;=/?#@%", classLocal)
	return t
}

func is(c, class byte) bool { return classes[c]&class != 0 }

// baseRanges are the characters above ASCII of PN_CHARS_BASE (Turtle §6.5 [163s]).
var baseRanges = [][2]rune{
	{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF},
	{0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF},
	{0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
}

// isBase reports PN_CHARS_BASE (Turtle §6.5 [163s]).
func isBase(r rune) bool {
	if r < utf8.RuneSelf {
		return is(byte(r), classAlpha)
	}
	for _, span := range baseRanges {
		if r <= span[1] {
			return r >= span[0]
		}
	}
	return false
}

// isStart reports PN_CHARS_U or a digit, which begin local names and blank node
// labels (Turtle §6.5 [141s], [168s]).
func isStart(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || isBase(r)
}

// isName reports PN_CHARS (Turtle §6.5 [166s]).
func isName(r rune) bool {
	if r < utf8.RuneSelf {
		return is(byte(r), className)
	}
	return r == 0xB7 || 0x300 <= r && r <= 0x36F || 0x203F <= r && r <= 0x2040 || isBase(r)
}

// runeAt returns the character at i and its length. What is not UTF-8 is a rune
// of no class, and so is the end of s, where the length is zero.
func runeAt(s string, i int) (rune, int) {
	if i >= len(s) {
		return -1, 0
	}
	if s[i] < utf8.RuneSelf {
		return rune(s[i]), 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && n == 1 {
		return -1, 1
	}
	return r, n
}

// nameEnd returns where the name that begins at i ends, or i when none does. A
// name holds name characters and inner dots; first tells what may begin it.
func nameEnd(s string, i int, first func(rune) bool) int {
	r, n := runeAt(s, i)
	if n == 0 || !first(r) {
		return i
	}
	end := i + n
	for i = end; i < len(s); i += n {
		r, n = runeAt(s, i)
		if r == '.' {
			continue
		}
		if !isName(r) {
			break
		}
		end = i + n
	}
	return end
}

// langEnd returns where the language tag that begins at i ends, or i when none
// does (Turtle §6.5 [144s], without the @).
func langEnd(s string, i int) int {
	end := i
	for end < len(s) && is(s[end], classAlpha) {
		end++
	}
	if end == i {
		return i
	}
	for end+1 < len(s) && s[end] == '-' && is(s[end+1], classAlpha|classDigit) {
		for end++; end < len(s) && is(s[end], classAlpha|classDigit); end++ {
		}
	}
	return end
}
