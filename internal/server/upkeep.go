package server

import (
	"context"
	"errors"
	"io"

	"kith/pod"
	"kith/pod/folder"
)

// upkeep is what the owner may have done with the store of a pod as a whole. Nothing in it gives a resource to whoever asks, or
// takes one from them.
type upkeep struct {
	check    func(ctx context.Context) (folder.Checked, error)
	badACLs  func(ctx context.Context) ([]string, error)
	troubles func() folder.Troubles
	decide   func(ctx context.Context, held []pod.Path, remove bool) error // on what is held
	bytes    func() int64
	limit    func(bytes int64)
	freeze   func()
	away     func() bool                                                   // the folder is not where it was
	lacking  func(ctx context.Context) ([]pod.Info, error)                 // what is held, as it was
	putBack  func(ctx context.Context, row pod.Info, body io.Reader) error // something of that, out of a copy
	settle   func(ctx context.Context) error                               // takes in what hands have put into the folder
}

// openUpkeep lends the pod the methods of its store that are about all of it.
func (h *home) openUpkeep() {
	all := h.store
	h.upkeep = upkeep{
		check: func(ctx context.Context) (folder.Checked, error) { return all.Check(ctx, func(folder.Checked) {}) },
		badACLs: func(ctx context.Context) ([]string, error) {
			return badACLs(ctx, all, h.readableACL)
		},
		troubles: all.Troubles, decide: all.DecideHeld, bytes: all.Bytes, limit: all.Limit, freeze: all.Freeze, settle: all.Settle,
		away: all.Away, lacking: all.Lacking,
		putBack: func(ctx context.Context, row pod.Info, body io.Reader) error { return putHeldBack(ctx, all, row, body) },
	}
}

// badACLs returns the ACL resources that a reader does not understand.
func badACLs(ctx context.Context, from pod.Store, readable func(pod.Resource) bool) (bad []string, err error) {
	var all []pod.Path
	err = from.View(ctx, func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			if !c.Gone() && !c.Narrowed() && c.Path.IsACL() {
				all = append(all, c.Path)
			}
		}
		return nil
	})
	for _, p := range all {
		if err != nil {
			break
		}
		err = from.View(ctx, func(tx pod.Tx) error {
			res, err := tx.Open(p)
			if errors.Is(err, pod.ErrNotExist) || errors.Is(err, pod.ErrUnsettled) {
				return nil
			}
			if err != nil {
				return err
			}
			if !readable(res) {
				bad = append(bad, p.String())
			}
			return res.Close()
		})
	}
	return bad, err
}
