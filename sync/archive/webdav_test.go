package archive

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A server that says no to a program with a page for browsers is quoted by its status alone.
func TestRefusalsOfAWebDAVServer(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusUnauthorized:        "app password",
		http.StatusForbidden:           "403 Forbidden",
		http.StatusInsufficientStorage: "507 Insufficient Storage",
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
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "<") {
			t.Errorf("%d: %v", status, err)
		}
	}
}
