package main

import (
	"context"
	"fmt"

	"kith/internal/server"
)

func classesCommand() command {
	return command{name: "classes", summary: "let apps open a folder to everybody", run: runClasses, help: `
Usage: kith classes list NAME [--data DIR]
       kith classes allow NAME PATH [--signed-in] [--data DIR]
       kith classes refuse NAME PATH [--data DIR]

What is in a pod can be shared with people and circles. Sharing with everybody, which Solid apps can
also ask for, is refused unless NAME has allowed it for the folder: allow does so for the folder PATH
of the pod and all in it. With --signed-in it allows only sharing with whoever is signed in somewhere,
which is anybody who takes the trouble. allow opens nothing by itself; an app still has to share.

list prints a line for each folder for which something is allowed, and nothing where nothing is.

refuse takes it back: what was shared with everybody there is shared with them no longer, while people
and circles keep what they have. It does not matter whether the server runs.

Examples:
  kith classes allow alice /public/
  kith classes allow alice / --signed-in
  kith classes list alice
  kith classes refuse alice /public/
`}
}

func runClasses(ctx context.Context, c *call) error {
	cfg := c.config()
	only := c.flags.Bool("signed-in", false, "allow sharing with who is signed in, and not with everybody")
	verb, name, path, count, err := c.verb(cfg)
	if err != nil {
		return err
	}
	switch {
	case verb == "list" && count == 2:
		return c.listClasses(ctx, *cfg, name)
	case verb == "allow" && count == 3:
		return server.SetClasses(ctx, *cfg, name, server.Openness{Path: path, Everybody: !*only, SignedIn: true})
	case verb == "refuse" && count == 3:
		return server.SetClasses(ctx, *cfg, name, server.Openness{Path: path})
	}
	return fmt.Errorf("%w: say `kith classes allow NAME PATH`, `refuse NAME PATH` or `list NAME`", errUsage)
}

func (c *call) listClasses(ctx context.Context, cfg server.Config, name string) error {
	all, err := server.Classes(ctx, cfg, name)
	if err != nil {
		return err
	}
	for _, o := range all {
		who := "nobody"
		switch {
		case o.Everybody:
			who = "everybody"
		case o.SignedIn:
			who = "signed in"
		}
		if _, err := fmt.Fprintf(c.stdout, "%-10s %s\n", who, o.Path); err != nil {
			return err
		}
	}
	return nil
}
