// Command release makes the files of a release (internal/release): the program for every system, the list of its
// modules, checksums.txt, and its signature when there is a key.
//
//	go run ./tools/release -version v1.2.0 -date 1790000000 -out bin/release -key release.pem
//
// The key is an Ed25519 private key in PEM (openssl genpkey -algorithm ed25519). Its public half goes into the
// programs, which then take updates signed by it and by nothing else. Without -key the release is unsigned, and
// its programs take none.
//
// The same source, version, date, key and Go release make the same bytes, wherever the source lies. It runs inside the
// module, with the app built before. It owns no goroutine.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"kith/internal/release"
	"kith/pwa"
)

// targets are the systems that a release is for.
const targets = "linux/amd64,linux/arm64,linux/arm,darwin/amd64,darwin/arm64,windows/amd64"

// order is what is to be made.
type order struct {
	out     string
	version string
	date    time.Time
	url     string // from which the programs fetch updates when not told otherwise
	key     ed25519.PrivateKey
	targets []string
}

func main() {
	o, err := ordered(os.Args[1:])
	if err == nil {
		err = o.make()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	if o.key == nil {
		fmt.Println("this release is NOT SIGNED: there was no key. Its programs take no updates.")
	}
}

func ordered(args []string) (order, error) {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	out := flags.String("out", "bin/release", "`DIR` for the files; made anew")
	version := flags.String("version", "", "`VERSION` of the release")
	date := flags.Int64("date", 0, "when the source was written, in `SECONDS` since 1970")
	url := flags.String("url", "", "https `ADDRESS` at which releases will be")
	key := flags.String("key", "", "`FILE` with the private key that signs")
	only := flags.String("targets", targets, "`LIST` of systems, with commas")
	if err := flags.Parse(args); err != nil {
		return order{}, err
	}
	if *version == "" || *date <= 0 || flags.NArg() > 0 {
		return order{}, errors.New("-version and -date are needed, and nothing but flags")
	}
	private, err := readKey(*key)
	return order{*out, *version, time.Unix(*date, 0).UTC(), *url, private, strings.Split(*only, ",")}, err
}

// readKey reads a key as openssl writes it. No name is no key.
func readKey(name string) (ed25519.PrivateKey, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("read the key: it is no PEM file")
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := any.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("read the key: it is no Ed25519 private key; make one with: openssl genpkey -algorithm ed25519")
	}
	return key, nil
}

// make writes the whole release into a folder beside, and then gives it its name.
func (o order) make() error {
	fresh := strings.TrimSuffix(o.out, "/") + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o755)); err != nil {
		return err
	}
	r := release.Release{Version: o.version, Date: o.date}
	var err error
	if r.App, err = pages(); err != nil {
		return err
	}
	for _, target := range o.targets {
		if err := o.build(fresh, target); err != nil {
			return err
		}
	}
	if err := modules(fresh, o.targets[0]); err != nil {
		return err
	}
	if r.Files, err = sums(fresh); err != nil {
		return err
	}
	if err := o.sign(fresh, r.Text()); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(o.out), os.Rename(fresh, o.out))
}

// pages are the hashes of the app, as it shows them itself.
func pages() (map[string]release.Sum, error) {
	files, err := pwa.Files()
	if err != nil {
		return nil, err
	}
	all := map[string]release.Sum{}
	for _, name := range []string{"shell.html", "index.html"} {
		page, err := files[name].Bytes()
		if err != nil {
			return nil, err
		}
		all[name] = sha256.Sum256(page)
	}
	return all, nil
}

// build makes the program for one system.
func (o order) build(dir, target string) error {
	system, machine, _ := strings.Cut(target, "/")
	set := []string{"version=" + o.version, fmt.Sprintf("released=%d", o.date.Unix())}
	if o.url != "" {
		set = append(set, "releaseURL="+o.url)
	}
	if o.key != nil {
		set = append(set, "releaseKey="+base64.StdEncoding.EncodeToString(o.key.Public().(ed25519.PublicKey)))
	}
	name := release.Name(system, machine)
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main."+strings.Join(set, " -X main."), "-o", filepath.Join(dir, name), "kith/cmd/kith")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+machine, "GOARM=7", "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOTOOLCHAIN=local")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("build for %s: %w", target, err)
	}
	fmt.Println(name)
	return nil
}

// modules writes which modules are in the programs, with the hashes that go.sum holds them to.
func modules(dir, target string) error {
	system, machine, _ := strings.Cut(target, "/")
	info, err := buildinfo.ReadFile(filepath.Join(dir, release.Name(system, machine)))
	if err != nil {
		return fmt.Errorf("list the modules: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "go %s\n", strings.TrimPrefix(runtime.Version(), "go"))
	for _, m := range info.Deps {
		fmt.Fprintf(&b, "%s %s %s\n", m.Path, m.Version, m.Sum)
	}
	return os.WriteFile(filepath.Join(dir, "modules.txt"), []byte(b.String()), 0o644)
}

func sums(dir string) (map[string]release.Sum, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := map[string]release.Sum{}
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		all[e.Name()] = sha256.Sum256(body)
	}
	return all, nil
}

// sign writes the list and, with a key, its signature.
func (o order) sign(dir string, text []byte) error {
	if err := os.WriteFile(filepath.Join(dir, release.List), text, 0o644); err != nil || o.key == nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, release.Signature), release.Sign(text, o.key), 0o644)
}
