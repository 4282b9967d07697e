package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// open returns a Fetcher that may fetch from the addresses given.
func open(t testing.TB, allow ...string) *Fetcher {
	t.Helper()
	f, err := New(Config{Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// site is a server on loopback that counts what comes.
type site struct {
	*httptest.Server
	host     string
	requests atomic.Int64
}

func serve(t testing.TB, h http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(s.counted(h))
	s.host = s.Listener.Addr().String()
	t.Cleanup(s.Close)
	return s
}

func serveTLS(t testing.TB, h http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewTLSServer(s.counted(h))
	s.host = s.Listener.Addr().String()
	t.Cleanup(s.Close)
	return s
}

func (s *site) counted(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		h(w, r)
	}
}

func (s *site) trustedBy(f *Fetcher) {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	f.transport.TLSClientConfig = &tls.Config{RootCAs: pool}
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/turtle")
		io.WriteString(w, s)
	}
}

// listen accepts connections and counts them.
func listen(t *testing.T) (address string, seen *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen = &atomic.Int64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			seen.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), seen
}

func TestGet(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/card" || r.URL.RawQuery != "x=1" || r.Header.Get("Accept") != "text/turtle" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		text("<> a <x:y>.")(w, r)
	})
	f := open(t, s.host)
	d, err := f.Get(t.Context(), s.URL+"/card?x=1#me", "text/turtle")
	if err != nil || string(d.Body) != "<> a <x:y>." || d.Type != "text/turtle" || d.URL != s.URL+"/card?x=1" {
		t.Fatalf("%+v, %v", d, err)
	}
}

func TestPrivateAddressIsNotConnectedTo(t *testing.T) {
	address, seen := listen(t)
	_, port, _ := net.SplitHostPort(address)
	f := open(t)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"} {
		if _, err := f.Get(t.Context(), "https://"+host+":"+port+"/", "*/*"); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// TestNamesThatMeanPrivateAddresses asks a real DNS server that answers as an
// attacker's would.
func TestNamesThatMeanPrivateAddresses(t *testing.T) {
	address, seen := listen(t)
	_, port, _ := net.SplitHostPort(address)
	for name, answers := range map[string][]string{
		"loopback":          {"127.0.0.1"},
		"loopback of IPv6":  {"::1"},
		"mapped":            {"::ffff:127.0.0.1"},
		"several":           {"10.0.0.1", "127.0.0.1", "fe80::1", "::1"},
		"cloud metadata":    {"169.254.169.254"},
		"another each time": {"192.168.0.1", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			f.dialer.Resolver = resolver(t, answers)
			if _, err := f.Get(t.Context(), "https://evil.example:"+port+"/", "*/*"); !errors.Is(err, ErrRefused) {
				t.Errorf("%v", err)
			}
		})
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// resolver returns one that asks a DNS server on loopback, which gives these
// addresses for every name.
func resolver(t *testing.T, answers []string) *net.Resolver {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1024)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := reply(buf[:n], answers); err == nil {
				c.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", c.LocalAddr().String())
	}}
}

func reply(query []byte, answers []string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	for _, a := range answers {
		head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
		at := netip.MustParseAddr(a)
		if at.Is4() && q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: at.As4()}})
		}
		if at.Is6() && q.Type == dnsmessage.TypeAAAA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: at.As16()}})
		}
	}
	return m.Pack()
}

func TestRedirects(t *testing.T) {
	closed, seen := listen(t)
	var plain *site
	plain = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/1":
			http.Redirect(w, r, "/2", http.StatusFound)
		case "/2":
			http.Redirect(w, r, plain.URL+"/3#there", http.StatusPermanentRedirect)
		case "/3":
			http.Redirect(w, r, "end", http.StatusSeeOther)
		case "/0":
			http.Redirect(w, r, "/1", http.StatusMovedPermanently)
		case "/end":
			text(r.Header.Get("Referer")+r.Header.Get("Cookie"))(w, r)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		case "/to":
			w.Header().Set("Location", r.URL.Query().Get("l"))
			w.WriteHeader(http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		}
	})
	f := open(t, plain.host)
	if d, err := f.Get(t.Context(), plain.URL+"/1", "*/*"); err != nil || d.URL != plain.URL+"/end" || len(d.Body) != 0 {
		t.Errorf("three redirects: %+v, %v", d, err)
	}
	before := plain.requests.Load()
	for path, want := range map[string]error{
		"/0": ErrFailed, "/loop": ErrFailed, "/nowhere": ErrFailed,
		"/to?l=" + url.QueryEscape("https://"+closed+"/"):        ErrRefused,
		"/to?l=" + url.QueryEscape("http://"+closed+"/"):         ErrRefused,
		"/to?l=" + url.QueryEscape("//169.254.169.254/latest"):   ErrRefused,
		"/to?l=" + url.QueryEscape("http://a.example/"):          ErrRefused,
		"/to?l=" + url.QueryEscape("file:///etc/passwd"):         ErrRefused,
		"/to?l=" + url.QueryEscape("http://x:y@"+plain.host+"/"): ErrRefused,
	} {
		if _, err := f.Get(t.Context(), plain.URL+path, "*/*"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if n := plain.requests.Load() - before; n != 4+4+1+6 {
		t.Errorf("%d requests", n)
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("%d connections to a private address", n)
	}
}

func TestRedirectAwayFromHTTPS(t *testing.T) {
	plain := serve(t, text("plain"))
	secure := serveTLS(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, http.StatusFound) })
	f := open(t, plain.host, secure.host)
	secure.trustedBy(f)
	if _, err := f.Get(t.Context(), secure.URL, "*/*"); !errors.Is(err, ErrRefused) || plain.requests.Load() != 0 {
		t.Errorf("%v; %d requests", err, plain.requests.Load())
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	s := serveTLS(t, text("x"))
	f := open(t, s.host)
	if _, err := f.Get(t.Context(), s.URL, "*/*"); !errors.Is(err, ErrFailed) || s.requests.Load() != 0 {
		t.Errorf("%v", err)
	}
	f = open(t, s.host)
	s.trustedBy(f)
	if _, err := f.Get(t.Context(), s.URL, "*/*"); err != nil {
		t.Error(err)
	}
}

