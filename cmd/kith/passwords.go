package main

import (
	"context"
	"encoding/json"
	"fmt"

	"kith/internal/server"
)

func passwordsCommand() command {
	return command{name: "passwords", summary: "let a computer open a pod as a network drive", run: runPasswords, help: `
Usage: kith passwords add NAME --label LABEL [--data DIR]
       kith passwords list NAME [--data DIR]
       kith passwords revoke NAME ID [--data DIR]

An app password opens the pod of NAME as a network drive (WebDAV), in Finder, Explorer, davfs2 and the
like. Who has it may read and change every file of the pod; it opens nothing else, and signs in nowhere.
add prints one line of JSON with the address of the drive, the user and the password, which is kept
nowhere and cannot be shown again; list prints one line for each, without it. It does not matter whether
the server runs. revoke ends it with the next request.

To open the drive, with the url, user and password that add has printed:
  macOS     Finder, Go, Connect to Server
  Windows   Explorer, This PC, Map network drive (Windows wants https)
  Linux     Files, Other Locations, with davs:// for https://; or mount -t davfs URL FOLDER

Examples:
  kith passwords add me --label "Ana's laptop"
  kith passwords list me --data /srv/kith
  kith passwords revoke me ijw4r5d2ee7k3x2a
`}
}

func runPasswords(ctx context.Context, c *call) error {
	cfg := c.config()
	label := c.flags.String("label", "", "`LABEL` by which NAME recognises the password")
	verb, name, id, count, err := c.verb(cfg)
	if err != nil {
		return err
	}
	person := server.Person{Config: *cfg, Name: name}
	switch {
	case verb == "add" && count == 2 && *label != "":
		made, err := person.AddPassword(ctx, *label)
		if err != nil {
			return err
		}
		return json.NewEncoder(c.stdout).Encode(made)
	case verb == "list" && count == 2:
		all, err := person.Passwords(ctx)
		if err != nil {
			return err
		}
		return list(c, all, fmt.Sprintf("%s has no app passwords; make one with `kith passwords add %[1]s --label LABEL`", name))
	case verb == "revoke" && count == 3:
		return person.RevokePassword(ctx, id)
	case verb == "add" && count == 2:
		return fmt.Errorf("%w: say which computer it is for, for example --label laptop", errUsage)
	}
	return fmt.Errorf("%w: say `kith passwords add NAME --label LABEL`, `list NAME` or `revoke NAME ID`", errUsage)
}
