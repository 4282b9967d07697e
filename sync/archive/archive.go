package archive

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"kith/pod"
)

// Pod is what a backup reads; an acl.Replica is one.
type Pod interface {
	Rows(ctx context.Context, after uint64, limit int) ([]pod.Change, pod.Head, error)
	Open(ctx context.Context, p pod.Path) (pod.Resource, error)
}

// Kits keeps what a machine has to know of one place, durably.
type Kits interface {
	// Kits returns the kits that may open what is at the place, the newest first.
	Kits(ctx context.Context) ([]string, error)
	// Keep keeps these kits, the newest first, and erases all others.
	Keep(ctx context.Context, kits ...string) error
	// Marks returns the marks of the runs whose keyrings this machine has written there, or was about to. None: it is
	// not known who wrote what is there, and it counts as this machine's.
	Marks(ctx context.Context) ([]string, error)
	// Mark keeps these marks and forgets all others.
	Mark(ctx context.Context, marks ...string) error
}

// Options are what a run is told.
type Options struct {
	State []byte   // what the server keeps of the person
	Skip  pod.Path // a resource that is not backed up: where the kit itself is kept
	Now   func() time.Time
	// Begun is called with true once something of this run lies at the place, and with false when all of it has been
	// taken away again. nil: nobody wants to know.
	Begun    func(ctx context.Context, lies bool) error
	Progress func(Report)  // called after each object, and while its bytes move; nil: nobody wants to know
	Mend     bool          // everything at the place is read, and what is missing, cut or altered is stored again
	Most     int64         // bytes of an object; a resource that has more lies in several. 0: 1 GiB
	Pause    time.Duration // before a place is looked at again where another machine is writing. 0: 1 s
}

// Report says what a run did, or has done so far.
type Report struct {
	Done, Total int   // resources
	Bytes       int64 // stored, or read
	Changed     bool  // a new keyring was needed
	Damaged     int   // resources that were found missing, cut or altered; a run has stored them again

	Made time.Time `json:",omitzero"` // when the backup was made that is restored; zero otherwise
}

const (
	saveEvery = 64       // objects that are stored before progress is noted,
	saveBytes = 64 << 20 // or bytes
	mostBytes = 1 << 30  // of an object: less than any server takes at once that takes much
)

// run is one backup under way.
type run struct {
	place  Place
	pod    Pod
	o      Options
	kits   Kits
	known  []string       // marks that are this machine's
	marks  []string       // those of them that the place shows
	listed                // as it was last seen
	stored map[string]Row // objects that are at the place, by path
	kit    string         // for what is written
	unkept bool           // kit is new
	spare  []string       // the kits that open what is at the place, where kit is new
	lost   bool           // nothing at the place opens any more
	mark   string         // of this run
	said   time.Time      // when its claim was stored; zero: it has written nothing
	alone  bool           // its claim is all that it has written
	report Report
	next   keyring
	since  int   // objects since progress was noted,
	bulk   int64 // and their bytes
}

// Backup makes the place hold what the pod holds now. When it returns nil, that
// is there as a whole; else what there was before is. A run that was interrupted
// is gone on with by the next one. Where the keyring is damaged, all is stored
// again. Errors: ErrKit, ErrNewer, ErrOther, ErrBusy when another machine writes there for
// some seconds, and those of the place and the pod.
func Backup(ctx context.Context, p Pod, place Place, kits Kits, o Options) (Report, error) {
	if o.Most <= 0 {
		o.Most = mostBytes
	}
	if o.Pause <= 0 {
		o.Pause = busyPause
	}
	for n := 1; ; n++ {
		report, err := backup(ctx, p, place, kits, o)
		if n == busyTries || !errors.Is(err, ErrBusy) {
			return report, err
		}
		if err := rest(ctx, o.Pause); err != nil {
			return report, err
		}
		o.Pause *= 2
	}
}

// backup is one attempt.
func backup(ctx context.Context, p Pod, place Place, kits Kits, o Options) (Report, error) {
	have, err := kits.Kits(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("find the kit: %w", err)
	}
	stands, err := look(ctx, place, have)
	if err != nil {
		return Report{}, err
	}
	r := &run{place: place, pod: p, o: o, kits: kits, listed: stands.listed, stored: stands.before.objects(), lost: stands.lost, mark: rand.Text()}
	maps.Copy(r.stored, stands.begun.objects())
	if r.known, err = kits.Marks(ctx); err != nil {
		return Report{}, fmt.Errorf("find the marks: %w", err)
	}
	if r.marks, err = stands.ours(r.known); err != nil {
		return Report{}, err
	}
	r.next = keyring{Format: 1, N: stands.highest() + 1, Mark: r.mark, Made: o.Now().UTC(), State: o.State}
	err = r.bring(ctx, stands, len(have))
	if err != nil && r.since > 0 && !errors.Is(err, ErrBusy) {
		r.saveLast(ctx)
	}
	if left := r.leave(ctx); err == nil {
		err = left
	}
	return r.report, err
}

