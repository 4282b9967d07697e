package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"

	"kith/pwa"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "unreleased"

func versionCommand() command {
	return command{name: "version", summary: "say which version this is", run: runVersion, help: `
Usage: kith version

Prints the version, the Go release it was built with, and the SHA-256 of the app inside: of the page
that this server hands out, and of the single file that opens from a disk. The app shows the hash of
the page that it runs from under You, About.
`}
}

func runVersion(_ context.Context, c *call) error {
	if err := c.parse(); err != nil {
		return err
	}
	if len(c.words) > 0 {
		return fmt.Errorf("%w: %q is too much; version takes nothing", errUsage, c.words[0])
	}
	if _, err := fmt.Fprintf(c.stdout, "kith %s\n%s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH); err != nil {
		return err
	}
	files, err := pwa.Files()
	if err != nil {
		return err
	}
	for _, name := range []string{"shell.html", "index.html"} {
		page, err := files[name].Bytes()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.stdout, "%s %x\n", name, sha256.Sum256(page)); err != nil {
			return err
		}
	}
	return nil
}
