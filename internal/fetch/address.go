package fetch

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

const maxURL = 2048 // bytes

// reserved are the blocks of global unicast space that do not lead to the public
// internet, or lead elsewhere than they say.
// (IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6890)
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23",     // IETF protocols, Teredo among them
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4: an IPv4 address inside
	"3fff::/20",     // documentation
)

// global6 is all IPv6 space that is given out. Loopback, unspecified, link-local,
// unique local, multicast, mapped IPv4 and NAT64 lie outside.
var global6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// public reports whether a is an address on the public internet.
func public(a netip.Addr) bool {
	if a.Zone() != "" || a.Is6() && !global6.Contains(a) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

// control refuses a connection to an address that is not public. The dialer
// calls it with the address that it is about to connect to, so that a name
// cannot mean one address when it is checked and another when it is used.
func control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr()) {
		return fmt.Errorf("%w: not a public address", ErrRefused)
	}
	return nil
}

// check returns the URL that text may be fetched from, without its fragment.
func (f *Fetcher) check(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fmt.Errorf("%w: too long", ErrRefused)
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrRefused)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, f.checkURL(u)
}

func (f *Fetcher) checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return fmt.Errorf("%w: not https", ErrRefused)
	case u.User != nil:
		return fmt.Errorf("%w: credentials in the URL", ErrRefused)
	case !plainHost(u.Hostname()):
		return fmt.Errorf("%w: not a host", ErrRefused)
	case f.allow[hostPort(u)]:
		return nil
	case u.Scheme != "https":
		return fmt.Errorf("%w: not https", ErrRefused)
	case !goodPort(u.Port()):
		return fmt.Errorf("%w: not a port for https", ErrRefused)
	}
	return nil
}

// plainHost reports whether h is written as DNS names and addresses are: an
// international name must come as it is asked for, since two spellings that look
// alike are two hosts.
func plainHost(h string) bool {
	return h != "" && len(h) <= 253 && !strings.ContainsFunc(h, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._:", r)
	})
}

// goodPort keeps TLS greetings away from the mail, shell and file servers below 1024.
func goodPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && (n == 443 || n >= 1024)
}

// hostPort returns what u connects to: its host in lower case and its port.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
