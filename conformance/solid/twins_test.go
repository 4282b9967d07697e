package solid

import (
	"context"
	"os"
	"strings"
	"testing"

	"kith/conformance/twin"
)

// side is a container of Alice's, as the suite of twins sees it. She does what the other does, too: none of
// that is looked at.
type side struct {
	base  string
	suite *suite
}

func (s side) Base() string { return s.base }

func (s side) WebID(who twin.Who) string {
	return map[twin.Who]string{twin.Owner: s.suite.alice.WebID, twin.Reader: s.suite.bob.WebID, twin.Other: "https://other.example/card#me"}[who]
}

func (s side) Do(ctx context.Context, who twin.Who, q twin.Request) (twin.Answer, error) {
	r := request{method: q.Method, url: s.base + q.Target}
	if q.Body != "" {
		r.body = content{bytes: []byte(q.Body)}
	}
	for name, values := range q.Header {
		for _, v := range values {
			r.header = append(r.header, name+": "+v)
		}
	}
	a := map[twin.Who]*agent{twin.Owner: s.suite.alice, twin.Other: s.suite.alice, twin.Reader: s.suite.bob, twin.Stranger: s.suite.stranger}[who]
	got, err := exchange(ctx, s.suite.client, r, a.sign)
	return twin.Answer{Status: got.status, Header: got.header, Body: string(got.body)}, err
}

// TestCSSTellsTwinsApart is the control of the suite of twins, which our own server passes: Community Solid
// Server lists what one may not see, and the play says so.
func TestCSSTellsTwinsApart(t *testing.T) {
	modules := os.Getenv(modulesVar)
	if modules == "" {
		t.Skip("not run: " + modulesVar + " does not name a node_modules folder with @solid/community-server")
	}
	s, err := StartCSS(t.Context(), modules)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Elsewhere.Close(); err != nil {
		t.Fatal(err)
	}
	s.Elsewhere = nil
	found := map[string]int{}
	for seed := range uint64(2) {
		play, err := newSuite(s.Config)
		if err != nil {
			t.Fatal(err)
		}
		if err := play.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		plain, full := side{play.root + "one/", play}, side{play.root + "two/", play}
		d, err := twin.Play{Seed: seed, Steps: 20, Loose: true}.Compare(t.Context(), plain, full)
		if err != nil {
			t.Fatal(err)
		}
		if d == nil {
			t.Errorf("seed %d: nobody can tell", seed)
			continue
		}
		t.Log(d)
		if d.Surface == "listing" && d.Who == twin.Reader && (strings.Contains(d.Full, "<vault/>") || strings.Contains(d.Full, "<h")) {
			found[d.Surface]++
		}
	}
	if found["listing"] == 0 {
		t.Error("no listing told what is hidden")
	}
}
