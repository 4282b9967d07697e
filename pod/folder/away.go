package folder

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"kith/pod"
)

// Vacant reports whether a folder is missing or has nothing in it, as where a disk is not mounted.
func Vacant(tree string) (bool, error) {
	f, err := os.Open(tree)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, f.Close()
	}
	return false, errors.Join(err, f.Close())
}

// refuseVacant returns pod.ErrAway where the folder had nothing in it and the index knows of more than the root. made is
// the folder that Open has put in its place, "" for none.
func (s *Store) refuseVacant(made string) error {
	n, err := s.index.count()
	if err != nil || n <= 1 {
		return err
	}
	if made != "" {
		err = os.Remove(made)
	}
	return errors.Join(pod.ErrAway, err)
}

// Away reports whether the folder that was opened is not where it was: somebody has moved it, or its disk is gone. Until it
// is back, reading and writing return pod.ErrAway, and nothing is taken for deleted.
func (s *Store) Away() bool { return s.away.Load() }

// seek looks whether the folder is where it was, and reports whether it has just come back.
func (s *Store) seek() (back bool) {
	opened, err := s.tree.f.Stat()
	there, missing := os.Stat(s.o.Tree)
	away := err != nil || missing != nil || !os.SameFile(opened, there)
	return s.away.Swap(away) && !away
}