// bring stores what is new, the keyring if it is another, and removes what has gone.
func (r *run) bring(ctx context.Context, stands standing, kits int) error {
	if err := r.prepare(ctx, stands); err != nil {
		return err
	}
	paired, err := stands.paired(ctx, r.place, r.o.Mend)
	if err != nil {
		return err
	}
	if stands.fresh || !paired || !stands.before.same(r.next) {
		r.report.Changed = true
		if err := r.put(ctx, whole); err != nil {
			return err
		}
		r.since = 0 // a keyring tells more than progress does
	} else {
		r.next, r.kit = stands.before, stands.before.kit
	}
	return r.clean(ctx, kits, stands.fresh)
}

func (k keyring) objects() map[string]Row {
	all := map[string]Row{}
	for _, r := range k.Rows {
		if r.Object != "" {
			all[r.Path] = r
		}
	}
	return all
}

// same reports whether two keyrings say the same of the pod.
func (k keyring) same(other keyring) bool {
	equal := func(a, b Row) bool { return a.Modified.Equal(b.Modified) && withoutTime(a) == withoutTime(b) }
	return slices.EqualFunc(k.Rows, other.Rows, equal) && string(k.State) == string(other.State)
}

func withoutTime(r Row) Row {
	r.Modified = time.Time{}
	return r
}

