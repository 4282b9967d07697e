package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"kith/internal/server"
)

func doctorCommand() command {
	return command{name: "doctor", summary: "say what is wrong, and what to do", run: runDoctor, help: `
Usage: kith doctor [NAME] [--clock HOST] [--json] [--data DIR]

Looks at everything that keeps a pod from being there for years, and says of each thing "ok", "look at this" or
"broken", with what to do: whether the server runs and its own address answers from here, with the right certificate;
the relays; the clock, against that of the relays, or of an https host that you name; the disk, and what deleting means
on it; the end of the certificate; who may read keys; for each person (or for NAME) the room, the backups, deletions that
are held back, files in conflict; whether the server starts with the machine. It reads kith.toml, so write there what
you give to "kith serve" as flags. It ends with 1 when something is broken or wants to be looked at.

Examples:
  kith doctor
  kith doctor me --json
  kith doctor --clock debian.org
`}
}

func runDoctor(ctx context.Context, c *call) error {
	cfg := c.config()
	asJSON := c.flags.Bool("json", false, "print JSON, a line for each finding")
	clock := c.flags.String("clock", "", "https `HOST` whose time is believed")
	if err := c.existing(cfg); err != nil {
		return err
	}
	if len(c.words) > 1 {
		return fmt.Errorf("%w: say `kith doctor` or `kith doctor NAME`", errUsage)
	}
	name := append(c.words, "")[0]
	all, err := cfg.Doctor(ctx, name, *clock, version)
	if err != nil {
		return err
	}
	all = append(all, serviceFinding(ctx, cfg.Data))
	well := true
	for _, f := range all {
		well = well && f.Well()
		if err := showFinding(c.stdout, f, *asJSON); err != nil {
			return err
		}
	}
	if !well {
		return errors.New("something is to be looked at")
	}
	return nil
}

func showFinding(w io.Writer, f server.Finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(f)
	}
	_, err := fmt.Fprintf(w, "%-13s %-12s %s\n", f.Level, f.About, f.Text)
	if err == nil && f.Do != "" {
		_, err = fmt.Fprintf(w, "%26s -> %s\n", "", f.Do)
	}
	return err
}
