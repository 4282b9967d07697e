//go:build webrtc

package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"testing"
	"time"

	"kith/sealed"
)

// page is a browser that is connected to the pod, behind the address that pwa/e2e/pod-direct.rtc.ts tells.
type page struct{ url string }

// post sends body to the page and returns what it says; sealed.ErrQueued when that is nothing.
func (p page) post(ctx context.Context, what string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+what, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	said, err := io.ReadAll(a.Body)
	switch {
	case err != nil:
		return nil, err
	case a.StatusCode == http.StatusNoContent:
		return nil, sealed.ErrQueued
	case a.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the page: %d %s", a.StatusCode, said)
	}
	return said, nil
}

// Carry brings a message to the pod over the page's connection.
func (p page) Carry(ctx context.Context, message []byte) ([]byte, error) {
	return p.post(ctx, "ask", message)
}

// connect has the page connect to the pod, as a friend whom the owner lets.
func (s *stage) connect(p page, as string) {
	s.t.Helper()
	var cid string
	for _, c := range s.tree.Contacts {
		if c.Name == as {
			cid = c.CID
		}
	}
	var record map[string]any
	if err := json.Unmarshal(s.get(s.owner, ".replica/contacts/"+cid+"/card").Body, &record); err != nil {
		s.t.Fatal(err)
	}
	record["kith:direct"] = true
	if err := s.owner.Put(s.ctx(), "contacts/"+cid+"/card", "application/ld+json", must(json.Marshal(record))(s.t)); err != nil {
		s.t.Fatal(err)
	}
	offer := must(p.post(s.ctx(), "offer", nil))(s.t)
	line := &sealed.Transport{To: sealed.Recipients(listsOf(s.t, s.owner.Person)), Label: s.owner.Label, From: s.sender(as), Now: time.Now,
		Carrier: sealed.HTTPS{URL: "http://" + s.server.Address + "/ana/.sealed", Client: http.DefaultClient}}
	r := must(http.NewRequestWithContext(s.ctx(), http.MethodPost, "https://"+s.owner.Label+".kith.invalid/.rtc", bytes.NewReader(offer)))(s.t)
	r.Header.Set("Content-Type", "application/sdp")
	a := must(line.RoundTrip(r))(s.t)
	defer a.Body.Close()
	answer := must(io.ReadAll(a.Body))(s.t)
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/sdp" {
		s.t.Fatalf("the offer is answered with %d %s", a.StatusCode, answer)
	}
	must(p.post(s.ctx(), "answer", answer))(s.t)
}

// TestCorpusThroughAPage puts each request to the real server over a browser's connection. What asks for it is the
// browser's test, which tells where the browser is.
func TestCorpusThroughAPage(t *testing.T) {
	at := os.Getenv("KITH_PAGE")
	if at == "" {
		t.Skip("run by make webrtc, from the browser's side")
	}
	s := newStage(t)
	p := page{at}
	s.connect(p, "ben")
	var cases []corpusCase
	readJSON(t, "requests.json", &cases)
	asked := 0
	got := s.play(way{"webrtc", s.sealedBy(func(string) sealed.Carrier { return p })}, cases)
	for i, c := range cases {
		if got[i].Expect == (corpusAnswer{}) {
			continue
		}
		if asked++; !reflect.DeepEqual(got[i].Expect, c.Expect) {
			t.Errorf("%s\n%s %s as %s\ngot  %+v\nwant %+v", c.Name, c.Method, c.Path, c.As, got[i].Expect, c.Expect)
		}
	}
	if asked < 150 {
		t.Errorf("%d requests", asked)
	}
	t.Logf("corpus: %d requests over WebRTC", asked)
}
