package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kith/pod"
	"kith/pod/folder"
	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
)

// errHalf says that a pod is not whole.
var errHalf = errors.New("there is half of a pod")

// arriving names what tells, from before the first byte until all is there, which command makes a pod out of a copy.
// What lies in the folder of the pod meanwhile is nobody's.
const arriving = "arriving "

// arrivals returns what makes pods that are not whole, or was broken off, by the name of the person: a sentence with
// what to do. Where the folder of the pod is empty or not there, nothing of one is.
func (s *state) arrivals(ctx context.Context, c Config) (all map[string]error, err error) {
	by := map[string]string{}
	err = s.read(ctx, `SELECT substr(name, ?1 + 1), value FROM server WHERE substr(name, 1, ?1) = ?2`, []any{len(arriving), arriving}, func(row *sqlite.Stmt) error {
		by[row.ColumnText(0)] = row.ColumnText(1)
		return nil
	})
	all = map[string]error{}
	for name, command := range by {
		vacant, failed := folder.Vacant(c.tree(name))
		if err = errors.Join(err, failed); !vacant {
			all[name] = c.half(name, command)
		}
	}
	return all, err
}

// half says what a pod that is not whole waits for.
func (c Config) half(name, command string) error {
	if folder.Busy(c.index(name)) {
		return fmt.Errorf("%w: %s is being brought here by `%s`; wait for its end", errHalf, name, command)
	}
	return fmt.Errorf("%w: `%s` of %s was broken off before all was there. Say it again, and it goes on. If the pod is not to be here, delete %s",
		errHalf, command, name, c.tree(name))
}

// index returns the folder of what is derived of a person's pod.
func (c Config) index(name string) string { return filepath.Join(c.Data, "index", name) }

// orHalf returns why somebody is not here, where half of their pod is.
func (s *state) orHalf(ctx context.Context, c Config, name string, err error) error {
	if !errors.Is(err, ErrPerson) {
		return err
	}
	all, failed := s.arrivals(ctx, c)
	if half := all[name]; half != nil {
		return half
	}
	return errors.Join(err, failed)
}

// leftName is the folder, within that of a pod which is being made, of what had come when that was broken off.
const leftName = ".kith-left"

// left returns that folder.
func (c Config) left(name string) string { return filepath.Join(c.tree(name), leftName) }

// arrive says durably that a command begins to make a pod, where nothing is but what the same command has left. That
// is put aside, to be taken from there by takeLeft.
func (s *state) arrive(ctx context.Context, c Config, name, command string) error {
	if err := c.mine(); err != nil {
		return err
	}
	was, err := s.value(ctx, arriving+name)
	if err == nil && was == command && !folder.Busy(c.index(name)) {
		return errors.Join(setAside(c.tree(name), c.left(name)), removeAll(c.index(name)))
	}
	if err = errors.Join(err, s.vacate(ctx, c, name, command)); err != nil {
		return err
	}
	if err := mustBeEmpty(c.tree(name)); err != nil {
		return err
	}
	return s.write(ctx, func(conn *sqlite.Conn) error { return setValues(conn, arriving+name, command) })
}

// setAside moves what is in a folder into another one, which may be within it and hold some of that already.
func setAside(from, to string) error {
	if at, err := os.Lstat(to); err == nil && !at.IsDir() { // a file of that name came earlier
		if err := os.Remove(to); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if source == to {
			continue
		}
		if e.IsDir() {
			err = errors.Join(err, setAside(source, target), os.Remove(source))
		} else {
			err = errors.Join(err, os.RemoveAll(target), os.Rename(source, target))
		}
	}
	return err
}

// takeLeft puts a row into the store whose bytes had come before, by the file at its path, and removes the file. It
// reports whether there was one that has these very bytes, by the entity tag.
func takeLeft(ctx context.Context, store *folder.Store, left string, row pod.Info) (bool, error) {
	name := filepath.Join(left, filepath.FromSlash(row.Path.String()))
	if at, err := os.Lstat(name); err != nil || !at.Mode().IsRegular() || at.Size() != row.Size {
		return false, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return false, nil
	}
	err = errors.Join(putBack(ctx, store, row, f), f.Close(), os.Remove(name))
	if errors.Is(err, archive.ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// goesOn reports whether what has come of a pod stays when it is broken off: nobody wanted it any more, or the place
// was no longer reached. Else it is removed.
func goesOn(ctx context.Context, err error) bool {
	why := whyOf(err)
	return ctx.Err() != nil || !errors.Is(err, archive.ErrDamaged) && (why == whyUnreached || why == whySlow || errors.Is(err, io.ErrUnexpectedEOF))
}

// vacate removes what was left of a pod that a command, or any of which nothing is in the folder, was broken off in making.
func (s *state) vacate(ctx context.Context, c Config, name, command string) error {
	was, err := s.value(ctx, arriving+name)
	if err != nil || was == "" {
		return err
	}
	all, err := s.arrivals(ctx, c)
	if err != nil {
		return err
	}
	if half := all[name]; half != nil && (was != command || folder.Busy(c.index(name))) {
		return fmt.Errorf("%w: %w", ErrExists, half)
	}
	return s.unmake(ctx, c, name)
}

// unmake removes what was made of a pod, and then says that nothing is there.
func (s *state) unmake(ctx context.Context, c Config, name string) error {
	if err := removeAll(c.tree(name), c.index(name)); err != nil {
		return err
	}
	return s.write(ctx, func(conn *sqlite.Conn) error { return setValues(conn, arriving+name, "") })
}

// firstPerson makes the person of a folder that has none, and refuses one in which half of a pod is.
func (s *state) firstPerson(ctx context.Context, c Config) error {
	all, err := s.arrivals(ctx, c)
	for _, half := range all {
		err = errors.Join(err, half)
	}
	if err != nil {
		return err
	}
	return s.newPerson(ctx, c, DefaultName)
}

// newPerson is addPerson where nothing may be left of a pod that was not whole.
func (s *state) newPerson(ctx context.Context, c Config, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := s.vacate(ctx, c, name, ""); err != nil {
		return err
	}
	return s.addPerson(ctx, name)
}

// unfinished returns what Listed says of an error of arrivals.
func unfinished(half error) string { return strings.TrimPrefix(half.Error(), errHalf.Error()+": ") }
