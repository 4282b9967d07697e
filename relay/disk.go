package relay

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	journalBytes = 64 << 20 // after which messages go to a new journal
	journalTime  = time.Hour
	queuesName   = "queues-"
	messagesName = "messages-"
	newName      = "new-" // a list of queues that is being written
)

var (
	// errDisk is returned once a sync has failed: nothing is acknowledged from then on.
	errDisk = errors.New("the disk has failed")
	// errSpace is returned when there is no room for one more message.
	errSpace = errors.New("no space")
)

// disk holds the files of a relay. Its methods may be called by several goroutines.
type disk struct {
	dir   string
	lock  *os.File
	space int64
	now   func() time.Time

	mu       sync.RWMutex
	keys     *keyFile
	last     uint64 // number of the newest journal
	queues   *journal
	past     int       // records of queues that newer ones outdate
	written  time.Time // when the list of queues was written anew
	messages *journal  // to which messages are appended; nil until one comes
	began    time.Time
	all      map[uint64]*journal // of messages
	used     int64               // bytes of messages that wait
	failed   error
	unerased []erasure

	dirty map[*journal]bool
	calls []func(error) // for the next sync
	kick  chan struct{} // of one
	stop  chan struct{}
	done  sync.WaitGroup
}

// openDisk opens DIR, made if need be, for this process alone. The caller loads it.
func openDisk(dir string, space int64, now func() time.Time) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the relay's folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the relay's folder: %w", err)
	}
	if err := lockAlone(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open the relay's folder: another relay uses %s", dir)
	}
	d := &disk{dir: dir, lock: lock, space: space, now: now,
		all: map[uint64]*journal{}, dirty: map[*journal]bool{}, kick: make(chan struct{}, 1), stop: make(chan struct{})}
	return d, nil
}

// load reads what is there: queues first, then messages.
func (d *disk) load(queue func(head []byte, p place) error, message func(head []byte, p place) error) error {
	keys, known, err := openKeys(filepath.Join(d.dir, "keys"))
	if err != nil {
		return err
	}
	d.keys = keys
	queues, messages, err := d.list(known)
	if err != nil {
		return err
	}
	if err := d.loadQueues(queues, known, queue); err != nil {
		return err
	}
	for _, n := range messages {
		j, err := openJournal(d.name(messagesName, n), n, known[n])
		if err != nil {
			return err
		}
		d.all[n] = j
		if err := j.scan(message); err != nil {
			return err
		}
	}
	d.resume()
	d.done.Go(d.syncs)
	return nil
}

// resume goes on with the newest journal, so that restarts alone make none.
func (d *disk) resume() {
	j := d.all[slices.Max(append(slices.Collect(maps.Keys(d.all)), 0))]
	if j == nil {
		return
	}
	if d.messages, d.began = j, j.since; j.live == 0 {
		d.began = d.now()
	}
}

func (d *disk) name(kind string, n uint64) string {
	return filepath.Join(d.dir, kind+strconv.FormatUint(n, 10))
}

// list returns the numbers of the journals whose key is known. Files without a key are noise, and
// keys without a file open nothing: both are removed.
func (d *disk) list(known map[uint64][]byte) (queues, messages []uint64, err error) {
	entries, err := os.ReadDir(d.dir) // in order of name
	if err != nil {
		return nil, nil, fmt.Errorf("read the relay's folder: %w", err)
	}
	found := map[uint64]bool{}
	for _, e := range entries {
		kind, number, _ := strings.Cut(e.Name(), "-")
		n, err := strconv.ParseUint(number, 10, 64)
		switch {
		case kind+"-" != queuesName && kind+"-" != messagesName && kind+"-" != newName:
			continue
		case err != nil || known[n] == nil || kind+"-" == newName:
			if err := os.Remove(filepath.Join(d.dir, e.Name())); err != nil {
				return nil, nil, fmt.Errorf("remove a journal without a key: %w", err)
			}
			continue
		case kind+"-" == queuesName:
			queues = append(queues, n)
		default:
			messages = append(messages, n)
		}
		found[n], d.last = true, max(d.last, n)
	}
	for n := range known {
		if d.last = max(d.last, n); !found[n] {
			if err := d.keys.forget(n); err != nil {
				return nil, nil, err
			}
		}
	}
	slices.Sort(messages)
	return queues, messages, nil
}

