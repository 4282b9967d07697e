package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"unicode/utf16"

	"kith/internal/server"
)

func serviceCommand() command {
	return command{name: "service", summary: "have the server start with the machine", run: runService, help: `
Usage: kith service install [--data DIR] [what you would give to "kith serve"]
       kith service install --print [--system] [--data DIR]
       kith service install --system [--data DIR]
       kith service remove [--system]
       kith service status [--system]

install has ` + "`kith serve --data DIR`" + ` start by itself, with as few rights as it needs: on Linux as a systemd unit of your
account, on macOS as a launch agent, on Windows as a task that begins when you sign in. What you would give to
"kith serve" as flags, give to install: it is kept in DIR/kith.toml. Installing again changes what has changed and
nothing else. --print shows the file and installs nothing. remove stops the server and takes the file away; the pods stay.

On Linux a unit of your account runs while you are signed in; "loginctl enable-linger" lets it run always. --system
makes one for the whole machine instead, which needs root and an account called ` + systemAccount + `, and may do still less: it
sees its folder and nothing else of the disk. Its settings write into DIR/kith.toml yourself.

The log: journalctl --user -u kith on Linux, DIR/log/kith.log elsewhere. It has neither names nor contents.

Examples:
  kith service install
  kith service install --reach https://relay.example.org/,https://other.example.org/
  sudo kith service install --system --data /var/lib/kith
  kith service status
`}
}

// service is one way of a system to start programs by itself.
type service struct {
	file    string     // where what is installed lies
	text    string     // of that file
	bytes   []byte     // as it is written
	ready   []string   // a command that fails where this way does not exist
	start   [][]string // commands that make it hold after the file was written
	stop    [][]string // commands that end it
	running []string   // a command that succeeds while the server runs
	without string     // what to do where the way does not exist
}

func runService(ctx context.Context, c *call) error {
	cfg := c.serving()
	system := c.flags.Bool("system", false, "for the whole machine (Linux)")
	show := c.flags.Bool("print", false, "print the file and install nothing")
	if err := c.folder(cfg); err != nil {
		return err
	}
	if len(c.words) != 1 {
		return fmt.Errorf("%w: say `kith service install`, `remove` or `status`", errUsage)
	}
	if err := settled(c.words[0], *cfg, *system); err != nil {
		return err
	}
	u, err := unitOf(cfg.Data, *system)
	if err != nil {
		return err
	}
	s, err := serviceOf(runtime.GOOS, u)
	if err != nil {
		return err
	}
	switch {
	case c.words[0] == "install" && *show:
		return c.printService(s, *cfg)
	case c.words[0] == "install":
		return c.installService(ctx, s, u, *cfg)
	case c.words[0] == "remove":
		return c.removeService(ctx, s)
	case c.words[0] == "status":
		_, err := fmt.Fprintln(c.stdout, s.status(ctx))
		return err
	}
	return fmt.Errorf("%w: say `kith service install`, `remove` or `status`", errUsage)
}

// settled checks the settings of a service, before anything is written or shown.
func settled(verb string, cfg server.Config, system bool) error {
	if verb != "install" {
		return nil
	}
	if system && says(cfg) {
		return fmt.Errorf("%w: a service of the whole machine has its settings in %s alone; write them there", errUsage, filepath.Join(cfg.Data, "kith.toml"))
	}
	return cfg.Valid()
}

// says reports whether flags say more than where the folder is.
func says(cfg server.Config) bool {
	return !reflect.DeepEqual(cfg, server.Config{Data: cfg.Data})
}

// printService shows the file, in which no settings stand.
func (c *call) printService(s service, cfg server.Config) error {
	if says(cfg) {
		fmt.Fprintf(c.stderr, "The file names the folder alone. What you gave as flags, write into %s, by the same names; `kith service install` does that.\n", filepath.Join(cfg.Data, "kith.toml"))
	}
	_, err := fmt.Fprint(c.stdout, s.text)
	return err
}

