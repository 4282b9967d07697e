package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"sort"
	"sync"
	"time"

	"kith/pod"
)

// Followed says how a Store that is followed takes in what hands do. The zero
// Followed is for a Store that nobody follows: whoever comes across a hand's
// change takes it in at once.
type Followed struct {
	// Settle is how long a file must be left alone before it is taken in: until
	// then it may be half of an upload.
	Settle time.Duration
	// Rescan is the time between two looks at the whole folder. Events of the
	// system are only hints: they can be lost, and some file systems have none.
	Rescan time.Duration
	// Prompt is a container in which files are taken in at once, by whoever comes
	// across them: those of other processes of the pod's own, which write whole files.
	Prompt pod.Path
	// Private returns the ACL document that keeps a new resource for the owner, or
	// nil where none is needed. It is called with the transaction of an Update.
	Private func(tx pod.Tx, p pod.Path) ([]byte, error)
	// Keep reports whether a hand may not delete the resource p: the pod puts it back
	// with that text. Where there is none, replicas are left to bring it. It is called
	// in an Update, so it must not use the store; nil keeps nothing.
	Keep func(p pod.Path) (text []byte, keep bool)
}

// Troubles is what the owner should hear of the folder.
type Troubles struct {
	// Refused is what lies in the folder and is no part of the pod, in byte order: not served, and in no copy of it.
	Refused []Refused
	// Held are resources that disappeared, too many at once to believe that their
	// owner meant it. They are not served, and deleted nowhere, until DecideHeld.
	Held []pod.Path
	// Unwatched says that the system reports no changes, or not all: what a hand
	// does is noticed by the next Rescan.
	Unwatched bool
	// ReadOnly says that the disk has failed in a way that leaves open what it
	// holds: no write is taken until the next Open.
	ReadOnly bool
}

// partial are names that programs give to files which they have not finished.
var partial = regexp.MustCompile(`(?i)^(\.syncthing\..*\.tmp|~syncthing~.*\.tmp|\.~lock\..*#|~\$.*|\.#.*|.*~|.*\.(part|partial|crdownload|download|filepart|swp|swx|tmp)|\.goutputstream-.*|\.tmp\.drive.*)$`)

// litter are names of what systems, and programs that copy folders, keep beside people's files for themselves.
var litter = regexp.MustCompile(`(?i)^(\._.*|\.ds_store|thumbs\.db|desktop\.ini|\.dropbox.*|\.owncloudsync\.log|\.sync_.*\.db.*|\.stfolder|\.stignore|\.stversions)$`)

// conflicting are names of conflict copies: of Syncthing, and of Dropbox,
// Nextcloud and others, which write "(conflicted copy ...)" or "(... conflicted
// copy ...)" before the extension.
var conflicting = regexp.MustCompile(`(?i)(\.sync-conflict-\d{8}-\d{6}-[a-z0-9]{7}(\.|$)|\([^()]*conflicted copy[^()]*\)(\.|$)|_conflict-\d{8}-\d{6}(\.|$))`)

// hand is what a Store remembers of hands in the folder, for as long as it is open.
type hand struct {
	mu        sync.Mutex
	refused   map[pod.Path][]Refused // by the container in which they lie
	held      map[pod.Path]bool
	awaiting  map[pod.Path]bool // containers in which Open has found something new
	unwatched bool
	marked    bool          // State/held is there
	nudged    chan pod.Path // where a read came across a change
}

func newHand() hand {
	return hand{refused: map[pod.Path][]Refused{}, held: map[pod.Path]bool{}, awaiting: map[pod.Path]bool{}, nudged: make(chan pod.Path, 256)}
}

func (h *hand) holds(p pod.Path) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held[p]
}

// asks reports whether anything waits for the owner's word.
func (h *hand) asks() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held) > 0
}

// hold adds or removes what is held.
func (h *hand) hold(paths []pod.Path, held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range paths {
		if held {
			h.held[p] = true
		} else {
			delete(h.held, p)
		}
	}
}

// await notes a container in which something is new.
func (h *hand) await(p pod.Path) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.awaiting[p] = true
}

// awaited returns the containers in which something is new, and forgets them.
func (h *hand) awaited() []pod.Path {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer clear(h.awaiting)
	return slices.SortedFunc(maps.Keys(h.awaiting), compare)
}

// nudge tells the follower where to look. When many are due already, the next
// Rescan will find this one.
func (h *hand) nudge(p pod.Path) {
	select {
	case h.nudged <- p:
	default:
	}
}

