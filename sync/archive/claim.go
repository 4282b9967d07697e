package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// ErrBusy says that another machine is writing to the place: this one has stepped back.
var ErrBusy = errors.New("another machine is storing its backup there at this moment")

const (
	claim      = "claim-"
	seen       = "seen-"        // then the mark of a claim that is dated ahead, and its date in seconds since 1970
	claimRenew = time.Hour      // after which a run says again that it goes on; a claim dated further ahead tells no time
	claimDead  = 48 * time.Hour // after which a run that said nothing is not waited for, by the clock of the place
	claimEnd   = 5 * time.Second
	busyTries  = 4
	busyPause  = time.Second // before the second
)

// claimOf reads the name of a claim.
func claimOf(name string) (mark string, ok bool) {
	mark, ok = strings.CutPrefix(name, claim)
	odd := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }
	return mark, ok && mark != "" && !strings.ContainsFunc(mark, odd)
}

// isSeen reports whether a file tells since when a claim has been seen that is dated ahead.
func isSeen(name string) bool {
	of, told := strings.CutPrefix(name, seen)
	mark, _, dated := strings.Cut(of, "-")
	_, ok := claimOf(claim + mark)
	return told && dated && ok
}

// rest waits for about as long as pause.
func rest(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause/2 + rand.N(pause)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// own makes the place this run's before the first file is written there: it says that it is there, and looks whether
// another is. Errors: ErrBusy, also where the place is not as the run found it.
func (r *run) own(ctx context.Context) error {
	if !r.said.IsZero() {
		return nil
	}
	dead := slices.DeleteFunc(slices.Clone(r.claims), func(mark string) bool { return !slices.Contains(r.known, mark) })
	r.marks = append(r.marks, dead...) // until their claims are gone
	if err := r.kits.Mark(ctx, append([]string{r.mark}, r.marks...)...); err != nil {
		return fmt.Errorf("keep the mark: %w", err)
	}
	r.said = r.o.Now()
	if err := r.say(ctx); err != nil {
		return err
	}
	if err := r.begun(ctx, true); err != nil {
		return err
	}
	at, err := r.asFound(ctx)
	if err != nil {
		return err
	}
	for _, mark := range at.claims {
		if mark != r.mark {
			if err := r.outlive(ctx, mark); err != nil {
				return err
			}
		}
	}
	r.seen = at.seen
	return nil
}

// begun tells whoever wants to know whether something of this run lies at the place.
func (r *run) begun(ctx context.Context, lies bool) error {
	if r.alone = lies; r.o.Begun == nil {
		return nil
	}
	if err := r.o.Begun(ctx, lies); err != nil {
		return fmt.Errorf("note that a backup is begun: %w", err)
	}
	return nil
}

// say stores the claim of this run.
func (r *run) say(ctx context.Context) error {
	if err := r.place.Put(ctx, claim+r.mark, strings.NewReader("")); err != nil {
		return fmt.Errorf("say that a backup is under way: %w", err)
	}
	return nil
}

// asFound looks at the place once more. The error is ErrBusy where the claim of this run was taken away, or a keyring
// was stored since the run began.
func (r *run) asFound(ctx context.Context) (listed, error) {
	at, err := list(ctx, r.place)
	if err != nil {
		return at, err
	}
	other := func(k numbered) bool { return k.whole && !slices.Contains(r.rings, k) }
	if !slices.Contains(at.claims, r.mark) || slices.ContainsFunc(at.rings, other) {
		return at, ErrBusy
	}
	r.rings = at.rings
	return at, nil
}

// goesOn says again, after an hour, that this run is under way.
func (r *run) goesOn(ctx context.Context) error {
	if r.said.IsZero() || r.o.Now().Sub(r.said).Abs() < claimRenew {
		return nil
	}
	if _, err := r.asFound(ctx); err != nil { // what was given up for dead does not come back
		return err
	}
	r.said = r.o.Now()
	return r.say(ctx)
}

// outlive takes the claim of another run away, where it was this machine's, or has been silent for long. Errors: ErrBusy.
func (r *run) outlive(ctx context.Context, mark string) error {
	silent, err := r.silent(ctx, mark)
	if err != nil {
		return err
	}
	if silent < claimDead && !slices.Contains(r.marks, mark) {
		return ErrBusy
	}
	if err := r.place.Delete(ctx, claim+mark); err != nil {
		return fmt.Errorf("end a run that was broken off: %w", err)
	}
	return nil
}

// silent returns for how long another run has said nothing. Both times are told by the place: clocks of machines
// differ. One that tells none, or has the claim no more, makes nobody silent.
func (r *run) silent(ctx context.Context, mark string) (time.Duration, error) {
	theirs, err := r.place.Modified(ctx, claim+mark)
	if errors.Is(err, fs.ErrNotExist) || err == nil && theirs.IsZero() {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for another machine: %w", err)
	}
	mine, err := r.place.Modified(ctx, claim+r.mark)
	if err != nil {
		return 0, fmt.Errorf("look for another machine: %w", err)
	}
	if theirs.Sub(mine) <= claimRenew {
		return mine.Sub(theirs), nil
	}
	return r.unmoved(ctx, fmt.Sprintf("%s%s-%d", seen, mark, theirs.Unix()), mine)
}

// unmoved returns for how long a claim that is dated ahead, by a clock that was wrong, has been seen with that date: since
// name was stored, now where it is not there. A run that is alive gives its claim another date each hour.
func (r *run) unmoved(ctx context.Context, name string, now time.Time) (time.Duration, error) {
	since, err := r.place.Modified(ctx, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("look for another machine: %w", err)
	}
	if err == nil && !since.IsZero() && since.Sub(now) <= claimRenew {
		return now.Sub(since), nil
	}
	if err := r.place.Put(ctx, name, strings.NewReader("")); err != nil {
		return 0, fmt.Errorf("note when another machine was seen: %w", err)
	}
	return 0, nil
}

// leave takes the claim of this run away, also when nobody wants the run any more. One that stays is known to this
// machine's next run.
func (r *run) leave(ctx context.Context) error {
	if r.said.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimEnd)
	defer cancel()
	if err := r.place.Delete(ctx, claim+r.mark); err != nil {
		return fmt.Errorf("say that the backup is over: %w", err)
	}
	if r.alone {
		return r.begun(ctx, false)
	}
	return nil
}
