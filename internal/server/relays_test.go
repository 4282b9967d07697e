package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"kith/internal/fuzztest"
	"kith/webid"
)

var update = flag.Bool("update", false, "write the vectors of relays anew")

const relayVectors = "../../conformance/vectors/relays.json"

// relaysCase is one vector: what settings/relays says, and what follows from it at one relay.
type relaysCase struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Text    string `json:"text"`
	Relay   string `json:"relay"`
	For     string `json:"for"` // under which name a send is derived
	Kid     string `json:"kid"`

	Secret string  `json:"secret,omitempty"`
	Hop    bool    `json:"hop,omitempty"`
	Relays []queue `json:"relays,omitempty"`
	Old    []past  `json:"old,omitempty"`
	Send   string  `json:"send,omitempty"`
	Token  string  `json:"token,omitempty"`
	Cursor string  `json:"cursor,omitempty"`
}

// past is an oldQueue as the vectors spell it.
type past struct {
	queue
	Secret secret    `json:"secret"`
	Until  time.Time `json:"until"`
}

func relaysCases() []relaysCase {
	one := `{"url":"https://relay.example/","queue":"3q2-7wAAAAAAAAAAAAAAAA","since":"2026-11-22T10:00:00Z"}`
	two := `{"url":"http://localhost:8430/r/","queue":"AAAAAAAAAAAAAAAAAAAAAA","since":"2026-11-23T10:00:00.5Z"}`
	key := encode(bytes.Repeat([]byte{7}, 32))
	whole := func(members ...string) string { return "{" + strings.Join(members, ",") + "}" }
	sec, hop := `"secret":"`+key+`"`, `"hop":true`
	list := func(queues ...string) string { return `"relays":[` + strings.Join(queues, ",") + `]` }
	old := func(until string) string {
		return `"old":[` + strings.TrimSuffix(two, "}") + `,"secret":"` + encode(bytes.Repeat([]byte{9}, 32)) + `","until":"` + until + `"}]`
	}
	good := func(name, text, who string) relaysCase {
		return relaysCase{Name: name, Verdict: "success", Text: text, Relay: "https://relay.example/", For: who, Kid: "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169"}
	}
	bad := func(name, text string) relaysCase {
		c := good(name, text, nameOwn)
		c.Verdict = "malformed"
		return c
	}
	return []relaysCase{
		good("one relay, a friend", whole(sec, hop, list(one)), "abcdefghijklmnopqrst 1"),
		good("the friend's next grant", whole(sec, hop, list(one)), "abcdefghijklmnopqrst 2"),
		good("two relays, without the hop, an invite", whole(sec, `"hop":false`, list(one, two)), "invite JWi3TFBciW6MC9uau7U6jw"),
		good("no relay, the owner's own devices", whole(sec, hop, list()), nameOwn),
		good("a device that pairs", whole(sec, hop, list(one)), namePair),
		good("a queue that is read for a while", whole(sec, hop, list(one), old("2026-12-07T10:00:00Z")), nameOwn),
		good("members that mean nothing here", whole(sec, hop, list(one), `"hue":3`), nameOwn),
		bad("no secret", whole(hop, list(one))),
		bad("a secret of 31 bytes", whole(`"secret":"`+encode(make([]byte, 31))+`"`, hop, list(one))),
		bad("a secret with padding", whole(`"secret":"`+key+`="`, hop, list(one))),
		bad("the same relay twice", whole(sec, hop, list(one, one))),
		bad("a relay without a slash at its end", whole(sec, hop, list(strings.Replace(one, "example/", "example", 1)))),
		bad("a relay that is a script", whole(sec, hop, list(strings.Replace(one, "https", "javascript", 1)))),
		bad("a queue without a name", whole(sec, hop, list(strings.Replace(one, "3q2-7wAAAAAAAAAAAAAAAA", "", 1)))),
		bad("a queue whose name is a path", whole(sec, hop, list(strings.Replace(one, "3q2-", "../s/", 1)))),
		bad("an old queue without an end", whole(sec, hop, list(one), strings.Replace(old(""), `,"until":""`, "", 1))),
		bad("half of it", whole(sec, hop, list(one))[:60]),
		bad("an array", "["+whole(sec, hop, list(one))+"]"),
	}
}

