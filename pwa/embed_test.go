package pwa

import (
	"bytes"
	"compress/gzip"
	"errors"
	"testing"
	"testing/fstest"
)

func TestFiles(t *testing.T) {
	const page = "<!doctype html>"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte(page))
	w.Close()
	for _, c := range []struct {
		name string
		tree fstest.MapFS
		want error
	}{
		{"a clean checkout says how to build the app", fstest.MapFS{"packed/.gitkeep": {}}, ErrNotBuilt},
		{"a built app is there", fstest.MapFS{"packed/.gitkeep": {}, "packed/index.html.gz": {Data: packed.Bytes()}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			app, err := files(c.tree)
			if !errors.Is(err, c.want) {
				t.Fatalf("files: %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			got, err := app["index.html"].Bytes()
			if err != nil || string(got) != page || len(app) != 1 {
				t.Fatalf("%d files, index.html: %q, %v", len(app), got, err)
			}
		})
	}
}

func TestBytesOfWhatIsTorn(t *testing.T) {
	if b, err := (File{Name: "x", Gzip: []byte("no gzip")}).Bytes(); err == nil {
		t.Fatalf("got %q", b)
	}
}
