package dav

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kith/pod"
)

// What a COPY or MOVE replaces goes after the other has come, and not before it as RFC 4918 §9.8.4 has it: where there is no
// room for the other, or the server ends in between, nothing is lost. A document is put over another, a container takes
// what comes in, and what has not been put over goes at the end.

// makeWay prepares p for what the call copies or moves there. Of what stands there only that goes at once which is of the
// other kind, since `x` and `x/` cannot both be.
func (c *call) makeWay(ctx context.Context, p pod.Path) error {
	if c.stood == nil {
		if err := c.fits(ctx, p); err != nil {
			return err
		}
		if err := c.look(ctx, p); err != nil {
			return err
		}
	}
	to, err := at(c.to, p.IsContainer())
	if err != nil {
		return err
	}
	from, err := c.find(ctx, c.from+"/"+strings.TrimPrefix(p.String(), to.String()))
	if err != nil || from.Path.IsContainer() == p.IsContainer() {
		return err
	}
	return c.remove(ctx, p)
}

// free is makeWay for what a MOVE stores at a path.
func (c *call) free(ctx context.Context, to pod.Path) error {
	if c.stood == nil {
		return nil
	}
	info, err := c.find(ctx, to.String())
	if errors.Is(err, errNotExist) || err == nil && info.Path == to {
		return nil
	}
	if err != nil {
		return err
	}
	return c.remove(ctx, info.Path)
}

// look remembers what stands at p and in it.
func (c *call) look(ctx context.Context, p pod.Path) error {
	stood := map[pod.Path]string{}
	err := c.each(ctx, p, func(inner pod.Path) error {
		a, err := c.view.Stat(ctx, inner)
		stood[inner] = a.Info.ETag
		return err
	})
	c.stood = stood
	return err
}

// fits reports whether what the call copies or moves can take the place of p.
func (c *call) fits(ctx context.Context, p pod.Path) error {
	from, err := c.find(ctx, c.from)
	if err != nil {
		return err
	}
	if from.Path.Contains(p) {
		return fmt.Errorf("replace a part of what is copied: %w", pod.ErrConflict)
	}
	to, err := at(c.to, from.Path.IsContainer())
	if err != nil {
		return err
	}
	if p.IsContainer() {
		err = c.each(ctx, p, func(inner pod.Path) error { return c.view.MayDelete(ctx, inner, pod.Precondition{}) })
	}
	return errors.Join(err, c.view.MayPut(ctx, to, pod.Precondition{}), c.each(ctx, from.Path, func(inner pod.Path) error {
		_, err := at(to.String()+strings.TrimPrefix(inner.String(), from.Path.String()), inner.IsContainer())
		if err == nil && c.method == "MOVE" {
			err = c.view.MayDelete(ctx, inner, pod.Precondition{})
		}
		return err
	}))
}

// clear deletes what stood where something was copied or moved to, and was not put over. What has changed meanwhile stays.
func (c *call) clear(ctx context.Context) error {
	for _, p := range membersFirst(c.stood) {
		if c.came[p] {
			continue
		}
		err := c.discard(ctx, p, c.stood[p])
		if err != nil && !errors.Is(err, pod.ErrNotExist) && !errors.Is(err, pod.ErrPrecondition) && !errors.Is(err, pod.ErrNotEmpty) {
			return fmt.Errorf("clear what was replaced: %w", err)
		}
	}
	return nil
}

// membersFirst returns the paths of some entity tags, what is in a container before the container.
func membersFirst(tags map[pod.Path]string) []pod.Path {
	return slices.SortedFunc(maps.Keys(tags), func(a, b pod.Path) int { return strings.Compare(b.String(), a.String()) })
}

// discard deletes a container that is empty, or a document that has that entity tag still.
func (c *call) discard(ctx context.Context, p pod.Path, tag string) error {
	pre := pod.Precondition{}
	if !p.IsContainer() {
		pre.IfMatch = []string{tag}
	}
	return c.view.Delete(ctx, p, pre)
}
