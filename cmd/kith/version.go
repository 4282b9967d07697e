package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"runtime"

	"kith/pwa"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "unreleased"

func versionCommand() command {
	return command{name: "version", summary: "say which version this is", run: runVersion, help: `
Usage: kith version

Prints the version, the Go release it was built with, and the SHA-256 of the app inside.
`}
}

func runVersion(_ context.Context, c *call) error {
	if err := c.parse(); err != nil {
		return err
	}
	sum := "none: built without it"
	if files, err := pwa.Files(); err == nil {
		page, err := fs.ReadFile(files, "index.html")
		if err != nil {
			return err
		}
		sum = fmt.Sprintf("%x", sha256.Sum256(page))
	}
	_, err := fmt.Fprintf(c.stdout, "kith %s\n%s %s/%s\napp %s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, sum)
	return err
}
