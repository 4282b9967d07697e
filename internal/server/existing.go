package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Existing returns an error unless c.Data holds pods, of a version that this program knows. It touches nothing.
// Errors: ErrConfig, ErrNewer.
func (c Config) Existing() error {
	version, err := stateVersion(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there are no pods in %s; name the folder with --data DIR", ErrConfig, c.Data)
	}
	if err == nil && version > len(schemas) {
		err = newer(version)
	}
	return err
}

// People returns the names of the people of a folder, the first of them first, and last those whose pods are not whole.
// Errors: ErrNewer.
func (c Config) People(ctx context.Context) (names []string, err error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return nil, err
	}
	names, err = s.names(ctx)
	halves, failed := s.arrivals(ctx, c)
	names = append(names, slices.Sorted(maps.Keys(halves))...)
	return names, errors.Join(err, failed, s.close())
}

func newer(version int) error {
	return fmt.Errorf("open the folder: %w of kith (its layout is %d, this one knows %d); nothing was touched: use the newer program", ErrNewer, version, len(schemas))
}

// stateVersion returns the layout of DIR/state.db, read from its header (SQLite file format §1.3): opening it as a
// database might change it. fs.ErrNotExist when there is none.
func stateVersion(dir string) (int, error) {
	f, err := os.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var header [64]byte
	if _, err := io.ReadFull(f, header[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, nil // just made
	} else if err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint32(header[60:])), nil
}
