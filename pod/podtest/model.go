package podtest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kith/pod"
)

// model is a pod as a map: what each path holds, "" for containers.
type model map[string]entry

type entry struct{ mediaType, content string }

// operation is one thing that the search does to the store and to the model.
type operation struct {
	verb    string // put, make, delete, deleteTree, touch, reopen, abort (a put that is undone)
	path    pod.Path
	entry   entry
	version pod.Version
}

func (o operation) String() string {
	return fmt.Sprintf("%s %s %v %v", o.verb, o.path, o.entry, o.version)
}

func (e entry) String() string {
	return fmt.Sprintf("%s %.20q (%d bytes)", e.mediaType, e.content, len(e.content))
}

// operations generates paths of few names, so that they meet, collide and nest.
func operations() *rapid.Generator[[]operation] {
	one := rapid.Custom(func(t *rapid.T) operation {
		p := pod.Root
		for range rapid.IntRange(0, 2).Draw(t, "depth") {
			p = mustChild(p, rapid.SampledFrom([]string{"a", "b", "A"}).Draw(t, "container"), true)
		}
		switch kind := rapid.SampledFrom([]string{"/", "", ".acl", ".meta", "own .acl"}).Draw(t, "kind"); kind {
		case "/":
			p = mustChild(p, rapid.SampledFrom([]string{"a", "b", "B"}).Draw(t, "name"), true)
		case "own .acl":
			p = p.ACL()
		default:
			p = mustChild(p, rapid.SampledFrom([]string{"a", "b", "c.ttl"}).Draw(t, "name")+kind, false)
		}
		return operation{
			verb: rapid.SampledFrom([]string{"put", "put", "put", "make", "delete", "deleteTree", "touch", "reopen", "abort"}).Draw(t, "verb"),
			path: p,
			entry: entry{
				rapid.SampledFrom([]string{"text/turtle", "x/y"}).Draw(t, "type"),
				rapid.StringN(0, 3, -1).Draw(t, "content"),
			},
			version: pod.Version{Counter: uint64(rapid.IntRange(0, 5).Draw(t, "counter"))},
		}
	})
	return rapid.SliceOfN(one, 1, 24)
}

func mustChild(p pod.Path, name string, container bool) pod.Path {
	child, err := p.Child(name, container)
	if err != nil {
		panic(err) // of a test's own literal
	}
	return child
}

// runModel searches for a sequence of operations after which store and map
// differ.
func runModel(t *testing.T, make Maker) {
	rapid.Check(t, func(rt *rapid.T) {
		open := make(t, Config{Device: device, Now: time.Now})
		store, err := open()
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { store.Close() }()
		m := model{"/": {}}
		for _, o := range operations().Draw(rt, "operations") {
			want := m.apply(o)
			var err error
			if o.verb == "reopen" {
				if err = store.Close(); err == nil {
					store, err = open()
				}
			} else {
				err = apply(t, store, o)
			}
			if !errors.Is(err, want) || want == nil && err != nil {
				rt.Fatalf("%v: got error %v, want %v", o, err, want)
			}
			if err := m.check(t, store); err != nil {
				rt.Fatalf("after %v: %v", o, err)
			}
		}
	})
}

// apply does an operation to a store.
func apply(t *testing.T, store pod.Store, o operation) error {
	st, err := store.Stage(t.Context(), strings.NewReader(o.entry.content), pod.StageOptions{Type: o.entry.mediaType, Max: int64(len(o.entry.content))})
	if err != nil {
		return err
	}
	err = store.Update(t.Context(), func(tx pod.WriteTx) (err error) {
		switch o.verb {
		case "put":
			_, err = tx.Put(o.path, st, pod.PutOptions{Version: o.version})
		case "abort":
			if _, err = tx.Put(o.path, st, pod.PutOptions{}); err == nil {
				err = errChanged
			}
		case "make":
			_, err = tx.MakeContainer(o.path, pod.PutOptions{Version: o.version})
		case "delete":
			err = tx.Delete(o.path, pod.DeleteOptions{Version: o.version, Readers: []string{o.entry.content}})
		case "deleteTree":
			err = tx.DeleteTree(o.path, pod.DeleteOptions{Version: o.version})
		case "touch":
			err = tx.Touch(o.path, []string{"r" + o.entry.content})
		}
		return err
	})
	return errors.Join(err, st.Discard())
}

