package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"kith/pod/folder"

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
	return fmt.Errorf("%w: `%s` of %s was broken off before all was there. Say it again, and it begins anew. If the pod is not to be here, delete %s",
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

// arrive says durably that a command begins to make a pod, where nothing is but what the same command has left.
func (s *state) arrive(ctx context.Context, c Config, name, command string) error {
	if err := s.vacate(ctx, c, name, command); err != nil {
		return err
	}
	if err := mustBeEmpty(c.tree(name)); err != nil {
		return err
	}
	return s.write(ctx, func(conn *sqlite.Conn) error { return setValues(conn, arriving+name, command) })
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