// follow returns the case with what comes out of its inputs.
func (c relaysCase) follow(t *testing.T) relaysCase {
	out := relaysCase{Name: c.Name, Verdict: "success", Text: c.Text, Relay: c.Relay, For: c.For, Kid: c.Kid}
	r, err := parseRelays([]byte(c.Text))
	if errors.Is(err, webid.Malformed) {
		out.Verdict = "malformed"
		return out
	}
	if err != nil {
		t.Fatal(err)
	}
	out.Secret, out.Hop, out.Relays = encode(r.Secret[:]), r.Hop, r.Relays
	for _, q := range r.Old {
		out.Old = append(out.Old, past(q))
	}
	if len(out.Relays) == 0 {
		out.Relays = nil
	}
	out.Send, out.Token, out.Cursor = encode(r.Secret.send(c.Relay, c.For)), encode(r.Secret.token(c.Relay, c.Kid)), encode(r.Secret.cursorKey())
	return out
}

func TestRelaysVectors(t *testing.T) {
	if *update {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		cases := relaysCases()
		for i, c := range cases {
			if cases[i] = c.follow(t); cases[i].Verdict != c.Verdict {
				t.Errorf("%s: %s, meant to be %s", c.Name, cases[i].Verdict, c.Verdict)
			}
		}
		if err := errors.Join(e.Encode(cases), os.WriteFile(relayVectors, b.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(relayVectors)
	if err != nil {
		t.Fatal(err)
	}
	var cases []relaysCase
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 10 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		if got := c.follow(t); !reflect.DeepEqual(got, c) {
			t.Errorf("%s: got %+v\nwant %+v", c.Name, got, c)
		}
	}
}

func FuzzParseRelays(f *testing.F) {
	for _, c := range relaysCases() {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzztest.Cheap(t, len(text), func() { parseRelays(text) })
		r, err := parseRelays(text)
		if err != nil {
			if !errors.Is(err, webid.Malformed) {
				t.Errorf("no verdict: %v", err)
			}
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseRelays(again); err != nil || got.Secret != r.Secret || len(got.Relays) != len(r.Relays) || len(got.Old) != len(r.Old) {
			if len(again) <= maxRelaysDoc {
				t.Errorf("%s became %+v: %v", text, got, err)
			}
		}
	})
}

// TestAddressesWithoutAScheme: what a person writes without a scheme is https, and http on this machine.
func TestAddressesWithoutAScheme(t *testing.T) {
	for said, want := range map[string]string{
		"relay.example.org":         "https://relay.example.org/",
		"Relay.example.org:8443/r":  "https://relay.example.org:8443/r/",
		"localhost:8430":            "http://localhost:8430/",
		"127.0.0.1:8430/":           "http://127.0.0.1:8430/",
		"[::1]:8430":                "http://[::1]:8430/",
		"http://relay.example.org":  "http://relay.example.org/",
		"https://relay.example.org": "https://relay.example.org/",
	} {
		if got, err := canonicalRelay(said); err != nil || got != want {
			t.Errorf("%q is %q (%v), want %q", said, got, err, want)
		}
	}
	for _, said := range []string{"", "ftp://relay.example.org", "relay.example.org?x", "https://"} {
		if got, err := canonicalRelay(said); !errors.Is(err, ErrConfig) {
			t.Errorf("%q is %q, %v", said, got, err)
		}
	}
	if got, err := canonicalBase("pod.example.org"); err != nil || got != "https://pod.example.org/" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := checkPlace(Config{}, reachedAs("ana", "cloud.example.org/dav")); err != nil || got != "https://cloud.example.org/dav/" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAPairingLinkIsTrueWhenItIsTold: the relay takes a message by it at once, in a server's first link, and in one that
// the command line makes beside it; where nobody answers by the relay, that is said.
func TestAPairingLinkIsTrueWhenItIsTold(t *testing.T) {
	c := newClock()
	p := newPost(t, c)
	s := newKitchen(t, c, p)
	alone := newHuman(t, c, "Ana")
	first, err := s.FirstPairing(t.Context())
	if err != nil || len(first.via) != 1 || len(first.Silent) > 0 || !alone.known(first.via[0]) {
		t.Errorf("%+v, %v", first, err)
	}
	config := s.config
	config.Now = c.now
	beside, err := Pair(t.Context(), config, DefaultName)
	if err != nil || len(beside.Silent) > 0 || len(beside.via) != 1 {
		t.Errorf("%+v, %v", beside, err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	first.via = append(first.via, webid.Way{Relay: p.url, Send: strings.Repeat("B", 32)})
	if told := first.heard(soon, s.relays.client); len(told.Silent) != 1 || told.Silent[0] != p.url {
		t.Errorf("a way that leads nowhere: %q", told.Silent)
	}
}
