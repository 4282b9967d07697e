package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kith/webid"
)

// doctorWait bounds each question over the network.
const doctorWait = 15 * time.Second

// ask gets a document, at most 64 KiB of it. The body is closed.
func (d *doctor) ask(ctx context.Context, url string) (answer *http.Response, body []byte, off time.Duration, dated bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, 0, false, err
	}
	client := &http.Client{Transport: http.DefaultTransport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := d.state.now()
	if answer, err = client.Do(r); err != nil {
		return nil, nil, 0, false, err
	}
	defer answer.Body.Close()
	off, dated = clockAt(answer, asked, d.state.now())
	body, err = io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	return answer, body, off, dated, err
}

// lookAtServer asks the own address, and wants this very server to answer.
func (d *doctor) lookAtServer(ctx context.Context) {
	if !d.running {
		d.say("server", levelLook, "No server runs over this folder.", "kith serve, or kith service install to have it start with the machine")
		return
	}
	if d.config.hidden() {
		d.say("server", levelOK, "It runs, and is reached by relays alone.", "")
		return
	}
	answer, body, _, _, err := d.ask(ctx, d.config.Issuer()+"/.well-known/jwks.json")
	var bad *tls.CertificateVerificationError
	switch {
	case errors.As(err, &bad):
		text, do := d.unheld(bad.Err)
		d.say("address", levelBroken, d.config.URL+" shows a certificate that does not hold: "+text+".", do)
	case err != nil:
		d.say("address", levelBroken, fmt.Sprintf("%s does not answer from here: %s.", d.config.URL, reason(err)), "See that the name leads to this machine and that its port is open. Some routers let no machine at home reach its own public address: then try from a phone outside.")
	case answer.StatusCode != http.StatusOK || !d.ours(ctx, body):
		d.say("address", levelBroken, fmt.Sprintf("At %s another server answers (%d).", d.config.URL, answer.StatusCode), "See where the name leads, and what else listens at that port.")
	default:
		d.say("address", levelOK, d.config.URL+" answers from here, and it is this server.", "")
	}
	if warning := d.config.Unreachable(); warning != "" {
		d.say("address", levelLook, warning, "")
	}
}

// unheld says why a certificate is not believed, and what to do.
func (d *doctor) unheld(err error) (text, do string) {
	var invalid x509.CertificateInvalidError
	var other x509.HostnameError
	var unknown x509.UnknownAuthorityError
	const right = "Name the right files with --cert and --key, or use --domain."
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && d.state.now().Before(invalid.Cert.NotBefore):
		return "it begins on " + invalid.Cert.NotBefore.UTC().Format(time.DateOnly) + ", and the clock here is before that", "See that the clock is right."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has ended on " + invalid.Cert.NotAfter.UTC().Format(time.DateOnly), d.config.renewal()
	case errors.As(err, &other):
		return "it is for another name", right
	case errors.As(err, &unknown):
		return "nobody whom this machine trusts has signed it", "Phones and friends do not believe it either. " + right
	}
	return err.Error(), right
}

// ours reports whether a key set has the key by which this folder's issuer signs.
func (d *doctor) ours(ctx context.Context, body []byte) bool {
	text, err := d.state.value(ctx, keyNow)
	var key webid.PrivateKey
	if err != nil || key.UnmarshalText([]byte(text)) != nil {
		return false
	}
	var set struct{ Keys []struct{ Kid string } }
	return json.Unmarshal(body, &set) == nil &&
		slices.ContainsFunc(set.Keys, func(k struct{ Kid string }) bool { return k.Kid == key.Public().Thumbprint() })
}

// lookAtRelays asks the relays of --reach and of the people, and returns how far the clock is ahead of theirs.
func (d *doctor) lookAtRelays(ctx context.Context) (offs []time.Duration) {
	urls := slices.Clone(d.config.Reach)
	for _, name := range d.names {
		text, err := os.ReadFile(filepath.Join(d.config.tree(name), filepath.FromSlash(strings.TrimPrefix(relaysPath, "/"))))
		if set, bad := parseRelays(text); err == nil && bad == nil {
			urls = append(urls, set.urls()...)
		}
	}
	slices.Sort(urls)
	for _, url := range slices.Compact(urls) {
		answer, _, off, dated, err := d.ask(ctx, url+relayWellKnown)
		switch {
		case err != nil:
			d.say("relay", levelBroken, fmt.Sprintf("%s does not answer: %s.", url, reason(err)), "See whether this machine is online. If the relay stays away, name another in the app, under My pod, or as reach in kith.toml.")
			continue
		case answer.StatusCode != http.StatusOK:
			d.say("relay", levelBroken, fmt.Sprintf("%s answers with %d, and is no relay.", url, answer.StatusCode), "Name another in the app, under My pod, or as reach in kith.toml.")
		default:
			d.say("relay", levelOK, url+" answers.", "")
		}
		if dated {
			offs = append(offs, off)
		}
	}
	return offs
}

// lookAtClock compares the clock with that of a host, with those of the relays, and with when the server ran last.
func (d *doctor) lookAtClock(ctx context.Context, host string, offs []time.Duration) {
	asked := false // and no answer
	if host != "" {
		if !strings.Contains(host, "://") {
			host = "https://" + host + "/"
		}
		_, _, off, dated, err := d.ask(ctx, host)
		if err != nil || !dated {
			d.say("clock", levelLook, host+" does not tell the time.", "Name another https host with --clock.")
			asked = true
		} else {
			offs = []time.Duration{off}
		}
	}
	const do = "See that the machine gets its time from the network (timedatectl set-ntp true, or the settings of the system)."
	if j, err := d.state.lastJump(ctx); err == nil && j.told(d.state.now()) {
		d.say("clock", levelLook, j.text(), "Is it right? "+do)
	}
	if len(offs) == 0 && asked {
		return
	}
	if len(offs) == 0 {
		d.say("clock", levelOK, "It shows "+d.state.now().Local().Format(time.DateTime)+", and was compared with none; `kith doctor --clock HOST` compares it with that of an https host.", "")
		return
	}
	nearest := slices.MinFunc(offs, func(a, b time.Duration) int { return int(a.Abs()/time.Millisecond - b.Abs()/time.Millisecond) })
	var against offset
	against.nanoseconds.Store(int64(nearest))
	if off := against.off(); off != "" {
		d.say("clock", levelBroken, "It is "+off+". Phones and friends prove who they are by the time: they may be refused.", do)
		return
	}
	d.say("clock", levelOK, "It is right, within two minutes.", "")
}
