package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"kith/internal/fetch"
	"kith/pod"
	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
)

const (
	backupLate = 7 * 24 * time.Hour   // without a backup, or without a new one, after which the owner hears of it
	ownCopies  = 182 * 24 * time.Hour // for how long an owner hears no more who keeps copies without this program
)

// inUse refuses a place in which something is that a backup would sweep.
type inUse struct{ text string }

// Error implements error.
func (u *inUse) Error() string { return u.text }

// Why a place fails, in the words that apps know.
const (
	whyElsewhere = "elsewhere" // another machine keeps its backup there
	whyChanged   = "changed"   // what is there is not what was left there
	whyInUse     = "in-use"    // something is there already
	whyStranger  = "stranger"  // name and password are not taken
	whyFull      = "full"
	whyNoFolder  = "no-folder" // no WebDAV folder is at the address
	whySlow      = "slow"
	whyUnreached = "unreached"
	whyIndoors   = "indoors" // the address leads into the house, where no device sends this machine
	whyMissing   = "missing" // the disk or folder is not there
)

// whys say the same to people.
var whys = map[string]string{
	whyStranger:  "the place does not take this name and password.",
	whyFull:      "the place is full.",
	whyNoFolder:  "no WebDAV folder is at this address.",
	whySlow:      "the place took too long.",
	whyUnreached: "the place cannot be reached.",
}

// whyOf returns the word for an error of a place, "" where there is none.
func whyOf(err error) string {
	is := func(some ...error) bool {
		return slices.ContainsFunc(some, func(one error) bool { return errors.Is(err, one) })
	}
	var used *inUse
	var op *net.OpError
	var unknown *net.DNSError
	var asked *url.Error
	var timeout net.Error
	switch {
	case errors.As(err, &used):
		return whyInUse
	case is(archive.ErrOther, archive.ErrBusy):
		return whyElsewhere
	case is(archive.ErrKit, archive.ErrDamaged):
		return whyChanged
	case is(fs.ErrPermission):
		return whyStranger
	case is(pod.ErrFull, syscall.ENOSPC):
		return whyFull
	case is(fs.ErrNotExist, errLost):
		return whyMissing
	case is(errors.ErrUnsupported):
		return whyNoFolder
	case is(fetch.ErrRefused):
		return whyIndoors
	case errors.As(err, &op) && op.Op == "dial", errors.As(err, &unknown):
		return whyUnreached
	case is(context.DeadlineExceeded, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return whySlow
	case errors.As(err, &asked), errors.As(err, &op):
		return whyUnreached
	}
	return ""
}

// whyNot says to the owner why a run failed, and what to do where that is known.
func (h *home) whyNot(b Backup, failed error) string {
	switch {
	case errors.Is(failed, archive.ErrOther):
		return fmt.Sprintf("%v. If this pod was moved or copied, only one machine may use a place: say `kith backup remove %s %s` on the other. To go on here, say that here, and then `kith backup add %[2]s PLACE --kit FILE` with the newest kit.", archive.ErrOther, h.name, b.ID)
	case errors.Is(failed, archive.ErrBusy):
		return fmt.Sprintf("%v, so this one has stepped back. It tries again within the hour. Only one machine may use a place: if this pod was moved or copied, say `kith backup remove %s %s` on one of the two. A machine that broke off is waited for two days at most.", archive.ErrBusy, h.name, b.ID)
	case errors.Is(failed, archive.ErrKit):
		return fmt.Sprintf("%v: another machine has written it anew, or its beginning is damaged. Say `kith backup remove %s %s`, and add the place again: with --kit if you have the kit that opens it, or emptied.", archive.ErrKit, h.name, b.ID)
	}
	return failed.Error()
}

// badBackups is what the owner hears of backups that are late, damaged, or wait for them.
func (h *home) badBackups(ctx context.Context) (found []trouble, err error) {
	all, err := h.state.backups(ctx, h.name)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		switch {
		case b.Unsure:
			found = append(found, trouble{Kind: "unconfirmed", Place: b.Address, Text: "The backup to " + b.Address + " came along from another machine. Nothing is written there until you say on this one: kith backup confirm " + h.name + " " + b.ID})
		case b.Damage != "":
			found = append(found, trouble{Kind: "damaged", Place: b.Address, Text: "The backup at " + b.Address + " is damaged: " + b.Damage + ". The next run stores again what is missing, and reads everything for it."})
		case strings.HasPrefix(b.Error, archive.ErrOther.Error()):
			found = append(found, trouble{Kind: "elsewhere", Place: b.Address, Text: "The backup to " + b.Address + " stands still: " + b.Error})
		}
	}
	late, err := h.lateBackup(ctx, all)
	return append(found, late...), err
}

