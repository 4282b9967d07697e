package server

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"kith/internal/fuzztest"
)

func TestTorReply(t *testing.T) {
	cases := []struct {
		name, sent string
		texts      []string
		err        error
	}{
		{"one line", "250 OK\r\n", []string{"OK"}, nil},
		{"several lines", "250-a=b\r\n250-\r\n250 OK\r\n", []string{"a=b", "", "OK"}, nil},
		{"ends of lines as on this machine", "250 OK\n", []string{"OK"}, nil},
		{"only the first reply", "250 OK\r\n515 no\r\n", []string{"OK"}, nil},
		{"a refusal", "515 Authentication failed\r\n", nil, errTorSaid},
		{"a refusal after lines", "551-a\r\n551 b\r\n", nil, errTorSaid},
		{"a change of mind", "250-a\r\n515 b\r\n", nil, errTorReply},
		{"an event that nobody asked for", "650 CIRC 1\r\n", nil, errTorReply},
		{"lines of content", "250+a=\r\nb\r\n.\r\n250 OK\r\n", nil, errTorReply},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", nil, errTorReply},
		{"a line that is too short", "250\r\n", nil, errTorReply},
		{"a code that is none", "25x OK\r\n", nil, errTorReply},
		{"another success", "251 Nothing\r\n", nil, errTorReply},
		{"nothing", "", nil, errTorReply},
		{"the end within a line", "250 OK", nil, errTorReply},
		{"a line without end", "250 " + strings.Repeat("a", 2*torLine), nil, errTorReply},
		{"lines without end", strings.Repeat("250-a\r\n", 2*torLines), nil, errTorReply},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, from := range []io.Reader{strings.NewReader(c.sent), iotest.OneByteReader(strings.NewReader(c.sent))} {
				texts, err := readTorReply(bufio.NewReaderSize(from, torLine))
				if !slices.Equal(texts, c.texts) || !errors.Is(err, c.err) {
					t.Errorf("%q, %v; want %q, %v", texts, err, c.texts, c.err)
				}
			}
		})
	}
}

func FuzzTorReply(f *testing.F) {
	f.Add("250-AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE=\"/run/tor/\\143\"\r\n250 OK\r\n")
	f.Add("250 AUTHCHALLENGE SERVERHASH=00 SERVERNONCE=00\r\n")
	f.Add("551 no\r\n")
	f.Fuzz(func(t *testing.T, sent string) {
		fuzztest.Cheap(t, len(sent), func() { readTorReply(bufio.NewReaderSize(strings.NewReader(sent), torLine)) })
		texts, err := readTorReply(bufio.NewReaderSize(strings.NewReader(sent), torLine))
		if (err == nil) != (len(texts) > 0) || len(texts) > torLines {
			t.Fatalf("%d lines, %v", len(texts), err)
		}
		if err != nil {
			return
		}
		if methods, _, err := torMethods(texts); err == nil && len(methods) == 0 {
			t.Fatal("no methods and no error")
		}
		if hash, nonce, err := torChallenge(texts); err == nil && len(hash)+len(nonce) != 64 {
			t.Fatal("a challenge of another size")
		}
	})
}

// TestOnionHost holds the form of addresses against one that Tor made: that of the key in RFC 8032 §7.1, test 1.
func TestOnionHost(t *testing.T) {
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	if err != nil {
		t.Fatal(err)
	}
	const want = "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion"
	if got := onionHost(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// liar is a control port that answers each line with the next of its replies, and keeps what it was told.
type liar struct {
	net.Listener
	mu    sync.Mutex
	heard []string
	wg    sync.WaitGroup
}

func newLiar(t *testing.T, replies ...string) *liar {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{Listener: listener}
	l.wg.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		lines := bufio.NewScanner(conn)
		for _, reply := range replies {
			if !lines.Scan() {
				return
			}
			l.mu.Lock()
			l.heard = append(l.heard, lines.Text())
			l.mu.Unlock()
			io.WriteString(conn, reply)
		}
	})
	t.Cleanup(func() { listener.Close(); l.wg.Wait() })
	return l
}

