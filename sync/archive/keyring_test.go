package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rings returns the names of the keyrings on a shelf.
func (s shelf) rings() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if _, ok := numberOf(name); ok {
			names = append(names, name)
		}
	}
	return names
}

// hasTwo fails unless the last backup is there with a keyring and its copy and nothing else, each of which opens it alone.
func hasTwo(t *testing.T, s shelf, kits []string, notes int) {
	t.Helper()
	names := s.rings()
	if len(names) != 2 || !strings.HasPrefix(names[0], "copy-") || !strings.HasPrefix(names[1], whole) {
		t.Fatalf("there are %v", names)
	}
	for _, name := range names {
		one := maps.Clone(s)
		delete(one, name)
		c, err := Open(t.Context(), one, kits...)
		if err != nil || len(c.Rows) != notes {
			t.Errorf("without %s: %d rows, %v", name, len(c.Rows), err)
			continue
		}
		if _, err := c.Verify(t.Context(), nil); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// damages are what may happen to a file.
var damages = map[string]func(f failing, name string){
	"is missing":          func(f failing, name string) { delete(f.shelf, name) },
	"is cut":              func(f failing, name string) { f.shelf[name] = f.shelf[name][:len(f.shelf[name])-1] },
	"is empty":            func(f failing, name string) { f.shelf[name] = nil },
	"is altered":          func(f failing, name string) { f.shelf[name][len(f.shelf[name])-1] ^= 1 },
	"is altered in front": func(f failing, name string) { f.shelf[name][60] ^= 1 },
	"is of another time":  func(f failing, name string) { f.shelf[name] = bytes.Clone(f.shelf["old"]) },
	"has a bad sector":    func(f failing, name string) { f.why[name] = syscall.EIO },
}

// TestAKeyringThatIsDamaged is no loss: the other one opens all, and the next run has two again and stores nothing else.
func TestAKeyringThatIsDamaged(t *testing.T) {
	for what, damage := range damages {
		for at, which := range []string{"the copy", "the keyring"} {
			t.Run(which+" "+what, func(t *testing.T) {
				m, place := &machine{}, failing{shelf{}, map[string]error{}}
				o := Options{Now: time.Now, Pause: time.Millisecond}
				for n := range 3 {
					if _, err := Backup(t.Context(), notes{"a", n + 3}, place, m, o); err != nil {
						t.Fatal(err)
					}
					if n == 1 {
						place.shelf["old"] = bytes.Clone(place.shelf["keyring-2"])
					}
				}
				names := place.rings()
				hasTwo(t, place.shelf, m.kits, 5)
				damage(place, names[at])
				c, err := Open(t.Context(), place, m.kits...)
				if err != nil || len(c.Rows) != 5 {
					t.Fatalf("%d rows, %v", len(c.Rows), err)
				}
				if _, err := c.Verify(t.Context(), nil); !errors.Is(err, ErrDamaged) && what != "is missing" {
					t.Errorf("verify: %v", err)
				}
				objects := &counted{Place: place, put: func() error { return errors.New("an object is stored again") }}
				o.Mend = true
				if r, err := Backup(t.Context(), notes{"a", 5}, objects, m, o); err != nil || r.Damaged > 0 {
					t.Fatalf("%+v, %v", r, err)
				}
				delete(place.shelf, "old")
				clear(place.why)
				hasTwo(t, place.shelf, m.kits, 5)
				if r, err := Backup(t.Context(), notes{"a", 5}, place, m, o); err != nil || r.Changed {
					t.Errorf("the run after that: %+v, %v", r, err)
				}
			})
		}
	}
}

// TestBothKeyringsAreDamaged: nothing opens, and the next run stores all again.
func TestBothKeyringsAreDamaged(t *testing.T) {
	m, place := &machine{}, shelf{}
	o := Options{Now: time.Now, Pause: time.Millisecond}
	if _, err := Backup(t.Context(), notes{"a", 5}, place, m, o); err != nil {
		t.Fatal(err)
	}
	for _, name := range place.rings() {
		place[name] = place[name][:len(place[name])-1]
	}
	if _, err := Open(t.Context(), place, m.kits...); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if r, err := Backup(t.Context(), notes{"a", 5}, place, m, o); err != nil || r.Damaged != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	hasTwo(t, place, m.kits, 5)
}

// TestABackupOfOneKeyring, as earlier versions made them, gets the copy by the next run, which stores nothing else.
func TestABackupOfOneKeyring(t *testing.T) {
	m, place := &machine{}, shelf{}
	o := Options{Now: time.Now, Pause: time.Millisecond}
	if _, err := Backup(t.Context(), notes{"a", 5}, place, m, o); err != nil {
		t.Fatal(err)
	}
	delete(place, "copy-1")
	kit := m.kits[0]
	c, err := Open(t.Context(), place, kit)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(t.Context(), nil); err != nil {
		t.Errorf("that there is one only is no damage: %v", err)
	}
	objects := &counted{Place: place, put: func() error { return errors.New("an object is stored again") }}
	if _, err := Backup(t.Context(), notes{"a", 5}, objects, m, o); err != nil || len(m.kits) != 1 || m.kits[0] != kit {
		t.Fatal(m.kits, err)
	}
	hasTwo(t, place, m.kits, 5)
}

// mortal is a place, and what keeps its kits, of which one step fails: half of what is stored then is there. It remembers
// every keyring that was ever stored, as a server that keeps versions does.
type mortal struct {
	shelf
	*machine
	left  int  // steps until then
	kills bool // nothing works after that step either
	fails error
	kept  [][]byte
}

var errMortal = errors.New("the place has gone away")

func (m *mortal) step() error {
	if m.left--; m.left == 0 || m.left < 0 && m.kills {
		return m.fails
	}
	return nil
}

func (m *mortal) Put(ctx context.Context, name string, body io.Reader) error {
	failed := m.step()
	if failed != nil && m.left < 0 {
		return failed
	}
	text, err := io.ReadAll(body)
	if failed != nil {
		text = text[:len(text)/2]
	}
	if _, ok := numberOf(name); ok {
		m.kept = append(m.kept, text)
	}
	return errors.Join(failed, err, m.shelf.Put(ctx, name, bytes.NewReader(text)))
}

func (m *mortal) Create(ctx context.Context, name string, body io.Reader) error {
	return m.Put(ctx, name, body)
}

func (m *mortal) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	return m.shelf.Get(ctx, name)
}

func (m *mortal) List(ctx context.Context, folder string) ([]string, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	return m.shelf.List(ctx, folder)
}

func (m *mortal) Delete(ctx context.Context, name string) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.shelf.Delete(ctx, name)
}