func TestBodies(t *testing.T) {
	endless := func(w http.ResponseWriter) {
		block := bytes.Repeat([]byte("a"), 4<<10)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/full":
			w.Write(make([]byte, maxBody))
		case "/over":
			w.Write(make([]byte, maxBody+1))
		case "/endless":
			endless(w)
		case "/slow":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/silent":
			<-r.Context().Done()
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 50<<20))
			z.Close()
		case "/broken":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "short")
		case "/headers":
			for i := range 100 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 1000))
			}
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/partial":
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "x")
		case "/error":
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	f := open(t, s.host)
	f.patience = 300 * time.Millisecond
	for path, want := range map[string]error{
		"/full": nil, "/over": ErrTooLarge, "/endless": ErrTooLarge, "/slow": ErrFailed, "/silent": ErrFailed, "/bomb": ErrFailed,
		"/broken": ErrFailed, "/headers": ErrFailed, "/none": ErrFailed, "/partial": ErrFailed, "/error": ErrFailed,
	} {
		start := time.Now()
		d, err := f.Get(t.Context(), s.URL+path, "*/*")
		if !errors.Is(err, want) || err == nil && len(d.Body) != maxBody {
			t.Errorf("%s: %d bytes, %v; want %v", path, len(d.Body), err, want)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s took %v", path, took)
		}
	}
}

func TestRequestSaysNothingOfThisServer(t *testing.T) {
	proxy, used := listen(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://"+proxy)
	}
	var got http.Header
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1"})
	})
	f := open(t, s.host)
	for _, path := range []string{"/1", "/2"} {
		if _, err := f.Get(t.Context(), s.URL+path, "text/turtle"); err != nil {
			t.Fatal(err)
		}
	}
	want := http.Header{"Accept": {"text/turtle"}, "User-Agent": {"kith"}, "Accept-Encoding": {"identity"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if used.Load() != 0 {
		t.Error("a proxy of the environment was used")
	}
}

func TestOneRequestForManyWhoAsk(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { <-release; text("x")(w, r) })
	f := open(t, s.host)
	const many = 20
	var all sync.WaitGroup
	var failed atomic.Int64
	for range many {
		all.Go(func() {
			if _, err := f.Get(t.Context(), s.URL+"/same", "*/*"); err != nil {
				failed.Add(1)
			}
		})
	}
	close(release)
	all.Wait()
	if n := s.requests.Load(); n != 1 || failed.Load() != 0 {
		t.Errorf("%d requests, %d failed", n, failed.Load())
	}
}

func TestWhoGivesUpDoesNotEndTheRequestOfOthers(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { close(started); <-release; text("x")(w, r) })
	f := open(t, s.host)
	var first, second error
	var both sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	both.Go(func() { _, first = f.Get(ctx, s.URL, "*/*") })
	<-started
	both.Go(func() { _, second = f.Get(t.Context(), s.URL, "*/*") })
	cancel()
	close(release)
	both.Wait()
	if second != nil || s.requests.Load() != 1 {
		t.Errorf("first %v, second %v, %d requests", first, second, s.requests.Load())
	}
}

func TestRequestsToOneHostAreBounded(t *testing.T) {
	var here, most atomic.Int64
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		now := here.Add(1)
		defer here.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		<-release
	})
	f := open(t, s.host)
	var all sync.WaitGroup
	for i := range 3 * maxEach {
		all.Go(func() { f.Get(t.Context(), fmt.Sprintf("%s/%d", s.URL, i), "*/*") })
	}
	for deadline := time.Now().Add(time.Minute); here.Load() < maxEach; {
		if time.Now().After(deadline) {
			t.Fatal("the requests do not come")
		}
		time.Sleep(time.Millisecond)
	}
	close(release)
	all.Wait()
	if most.Load() != maxEach || s.requests.Load() != 3*maxEach {
		t.Errorf("%d at once, %d in all", most.Load(), s.requests.Load())
	}
	f.hosts.mu.Lock()
	defer f.hosts.mu.Unlock()
	if len(f.hosts.each) != 0 || len(f.hosts.all) != 0 {
		t.Errorf("%d hosts and %d requests are left over", len(f.hosts.each), len(f.hosts.all))
	}
}

func TestTooManyWaitForOneHost(t *testing.T) {
	h := newHosts()
	for range maxEach {
		if _, err := h.enter(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.enter(gone, "a"); !errors.Is(err, ErrFailed) {
		t.Errorf("who may not wait: %v", err)
	}
	h.each["a"].here = maxWait
	if _, err := h.enter(t.Context(), "a"); !errors.Is(err, ErrFailed) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := h.enter(t.Context(), "b"); err != nil {
		t.Errorf("another host: %v", err)
	}
}
