package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"kith/internal/release"
)

// What the build of a release sets (tools/release). Without a key no release can be told from a forged one.
var (
	released   string // when the source was written, in seconds since 1970
	releaseKey string // the public key that signs releases, in base64
	releaseURL string // where releases are
)

var (
	errNoKey   = errors.New("this program was built without the key that signs releases, so it cannot tell a release from a forgery; it takes no updates. Build it anew, or fetch a release by hand")
	errNoPlace = errors.New("this program does not know where releases are: say --from https://…")
	errOlder   = errors.New("what is there is older than this program; a server with newer folders may not open with it. If you mean it, say --older")
)

func updateCommand() command {
	return command{name: "update", summary: "fetch a newer version, after a look at its signature", run: runUpdate, help: `
Usage: kith update [--from URL] [--older] [--yes]
       kith update --undo

Looks for a newer release at URL, a folder behind https (the one that was set when this program was built, unless
you say another), asks you, fetches it, and puts it in the place of this program. The one before is kept beside it
as kith.previous; --undo puts that back. Nothing is changed unless the list of the release is signed by the key
that this program was built with, the fetched file is the one on that list, and the new program starts.

A server that runs goes on with the old version until it is started again.

Examples:
  kith update
  kith update --from https://kith.example.org/releases/
  kith update --undo
`}
}

// updating is one call of the command.
type updating struct {
	*call
	from       string
	older, yes bool
}

func runUpdate(ctx context.Context, c *call) error {
	u := updating{call: c}
	c.flags.StringVar(&u.from, "from", releaseURL, "`URL` of a folder with a release")
	c.flags.BoolVar(&u.older, "older", false, "take a release that is older than this program")
	c.flags.BoolVar(&u.yes, "yes", false, "do not ask")
	undo := c.flags.Bool("undo", false, "go back to the program before")
	if err := c.parse(); err != nil {
		return err
	}
	if len(c.words) > 0 {
		return fmt.Errorf("%w: %q is too much; update takes flags only", errUsage, c.words[0])
	}
	program, err := own()
	if err != nil {
		return err
	}
	if *undo {
		return u.undo(program)
	}
	return u.update(ctx, program)
}

// own returns the file of this program, not a link to it.
func own() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return filepath.EvalSymlinks(name)
}

func (u updating) undo(program string) error {
	if err := release.Undo(program); err != nil {
		return err
	}
	_, err := fmt.Fprintln(u.stdout, "The program before is back. Start the server again to run it; another --undo takes this back.")
	return err
}

func (u updating) update(ctx context.Context, program string) error {
	source, err := u.source()
	if err != nil {
		return err
	}
	r, err := source.Newest(ctx)
	if err != nil {
		return err
	}
	if ok, err := u.wanted(r); err != nil || !ok {
		return err
	}
	name := release.Name(runtime.GOOS, runtime.GOARCH)
	err = release.Replace(program, func(w io.Writer) error {
		return source.Fetch(ctx, r, name, w, progressTo(u.stderr))
	}, func(fresh string) error { return starts(ctx, fresh, r.Version) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(u.stdout, "kith %s is in place; the one before is %s. Start the server again to run it.\n", r.Version, release.Previous(program))
	return err
}

func (u updating) source() (*release.Source, error) {
	if releaseKey == "" {
		return nil, errNoKey
	}
	key, err := base64.StdEncoding.DecodeString(releaseKey)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("the key that was set when this program was built is no Ed25519 key")
	}
	if u.from == "" {
		return nil, errNoPlace
	}
	return release.NewSource(u.from, key)
}

// wanted says what is there, and reports whether it is to be installed.
func (u updating) wanted(r release.Release) (bool, error) {
	own := ownDate()
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	if r.Date.Equal(own) && r.Version == version {
		_, err := fmt.Fprintf(u.stdout, "kith %s of %s is the newest that is there.\n", version, day(own))
		return false, err
	}
	if r.Date.Before(own) && !u.older {
		return false, fmt.Errorf("%w (there: %s of %s; this: %s of %s)", errOlder, r.Version, day(r.Date), version, day(own))
	}
	fmt.Fprintf(u.stdout, "There is kith %s of %s, rightly signed. This is %s", r.Version, day(r.Date), version)
	if !own.IsZero() {
		fmt.Fprintf(u.stdout, " of %s", day(own))
	}
	fmt.Fprint(u.stdout, ".\n")
	return u.asked()
}

// ownDate is when the source of this program was written, zero when its build did not say.
func ownDate() time.Time {
	seconds, err := strconv.ParseInt(released, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func (u updating) asked() (bool, error) {
	if u.yes {
		return true, nil
	}
	fmt.Fprint(u.stdout, "Fetch it, and put it in the place of this program? [y/N] ")
	answer, err := u.line()
	if err != nil {
		return false, err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return true, nil
	}
	_, err = fmt.Fprintln(u.stdout, "Nothing was changed.")
	return false, err
}

// progressTo tells of each tenth that has come.
func progressTo(w io.Writer) func(done, all int64) {
	last := int64(0)
	return func(done, all int64) {
		if tenth := 10 * done / max(all, 1); all > 0 && tenth > last {
			last = tenth
			fmt.Fprintf(w, "%d0 %% of %.1f MB\n", tenth, float64(all)/1e6)
		}
	}
}

// starts reports whether a program starts on this machine, and is what it is said to be.
func starts(ctx context.Context, name, version string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, "version").Output()
	if err != nil {
		return err
	}
	if first, _, _ := bytes.Cut(out, []byte("\n")); string(first) != "kith "+version {
		return fmt.Errorf("it says %q of itself", first)
	}
	return nil
}
