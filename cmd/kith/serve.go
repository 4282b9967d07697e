package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"kith/internal/server"

	"rsc.io/qr"
)

// serveMemory is what the runtime tries to stay below, so that the process stays below 256 MB whatever comes.
const serveMemory = 192 << 20

func serveCommand() command {
	return command{name: "serve", summary: "start the server", run: runServe, help: `
Usage: kith serve [--data DIR] [--listen ADDR] [--url BASE]
                  [--domain NAME | --cert FILE --key FILE | --behind-proxy]
                  [--reach RELAY,RELAY] [--relay [--queues open|work|invite]]
                  [--onion [--onion-control ADDR]]
                  [--fetch HOST:PORT] [--log FILE]

Serves the app at / and each person's pod at /NAME/. The first start makes the pod of its owner and
prints a pairing link: open it in the browser where you want your posts to live. Stop it with Ctrl-C; nothing is lost.

DIR holds:
  kith.toml    what the flags say, by the same names; the first start writes the url there
  state.db     keys of this server, pairings and invites
  pods/NAME/   a person's files as they are, with their access lists beside them
  index/NAME/  derived; it may be deleted while the server is stopped
  lock         empty; whoever serves the folder holds it
  relay/       what waits at the relay of this server, with --relay

Ways for a phone to reach it:
  on the same machine      nothing more: http://localhost:8420/
  a name on the internet   --domain pod.example.org (ports 80 and 443; certificates come by themselves)
  own certificates         --cert cert.pem --key key.pem
  behind a proxy           --behind-proxy --url https://pod.example.org/
  at home, with no address --reach https://relay.example.org/,https://other.example.org/
A plain http address in the home network does not work: browsers keep no keys there.

With --reach all connections go out, to relays: the phone and friends leave sealed requests there, which
this machine collects and answers, and no relay can read. The phone uses the app from any https address,
for instance a relay that serves it. Two relays are better than one: either may fail, and neither sees
both who asks and who answers. A relay is given to each person once; what the owner takes off again in
the app stays off.

With --relay this server is a relay for others too, beside the app: see "kith relay" for what its
operator sees. --queues says who may have a mailbox: "work" (everybody, for some work of their machine;
the default), "open", or "invite" (whoever has an invite of the operator's).

With --onion the server is an onion service too, by the Tor on this machine: Tor Browser opens the app there,
and friends are told the pod's address as the last of its ways. The address is kept. Tor is asked at its
control port, 127.0.0.1:9051 unless --onion-control says host:port or unix:PATH; its torrc needs
"ControlPort 9051" and "CookieAuthentication 1", and this account must be able to read the cookie. Where no
Tor answers, the rest goes on, and Tor is asked again.

When somebody signs in with a WebID of another server, or an app names itself by a web address, that
document is fetched: over https, from the public internet only, so that nobody can use this server to
look into your network. --fetch names addresses that are excepted, such as another pod server in your
house. It can be given several times, or with commas.

The log says what went wrong and why, in words of this program and of the system, and counts what repeats. It has
neither names nor addresses nor paths nor contents, in the terminal, in the journal, or in the FILE of --log, which is
put aside at 1 MiB: FILE.1 to FILE.4 are kept.

To have it start with the machine: kith help service. To see what is wrong: kith help doctor.

Examples:
  kith serve
  kith serve --data /srv/kith --domain pod.example.org
  kith serve --listen 127.0.0.1:9000 --url https://pod.example.org/ --behind-proxy
  kith serve --fetch localhost:3000
  kith serve --reach https://relay.example.org/,https://other.example.org/
  kith serve --domain relay.example.org --relay
  kith serve --onion --onion-control unix:/run/tor/control
`}
}

// serving declares the flags that say how a server serves.
func (c *call) serving() *server.Config {
	cfg := c.config()
	c.flags.StringVar(&cfg.Listen, "listen", "", "`ADDR` to listen on, host:port (default "+server.DefaultListen+", or :443 with --domain)")
	c.flags.StringVar(&cfg.Domain, "domain", "", "public `NAME` of this machine; certificates are fetched and renewed")
	c.flags.StringVar(&cfg.Cert, "cert", "", "certificate `FILE` (PEM)")
	c.flags.StringVar(&cfg.Key, "key", "", "key `FILE` (PEM)")
	c.flags.BoolVar(&cfg.BehindProxy, "behind-proxy", false, "a proxy in front ends TLS and sets X-Forwarded-For")
	c.flags.Func("fetch", "private `HOST:PORT` that profiles and issuers may be fetched from, without TLS too", func(list string) error {
		cfg.Fetch = append(cfg.Fetch, strings.Split(list, ",")...)
		return nil
	})
	c.flags.Func("reach", "`RELAY` by which the pods are reached without an address of their own; several with commas", func(list string) error {
		cfg.Reach = append(cfg.Reach, strings.Split(list, ",")...)
		return nil
	})
	c.flags.BoolVar(&cfg.Relay, "relay", false, "be a relay for others at the same address")
	c.flags.StringVar(&cfg.Queues, "queues", "", "`WHO` may have a mailbox at the relay: open, work or invite (default work)")
	c.flags.BoolVar(&cfg.Onion, "onion", false, "be an onion service too, by the Tor on this machine")
	c.flags.StringVar(&cfg.OnionControl, "onion-control", "", "`ADDR` of Tor's control port, host:port or unix:PATH (default 127.0.0.1:9051)")
	c.flags.StringVar(&cfg.Log, "log", "", "`FILE` for the log (default: the terminal)")
	return cfg
}

