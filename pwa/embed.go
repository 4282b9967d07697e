// Package pwa carries the built app inside the binary, so that every pod can
// serve it.
//
// It is not the app's source (that is src/) and it serves nothing itself. What
// it holds is the folder dist, filled by `make`:
//
//	dist/shell.html             the app as a pod serves it, with
//	dist/part-*.js              the parts that it loads after its first page
//	dist/index.html             the whole app in one file; also opens from the disk
//	dist/sw.js                  the service worker
//	dist/manifest.webmanifest   name, colours and icons for the home screen
//	dist/icon*.{svg,png}        the icons
package pwa

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// ErrNotBuilt says that the binary was compiled before the app was built.
var ErrNotBuilt = errors.New("the app is not in this binary: run `make`, which builds the app and then the binary")

// A clean checkout has only dist/.gitkeep, so that `go vet ./...` works there.
//
//go:embed all:dist
var built embed.FS

// Files returns the built app with index.html at its root, or ErrNotBuilt.
func Files() (fs.FS, error) {
	return files(built)
}

func files(tree fs.FS) (fs.FS, error) {
	dist, err := fs.Sub(tree, "dist")
	if err != nil {
		return nil, fmt.Errorf("open app: %w", err)
	}
	if _, err := fs.Stat(dist, "index.html"); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open app: %w", ErrNotBuilt)
	} else if err != nil {
		return nil, fmt.Errorf("open app: %w", err)
	}
	return dist, nil
}
