package sync

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/webid"
)

var update = flag.Bool("update", false, "write the vectors anew")

const cursorVectors = "../conformance/vectors/cursors.json"

// cursorVector is one case of cursors.json, see the README beside it.
type cursorVector struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`

	Key     string     `json:"key"`
	Now     int64      `json:"now"`
	As      string     `json:"as"` // cid, or owner
	Grant   uint64     `json:"grant"`
	Kid     string     `json:"kid"`
	Accepts []webid.ID `json:"accepts"`
	Known   []counted  `json:"known"` // did:keys
	Cursor  string     `json:"cursor"`

	Maker string    `json:"maker,omitempty"`
	Day   int64     `json:"day,omitempty"`
	Seq   uint64    `json:"seq,omitempty"`
	Epoch string    `json:"epoch,omitempty"`
	Seen  []counted `json:"seen,omitempty"`
}

type counted struct {
	Device  string `json:"device"`
	Counter uint64 `json:"counter"`
}

func (v cursorVector) agent() webid.Agent {
	if v.As == "owner" {
		return webid.OwnerAgent(ownerID, v.Kid)
	}
	return webid.ContactAgent(contactID(v.As), v.As, v.Grant, v.Kid, v.Accepts...)
}

func (v cursorVector) sealer(t testing.TB) *sealer {
	t.Helper()
	key, err := base64.RawURLEncoding.DecodeString(v.Key)
	if err != nil {
		t.Fatal(err)
	}
	return testSealer(t, string(key), base)
}

// run reads the cursor at a pod that knows what the case says.
func (v cursorVector) run(t *testing.T) cursorVector {
	h := newHouse(t)
	h.clock.at.Store(v.Now * 1000)
	for i, c := range v.Known {
		h.must(h.bring(fmt.Sprintf("/notes/%d", i), fmt.Sprintf("%d.%s", c.Counter, c.Device), "x").err)
	}
	at, err := v.sealer(t).open(v.agent(), v.Cursor)
	if err == nil {
		_, _, err = h.guard.As(v.agent()).Changes(t.Context(), at, 1)
	}
	v.Maker, v.Day, v.Seq, v.Epoch, v.Seen = "", 0, 0, "", nil
	switch {
	case errors.Is(err, ErrCursor):
		v.Verdict = "malformed"
	case errors.Is(err, acl.ErrGone):
		v.Verdict = "gone"
	case errors.Is(err, acl.ErrBehind):
		v.Verdict = "behind"
	case err != nil:
		v.Verdict = err.Error()
	default:
		v.Verdict, v.Maker = "success", base64.RawURLEncoding.EncodeToString(at.Maker[:])
		v.Day, v.Seq, v.Epoch = at.Day, at.Seq, at.Epoch
		for _, one := range at.Seen {
			if one.Counter > 0 {
				v.Seen = append(v.Seen, counted{base64.RawURLEncoding.EncodeToString(one.Device[:]), one.Counter})
			}
		}
		again, err := v.sealer(t).seal(v.agent(), at)
		if err != nil || again != v.Cursor {
			t.Errorf("sealed again it is %s, %v", again, err)
		}
	}
	return v
}

// TestVectors holds cursors against the vectors that phones are held against too.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	text, err := os.ReadFile(cursorVectors)
	if err != nil {
		t.Fatal(err)
	}
	var cases []cursorVector
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&cases); err != nil || len(cases) < 10 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if got := c.run(t); !reflect.DeepEqual(got, c) {
				t.Errorf("got  %+v\nwant %+v", got, c)
			}
		})
	}
}

func writeVectors(t *testing.T) {
	cases := madeVectors(t)
	for i, c := range cases {
		got := c.run(t)
		if got.Verdict != c.Verdict {
			t.Fatalf("%s: %s, not %s", c.Name, got.Verdict, c.Verdict)
		}
		cases[i] = got
	}
	text, err := json.MarshalIndent(cases, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cursorVectors, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// madeVectors returns the cases with their cursors, made at a time that stands still.
func madeVectors(t *testing.T) []cursorVector {
	key := digest32("a cursor key")
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Unix()
	place := acl.Place{Maker: deviceTag(phone), Day: now / 86400}
	place.Seen = seenOf(counted{phone, 7}, counted{"did:key:zLaptop", 1 << 31})
	plain := cursorVector{Key: key, Now: now, As: ana, Grant: 3, Kid: "did:key:zAna", Accepts: []webid.ID{},
		Known: []counted{{phone, 9}, {"did:key:zLaptop", 1 << 31}}}
	var cases []cursorVector
	add := func(name, verdict string, change func(*cursorVector, *acl.Place), after ...func(*cursorVector)) {
		v, at := plain, place
		v.Name, v.Verdict = name, verdict
		if change != nil {
			change(&v, &at)
		}
		cursor, err := v.sealer(t).seal(v.agent(), at)
		if err != nil {
			t.Fatal(err)
		}
		v.Cursor = cursor
		for _, f := range after {
			f(&v)
		}
		cases = append(cases, v)
	}
	goodVectors(add)
	refusedVectors(add)
	return cases
}

type addVector = func(string, string, func(*cursorVector, *acl.Place), ...func(*cursorVector))

func goodVectors(add addVector) {
	add("a phone's cursor, and nothing is missing", "success", nil)
	add("a cursor that has seen nothing", "success", func(v *cursorVector, at *acl.Place) { v.Known, at.Seen = []counted{}, acl.Seen{} })
	add("a friend with other names", "success", func(v *cursorVector, _ *acl.Place) {
		v.Accepts = []webid.ID{"https://ana.example/#me", "did:key:zOther"}
	})
	add("a friend without a device, by a WebID that the owner accepts", "success", func(v *cursorVector, _ *acl.Place) {
		v.Kid, v.Accepts = "", []webid.ID{"https://ana.example/#me"}
	})
	add("the owner's own", "success", func(v *cursorVector, _ *acl.Place) { v.As, v.Grant, v.Kid = "owner", 0, phone })
	add("sixteen devices, and what a pod wrote of its own place", "success", func(v *cursorVector, at *acl.Place) {
		var all []counted
		for i := range len(at.Seen) {
			all = append(all, counted{fmt.Sprintf("did:key:zDevice%d", i), uint64(i) + 1})
		}
		at.Seen, v.Known = seenOf(all...), all
		at.Epoch, at.Seq = strings.Repeat("e", epochSize), 1<<52
	})
	add("eighty days old", "success", func(_ *cursorVector, at *acl.Place) { at.Day -= 80 })
	add("of tomorrow, by a clock that is ahead", "success", func(_ *cursorVector, at *acl.Place) { at.Day++ })
}

func refusedVectors(add addVector) {
	add("a device of which nothing is known here", "behind", func(v *cursorVector, _ *acl.Place) { v.Known = v.Known[:1] })
	add("a counter that is higher than what is known here", "behind", func(v *cursorVector, _ *acl.Place) {
		v.Known = []counted{{phone, 6}, {"did:key:zLaptop", 1<<31 + 1}}
	})
	add("eighty-one days old", "gone", func(_ *cursorVector, at *acl.Place) { at.Day -= 81 })
	add("of the day after tomorrow", "gone", func(_ *cursorVector, at *acl.Place) { at.Day += 2 })
	add("of an earlier grant", "gone", nil, func(v *cursorVector) { v.Grant++ })
	add("of another device of the friend", "gone", nil, func(v *cursorVector) { v.Kid = "did:key:zTablet" })
	add("of before another name was accepted", "gone", nil, func(v *cursorVector) { v.Accepts = []webid.ID{"https://ana.example/#me"} })
	add("of another friend", "gone", nil, func(v *cursorVector) { v.As = carl })
	add("under another key", "gone", nil, func(v *cursorVector) { v.Key = digest32("another cursor key") })
	add("with one bit that is another", "gone", nil, func(v *cursorVector) { v.Cursor = flipped(v.Cursor) })
	add("that ends early", "gone", nil, func(v *cursorVector) { v.Cursor = v.Cursor[:len(v.Cursor)-2] })
	add("with more behind it", "gone", nil, func(v *cursorVector) { v.Cursor += "AA" })
	add("of other letters", "malformed", nil, func(v *cursorVector) { v.Cursor = "+" + v.Cursor[1:] })
	add("of a length that base64url has not", "malformed", nil, func(v *cursorVector) { v.Cursor = v.Cursor[:len(v.Cursor)-1] })
	add("padded", "malformed", nil, func(v *cursorVector) { v.Cursor += "==" })
	add("empty", "malformed", nil, func(v *cursorVector) { v.Cursor = "" })
}

func flipped(s string) string {
	b := []byte(s)
	b[40] ^= 1
	if b[40] == '`' || b[40] == '@' || b[40] == '[' {
		b[40] = 'x'
	}
	return string(b)
}

func digest32(words string) string {
	sum := sha256.Sum256([]byte(words))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// deviceTag is how cursors name a device.
func deviceTag(kid string) (tag [8]byte) {
	sum := sha256.Sum256([]byte(kid))
	copy(tag[:], sum[:])
	return tag
}

func seenOf(all ...counted) (seen acl.Seen) {
	slices.SortFunc(all, func(a, b counted) int {
		x, y := deviceTag(a.Device), deviceTag(b.Device)
		return bytes.Compare(x[:], y[:])
	})
	for i, c := range all {
		seen[i].Device, seen[i].Counter = deviceTag(c.Device), c.Counter
	}
	return seen
}
