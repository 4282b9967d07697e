// Package release is what a release of Kith consists of, how it is signed, and how a program is put in place of the
// one that runs.
//
// It is not what makes one (tools/release) and it asks nobody anything (cmd/kith does). A release is a folder of
// files behind any https address:
//
//	checksums.txt        what `sha256sum -c` reads, with a head
//	checksums.txt.sig    the Ed25519 signature of that file's bytes, 64 bytes in base64
//	kith-OS-ARCH[.exe]   the programs
//	modules.txt          the modules that are in them
//
// checksums.txt is
//
//	# kith VERSION
//	# date 2026-11-22T10:00:00Z
//	# app shell.html HEX        the SHA-256 of the app's page, as the app and `kith version` show it
//	# app index.html HEX
//	HEX  kith-linux-amd64
//	…
//
// Lines that begin with # and say something else are for readers of later. The date orders releases; it is that of
// the source and not of the build, so that whoever builds again gets the same bytes.
//
// No goroutine outlives a call.
package release

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The names of the two files that tell about the others.
const (
	List      = "checksums.txt"
	Signature = "checksums.txt.sig"
)

// Errors of what was fetched.
var (
	ErrFormat    = errors.New("this is no list of a release")
	ErrSignature = errors.New("the release is not signed by the key that this program was built with")
	ErrHash      = errors.New("the file is not the one that was signed")
)

// Sum is the SHA-256 of a file.
type Sum = [sha256.Size]byte

// Release is what checksums.txt says.
type Release struct {
	Version string
	Date    time.Time      // UTC, whole seconds
	App     map[string]Sum // by the name of the page
	Files   map[string]Sum // by name
}

// Name returns the name of the program for a system, as the go command calls it. arm is the version 7 of it.
func Name(system, machine string) string {
	if machine == "arm" {
		machine = "armv7"
	}
	name := "kith-" + system + "-" + machine
	if system == "windows" {
		name += ".exe"
	}
	return name
}

// Text returns checksums.txt.
func (r Release) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# kith %s\n# date %s\n", r.Version, r.Date.UTC().Format(time.RFC3339))
	for _, name := range names(r.App) {
		fmt.Fprintf(&b, "# app %s %x\n", name, r.App[name])
	}
	for _, name := range names(r.Files) {
		fmt.Fprintf(&b, "%x  %s\n", r.Files[name], name)
	}
	return b.Bytes()
}

func names(of map[string]Sum) []string {
	all := make([]string, 0, len(of))
	for name := range of {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Sign returns what stands in checksums.txt.sig.
func Sign(text []byte, key ed25519.PrivateKey) []byte {
	return []byte(base64.StdEncoding.EncodeToString(ed25519.Sign(key, text)) + "\n")
}

// Open returns what text says if signature is the one of key. Errors: ErrSignature, ErrFormat.
func Open(text, signature []byte, key ed25519.PublicKey) (Release, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(signature)))
	if err != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, text, raw) {
		return Release{}, ErrSignature
	}
	return Parse(text)
}

// What stands in a list. A name has no way to lead out of its folder.
var (
	isVersion = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$`)
	isName    = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$`)
)

// Parse reads checksums.txt, without looking at any signature. Errors: ErrFormat.
func Parse(text []byte) (Release, error) {
	r := Release{App: map[string]Sum{}, Files: map[string]Sum{}}
	if !bytes.HasSuffix(text, []byte("\n")) {
		return Release{}, fmt.Errorf("%w: it ends in the middle of a line", ErrFormat)
	}
	for n, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if err := r.take(line); err != nil {
			return Release{}, fmt.Errorf("%w: line %d: %w", ErrFormat, n+1, err)
		}
	}
	if r.Version == "" || r.Date.IsZero() || len(r.Files) == 0 {
		return Release{}, fmt.Errorf("%w: it lacks a version, a date or files", ErrFormat)
	}
	return r, nil
}

func (r *Release) take(line string) (err error) {
	head, isHead := strings.CutPrefix(line, "# ")
	if !isHead {
		sum, name, _ := strings.Cut(line, "  ")
		return add(r.Files, name, sum)
	}
	word, rest, _ := strings.Cut(head, " ")
	switch {
	case word == "kith" && r.Version == "" && isVersion.MatchString(rest):
		r.Version = rest
	case word == "date" && r.Date.IsZero():
		r.Date, err = time.Parse("2006-01-02T15:04:05Z", rest)
	case word == "app":
		name, sum, _ := strings.Cut(rest, " ")
		return add(r.App, name, sum)
	case word == "kith" || word == "date":
		err = fmt.Errorf("%q is not understood", line)
	}
	return err
}

func add(to map[string]Sum, name, text string) error {
	raw, err := hex.DecodeString(text)
	if _, twice := to[name]; err != nil || len(raw) != sha256.Size || twice || !isName.MatchString(name) {
		return fmt.Errorf("%q is no file with its sum, or is there twice", name)
	}
	to[name] = Sum(raw)
	return nil
}
