package archive

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kith/pod"
)

// A server that says no to a program with a page for browsers is quoted by its status alone.
func TestRefusalsOfAWebDAVServer(t *testing.T) {
	for status, want := range map[int]struct {
		text string
		is   error
	}{
		http.StatusUnauthorized:        {"app password", fs.ErrPermission},
		http.StatusForbidden:           {"(403)", fs.ErrPermission},
		http.StatusInsufficientStorage: {"no room left (507)", pod.ErrFull},
		http.StatusMethodNotAllowed:    {"no WebDAV folder", errors.ErrUnsupported},
		http.StatusBadGateway:          {"502 Bad Gateway", nil},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			w.Write([]byte("<html><h1>no</h1></html>"))
		}))
		defer server.Close()
		place, err := WebDAV(server.Client(), server.URL+"/kith/", "ana", "wrong")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), place)
		if err == nil || !strings.Contains(err.Error(), want.text) || strings.Contains(err.Error(), "<") || want.is != nil && !errors.Is(err, want.is) {
			t.Errorf("%d: %v", status, err)
		}
	}
}
