package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"kith/pwa"
)

// app serves the built app: its shell at /, the parts that the shell loads, and index.html, which is the
// whole app in one file to keep. Everything is read and compressed once, since it is small and cannot
// change while the server runs.
type app struct{ files map[string]*asset }

type asset struct {
	mediaType string
	etag      string
	caching   string
	plain     []byte
	gzipped   []byte // nil when it would not be smaller
}

func newApp(files fs.FS) (*app, error) {
	a := &app{files: map[string]*asset{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		a.files["/"+name], err = newAsset(name, body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the app: %w", err)
	}
	a.files["/"] = a.files["/shell.html"]
	if a.files["/"] == nil {
		return nil, fmt.Errorf("read the app: %w", pwa.ErrNotBuilt)
	}
	return a, nil
}

func newAsset(name string, body []byte) (*asset, error) {
	sum := sha256.Sum256(body)
	f := &asset{mediaType: assetType(name), etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, plain: body, caching: "no-cache"}
	if strings.HasPrefix(name, "part-") { // its name has the hash of its bytes
		f.caching = "public, max-age=31536000, immutable"
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w.Write(body)
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() < len(body) {
		f.gzipped = b.Bytes()
	}
	return f, nil
}

func assetType(name string) string {
	switch path.Ext(name) {
	case ".webmanifest":
		return "application/manifest+json"
	case ".js":
		return "text/javascript; charset=utf-8"
	}
	return or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream")
}

// serve answers GET and HEAD for the app's files and reports whether r asked for one of them.
func (a *app) serve(w http.ResponseWriter, r *http.Request) bool {
	f, ok := a.files[r.URL.Path]
	if !ok {
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the app's files can only be read", http.StatusMethodNotAllowed)
		return true
	}
	f.write(w, r)
	return true
}

func (f *asset) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", f.caching)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Content-Security-Policy", "frame-ancestors 'none'") // the page's own policy is in the page
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		w.Write(body) // an asker that has gone needs no answer
	}
}