// apply does an operation to the map, and returns what a store answers.
func (m model) apply(o operation) error {
	p := o.path.String()
	_, exists := m[p]
	switch o.verb {
	case "reopen":
		return nil
	case "put", "abort":
		switch {
		case o.path.IsContainer():
			return pod.ErrBadPath
		case !exists && m.collides(o.path):
			return pod.ErrConflict
		case o.verb == "abort":
			return errChanged
		}
		m.place(o.path, o.entry)
		return nil
	case "make":
		switch {
		case !o.path.IsContainer():
			return pod.ErrBadPath
		case exists && o.version == (pod.Version{}):
			return pod.ErrExist
		case !exists && m.collides(o.path):
			return pod.ErrConflict
		}
		m.place(o.path, entry{})
		return nil
	}
	switch {
	case o.verb != "touch" && o.path.IsRoot():
		return pod.ErrReserved
	case !exists:
		return pod.ErrNotExist
	case o.verb == "touch":
		return nil
	case o.verb == "delete" && o.path.IsContainer() && len(m.listing(o.path)) > 0:
		return pod.ErrNotEmpty
	}
	maps.DeleteFunc(m, func(q string, _ entry) bool {
		return q == p || o.path.IsContainer() && strings.HasPrefix(q, p) ||
			o.path.Subject() == o.path && (q == p+".acl" || q == p+".meta")
	})
	return nil
}

// place puts an entry and the containers above it.
func (m model) place(p pod.Path, e entry) {
	m[p.String()] = e
	for q := p.Parent(); q != (pod.Path{}); q = q.Parent() {
		m[q.String()] = entry{}
	}
}

// collides reports whether a path that is not there, or a container above it
// that is not, has a name that a sibling stands in the way of.
func (m model) collides(p pod.Path) bool {
	if p.IsRoot() {
		return false
	}
	if _, exists := m[p.String()]; exists {
		return false
	}
	for s := range m {
		sibling := strings.TrimSuffix(strings.TrimPrefix(s, p.Parent().String()), "/")
		if !strings.HasPrefix(s, p.Parent().String()) || strings.Contains(sibling, "/") || sibling == "" {
			continue
		}
		name := p.Name()
		if strings.EqualFold(sibling, name) {
			return true
		}
		if subject := p.Subject(); subject != p && subject.Name() != "" && subject.Parent() == p.Parent() &&
			strings.EqualFold(sibling, subject.Name()) && s != subject.String() {
			return true
		}
		if p.IsContainer() && (strings.EqualFold(sibling, name+".acl") || strings.EqualFold(sibling, name+".meta")) {
			return true
		}
	}
	return m.collides(p.Parent())
}

func (m model) listing(p pod.Path) (children []string) {
	for q := range m {
		name, below := strings.CutPrefix(q, p.String())
		name = strings.TrimSuffix(name, "/")
		if below && name != "" && !strings.Contains(name, "/") && !strings.HasSuffix(name, ".acl") && !strings.HasSuffix(name, ".meta") {
			children = append(children, q)
		}
	}
	slices.SortFunc(children, func(a, b string) int {
		return strings.Compare(strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/"))
	})
	return children
}

// check compares all that a store says with the map.
func (m model) check(t *testing.T, store pod.Store) error {
	return store.View(t.Context(), func(tx pod.Tx) error {
		live := 0
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			if c.Gone() || c.Narrowed() {
				continue
			}
			live++
			if err := m.checkOne(tx, c.Info); err != nil {
				return fmt.Errorf("%s: %w", c.Path, err)
			}
		}
		if live != len(m) {
			return fmt.Errorf("%d resources, want %d", live, len(m))
		}
		return nil
	})
}

func (m model) checkOne(tx pod.Tx, info pod.Info) error {
	e, exists := m[info.Path.String()]
	if !exists {
		return errors.New("should not be there")
	}
	stat, err := tx.Stat(info.Path)
	if err != nil || stat != info {
		return fmt.Errorf("stat says %+v, %v; the change %+v", stat, err, info)
	}
	aclTag := ""
	if acl, ok := m[info.Path.ACL().String()]; ok {
		aclTag = etag(acl.mediaType, acl.content)
	}
	if info.ACLTag != aclTag {
		return fmt.Errorf("ACLTag %q, want %q", info.ACLTag, aclTag)
	}
	if info.Path.IsContainer() {
		var children []string
		for child, err := range tx.List(info.Path) {
			if err != nil {
				return err
			}
			children = append(children, child.Path.String())
		}
		if want := m.listing(info.Path); !slices.Equal(children, want) {
			return fmt.Errorf("lists %q, want %q", children, want)
		}
		return nil
	}
	r, err := tx.Open(info.Path)
	if err != nil {
		return err
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if string(content) != e.content || info.Type != e.mediaType || info.ETag != etag(e.mediaType, e.content) {
		return fmt.Errorf("%s %q with ETag %s, want %v", info.Type, content, info.ETag, e)
	}
	return nil
}
