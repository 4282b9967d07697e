package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"kith/pod"
)

// Salvage is Each for a backup that is damaged: a row whose bytes are missing, cut or altered is told to lost, and it
// goes on. Where another row has the same bytes, by the entity tag, they are taken from there. fn may get a row again,
// after a body that ended in ErrDamaged. Other errors, of fn, lost and the place, end it.
func (c Contents) Salvage(ctx context.Context, fn func(row pod.Info, body io.Reader) error, lost func(Row) error) error {
	w := wreck{Contents: c, same: map[string][]Row{}, bad: map[string]bool{}}
	for _, row := range c.Rows {
		w.same[row.ETag] = append(w.same[row.ETag], row)
	}
	for _, row := range c.Rows {
		err := w.bring(ctx, row, fn)
		if errors.Is(err, ErrDamaged) {
			err = lost(row)
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("%s: %w", row.Path, err)
		}
	}
	return nil
}

// wreck is a backup of which some is damaged.
type wreck struct {
	Contents
	same map[string][]Row // by entity tag
	bad  map[string]bool  // objects that were read in vain
}

// bring gives fn one row, out of the first objects that have its bytes. ErrDamaged: none has.
func (w wreck) bring(ctx context.Context, row Row, fn func(row pod.Info, body io.Reader) error) error {
	info, err := row.Info()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case info.Path.IsContainer():
		return fn(info, nil)
	}
	for _, from := range append([]Row{row}, w.same[row.ETag]...) {
		if w.bad[from.Object] {
			continue
		}
		err := w.with(ctx, from, func(body io.Reader) error { return fn(info, body) })
		if !errors.Is(err, ErrDamaged) {
			return err
		}
		w.bad[from.Object] = true
	}
	return ErrDamaged
}
