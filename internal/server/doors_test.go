package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"kith/sealed"
	"kith/webid"
)

// leftOut are the doors at which sealed requests of the owner's devices do not arrive, and why.
var leftOut = map[string]string{
	".channels": "connections that stay open; a device waits for changes at .replica",
	".passkeys": "a passkey belongs to the pages of the pod's own host, and these ask it by HTTPS",
	".rtc":      "an offer is for friends; a device has its connection to the pod already",
	".sealed":   "an envelope within an envelope",
	".pair":     "who pairs is no device yet, and says so; links are made at .pair/links",
}

// samples are paths at a door beside itself and what lies in it.
var samples = map[string][]string{
	".pair":    {".pair/links"},
	".invites": {".invites/"},
	".trouble": {".trouble/deletions"},
	".backups": {".backups/run"},
}

// straight carries envelopes to a pod without a relay.
type straight struct{ *home }

func (s straight) Carry(ctx context.Context, message []byte) ([]byte, error) {
	answer, _, err := s.sealed.Answer(ctx, message)
	return answer, err
}

// openly asks a pod as its owner's device does over HTTPS, once it has shown who it is.
func (h *human) openly(of *home, method, path string) int {
	h.t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(h.t.Context(), method, "http://localhost/"+path, http.NoBody)
	if err := of.answer(w, r, webid.OwnerAgent(of.realm.Owner(), h.kid()), "/"+path); err != nil {
		of.refuse(w, r, err)
	}
	return w.Code
}

// TestSealedRequestsReachTheDoors: whatever a door takes of the owner's device over HTTPS it takes in an envelope, with
// the same status, and nothing else. A door that is new is in one of the two lists.
func TestSealedRequestsReachTheDoors(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	h := b.me()
	sealedly := &line{t: t, Transport: b.phone.Transport}
	sealedly.Carrier = straight{h}
	refused := []int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}
	for _, door := range doors {
		arrived := false
		for _, path := range append([]string{door, door + "/x"}, samples[door]...) {
			for _, method := range []string{"GET", "PUT", "POST", "DELETE", "PATCH"} {
				plain := b.owner.openly(h, method, path)
				a, err := sealedly.ask(method, "/"+path, "")
				if err != nil {
					t.Fatal(err)
				}
				taken := !slices.Contains(refused, a.status)
				arrived = arrived || taken
				if a.status == plain || !taken && (slices.Contains(refused, plain) || leftOut[door] != "" && path == door) {
					continue
				}
				if why := leftOut[door]; why == "" || taken {
					t.Errorf("%s %s: %d in an envelope, %d by HTTPS", method, path, a.status, plain)
				}
			}
		}
		if out := leftOut[door] != ""; arrived == out && door != ".pair" {
			t.Errorf("%s: reached by sealed requests: %v, left out: %v", door, arrived, out)
		}
	}
	for door := range leftOut {
		if !slices.Contains(doors, door) {
			t.Errorf("%s is left out, and no door", door)
		}
	}
}

// TestNobodyElseReachesTheDoors: not a friend, and not who says nothing of themselves.
func TestNobodyElseReachesTheDoors(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	friend, stranger := &line{t: t, Transport: b.ana.line.Transport}, &line{t: t, Transport: b.phone.Transport}
	stranger.From = nil
	for _, each := range []*line{friend, stranger} {
		each.Carrier = straight{b.me()}
		for _, door := range []string{".keys", ".trouble", ".trouble/deletions", ".backups", ".backups/run", ".backups/x", ".passwords", ".passwords/x", ".elsewhere", ".grants", ".grants/x"} {
			for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
				want := http.StatusForbidden
				if each == stranger {
					want = http.StatusUnauthorized
				}
				if a, err := each.ask(method, "/"+door, "{}"); err != nil || a.status != want || strings.Contains(a.body, "place") {
					t.Errorf("%s %s: %d %s, %v; want %d", method, door, a.status, a.body, err, want)
				}
			}
		}
	}
}

var _ sealed.Carrier = straight{}
