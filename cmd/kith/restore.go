package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kith/internal/server"
	"kith/sync/archive"
)

func restoreCommand() command {
	return command{name: "restore", summary: "make a pod out of its backup", run: runRestore, help: `
Usage: kith restore PLACE [--kit FILE] [--user USER] [--data DIR]
       kith restore s3://BUCKET/PREFIX --key KEY [--endpoint URL] [--region REGION] [--kit FILE] [--data DIR]

Brings a pod back from where ` + "`kith backup`" + ` has kept it: the same files, byte for byte, with friends, access
rules and circles, and with the pod's keys, so that phones and friends notice nothing but the pause. The
folder must not have a pod of that name already, and no server may run in it. Nothing at PLACE is changed.

The kit is read from FILE, or asked for. A paired phone shows it under You, Backup.

Examples:
  kith restore /media/disk/kith --kit kit.txt
  kith restore https://cloud.example.org/remote.php/dav/files/ana/kith --user ana --data /srv/kith
`}
}

func runRestore(ctx context.Context, c *call) error {
	cfg := c.config()
	file := c.flags.String("kit", "", "`FILE` that holds the kit")
	at := c.placeFlags()
	if err := c.parse(); err != nil {
		return err
	}
	if len(c.words) != 1 {
		return fmt.Errorf("%w: say `kith restore PLACE`", errUsage)
	}
	user := at.account()
	place, err := at.address(c.words[0])
	if err != nil {
		return err
	}
	c.args, c.words = nil, nil
	if cfg.Data == "" {
		if cfg.Data, err = server.DefaultData(); err != nil {
			return err
		}
	}
	back := false
	defer leaveAsFound(cfg.Data, &back)()
	if err := c.complete(cfg); err != nil {
		return err
	}
	password, err := c.password(place, user)
	if err != nil {
		return err
	}
	kit, err := c.kit(*file)
	if err != nil {
		return err
	}
	name, r, err := server.Restore(ctx, *cfg, place, user, password, kit, c.progress("restored"))
	if err != nil {
		return unrestored(err, place)
	}
	back = true
	_, err = fmt.Fprintf(c.stdout, "\r%s is back: %d files, %.1f MB. Start it with `kith serve --data %s`.\n", name, r.Done, float64(r.Bytes)/1e6, cfg.Data)
	if err == nil {
		_, err = fmt.Fprintf(c.stderr, "No backup is made of it yet. `kith backup add %s PLACE --kit FILE` goes on with the one it came from.\n", name)
	}
	return err
}

// unrestored adds to why a restore failed what to do.
func unrestored(err error, place string) error {
	switch {
	case errors.Is(err, archive.ErrKit):
		return fmt.Errorf("%w; take the newest one, which a paired phone has", err)
	case errors.Is(err, archive.ErrNone):
		return fmt.Errorf("%w: %s; name the place that you gave to `kith backup add`", err, place)
	case errors.Is(err, archive.ErrDamaged):
		return fmt.Errorf("%w\nNothing was restored. Take another copy of the backup, or an older one with the kit of its time", err)
	}
	return err
}

// leaveAsFound returns what removes what a restore makes in a folder before it has brought anything back, unless it is
// back: the files that were not there, and folders if they are empty.
func leaveAsFound(dir string, back *bool) func() {
	var made []string // innermost first
	for _, name := range []string{"kith.toml", "state.db", "pods", "index", ""} {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			made = append(made, path)
		}
	}
	return func() {
		for _, path := range made {
			if !*back {
				os.Remove(path) // a folder that holds something stays
			}
		}
	}
}

// kit reads the kit from a file, or asks for it.
func (c *call) kit(file string) (string, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			err = fmt.Errorf("read the kit: %w; name the file that has it", err)
		}
		return strings.TrimSpace(string(text)), err
	}
	if _, err := fmt.Fprint(c.stderr, "Kit: "); err != nil {
		return "", err
	}
	line, err := c.line()
	return strings.TrimSpace(line), err
}
