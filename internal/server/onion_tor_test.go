package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/sealed"
	"kith/webid"
	"kith/webid/invite"
)

// openOnionServer runs a server that asks a control port. What ends it may be called again.
func openOnionServer(t *testing.T, dir, control string) (*Server, func()) {
	t.Helper()
	config, err := Config{Data: dir, URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Onion: true, OnionControl: control}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	end := sync.OnceFunc(func() {
		stop()
		running.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return s, end
}

func visit(t *testing.T, url string) (status int, body string) {
	t.Helper()
	a, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// tor is a real Tor without a network, which makes onion services nonetheless.
type tor struct {
	t       *testing.T
	dir     string
	command *exec.Cmd
	control string
}

// newTor skips the test where Tor is not installed. Tor takes port when it is not "auto".
func newTor(t *testing.T, port string, args ...string) *tor {
	t.Helper()
	if _, err := exec.LookPath("tor"); err != nil {
		t.Skip("tor is not installed")
	}
	o := &tor{t: t, dir: t.TempDir()}
	torrc, at := filepath.Join(o.dir, "torrc"), filepath.Join(o.dir, "port")
	if err := os.WriteFile(torrc, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.command = exec.Command("tor", append([]string{"-f", torrc, "--defaults-torrc", torrc, "--DataDirectory", filepath.Join(o.dir, "d"),
		"--DisableNetwork", "1", "--SocksPort", "0", "--ControlPort", port, "--ControlPortWriteToFile", at}, args...)...)
	var said bytes.Buffer
	o.command.Stdout, o.command.Stderr = &said, &said
	if err := o.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.kill)
	eventually(t, "Tor listens", func() bool {
		text, err := os.ReadFile(at)
		o.control = strings.TrimSpace(strings.TrimPrefix(string(text), "PORT="))
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	return o
}

// kill ends Tor. It may be called again.
func (o *tor) kill() {
	if o.command.ProcessState == nil {
		o.command.Process.Kill()
		o.command.Wait()
	}
}

func TestOnionByTor(t *testing.T) {
	for name, args := range map[string][]string{"with a cookie": {"--CookieAuthentication", "1"}, "with open doors": nil} {
		t.Run(name, func(t *testing.T) {
			o := newTor(t, "127.0.0.1:auto", args...)
			s, _ := openOnionServer(t, t.TempDir(), o.control)
			base, err := s.Onion(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			asked, err := dialTor(context.Background(), o.control)
			if err != nil {
				t.Fatal(err)
			}
			defer asked.close()
			if _, err := asked.publish(s.onion.key, "127.0.0.1:1"); !errors.Is(err, errTorSaid) {
				t.Errorf("Tor does not have the service that it published: %v", err)
			}
			if base != "http://"+onionHost(s.onion.key.Public().(ed25519.PublicKey))+"/" {
				t.Errorf("the service is at %s", base)
			}
			if status, _ := visit(t, "http://"+s.onion.listener.Addr().String()+"/"); status != http.StatusOK {
				t.Errorf("the app where Tor brings visitors: %d", status)
			}
		})
	}
}

// TestOnionBySocket asks at a socket, which is how Debian's Tor listens, and looks at what friends learn of a service that
// was never there.
func TestOnionBySocket(t *testing.T) {
	at, err := os.MkdirTemp("", "kith") // short: the path of a socket has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(at)
	newTor(t, "127.0.0.1:auto", "--CookieAuthentication", "1", "--ControlPort", "unix:"+filepath.Join(at, "control"))
	s, _ := openOnionServer(t, t.TempDir(), "unix:"+filepath.Join(at, "control"))
	if base, err := s.Onion(context.Background()); err != nil || !strings.HasSuffix(base, ".onion/") {
		t.Errorf("%q, %v", base, err)
	}
	none, _ := openOnionServer(t, t.TempDir(), "unix:"+filepath.Join(at, "elsewhere"))
	if base, err := none.Onion(context.Background()); base != "" || !errors.Is(err, errNoTor) {
		t.Errorf("%q, %v", base, err)
	}
	if way := none.onion.way(DefaultName); way != "" {
		t.Errorf("friends are told %q", way)
	}
}

func TestOnionWithPassword(t *testing.T) {
	o := newTor(t, "127.0.0.1:auto", "--HashedControlPassword", "16:872860B76453A77D60CA2BB8C1A7042072093276A3D701AD684053EC4C")
	s, _ := openOnionServer(t, t.TempDir(), o.control)
	if base, err := s.Onion(context.Background()); base != "" || err == nil || !strings.Contains(err.Error(), errTorAuth.Error()) {
		t.Errorf("%q, %v", base, err)
	}
}

// TestOnionStays: the address is the same after a restart of either side, and friends are told it only while it is there.
func TestOnionStays(t *testing.T) {
	o, dir := newTor(t, "127.0.0.1:auto"), t.TempDir()
	s, end := openOnionServer(t, dir, o.control)
	base, err := s.Onion(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	told := func() string {
		h, err := s.home(context.Background(), DefaultName)
		if err != nil {
			t.Fatal(err)
		}
		ways, err := h.waysFor(context.Background(), nameOwn)
		if err != nil || len(ways) == 0 || ways[0].Pod != h.url {
			t.Fatalf("%+v, %v", ways, err)
		}
		return ways[len(ways)-1].Onion
	}
	if got := told(); got != base+DefaultName+"/" {
		t.Errorf("friends are told %q", got)
	}
	o.kill()
	eventually(t, "friends are not told it any more", func() bool { return told() == "" })
	newTor(t, o.control)
	eventually(t, "the service is back", func() bool { return told() == base+DefaultName+"/" })
	end()
	other := newTor(t, "127.0.0.1:auto")
	s, _ = openOnionServer(t, dir, other.control)
	if again, err := s.Onion(context.Background()); again != base || err != nil {
		t.Errorf("%q, %v; want %q", again, err, base)
	}
}

// TestSealedByOnion pairs by a sealed request where Tor brings visitors: whatever address that has, what is sealed is answered.
func TestSealedByOnion(t *testing.T) {
	o := newTor(t, "127.0.0.1:auto")
	s, _ := openOnionServer(t, t.TempDir(), o.control)
	base, err := s.Onion(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.home(context.Background(), DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	ana := newHuman(t, &clock{at: time.Now()}, "Ana")
	pairing, err := s.FirstPairing(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	link, err := invite.ParsePairing(pairing.Link)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"secret": link.Secret, "device_list": ana.lists.Devices.String(), "keys": ana.lists.Keys.String(), "name": "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(h.onion.way(h.name), strings.TrimSuffix(base, "/"), "http://"+s.onion.listener.Addr().String(), 1) + ".sealed"
	l := &line{t: t, Transport: sealed.Transport{To: []webid.AgreementKey{{Key: h.openers()[0].Key.Public()}}, Label: ana.label(), Now: time.Now, Carrier: sealed.HTTPS{URL: url, Client: http.DefaultClient}}}
	l.must(http.StatusOK, "POST", "/.pair", string(body), "Content-Type", "application/json")
}
