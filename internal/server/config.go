package server

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Defaults of a pod at home.
const (
	DefaultListen = "127.0.0.1:8420"
	DefaultName   = "me"
	configName    = "kith.toml"
)

// ErrConfig marks a configuration that cannot work; the message says what to change.
var ErrConfig = errors.New("these settings cannot work")

// Config says where a server keeps its folder and how the world reaches it. The toml names are those
// of the flags of `kith serve`; what a flag does not say comes from DIR/kith.toml.
type Config struct {
	Data        string `toml:"-"`                      // DIR, the folder that holds everything
	URL         string `toml:"url,omitempty"`          // BASE as people reach it; the issuer is BASE without its last slash
	Listen      string `toml:"listen,omitempty"`       // host:port
	Domain      string `toml:"domain,omitempty"`       // a public name: certificates by ACME
	Cert        string `toml:"cert,omitempty"`         // PEM files, both or none
	Key         string `toml:"key,omitempty"`          //
	BehindProxy bool   `toml:"behind-proxy,omitempty"` // TLS ends at a proxy in front; X-Forwarded-For is believed

	// Fetch are addresses, host:port, that documents may be fetched from although they are private or
	// speak no TLS: profiles and issuers of friends on the same machine or in the same house.
	Fetch []string `toml:"fetch,omitempty"`

	// Reach are the relays by which the pods of this folder are reached without a public address.
	Reach []string `toml:"reach,omitempty"`
	// Relay serves a relay for others at the same origin, and Queues says who may make queues there:
	// "open", "work" or "invite"; "" is "work".
	Relay  bool   `toml:"relay,omitempty"`
	Queues string `toml:"queues,omitempty"`

	// Onion publishes the server as an onion service, by the Tor whose control port is at OnionControl.
	Onion        bool   `toml:"onion,omitempty"`
	OnionControl string `toml:"onion-control,omitempty"` // host:port or unix:PATH; "" is defaultOnionControl

	// Log is the file into which `kith serve` writes what happens; "" is its standard error.
	Log string `toml:"log,omitempty"`

	Now func() time.Time `toml:"-"` // the clock; time.Now when nil

	first bool  // the url was written into DIR by this call of Complete
	quota int64 // acl.Config.Quota of every pod
	quiet bool  // of the command line: pods are opened when they are asked for, answer nobody and do nothing by themselves
}

// DefaultData returns the folder that is used when none is named: the one that KITH_DATA in the environment says, which
// the container image sets, else `kith` in the home folder.
func DefaultData() (string, error) {
	if dir := os.Getenv("KITH_DATA"); dir != "" {
		return filepath.Abs(dir)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w: no home folder is known; name one with --data DIR", ErrConfig)
	}
	return filepath.Join(home, "kith"), nil
}

// Complete fills what c leaves open from DIR/kith.toml and then from the defaults, checks it, and
// writes the URL to kith.toml when this is the first time one is known. A URL that differs from the
// recorded one is refused: WebIDs and tokens contain it (architecture §6).
func (c Config) Complete() (Config, error) {
	c, recorded, err := c.complete()
	if err != nil {
		return Config{}, err
	}
	if recorded.URL == "" {
		recorded.URL = c.URL
		if err := writeConfig(c.Data, recorded); err != nil {
			return Config{}, err
		}
		c.first = true
	}
	return c, nil
}

// Valid returns why these settings cannot work, with those of DIR/kith.toml, and writes nothing. Errors: ErrConfig.
func (c Config) Valid() error {
	_, _, err := c.complete()
	return err
}

