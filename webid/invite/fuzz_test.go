package invite

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"

	"kith/internal/fuzztest"
	"kith/webid"
)

// seeds returns the cases in a file of vectors.
func seeds(f *testing.F, file string) []map[string]any {
	f.Helper()
	text, err := os.ReadFile("../../conformance/vectors/" + file)
	if err != nil {
		f.Fatal(err)
	}
	var cases []map[string]any
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	if len(cases) == 0 {
		f.Fatalf("%s is empty", file)
	}
	return cases
}

func FuzzParseLink(f *testing.F) {
	for _, c := range seeds(f, "invite-links.json") {
		f.Add(c["link"].(string))
	}
	f.Fuzz(func(t *testing.T, link string) {
		fuzztest.Cheap(t, len(link), func() { ParseLink(link) })
		l, err := ParseLink(link)
		if err != nil {
			if !errors.Is(err, ErrLink) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := l.URL("https://host.example/")
		if err != nil {
			return // a way of a later kind was left out, or the base is longer
		}
		if got, err := ParseLink(again); err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%+v became %+v: %v", l, got, err)
		}
	})
}

// FuzzLinkBytes goes past the base64.
func FuzzLinkBytes(f *testing.F) {
	for _, c := range seeds(f, "invite-links.json") {
		if b, ok := fragment(c["link"].(string), "i"); ok {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		link := "#i=" + strict64.EncodeToString(b)
		fuzztest.Cheap(t, len(link), func() { ParseLink(link) })
		l, err := ParseLink(link)
		if err == nil && (len(l.Label) != 52 || l.Key.IsZero() || len(l.Secret) != 16 || len(l.ID) != 16 || len(l.Name) > 24 || len(l.Pods) > 3) {
			t.Errorf("link %+v", l)
		}
	})
}

func FuzzParsePairing(f *testing.F) {
	for _, c := range seeds(f, "pairing-links.json") {
		f.Add(c["link"].(string))
	}
	f.Fuzz(func(t *testing.T, link string) {
		fuzztest.Cheap(t, len(link), func() { ParsePairing(link) })
		p, err := ParsePairing(link)
		if err != nil {
			return
		}
		again, err := p.URL("https://host.example/")
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if got, err := ParsePairing(again); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%+v became %+v: %v", p, got, err)
		}
	})
}

// FuzzAcceptance lets no altered acceptance through.
func FuzzAcceptance(f *testing.F) {
	var i Invite
	sound := map[string]bool{}
	for _, c := range seeds(f, "acceptances.json") {
		body := decoded(f, c["body"])
		f.Add(body)
		if c["verdict"] == "success" {
			sound[string(body)] = true
			i.ID, i.Secret = decoded(f, c["id"]), decoded(f, c["secret"])
			if err := i.Key.UnmarshalText([]byte(c["ik"].(string))); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fuzztest.Cheap(t, len(body), func() { i.Open(body) })
		if a, err := i.Open(body); err == nil && !sound[string(body)] {
			t.Errorf("%x is %+v", body, a)
		}
	})
}

// FuzzIntroduction goes past the seal: who has the link can seal anything.
func FuzzIntroduction(f *testing.F) {
	for _, c := range seeds(f, "acceptances.json") {
		if c["verdict"] != "success" {
			continue
		}
		delete(c, "body")
		if c["name"] = c["person"]; c["ways"] == nil {
			c["name"], c["ways"] = "", []any{}
		}
		text, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"label":"","device_list":"x","keys":"x","ways":[{"pod":"https://a.example/","issuer":"https://a.example"}],"name":""}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		fuzztest.Cheap(t, len(plain), func() { introduction(plain, map[string]any{}) })
		in, err := introduction(plain, map[string]any{})
		if err != nil {
			var v webid.Verdict
			if !errors.As(err, &v) {
				t.Errorf("no verdict: %v", err)
			}
			return
		}
		if len(in.Ways) > maxWays || len(in.Name) > maxName || in.Lists.Devices.IsZero() || in.Lists.Keys.IsZero() {
			t.Errorf("introduction %+v", in)
		}
	})
}

func decoded(f *testing.F, text any) []byte {
	f.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text.(string))
	if err != nil {
		f.Fatal(err)
	}
	return b
}
