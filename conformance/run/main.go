// Command run runs the conformance suite of Solid against a server and prints the report, clause by clause.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"kith/conformance/solid"
)

const help = `Usage: go run ./conformance/run -url URL -credentials FILE [-only TEXT] [-json] [-keep]
       go run ./conformance/run -server kith|css [-binary FILE] [-modules DIR]

Asks a Solid server what the specifications ask of it and prints, clause by clause, what holds and what
does not. It exits with 1 when a case fails, with 2 when nothing could be asked.

URL is a container in which Alice may do everything, with its last slash. Give it a pod that holds nothing
else: the suite also tries what a server must refuse, such as DELETE of the root. FILE is JSON:

  {"url": "https://pod.example/alice/",
   "alice": {"client_id": "...", "client_secret": "...", "webid": "...", "issuer": "..."},
   "bob":   {"client_id": "...", "client_secret": "...", "webid": "...", "issuer": "..."}}

Alice controls the container; Bob is anybody else whom the server can authenticate. Both sign in with client
credentials. With -url, "url" may be left out of the file. "address" in the file is the host:port to dial in
place of the URL's host.

For a Kith pod each of the two is the line that kith credentials add prints, and sharing with everybody has
to be allowed first, or every case that shares so fails: kith classes allow alice /

Some cases need an issuer, groups and a receiver of webhooks that the server can reach. The suite serves
them itself at the address of -listen, which the server reaches under -reach; without -listen these cases
are skipped.

-server starts a server on this machine by itself and asks that: kith is the binary of this module, which
is built unless -binary names one; css is Community Solid Server from the node_modules folder of -modules.

Examples:
  go run ./conformance/run -url https://pod.example/alice/ -credentials alice-and-bob.json
  go run ./conformance/run -credentials alice-and-bob.json -only wac# -json > report.json
  go run ./conformance/run -credentials local.json -listen 127.0.0.1:0
  go run ./conformance/run -server kith
  go run ./conformance/run -server css -modules conformance/apps/node_modules

Flags:
`

// errFailed says that the report has failures.
var errFailed = errors.New("some cases failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errFailed):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
}

// options are what the command line says.
type options struct {
	url, credentials, only  string
	server, binary, modules string
	listen, reach           string
	asJSON, keep            bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.url, "url", "", "`URL` of the container to test in")
	f.StringVar(&o.credentials, "credentials", "", "`FILE` with the credentials of Alice and Bob")
	f.StringVar(&o.only, "only", "", "ask only the cases whose id contains `TEXT`")
	f.StringVar(&o.server, "server", "", "start `kith` or css and test that")
	f.StringVar(&o.binary, "binary", "", "`FILE` of the kith binary for -server kith")
	f.StringVar(&o.modules, "modules", "conformance/apps/node_modules", "`DIR` with @solid/community-server for -server css")
	f.StringVar(&o.listen, "listen", "", "`HOST:PORT` to serve an issuer and groups on")
	f.StringVar(&o.reach, "reach", "", "`URL` by which the server reaches -listen (default http://localhost:PORT/)")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.keep, "keep", false, "leave what the suite has written")
	f.Usage = func() { fmt.Fprint(stderr, help); f.PrintDefaults() }
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || (o.server == "") == (o.credentials == "") {
		f.Usage()
		return o, errors.New("say -credentials FILE, or -server kith or css")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	c, stop, err := o.config(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	c.Only = o.only
	report, err := solid.Run(ctx, c)
	if report == nil {
		return err
	}
	write := report.WriteText
	if o.asJSON {
		write = report.WriteJSON
	}
	if err := errors.Join(err, write(stdout)); err != nil {
		return err
	}
	if report.Count(solid.Failed) > 0 {
		return errFailed
	}
	return nil
}

// config returns what to test, and what ends it.
func (o options) config(ctx context.Context) (solid.Config, func() error, error) {
	var s *solid.Server
	var err error
	switch o.server {
	case "":
		c, err := o.file()
		return c, func() error { return nil }, err
	case "kith":
		s, err = solid.StartKith(ctx, o.binary)
	case "css":
		s, err = solid.StartCSS(ctx, o.modules)
	default:
		err = fmt.Errorf("-server %s is neither kith nor css", o.server)
	}
	if err != nil {
		return solid.Config{}, nil, err
	}
	return s.Config, s.Stop, nil
}

// file reads the credentials and opens the listener.
func (o options) file() (solid.Config, error) {
	f, err := os.Open(o.credentials)
	if err != nil {
		return solid.Config{}, err
	}
	defer f.Close()
	c, err := solid.ReadConfig(f, o.url)
	if err != nil {
		return solid.Config{}, err
	}
	c.Keep, c.Reach = o.keep, o.reach
	if o.listen != "" {
		c.Elsewhere, err = net.Listen("tcp", o.listen)
	}
	return c, err
}
