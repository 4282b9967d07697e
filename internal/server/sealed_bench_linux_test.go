package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/webid"
)

// BenchmarkFriendsGET is a friend's GET of a post of 2 KB as the whole server
// answers it: with a token and a proof, and in an envelope. What the friend does
// beforehand does not count.
func BenchmarkFriendsGET(b *testing.B) {
	c := newClock()
	f := newFriends(b, c, newPost(b, c))
	f.share("2026-11-22-a", `{"content":"`+strings.Repeat("x", 2<<10)+`"}`, true)
	const turns = 400
	for b.Loop() {
		plain, sealed := f.plainGETs(b, turns), f.sealedGETs(b, turns)
		var spent [2][]time.Duration
		for i := range turns { // in turns, so that what else the machine does meets both
			for side, r := range []*http.Request{plain[i], sealed[i]} {
				r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:443", i/200, i%200) // one address may not ask so much
				w := httptest.NewRecorder()
				before := cpu(b)
				f.ServeHTTP(w, r)
				spent[side] = append(spent[side], cpu(b)-before)
				if w.Code != http.StatusOK || w.Body.Len() < 2<<10 {
					b.Fatalf("answered %d: %s", w.Code, w.Body)
				}
			}
		}
		p, s := middle(spent[0]), middle(spent[1])
		b.ReportMetric(p, "plain-cpu-µs")
		b.ReportMetric(s, "sealed-cpu-µs")
		b.ReportMetric(s/p, "ratio")
	}
}

// middle returns the median in microseconds.
func middle(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Nanoseconds()) / 1000
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// plainGETs returns requests of Ben's, each with a proof of its own.
func (f *befriended) plainGETs(b *testing.B, n int) []*http.Request {
	b.Helper()
	base, now, key := f.config.URL, f.clock.now(), f.ben.signing
	issuer := f.config.Issuer()
	assertion, err := key.Assertion(issuer, now)
	if err != nil {
		b.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "resource": {f.me().url},
		"subject_token": {assertion}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
	}
	r := httptest.NewRequest("POST", base+"token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	prove(b, key, r, "", now)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	var given struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &given); err != nil || w.Code != http.StatusOK {
		b.Fatalf("no token: %d %s", w.Code, w.Body)
	}
	var all []*http.Request
	for range n {
		r := httptest.NewRequest("GET", f.me().url+postOne[1:], nil)
		r.Header.Set("Authorization", "DPoP "+given.Token)
		prove(b, key, r, given.Token, now)
		all = append(all, r)
	}
	return all
}

func prove(b *testing.B, key webid.PrivateKey, r *http.Request, token string, now time.Time) {
	b.Helper()
	proof, err := key.Proof(r.Method, r.URL.String(), token, "", now)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("DPoP", proof)
}

// sealedGETs returns the same requests as envelopes.
func (f *befriended) sealedGETs(b *testing.B, n int) []*http.Request {
	b.Helper()
	var all []*http.Request
	for range n {
		message, _, err := f.ana.Seal(f.ana.request(b.Context(), "GET", postOne, ""))
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, httptest.NewRequest("POST", f.me().url+".sealed", bytes.NewReader(message)))
	}
	return all
}