// loadQueues reads the newest whole list of queues and removes the others.
func (d *disk) loadQueues(numbers []uint64, known map[uint64][]byte, found func([]byte, place) error) error {
	var newest uint64
	for _, n := range numbers {
		newest = max(newest, n)
	}
	for _, n := range numbers {
		if n == newest {
			continue
		}
		if err := errors.Join(os.Remove(d.name(queuesName, n)), d.keys.forget(n)); err != nil {
			return fmt.Errorf("remove an old list of queues: %w", err)
		}
	}
	if newest == 0 {
		var err error
		d.queues, err = d.create(queuesName, 0)
		return err
	}
	j, err := openJournal(d.name(queuesName, newest), newest, known[newest])
	if err != nil {
		return err
	}
	d.queues = j
	return j.scan(found)
}

// create makes a journal; it and its key are on the disk when create returns. The caller holds d.mu.
func (d *disk) create(kind string, spare int) (*journal, error) {
	d.last++
	key, err := d.keys.add(d.last, spare)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(d.name(kind, d.last), d.last, key)
	if err != nil {
		return nil, err
	}
	return j, d.syncDir()
}

func (d *disk) syncDir() error {
	dir, err := os.Open(d.dir)
	if err != nil {
		return fmt.Errorf("sync the relay's folder: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync the relay's folder: %w", err)
	}
	return nil
}

// put appends a message. It survives the process from now on, and the machine after the next sync.
func (d *disk) put(head, body []byte) (place, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return place{}, d.failed
	}
	if d.used+int64(len(body)) > d.space {
		return place{}, errSpace
	}
	if err := d.roll(); err != nil {
		return place{}, spaceError(err)
	}
	p, err := d.messages.append(head, body)
	if err != nil {
		return place{}, spaceError(err)
	}
	d.used += p.size()
	d.dirty[d.messages] = true
	return p, nil
}

// roll begins a new journal of messages when the current one is an hour old or full.
func (d *disk) roll() error {
	now := d.now()
	if d.messages != nil && d.messages.end < max(journalBytes, d.space/128) && now.Sub(d.began) < journalTime && now.Sub(d.began) >= 0 {
		return nil
	}
	j, err := d.create(messagesName, slotSpare)
	if errors.Is(err, errSlots) && d.messages != nil {
		return nil // keys last longer then
	}
	if err != nil {
		return err
	}
	d.messages, d.began = j, now
	d.all[j.number] = j
	return nil
}

func spaceError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, errSlots) {
		return fmt.Errorf("%w: %w", errSpace, err)
	}
	return err
}

// count makes a message that load found count as waiting since it came.
func (d *disk) count(p place, came time.Time) {
	d.used += p.size()
	if p.in.since.IsZero() || came.Before(p.in.since) {
		p.in.since = came
	}
}

func (d *disk) body(p place) ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return p.in.body(p)
}

// erasure is a message that is to be overwritten, and what is called then.
type erasure struct {
	place place
	then  func(error)
}

// erase overwrites a message, and calls then once that is on the disk. What a file system without space
// cannot overwrite, as those cannot that write elsewhere, is tried again by retry.
func (d *disk) erase(p place, then func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used -= p.size()
	d.tryErase(erasure{p, then})
}

func (d *disk) tryErase(e erasure) {
	if e.place.in.erase(e.place) != nil {
		d.unerased = append(d.unerased, e)
		return
	}
	d.dirty[e.place.in] = true
	d.next(e.then)
}

// retry tries again to erase what could not be.
func (d *disk) retry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.unerased
	d.unerased = nil
	for _, e := range all {
		d.tryErase(e)
	}
}