// prepare stores what is new, by a kit that suits what has gone.
func (r *run) prepare(ctx context.Context, stands standing) error {
	infos, err := r.rows(ctx)
	if err != nil {
		return err
	}
	r.report.Total = len(infos)
	if err := r.chooseKit(stands, infos); err != nil {
		return err
	}
	if stands.fresh {
		if err := r.own(ctx); err != nil {
			return err
		}
		if err := r.place.Put(ctx, markerName, strings.NewReader(fmt.Sprintf(marker, layout))); err != nil {
			return fmt.Errorf("begin a backup: %w", err)
		}
		r.alone = false
	}
	for _, i := range infos {
		row, there, err := r.keep(ctx, i)
		if err != nil {
			return err
		}
		if there {
			r.next.add(row)
		}
		if err := r.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// chooseKit takes a fresh kit when something that the last keyring opens has gone.
func (r *run) chooseKit(at standing, infos []pod.Info) (err error) {
	stands := map[string]string{}
	for _, i := range infos {
		stands[i.Path.Escaped()] = i.ETag
	}
	gone := func(row Row) bool {
		tag, is := stands[row.Path]
		return !is || row.Object != "" && tag != row.ETag
	}
	if !at.fresh && !slices.ContainsFunc(at.before.Rows, gone) {
		r.kit = at.before.kit
		return nil
	}
	for _, k := range []keyring{at.begun, at.before} {
		if k.kit != "" && !slices.Contains(r.spare, k.kit) {
			r.spare = append(r.spare, k.kit)
		}
	}
	r.unkept = true
	r.kit, err = NewKit()
	return err
}

// put stores what the run has so far, sealed to a kit that is kept by then. A kit that has sealed nothing is not
// kept, nor one that opens neither the last backup nor what was begun: however often runs fail, there are no more
// than three.
func (r *run) put(ctx context.Context, prefix string) error {
	if err := r.own(ctx); err != nil {
		return err
	}
	if r.unkept {
		if err := r.kits.Keep(ctx, append([]string{r.kit}, r.spare...)...); err != nil {
			return fmt.Errorf("keep the kit: %w", err)
		}
		r.unkept = false
	}
	name := fmt.Sprint(prefix, r.next.N)
	if prefix == part {
		return r.next.put(ctx, r.place.Put, r.place, name, r.kit)
	}
	if _, err := r.asFound(ctx); err != nil { // the run may have slept for days
		return err
	}
	return r.next.put(ctx, r.place.Create, r.place, name, r.kit)
}

// rows returns the rows of the pod, by path.
func (r *run) rows(ctx context.Context) (infos []pod.Info, err error) {
	byPath := map[string]pod.Info{}
	for after := uint64(0); ; {
		page, _, err := r.pod.Rows(ctx, after, 1000)
		if err != nil {
			return nil, fmt.Errorf("read the pod: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			after = c.Seq
			if !c.Gone() && c.Path != r.o.Skip {
				byPath[c.Path.Escaped()] = c.Info
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		infos = append(infos, byPath[path])
	}
	return infos, nil
}

// keep returns the row of a resource whose bytes are at the place, stored there
// now unless they were already. What was deleted meanwhile is not there.
func (r *run) keep(ctx context.Context, i pod.Info) (row Row, there bool, err error) {
	row = rowOf(i)
	if i.Path.IsContainer() {
		return row, true, nil
	}
	if old, ok := r.stored[row.Path]; ok && old.ETag == row.ETag {
		sound, err := r.sound(ctx, old)
		if err != nil {
			return Row{}, false, err
		}
		if sound {
			row.Object, row.Key, row.Pieces = old.Object, old.Key, old.Pieces
			return row, true, nil
		}
		r.report.Damaged++
	} else if r.lost {
		r.report.Damaged++
	}
	res, err := r.pod.Open(ctx, i.Path)
	if errors.Is(err, pod.ErrNotExist) {
		return Row{}, false, nil
	}
	if err != nil {
		return Row{}, false, fmt.Errorf("read the pod: %w", err)
	}
	defer res.Close()
	row = rowOf(res.Info())
	if err := r.store(ctx, &row, &metered{res, r.moved}); err != nil {
		return Row{}, false, err
	}
	r.since++
	r.bulk += row.Size
	return row, true, nil
}

// sound reports whether the place gives back the bytes of a row, where the run is to look.
func (r *run) sound(ctx context.Context, row Row) (bool, error) {
	if !r.o.Mend {
		return true, nil
	}
	err := Contents{place: r.place}.verify(ctx, row, r.moved)
	if errors.Is(err, ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// moved tells of bytes that were stored or read.
func (r *run) moved(n int) {
	r.report.Bytes += int64(n)
	if r.o.Progress != nil {
		r.o.Progress(r.report)
	}
}

// store seals bytes under a key of their own, into as many objects as it takes, and notes them in the row.
func (r *run) store(ctx context.Context, row *Row, body io.Reader) error {
	if err := r.own(ctx); err != nil {
		return err
	}
	i, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	var b [16]byte
	rand.Read(b[:])
	row.Object, row.Key, row.Pieces = hex.EncodeToString(b[:]), i.String(), 0
	sealed, err := age.EncryptReader(body, i.Recipient())
	if err != nil {
		return fmt.Errorf("store a resource: %w", err)
	}
	for rest := bufio.NewReader(sealed); ; row.Pieces++ {
		if err := r.place.Put(ctx, placeOf(row.piece(row.Pieces)), io.LimitReader(rest, r.o.Most)); err != nil {
			return fmt.Errorf("store a resource: %w", err)
		}
		if _, err := rest.Peek(1); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("store a resource: %w", err)
		}
	}
}

func placeOf(object string) string { return "objects/" + object[:2] + "/" + object }

// tell notes progress for whoever watches, and now and then for the next run.
func (r *run) tell(ctx context.Context) error {
	r.report.Done++
	r.moved(0)
	if err := r.goesOn(ctx); err != nil || r.since < saveEvery && r.bulk < saveBytes {
		return errors.Join(err, ctx.Err())
	}
	return r.save(ctx)
}

// save notes progress for the next run.
func (r *run) save(ctx context.Context) error {
	r.since, r.bulk = 0, 0
	return r.put(ctx, part)
}

// saveLast is save for a run that ends before it is done, also when nobody wants it any more. Where that fails too, what
// was stored since the last time is stored once more.
func (r *run) saveLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimEnd)
	defer cancel()
	_ = r.save(ctx)
}

// clean removes what the keyring that counts does not name: older kits first,
// the older keyrings last, for they tell that there is something to clean.
func (r *run) clean(ctx context.Context, had int, fresh bool) error {
	if r.report.Changed || had > 1 {
		if err := r.kits.Keep(ctx, r.kit); err != nil {
			return fmt.Errorf("erase the kits before: %w", err)
		}
	}
	if r.report.Changed && r.next.Mark != "" {
		if err := r.kits.Mark(ctx, r.next.Mark); err != nil {
			return fmt.Errorf("forget the marks before: %w", err)
		}
	}
	ring, copied := ofRing(r.next.N)
	old := slices.DeleteFunc(slices.Clone(r.rings), func(o numbered) bool { return o.name == ring || o.name == copied })
	dead := slices.ContainsFunc(r.claims, func(mark string) bool { return slices.Contains(r.known, mark) })
	if len(old) == 0 && len(r.seen) == 0 && !fresh && !dead {
		return nil
	}
	if err := r.own(ctx); err != nil {
		return err
	}
	r.rings = append(r.rings, numbered{ring, r.next.N, true})
	swept := r.sweep(ctx)
	if errors.Is(swept, ErrBusy) {
		return swept
	}
	if err := r.copy(ctx, copied); err != nil {
		return errors.Join(swept, err)
	}
	if swept != nil && len(old) > 0 {
		old = old[1:] // which tells the next run to sweep again
	}
	gone := r.seen
	for _, each := range old {
		gone = append(gone, each.name)
	}
	for _, name := range gone {
		if err := r.place.Delete(ctx, name); err != nil {
			return errors.Join(swept, fmt.Errorf("remove %s: %w", name, err))
		}
	}
	return swept
}

// copy stores the keyring that counts a second time, unless that is there. It comes after what needs no room, and before
// the older keyrings go: while one of them is there, a copy that was cut is looked at again.
func (r *run) copy(ctx context.Context, name string) error {
	if !r.report.Changed {
		if err := r.next.stands(ctx, r.place, name); !errors.Is(err, ErrDamaged) {
			return err
		}
	}
	err := r.next.put(ctx, r.place.Put, r.place, name, r.kit)
	if err != nil {
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimEnd)
		defer cancel()
		err = errors.Join(err, r.place.Delete(short, name)) // half of one
	}
	return err
}
