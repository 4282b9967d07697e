package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// Settle makes a pod on a running server with `kith person add` and pairs it with the phone of a new person.
// It returns that person, and the phone as the one that asks.
func Settle(ctx context.Context, s *Server, name string) (*Person, *Replica, error) {
	var out, problems bytes.Buffer
	add := exec.CommandContext(ctx, s.command.Path, "person", "add", name, "--data", s.Data, "--url", s.Base)
	add.Stdout, add.Stderr = &out, &problems
	if err := add.Run(); err != nil {
		return nil, nil, fmt.Errorf("settle %s: %w: %s", name, err, problems.Bytes())
	}
	var added struct{ Pair string }
	if err := json.Unmarshal(out.Bytes(), &added); err != nil {
		return nil, nil, fmt.Errorf("settle %s: %w", name, err)
	}
	return Meet(ctx, &s.Wire, added.Pair, name)
}

// Meet pairs the pod of a pairing link, to which w leads, with the phone of a new person. It returns that person, and
// the phone as the one that asks.
func Meet(ctx context.Context, w *Wire, link, name string) (*Person, *Replica, error) {
	pairing, err := parsePairing(link)
	if err != nil {
		return nil, nil, err
	}
	person, err := newPerson(name)
	if err != nil {
		return nil, nil, err
	}
	owner, err := pairing.Pair(ctx, w, person)
	return person, owner, err
}