// Troubles returns what the owner should hear of the folder.
func (s *Store) Troubles() Troubles {
	refused := s.refused()
	s.mu.RLock()
	broken := s.broken != nil
	s.mu.RUnlock()
	h := &s.hand
	h.mu.Lock()
	defer h.mu.Unlock()
	sorted := func(m map[pod.Path]bool) (all []pod.Path) {
		for p := range m {
			all = append(all, p)
		}
		slices.SortFunc(all, compare)
		return all
	}
	return Troubles{Refused: refused, Held: sorted(h.held), Unwatched: h.unwatched, ReadOnly: broken}
}

// followed reports whether hands' changes wait for Follow.
func (s *Store) followed() bool { return s.o.Followed.Settle > 0 }

// follows reports whether what a hand does at p waits for Follow.
func (s *Store) follows(p pod.Path) bool {
	prompt := s.o.Followed.Prompt
	return s.followed() && p != prompt && !prompt.Contains(p)
}

// settled reports whether a file has been left alone for as long as it must be.
func (s *Store) settled(st stamp) bool {
	age := s.now().Sub(timeOf(max(st.mtime, st.ctime)))
	return age < 0 || age >= s.o.Followed.Settle
}

// waitsFor reports whether a file that is not as its row knows it is to be left alone until nobody writes to it.
func (s *Store) waitsFor(r row, st stamp) bool {
	return s.follows(r.Path) && !s.settled(st) && !r.same(st)
}

// findings are what one look at a container found for its follower.
type findings struct {
	below     []pod.Path // the containers in it
	made      []pod.Path // those of them that were new
	missing   []pod.Path // rows that have no file
	unsettled bool       // something was left for later
}

// lookByHand compares one container with its rows, for a follower.
func (s *Store) lookByHand(ctx context.Context, p pod.Path) (*findings, error) {
	found := &findings{}
	w, err := s.update(ctx, func(w *writeTx) (err error) {
		w.found = found
		found.below, found.made, err = w.scanOne(p)
		return err
	})
	if err == nil {
		err = s.eraseAllDoomed(w)
	}
	return found, errors.Join(err, s.markHeld(), s.tidy(nil))
}

// TakeIn takes in what Open has found to be new and was left alone for long
// enough, or may be of a process that was killed in the middle of a write. It is
// for whoever opens a store to be followed, before anybody asks:
// Followed.Private may be called from then on. It looks at no more than most
// containers and leaves the others to Follow, which looks at all: tens of thousands
// that a hand has laid keep nobody waiting. After a kill it looks at all itself, for
// what that process had acknowledged is to be there from the first answer on.
func (s *Store) TakeIn(ctx context.Context, most int) error {
	defer func() { s.recovering = false }()
	for todo := s.hand.awaited(); len(todo) > 0 && (most > 0 || s.recovering); todo = todo[1:] {
		found, err := s.lookByHand(ctx, todo[0])
		if err != nil {
			return fmt.Errorf("take in what is new: %w", err)
		}
		todo = append(todo, found.made...)
		most--
	}
	return nil
}

// shield gives what a hand has put at p an ACL of its own, where it would be
// shared otherwise. d is the directory in which that ACL lies. One that came
// along is taken as it is, but one that the pod had before was for something else.
func (w *writeTx) shield(d dir, p pod.Path) error {
	private := w.store.o.Followed.Private
	if private == nil || p.Subject() != p {
		return nil
	}
	if r, found, err := w.store.index.get(p.ACL()); err != nil {
		return err
	} else if found {
		return w.enclose(r, true)
	}
	name := p.ACL().Name()
	if _, _, err := d.lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, w.adopt(d, p.ACL()))
	}
	text, err := private(w, p)
	if err != nil || text == nil {
		return err
	}
	w.undo = append(w.undo, func() error { return ignoreAbsent(d.unlink(name)) })
	if err := errors.Join(d.write(name, text), w.store.syncDir(d)); err != nil {
		return err
	}
	return w.adopt(d, p.ACL())
}

// shieldContainer is shield for a container, whose ACL lies in it; d is the
// directory of its parent.
func (w *writeTx) shieldContainer(d dir, p pod.Path) error {
	inner, err := d.sub(p.Name())
	if err != nil {
		return err
	}
	return errors.Join(w.shield(inner, p), inner.close())
}

// loss is what a hand has removed, and what there was.
type loss struct {
	files int // without folders, and without what belongs to others
	rows  int // with what belongs to others
	all   int // all there is, also what belongs to others, and the root, which stays
}

// few reports whether that is what an owner deletes without being asked, who has deleted some files within the hour.
func (l loss) few(before int) bool {
	return before+l.files <= max(maxLost, l.all/100) && (l.rows < l.all-1 || l.rows == 0)
}

// lossOf counts rows.
func (w *writeTx) lossOf(rows []row) (l loss, err error) {
	l.rows = len(rows)
	counted, err := w.counted(rows)
	for _, r := range counted {
		if !r.Path.IsContainer() {
			l.files++
		}
	}
	if err == nil {
		l.all, err = w.store.index.count()
	}
	return l, err
}

