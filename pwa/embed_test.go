package pwa

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestFiles(t *testing.T) {
	page := &fstest.MapFile{Data: []byte("<!doctype html>")}
	for _, c := range []struct {
		name string
		tree fstest.MapFS
		want error
	}{
		{"a clean checkout says how to build the app", fstest.MapFS{"dist/.gitkeep": {}}, ErrNotBuilt},
		{"a built app is there", fstest.MapFS{"dist/.gitkeep": {}, "dist/index.html": page}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			app, err := files(c.tree)
			if !errors.Is(err, c.want) {
				t.Fatalf("files: %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			got, err := fs.ReadFile(app, "index.html")
			if err != nil || string(got) != string(page.Data) {
				t.Fatalf("index.html: %q, %v", got, err)
			}
		})
	}
}
