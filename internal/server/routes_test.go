package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// An app asks hosts of pods whether they are relays too, and a browser would call 404 a failure of the page.
func TestHostThatIsNoRelaySaysSo(t *testing.T) {
	s, _ := host(t)
	r := httptest.NewRequest(http.MethodGet, "/"+relayWellKnown, nil)
	r.Header.Set("Origin", "https://app.example")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("%d, for %q", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
	}
}
