package server

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Room is how much of the disk a pod may take, and takes.
type Room struct {
	Name  string `json:"name"`
	Used  int64  `json:"used"`  // bytes of its files
	Quota int64  `json:"quota"` // bytes that it may hold; 0: as much as the disk does
}

// SetQuota sets how many bytes the pod may hold, from the next write on; 0: as much as the disk does. What is there
// stays, also when it is more. Errors: ErrPerson.
func (o Person) SetQuota(ctx context.Context, bytes int64, waiting func()) error {
	err := o.do(func(s *state) error {
		if _, err := s.person(ctx, o.Name); err != nil {
			return err
		}
		return s.write(ctx, func(c *sqlite.Conn) error {
			return sqlitex.Execute(c, `UPDATE person SET quota = ? WHERE name = ?`, &sqlitex.ExecOptions{Args: []any{bytes, o.Name}})
		})
	})
	if err != nil {
		return err
	}
	return o.ask(ctx, "limit", nil, waiting)
}

// Room returns how much of the disk the pod takes. Errors: ErrPerson.
func (o Person) Room(ctx context.Context) (r Room, err error) {
	err = o.do(func(s *state) error {
		r, err = s.room(ctx, o.Config, o.Name)
		return err
	})
	return r, err
}

func (s *state) room(ctx context.Context, c Config, name string) (Room, error) {
	p, err := s.person(ctx, name)
	if err != nil {
		return Room{}, err
	}
	used, err := sizeOf(c.tree(name))
	return Room{name, used, p.quota}, err
}

// sizeOf returns the bytes of all files below a folder. What disappears meanwhile counts nothing.
func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, failed := d.Info()
			if err = failed; err == nil {
				n += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n, err
}

// limit takes over what state.db says that the pod may hold.
func (h *home) limit(ctx context.Context) error {
	p, err := h.state.person(ctx, h.name)
	if err == nil {
		h.upkeep.limit(p.quota)
	}
	return err
}