// unitOf names this very program.
func unitOf(data string, system bool) (unit, error) {
	program, err := os.Executable()
	if err != nil {
		return unit{}, fmt.Errorf("find this program: %w", err)
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return unit{}, fmt.Errorf("find this program: %w", err)
	}
	if data, err = filepath.Abs(data); err != nil {
		return unit{}, fmt.Errorf("find the folder: %w", err)
	}
	return unit{program: program, data: data, system: system}, nil
}

// answers asks the server itself: launchd and the task scheduler say what is installed, and not whether it runs.
func (u unit) answers() []string { return []string{u.program, "health", "--data", u.data} }

func serviceOf(goos string, u unit) (service, error) {
	if u.system && goos != "linux" {
		return service{}, fmt.Errorf("%w: --system is for Linux", errUsage)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return service{}, fmt.Errorf("find the folder of settings: %w", err)
	}
	switch goos {
	case "linux":
		return systemdService(u, config), nil
	case "darwin":
		return launchdService(u)
	case "windows":
		return taskService(u, config)
	}
	return service{}, fmt.Errorf("on %s no service can be installed; start `kith serve` by the means of the system", goos)
}

func systemdService(u unit, config string) service {
	ctl := func(words ...string) []string {
		if u.system {
			return append([]string{"systemctl"}, words...)
		}
		return append([]string{"systemctl", "--user"}, words...)
	}
	s := service{
		file: filepath.Join(config, "systemd", "user", "kith.service"), text: u.systemd(), bytes: []byte(u.systemd()),
		ready:   ctl("show-environment"),
		start:   [][]string{ctl("daemon-reload"), ctl("enable", "kith.service"), ctl("restart", "kith.service")},
		stop:    [][]string{ctl("disable", "--now", "kith.service")},
		running: ctl("is-active", "--quiet", "kith.service"),
		without: "systemd does not run here for this account. `kith service install --print` shows the unit; where there is no systemd, start `kith serve` by the means of the system, for example with \"@reboot kith serve\" in crontab -e.",
	}
	if u.system {
		s.file = "/etc/systemd/system/kith.service"
	}
	return s
}

func launchdService(u unit) (service, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return service{}, fmt.Errorf("find the home folder: %w", err)
	}
	domain := fmt.Sprintf("gui/%d", os.Getuid())
	file := filepath.Join(home, "Library", "LaunchAgents", launchLabel+".plist")
	return service{
		file: file, text: u.launchd(), bytes: []byte(u.launchd()),
		ready:   []string{"launchctl", "print", domain},
		start:   [][]string{{"launchctl", "bootstrap", domain, file}},
		stop:    [][]string{{"launchctl", "bootout", domain + "/" + launchLabel}},
		running: u.answers(),
		without: "launchd does not answer for this account; sign in at the screen once, and try again.",
	}, nil
}

func taskService(u unit, config string) (service, error) {
	account, err := user.Current()
	if err != nil {
		return service{}, fmt.Errorf("find this account: %w", err)
	}
	u.account = account.Username
	file := filepath.Join(config, "kith", "task.xml")
	return service{
		file: file, text: u.task(), bytes: asUTF16(u.task()),
		ready:   []string{"schtasks", "/Query", "/FO", "LIST"},
		start:   [][]string{{"schtasks", "/Create", "/F", "/TN", "Kith", "/XML", file}, {"schtasks", "/Run", "/TN", "Kith"}},
		stop:    [][]string{{"schtasks", "/End", "/TN", "Kith"}, {"schtasks", "/Delete", "/F", "/TN", "Kith"}},
		running: u.answers(),
		without: "the task scheduler does not answer.",
	}, nil
}

// asUTF16 is how the task scheduler reads files: little-endian, with a mark.
func asUTF16(text string) []byte {
	b := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit), byte(unit>>8))
	}
	return b
}

