package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kith/internal/server"
	"kith/sync/archive"
)

func restoreCommand() command {
	return command{name: "restore", summary: "make a pod out of its backup", run: runRestore, help: `
Usage: kith restore PLACE [--kit FILE] [--user USER] [--salvage] [--data DIR]
       kith restore s3://BUCKET/PREFIX --key KEY [--endpoint URL] [--region REGION] [--kit FILE] [--salvage] [--data DIR]

Brings a pod back from where ` + "`kith backup`" + ` has kept it: the same files, byte for byte, with friends, access
rules and circles, and with the pod's keys, so that phones and friends notice nothing but the pause. The
folder must not have a pod of that name already, and no server may run in it. Nothing at PLACE is changed.
When it is broken off, say the same again: it goes on from what has come, and nobody opens half a pod.

The kit is read from FILE, or asked for. A paired phone shows it under You, Backup.

Where something of the backup is missing, cut or altered, nothing is restored: another copy of the backup may be sound.
If there is none, --salvage brings back what is sound. What is not stands at the end of what is printed, and in the
file not-restored-NAME.txt of the folder; the command ends with 1 then. Nobody sees more than before: where access rules
are lost, only you see what they were about, and a friend whose record is lost is a stranger. Your phones bring back
what they still have of all that, as soon as they reach the pod.

Examples:
  kith restore /media/disk/kith --kit kit.txt
  kith restore https://cloud.example.org/remote.php/dav/files/ana/kith --user ana --data /srv/kith
  kith restore /media/disk/kith --kit kit.txt --salvage
`}
}

func runRestore(ctx context.Context, c *call) error {
	cfg := c.config()
	file := c.flags.String("kit", "", "`FILE` that holds the kit")
	salvage := c.flags.Bool("salvage", false, "bring back what is sound of a backup that is damaged")
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
	var name string
	var r archive.Report
	var lost []server.Lost
	if *salvage {
		name, r, lost, err = server.Salvage(ctx, *cfg, place, user, password, kit, c.progress("restored"))
	} else {
		name, r, err = server.Restore(ctx, *cfg, place, user, password, kit, c.progress("restored"))
	}
	if err != nil {
		return unrestored(err, place, *salvage)
	}
	back = true
	if len(lost) > 0 {
		return c.salvaged(cfg.Data, place, name, r, lost)
	}
	_, err = fmt.Fprintf(c.stdout, "\r%s is back as it was at %s: %d files, %.1f MB. Start it with `kith serve --data %s`.\n", name, r.Made.Local().Format(time.DateTime), r.Done, float64(r.Bytes)/1e6, cfg.Data)
	if err == nil {
		_, err = fmt.Fprintf(c.stderr, "No backup is made of it yet. `kith backup add %s PLACE --kit FILE` goes on with the one it came from.\n", name)
	}
	return err
}

// mostLost is how many lost files are printed; the file lists all.
const mostLost = 50

// salvaged tells what came back and what did not, and returns that it is not all.
func (c *call) salvaged(dir, place, name string, r archive.Report, lost []server.Lost) error {
	lines := make([]string, len(lost))
	for i, each := range lost {
		lines[i] = each.Path
		switch {
		case each.Closed:
			lines[i] += "  (access rules: only you, until a phone brings them back or you share anew)"
		case each.Path == "/settings/relays":
			lines[i] += "  (the relays of the pod: none, until a phone reaches it without them, in its own network)"
		case each.Friend:
			lines[i] += "  (a friend: a stranger, until a phone brings the record back or you invite them again)"
		}
	}
	file := filepath.Join(dir, "not-restored-"+name+".txt")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("list what was not restored: %w", err)
	}
	fmt.Fprintf(c.stdout, "\r%s is back as it was at %s, as far as the backup is sound: %d files, %.1f MB. Start it with `kith serve --data %s`.\nNot restored:\n", name, r.Made.Local().Format(time.DateTime), r.Done, float64(r.Bytes)/1e6, dir)
	for _, line := range lines[:min(len(lines), mostLost)] {
		fmt.Fprintf(c.stdout, "  %s\n", line)
	}
	if more := len(lines) - mostLost; more > 0 {
		fmt.Fprintf(c.stdout, "  and %d more\n", more)
	}
	fmt.Fprintf(c.stdout, "All of them stand in %s. Your phones bring back what they still have when they reach the pod.\n", file)
	fmt.Fprintf(c.stdout, "Leave %s as it is until then, and back up to another place.\n", place)
	return fmt.Errorf("%d of %d files were not restored", len(lost), r.Total)
}

// unrestored adds to why a restore failed what to do.
func unrestored(err error, place string, salvage bool) error {
	switch {
	case errors.Is(err, archive.ErrKit):
		return fmt.Errorf("%w; take the newest one, which a paired phone has", err)
	case errors.Is(err, archive.ErrNone):
		return fmt.Errorf("%w: %s; name the place that you gave to `kith backup add`", err, place)
	case errors.Is(err, archive.ErrDamaged) && salvage:
		return fmt.Errorf("%w\nNothing was restored: what says where everything lies cannot be read. Take another copy of the backup, or an older one with the kit of its time", err)
	case errors.Is(err, archive.ErrDamaged):
		return fmt.Errorf("%w\nNothing was restored. Take another copy of the backup, or an older one with the kit of its time. If there is none, say the same with --salvage: it brings back what is sound, and lists what is not", err)
	}
	return err
}

// leaveAsFound returns what removes what a restore makes in a folder before it has brought anything back, unless it is
// back: the files that were not there, and folders if they are empty. Where a folder of pods stays, so does what tells of
// it.
func leaveAsFound(dir string, back *bool) func() {
	var made []string // innermost first
	for _, name := range []string{"pods", "index", "kith.toml", "state.db", ""} {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			made = append(made, path)
		}
	}
	return func() {
		for _, path := range made {
			if *back {
				return
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return // a folder that holds something
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
