package release

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"kith/internal/fuzztest"
)

func sample() Release {
	return Release{Version: "v1.2.0", Date: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		App:   map[string]Sum{"shell.html": {1}, "index.html": {2}},
		Files: map[string]Sum{"kith-linux-amd64": {3}, "kith-windows-amd64.exe": {4}, "modules.txt": {5}}}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := sample()
	got, err := Parse(want.Text())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v\n%+v", err, got, want)
	}
	later := append(want.Text(), "# something of later\n"...)
	if got, err := Parse(later); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("with a line of later: %v\n%+v", err, got)
	}
}

func TestListsThatAreNone(t *testing.T) {
	good := string(sample().Text())
	line := strings.Repeat("0", 64) + "  kith\n"
	for name, text := range map[string]string{
		"nothing":                 "",
		"cut in a line":           good[:len(good)-1],
		"cut before the files":    good[:strings.Index(good, strings.Repeat("0", 10))],
		"no version":              strings.Replace(good, "# kith v1.2.0\n", "", 1),
		"two versions":            good + "# kith v1.3.0\n",
		"a version with a break":  strings.Replace(good, "v1.2.0", "v1\x1b[2J", 1),
		"no date":                 strings.Replace(good, "# date 2026-11-22T10:00:00Z\n", "", 1),
		"a date that is none":     strings.Replace(good, "2026-11-22", "2026-13-22", 1),
		"a date of another zone":  strings.Replace(good, "10:00:00Z", "10:00:00+01:00", 1),
		"a sum that is too short": good + line[2:],
		"a sum of other letters":  good + "xy" + line[2:],
		"a name twice":            good + line + line,
		"a name that leads out":   good + strings.Repeat("0", 64) + "  ../kith\n",
		"a name with a slash":     good + strings.Repeat("0", 64) + "  a/kith\n",
		"a hidden name":           good + strings.Repeat("0", 64) + "  .kith\n",
		"no name":                 good + strings.Repeat("0", 64) + "\n",
		"an empty line":           good + "\n",
		"a page":                  "<!doctype html>\n<title>404</title>\n",
	} {
		if r, err := Parse([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Text())
	f.Add([]byte("# kith x\n# date 2026-11-22T10:00:00Z\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzztest.Cheap(t, len(text), func() { Parse(text) })
		r, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(r.Text())
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%v\n%+v\n%+v", err, r, again)
		}
	})
}

func TestSignatures(t *testing.T) {
	public, key, _ := ed25519.GenerateKey(nil)
	other, otherKey, _ := ed25519.GenerateKey(nil)
	text := sample().Text()
	signature := Sign(text, key)
	if r, err := Open(text, signature, public); err != nil || r.Version != "v1.2.0" {
		t.Fatalf("%+v, %v", r, err)
	}
	for i := range text {
		flipped := append([]byte{}, text...)
		flipped[i] ^= 1
		if _, err := Open(flipped, signature, public); !errors.Is(err, ErrSignature) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(string(signature)))
	for name, c := range map[string]struct {
		signature []byte
		key       ed25519.PublicKey
	}{
		"another's signature": {Sign(text, otherKey), public},
		"another key":         {signature, other},
		"no key":              {signature, nil},
		"no signature":        {nil, public},
		"half a signature":    {[]byte(base64.StdEncoding.EncodeToString(raw[:32])), public},
		"one as raw bytes":    {raw, public},
	} {
		if _, err := Open(text, c.signature, c.key); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesOfPrograms(t *testing.T) {
	for want, of := range map[string][2]string{"kith-linux-armv7": {"linux", "arm"}, "kith-darwin-arm64": {"darwin", "arm64"}, "kith-windows-amd64.exe": {"windows", "amd64"}} {
		if got := Name(of[0], of[1]); got != want {
			t.Errorf("%v: %s", of, got)
		}
	}
	for program, want := range map[string]string{"/usr/bin/kith": "/usr/bin/kith.previous", `C:\kith.exe`: `C:\kith.previous.exe`} {
		if got := Previous(program); got != want {
			t.Errorf("%s: %s", program, got)
		}
	}
}