func (c *call) installService(ctx context.Context, s service, u unit, cfg server.Config) error {
	if u.system {
		if _, err := user.Lookup(systemAccount); err != nil {
			return fmt.Errorf("there is no account %q; make it with: useradd --system --home-dir %s --shell /usr/sbin/nologin %[1]s && install -d -m 0700 -o %[1]s -g %[1]s %[2]s", systemAccount, u.data)
		}
	}
	if err := tell(ctx, s.ready); err != nil {
		return fmt.Errorf("%s (%w)", s.without, err)
	}
	changed := false
	if !u.system {
		var err error
		if changed, err = cfg.Record(); err != nil {
			return err
		}
	}
	old, err := os.ReadFile(s.file)
	if err == nil && !changed && string(old) == string(s.bytes) && tell(ctx, s.running) == nil {
		_, err := fmt.Fprintf(c.stdout, "Nothing has changed: %s is installed, and the server runs.\n", s.file)
		return err
	}
	if err == nil && runtime.GOOS != "linux" {
		_ = tellAll(ctx, s.stop) // one that runs is not started again; one that does not cannot be ended
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o755); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	if err := os.WriteFile(s.file, s.bytes, 0o644); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	if err := tellAll(ctx, s.start); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	fmt.Fprintf(c.stdout, "The server runs, and starts by itself: %s\nIts settings are in %s.\n", s.file, filepath.Join(u.data, "kith.toml"))
	if runtime.GOOS == "linux" && !u.system {
		c.explainLinger(ctx)
	}
	return nil
}

// explainLinger says how the unit of an account outlives the session.
func (c *call) explainLinger(ctx context.Context) {
	out, err := exec.CommandContext(ctx, "loginctl", "show-user", "--property=Linger", "--value", fmt.Sprint(os.Getuid())).Output()
	if err == nil && strings.TrimSpace(string(out)) == "yes" {
		return
	}
	fmt.Fprintln(c.stdout, "It runs while you are signed in. For it to run always, also after a restart of the machine, say once: loginctl enable-linger")
}

func (c *call) removeService(ctx context.Context, s service) error {
	if _, err := os.Stat(s.file); errors.Is(err, os.ErrNotExist) {
		_, err := fmt.Fprintln(c.stdout, "Nothing is installed.")
		return err
	}
	if err := tellAll(ctx, s.stop); err != nil {
		return fmt.Errorf("remove the service: %w", err)
	}
	if err := os.Remove(s.file); err != nil {
		return fmt.Errorf("remove the service: %w", err)
	}
	_, err := fmt.Fprintln(c.stdout, "The server has stopped, and does not start by itself any more. The pods are where they were.")
	return err
}

// status says in a line how things stand.
func (s service) status(ctx context.Context) string {
	if _, err := os.Stat(s.file); err != nil {
		return "Nothing is installed; the server starts when you start it."
	}
	if tell(ctx, s.running) != nil {
		return "It is installed (" + s.file + "), and does not run."
	}
	return "It is installed (" + s.file + "), and runs."
}

// serviceFinding is what a doctor says of the service for a folder.
func serviceFinding(ctx context.Context, data string) server.Finding {
	found := server.Finding{About: "service", Level: "ok", Text: "No service is installed; the server starts when you start it.", Do: ""}
	for _, system := range []bool{false, true} {
		u, err := unitOf(data, system)
		if err != nil {
			continue
		}
		s, err := serviceOf(runtime.GOOS, u)
		if err != nil {
			continue
		}
		if _, err := os.Stat(s.file); err != nil {
			continue
		}
		found.Text = s.status(ctx)
		if tell(ctx, s.running) != nil {
			found.Level, found.Do = "look at this", "kith service install starts it; its log says why it ended"
		}
	}
	return found
}

func tellAll(ctx context.Context, commands [][]string) error {
	for _, words := range commands {
		if err := tell(ctx, words); err != nil {
			return err
		}
	}
	return nil
}

// tell runs a command of the system, of which only the failure is shown.
func tell(ctx context.Context, words []string) error {
	out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w %s", strings.Join(words, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
