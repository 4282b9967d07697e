package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kith/internal/server"
	"kith/sync/archive"
)

func moveCommand() command {
	return command{name: "move", summary: "take a pod to another machine", run: runMove, help: `
Usage: kith move out NAME FOLDER [--data DIR]
       kith move in FOLDER [--kit FILE] [--url BASE] [--data DIR]
       kith move undo NAME [--data DIR]

out closes the pod on this machine and then writes all of it to an empty folder, encrypted: files, friends, access
rules, keys, backups and settings of the person. It reads everything back before it says so, and prints the kit, which
opens the folder; carry the two apart. From then on the pod answers your phones and friends here that it has moved, and
takes nothing, so that it never lives twice. It does not matter whether the server runs. When anything fails, the pod
goes on here as before.

in makes the pod out of the folder on the new machine, where no server may run in DIR. It gets the address that it had:
when that name (or tunnel, or the relays of --reach) leads to the new machine, phones and friends notice nothing but
the pause. With another --url friends who know you by relays find you still, as do your phones; friends who know only
the old address need a new invite. Apps of others that you signed in to may ask you once more. Its backups go on
where they were once you have confirmed each place: the command prints how.

undo opens the pod here again. Do it only if the folder was never moved in anywhere: two pods of one person
confuse phones and friends. When the new pod answers, carry over what out has said to be no part of the pod (names that
no pod takes, links, conflict copies), and delete pods/NAME on the old machine ("kith erase-report NAME" says
what is left of it then).

Examples:
  kith move out me /media/stick/me > kit.txt
  kith move in /media/stick/me --kit kit.txt --data /srv/kith
  kith move undo me
`}
}

func runMove(ctx context.Context, c *call) error {
	cfg := c.config()
	file := c.flags.String("kit", "", "`FILE` that holds the kit")
	if err := c.parse(); err != nil {
		return err
	}
	words := c.words
	c.args, c.words = nil, nil
	switch {
	case len(words) == 3 && words[0] == "out":
		return c.moveOut(ctx, cfg, words[1], words[2])
	case len(words) == 2 && words[0] == "in":
		return c.moveIn(ctx, cfg, words[1], *file)
	case len(words) == 2 && words[0] == "undo":
		if err := c.existing(cfg); err != nil {
			return err
		}
		if err := (server.Person{Config: *cfg, Name: words[1]}).Return(ctx, c.patience); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.stdout, "%s lives here again.\n", words[1])
		return err
	}
	return fmt.Errorf("%w: say `kith move out NAME FOLDER`, `kith move in FOLDER` or `kith move undo NAME`", errUsage)
}

func (c *call) moveOut(ctx context.Context, cfg *server.Config, name, dir string) error {
	if err := c.existing(cfg); err != nil {
		return err
	}
	m, err := server.Person{Config: *cfg, Name: name}.Leave(ctx, dir, c.patience)
	if errors.Is(err, server.ErrExists) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w\nNothing has moved: the pod goes on here", err)
	}
	fmt.Fprintf(c.stderr, "%s is in %s as a whole: %d resources, %.1f MB, read back. It is closed on this machine.\nOn the other one: kith move in FOLDER. It asks for this kit, which nothing can replace:\n",
		name, dir, m.Resources, float64(m.Bytes)/1e6)
	c.tellOutside("These are in the folder of the pod on this machine, and no part of the pod. They were not written, and stay here; carry over by hand what you want of them before you delete anything:", m.Stays)
	_, err = fmt.Fprintln(c.stdout, m.Kit)
	return err
}

// tellOutside lists what is in a pod's folder and no part of the pod.
func (c *call) tellOutside(what string, names []string) {
	if len(names) > 0 {
		fmt.Fprintf(c.stderr, "%s\n  %s\n", what, strings.Join(names, "\n  "))
	}
}

func (c *call) moveIn(ctx context.Context, cfg *server.Config, dir, file string) error {
	if err := c.folder(cfg); err != nil {
		return err
	}
	kit, err := c.kit(file)
	if err != nil {
		return err
	}
	full, name, from, r, err := cfg.Arrive(ctx, dir, kit, c.progress("taken in"))
	if errors.Is(err, archive.ErrKit) {
		return fmt.Errorf("%w; it is what `kith move out` has printed", err)
	}
	if errors.Is(err, archive.ErrNone) {
		return fmt.Errorf("nothing that `kith move out` has written is in %s; name the folder that was given to it", dir)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "\r%s lives here: %d files, %.1f MB. Start it with `kith serve --data %s`.\n", name, r.Done, float64(r.Bytes)/1e6, full.Data)
	if from != full.URL {
		fmt.Fprintf(c.stdout, "Its address was %s and is %s: friends who know only the old one need a new invite.\n", from, full.URL)
	} else {
		fmt.Fprintf(c.stdout, "Its address is %s, as before: see to it that it leads here.\n", from)
	}
	return c.doubtful(ctx, server.Person{Config: full, Name: name})
}

// doubtful names the places for backups that came along.
func (c *call) doubtful(ctx context.Context, person server.Person) error {
	all, err := person.Backups(ctx)
	for _, b := range all {
		if b.Unsure {
			fmt.Fprintf(c.stdout, "Its backup was kept at %s. To go on with it from here: kith backup confirm %s %s\n", b.Address, person.Name, b.ID)
		}
	}
	return err
}
