package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/pod/folder"
	"kith/sync/archive"
	"kith/webid"
)

const (
	anaCID, benCID, eveCID = "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb", "eeeeeeeeeeeeeeeeeeee"
	dora, eve              = "https://dora.example/card#me", "https://eve.example/card#me"
)

// access returns an ACL resource that gives the owner everything, and others, by the subjects of rules, some modes.
func access(root string, others map[string]string) string {
	text := `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <` + root + `profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
`
	for who, modes := range others {
		text += `[] a acl:Authorization; ` + who + `; acl:accessTo <./>; acl:default <./>; acl:mode ` + modes + ".\n"
	}
	return text
}

// sharedTree is a pod in which several people may do several things, as a phone brings it: by path, type and text.
func sharedTree() [][3]string {
	ana, toBen := `acl:agent <../contacts/`+anaCID+`/card#me>`, `acl:agent <../../../contacts/`+benCID+`/card#me>`
	circle := `acl:agentGroup <../../../circles/close#members>`
	group := func(who string) string {
		return `<#members> <http://www.w3.org/2006/vcard/ns#hasMember> <` + who + `>.`
	}
	const turtle, note = "text/turtle", "application/ld+json"
	return [][3]string{
		{"/settings/classes", "application/json", `{"/public/": ["http://xmlns.com/foaf/0.1/Agent"]}`},
		{"/circles/close", turtle, group("../contacts/" + benCID + "/card#me")},
		{"/circles/far", turtle, group(dora)},
		{"/docs/.acl", turtle, access("../", map[string]string{ana: "acl:Read, acl:Write", `acl:agent <` + eve + `>`: "acl:Read", `acl:agentGroup <../circles/far#members>`: "acl:Read"})},
		{"/docs/a.txt", "text/plain", "for Ana and Dora"},
		{"/docs/b.txt", "text/plain", "for Ben"},
		{"/docs/b.txt.acl", turtle, `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
[] a acl:Authorization; acl:agent <../profile/card#me>; acl:accessTo <./b.txt>; acl:mode acl:Read, acl:Write, acl:Control.
[] a acl:Authorization; acl:agent <../contacts/` + benCID + `/card#me>; acl:accessTo <./b.txt>; acl:mode acl:Read.`},
		{"/docs/b.txt.meta", turtle, `<b.txt> <http://purl.org/dc/terms/title> "B".`},
		{"/docs/private/.acl", turtle, access("../../", nil)},
		{"/docs/private/diary.txt", "text/plain", "for nobody"},
		{"/public/.acl", turtle, access("../", map[string]string{`acl:agentClass <http://xmlns.com/foaf/0.1/Agent>`: "acl:Read"})},
		{"/public/x.txt", "text/plain", "for everybody"},
		{"/public/secret/.acl", turtle, access("../../", map[string]string{`acl:agent <../../contacts/` + anaCID + `/card#me>`: "acl:Append"})},
		{"/public/secret/y.txt", "text/plain", "for Ana to add to"},
		{"/settings/lease", "application/json", `{"days": 30}`},
		{"/social/posts/2026-11-20-aa/post.jsonld", note, `{"type": "Note", "content": "one"}`},
		{"/social/posts/2026-11-20-aa/photo.jpg", "image/jpeg", strings.Repeat("jpeg", 40_000)},
		{"/social/posts/2026-11-20-aa/.acl", turtle, access("../../../", map[string]string{toBen: "acl:Read"})},
		{"/social/posts/2026-11-21-bb/post.jsonld", note, `{"type": "Note", "content": "two"}`},
		{"/social/posts/2026-11-21-bb/.acl", turtle, access("../../../", map[string]string{circle: "acl:Read"})},
		{"/social/posts/2026-11-22-cc/post.jsonld", note, `{"type": "Note", "content": "three"}`},
		{"/social/posts/2026-11-22-cc/.acl", turtle, access("../../../", map[string]string{circle: "acl:Read"})},
		{"/social/in/" + anaCID + "/.acl", turtle, fmt.Sprintf(inboxACL, anaCID)},
	}
}

