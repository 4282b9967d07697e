package solid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kithBase is the URL that the binary is told to be reached at; what is dialled is the port that it gets.
const kithBase = "http://localhost:8420/"

// StartKith starts the binary of this module over an empty folder, with pods and credentials for Alice and
// Bob, on a free port of this machine. Alice allows classes of agents in her whole pod, which the server
// otherwise refuses in ACLs, and the server may fetch from Config.Elsewhere. An empty binary stands for
// $KITH_BINARY or, without that, ./cmd/kith as it is built for the occasion. The caller stops the server.
func StartKith(ctx context.Context, binary string) (*Server, error) {
	dir, err := os.MkdirTemp("", "kith-conformance")
	if err != nil {
		return nil, fmt.Errorf("start kith: %w", err)
	}
	s, err := startKith(ctx, dir, binary)
	if err != nil {
		return nil, fmt.Errorf("start kith: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	return s, nil
}

func startKith(ctx context.Context, dir, binary string) (*Server, error) {
	binary, err := kithBinary(ctx, dir, binary)
	if err != nil {
		return nil, err
	}
	k := kith{binary, filepath.Join(dir, "data")}
	c := Config{URL: kithBase + "alice/", Keep: true}
	if c.Alice, err = k.person(ctx, "alice"); err != nil {
		return nil, err
	}
	if c.Bob, err = k.person(ctx, "bob"); err != nil {
		return nil, err
	}
	if _, err := k.run(ctx, "classes", "allow", "alice", "/", "--data", k.data, "--url", kithBase); err != nil {
		return nil, err
	}
	if c.Elsewhere, err = listenElsewhere(); err != nil {
		return nil, err
	}
	s, err := k.serve(ctx, c.Elsewhere, func() error { return os.RemoveAll(dir) })
	if err != nil {
		return nil, errors.Join(err, c.Elsewhere.Close())
	}
	c.Address = s.Address
	s.Config = c
	return s, nil
}

// kithBinary returns the path of the binary, which it builds into dir if need be.
func kithBinary(ctx context.Context, dir, binary string) (string, error) {
	if binary == "" {
		binary = os.Getenv("KITH_BINARY")
	}
	if binary != "" {
		return filepath.Abs(binary)
	}
	path := filepath.Join(dir, "kith")
	out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "kith/cmd/kith").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build kith: %w\n%s", err, out)
	}
	return path, nil
}

// kith is the command line of the binary over one folder.
type kith struct{ binary, data string }

// run runs a command and returns what it prints on stdout.
func (k kith) run(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, k.binary, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("kith %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}

// person makes a pod and credentials for it.
func (k kith) person(ctx context.Context, name string) (Credentials, error) {
	if _, err := k.run(ctx, "person", "add", name, "--data", k.data, "--url", kithBase); err != nil {
		return Credentials{}, err
	}
	out, err := k.run(ctx, "credentials", "add", name, "--label", "conformance", "--data", k.data, "--url", kithBase)
	if err != nil {
		return Credentials{}, err
	}
	var c Credentials
	if err := json.Unmarshal(out, &c); err != nil {
		return Credentials{}, fmt.Errorf("read credentials: %w", err)
	}
	return c, nil
}

// serve starts the server and waits until it listens; the address is in the Config.
func (k kith) serve(ctx context.Context, elsewhere net.Listener, clean func() error) (*Server, error) {
	command := exec.Command(k.binary, "serve", "--data", k.data, "--url", kithBase, "--listen", "127.0.0.1:0", "--fetch", strings.TrimSuffix(strings.TrimPrefix(Config{Elsewhere: elsewhere}.reach(), "http://"), "/"))
	s, err := launch(command, clean)
	if err != nil {
		return nil, err
	}
	s.Address, err = s.await(ctx, func(text string) (string, bool) {
		_, rest, _ := strings.Cut(text, "listening on http://")
		address, _, whole := strings.Cut(rest, "\n")
		return strings.TrimSuffix(strings.TrimSpace(address), "/"), whole
	})
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}