// bury deletes what a hand has removed, if allow lets it, and holds it otherwise. What is there again is left alone,
// and what is kept is put back instead.
func (s *Store) bury(ctx context.Context, paths []pod.Path, allow func(loss) bool) (deleted loss, err error) {
	w, err := s.update(ctx, func(w *writeTx) error {
		rows, err := w.without(paths)
		if err != nil {
			return err
		}
		lost, err := w.lossOf(rows)
		if err != nil {
			return err
		}
		if !allow(lost) {
			return w.holdRows(rows)
		}
		kept, rest := s.o.Followed.kept(rows)
		if err := w.buryRows(rest); err != nil {
			return err
		}
		if err := w.restore(kept); err != nil {
			return err
		}
		deleted = lost
		s.hand.hold(paths, false)
		return nil
	})
	if err != nil {
		return loss{}, fmt.Errorf("delete what a hand has removed: %w", err)
	}
	return deleted, errors.Join(s.eraseAllDoomed(w), s.markHeld(), s.tidy(nil))
}

// without returns the rows of those paths, and of what is below them, that have
// no file, each once and containers after what is in them.
func (w *writeTx) without(paths []pod.Path) (rows []row, err error) {
	for _, p := range paths {
		r, found, err := w.store.index.get(p)
		if err != nil {
			return nil, err
		}
		err = w.store.in(p, func(d dir, name string) error {
			_, k, err := d.lstat(name)
			if err == nil && (k == folded || k == plain) && (k == folded) != p.IsContainer() && p.Subject() == p {
				err = fs.ErrNotExist // while in the place of an ACL anything is in the way of another
			}
			return err
		})
		if !found || !absent(err) {
			continue
		}
		rows = append(rows, r)
		if p.IsContainer() {
			below, err := w.store.index.below(p)
			if err != nil {
				return nil, err
			}
			rows = append(rows, below...)
		}
	}
	sort.Slice(rows, func(i, j int) bool { return compare(rows[i].Path, rows[j].Path) > 0 })
	return slices.CompactFunc(rows, func(a, b row) bool { return a.Path == b.Path }), nil
}

// buryRows deletes rows, each with a tombstone, by which replicas delete it too. Auxiliaries come last: those of what is deleted
// have gone with it then.
func (w *writeTx) buryRows(rows []row) error {
	for _, r := range rows {
		if r.Path.Subject() != r.Path {
			continue
		}
		if err := w.buryRow(r); err != nil {
			return err
		}
	}
	for _, r := range slices.Backward(rows) { // what a container lets inherit is settled before what is in it
		if r.Path.Subject() == r.Path {
			continue
		}
		if err := w.buryRow(r); err != nil {
			return err
		}
	}
	return nil
}

// buryRow deletes a row with what goes along. An ACL whose subject is there still must not be missed.
func (w *writeTx) buryRow(r row) error {
	if _, known, err := w.store.index.get(r.Path); err != nil || !known {
		return err
	}
	if bare, err := w.bare(r); err != nil || bare {
		return errors.Join(err, w.enclose(r, true))
	}
	if err := errors.Join(w.unlist(r, true), w.along(r, true)); err != nil {
		return err
	}
	return w.consequences(r.Path, "", true)
}

// DecideHeld deletes resources that are held, as Troubles has told them, or, if
// not, takes them for lost: then nothing is deleted elsewhere, and replicas that
// have them bring them back. What is held since then stays so.
func (s *Store) DecideHeld(ctx context.Context, held []pod.Path, remove bool) error {
	held = slices.DeleteFunc(slices.Clone(held), func(p pod.Path) bool { return !s.hand.holds(p) })
	if remove {
		_, err := s.bury(ctx, held, func(loss) bool { return true })
		return err
	}
	w, err := s.update(ctx, func(w *writeTx) error {
		for _, p := range held {
			if err := w.loseHeld(p); err != nil {
				return err
			}
		}
		s.hand.hold(held, false)
		return nil
	})
	if err != nil {
		return fmt.Errorf("take for lost: %w", err)
	}
	return errors.Join(s.eraseAllDoomed(w), s.markHeld(), s.tidy(nil))
}

// loseHeld takes what is held for lost. An ACL whose subject is there is replaced until replicas bring it.
func (w *writeTx) loseHeld(p pod.Path) error {
	rows, err := w.without([]pod.Path{p})
	if err != nil || len(rows) == 0 { // decided with its container, or there again
		return err
	}
	if bare, err := w.bare(rows[len(rows)-1]); err != nil || bare {
		return errors.Join(err, w.enclose(rows[len(rows)-1], false))
	}
	return w.losePath(p)
}
