package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what is taken from a control port, and of waiting for it.
const (
	torTime   = 10 * time.Second // for one question
	torLine   = 4 << 10          // bytes of a line
	torLines  = 64               // of a reply
	torCookie = 32               // bytes of the cookie
	// torStreams bounds what one visitor's circuit may have open at a time.
	torStreams = 64
)

// Errors of the control port.
var (
	errNoTor    = errors.New("no Tor answers there")
	errTorAuth  = errors.New("this Tor lets nobody in without a password; give it CookieAuthentication 1")
	errTorReply = errors.New("what answers there does not speak as Tor does")
	errTorSaid  = errors.New("the Tor there refuses")
)

// torControl is a connection to the control port of the Tor on this machine. It asks one thing at a time and
// asks for no events, so that every line is a reply. (Tor control protocol, version 1)
//
//	PROTOCOLINFO 1                      how to sign in
//	AUTHCHALLENGE SAFECOOKIE <nonce>    both prove that they know the cookie; neither shows it
//	AUTHENTICATE <proof>
//	ADD_ONION ED25519-V3:<key> …        the service is there for as long as the connection
type torControl struct {
	conn  net.Conn
	in    *bufio.Reader
	leave func() bool // lets go of the context
}

// dialTor connects to a control port, host:port or unix:PATH, and signs in. The connection ends with ctx.
func dialTor(ctx context.Context, address string) (*torControl, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	dialer := net.Dialer{Timeout: torTime}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errNoTor, err)
	}
	t := &torControl{conn: conn, in: bufio.NewReaderSize(conn, torLine), leave: context.AfterFunc(ctx, func() { conn.Close() })}
	if err := t.signIn(); err != nil {
		t.close()
		return nil, fmt.Errorf("sign in to Tor: %w", err)
	}
	return t, nil
}

// close ends the connection, and with it what it has published.
func (t *torControl) close() {
	t.leave()
	t.conn.Close()
}

// ask sends a command and returns the texts of the lines that answer it.
func (t *torControl) ask(command string) ([]string, error) {
	if err := t.conn.SetDeadline(time.Now().Add(torTime)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(t.conn, command+"\r\n"); err != nil {
		return nil, err
	}
	return readTorReply(t.in)
}

// readTorReply reads one reply: lines "250-text", the last one "250 text". The buffer of in bounds a line. (§2.3)
func readTorReply(in *bufio.Reader) (texts []string, err error) {
	code := ""
	for range torLines {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, fmt.Errorf("%w: %v", errTorReply, err)
		}
		text := strings.TrimRight(string(line), "\r\n")
		if len(text) < 4 || strings.Trim(text[:3], "0123456789") != "" || code != "" && code != text[:3] {
			return nil, fmt.Errorf("%w: %q", errTorReply, clip(text, 80))
		}
		code = text[:3]
		texts = append(texts, text[4:])
		switch {
		case text[3] == ' ' && code == "250":
			return texts, nil
		case text[3] == ' ' && (code[0] == '4' || code[0] == '5'):
			return nil, fmt.Errorf("%w: %q", errTorSaid, clip(text, 200))
		case text[3] != '-':
			return nil, fmt.Errorf("%w: %q", errTorReply, clip(text, 80))
		}
	}
	return nil, fmt.Errorf("%w: a reply without end", errTorReply)
}

// signIn proves that this account may read Tor's cookie, where Tor wants that. The plain COOKIE method is not used:
// it would show the first 32 bytes of whatever file the other side names. (§3.24)
func (t *torControl) signIn() error {
	lines, err := t.ask("PROTOCOLINFO 1")
	if err != nil {
		return err
	}
	methods, file, err := torMethods(lines)
	if err != nil {
		return err
	}
	proof := ""
	switch {
	case slices.Contains(methods, "NULL"):
	case slices.Contains(methods, "SAFECOOKIE"):
		if proof, err = t.prove(file); err != nil {
			return err
		}
	default:
		return errTorAuth
	}
	_, err = t.ask(strings.TrimSuffix("AUTHENTICATE "+proof, " "))
	return err
}

// torMethods reads by which methods one signs in, and in which file the cookie is, in the answer to PROTOCOLINFO.
// (§3.21)
func torMethods(lines []string) (methods []string, file string, err error) {
	for _, line := range lines {
		rest, ok := strings.CutPrefix(line, "AUTH METHODS=")
		if !ok {
			continue
		}
		list, rest, _ := strings.Cut(rest, " ")
		if quoted, ok := strings.CutPrefix(rest, "COOKIEFILE="); ok {
			if file, err = strconv.Unquote(quoted); err != nil {
				return nil, "", fmt.Errorf("%w: %q", errTorReply, clip(line, 80))
			}
		}
		return strings.Split(list, ","), file, nil
	}
	return nil, "", fmt.Errorf("%w: it names no way to sign in", errTorReply)
}

