package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"kith/internal/server"
)

func personCommand() command {
	return command{name: "person", summary: "make a pod for one more person, or bound one", run: runPerson, help: `
Usage: kith person add NAME [--data DIR] [--url BASE]
       kith person quota NAME [SIZE] [--data DIR]

add makes the pod BASE/NAME/ and prints one line of JSON: the name, the pod, the WebID, the issuer and a
pairing link. The link works once and for 15 minutes; "kith pair NAME" makes another. It does not
matter whether the server runs.

quota prints how much of the disk a pod takes and may take, and sets it when a SIZE is named: 500MB, 20GB, or none.
It holds from the next write on; what is there stays. A write that would be too much is refused with 507, and
reading and deleting go on.

Examples:
  kith person add alice
  kith person add bob --data /srv/kith --url https://pod.example.org/
  kith person quota bob 20GB
`}
}

func runPerson(ctx context.Context, c *call) error {
	cfg := c.config()
	if err := c.parse(); err != nil {
		return err
	}
	words := c.words
	c.args, c.words = nil, nil
	switch {
	case len(words) == 2 && words[0] == "add":
		return c.addPerson(ctx, cfg, words[1])
	case (len(words) == 2 || len(words) == 3) && words[0] == "quota":
		return c.quota(ctx, cfg, words[1], words[2:])
	}
	return fmt.Errorf("%w: say `kith person add NAME` or `kith person quota NAME SIZE`", errUsage)
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
