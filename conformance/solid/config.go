package solid

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
)

// Config is a server to test, and who asks it.
type Config struct {
	URL   string      `json:"url"`   // container in which Alice may do everything; ends with a slash
	Alice Credentials `json:"alice"` // controls URL, and owns its storage
	Bob   Credentials `json:"bob"`   // anybody else whom the server can authenticate

	// Address is the host:port to dial in place of the host of URL; empty for the host itself.
	Address string `json:"address,omitempty"`
	// Elsewhere listens where the server under test can reach it; nil leaves out what needs that.
	Elsewhere net.Listener `json:"-"`
	// Reach is the URL, with a slash, by which the server reaches Elsewhere; empty for http://localhost:PORT/.
	Reach string `json:"-"`
	// Only keeps the cases whose id contains it; empty keeps all.
	Only string `json:"-"`
	// Sample keeps only every nth situation of the permission table; 0 and 1 keep all.
	Sample int `json:"-"`
	// Keep leaves what the run has written.
	Keep bool `json:"-"`
}

// Credentials are what a script signs in with (Solid-OIDC client credentials), and whose they are.
type Credentials struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	WebID  string `json:"webid"`
	Issuer string `json:"issuer"` // byte for byte as the issuer writes itself
}

// ReadConfig reads a Config from JSON with the members url, alice, bob and address. A url given by the
// caller wins over the one in the file.
func ReadConfig(r io.Reader, url string) (Config, error) {
	var c Config
	d := json.NewDecoder(io.LimitReader(r, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("read credentials: %w; the file is {\"alice\": {...}, \"bob\": {...}}, see -help", err)
	}
	if url != "" {
		c.URL = url
	}
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("read credentials: %w", err)
	}
	return c, nil
}

// errConfig says that a Config lacks something.
var errConfig = errors.New("not complete")

// reach returns the URL of Elsewhere.
func (c Config) reach() string {
	if c.Reach != "" {
		return c.Reach
	}
	return fmt.Sprintf("http://localhost:%d/", c.Elsewhere.Addr().(*net.TCPAddr).Port)
}

func (c Config) check() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || !strings.HasSuffix(u.Path, "/") {
		return fmt.Errorf("the URL %q must be that of a container, with its last slash: %w", c.URL, errConfig)
	}
	for name, who := range map[string]Credentials{"alice": c.Alice, "bob": c.Bob} {
		if who.ID == "" || who.Secret == "" || who.WebID == "" || who.Issuer == "" {
			return fmt.Errorf("%s needs client_id, client_secret, webid and issuer: %w", name, errConfig)
		}
	}
	return nil
}
