package sync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// retries are the pauses after attempts to deliver to a webhook that failed. When
// all have, the channel ends.
var retries = []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute}

// errUnwanted says that a receiver wants no more (404, 410).
var errUnwanted = errors.New("the receiver does not want it")

// checkSendTo is nil for an address that webhooks may be sent to
// (WebhookChannel2023 §channel-type).
func (c *Channels) checkSendTo(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return refused("sendTo is not a URL that can be sent to")
	case u.Scheme != "https" && !(u.Scheme == "http" && slices.Contains(c.config.Plain, u.Host)):
		return refused("sendTo is not an https URL")
	}
	return nil
}

// push sends what a channel has to tell to its webhook, until the channel ends.
func (c *Channels) push(ch *channel) {
	ctx, err := ch.take(c.ctx)
	defer func() { ch.leave(err == nil, c.config.Now()) }()
	if err == nil {
		_ = c.pump(ctx, ch, webhook{c, ch}) // whatever it was, this channel is over
	}
	c.drop(ch)
}

// webhook carries notifications by POST (WebhookChannel2023).
type webhook struct {
	c  *Channels
	ch *channel
}

func (h webhook) send(ctx context.Context, text []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.ch.request.sendTo, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("make webhook: %w", err)
	}
	r.Header.Set("Content-Type", h.ch.request.media)
	sum := sha256.Sum256(text)
	r.Header.Set("Content-Digest", "sha-256="+byteSequence(sum[:])) // RFC 9530 §2
	if err := h.c.sign(r); err != nil {
		return err
	}
	client := *h.c.config.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("send webhook: %w", err)
	}
	answer.Body.Close()
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusGone:
		return errUnwanted
	}
	return fmt.Errorf("send webhook: status %d", answer.StatusCode)
}

// byteSequence writes a byte sequence of a structured field (RFC 8941 §3.3.5).
func byteSequence(b []byte) string { return ":" + base64.StdEncoding.EncodeToString(b) + ":" }

// sign adds the fields that show who sends r (RFC 9421 §3.1).
func (c *Channels) sign(r *http.Request) error {
	parts := []string{"@method", "@scheme", "@authority", "@path", "content-type", "content-digest"}
	if r.URL.RawQuery != "" {
		parts = slices.Insert(parts, 4, "@query")
	}
	params := fmt.Sprintf(`("%s");created=%d;keyid="%s";alg="ecdsa-p256-sha256"`,
		strings.Join(parts, `" "`), c.config.Now().Unix(), c.config.KeyID)
	signature, err := c.config.Sign(signatureBase(r, parts, params))
	if err != nil {
		return fmt.Errorf("sign webhook: %w", err)
	}
	r.Header.Set("Signature-Input", "kith="+params)
	r.Header.Set("Signature", "kith="+byteSequence(signature))
	return nil
}

// signatureBase is the text that is signed (RFC 9421 §2.5).
func signatureBase(r *http.Request, parts []string, params string) []byte {
	var b bytes.Buffer
	for _, part := range parts {
		fmt.Fprintf(&b, "\"%s\": %s\n", part, component(r, part))
	}
	fmt.Fprintf(&b, "\"@signature-params\": %s", params)
	return b.Bytes()
}

// component returns the value of a part of a request (RFC 9421 §2.1, §2.2).
func component(r *http.Request, part string) string {
	switch part {
	case "@method":
		return r.Method
	case "@scheme":
		return r.URL.Scheme
	case "@authority":
		host := strings.ToLower(r.URL.Host)
		if r.URL.Scheme == "https" {
			return strings.TrimSuffix(host, ":443")
		}
		return strings.TrimSuffix(host, ":80")
	case "@path":
		if path := r.URL.EscapedPath(); path != "" {
			return path
		}
		return "/"
	case "@query":
		return "?" + r.URL.RawQuery
	}
	return strings.TrimSpace(r.Header.Get(part))
}
