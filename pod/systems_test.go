package pod

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// A pod's folder can be taken from one system to another, so names are those that each of them can hold.

// TestDevicesOfWindows goes through all of them, in all ways in which Windows knows them again.
func TestDevicesOfWindows(t *testing.T) {
	devices := []string{"con", "prn", "aux", "nul", "conin$", "conout$"}
	for port := range 10 {
		devices = append(devices, fmt.Sprintf("com%d", port), fmt.Sprintf("lpt%d", port))
	}
	for _, superscript := range []string{"\u00b9", "\u00b2", "\u00b3"} {
		devices = append(devices, "com"+superscript, "lpt"+superscript)
	}
	for _, device := range devices {
		for _, name := range []string{device, strings.ToUpper(device), strings.ToUpper(device[:1]) + device[1:], device + ".txt",
			device + ".tar.gz", device + " .txt", device + ".acl", device + ".meta", device + ".txt.acl"} {
			for _, escaped := range []string{"/" + url.PathEscape(name), "/a/" + url.PathEscape(name), "/" + url.PathEscape(name) + "/", "/" + url.PathEscape(name) + "/b"} {
				if p, err := ParsePath(escaped); !errors.Is(err, ErrBadPath) && !errors.Is(err, ErrReserved) {
					t.Errorf("%s is %v, %v", escaped, p, err)
				}
			}
		}
		for _, name := range []string{device + "x", "x" + device, "x." + device, device + "-1", device + "_.txt"} {
			if _, err := ParsePath("/" + url.PathEscape(name)); err != nil {
				t.Errorf("%s, which is no device: %v", name, err)
			}
		}
	}
}

// TestFormsOfUnicode: macOS writes names in normal form D on some disks, Linux whatever it is given. There is one
// spelling of each name here, that of form C, whatever it looks like.
func TestFormsOfUnicode(t *testing.T) {
	for what, name := range map[string]string{
		"an accent":             "café",
		"two marks":             "ṩ",
		"Vietnamese":            "Nguyễn Thị",
		"Hangul":                "한글.txt",
		"kana with voice marks": "ガギグ",
		"Greek":                 "ΐ",
		"in a folder's name":    "Ålesund",
	} {
		c, d := norm.NFC.String(name), norm.NFD.String(name)
		if c == d {
			t.Fatalf("%s: the forms of %q are equal", what, name)
		}
		p, err := ParsePath("/" + url.PathEscape(c))
		if err != nil || p.Name() != c {
			t.Errorf("%s in form C: %v, %v", what, p, err)
		}
		for _, container := range []string{"", "/", "/x"} {
			if p, err := ParsePath("/" + url.PathEscape(d) + container); !errors.Is(err, ErrBadPath) {
				t.Errorf("%s in form D: %v, %v", what, p, err)
			}
		}
	}
}

// TestTwinsOfOtherSystems: Windows and macOS take these pairs for one name, each by its own tables.
func TestTwinsOfOtherSystems(t *testing.T) {
	for _, pair := range [][2]string{
		{"photo.jpg", "PHOTO.JPG"}, {"É", "é"}, {"ΣΟΦΙΑ", "σοφια"}, {"ς", "σ"}, {"ДОМ", "дом"}, {"ﬀ", "ff"}, {"Ⅳ", "iv"}, {"①", "1"}, {"straße", "STRASSE"},
		{"ﾊﾛｰ", "ハロー"}, {"İ", "i̇"}, {"a\u200db", "ab"}, {"x\ufe0f", "x"},
	} {
		a, errA := Root.Child(pair[0], false)
		b, errB := Root.Child(pair[1], true)
		if errA != nil || errB != nil {
			continue // a name that no pod has is no twin
		}
		if a.FoldedName() != b.FoldedName() {
			t.Errorf("%q and %q are no twins", pair[0], pair[1])
		}
	}
	for _, name := range []string{"photo.jpg", "É", "σοφια", "дом", "straße", "ハロー"} {
		if _, err := Root.Child(name, false); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