// note appends to the list of queues; past is how many older records this one outdates, itself among
// them if it says that something is no more.
func (d *disk) note(record []byte, past int, then func(error)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return d.failed
	}
	if _, err := d.queues.append(record, nil); err != nil {
		return spaceError(err)
	}
	d.past += past
	d.dirty[d.queues] = true
	d.next(then)
	return nil
}

// synced calls then once all that was put and erased until now is on the disk.
func (d *disk) synced(then func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next(then)
}

// next has then called by the next sync; the caller holds d.mu.
func (d *disk) next(then func(error)) {
	if then != nil {
		d.calls = append(d.calls, then)
	}
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// syncs runs one sync after another for as long as there is something to sync. All that comes
// meanwhile shares the next.
func (d *disk) syncs() {
	for {
		select {
		case <-d.kick:
			d.sync()
		case <-d.stop:
			return
		}
	}
}

func (d *disk) sync() {
	d.mu.Lock()
	calls, dirty, err := d.calls, d.dirty, d.failed
	d.calls, d.dirty = nil, map[*journal]bool{}
	d.mu.Unlock()
	for j := range dirty {
		// A journal that sweep has closed meanwhile holds nothing any more.
		if e := j.file.Sync(); e != nil && err == nil && !errors.Is(e, os.ErrClosed) {
			err = errors.Join(errDisk, e)
		}
	}
	if err != nil {
		d.mu.Lock()
		d.failed = err
		d.mu.Unlock()
	}
	for _, call := range calls {
		call(err)
	}
}

// sweep removes journals of which nothing is left, with their keys.
func (d *disk) sweep() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.messages != nil && d.messages.live == 0 && d.now().Sub(d.began) >= journalTime {
		d.messages = nil
	}
	for n, j := range d.all {
		if j.live > 0 || j == d.messages {
			continue
		}
		if err := d.remove(messagesName, j); err != nil {
			return err
		}
		delete(d.all, n)
	}
	return nil
}

// remove ends a journal; the key goes last, so that a crash leaves nothing that is not seen again.
func (d *disk) remove(kind string, j *journal) error {
	delete(d.dirty, j)
	return errors.Join(j.file.Close(), os.Remove(d.name(kind, j.number)), d.keys.forget(j.number))
}

// sparse returns the oldest full journal of which more than three quarters are erased: what is left is
// to be moved, so that the rest can go.
func (d *disk) sparse() *journal {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, j := range d.all {
		if j != d.messages && j.end >= journalBytes && j.size*4 < j.end {
			return j
		}
	}
	return nil
}

// wasteful reports whether much of the list of queues is past, or something has been for an hour.
func (d *disk) wasteful() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.past > 0 && (d.past*2 >= d.queues.live || d.now().Sub(d.written) >= journalTime)
}

// rewrite replaces the list of queues by records, under a new key, and forgets the old one.
func (d *disk) rewrite(records func(yield func([]byte) bool)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	j, err := d.create(newName, 0)
	if err != nil {
		return err
	}
	for record := range records {
		if _, err := j.append(record, nil); err != nil {
			return errors.Join(err, d.remove(newName, j))
		}
	}
	if err := j.file.Sync(); err != nil {
		return errors.Join(fmt.Errorf("rewrite the queues: %w", err), d.remove(newName, j))
	}
	if err := os.Rename(d.name(newName, j.number), d.name(queuesName, j.number)); err != nil {
		return fmt.Errorf("rewrite the queues: %w", err)
	}
	old := d.queues
	d.queues, d.past, d.written = j, 0, d.now()
	if err := d.syncDir(); err != nil {
		return err
	}
	return d.remove(queuesName, old)
}

// close ends the syncer after what is under way, and gives the folder back.
func (d *disk) close() error {
	close(d.stop)
	d.done.Wait()
	d.sync()
	d.mu.Lock()
	defer d.mu.Unlock()
	errs := []error{d.failed}
	for _, j := range d.all {
		errs = append(errs, j.file.Close())
	}
	if d.queues != nil {
		errs = append(errs, d.queues.file.Close())
	}
	if d.keys != nil {
		errs = append(errs, d.keys.file.Close())
	}
	return errors.Join(append(errs, d.lock.Close())...)
}