// prove exchanges proofs that both sides know the cookie, and returns that of this side in hexadecimal.
func (t *torControl) prove(file string) (string, error) {
	cookie, err := readCookie(file)
	if err != nil {
		return "", err
	}
	ours := make([]byte, 32)
	rand.Read(ours)
	lines, err := t.ask("AUTHCHALLENGE SAFECOOKIE " + hex.EncodeToString(ours))
	if err != nil {
		return "", err
	}
	hash, theirs, err := torChallenge(lines)
	if err != nil {
		return "", err
	}
	said := slices.Concat(cookie, ours, theirs)
	if !hmac.Equal(hash, torHash("server-to-controller", said)) {
		return "", fmt.Errorf("%w: it does not know the cookie in %q", errTorReply, file)
	}
	return hex.EncodeToString(torHash("controller-to-server", said)), nil
}

// torHash is HMAC-SHA-256 under the key of one direction. (§3.24)
func torHash(direction string, said []byte) []byte {
	mac := hmac.New(sha256.New, []byte("Tor safe cookie authentication "+direction+" hash"))
	mac.Write(said)
	return mac.Sum(nil)
}

// torChallenge reads "AUTHCHALLENGE SERVERHASH=<hex> SERVERNONCE=<hex>", 32 bytes each.
func torChallenge(lines []string) (hash, nonce []byte, err error) {
	fields := strings.Fields(lines[0])
	if len(fields) == 3 && fields[0] == "AUTHCHALLENGE" {
		hash, err = hex.DecodeString(strings.TrimPrefix(fields[1], "SERVERHASH="))
		if err == nil {
			nonce, err = hex.DecodeString(strings.TrimPrefix(fields[2], "SERVERNONCE="))
		}
	}
	if err != nil || len(hash) != sha256.Size || len(nonce) != 32 {
		return nil, nil, fmt.Errorf("%w: %q", errTorReply, clip(lines[0], 80))
	}
	return hash, nonce, nil
}

// readCookie reads the cookie, whose file the control port names.
func readCookie(file string) ([]byte, error) {
	about, err := os.Stat(file)
	if err == nil && (!filepath.IsAbs(file) || !about.Mode().IsRegular() || about.Size() != torCookie) {
		return nil, fmt.Errorf("%w: %q is no cookie", errTorReply, file)
	}
	var cookie []byte
	if err == nil {
		cookie, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; let this account read it (on Debian: by the group debian-tor)", err)
	}
	return cookie, nil
}

// publish makes the onion service of key, which leads to target, and returns its host name. The service ends with
// the connection. (§3.27)
func (t *torControl) publish(key ed25519.PrivateKey, target string) (string, error) {
	secret := base64.StdEncoding.EncodeToString(expanded(key))
	lines, err := t.ask(fmt.Sprintf("ADD_ONION ED25519-V3:%s Flags=MaxStreamsCloseCircuit MaxStreams=%d Port=80,%s", secret, torStreams, target))
	if err != nil {
		return "", fmt.Errorf("publish the onion service: %w", err)
	}
	host := onionHost(key.Public().(ed25519.PublicKey))
	if lines[0] != "ServiceID="+strings.TrimSuffix(host, ".onion") {
		return "", fmt.Errorf("publish the onion service: %w: it made another one than it was asked for", errTorReply)
	}
	return host, nil
}

// wait returns when the connection ends. Nothing is asked, so nothing may come.
func (t *torControl) wait() error {
	if err := t.conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if _, err := t.in.ReadByte(); err != nil {
		return fmt.Errorf("wait for Tor: it went away: %w", err)
	}
	return fmt.Errorf("%w: it speaks unasked", errTorReply)
}

// expanded returns the secret half of a key as Tor takes it: the scalar and the prefix that RFC 8032 §5.1.5 makes of
// the seed.
func expanded(key ed25519.PrivateKey) []byte {
	h := sha512.Sum512(key.Seed())
	h[0] &= 248
	h[31] = h[31]&63 | 64
	return h[:]
}

// onionHost returns the host name of the onion service of a key. (Tor rend-spec-v3 §6)
func onionHost(key ed25519.PublicKey) string {
	const version = 3
	sum := sha3.Sum256(bytes.Join([][]byte{[]byte(".onion checksum"), key, {version}}, nil))
	return strings.ToLower(base32.StdEncoding.EncodeToString(slices.Concat(key, sum[:2], []byte{version}))) + ".onion"
}
