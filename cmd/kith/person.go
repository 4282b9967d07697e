package main

import (
	"context"
	"encoding/json"
	"fmt"

	"kith/internal/server"
)

func personCommand() command {
	return command{name: "person", summary: "make a pod for one more person", run: runPerson, help: `
Usage: kith person add NAME [--data DIR] [--url BASE]

Makes the pod BASE/NAME/ and prints one line of JSON: the name, the pod, the WebID, the issuer and a
pairing link. The link works once and for 15 minutes; "kith pair NAME" makes another. It does not
matter whether the server runs.

Examples:
  kith person add alice
  kith person add bob --data /srv/kith --url https://pod.example.org/
`}
}

func runPerson(ctx context.Context, c *call) error {
	cfg := c.config()
	if err := c.parse(); err != nil {
		return err
	}
	if len(c.words) != 2 || c.words[0] != "add" {
		return fmt.Errorf("%w: say `kith person add NAME`", errUsage)
	}
	name := c.words[1]
	c.args, c.words = nil, nil
	if err := c.complete(cfg); err != nil {
		return err
	}
	introduction, err := server.AddPerson(ctx, *cfg, name)
	if err != nil {
		return err
	}
	return json.NewEncoder(c.stdout).Encode(introduction)
}
