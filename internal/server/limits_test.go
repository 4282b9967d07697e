package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/webid"
)

// TestOneAskerTakesNotAllPlaces: who names slow servers waits for them alone.
func TestOneAskerTakesNotAllPlaces(t *testing.T) {
	var here atomic.Int64
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	var slow, all []string
	for range askingMost / 4 { // hosts, each of which takes fewer requests at a time than that
		site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { here.Add(1); <-release }))
		t.Cleanup(func() { free(); site.Close() })
		slow, all = append(slow, site.URL), append(all, site.Listener.Addr().String())
	}
	quick := newSite(t)
	quick.pages["/x"] = "<> a <x:y>."
	s, _ := host(t, append(all, quick.Listener.Addr().String())...)
	from := func(address string) context.Context { return context.WithValue(t.Context(), asker{}, address) }
	get := func(ctx context.Context, url string) error {
		_, err := documents{s}.Fresh(ctx, url, "text/turtle", time.Hour)
		return err
	}
	var waiting sync.WaitGroup
	for i := range askingMost {
		waiting.Go(func() { get(from("mallory"), fmt.Sprintf("%s/%d", slow[i%len(slow)], i)) })
	}
	for deadline := time.Now().Add(time.Minute); here.Load() < askingMost; {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests", here.Load())
		}
		time.Sleep(time.Millisecond)
	}
	if err := get(from("mallory"), quick.URL+"/x"); !errors.Is(err, webid.ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if err := errors.Join(get(from("ann"), quick.URL+"/x"), get(t.Context(), quick.URL+"/x")); err != nil {
		t.Errorf("others: %v", err)
	}
	free()
	waiting.Wait()
	if err := get(from("mallory"), quick.URL+"/x"); err != nil || len(s.asking.here) != 0 {
		t.Errorf("afterwards: %v, %v are left", err, s.asking.here)
	}
}

// TestRequestsSayWhoAsks, so that what they make this server fetch is counted.
func TestRequestsSayWhoAsks(t *testing.T) {
	s, _ := host(t)
	for range askingMost {
		if _, ok := s.mayAsk(context.WithValue(t.Context(), asker{}, "192.0.2.1")); !ok {
			t.Fatal("no place")
		}
	}
	key, err := webid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	now, iss := s.config.Now(), "https://issuer.example"
	token := tokenOf(t, key, "at+jwt", map[string]any{"iss": iss, "webid": iss + "/#me", "sub": iss + "/#me", "aud": "solid", "client_id": iss, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "cnf": map[string]string{"jkt": key.Public().Thumbprint()}})
	r := proven(t, s, key, http.MethodGet, "/me/x", token)
	r.Header.Set("Authorization", "DPoP "+token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestRefusalComesBeforeTheBody is for who waits with the body until it is asked for (RFC 9110 §10.1.1).
func TestRefusalComesBeforeTheBody(t *testing.T) {
	s := httptest.NewServer(withStallLimits(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })))
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(stallTime / 2))
	fmt.Fprintf(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, "401") {
		t.Errorf("%q, %v", line, err)
	}
}
