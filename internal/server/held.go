package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"kith/pod"
	"kith/pod/folder"
	"kith/sync/archive"
)

// bringing is how what is held comes back from the backups of one pod, at most once at a time. In a server a goroutine of
// its own does it for the app, which close ends and waits for.
type bringing struct {
	once sync.Mutex // held by whoever does it
	all  sync.WaitGroup
	ctx  context.Context
	stop context.CancelFunc

	mu     sync.Mutex
	failed string // why it did not come, in words; "" for nothing
}

func newBringing() *bringing {
	ctx, stop := context.WithCancel(context.Background())
	return &bringing{ctx: ctx, stop: stop}
}

func (b *bringing) close() {
	if b != nil {
		b.stop()
		b.all.Wait()
	}
}

func (b *bringing) fail(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = why
}

// news says why what is held did not come back, for people and in one word for apps.
func (b *bringing) news() (text, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == "" {
		return "", ""
	}
	return " It did not come back: " + b.failed + ".", "not-back"
}

var errBringing = errors.New("what disappeared is being brought back already; wait for the end of that")

// bringBack puts back what is held: from the pod's backups, with the bytes that it had, or else with older ones. Only what
// no backup has is taken for lost, so that replicas bring it. Where a backup cannot be read and something is missing still,
// that stays held, and is in no danger: backups keep what is held.
func (h *home) bringBack(ctx context.Context, held []pod.Path) (what string, err error) {
	if !h.back.once.TryLock() {
		return "", errBringing
	}
	defer h.back.once.Unlock()
	_, what = amount(held)
	copies, failed := h.copies(ctx)
	for _, older := range []bool{false, true} {
		for _, from := range copies {
			failed = errors.Join(failed, h.bringFrom(ctx, from, older))
		}
	}
	left := slices.DeleteFunc(slices.Clone(h.upkeep.troubles().Held), func(p pod.Path) bool { return !slices.Contains(held, p) })
	if len(left) > 0 && failed != nil {
		_, rest := amount(left)
		return "", fmt.Errorf("%s are not back and stay held, for a backup cannot be read: %w; try again when it can, or let `kith backup remove` take its place off", rest, failed)
	}
	if err := h.upkeep.decide(ctx, left, false); err != nil {
		return "", err
	}
	return broughtBack(what, len(copies), left), nil
}

// broughtBack says what has come back.
func broughtBack(what string, copies int, left []pod.Path) string {
	_, rest := amount(left)
	switch {
	case len(left) == 0:
		return what + " came back from the backup."
	case copies == 0:
		return what + " count as lost, for there is no backup. Your phones bring back what they have of them when they next ask."
	}
	return fmt.Sprintf("Of %s all came back from the backup but %s, which it does not have. They count as lost, and your phones bring back what they have of them when they next ask.", what, rest)
}

// copies opens the backups of the pod. The error is about those that are there and cannot be read.
func (h *home) copies(ctx context.Context) (all []archive.Contents, failed error) {
	backups, err := h.state.backups(ctx, h.name)
	if err != nil {
		return nil, err
	}
	for _, b := range backups {
		if len(b.kits) == 0 { // nothing was ever written there
			continue
		}
		place, err := h.placeOf(b)
		var found archive.Contents
		if err == nil {
			found, err = archive.Open(ctx, place, b.kits...)
		}
		switch {
		case err == nil:
			all = append(all, found)
		case b.Done != nil || !errors.Is(err, archive.ErrNone):
			failed = errors.Join(failed, fmt.Errorf("%s: %w", b.Address, err))
		}
	}
	return all, failed
}

// bringFrom puts back what one backup has of what is missing still: with the bytes that it had, or with any.
func (h *home) bringFrom(ctx context.Context, from archive.Contents, older bool) error {
	lacking, err := h.upkeep.lacking(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]string{}
	for _, i := range lacking {
		wanted[i.Path.Escaped()] = i.ETag
	}
	for _, row := range from.Rows {
		tag, is := wanted[row.Path]
		if !is || !older && tag != row.ETag {
			continue
		}
		one := from
		one.Rows = []archive.Row{row}
		err := one.Each(ctx, func(row pod.Info, body io.Reader) error { return h.upkeep.putBack(ctx, row, body) })
		if errors.Is(err, archive.ErrDamaged) {
			slog.Warn("something in a backup is damaged, and does not come back from there")
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putHeldBack gives what is held its bytes again.
func putHeldBack(ctx context.Context, in *folder.Store, row pod.Info, body io.Reader) error {
	if body == nil {
		return in.PutBack(ctx, row, nil)
	}
	st, err := stageAs(ctx, in, row, body)
	if err != nil {
		return err
	}
	return errors.Join(in.PutBack(ctx, row, st), st.Discard())
}

// beginBack is bringBack for whoever does not wait for it: the trouble stands until it is done, and says why where it
// failed.
func (h *home) beginBack(held []pod.Path) {
	h.back.all.Go(func() {
		_, err := h.bringBack(h.back.ctx, held)
		switch {
		case err == nil:
			h.back.fail("")
		case !errors.Is(err, errBringing) && h.back.ctx.Err() == nil:
			h.back.fail(err.Error())
		}
	})
}