func runServe(ctx context.Context, c *call) error {
	cfg := c.serving()
	if err := c.complete(cfg); err != nil {
		return err
	}
	if len(c.words) > 0 {
		return fmt.Errorf("%w: %q is too much; serve takes flags only", errUsage, c.words[0])
	}
	debug.SetMemoryLimit(serveMemory)
	end, err := c.log(*cfg)
	if err != nil {
		return err
	}
	defer end()
	s, err := server.Open(ctx, *cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := c.greet(context.WithoutCancel(ctx), *cfg, s); err != nil {
		return err
	}
	return s.Run(ctx)
}

// log has what happens written where the settings say. The standard logger, which others may use with less care, is
// silent from then on.
func (c *call) log(cfg server.Config) (end func() error, err error) {
	l, err := server.OpenLog(cfg.Log, c.stderr, cfg.Now)
	if err != nil {
		return nil, err
	}
	slog.SetDefault(slog.New(l))
	log.SetOutput(io.Discard)
	return l.Close, nil
}

// greet says where the server listens and, until a phone has paired with a pod, how to pair.
func (c *call) greet(ctx context.Context, cfg server.Config, s *server.Server) error {
	fmt.Fprintf(c.stdout, "listening on %s\nthe app and the pods are at %s\n", s.Address(), cfg.URL)
	for _, warning := range []string{cfg.Unreachable(), cfg.Ending()} {
		if warning != "" {
			fmt.Fprintln(c.stdout, warning)
		}
	}
	people, err := cfg.List(ctx)
	if err != nil {
		return err
	}
	for _, one := range people {
		if one.Half != "" {
			fmt.Fprintln(c.stdout, one.Name+" is not served: "+one.Half)
		}
	}
	if len(cfg.Reach) > 0 {
		fmt.Fprintf(c.stdout, "the pods are reached by %s\n", strings.Join(cfg.Reach, " and "))
	}
	if cfg.Onion {
		fmt.Fprintln(c.stdout, onionNews(s.Onion(ctx)))
	}
	pairing, err := s.FirstPairing(ctx)
	if err != nil || pairing.Link == "" {
		return err
	}
	return printPairing(c.stdout, pairing)
}

// onionNews says where the onion service is, or why there is none and what to do.
func onionNews(base string, err error) string {
	if err != nil {
		return fmt.Sprintf("there is no onion service yet: %v.\nStart Tor with ControlPort 9051 and CookieAuthentication 1, or say with --onion-control where it is. It is asked again by itself.", err)
	}
	return fmt.Sprintf("for Tor Browser the app is at %s, and the pods below it", base)
}

// printPairing prints a pairing link, and its QR where a phone could use it: open it, or paste what it says.
func printPairing(w io.Writer, p server.Pairing) error {
	fmt.Fprintf(w, "\nThe pod %s waits for its owner. %s, once, before %s.\n\n  %s\n\n", p.Pod, howToPair(p), p.Expires.Local().Format(time.TimeOnly), p.Link)
	for _, at := range p.Silent {
		fmt.Fprintf(w, "The relay %s takes nothing for this pod at the moment. The link works by it once it does and `kith serve` runs.\n\n", at)
	}
	if !p.ForPhones && len(p.Relays) == 0 {
		return nil
	}
	code, err := qr.Encode(p.Link, qr.L)
	if err != nil {
		return fmt.Errorf("draw the QR: %w", err)
	}
	_, err = io.WriteString(w, drawQR(code)+"\n")
	return err
}

// howToPair says what to do with a pairing link.
func howToPair(p server.Pairing) string {
	switch {
	case p.ForPhones:
		return "Open this link on your phone"
	case len(p.Relays) > 0:
		return "Paste this link in the app on your phone, wherever you use it, under You, My pod"
	}
	return "Open this link in a browser on this computer (a phone needs an https address or --reach: see kith help serve)"
}

// drawQR draws two rows of modules a line, light on dark terminals and dark on light ones alike,
// because both colours are set.
func drawQR(code *qr.Code) string {
	const quiet = 2
	var b []byte
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b = append(b, "\x1b[30;107m"...)
		for x := -quiet; x < code.Size+quiet; x++ {
			b = append(b, halfBlocks[code.Black(x, y)][code.Black(x, y+1)]...)
		}
		b = append(b, "\x1b[0m\n"...)
	}
	return string(b)
}

// halfBlocks maps the colours of two modules, the upper and the lower, to one character.
var halfBlocks = map[bool]map[bool]string{
	true:  {true: "█", false: "▀"},
	false: {true: "▄", false: " "},
}
