package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"kith/pod"
	"kith/pod/folder"
	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	backupBeat    = time.Second     // between two looks whether a backup is due
	backupRetry   = time.Hour       // after a run that failed
	backupsAtOnce = 4               // runs of a pod that have a turn
	backupTurn    = 5 * time.Minute // of a run; it goes on beside those that begin then
)

// backups makes the backups of one pod. One goroutine looks what is due; each place that is has one of its own. So
// that not all are written at once, a run begins where fewer than backupsAtOnce have a turn; and since a turn ends,
// places that are slow hold up no other for long. close waits for all.
type backups struct {
	stop    context.CancelFunc
	all     sync.WaitGroup
	telling sync.Mutex // the owner's phones

	mu    sync.Mutex
	begun map[string]time.Time // by the ids of places that have a run; zero: it only looks, and takes no turn
}

// openBackups begins to make backups. What an earlier process was in the middle of is gone on with.
func (h *home) openBackups() error {
	err := h.state.write(context.Background(), func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE backup SET asked = 1, progress = '' WHERE person = ? AND progress <> ''`, &sqlitex.ExecOptions{Args: []any{h.name}})
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	h.backups = &backups{stop: stop, begun: map[string]time.Time{}}
	h.backups.all.Go(func() {
		if err := h.tellKits(ctx); err != nil && ctx.Err() == nil {
			slog.Error("tell what opens the backups", "err", err)
		}
		every(ctx, backupBeat, func() {
			if err := h.backUp(ctx); err != nil && ctx.Err() == nil {
				slog.Error("make backups", "err", err)
			}
		})
	})
	return nil
}

func (b *backups) close() {
	if b != nil {
		b.stop()
		b.all.Wait()
	}
}

// begin takes a place for a run, unless it has one, or all turns are taken; looks take none.
func (b *backups) begin(id string, now time.Time, looks bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, has := b.begun[id]; has || !looks && b.full(now) {
		return false
	}
	if looks {
		now = time.Time{}
	}
	b.begun[id] = now
	return true
}

// full reports whether all turns are taken. b.mu is held.
func (b *backups) full(now time.Time) bool {
	turns := 0
	for _, begun := range b.begun {
		if !begun.IsZero() && now.Sub(begun).Abs() < backupTurn { // a clock that was set back gives no longer turn
			turns++
		}
	}
	return turns >= backupsAtOnce
}

// waits reports whether a place waits until another's turn ends.
func (b *backups) waits(id string, now time.Time) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, has := b.begun[id]
	return !has && b.full(now)
}

func (b *backups) end(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.begun, id)
}

// backUp begins the backups that are due, first those that have waited longest.
func (h *home) backUp(ctx context.Context) error {
	all, err := h.state.backups(ctx, h.name)
	if err != nil {
		return err
	}
	tried := func(b Backup) time.Time {
		if b.Tried == nil {
			return time.Time{}
		}
		return *b.Tried
	}
	slices.SortStableFunc(all, func(a, b Backup) int { return tried(a).Compare(tried(b)) })
	for _, b := range all {
		now, looks := h.state.now(), b.checked == placeNew
		if !b.due(now) || !h.backups.begin(b.ID, now, looks) {
			continue
		}
		h.backups.all.Go(func() {
			defer h.backups.end(b.ID)
			if err := h.backUpTo(ctx, b.ID, looks); err != nil && ctx.Err() == nil {
				slog.Error("make a backup", "err", err)
			}
		})
	}
	return nil
}

// BackUp makes the backups that AskBackup has asked for in this process, where no other one has the pod open: a server
// makes them itself. Errors: ErrPerson.
func (o Person) BackUp(ctx context.Context) error {
	if folder.Busy(o.Config.index(o.Name)) {
		return nil
	}
	_, err := o.alone(ctx, "back-up")
	if errors.Is(err, folder.ErrBusy) { // it was a little faster
		return nil
	}
	return err
}

// backUpAlone makes the backups that are asked for, one after another, where no goroutine does.
func (h *home) backUpAlone(ctx context.Context) error {
	if h.backups != nil { // a server's
		return nil
	}
	h.backups = &backups{stop: func() {}}
	for ctx.Err() == nil {
		all, err := h.state.backups(ctx, h.name)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(b Backup) bool { return b.asked && b.due(h.state.now()) })
		if at < 0 {
			return nil
		}
		if err := h.backUpTo(ctx, all[at].ID, all[at].checked == placeNew); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// backUpTo makes one backup, or looks at its place, if that still is due, and notes what became of it.
func (h *home) backUpTo(ctx context.Context, id string, looks bool) error {
	b, err := h.state.backup(ctx, h.name, id)
	if err != nil || !b.due(h.state.now()) || looks != (b.checked == placeNew) { // the next beat goes on
		return err
	}
	if looks {
		return h.lookAt(ctx, b)
	}
	if err := h.state.setBackup(ctx, b.ID, "asked = 0, tried = ?, progress = '{}'", h.state.now().Unix()); err != nil {
		return err
	}
	r, failed := h.runBackup(ctx, b)
	if ctx.Err() != nil { // the server stops: go on at the next start
		return h.state.setBackup(context.WithoutCancel(ctx), b.ID, "asked = 1, progress = ''")
	}
	if failed != nil {
		return h.state.setBackup(ctx, b.ID, "error = ?, why = ?, progress = ''", h.whyNot(b, failed), whyOf(failed))
	}
	if r.Damaged > 0 {
		slog.Warn("what was damaged in a backup is stored again", "files", r.Damaged)
	}
	return h.state.setBackup(ctx, b.ID, "error = '', why = '', progress = '', done = ?, mended = ?, damage = CASE damage WHEN ? THEN '' ELSE damage END",
		h.state.now().Unix(), r.Damaged, b.Damage)
}

// wait is the time from one attempt to the next.
func (b Backup) wait() time.Duration {
	if b.Error != "" {
		return min(b.Every, backupRetry)
	}
	return b.Every
}

func (b Backup) due(now time.Time) bool {
	if b.Unsure || b.checked == placeBad {
		return false
	}
	return b.asked || b.Tried == nil || now.Sub(*b.Tried) >= b.wait() || b.Tried.After(now) // the clock was wrong then
}

// placeOf opens the place of a backup. One that was named from afar is asked by the guarded fetcher alone: its name
// may lead elsewhere today than when it was added.
func (h *home) placeOf(b Backup) (archive.Place, error) {
	if b.afar {
		return b.placeBy(h.outside)
	}
	return b.place()
}

// runBackup brings one place up to date. Where it is known to be damaged, everything there is read.
func (h *home) runBackup(ctx context.Context, b Backup) (r archive.Report, err error) {
	if !b.remote() { // a link may lead elsewhere than when it was added
		if err := h.config.apartFrom(b.Address); err != nil {
			return r, err
		}
	}
	place, err := h.placeOf(b)
	if err != nil {
		return r, err
	}
	if err := b.present(ctx, place); err != nil {
		return r, err
	}
	if err := h.root(ctx); err != nil { // where the phones will find the kit
		return r, err
	}
	v, err := h.owner(ctx)
	if err != nil {
		return r, err
	}
	replica, err := v.Replica(ctx)
	if err != nil {
		return r, err
	}
	state, err := h.state.export(ctx, h.name)
	if err != nil {
		return r, err
	}
	skip, err := pod.ParsePath(backupPath)
	if err != nil {
		return r, err
	}
	r, err = archive.Backup(ctx, replica, place, kitsOf{h.state, h.name, b.ID, h.tellKits},
		archive.Options{State: state, Skip: skip, Now: h.state.now, Begun: h.holding(b), Progress: h.noting(ctx, b), Mend: b.Damage != ""})
	return r, errors.Join(err, h.tellKits(ctx))
}

// held reports whether something of the backup was left at the place, by this run or one before.
func (b Backup) held() bool { return b.Done != nil || b.checked == placeHeld }

// holding returns what remembers that something of the backup lies at its place, from the first file on: a disk that is
// filled, or goes away, before a run is whole is missed as one that held a whole backup.
func (h *home) holding(b Backup) func(context.Context, bool) error {
	return func(ctx context.Context, lies bool) error {
		checked := placeGood
		if lies || b.held() {
			checked = placeHeld
		}
		return h.state.setBackup(ctx, b.ID, "checked = ?", checked)
	}
}

// noting returns what notes, now and then, how far a run is.
func (h *home) noting(ctx context.Context, b Backup) func(archive.Report) {
	var noted time.Time
	return func(r archive.Report) {
		if now := time.Now(); now.Sub(noted) >= time.Second {
			noted = now
			text, _ := json.Marshal(r) // of plain numbers
			if err := h.state.setBackup(ctx, b.ID, "progress = ?", string(text)); err != nil {
				slog.Warn("tell how far a backup is", "err", err)
			}
		}
	}
}

// errLost says that a folder of this machine does not have what was put there.
var errLost = errors.New("the backup that was in this folder is not there: plug in its disk, or, if you emptied it yourself, let `kith backup` remove this place and add it again")

// present refuses a folder of this machine that has lost its backup: when a disk is not plugged in, what is written
// to where it was would fill this one, and be no second home.
func (b Backup) present(ctx context.Context, place archive.Place) error {
	if !b.held() || b.remote() {
		return nil
	}
	if begun, _, err := archive.Survey(ctx, place); err != nil || begun {
		return err
	}
	return errLost
}