func (m *mortal) Keep(ctx context.Context, kits ...string) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.machine.Keep(ctx, kits...)
}

func (m *mortal) Mark(ctx context.Context, marks ...string) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.machine.Mark(ctx, marks...)
}

// TestARunThatEndsAnywhere: whichever of its steps is the last or fails, a whole backup is there, and the next run makes
// that of today, with two keyrings. No kit that is left opens what was deleted, in whatever was ever stored.
func TestARunThatEndsAnywhere(t *testing.T) {
	for kills, what := range map[bool]string{true: "the last", false: "one that fails"} {
		for n := 1; ; n++ {
			m := &mortal{shelf: shelf{}, machine: &machine{}, fails: errMortal}
			o := Options{Now: time.Now, Pause: time.Millisecond}
			if _, err := Backup(t.Context(), notes{"a", 4}, m, m, o); err != nil {
				t.Fatal(err)
			}
			m.left, m.kills = n, kills
			_, ended := Backup(t.Context(), notes{"a", 3}, m, m, o)
			if m.left > 0 {
				if ended != nil || n < 10 {
					t.Fatalf("a run of %d steps: %v", n, ended)
				}
				break
			}
			if ended == nil {
				t.Fatalf("step %d is %s, and the run ends well", n, what)
			}
			if c, err := Open(t.Context(), m.shelf, m.kits...); err != nil || len(c.Rows) < 3 {
				t.Fatalf("step %d is %s: %d rows, %v", n, what, len(c.Rows), err)
			}
			m.left, m.kills = 0, false
			if _, err := Backup(t.Context(), notes{"a", 3}, m, m, o); err != nil {
				t.Fatalf("step %d was %s; the next run: %v", n, what, err)
			}
			hasTwo(t, m.shelf, m.kits, 3)
			m.isGone(t, "/note-3")
			if t.Failed() {
				t.Fatalf("step %d was %s", n, what)
			}
		}
	}
}

// isGone fails where a kit that is left opens a keyring, of any that ever was, that knows a path, or where none is left
// but opens nothing.
func (m *mortal) isGone(t *testing.T, path string) {
	t.Helper()
	if len(m.kits) != 1 {
		t.Errorf("%d kits are left", len(m.kits))
	}
	opened := 0
	for n, text := range m.kept {
		k, err := openBy(t.Context(), shelf{"any": text}, "any", m.kits[0])
		if err != nil {
			continue
		}
		opened++
		if slices.ContainsFunc(k.Rows, func(r Row) bool { return r.Path == path }) {
			t.Errorf("keyring %d of all that were stored has it", n)
		}
	}
	if opened < 2 {
		t.Error("the test would not find it")
	}
}

// TestAPlaceWithRoomForOneKeyring has a whole backup, says that it is full, and fills up no further.
func TestAPlaceWithRoomForOneKeyring(t *testing.T) {
	for _, begin := range []int{0, 2} { // notes of a backup that is there already
		m, o := &machine{}, Options{Now: time.Now, Pause: time.Millisecond}
		place := shelf{}
		if begin > 0 {
			if _, err := Backup(t.Context(), notes{"a", begin}, place, m, o); err != nil {
				t.Fatal(err)
			}
		}
		full := errors.New("the place is full")
		tight := &watched{Place: place}
		for range 3 {
			tight.at, tight.before = fmt.Sprint("put copy-", 1+min(begin, 1)), func() error { return full }
			if _, err := Backup(t.Context(), notes{"a", 5}, tight, m, o); !errors.Is(err, full) {
				t.Fatal(err)
			}
			c, err := Open(t.Context(), place, m.kits...)
			if err != nil || len(c.Rows) != 5 {
				t.Fatalf("%d rows, %v", len(c.Rows), err)
			}
			if names := place.rings(); begin > 0 && len(names) != 3 {
				t.Errorf("there are %v", names)
			}
			if begin == 0 {
				break // a run without a keyring before it begins with the next number
			}
		}
		if _, err := Backup(t.Context(), notes{"a", 5}, place, m, o); err != nil {
			t.Fatal(err)
		}
		hasTwo(t, place, m.kits, 5)
	}
}
