package main

import (
	"context"
	"encoding/json"
	"fmt"

	"kith/internal/server"
)

func eraseReportCommand() command {
	return command{name: "erase-report", summary: "say what is left of what you delete", run: runEraseReport, help: `
Usage: kith erase-report NAME [--json] [--data DIR]

Says what "deleted" means for the pod of NAME where it lies: on this disk and file system, in its backups, at its
relays, and with its friends. It looks where things are; it searches nothing and changes nothing.

Examples:
  kith erase-report me
`}
}

func runEraseReport(ctx context.Context, c *call) error {
	cfg := c.config()
	asJSON := c.flags.Bool("json", false, "print JSON, a line for each place")
	if err := c.existing(cfg); err != nil {
		return err
	}
	if len(c.words) != 1 {
		return fmt.Errorf("%w: say `kith erase-report NAME`", errUsage)
	}
	all, err := server.Person{Config: *cfg, Name: c.words[0]}.Remains(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if *asJSON {
			err = json.NewEncoder(c.stdout).Encode(r)
		} else {
			_, err = fmt.Fprintf(c.stdout, "%s\n  %s\n", r.Where, r.Text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
