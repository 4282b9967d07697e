package main

import (
	"context"
	"fmt"

	"kith/internal/server"
)

func pairCommand() command {
	return command{name: "pair", summary: "print a new pairing link", run: runPair, help: `
Usage: kith pair NAME [--data DIR]

Prints a link that connects the app on a phone with the pod of NAME. Open it on that phone, or paste
it in the app under You, My pod. It works once and for 15 minutes. Where the pod is reached by relays
(kith serve --reach), the phone needs no way to this machine.

Examples:
  kith pair me
  kith pair alice --data /srv/kith
`}
}

func runPair(ctx context.Context, c *call) error {
	cfg := c.config()
	if err := c.parse(); err != nil {
		return err
	}
	if len(c.words) != 1 {
		return fmt.Errorf("%w: say whose pod, for example `kith pair %s`", errUsage, server.DefaultName)
	}
	name := c.words[0]
	c.args, c.words = nil, nil
	if err := c.existing(cfg); err != nil {
		return err
	}
	pairing, err := server.Pair(ctx, *cfg, name)
	if err != nil {
		return err
	}
	return printPairing(c.stdout, pairing)
}
