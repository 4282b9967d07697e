// Command kith runs a pod: the second home of a person's posts, which answers friends while the
// phone sleeps, and which serves the app.
//
// Everything lives in one folder, named by --data; `kith serve --help` tells what lies in it.
// Each subcommand, which `kith` alone lists, has a file of its own here and does its work through internal/server.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"zombiezen.com/go/sqlite"

	"kith/internal/server"
	"kith/relay"
)

// Exit codes, as shells expect them.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// command is one subcommand: what the overview says of it, its help and what it does.
type command struct {
	name    string
	summary string
	help    string
	run     func(ctx context.Context, c *call) error
}

// call is one invocation: flags are declared on it, words are what follows them.
type call struct {
	flags  *flag.FlagSet
	args   []string
	words  []string
	stdout io.Writer
	stderr io.Writer
	stdin  *bufio.Reader // made by line
	midway bool          // stderr ends in the middle of a line, which tells how far something is
}

// verb reads a call of the form `VERB NAME REST` and completes the settings of a folder that is there. count is
// how many words there are; those that are not there are "".
func (c *call) verb(cfg *server.Config) (verb, name, rest string, count int, err error) {
	if err := c.parse(); err != nil {
		return "", "", "", 0, err
	}
	words := append(c.words, "", "", "")
	verb, name, rest, count = words[0], words[1], words[2], len(c.words)
	c.args, c.words = nil, nil
	if count < 2 {
		return verb, name, rest, count, nil // what is wrong with that, its caller says
	}
	return verb, name, rest, count, c.existing(cfg)
}

// line reads a line of standard input, without its end.
func (c *call) line() (string, error) {
	if c.stdin == nil {
		c.stdin = bufio.NewReader(os.Stdin)
	}
	text, err := c.stdin.ReadString('\n')
	if err == io.EOF {
		c.midway, err = true, nil // nobody has ended the line of the question
	}
	return strings.TrimRight(text, "\r\n"), err
}

var errUsage = errors.New("this call is not understood")

// list prints a line of JSON for each of all, or where there are none tells the person so.
func list[T any](c *call, all []T, none string) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(c.stderr, none)
		return err
	}
	out := json.NewEncoder(c.stdout)
	for _, one := range all {
		if err := out.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

func commands() []command {
	return []command{serveCommand(), personCommand(), pairCommand(), credentialsCommand(), classesCommand(), passwordsCommand(), backupCommand(), restoreCommand(), moveCommand(), checkCommand(), doctorCommand(), healthCommand(), eraseReportCommand(), serviceCommand(), relayCommand(), updateCommand(), versionCommand()}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 1 && args[0] == "help" {
		args = []string{args[1], "--help"}
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		overview(stdout)
		return exitOK
	}
	for _, cmd := range commands() {
		if cmd.name == args[0] {
			return cmd.do(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "kith: there is no command %q. Try one of these:\n\n", args[0])
	overview(stderr)
	return exitUsage
}

func overview(w io.Writer) {
	fmt.Fprint(w, "Kith: private sharing among friends. This program is the pod.\n\n")
	for _, cmd := range commands() {
		fmt.Fprintf(w, "  kith %-13s %s\n", cmd.name, cmd.summary)
	}
	fmt.Fprint(w, "\nHelp with examples: kith help COMMAND\n")
}

func (cmd command) do(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &call{flags: flag.NewFlagSet(cmd.name, flag.ContinueOnError), args: args, stdout: stdout, stderr: stderr}
	c.flags.SetOutput(io.Discard)
	err := cmd.run(ctx, c)
	if err != nil && c.midway {
		fmt.Fprintln(stderr)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		c.printHelp(stdout, cmd.help)
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "kith %s: %v\n\n%s\n\nMore, with examples: kith help %s\n", cmd.name, err, synopsis(cmd.help), cmd.name)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "kith %s: stopped before it was done: %v\n", cmd.name, err)
		return exitFailed
	}
	if full(err) {
		err = fmt.Errorf("the disk is full: %w\nThere is no room: make some on the disk, and try again. `kith doctor` says how much is left", err)
	}
	fmt.Fprintf(stderr, "kith %s: %v\n", cmd.name, err)
	if errors.Is(err, server.ErrConfig) || errors.Is(err, relay.ErrConfig) {
		return exitUsage
	}
	return exitFailed
}

// full reports whether an error means that a disk is full, in the words of the system or of the database.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull
}

// synopsis returns the first paragraph of a help text, which says how the command is called.
func synopsis(help string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(help), "\n\n")
	return first
}

func (c *call) printHelp(w io.Writer, help string) {
	fmt.Fprintln(w, strings.TrimSpace(help))
	first := true
	c.flags.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprintln(w, "\nFlags:")
		}
		first = false
		value, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  %-16s %s\n", strings.TrimSpace("--"+f.Name+" "+value), usage)
	})
}

// parse reads flags wherever they stand, so that `person add NAME --data DIR` and
// `person --data DIR add NAME` are the same.
func (c *call) parse() error {
	rest := c.args
	for {
		if err := c.flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return err
			}
			return fmt.Errorf("%w: %v", errUsage, err)
		}
		if c.flags.NArg() == 0 {
			return nil
		}
		c.words, rest = append(c.words, c.flags.Arg(0)), c.flags.Args()[1:]
	}
}

// config declares the flags that every subcommand about a folder has.
func (c *call) config() *server.Config {
	cfg := &server.Config{}
	c.flags.StringVar(&cfg.Data, "data", "", "`DIR` that holds everything (default: what KITH_DATA says, else kith in the home folder)")
	c.flags.StringVar(&cfg.URL, "url", "", "`BASE` address as people reach it, for example https://pod.example.org/")
	return cfg
}

// folder is parse followed by which folder is meant when none is named.
func (c *call) folder(cfg *server.Config) (err error) {
	if err = c.parse(); err == nil && cfg.Data == "" {
		cfg.Data, err = server.DefaultData()
	}
	return err
}

// complete is folder followed by what the folder's own kith.toml and the defaults say.
func (c *call) complete(cfg *server.Config) error {
	if err := c.folder(cfg); err != nil {
		return err
	}
	full, err := cfg.Complete()
	if err != nil {
		return err
	}
	*cfg = full
	return nil
}
