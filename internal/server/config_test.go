package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	cases := []struct {
		name   string
		toml   string // what kith.toml says before
		flags  Config
		url    string
		listen string
		refuse string // part of the error
	}{
		{name: "nothing said", url: "http://localhost:8420/", listen: DefaultListen},
		{name: "a port of its own", flags: Config{Listen: "127.0.0.1:9000"}, url: "http://localhost:9000/", listen: "127.0.0.1:9000"},
		{name: "every address of the machine", flags: Config{Listen: ":9000"}, url: "http://localhost:9000/", listen: ":9000"},
		{name: "a domain", flags: Config{Domain: "pod.example.org"}, url: "https://pod.example.org/", listen: ":443"},
		{name: "the url without its last slash", flags: Config{URL: "https://pod.example.org"}, url: "https://pod.example.org/", listen: DefaultListen},
		{name: "the url with the port of its scheme", flags: Config{URL: "https://POD.example.org:443/"}, url: "https://pod.example.org/", listen: DefaultListen},
		{name: "what kith.toml says", toml: "url = \"https://a.example/\"\nlisten = \"127.0.0.1:1\"", url: "https://a.example/", listen: "127.0.0.1:1"},
		{name: "a flag above kith.toml", toml: "listen = \"127.0.0.1:1\"", flags: Config{Listen: "127.0.0.1:2"}, url: "http://localhost:2/", listen: "127.0.0.1:2"},
		{name: "the recorded url again", toml: `url = "https://a.example/"`, flags: Config{URL: "https://a.example"}, url: "https://a.example/", listen: DefaultListen},
		{name: "another url than the recorded one", toml: `url = "https://a.example/"`, flags: Config{URL: "https://b.example/"}, refuse: "--url https://a.example/"},
		{name: "a url with a path", flags: Config{URL: "https://a.example/pods/"}, refuse: "must end after the host"},
		{name: "a url without a scheme", flags: Config{URL: "a.example"}, url: "https://a.example/", listen: DefaultListen},
		{name: "a url of another scheme", flags: Config{URL: "ftp://a.example"}, refuse: "no web address"},
		{name: "a certificate without its key", flags: Config{Cert: "c.pem"}, refuse: "belong together"},
		{name: "a domain behind a proxy", flags: Config{Domain: "a.example", BehindProxy: true}, refuse: "leave out"},
		{name: "an address without a port", flags: Config{Listen: "localhost"}, refuse: "host:port"},
		{name: "addresses to fetch from", toml: `fetch = ["localhost:3000"]`, url: "http://localhost:8420/", listen: DefaultListen},
		{name: "an address to fetch from that is a URL", toml: `fetch = ["http://localhost:3000"]`, refuse: "--fetch"},
		{name: "an address to fetch from without a port", flags: Config{Fetch: []string{"localhost"}}, refuse: "--fetch"},
		{name: "a setting that is none", toml: "colour = 1", refuse: "no setting"},
		{name: "a kith.toml that is no TOML", toml: "url =", refuse: "kith.toml"},
		{name: "a port that is chosen at the start", flags: Config{Listen: "127.0.0.1:0"}, refuse: "--url"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.flags.Data = t.TempDir()
			if c.toml != "" {
				if err := os.WriteFile(filepath.Join(c.flags.Data, configName), []byte(c.toml), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := c.flags.Complete()
			if c.refuse != "" {
				if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.refuse) {
					t.Fatalf("error %v, want one that says %q", err, c.refuse)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.URL != c.url || got.Listen != c.listen {
				t.Fatalf("url %s, listen %s; want %s, %s", got.URL, got.Listen, c.url, c.listen)
			}
			again, err := Config{Data: c.flags.Data}.Complete()
			if err != nil || again.URL != c.url {
				t.Fatalf("the next start has url %s, error %v; want %s", again.URL, err, c.url)
			}
		})
	}
}

// TestABusyPortIsNotRecorded: whoever listens elsewhere the second time is also reached there.
func TestABusyPortIsNotRecorded(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	data := t.TempDir()
	c, err := Config{Data: data, Listen: busy.Addr().String()}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), c); err == nil {
		t.Error("it listens where another does", s.Close())
	}
	c, err = Config{Data: data, Listen: "127.0.0.1:9000"}.Complete()
	if err != nil || c.URL != "http://localhost:9000/" {
		t.Errorf("%s, %v", c.URL, err)
	}
	if c, err = (Config{Data: data, Listen: "127.0.0.1:9001"}).Complete(); err != nil || c.URL != "http://localhost:9000/" {
		t.Errorf("what was recorded and stands: %s, %v", c.URL, err)
	}
}

func TestPhonesAndWarnings(t *testing.T) {
	cases := []struct {
		url   string
		phone bool // a phone can use it
		warn  bool // no browser keeps keys there
	}{
		{"http://localhost:8420/", false, false},
		{"http://127.0.0.1:8420/", false, false},
		{"http://192.168.1.5:8420/", false, true},
		{"http://pod.example.org/", false, true},
		{"https://pod.example.org/", true, false},
		{"https://localhost/", false, false},
	}
	for _, c := range cases {
		cfg := Config{URL: c.url}
		if cfg.forPhones() != c.phone || (cfg.Unreachable() != "") != c.warn {
			t.Errorf("%s: phone %v, warning %q", c.url, cfg.forPhones(), cfg.Unreachable())
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"a", "me", "alice", "a-b", "0", "con-1", "com", strings.Repeat("a", 32)} {
		if err := checkName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", "a-", "A", "a b", "a/b", "..", ".well-known", "token", "ä", "a_b", strings.Repeat("a", 33), "con", "nul", "aux", "prn", "com1", "lpt9"} {
		if err := checkName(bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v, want ErrName", bad, err)
		}
	}
}

func TestTheUsualFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	for said, want := range map[string]string{"": filepath.Join(home, "kith"), filepath.Join(home, "pods"): filepath.Join(home, "pods")} {
		t.Setenv("KITH_DATA", said)
		if got, err := DefaultData(); err != nil || got != want {
			t.Errorf("KITH_DATA=%q: %q %v, want %q", said, got, err, want)
		}
	}
}
