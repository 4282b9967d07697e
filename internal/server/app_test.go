package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"

	"kith/pwa"
)

// TestWhoTakesNoGzipSharesTheApp: otherwise each slow reader would hold a copy.
func TestWhoTakesNoGzipSharesTheApp(t *testing.T) {
	files, err := pwa.Files()
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(files)
	if err != nil {
		t.Fatal(err)
	}
	want, err := files["index.html"].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	page := a.files["/index.html"]
	held := page.plain()
	var reading sync.WaitGroup
	for range 8 {
		reading.Go(func() {
			w := httptest.NewRecorder()
			if !a.serve(w, httptest.NewRequest(http.MethodGet, "/index.html", nil)) || w.Body.String() != string(want) {
				t.Errorf("%d: %d bytes of %d", w.Code, w.Body.Len(), len(want))
			}
			io.Copy(io.Discard, w.Body)
			if page.plain() != held {
				t.Error("there are two copies")
			}
		})
	}
	reading.Wait()
	runtime.KeepAlive(held)
	for range 100 { // nobody reads it any more
		if runtime.GC(); page.shared.Value() == nil {
			return
		}
	}
	t.Error("the copy stays")
}
