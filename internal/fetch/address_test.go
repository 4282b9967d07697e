package fetch

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"kith/internal/fuzztest"
)

func TestAddressesThatAreNotPublic(t *testing.T) {
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
		"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::1",
		"2001:20::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1",
		"fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1%eth0",
	} {
		if at := netip.MustParseAddr(a); public(at) {
			t.Errorf("%s is taken for public", a)
		}
		if err := control("tcp", netip.AddrPortFrom(netip.MustParseAddr(a), 443).String(), nil); !errors.Is(err, ErrRefused) {
			t.Errorf("a connection to %s: %v", a, err)
		}
	}
	for _, bad := range []string{"", "localhost:443", "1.2.3.4", "[::1"} {
		if err := control("tcp", bad, nil); !errors.Is(err, ErrRefused) {
			t.Errorf("a connection to %q: %v", bad, err)
		}
	}
}

func TestAddressesThatArePublic(t *testing.T) {
	for _, a := range []string{"1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1", "2001:4860::8888", "2003::1"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is refused", a)
		}
		if err := control("tcp", netip.AddrPortFrom(netip.MustParseAddr(a), 443).String(), nil); err != nil {
			t.Errorf("a connection to %s: %v", a, err)
		}
	}
}

func TestURLs(t *testing.T) {
	f := open(t, "localhost:3000", "[::1]:4000")
	for _, u := range []string{
		"https://a.example", "https://a.example/x?y#z", "https://A.example:443/", "https://a.example:8443/", "https://a.example:/",
		"https://xn--bcher-kva.example/", "https://1.1.1.1/", "https://[2606:4700::1]/",
		"http://localhost:3000/", "https://localhost:3000/", "http://LOCALHOST:3000/", "http://[::1]:4000/",
	} {
		if at, err := f.check(u); err != nil || at.Fragment != "" || strings.Contains(at.String(), "#") {
			t.Errorf("%s is refused: %v", u, err)
		}
	}
	for _, u := range []string{
		"", "x", "/x", "//a.example/", "http://a.example/", "ftp://a.example/", "file:///etc/passwd", "data:text/plain,x", "javascript:1",
		"https:a.example", "https://", "https:///x", "https://:443/", "https://a.example:22/", "https://a.example:25/", "https://a.example:80/", "https://a.example:99999/",
		"https://alice@a.example/", "https://alice:secret@a.example/", "https://@a.example/", "https://bücher.example/", "https://a.example%00/",
		"https://[fe80::1%25eth0]/", "https://a b.example/", "https://a_b/\x00", "https://" + strings.Repeat("a", 300) + ".example/",
		"https://a.example/" + strings.Repeat("a", maxURL), "http://localhost:3001/", "http://localhost/", "http://evil.localhost:3000/", "http://x@localhost:3000/",
	} {
		if _, err := f.check(u); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestAllowListIsRead(t *testing.T) {
	for _, entry := range []string{"", "localhost", ":80", "localhost:", "a@b:80", "http://localhost:80"} {
		if _, err := New(Config{Allow: []string{entry}}); err == nil {
			t.Errorf("%q is taken", entry)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, u := range []string{"https://a.example/x#y", "https://1:2@a", "https://[::ffff:127.0.0.1]:443/", "https://a.example:0443"} {
		f.Add(u)
	}
	guard, err := New(Config{Allow: []string{"localhost:3000"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Cheap(t, len(text), func() { guard.check(text) })
		u, err := guard.check(text)
		if err != nil {
			return
		}
		again, err := guard.check(u.String())
		if err != nil || again.Host != u.Host {
			t.Errorf("%q is %s and then %v: %v", text, u, again, err)
		}
		if u.User != nil || u.Scheme != "https" && hostPort(u) != "localhost:3000" {
			t.Errorf("%q goes to %s", text, u)
		}
	})
}