func TestLyingControlPorts(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("s", torCookie)), 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, []byte(strings.Repeat("s", torCookie+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	info := func(methods, file string) string {
		return "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=" + methods + " COOKIEFILE=\"" + file + "\"\r\n250 OK\r\n"
	}
	zeros := strings.Repeat("00", 32)
	challenge := "250 AUTHCHALLENGE SERVERHASH=" + zeros + " SERVERNONCE=" + zeros + "\r\n"
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		replies []string
		err     error
		asked   int // how many lines it was told
	}{
		{"one that does not know the cookie learns no proof", []string{info("COOKIE,SAFECOOKIE", secret), challenge, "250 OK\r\n"}, errTorReply, 2},
		{"one that wants the cookie itself does not get it", []string{info("COOKIE", secret), "250 OK\r\n"}, errTorAuth, 1},
		{"one that names a file that is no cookie", []string{info("SAFECOOKIE", long), challenge}, errTorReply, 1},
		{"one that names a folder", []string{info("SAFECOOKIE", filepath.Dir(secret)), challenge}, errTorReply, 1},
		{"one that names a device", []string{info("SAFECOOKIE", "/dev/zero"), challenge}, errTorReply, 1},
		{"one that names nothing", []string{info("SAFECOOKIE", "/nowhere/cookie"), challenge}, os.ErrNotExist, 1},
		{"one that wants a password", []string{info("HASHEDPASSWORD", ""), "250 OK\r\n"}, errTorAuth, 1},
		{"one that names no way in", []string{"250 OK\r\n"}, errTorReply, 1},
		{"one with a short challenge", []string{info("SAFECOOKIE", secret), "250 AUTHCHALLENGE SERVERHASH=00 SERVERNONCE=00\r\n"}, errTorReply, 2},
		{"one that makes another service", []string{info("NULL", ""), "250 OK\r\n", "250-ServiceID=" + strings.Repeat("a", 56) + "\r\n250 OK\r\n"}, errTorReply, 3},
		{"one that says that it did and not what", []string{info("NULL", ""), "250 OK\r\n", "250 OK\r\n"}, errTorReply, 3},
		{"one that refuses", []string{info("NULL", ""), "250 OK\r\n", "512 \x1b[31mno\r\n"}, errTorSaid, 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := newLiar(t, c.replies...)
			control, err := dialTor(context.Background(), l.Addr().String())
			if err == nil {
				_, err = control.publish(key, "127.0.0.1:1")
				control.close()
			}
			if !errors.Is(err, c.err) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("error %v, want %v", err, c.err)
			}
			l.wg.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.heard) != c.asked || strings.Contains(strings.Join(l.heard, ""), "AUTHENTICATE "+strings.Repeat("73", torCookie)) {
				t.Errorf("it was told %q", l.heard)
			}
		})
	}
}

func TestOnionWithoutTor(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	s, _ := openOnionServer(t, t.TempDir(), closed.Addr().String())
	if base, err := s.Onion(context.Background()); base != "" || !errors.Is(err, errNoTor) {
		t.Errorf("%q, %v", base, err)
	}
	if status, _ := visit(t, "http://"+s.listener.Addr().String()+"/"); status != 200 {
		t.Errorf("the app: %d", status)
	}
}

// TestOnionIsSilent: a control port that answers nothing does not keep the server from ending.
func TestOnionIsSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, end := openOnionServer(t, t.TempDir(), silent.Addr().String())
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	end()
	if took := time.Since(start); took > torTime/2 {
		t.Errorf("it took %v", took)
	}
}

func TestWhereTorIsAsked(t *testing.T) {
	for address, ok := range map[string]bool{
		"": true, "127.0.0.1:9051": true, "localhost:9051": true, "[::1]:9051": true, "unix:/run/tor/control": true,
		"192.0.2.1:9051": false, "tor.example.org:9051": false, "127.0.0.1": false, "unix:": false, ":9051": false,
	} {
		_, err := Config{Data: t.TempDir(), Onion: true, OnionControl: address}.Complete()
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
