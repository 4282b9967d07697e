package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/sync/archive"
)

// hears fails unless the owner hears, or does not hear, of a trouble, from the pod and from a doctor.
func (s *vault) hears(t *testing.T, about string, want bool) {
	t.Helper()
	h, err := s.kith.home(t.Context(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	troubles, err := h.troubles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	findings, err := s.config.Doctor(t.Context(), DefaultName, "", "test")
	if err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(troubles, func(t trouble) bool { return strings.Contains(t.Text, about) })
	found := slices.ContainsFunc(findings, func(f Finding) bool { return !f.Well() && strings.Contains(f.Text, about) })
	if told != want || found != want {
		t.Errorf("%q: told %v, found %v, want %v: %+v %+v", about, told, found, want, troubles, findings)
	}
}

// objects returns the objects at the place, in order.
func (s *vault) objects(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.place, "objects"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestADamagedBackupIsMended: what verify finds is known until the next run has stored it again.
func TestADamagedBackupIsMended(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	id := s.only(t).ID
	change := func(name string, change func(text []byte) []byte) {
		t.Helper()
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, change(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	names := s.objects(t)
	if err := os.Remove(names[0]); err != nil {
		t.Fatal(err)
	}
	change(names[1], func(text []byte) []byte { return text[:len(text)-1] })
	change(names[2], func(text []byte) []byte { text[len(text)-1] ^= 1; return text })
	const three = "3 of "
	if _, r, err := s.person.VerifyBackup(t.Context(), id, nil); !errors.Is(err, archive.ErrDamaged) || r.Damaged != 3 || r.Done != r.Total-3 {
		t.Errorf("verify: %+v, %v", r, err)
	}
	s.hears(t, three, true)
	s.isMended(t, id, 3)
	s.hears(t, three, false)

	for _, c := range []struct {
		damaged string // files that are
		files   int    // that are stored again
	}{{"keyring-*", 0}, {"copy-*", 0}, {"*-[0-9]*", len(names)}} {
		rings, err := filepath.Glob(filepath.Join(s.place, c.damaged))
		if err != nil || len(rings) == 0 {
			t.Fatal(rings, err)
		}
		for _, ring := range rings {
			change(ring, func(text []byte) []byte { return text[:len(text)-1] })
		}
		if _, _, err := s.person.VerifyBackup(t.Context(), id, nil); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("verify without %s: %v", c.damaged, err)
		}
		s.hears(t, "keyring", true)
		s.isMended(t, id, c.files)
		s.hears(t, "keyring", false)
		eachRing(t, s.place)
	}
	if left := s.objects(t); len(left) != len(names) {
		t.Errorf("%d objects are there, %d should be", len(left), len(names))
	}
}

// isMended makes a backup, which stores so many files again.
func (s *vault) isMended(t *testing.T, id string, files int) {
	t.Helper()
	if b := s.backUp(t); b.Error != "" || b.Damage != "" || b.Mended != files {
		t.Errorf("after the next run: %+v", b)
	}
	if _, r, err := s.person.VerifyBackup(t.Context(), id, nil); err != nil || r.Damaged > 0 || r.Done != r.Total {
		t.Errorf("verify after the next run: %+v, %v", r, err)
	}
}

// TestAPlaceThatFailsIsNotDamaged: what cannot be read just now is not stored again.
func TestAPlaceThatFailsIsNotDamaged(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	place, kits := archive.Folder(s.place), &kitBox{}
	if _, err := archive.Backup(t.Context(), s.replica(t), place, kits, archive.Options{Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	before := s.objects(t)
	for _, name := range before {
		if err := errors.Join(os.Rename(name, name+"-away"), os.Mkdir(name, 0o700)); err != nil { // reading it fails
			t.Fatal(err)
		}
	}
	_, err := archive.Backup(t.Context(), s.replica(t), place, kits, archive.Options{Now: time.Now, Mend: true})
	if err == nil || errors.Is(err, archive.ErrDamaged) {
		t.Errorf("a run where nothing can be read: %v", err)
	}
	c, err := archive.Open(t.Context(), place, kits.kits...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(t.Context(), nil); err == nil || errors.Is(err, archive.ErrDamaged) {
		t.Errorf("verify where nothing can be read: %v", err)
	}
}

// TestTwoMachinesAtOnePlace: a pod that was copied keeps its backup at one place twice. Whoever comes second is told,
// whether they come later or at the same time, and nothing of the first is lost.
func TestTwoMachinesAtOnePlace(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	s.twoMachines(t, archive.Folder(s.place), "keyring-")
}

// twoMachines has a second machine come when the first stores a file whose name begins so, and later.
func (s *vault) twoMachines(t *testing.T, place archive.Place, at string) {
	t.Helper()
	run := func(place archive.Place, kits *kitBox) error {
		_, err := archive.Backup(t.Context(), s.replica(t), place, kits, archive.Options{Now: time.Now, Pause: time.Millisecond})
		return err
	}
	first := &kitBox{}
	if err := run(place, first); err != nil {
		t.Fatal(err)
	}
	second := &kitBox{slices.Clone(first.kits), slices.Clone(first.marks)}
	s.want(t, 201, "PUT", "a/more", "more")
	came := false
	if err := run(&overtaken{place, at, func() error {
		if came = true; !errors.Is(run(place, second), archive.ErrBusy) {
			t.Error("the second machine writes while the first does")
		}
		return nil
	}}, first); err != nil || !came {
		t.Errorf("at the same time: %v", err)
	}
	isWhole(t, place, first)
	s.want(t, 201, "PUT", "a/more-2", "more")
	if err := run(place, second); !errors.Is(err, archive.ErrOther) {
		t.Errorf("later: %v", err)
	}
	isWhole(t, place, first)
	if err := run(place, first); err != nil {
		t.Errorf("the first goes on: %v", err)
	}
	isWhole(t, place, first)
}

// atOnce has two machines store a backup in the same moment, round after round: never do both believe that theirs is
// the backup, and what one of them believes is there. Who loses takes the place over, as its owner may.
func (s *vault) atOnce(t *testing.T, rounds int, place func() archive.Place) {
	t.Helper()
	first := &kitBox{}
	if _, err := archive.Backup(t.Context(), s.replica(t), place(), first, archive.Options{Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	stored := 0
	for round := range rounds {
		var both [2]struct {
			kits *kitBox
			err  error
		}
		var all sync.WaitGroup
		for n := range both {
			both[n].kits = &kitBox{slices.Clone(first.kits), slices.Clone(first.marks)}
			replica, at := s.replica(t), place()
			all.Go(func() {
				_, both[n].err = archive.Backup(t.Context(), replica, at, both[n].kits,
					archive.Options{Now: time.Now, State: fmt.Appendf(nil, "%d %d", round, n), Pause: 50 * time.Millisecond})
			})
		}
		all.Wait()
		for n, m := range both {
			if m.err != nil && !errors.Is(m.err, archive.ErrOther) && !errors.Is(m.err, archive.ErrBusy) {
				t.Fatal(m.err)
			}
			if m.err != nil {
				continue
			}
			stored++
			first = m.kits
			isWhole(t, place(), first)
			if c, err := archive.Open(t.Context(), place(), first.kits...); err != nil || string(c.State) != fmt.Sprintf("%d %d", round, n) || len(c.Begun) > 0 {
				t.Fatalf("round %d: machine %d believes that it stored its backup, and there is %q of %v, %v", round, n, c.State, c.Begun, err)
			}
		}
		if both[0].err == nil && both[1].err == nil {
			t.Fatalf("round %d: both believe that they stored the backup", round)
		}
	}
	if stored < rounds/2 {
		t.Errorf("of %d rounds only %d stored a backup", rounds, stored)
	}
}

// overtaken is a place where somebody else makes a whole run just before a file is stored.
type overtaken struct {
	archive.Place
	at string // how the name of the file begins
	by func() error
}

func (o *overtaken) overtake(name string) error {
	by := o.by
	if by == nil || !strings.HasPrefix(name, o.at) {
		return nil
	}
	o.by = nil
	return by()
}

func (o *overtaken) Put(ctx context.Context, name string, body io.Reader) error {
	if err := o.overtake(name); err != nil {
		return err
	}
	return o.Place.Put(ctx, name, body)
}

func (o *overtaken) Create(ctx context.Context, name string, body io.Reader) error {
	if err := o.overtake(name); err != nil {
		return err
	}
	return o.Place.Create(ctx, name, body)
}

// TestALargeResourceLiesInSeveralObjects: it comes back whole, none of its objects is swept, and one that is missing
// is noticed and stored again.
func TestALargeResourceLiesInSeveralObjects(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	place, kits, o := archive.Folder(s.place), &kitBox{}, archive.Options{Now: time.Now, Most: 20_000}
	run := func(o archive.Options) archive.Report {
		t.Helper()
		r, err := archive.Backup(t.Context(), s.replica(t), place, kits, o)
		if err != nil {
			t.Fatal(err)
		}
		isWhole(t, place, kits)
		return r
	}
	told := map[int]int{} // by the resources that are done, how often bytes have moved
	o.Progress = func(r archive.Report) { told[r.Done]++ }
	if run(o); !slices.ContainsFunc(slices.Collect(maps.Values(told)), func(times int) bool { return times > 4 }) {
		t.Errorf("nothing is told while a resource is stored: %v", told)
	}
	names := s.objects(t)
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Size() > o.Most {
			t.Errorf("%v, %v", info, err)
		}
	}
	last := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, "-7") })
	if last < 0 {
		t.Fatalf("150 kB are in %v", names)
	}
	s.want(t, 204, "DELETE", "a/one.txt", "")
	run(o)
	if left := s.objects(t); len(left) != len(names)-1 {
		t.Errorf("%d objects of %d", len(left), len(names))
	}
	if err := os.Remove(names[last]); err != nil {
		t.Fatal(err)
	}
	if o.Mend = true; run(o).Damaged != 1 || len(s.objects(t)) != len(names)-1 {
		t.Errorf("%d objects of %d", len(s.objects(t)), len(names))
	}
}

// TestBackupsOfAPersonWhoIsAdded: they begin though nobody asks for the pod.
func TestBackupsOfAPersonWhoIsAdded(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.kith.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if _, err := AddPerson(t.Context(), s.config, "ana"); err != nil {
		t.Fatal(err)
	}
	ana := &vault{drive: &drive{person: Person{s.config, "ana"}}}
	if _, err := ana.person.AddBackup(t.Context(), s.place, "", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	if b := ana.backUp(t); b.Error != "" || b.Done == nil {
		t.Errorf("%+v", b)
	}
}

// TestPlacesThatCameAlong: the backups of a pod that was moved are written to where its owner says so on the new
// machine, and not before.
func TestPlacesThatCameAlong(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	before := files(t, s.place)
	box := filepath.Join(t.TempDir(), "box")
	moved, err := s.person.Leave(t.Context(), box, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.person.AskBackup(t.Context()); !errors.Is(err, errMoved) {
		t.Errorf("a run of a pod that has moved: %v", err)
	}
	if _, err := s.person.AddBackup(t.Context(), filepath.Join(t.TempDir(), "x"), "", "", time.Hour); !errors.Is(err, errMoved) {
		t.Errorf("a place for a pod that has moved: %v", err)
	}
	other, name, _, _, err := Config{Data: t.TempDir(), Listen: "127.0.0.1:0", Now: time.Now}.Arrive(t.Context(), box, moved.Kit, nil)
	if err != nil || name != DefaultName {
		t.Fatal(name, err)
	}
	new := &vault{drive: &drive{person: Person{other, DefaultName}}, config: other, place: s.place}
	if new.kith, err = Open(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := new.kith.Close(); err != nil {
			t.Error(err)
		}
	})
	if b := new.backUp(t); !b.Unsure || b.Error == "" || b.due(time.Now().Add(48*time.Hour)) {
		t.Errorf("before it is confirmed: %+v", b)
	}
	new.hears(t, "came along", true)
	for name, text := range files(t, s.place) {
		if before[name] != text {
			t.Errorf("%s was written before it was confirmed", name)
		}
	}
	if err := new.person.ConfirmBackup(t.Context(), new.only(t).ID); err != nil {
		t.Fatal(err)
	}
	if b := new.backUp(t); b.Unsure || b.Error != "" || b.Done == nil {
		t.Errorf("after it is confirmed: %+v", b)
	}
	new.hears(t, "came along", false)
	if err := s.person.Return(t.Context(), func() {}); err != nil { // against all advice
		t.Fatal(err)
	}
	s.want(t, 201, "PUT", "a/twice", "the pod lives twice")
	if b := s.backUp(t); b.Error == "" {
		t.Errorf("two machines keep one backup, and the first is not told: %+v", b)
	}
	s.hears(t, "another machine keeps its backup there", true)
}

// TestPlacesThatAreNotEmpty: what a folder has stays its own; a backup of the same pod is gone on with by who has its
// kit.
func TestPlacesThatAreNotEmpty(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	id := s.only(t).ID
	kit, err := s.person.Kit(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	full, hidden := t.TempDir(), t.TempDir()
	for _, name := range []string{filepath.Join(full, "photo.jpg"), filepath.Join(hidden, ".stfolder")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.person.AddBackup(t.Context(), full, "", "", time.Hour); !errors.Is(err, ErrPlace) || !strings.Contains(err.Error(), filepath.Join(full, "kith")) {
		t.Errorf("a folder with other things: %v", err)
	}
	b, err := s.person.AddBackup(t.Context(), hidden, "", "", time.Hour)
	if err != nil {
		t.Errorf("a folder that a program looks after: %v", err)
	}
	for _, id := range []string{id, b.ID} {
		if err := s.person.RemoveBackup(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.person.AddBackup(t.Context(), s.place, "", "", time.Hour); !errors.Is(err, ErrPlace) || !strings.Contains(err.Error(), "--kit") {
		t.Errorf("a backup without its kit: %v", err)
	}
	if err := s.kith.state.addPerson(t.Context(), "ben"); err != nil {
		t.Fatal(err)
	}
	if _, err := (Person{s.config, "ben"}).TakeOver(t.Context(), s.place, "", "", kit, time.Hour); !errors.Is(err, ErrPlace) {
		t.Errorf("somebody else's backup: %v", err)
	}
	if _, err := s.person.TakeOver(t.Context(), s.place, "", "", kit, time.Hour); err != nil {
		t.Fatal(err)
	}
	before := s.objects(t)
	if b := s.backUp(t); b.Error != "" || !slices.Equal(before, s.objects(t)) {
		t.Errorf("it is gone on with: %+v", b)
	}
}

// TestAPlaceThatNeverAnswersHoldsUpNoOther: the other places of the pod are written meanwhile.
func TestAPlaceThatNeverAnswersHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := newBareVault(t)
	var added atomic.Bool
	asked, ending := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !added.Load() {
			http.NotFound(w, r)
			return
		}
		asked <- struct{}{}
		select {
		case <-ending:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ending) })
	slow, err := s.person.AddBackup(t.Context(), server.URL+"/dav/", "", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	added.Store(true)
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Fatal("the slow place is not asked")
	}
	quick, err := s.person.AddBackup(t.Context(), s.place, "", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the other place is written", func() bool {
		b, err := s.kith.state.backup(t.Context(), DefaultName, quick.ID)
		return err == nil && b.Done != nil && !b.Waiting()
	})
	if b, err := s.kith.state.backup(t.Context(), DefaultName, slow.ID); err != nil || !b.progress || b.Done != nil {
		t.Errorf("the slow place: %+v, %v", b, err)
	}
}

// TestARunThatWasKilledIsGoneOnWith at the next start, and nobody waits for it in vain.
func TestARunThatWasKilledIsGoneOnWith(t *testing.T) {
	t.Parallel()
	s := newVault(t)
	if b := s.backUp(t); b.Error != "" {
		t.Fatal(b.Error)
	}
	if err := s.kith.Close(); err != nil {
		t.Fatal(err)
	}
	err := s.person.do(func(st *state) error { // as a run does when it begins
		return st.setBackup(t.Context(), s.only(t).ID, "asked = 0, tried = ?, progress = '{}'", time.Now().Unix())
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.kith, err = Open(t.Context(), s.config); err != nil {
		t.Fatal(err)
	}
	within(t, "the run ends", func() bool { return !s.only(t).Waiting() })
}