// wrecked is a pod with people in it, its backup, and what was so before anything was damaged.
type wrecked struct {
	t      *testing.T
	place  string
	kit    string
	rows   map[string]archive.Row
	texts  map[string]string
	access map[string]acl.Modes
	puts   map[string]bool
}

func newWrecked(t *testing.T) *wrecked {
	t.Helper()
	w := &wrecked{t: t, place: filepath.Join(t.TempDir(), "backup"), rows: map[string]archive.Row{}}
	s := newServer(t, t.TempDir(), newClock(), DefaultName)
	h := w.home(s)
	if err := h.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	tree := sharedTree()
	for cid, c := range map[string]webid.Contact{anaCID: {Name: "Ana"}, benCID: {Name: "Ben"}, eveCID: {Name: "Eve", Accepts: []webid.ID{eve}, Blocked: true}} {
		c.Grant, c.Since = 1, time.Unix(1_700_000_000, 0)
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, [3]string{"/contacts/" + cid + "/card", "application/ld+json", string(text)})
	}
	for n, each := range tree {
		row := archive.Row{Path: each[0], Type: each[1], ID: fmt.Sprintf("%022d", n), Counter: uint64(100 + n), Device: "did:key:phone", Modified: time.UnixMilli(1_763_800_000_000).UTC()}
		if _, err := w.bring(h, row, each[2]); err != nil {
			t.Fatal(each[0], err)
		}
	}
	state, err := h.state.export(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	kits := &kitBox{}
	if _, err := archive.Backup(t.Context(), w.replica(h), archive.Folder(w.place), kits, archive.Options{State: state, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	w.kit = kits.kits[0]
	c, err := archive.Open(t.Context(), archive.Folder(w.place), w.kit)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range c.Rows {
		w.rows[row.Path] = row
	}
	w.texts = w.read(h)
	w.access, w.puts = w.may(h)
	return w
}

func (w *wrecked) home(s *Server) *home {
	w.t.Helper()
	h, err := s.home(w.t.Context(), DefaultName)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *wrecked) replica(h *home) *acl.Replica {
	w.t.Helper()
	r, _, err := h.replicaOf(w.t.Context(), "/")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// bring is what a phone does with a row that the pod lacks, or has in an older version.
func (w *wrecked) bring(h *home, row archive.Row, text string) (pod.Info, error) {
	info, err := row.Info()
	if err != nil {
		return info, err
	}
	return w.replica(h).Put(w.t.Context(), info, strings.NewReader(text), nil)
}

// read returns the type, version, handle and bytes of all resources, by path.
func (w *wrecked) read(h *home) map[string]string {
	w.t.Helper()
	r, all := w.replica(h), map[string]string{}
	rows, _, err := r.Rows(w.t.Context(), 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Gone() {
			w.t.Errorf("%s counts as deleted", row.ID)
		}
		if row.Gone() || row.Path.IsContainer() {
			continue
		}
		res, err := r.Open(w.t.Context(), row.Path)
		if err != nil {
			w.t.Fatal(err)
		}
		text, err := io.ReadAll(res)
		if err = errors.Join(err, res.Close()); err != nil {
			w.t.Fatal(err)
		}
		all[row.Path.Escaped()] = fmt.Sprintln(row.Type, row.Version, row.ID) + string(text)
	}
	return all
}

// who are the six, as they are to the pod at this moment: by what they prove, a contact's device or a WebID elsewhere.
func (w *wrecked) who(h *home) map[string]webid.Agent {
	w.t.Helper()
	p, err := h.realm.person(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]webid.Agent{"the owner": webid.OwnerAgent(h.realm.Owner(), p.kid()), "nobody": {}}
	for name, id := range map[string]webid.ID{"ana": h.card(anaCID), "ben": h.card(benCID), "dora": dora, "eve": eve} {
		c, err := h.realm.ByID(w.t.Context(), id)
		elsewhere := !strings.HasPrefix(string(id), h.url)
		switch {
		case err == nil && !c.Blocked:
			all[name] = webid.ContactAgent(c.ID, c.CID, c.Grant, "", c.Accepts...)
		case err == nil && elsewhere:
			all[name] = webid.StrangerAgent("a blocked contact: " + id)
		case errors.Is(err, webid.ErrUnknown) && elsewhere:
			all[name] = webid.StrangerAgent(id)
		case err == nil, errors.Is(err, webid.ErrUnknown):
			all[name] = webid.Agent{} // a device that nobody knows proves nothing
		default:
			w.t.Fatal(err)
		}
	}
	return all
}

func (h *home) card(cid string) webid.ID { return webid.ID(h.url + "contacts/" + cid + "/card#me") }

// may returns what each of the six may do with each resource of the pod that was.
func (w *wrecked) may(h *home) (modes map[string]acl.Modes, puts map[string]bool) {
	w.t.Helper()
	modes, puts = map[string]acl.Modes{}, map[string]bool{}
	for name, agent := range w.who(h) {
		v := h.guard.As(agent)
		for path := range w.rows {
			p, err := pod.ParsePath(path)
			if err != nil {
				w.t.Fatal(err)
			}
			what := name + " " + path
			switch a, err := v.Stat(w.t.Context(), p); {
			case err == nil:
				modes[what] = a.User
			case !errors.Is(err, acl.ErrForbidden) && !errors.Is(err, acl.ErrUnauthenticated) && !errors.Is(err, pod.ErrNotExist):
				w.t.Fatal(what, err)
			}
			if err = v.MayPut(w.t.Context(), p, pod.Precondition{}); p.IsContainer() {
				err = v.MayCreate(w.t.Context(), p, pod.Precondition{})
			}
			puts[what] = err == nil
		}
	}
	return modes, puts
}

// salvage damages a copy of the backup, in four ways by turns, brings back what is sound of it, and opens that.
func (w *wrecked) salvage(t *testing.T, first int, damaged []string) (*home, []Lost) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(w.place)); err != nil {
		t.Fatal(err)
	}
	for n, path := range damaged {
		object := w.rows[path].Object
		file := filepath.Join(dir, "objects", object[:2], object)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch at := rand.IntN(len(text)); (first + n) % 4 {
		case 0:
			err = os.Remove(file)
		case 1:
			err = os.WriteFile(file, text[:at], 0o600)
		case 2:
			text[at] ^= 1 << rand.IntN(8)
			err = os.WriteFile(file, text, 0o600)
		case 3:
			err = os.WriteFile(file, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	into := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	if _, _, err := Restore(t.Context(), into, dir, "", "", w.kit, nil); !errors.Is(err, archive.ErrDamaged) {
		t.Fatalf("a plain restore: %v", err)
	}
	name, r, lost, err := Salvage(t.Context(), into, dir, "", "", w.kit, nil)
	if err != nil || name != DefaultName || r.Done+len(damaged) < len(w.rows) {
		t.Fatal(name, r, err)
	}
	s, err := Open(t.Context(), into)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w.home(s), lost
}

// verify compares a pod that was salvaged with the one that was, and lets a phone bring back what was lost.
func (w *wrecked) verify(t *testing.T, first int, damaged []string) (lost []Lost) {
	w.t = t
	h, lost := w.salvage(t, first, damaged)
	told := map[string]bool{}
	for _, each := range lost {
		told[each.Path] = true
		if !slices.Contains(damaged, each.Path) || each.Closed != strings.HasSuffix(each.Path, ".acl") || each.Friend != strings.HasSuffix(each.Path, "/card") {
			t.Errorf("told of %+v", each)
		}
	}
	is := w.read(h)
	for path, text := range w.texts {
		if !told[path] && is[path] != text {
			t.Errorf("%s is %.200q, was %.200q", path, is[path], text)
		}
		if told[path] && is[path] == text {
			t.Errorf("%s is there, and said to be lost", path)
		}
	}
	modes, puts := w.may(h)
	for what, m := range modes {
		if m&^w.access[what] != 0 {
			t.Errorf("%s: %v, was %v", what, m, w.access[what])
		}
	}
	for path := range is {
		if what := "the owner " + path; !modes[what].Has(w.access[what]) {
			t.Errorf("%s: %v, was %v", what, modes[what], w.access[what])
		}
	}
	for what, may := range puts {
		if may && !w.puts[what] {
			t.Errorf("%s may be written", what)
		}
	}
	left := slices.Collect(maps.Keys(told))
	for tries := 0; len(left) > 0; tries++ { // what is refused, a phone brings again: an ACL may name a class once the setting is there
		left = slices.DeleteFunc(left, func(path string) bool {
			_, text, _ := strings.Cut(w.texts[path], "\n")
			_, err := w.bring(h, w.rows[path], text)
			if err != nil && (tries > 0 || !errors.Is(err, acl.ErrClass)) {
				t.Fatalf("the phone brings %s: %v", path, err)
			}
			return err == nil
		})
	}
	if is = w.read(h); len(is) != len(w.texts) {
		t.Errorf("%d resources, were %d", len(is), len(w.texts))
	}
	for path, text := range w.texts {
		if is[path] != text {
			t.Errorf("the phone has brought %s: it is %.200q, was %.200q", path, is[path], text)
		}
	}
	modes, puts = w.may(h)
	for what, m := range w.access {
		if modes[what] != m || puts[what] != w.puts[what] {
			t.Errorf("%s: %v %t after the phone came, was %v %t", what, modes[what], puts[what], m, w.puts[what])
		}
	}
	return lost
}

// TestSalvage damages each resource of a backup in turn, and many at a time.
func TestSalvage(t *testing.T) {
	w := newWrecked(t)
	var paths []string
	for path, row := range w.rows {
		if row.Object != "" {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for what, want := range map[string]acl.Modes{"ana /docs/a.txt": acl.Read | acl.Write, "dora /docs/a.txt": acl.Read, "eve /docs/a.txt": 0, "ben /docs/b.txt": acl.Read, "ana /docs/b.txt": 0,
		"ben /social/posts/2026-11-21-bb/post.jsonld": acl.Read, "nobody /public/x.txt": acl.Read, "nobody /public/secret/y.txt": 0, "ana /social/posts/": acl.Read} {
		if w.access[what] != want {
			t.Fatalf("%s: %v, want %v", what, w.access[what], want)
		}
	}
	for what, want := range map[string]bool{"ana /docs/a.txt": true, "dora /docs/a.txt": false, "ana /public/secret/": true, "ana /docs/private/": false, "ben /public/secret/": false} {
		if w.puts[what] != want {
			t.Fatalf("%s: %t, want %t", what, w.puts[what], want)
		}
	}
	found := map[string]bool{"/.acl": true, "/social/posts/.acl": true, "/social/in/" + anaCID + "/.acl": true, // known texts
		"/social/posts/2026-11-21-bb/.acl": true, "/social/posts/2026-11-22-cc/.acl": true} // equal ones
	for n, path := range paths {
		t.Run(path, func(t *testing.T) {
			lost := w.verify(t, n, []string{path})
			if got := len(lost) == 0; got != found[path] {
				t.Errorf("lost: %v", lost)
			}
		})
	}
	for seed := range 12 {
		rand.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		some := slices.Clone(paths[:1+rand.IntN(len(paths))])
		t.Run(fmt.Sprint("many at a time ", seed), func(t *testing.T) {
			t.Log(some)
			w.verify(t, seed, some)
		})
	}
	t.Run("all", func(t *testing.T) {
		w.verify(t, 0, paths)
	})
}

// TestASalvagedPodIsMadeWholeByItsPhone: lists, the record of a friend and the access rules of a post are lost.
// The friend is a stranger until the phone has brought back what it has.
func TestASalvagedPodIsMadeWholeByItsPhone(t *testing.T) {
	t.Parallel()
	c := newClock()
	b, place := newShared(t, c, newPost(t, c)), filepath.Join(t.TempDir(), "backup")
	kit := b.backUp(place)
	lost := []string{"/profile/devices", "/profile/keys", "/contacts/" + b.ana.CID + "/card", path.Dir(postOne) + "/.acl", postOne}
	type kept struct {
		info pod.Info
		text []byte
	}
	phone := map[string]kept{}
	for _, name := range lost {
		raw, p, err := b.me().replicaOf(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		res, err := raw.Open(t.Context(), p)
		if err != nil {
			t.Fatal(name, err)
		}
		text, err := io.ReadAll(res)
		if err = errors.Join(err, res.Close()); err != nil {
			t.Fatal(err)
		}
		phone[name] = kept{res.Info(), text}
	}
	contents, err := archive.Open(t.Context(), archive.Folder(place), kit)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range contents.Rows {
		if slices.Contains(lost, row.Path) {
			if err := os.Remove(filepath.Join(place, "objects", row.Object[:2], row.Object)); err != nil {
				t.Fatal(err)
			}
		}
	}
	config := b.config
	b.stop()
	b.dir = t.TempDir()
	config.Data = b.dir
	if _, _, told, err := Salvage(t.Context(), config, place, "", "", kit, nil); err != nil || len(told) != len(lost) {
		t.Fatal(told, err)
	}
	b.start()
	if _, err := b.me().realm.ByID(t.Context(), b.me().card(b.ana.CID)); !errors.Is(err, webid.ErrUnknown) {
		t.Errorf("the friend is known: %v", err)
	}
	for name, row := range phone {
		v := row.info.Version
		b.phone.must(http.StatusOK, "PUT", "/.replica"+name, string(row.text), "Content-Type", row.info.Type, "Kith-Version", fmt.Sprintf("%d.%s", v.Counter, v.Device), "Kith-Id", row.info.ID)
	}
	b.ana.must(http.StatusOK, "GET", postOne, "")
}

// TestManyWebIDsAreBlocked: where a record that is lost cannot name all whom it may have been about, further ones do.
func TestManyWebIDsAreBlocked(t *testing.T) {
	store, err := folder.Open(folder.Options{Tree: t.TempDir(), State: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	text := ""
	for n := range 2*mostAccepted + 3 {
		text += fmt.Sprintf("<#members> <http://www.w3.org/2006/vcard/ns#hasMember> <https://p%d.example/#me> .\n", n)
	}
	group, card := archive.Row{Path: "/circles/many", Type: "text/turtle", Size: int64(len(text)), Counter: 1, Device: "d"}, archive.Row{Path: "/contacts/" + eveCID + "/card", Counter: 2, Device: "d"}
	row, err := group.Info()
	if err != nil {
		t.Fatal(err)
	}
	l := &losses{base: "http://localhost:8420/me/"}
	err = errors.Join(insteadOf(t.Context(), store, row, "text/turtle", text), l.lose(t.Context(), store, card), l.block(t.Context(), store, []archive.Row{card, group}))
	if err != nil {
		t.Fatal(err)
	}
	blocked := map[webid.ID]bool{}
	err = store.View(t.Context(), func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil || c.Path.Name() != "card" {
				continue
			}
			res, err := tx.Open(c.Path)
			if err != nil {
				return err
			}
			text, err := io.ReadAll(res)
			if err = errors.Join(err, res.Close()); err != nil {
				return err
			}
			made, err := webid.ParseContact(l.base+strings.TrimPrefix(c.Path.Escaped(), "/"), text)
			if err != nil || !made.Blocked {
				t.Errorf("%s: %+v, %v", c.Path, made, err)
			}
			for _, id := range made.Accepts {
				blocked[id] = true
			}
		}
		return nil
	})
	if err != nil || len(blocked) != 2*mostAccepted+3 {
		t.Errorf("%d are blocked, %v", len(blocked), err)
	}
}
