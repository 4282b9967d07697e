package folder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/pod"
)

func mustPath(t testing.TB, escaped string) pod.Path {
	t.Helper()
	p, err := pod.ParsePath(escaped)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func put(t testing.TB, s *Store, escaped, mediaType, content string) {
	t.Helper()
	st, err := s.Stage(t.Context(), strings.NewReader(content), pod.StageOptions{Max: int64(len(content)), Type: mediaType})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Discard()
	err = s.Update(t.Context(), func(tx pod.WriteTx) error {
		_, err := tx.Put(mustPath(t, escaped), st, pod.PutOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// contentOf reads a resource, or returns the error of opening it.
func contentOf(t testing.TB, s *Store, escaped string) (content string, err error) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		r, openErr := tx.Open(mustPath(t, escaped))
		if err = openErr; err != nil {
			return nil
		}
		defer r.Close()
		all, readErr := io.ReadAll(r)
		content, err = string(all), readErr
		return nil
	})
	return content, err
}

func namesIn(t testing.TB, s *Store, escaped string) (names []string) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		for info, err := range tx.List(mustPath(t, escaped)) {
			if err != nil {
				return err
			}
			names = append(names, info.Path.Name())
		}
		return nil
	})
	return names
}

// content returns what a pod holds, and its Seqs and versions.
func contentsOf(t testing.TB, s *Store) string {
	t.Helper()
	var lines []string
	view(t, s, func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			content := ""
			if !c.Gone() && !c.Path.IsContainer() {
				r, err := tx.Open(c.Path)
				if err != nil {
					return fmt.Errorf("%s: %w", c.Path, err)
				}
				all, err := io.ReadAll(r)
				if err := errors.Join(err, r.Close()); err != nil {
					return err
				}
				content = string(all)
			}
			lines = append(lines, fmt.Sprintf("%+v %q", c, content))
		}
		return nil
	})
	return strings.Join(lines, "\n")
}

// guarded makes a pod with something private, and a secret beside it.
func guarded(t *testing.T) (dir, secret string, s *Store) {
	t.Helper()
	dir = t.TempDir()
	secret = filepath.Join(dir, "outside", "secret")
	if err := errors.Join(os.Mkdir(filepath.Dir(secret), 0o700), os.WriteFile(secret, []byte("SECRET"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	put(t, s, "/private/diary", "text/plain", "SECRET")
	put(t, s, "/public/page", "text/plain", "page")
	put(t, s, "/public/old", "text/plain", "old")
	put(t, s, "/public/sub/x", "text/plain", "x")
	return dir, secret, s
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("\n%s\nnot\n%s", g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(g), len(w))
}
