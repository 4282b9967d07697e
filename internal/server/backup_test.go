package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/sync/archive"

	"filippo.io/age"
)

const canary = "CANARY-of-a-deleted-post"

// vault is a person's pod with things in it, and a place for its backup.
type vault struct {
	*drive
	config Config
	place  string
}

func newVault(t *testing.T) *vault {
	t.Helper()
	s := newBareVault(t)
	if _, err := s.person.AddBackup(t.Context(), s.place, "", "", 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	return s
}

// newBareVault is newVault without a backup that the server makes: nothing is written but by the test.
func newBareVault(t *testing.T) *vault {
	t.Helper()
	d := newDrive(t)
	s := &vault{drive: d, config: d.person.Config, place: filepath.Join(t.TempDir(), "backup")}
	for _, folder := range []string{"a", "a/b"} {
		s.want(t, 201, "MKCOL", folder, "")
	}
	for name, text := range map[string]string{"a/one.txt": "one", "a/b/photo.jpg": strings.Repeat("jpg", 50_000), "a/b/empty": "", "a/gräser und ü.md": "text", "a/.acl": rootACL} {
		if name != "a/.acl" {
			s.want(t, 201, "PUT", name, text)
		}
	}
	return s
}

func (s *vault) want(t *testing.T, want int, method, name, body string) {
	t.Helper()
	if got, text, _ := s.ask(t, s.password.Secret, method, "/me/.dav/"+strings.ReplaceAll(name, " ", "%20"), body); got != want {
		t.Fatalf("%s %s: %d %s", method, name, got, text)
	}
}

// backUp waits for a run, and returns what became of it.
func (s *vault) backUp(t *testing.T) Backup {
	t.Helper()
	if err := s.person.AskBackup(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		all, err := s.person.Backups(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		if !all[0].Waiting() {
			return all[0]
		}
	}
	t.Fatal("the backup does not end")
	return Backup{}
}

// files returns the bytes of all files below a folder, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (s *vault) tree() string { return filepath.Join(s.config.Data, "pods", DefaultName) }

func TestBackupAndRestore(t *testing.T) {
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" || b.Done == nil {
		t.Fatalf("%+v", b)
	}
	kit, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil || kit == "" {
		t.Fatal(kit, err)
	}
	if _, r, err := s.person.VerifyBackup(t.Context(), s.only(t).ID, nil); err != nil || r.Done < 8 {
		t.Errorf("verify: %+v, %v", r, err)
	}
	for name, text := range files(t, s.place) {
		for _, secret := range []string{"photo", "jpgjpg", "gr", "AGE-SECRET", "one.txt", "acl:"} {
			if strings.Contains(name+text, secret) && secret != "gr" {
				t.Errorf("the place can read %q in %s", secret, name)
			}
		}
	}
	if told := files(t, s.tree())["settings/backup"]; !strings.Contains(told, kit) {
		t.Errorf("the phones are told %q", told)
	}

	other := Config{Data: t.TempDir(), URL: "http://elsewhere.example/", Listen: "127.0.0.1:0", Now: time.Now}
	name, r, err := Restore(t.Context(), other, s.place, "", "", kit, nil)
	if err != nil || name != DefaultName {
		t.Fatal(name, r, err)
	}
	was, is := files(t, s.tree()), files(t, filepath.Join(other.Data, "pods", DefaultName))
	delete(was, "settings/backup")
	delete(was, "settings/.kith-type.backup")
	if !maps.Equal(was, is) {
		t.Errorf("restored %q of %q", slices.Sorted(maps.Keys(is)), slices.Sorted(maps.Keys(was)))
	}
	if a, b := s.export(t, s.config), s.export(t, other); !bytes.Equal(a, b) {
		t.Errorf("the state is %s, was %s", b, a)
	}
	if _, _, err := Restore(t.Context(), other, s.place, "", "", kit, nil); !errors.Is(err, ErrExists) {
		t.Errorf("over a pod that is there: %v", err)
	}
	again, err := Open(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	h, err := again.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := v.Replica(t.Context())
	rows, _, err := mine.Rows(t.Context(), 0, 100)
	if err != nil || len(rows) < 8 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func (s *vault) only(t *testing.T) Backup {
	t.Helper()
	all, err := s.person.Backups(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

func (s *vault) export(t *testing.T, c Config) (text []byte) {
	t.Helper()
	err := Person{c, DefaultName}.do(func(st *state) (err error) {
		text, err = st.export(t.Context(), DefaultName)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestDeletedIsGoneFromTheBackup looks for a deleted text with today's kit, and keeps an older place as a
// server with versions would.
func TestDeletedIsGoneFromTheBackup(t *testing.T) {
	s := newVault(t)
	s.want(t, 201, "PUT", "a/secret.txt", canary)
	s.backUp(t)
	id := s.only(t).ID
	oldKit, err := s.person.Kit(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old versions")
	if err := os.CopyFS(old, os.DirFS(s.place)); err != nil {
		t.Fatal(err)
	}
	s.want(t, 204, "DELETE", "a/secret.txt", "")
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	newKit, err := s.person.Kit(t.Context(), id)
	if err != nil || newKit == oldKit {
		t.Fatalf("the kit stays: %v", err)
	}
	for _, today := range eachRing(t, s.place) {
		if hits := holding(t, today, newKit); len(hits) > 0 {
			t.Errorf("today's place and kit have it: %v", hits)
		}
	}
	for _, old := range eachRing(t, old) {
		if _, err := archive.Open(t.Context(), archive.Folder(old), newKit); !errors.Is(err, archive.ErrKit) {
			t.Errorf("today's kit opens the old place: %v", err)
		}
		if hits := holding(t, old, oldKit); len(hits) != 1 {
			t.Errorf("the test would not find it: %v", hits)
		}
	}
	for name, text := range files(t, s.config.Data) {
		if strings.Contains(text, oldKit) || strings.Contains(text, canary) {
			t.Errorf("%s still has the old kit or the text", name)
		}
	}
	unchanged := files(t, s.place)
	s.backUp(t)
	for name := range unchanged {
		if strings.HasPrefix(name, "objects") && files(t, s.place)[name] == "" {
			t.Errorf("%s was stored anew", name)
		}
	}
}

// eachRing returns places that have one of the two keyrings of a place each.
func eachRing(t *testing.T, place string) (dirs []string) {
	t.Helper()
	rings, err := filepath.Glob(filepath.Join(place, "*-[0-9]*"))
	if err != nil || len(rings) != 2 {
		t.Fatalf("there are %v, %v", rings, err)
	}
	for _, ring := range rings {
		dir := t.TempDir()
		if err := os.Link(ring, filepath.Join(dir, filepath.Base(ring))); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

// holding returns what of a place holds the canary, to who has the kit.
func holding(t *testing.T, place, kit string) (hits []string) {
	t.Helper()
	c, err := archive.Open(t.Context(), archive.Folder(place), kit)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range c.Rows {
		if strings.Contains(row.Path, "secret.txt") {
			hits = append(hits, row.Path)
		}
	}
	return hits
}

func TestBackupsThatCannotBe(t *testing.T) {
	s := newVault(t)
	s.backUp(t)
	kit, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	other, err := archive.NewKit()
	if err != nil {
		t.Fatal(err)
	}
	copyOf := func(t *testing.T, change func(dir string)) string {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(s.place)); err != nil {
			t.Fatal(err)
		}
		change(dir)
		return dir
	}
	each := func(pattern string, change func(text []byte) []byte) func(string) {
		return func(dir string) {
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(names) == 0 {
				t.Fatalf("%s: %d files, %v", pattern, len(names), err)
			}
			for _, name := range names {
				text, err := os.ReadFile(name)
				if err == nil {
					err = os.WriteFile(name, change(text), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	newer := func(change func(keyring map[string]any)) func(string) {
		return each("keyring-*", func(text []byte) []byte { return resealed(t, text, kit, change) })
	}
	told := func(keyring map[string]any, change func(state map[string]any)) {
		var state map[string]any
		text, err := base64.StdEncoding.DecodeString(keyring["state"].(string))
		if err = errors.Join(err, json.Unmarshal(text, &state)); err != nil {
			t.Fatal(err)
		}
		change(state)
		if text, err = json.Marshal(state); err != nil {
			t.Fatal(err)
		}
		keyring["state"] = text
	}
	cut := func(text []byte) []byte { return text[:len(text)-1] }
	flip := func(text []byte) []byte { text[len(text)-1] ^= 1; return text }
	for _, c := range []struct {
		name   string
		kit    string
		change func(dir string)
		want   error
	}{
		{"somebody else's kit", other, func(string) {}, archive.ErrKit},
		{"no kit at all", "kit", func(string) {}, archive.ErrKit},
		{"nothing there", kit, func(dir string) { os.RemoveAll(dir) }, archive.ErrNone},
		{"keyrings that are cut", kit, each("*-[0-9]*", cut), archive.ErrDamaged},
		{"keyrings that are altered", kit, each("*-[0-9]*", flip), archive.ErrDamaged},
		{"objects that are cut", kit, each("objects/*/*", cut), archive.ErrDamaged},
		{"objects that are altered", kit, each("objects/*/*", flip), archive.ErrDamaged},
		{"a keyring of a newer form", kit, newer(func(k map[string]any) { k["format"] = 3 }), archive.ErrNewer},
		{"a table that this version does not have", kit, newer(func(k map[string]any) {
			told(k, func(state map[string]any) { state["future"] = []any{} })
		}), archive.ErrNewer},
		{"a column that this version does not have", kit, newer(func(k map[string]any) {
			told(k, func(state map[string]any) { state["person"].([]any)[0].(map[string]any)["future"] = 1 })
		}), archive.ErrNewer},
		{"a person whose name is none", kit, newer(func(k map[string]any) {
			told(k, func(state map[string]any) { state["person"].([]any)[0].(map[string]any)["name"] = "../me" })
		}), archive.ErrDamaged},
		{"an app password for somebody else's pod", kit, newer(func(k map[string]any) {
			told(k, func(state map[string]any) { state["password"].([]any)[0].(map[string]any)["person"] = "ben" })
		}), archive.ErrDamaged},
		{"a password that is nobody's", kit, newer(func(k map[string]any) {
			told(k, func(state map[string]any) { delete(state["password"].([]any)[0].(map[string]any), "person") })
		}), archive.ErrDamaged},
		{"a path that leads out of the pod", kit, newer(func(k map[string]any) { k["rows"].([]any)[1].(map[string]any)["path"] = "/../../x" }), archive.ErrDamaged},
		{"an object that lies elsewhere", kit, newer(func(k map[string]any) {
			for _, row := range k["rows"].([]any) {
				row.(map[string]any)["object"] = "../../../../../../../../etc/pw"
			}
		}), archive.ErrDamaged},
		{"objects that are missing", kit, func(dir string) { os.RemoveAll(filepath.Join(dir, "objects")) }, archive.ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			into := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
			place := copyOf(t, c.change)
			before := map[string]string{}
			if _, err := os.Stat(place); err == nil {
				before = files(t, place)
			}
			_, _, err := Restore(t.Context(), into, place, "", "", c.kit, nil)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if len(before) > 0 && !maps.Equal(before, files(t, place)) {
				t.Error("the backup was changed")
			}
			if left := files(t, filepath.Join(into.Data)); len(left) > 1 { // state.db, without a person
				t.Errorf("left behind: %v", slices.Sorted(maps.Keys(left)))
			}
		})
	}
	into := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	kept := filepath.Join(into.Data, "pods", DefaultName, "diary.txt") // of a pod whose state.db was lost
	if err := errors.Join(os.MkdirAll(filepath.Dir(kept), 0o700), os.WriteFile(kept, []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Restore(t.Context(), into, s.place, "", "", kit, nil); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "restore into another folder") {
		t.Errorf("over files that are there: %v", err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "mine" {
		t.Errorf("what was there is %q, %v", text, err)
	}
	if _, err := s.person.AddBackup(t.Context(), s.place, "", "", time.Hour); !errors.Is(err, ErrPlace) {
		t.Errorf("a second backup at one place: %v", err)
	}
	for _, place := range []string{"", s.config.Data, filepath.Join(s.config.Data, "inner"), "ftp://x/", "https://", "https://ana:secret@x.example/"} {
		if _, err := s.person.AddBackup(t.Context(), place, "", "", time.Hour); !errors.Is(err, ErrPlace) {
			t.Errorf("%q: %v", place, err)
		}
	}
}

// resealed returns a keyring with something changed, as a program that has the kit would write it.
func resealed(t *testing.T, text []byte, kit string, change func(map[string]any)) []byte {
	t.Helper()
	key, err := age.ParseX25519Identity(kit)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := age.Decrypt(bytes.NewReader(text), key)
	if err != nil {
		t.Fatal(err)
	}
	var keyring map[string]any
	if err := json.NewDecoder(inner).Decode(&keyring); err != nil {
		t.Fatal(err)
	}
	change(keyring)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, key.Recipient())
	if err == nil {
		err = errors.Join(json.NewEncoder(w).Encode(keyring), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

// brittle is a place on which the nth call fails, before or after it has done its work.
type brittle struct {
	archive.Place
	left  int
	after bool
}

var errBrittle = errors.New("the place has gone away")

func (b *brittle) call(do func() error) error {
	b.left--
	if b.left == 0 && !b.after {
		return errBrittle
	}
	err := do()
	if b.left == 0 {
		return errors.Join(err, errBrittle)
	}
	return err
}

func (b *brittle) Put(ctx context.Context, name string, body io.Reader) error {
	return b.store(ctx, name, body, b.Place.Put)
}

func (b *brittle) Create(ctx context.Context, name string, body io.Reader) error {
	return b.store(ctx, name, body, b.Place.Create)
}

func (b *brittle) store(ctx context.Context, name string, body io.Reader, store func(context.Context, string, io.Reader) error) error {
	return b.call(func() error {
		if b.left == 0 { // the last bytes are lost
			all, err := io.ReadAll(body)
			if err != nil {
				return err
			}
			body = bytes.NewReader(all[:len(all)/2])
		}
		return store(ctx, name, body)
	})
}

func (b *brittle) Delete(ctx context.Context, name string) error {
	return b.call(func() error { return b.Place.Delete(ctx, name) })
}

// TestBackupThatIsInterrupted fails each step of a run in turn. What was whole before stays so, or what is new
// is; and the next run ends what was begun.
func TestBackupThatIsInterrupted(t *testing.T) {
	s := newVault(t)
	s.backUp(t)
	s.want(t, 204, "DELETE", "a/one.txt", "")
	for i := range 5 {
		s.want(t, 201, "PUT", fmt.Sprintf("a/new-%d", i), strings.Repeat("n", i+1))
	}
	h, err := s.kith.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	replica, err := v.Replica(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.person.Kit(t.Context(), s.only(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			dir := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(dir, os.DirFS(s.place)); err != nil {
				t.Fatal(err)
			}
			kits := &kitBox{kits: []string{first}}
			b := &brittle{Place: archive.Folder(dir), left: n, after: after}
			o := archive.Options{Now: time.Now}
			_, err := archive.Backup(t.Context(), replica, b, kits, o)
			if err == nil {
				break
			}
			steps++
			if !errors.Is(err, errBrittle) {
				t.Fatalf("step %d: %v", n, err)
			}
			c, err := archive.Open(t.Context(), archive.Folder(dir), kits.kits...)
			if err == nil {
				_, err = c.Verify(t.Context(), nil)
			}
			if err != nil {
				t.Errorf("after step %d failed, nothing whole is there: %v", n, err)
			}
			if _, err := archive.Backup(t.Context(), replica, archive.Folder(dir), kits, o); err != nil {
				t.Fatalf("the run after step %d: %v", n, err)
			}
			if c, err = archive.Open(t.Context(), archive.Folder(dir), kits.kits...); err != nil {
				t.Fatal(err)
			}
			if r, err := c.Verify(t.Context(), nil); err != nil || r.Total != r.Done {
				t.Errorf("after the next run: %+v, %v", r, err)
			}
			named := 0
			for _, row := range c.Rows {
				if row.Object != "" {
					named++
				}
			}
			left := slices.DeleteFunc(slices.Collect(maps.Keys(files(t, dir))), func(name string) bool { return !strings.HasPrefix(name, "objects") })
			if len(left) != named || len(kits.kits) != 1 {
				t.Errorf("after the next run: %d objects, %d of them named; %d kits", len(left), named, len(kits.kits))
			}
		}
	}
	if steps < 14 {
		t.Errorf("only %d steps failed", steps)
	}
}

// kitBox keeps kits and marks in memory.
type kitBox struct{ kits, marks []string }

func (b *kitBox) Kits(context.Context) ([]string, error)       { return b.kits, nil }
func (b *kitBox) Keep(_ context.Context, kits ...string) error { b.kits = kits; return nil }
func (b *kitBox) Marks(context.Context) ([]string, error)      { return b.marks, nil }
func (b *kitBox) Mark(_ context.Context, m ...string) error    { b.marks = m; return nil }

// TestKitsOfRunsThatFail: a place at which something cannot be stored collects no kits, however often a run fails.
func TestKitsOfRunsThatFail(t *testing.T) {
	s := newBareVault(t)
	dir := filepath.Join(t.TempDir(), "place")
	kits, o := &kitBox{}, archive.Options{Now: time.Now}
	full := func(prefix string) archive.Place { return &refusing{archive.Folder(dir), prefix} }
	for range 5 { // the first backup of all, and the marker is refused
		if _, err := archive.Backup(t.Context(), s.replica(t), full("kith"), kits, o); !errors.Is(err, errBrittle) || len(kits.kits) > 0 {
			t.Fatalf("%d kits for nothing, %v", len(kits.kits), err)
		}
	}
	if _, err := archive.Backup(t.Context(), s.replica(t), archive.Folder(dir), kits, o); err != nil {
		t.Fatal(err)
	}
	first := kits.kits[0]
	for n, prefix := range []string{"objects", "objects", "objects", "keyring", "keyring", "keyring", "keyring", "keyring"} {
		s.want(t, 204, "PUT", "a/one.txt", fmt.Sprint(n))
		if _, err := archive.Backup(t.Context(), s.replica(t), full(prefix), kits, o); !errors.Is(err, errBrittle) {
			t.Fatalf("%s: %v", prefix, err)
		}
		if prefix == "objects" && len(kits.kits) != 1 || len(kits.kits) > 3 || !slices.Contains(kits.kits, first) {
			t.Fatalf("after %d runs that could not store %s: %d kits", n+1, prefix, len(kits.kits))
		}
		isWhole(t, archive.Folder(dir), kits)
	}
	if _, err := archive.Backup(t.Context(), s.replica(t), archive.Folder(dir), kits, o); err != nil || len(kits.kits) != 1 || kits.kits[0] == first {
		t.Fatalf("after a run that ended well: %d kits, %v", len(kits.kits), err)
	}
	isWhole(t, archive.Folder(dir), kits)
}

// refusing is a place that stores nothing whose name begins so.
type refusing struct {
	archive.Place
	prefix string
}

func (r *refusing) Put(ctx context.Context, name string, body io.Reader) error {
	if strings.HasPrefix(name, r.prefix) {
		return errBrittle
	}
	return r.Place.Put(ctx, name, body)
}

func (r *refusing) Create(ctx context.Context, name string, body io.Reader) error {
	if strings.HasPrefix(name, r.prefix) {
		return errBrittle
	}
	return r.Place.Create(ctx, name, body)
}

func (s *vault) replica(t *testing.T) archive.Pod {
	t.Helper()
	h, err := s.kith.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Replica(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// isWhole fails unless everything that a place has is as it should be.
func isWhole(t *testing.T, place archive.Place, kits *kitBox) int {
	t.Helper()
	c, err := archive.Open(t.Context(), place, kits.kits...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Verify(t.Context(), nil)
	if err != nil || r.Done != r.Total {
		t.Fatalf("%+v, %v", r, err)
	}
	return r.Done
}
