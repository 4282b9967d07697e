package relay

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// secrets are the relay's own, made once.
type secrets struct {
	hop   hpke.PrivateKey
	point []byte // the public half of hop
	own   []byte // 32 bytes, for invites and challenges
}

// readSecrets reads DIR/relay.key, or makes it.
func readSecrets(dir string) (secrets, error) {
	name := filepath.Join(dir, "relay.key")
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeSecrets(dir, name); err != nil {
			return secrets{}, fmt.Errorf("make the relay's key: %w", err)
		}
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read the relay's key: %w", err)
	}
	if len(text) != 64 {
		return secrets{}, fmt.Errorf("read the relay's key: %s has %d bytes, not 64", name, len(text))
	}
	key, err := kem().NewPrivateKey(text[:32])
	if err != nil {
		return secrets{}, fmt.Errorf("read the relay's key: %w", err)
	}
	return secrets{hop: key, point: key.PublicKey().Bytes(), own: text[32:]}, nil
}

// makeSecrets writes new secrets whole or not at all, and never over others: an invite may be made
// while a relay starts.
func makeSecrets(dir, name string) error {
	key, err := kem().GenerateKey()
	if err != nil {
		return err
	}
	scalar, err := key.Bytes()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "relay.key.")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(scalar, random(32)...))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
