// Package pwa carries the built app inside the binary, so that every pod can
// serve it.
//
// It is not the app's source (that is src/) and it serves nothing itself. What
// it holds is the folder packed, filled by `make`: each file of dist, gzipped.
//
//	shell.html             the app as a pod serves it, with
//	part-*.js              the parts that it loads after its first page
//	index.html             the whole app in one file, in English; also opens from the disk
//	sw.js                  the service worker, and
//	answer-*.js            what it answers friends with after a push, and
//	answer-taking-*.js     what it takes in, loaded when somebody brings it
//	manifest.webmanifest   name, colours and icons for the home screen
//	icon*.{svg,png}        the icons
package pwa

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// ErrNotBuilt says that the binary was compiled before the app was built.
var ErrNotBuilt = errors.New("the app is not in this binary: run `make`, which builds the app and then the binary")

// A clean checkout has only packed/.gitkeep, so that `go vet ./...` works there.
//
//go:embed all:packed
var built embed.FS

// File is one file of the app.
type File struct {
	Name string // such as shell.html
	Gzip []byte // its bytes, gzipped as well as can be
}

// Bytes returns the file's bytes, not gzipped.
func (f File) Bytes() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(f.Gzip))
	if err != nil {
		return nil, fmt.Errorf("unpack %s of the app: %w", f.Name, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack %s of the app: %w", f.Name, err)
	}
	return plain, nil
}

// Files returns the built app by the names of its files, or ErrNotBuilt.
func Files() (map[string]File, error) {
	return files(built)
}

func files(tree fs.FS) (map[string]File, error) {
	packed, err := fs.Glob(tree, "packed/*.gz")
	if err != nil {
		return nil, fmt.Errorf("open app: %w", err)
	}
	all := map[string]File{}
	for _, name := range packed {
		b, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, fmt.Errorf("open app: %w", err)
		}
		plain := strings.TrimSuffix(path.Base(name), ".gz")
		all[plain] = File{Name: plain, Gzip: b}
	}
	if _, ok := all["index.html"]; !ok {
		return nil, fmt.Errorf("open app: %w", ErrNotBuilt)
	}
	return all, nil
}
