package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"kith/internal/server"
)

func checkCommand() command {
	return command{name: "check", summary: "read a whole pod again and repair what is derived", run: runCheck, help: `
Usage: kith check [NAME] [--json] [--data DIR]
       kith check NAME --accept-deletions [--seen STATE] [--data DIR]
       kith check NAME --restore-deletions [--seen STATE] [--data DIR]
       kith check NAME --begin-empty [--data DIR]

Reads every file of the pod (of every pod, without NAME) to its end and compares it with what was written; compares
the index with the folder and with itself; reads all access lists, and the state of the server. What is derived is
repaired at once. What is not is told, with what to do: this program never guesses at your files. A server that runs
does the work itself and goes on serving; where none runs, this command does it. It ends with 1 when something is left
for you to do.

When very many files disappear from the folder at once, while the server runs or not, these deletions are held back
until you decide, over any number of restarts, and backups keep the files. --restore-deletions brings them back from
the backups of the pod; what none has counts as lost, and your phones bring back what they have of it.
--accept-deletions makes the deletions real, on your phones and in the backups too. With --seen, which a check prints,
nothing is done when it would be about others than you were told of.

When the whole folder of a pod is missing or empty, because its disk is not mounted or somebody has moved it, nothing
is made in its place: the pod is served again once the folder is back. --begin-empty makes an empty one.

Examples:
  kith check
  kith check me --json
  kith check me --restore-deletions
`}
}

func runCheck(ctx context.Context, c *call) error {
	cfg := c.config()
	asJSON := c.flags.Bool("json", false, "print JSON, a line for each pod")
	accept := c.flags.Bool("accept-deletions", false, "delete everywhere what disappeared from the folder")
	restore := c.flags.Bool("restore-deletions", false, "bring back what disappeared from the folder")
	empty := c.flags.Bool("begin-empty", false, "make an empty folder for a pod whose own is missing")
	saw := c.flags.String("seen", "", "`STATE` of the deletions that are meant, as a check prints it")
	if err := c.existing(cfg); err != nil {
		return err
	}
	if chosen := count(*accept, *restore, *empty); len(c.words) > 1 || chosen > 1 || chosen == 1 && len(c.words) == 0 {
		return fmt.Errorf("%w: say `kith check`, `kith check NAME`, and at most one of --accept-deletions, --restore-deletions and --begin-empty", errUsage)
	}
	names, err := c.people(ctx, *cfg)
	if err != nil {
		return err
	}
	if *empty {
		return c.beginEmpty(ctx, server.Person{Config: *cfg, Name: names[0]})
	}
	if *accept || *restore {
		return c.decideHeld(ctx, server.Person{Config: *cfg, Name: names[0]}, *accept, *saw)
	}
	sound := true
	for _, name := range names {
		got, err := server.Person{Config: *cfg, Name: name}.Check(ctx, c.patience)
		if err != nil {
			return fmt.Errorf("check %s: %w", name, err)
		}
		sound = sound && got.Sound()
		if err := showCheck(c.stdout, name, got, *asJSON); err != nil {
			return err
		}
	}
	if !sound {
		return errors.New("something is left for you to do")
	}
	return nil
}

func count(flags ...bool) (n int) {
	for _, set := range flags {
		if set {
			n++
		}
	}
	return n
}

func (c *call) beginEmpty(ctx context.Context, person server.Person) error {
	if err := person.BeginEmpty(ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "%[1]s has an empty folder. A server that runs takes it within a minute. What the index of the pod still knows is held back: `kith check %[1]s` tells how much, and asks. Where it knows nothing, the next backup run makes the backups as empty as the pod: copy first what you want of them.\n", person.Name)
	return err
}

func (c *call) decideHeld(ctx context.Context, person server.Person, remove bool, saw string) error {
	what, err := person.DecideHeld(ctx, remove, saw, c.patience)
	if err != nil {
		return err
	}
	switch {
	case what == "":
		_, err = fmt.Fprintln(c.stdout, "No deletions are held back.")
	case remove:
		_, err = fmt.Fprintf(c.stdout, "Deleted: %s; on your phones too when they next ask, and in the backups with their next run.\n", what)
	default:
		_, err = fmt.Fprintln(c.stdout, what)
	}
	return err
}

// patience says that a server has not answered yet.
func (c *call) patience() {
	fmt.Fprintln(c.stderr, "Another process has the pod open and has not answered yet; still waiting. If it is no `kith serve` of this version, stop it.")
}

// existing completes the settings of a folder that must be there already: nothing is made.
func (c *call) existing(cfg *server.Config) error {
	if err := c.folder(cfg); err != nil {
		return err
	}
	if err := cfg.Existing(); err != nil {
		return err
	}
	c.args = nil
	return c.complete(cfg)
}

// people returns whom the words of the call name, or everybody.
func (c *call) people(ctx context.Context, cfg server.Config) ([]string, error) {
	if len(c.words) > 0 {
		return c.words, nil
	}
	return cfg.People(ctx)
}

// showCheck prints what a check has found.
func showCheck(w io.Writer, name string, c server.Checked, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			Name  string `json:"name"`
			Sound bool   `json:"sound"`
			server.Checked
		}{name, c.Sound(), c})
	}
	if c.Moved {
		_, err := fmt.Fprintf(w, "%s: has moved to another machine; check it there\n", name)
		return err
	}
	who := "no server has it open"
	if c.Server {
		who = "by the running server"
	}
	fmt.Fprintf(w, "%s: %d files read, %.1f MB, %s\n", name, c.Resources, float64(c.Bytes)/1e6, who)
	if c.Repaired > 0 {
		fmt.Fprintf(w, "  repaired   %d entries of the index\n", c.Repaired)
	}
	if c.HeldText != "" {
		from := "There is no backup of the pod (kith backup list): it can only come from your phones"
		if c.Backup != "" {
			from = "The backup of " + c.Backup + " has what was there then (kith backup list), and keeps it until you decide; the rest comes from your phones"
		}
		fmt.Fprintf(w, "  %s disappeared at once. %s. Say --restore-deletions to have all of it back, or --accept-deletions to delete it there too; and --seen %s if you mean these and no others.\n", c.HeldText, from, c.Seen)
	}
	list := func(what string, paths []string, todo string) {
		if len(paths) > 0 {
			fmt.Fprintf(w, "  %s\n    %s\n  %s\n", what, strings.Join(paths, "\n    "), todo)
		}
	}
	list("other bytes than were written, or unreadable:", c.Damaged, "The disk may be failing. Bring these files back from a backup (`kith restore` into another folder) and put them in their places; what looks right to you, save again.")
	list("access lists that cannot be read, and let nobody in:", c.ACLs, "Share again what they stand beside, or bring them back from a backup.")
	list("copies of what was changed in two places, not served:", c.Conflicts, "Compare, and remove those that you do not need.")
	list(fmt.Sprintf("in the folder, and no part of the pod (%d): nobody is shown them, and no backup has them:", c.Outside), c.Foreign, "When you have done what is said there, they are taken in by themselves.")
	list("not served, since their names say that they are not finished:", c.Halves, "Rename those that are whole.")
	if c.Rebuild {
		fmt.Fprintln(w, "  The index is damaged. Start the server anew: it makes another. Until then nothing is written. Then check again.")
	}
	if c.Sound() {
		fmt.Fprintln(w, "  nothing is left to do")
	}
	return nil
}
