package server

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"path"
	"runtime"
	"strings"
	"sync"
	"weak"

	"kith/pwa"
)

// app serves the built app: its shell at /, the parts that the shell loads, and index.html, which is the
// whole app in one file to keep. It cannot change while the server runs.
type app struct{ files map[string]*asset }

// asset is one file. What is kept is gzipped. Those who do not take that wait for it to be unpacked, and share the
// bytes for as long as one of them reads: however many they are, and however slow, it is there once.
type asset struct {
	file      pwa.File
	mu        sync.Mutex
	shared    weak.Pointer[[]byte]
	mediaType string
	etag      string
	caching   string
}

func newApp(files map[string]pwa.File) (*app, error) {
	a := &app{files: map[string]*asset{}}
	for name, file := range files {
		f, err := newAsset(file)
		if err != nil {
			return nil, fmt.Errorf("read the app: %w", err)
		}
		a.files["/"+name] = f
	}
	a.files["/"] = a.files["/shell.html"]
	if a.files["/"] == nil {
		return nil, fmt.Errorf("read the app: %w", pwa.ErrNotBuilt)
	}
	return a, nil
}

func newAsset(file pwa.File) (*asset, error) {
	plain, err := file.Bytes()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	f := &asset{file: file, mediaType: assetType(file.Name), etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, caching: "no-cache"}
	if strings.HasPrefix(file.Name, "part-") || strings.HasPrefix(file.Name, "answer-") { // the name has the hash of the bytes
		f.caching = "public, max-age=31536000, immutable"
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
	if !safe(r.Method) {
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
	body := f.file.Gzip
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
	} else {
		plain := f.plain()
		defer runtime.KeepAlive(plain)
		body = *plain
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		w.Write(body) // an asker that has gone needs no answer
	}
}

// plain returns the bytes of the file, not gzipped.
func (f *asset) plain() *[]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if shared := f.shared.Value(); shared != nil {
		return shared
	}
	body, err := f.file.Bytes()
	if err != nil { // newAsset has unpacked the same bytes
		panic(http.ErrAbortHandler)
	}
	f.shared = weak.Make(&body)
	return &body
}
