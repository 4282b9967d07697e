package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"kith/internal/server"
)

func personCommand() command {
	return command{name: "person", summary: "make a pod for one more person, list them, or bound one", run: runPerson, help: `
Usage: kith person add NAME [--data DIR] [--url BASE]
       kith person list [--json] [--data DIR]
       kith person quota NAME [SIZE] [--data DIR]

add makes the pod BASE/NAME/ and prints one line of JSON: the name, the pod, the WebID, the issuer and a
pairing link. The link works once and for 15 minutes; "kith pair NAME" makes another. It does not
matter whether the server runs.

list tells of each person the size of the pod, when it was last backed up, and the devices that are paired with it.

quota prints how much of the disk a pod takes and may take, and sets it when a SIZE is named: 500MB, 20GB, or none.
It holds from the next write on; what is there stays. A write that would be too much is refused with 507, and
reading and deleting go on.

Examples:
  kith person add alice
  kith person add bob --data /srv/kith --url https://pod.example.org/
  kith person list
  kith person quota bob 20GB
`}
}

func runPerson(ctx context.Context, c *call) error {
	cfg := c.config()
	asJSON := c.flags.Bool("json", false, "print JSON, a line for each person")
	if err := c.parse(); err != nil {
		return err
	}
	words := c.words
	c.args, c.words = nil, nil
	switch {
	case len(words) == 2 && words[0] == "add":
		return c.addPerson(ctx, cfg, words[1])
	case len(words) == 1 && words[0] == "list":
		return c.listPeople(ctx, cfg, *asJSON)
	case (len(words) == 2 || len(words) == 3) && words[0] == "quota":
		return c.quota(ctx, cfg, words[1], words[2:])
	}
	return fmt.Errorf("%w: say `kith person add NAME`, `kith person list` or `kith person quota NAME SIZE`", errUsage)
}

func (c *call) addPerson(ctx context.Context, cfg *server.Config, name string) error {
	if err := c.complete(cfg); err != nil {
		return err
	}
	introduction, err := server.AddPerson(ctx, *cfg, name)
	if err != nil {
		return err
	}
	return json.NewEncoder(c.stdout).Encode(introduction)
}

func (c *call) listPeople(ctx context.Context, cfg *server.Config, asJSON bool) error {
	if err := c.existing(cfg); err != nil {
		return err
	}
	all, err := cfg.List(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		for _, one := range all {
			if err := json.NewEncoder(c.stdout).Encode(one); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSIZE\tLAST BACKUP\tDEVICES")
	for _, one := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", one.Name, sizeOf(one), backupOf(one), devicesOf(one))
	}
	return w.Flush()
}

func sizeOf(one server.Listed) string {
	text := fmt.Sprintf("%.1f MB", float64(one.Used)/1e6)
	if one.Quota > 0 {
		text += fmt.Sprintf(" of %.0f", float64(one.Quota)/1e6)
	}
	return text
}

func backupOf(one server.Listed) string {
	switch {
	case one.Half != "":
		return "not whole: kith doctor " + one.Name
	case one.Moved:
		return "moved away"
	case one.Places == 0:
		return "none: kith backup add " + one.Name + " PLACE"
	case one.Backup == nil:
		return "not yet"
	}
	return one.Backup.Local().Format(time.DateTime)
}

func devicesOf(one server.Listed) string {
	if one.Half != "" {
		return "-"
	}
	if len(one.Devices) == 0 {
		return "none: kith pair " + one.Name
	}
	return strings.Join(one.Devices, ", ")
}

func (c *call) quota(ctx context.Context, cfg *server.Config, name string, size []string) error {
	if err := c.existing(cfg); err != nil {
		return err
	}
	person := server.Person{Config: *cfg, Name: name}
	if len(size) > 0 {
		bytes, err := parseSize(size[0])
		if err != nil {
			return err
		}
		if err := person.SetQuota(ctx, bytes, c.patience); err != nil {
			return err
		}
	}
	room, err := person.Room(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(c.stdout).Encode(room)
}

// parseSize reads a number of bytes as people write it: 500MB, 20 GB, 1.5GiB; "none" is 0.
func parseSize(text string) (int64, error) {
	said := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if said == "NONE" {
		return 0, nil
	}
	at := strings.IndexFunc(said, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	unit := "B"
	if at >= 0 {
		said, unit = said[:at], said[at:]
	}
	n, err := strconv.ParseFloat(said, 64)
	factor, known := sizes[strings.TrimSuffix(unit, "B")]
	if err != nil || !known || n <= 0 || n*factor < 1 || n*factor > 1<<60 {
		return 0, fmt.Errorf("%w: %q is no size; write for example 500MB, 20GB or none", errUsage, text)
	}
	return int64(n * factor), nil
}

// sizes are the units without their B.
var sizes = map[string]float64{
	"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"KI": 1 << 10, "MI": 1 << 20, "GI": 1 << 30, "TI": 1 << 40,
}