// complete is Complete without a write. recorded is what kith.toml says.
func (c Config) complete() (full, recorded Config, err error) {
	recorded, err = readConfig(c.Data)
	if err != nil {
		return Config{}, recorded, err
	}
	asked := c.URL
	c = c.merge(recorded)
	if c.URL == "" {
		c.URL = c.guessURL()
	}
	if c.URL == "" {
		return Config{}, recorded, fmt.Errorf("%w: --listen %q tells no address by which to reach the pod; write host:port with a port of your choice, or give --url BASE", ErrConfig, c.Listen)
	}
	if c.URL, err = canonicalBase(c.URL); err != nil {
		return Config{}, recorded, err
	}
	if err := c.check(asked, recorded.URL); err != nil {
		return Config{}, recorded, err
	}
	if err := errors.Join(c.checkRelays(), c.checkOnion()); err != nil {
		return Config{}, recorded, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, recorded, nil
}

// unrecord takes back the url that Complete wrote, if nothing was served by it: the next start may have another.
func (c Config) unrecord() error {
	if !c.first {
		return nil
	}
	recorded, err := readConfig(c.Data)
	if err != nil {
		return err
	}
	recorded.URL = ""
	return writeConfig(c.Data, recorded)
}

// Issuer returns BASE without its last slash, the byte-exact issuer of every token.
func (c Config) Issuer() string { return strings.TrimSuffix(c.URL, "/") }

// PodURL returns the URL of the pod called name, with a trailing slash. It is also its realm.
func (c Config) PodURL(name string) string { return c.URL + name + "/" }

// Record writes to DIR/kith.toml what c says, so that it holds for each later start; what c does not say stays as it is.
// It reports whether that changed anything. Errors: ErrConfig.
func (c Config) Record() (changed bool, err error) {
	for _, file := range []*string{&c.Cert, &c.Key, &c.Log} {
		if *file == "" {
			continue
		}
		if *file, err = filepath.Abs(*file); err != nil {
			return false, err
		}
	}
	recorded, err := readConfig(c.Data)
	if err != nil {
		return false, err
	}
	said := c.over(recorded)
	said.Data = ""
	if reflect.DeepEqual(said, recorded) {
		return false, nil
	}
	full, err := c.Complete() // which checks it
	if err != nil {
		return false, err
	}
	said.URL = full.URL
	return true, writeConfig(c.Data, said)
}

// over returns c, with what r says where c says nothing.
func (c Config) over(r Config) Config {
	c.URL = or(c.URL, r.URL)
	c.Domain = or(c.Domain, r.Domain)
	c.Cert = or(c.Cert, r.Cert)
	c.Key = or(c.Key, r.Key)
	c.BehindProxy = c.BehindProxy || r.BehindProxy
	if len(c.Fetch) == 0 {
		c.Fetch = r.Fetch
	}
	if len(c.Reach) == 0 {
		c.Reach = r.Reach
	}
	c.Relay = c.Relay || r.Relay
	c.Queues = or(c.Queues, r.Queues)
	c.Onion = c.Onion || r.Onion
	c.OnionControl = or(c.OnionControl, r.OnionControl)
	c.Log = or(c.Log, r.Log)
	c.Listen = or(c.Listen, r.Listen)
	return c
}

// merge is over, with the defaults where neither says anything.
func (c Config) merge(r Config) Config {
	c = c.over(r)
	c.Queues = or(c.Queues, "work")
	c.OnionControl = or(c.OnionControl, defaultOnionControl)
	listen := DefaultListen
	if c.Domain != "" {
		listen = ":443"
	}
	c.Listen = or(c.Listen, listen)
	return c
}

func (c Config) guessURL() string {
	if c.Domain != "" {
		return "https://" + c.Domain + "/"
	}
	scheme := "http"
	if c.Cert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "0" {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/"
}

func (c Config) check(asked, recorded string) error {
	if recorded != "" && asked != "" {
		if a, err := canonicalBase(asked); err != nil || a != recorded {
			return fmt.Errorf("%w: this folder was made for %s and friends know it by that address; start it with --url %s, or move it on purpose by changing url in %s",
				ErrConfig, recorded, recorded, filepath.Join(c.Data, configName))
		}
	}
	if (c.Cert == "") != (c.Key == "") {
		return fmt.Errorf("%w: --cert and --key belong together; give both PEM files", ErrConfig)
	}
	if c.Domain != "" && (c.Cert != "" || c.BehindProxy) {
		return fmt.Errorf("%w: --domain gets its own certificates; leave out --cert, --key and --behind-proxy", ErrConfig)
	}
	if c.Domain != "" && !domainPattern.MatchString(c.Domain) {
		return fmt.Errorf("%w: --domain %q is no name on the internet; write for example pod.example.org", ErrConfig, c.Domain)
	}
	for _, address := range c.Fetch {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return fmt.Errorf("%w: --fetch %q is not host:port; write for example localhost:3000", ErrConfig, address)
		}
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("%w: --listen %q is not an address; write host:port, for example %s", ErrConfig, c.Listen, DefaultListen)
	}
	return nil
}

// domainPattern are the names for which there are certificates: letters, digits and hyphens between dots.
var domainPattern = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+(?i:[a-z0-9][a-z0-9-]*[a-z0-9])$`)

// checkRelays checks what is said of relays, and spells the addresses as everybody does.
func (c *Config) checkRelays() error {
	var reach []string
	for _, said := range c.Reach {
		relay, err := canonicalRelay(said)
		if err != nil {
			return err
		}
		if !slices.Contains(reach, relay) {
			reach = append(reach, relay)
		}
	}
	if len(reach) > maxRelays {
		return fmt.Errorf("%w: --reach names %d relays; %d are the most", ErrConfig, len(reach), maxRelays)
	}
	if !slices.Contains([]string{"open", "work", "invite"}, c.Queues) {
		return fmt.Errorf("%w: --queues %q is none of open, work and invite", ErrConfig, c.Queues)
	}
	c.Reach = reach
	return nil
}

// hidden reports whether the pods have no address that others could use, and are reached by relays alone.
func (c Config) hidden() bool { return len(c.Reach) > 0 && !c.forPhones() }

// canonicalBase checks and normalises BASE: an absolute http or https URL, no path of its own but
// "/", no query, no fragment, lower-case host, no default port.
func canonicalBase(s string) (string, error) {
	u, err := url.Parse(withScheme(s))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%w: --url %q is no web address; write for example https://pod.example.org/", ErrConfig, s)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("%w: --url %q must end after the host: people's pods come below it", ErrConfig, s)
	}
	host := strings.ToLower(u.Host)
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+u.Port())
	}
	return u.Scheme + "://" + host + "/", nil
}

func readConfig(dir string) (Config, error) {
	var c Config
	name := filepath.Join(dir, configName)
	meta, err := toml.DecodeFile(name, &c)
	if errors.Is(err, os.ErrNotExist) {
		return Config{}, nil
	}
	if errors.Is(err, os.ErrPermission) {
		return Config{}, fmt.Errorf("read the settings: %w; say it as the account to which the folder belongs", err)
	}
	if err != nil {
		return Config{}, fmt.Errorf("%w: read %s: %v", ErrConfig, name, err)
	}
	if u := meta.Undecoded(); len(u) > 0 {
		return Config{}, fmt.Errorf("%w: %s says %q, which is no setting; there are url, listen, domain, cert, key, behind-proxy, fetch, reach, relay, queues, onion, onion-control and log", ErrConfig, name, u[0].String())
	}
	return c, nil
}

func writeConfig(dir string, c Config) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder %s: %w", dir, err)
	}
	text, err := toml.Marshal(c)
	if err != nil {
		return fmt.Errorf("write %s: %w", configName, err)
	}
	head := "# Settings of `kith serve`, by the names of its flags. The url is part of every WebID: change it only when the pod moves.\n"
	if err := os.WriteFile(filepath.Join(dir, configName), append([]byte(head), text...), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", configName, err)
	}
	return nil
}

func or(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// forPhones reports whether a phone can use the server's address: a secure context that is not only
// this machine (architecture §6a).
func (c Config) forPhones() bool { return forPhones(c.URL) }

func forPhones(base string) bool {
	u, err := url.Parse(base)
	return err == nil && u.Scheme == "https" && !isLocal(u.Hostname())
}

// appFor returns where a link opens the app: at this server where a phone can use it, else at a relay that serves the
// app, where the pod is reached by relays.
func (c Config) appFor(relays []string, reached bool) string {
	if c.forPhones() || !reached || len(relays) == 0 {
		return c.URL
	}
	return relays[0]
}

// Unreachable returns a warning when browsers would refuse to keep keys at the server's address: a
// plain http address is a secure context only on the machine itself.
func (c Config) Unreachable() string {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme == "https" || isLocal(u.Hostname()) || c.hidden() || strings.HasSuffix(u.Hostname(), ".onion") {
		return "" // Tor Browser keeps keys for onion services
	}
	return "Browsers keep no keys at " + c.URL + " because it is not https. Use --domain NAME, --cert and --key, a proxy with --behind-proxy and an https --url, or --reach."
}

// withScheme completes an address that a person wrote without its scheme: https, and http on this machine.
func withScheme(s string) string {
	if s == "" || strings.Contains(s, "://") {
		return s
	}
	if u, err := url.Parse("http://" + s); err == nil && isLocal(u.Hostname()) {
		return "http://" + s
	}
	return "https://" + s
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