// lateBackup is what the owner hears when there has been no backup for a week.
func (h *home) lateBackup(ctx context.Context, all []Backup) ([]trouble, error) {
	all = slices.DeleteFunc(all, func(b Backup) bool { return b.checked == placeBad })
	if len(all) == 0 {
		return h.noBackup(ctx)
	}
	all = slices.DeleteFunc(all, func(b Backup) bool { return b.checked == placeNew })
	newest, why, word := time.Time{}, "", ""
	for _, b := range all {
		if b.Done != nil && b.Done.After(newest) && !b.Done.After(h.state.now().Add(clockBack)) {
			newest = *b.Done
		}
		if why == "" {
			why, word = or(whys[b.Why], b.Error), b.Why
		}
	}
	if first := newest.IsZero() && why == ""; len(all) == 0 || first || h.state.now().Sub(newest) < backupLate {
		return nil, nil // the first is being made
	}
	text := "The backup of this pod is more than seven days old."
	if newest.IsZero() {
		text = "There has been no backup of this pod yet."
	}
	if why != "" {
		text += " The last attempt failed: " + why
	}
	late := trouble{Kind: "backup", Why: word, Text: text}
	if !newest.IsZero() {
		late.Since = known(newest.Add(backupLate))
	}
	return []trouble{late}, nil
}

// noBackup is what the owner of a pod hears for which no place is known, from its eighth day on, unless they keep copies of
// their own.
func (h *home) noBackup(ctx context.Context) ([]trouble, error) {
	since, err := h.state.created(ctx, h.name)
	if err != nil || h.state.now().Sub(since).Abs() < backupLate { // the clock may have been wrong then
		return nil, err
	}
	until, err := h.state.copiesUntil(ctx, h.name)
	if err != nil || !until.IsZero() {
		return nil, err
	}
	text := "This pod has no backup: if its disk or its machine breaks, what is only there is lost. In the app you can name a folder at a WebDAV server; on the machine also another disk or an S3 bucket: kith backup add " + h.name + " PLACE"
	return []trouble{{Kind: "unkept", Text: text, Since: known(since.Add(backupLate).UTC())}}, nil
}

// created returns when a person's pod was made.
func (s *state) created(ctx context.Context, name string) (at time.Time, err error) {
	err = s.read(ctx, `SELECT created FROM person WHERE name = ?`, []any{name}, func(row *sqlite.Stmt) error {
		at = time.Unix(row.ColumnInt64(0), 0)
		return nil
	})
	return at, err
}

// copiesOf names until when a person is not asked for a place, since they keep copies of their own.
func copiesOf(name string) string { return "own copies " + name }

// copiesUntil returns until when a person is not asked for a place, the zero time when they are.
func (s *state) copiesUntil(ctx context.Context, name string) (time.Time, error) {
	text, err := s.value(ctx, copiesOf(name))
	if err != nil {
		return time.Time{}, err
	}
	until, bad := time.Parse(time.RFC3339, text)
	if left := until.Sub(s.now()); bad != nil || left <= 0 || left > ownCopies { // the clock was wrong then
		return time.Time{}, nil
	}
	return until, nil
}

// keepCopies notes that a person keeps copies of their own, or does not.
func (s *state) keepCopies(ctx context.Context, name string, keeps bool) error {
	until := ""
	if keeps {
		until = s.now().Add(ownCopies).UTC().Format(time.RFC3339)
	}
	return s.write(ctx, func(c *sqlite.Conn) error { return setValues(c, copiesOf(name), until) })
}
