package main

import (
	"context"
	"fmt"
	"time"
)

// healthTime is how long a server may take to answer.
const healthTime = 10 * time.Second

func healthCommand() command {
	return command{name: "health", summary: "say whether the server answers", run: runHealth, help: `
Usage: kith health [--data DIR]

Asks the server of DIR, from this machine and where it listens, whether it answers, and ends with 0 when it does within
ten seconds, else with 1 and the reason, and with 2 where DIR holds no pods. It is for programs that watch others, such
as a container engine; the image comes with it. To see what else may be wrong: kith doctor.

Example:
  kith health --data /srv/kith
`}
}

func runHealth(ctx context.Context, c *call) error {
	cfg := c.config()
	if err := c.existing(cfg); err != nil {
		return err
	}
	if len(c.words) > 0 {
		return fmt.Errorf("%w: %q is too much; health takes flags only", errUsage, c.words[0])
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	if err := cfg.Alive(ctx); err != nil {
		return fmt.Errorf("%w; start it with `kith serve --data %s`", err, cfg.Data)
	}
	_, err := fmt.Fprintln(c.stdout, "The server answers.")
	return err
}
