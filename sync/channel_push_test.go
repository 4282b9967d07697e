package sync

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// signed is a message with its signature, as whoever receives it has it.
type signed struct {
	method, scheme, target string // of a request
	status                 int    // of an answer
	header                 http.Header
	body                   []byte
}

var signatureInput = regexp.MustCompile(`^([a-z0-9-]+)=(\(([^()]*)\)(?:;[a-z]+=(?:"[^"]*"|[0-9]+))*)$`)

// verify checks a signature and the digest, and returns the names of what it
// covers and its parameters. It is written from RFC 9421 §3.2, not from the code
// that signs.
func verify(m signed, key *ecdsa.PublicKey) (covers []string, params string, err error) {
	in := signatureInput.FindStringSubmatch(m.header.Get("Signature-Input"))
	if in == nil {
		return nil, "", errors.New("no Signature-Input that can be read")
	}
	base := ""
	for _, quoted := range strings.Fields(in[3]) {
		name := strings.Trim(quoted, `"`)
		value, ok := m.part(name)
		if !ok || slices.Contains(covers, name) {
			return nil, "", fmt.Errorf("there is no %s", name)
		}
		covers = append(covers, name)
		base += quoted + ": " + value + "\n"
	}
	base += `"@signature-params": ` + in[2]
	text, ok := strings.CutPrefix(m.header.Get("Signature"), in[1]+"=:")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, ":"))
	if !ok || err != nil || len(raw) != 64 {
		return nil, "", errors.New("no signature of 64 bytes")
	}
	sum := sha256.Sum256([]byte(base))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])) {
		return nil, "", errors.New("the signature does not hold")
	}
	return covers, in[2], nil
}

// part returns a component of a message (RFC 9421 §2).
func (m signed) part(name string) (string, bool) {
	path, query, asked := strings.Cut(m.target, "?")
	switch name {
	case "@method":
		return m.method, true
	case "@scheme":
		return m.scheme, true
	case "@authority":
		return strings.ToLower(m.header.Get("Host")), true
	case "@path":
		return path, true
	case "@query":
		return "?" + query, asked
	case "@status":
		return fmt.Sprint(m.status), true
	}
	values := m.header.Values(name)
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return strings.Join(values, ", "), len(values) > 0
}

// TestVerifierKnowsTheRFC holds the verifier of this test against RFC 9421 §B.2.4.
func TestVerifierKnowsTheRFC(t *testing.T) {
	block, _ := pem.Decode([]byte(`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----`))
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	m := signed{status: 200, header: http.Header{
		"Date":            {"Tue, 20 Apr 2021 02:07:56 GMT"},
		"Content-Type":    {"application/json"},
		"Content-Digest":  {"sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"},
		"Content-Length":  {"23"},
		"Signature-Input": {`sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"`},
		"Signature":       {"sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:"},
	}}
	if _, _, err := verify(m, parsed.(*ecdsa.PublicKey)); err != nil {
		t.Error(err)
	}
	m.status = 201
	if _, _, err := verify(m, parsed.(*ecdsa.PublicKey)); err == nil {
		t.Error("another status is verified too")
	}
}

// TestSignatureBaseOfTheRFC makes the text of RFC 9421 §2.5.
func TestSignatureBaseOfTheRFC(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "https://example.com/foo?param=Value&Pet=dog", nil)
	r.Header.Set("Content-Digest", "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:")
	r.Header.Set("Content-Length", "18")
	r.Header.Set("Content-Type", "application/json")
	got := signatureBase(r, []string{"@method", "@authority", "@path", "content-digest", "content-length", "content-type"},
		`("@method" "@authority" "@path" "content-digest" "content-length" "content-type");created=1618884473;keyid="test-key-rsa-pss"`)
	want := `"@method": POST
"@authority": example.com
"@path": /foo
"content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
"content-length": 18
"content-type": application/json
"@signature-params": ("@method" "@authority" "@path" "content-digest" "content-length" "content-type");created=1618884473;keyid="test-key-rsa-pss"`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// RFC 9421 §2.2: what a target may look like.
	for target, parts := range map[string][3]string{
		"https://Example.COM:443":         {"example.com", "/", "?"},
		"https://example.com:8443/a%20b/": {"example.com:8443", "/a%20b/", "?"},
		"http://example.com:80/a?b=%20c":  {"example.com", "/a", "?b=%20c"},
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		r := &http.Request{URL: u}
		if got := [3]string{component(r, "@authority"), component(r, "@path"), component(r, "@query")}; got != parts {
			t.Errorf("%s: %q, want %q", target, got, parts)
		}
	}
}

// post is what a webhook received, and what it is to answer.
type post struct {
	signed
	answer chan int
}

// hooked is a station and a receiver of webhooks. Each post waits for its answer.
func hooked(t *testing.T) (s *station, key *ecdsa.PrivateKey, posts chan post, sendTo string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	posts = make(chan post)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		h := r.Header.Clone()
		h.Set("Host", r.Host)
		p := post{signed{method: r.Method, scheme: "http", target: r.RequestURI, header: h, body: body}, make(chan int)}
		select {
		case posts <- p:
			select {
			case code := <-p.answer:
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(code)
			case <-r.Context().Done():
			}
		case <-r.Context().Done():
		}
	}))
	s = newStation(t, func(c *ChannelsConfig) {
		c.Client, c.Plain = target.Client(), []string{strings.TrimPrefix(target.URL, "http://")}
		c.Sender, c.KeyID = "https://pod.example/.well-known/jwks.json", "the key"
		c.Sign = func(text []byte) ([]byte, error) {
			sum := sha256.Sum256(text)
			r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
			if err != nil {
				return nil, err
			}
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
		}
	})
	t.Cleanup(target.Close)
	s.share("/a/", ana)
	s.write("/a/x", "text/plain", "1")
	return s, key, posts, target.URL
}

// next waits for a post and answers it.
func (s *station) answer(posts chan post, code int) post {
	s.t.Helper()
	select {
	case p := <-posts:
		p.answer <- code
		return p
	case <-time.After(time.Minute):
		s.t.Fatal("no post came")
		return post{}
	}
}

// gone waits until a channel is no more.
func (s *station) gone(id string) {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for s.request(ana, http.MethodGet, id, "").StatusCode != http.StatusNotFound {
		if time.Now().After(deadline) {
			s.t.Fatal("the channel is still there")
		}
	}
}

func TestWebhook(t *testing.T) {
	s, key, posts, to := hooked(t)
	sub := s.subscribe(ana, "webhook", "/a/x", `"sendTo":"`+to+`/hook?for=me"`)
	if sub.Sender != s.channels.config.Sender || sub.SendTo != to+"/hook?for=me" || sub.ReceiveFrom != "" {
		t.Errorf("%+v", sub)
	}
	s.write("/a/x", "text/plain", "2")
	p := s.answer(posts, http.StatusNoContent)
	if s.short(string(p.body)) != "Update a/x" || p.method != http.MethodPost || p.target != "/hook?for=me" {
		t.Errorf("%s %s: %s", p.method, p.target, p.body)
	}
	covers, params, err := verify(p.signed, &key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(covers, []string{"@method", "@scheme", "@authority", "@path", "@query", "content-type", "content-digest"}) {
		t.Errorf("it covers %q", covers)
	}
	if !strings.HasSuffix(params, fmt.Sprintf(`;created=%d;keyid="the key";alg="ecdsa-p256-sha256"`, s.clock.now().Unix())) {
		t.Errorf("its parameters: %s", params)
	}
	sum := sha256.Sum256(p.body)
	if got := p.header.Get("Content-Digest"); got != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" || p.header.Get("Content-Type") != mediaLD {
		t.Errorf("%v", p.header)
	}
	for what, change := range map[string]func(*signed){
		"method": func(m *signed) { m.method = "PUT" }, "scheme": func(m *signed) { m.scheme = "https" },
		"path": func(m *signed) { m.target = "/other?for=me" }, "query": func(m *signed) { m.target = "/hook?for=you" },
		"host":   func(m *signed) { m.header.Set("Host", "example.org") },
		"type":   func(m *signed) { m.header.Set("Content-Type", "text/plain") },
		"digest": func(m *signed) { m.header.Set("Content-Digest", "sha-256=:AAAA:") },
	} {
		other := p.signed
		other.header = p.header.Clone()
		if change(&other); bytes.Equal(other.body, p.body) {
			if _, _, err := verify(other, &key.PublicKey); err == nil {
				t.Errorf("with another %s it is verified too", what)
			}
		}
	}
	// Who subscribed ends it.
	if res := s.request(ana, http.MethodDelete, sub.ID, ""); res.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %d", res.StatusCode)
	}
	s.gone(sub.ID)
}

func TestWebhookTriesAgain(t *testing.T) {
	s, _, posts, to := hooked(t)
	s.subscribe(ana, "webhook", "/a/", `"sendTo":"`+to+`/"`)
	s.write("/a/y", "text/plain", "2")
	first := s.answer(posts, http.StatusServiceUnavailable)
	second := s.answer(posts, http.StatusOK)
	if !bytes.Equal(first.body, second.body) || s.short(string(first.body)) != "Add a/y" {
		t.Errorf("first %s, then %s", first.body, second.body)
	}
	if third := s.answer(posts, http.StatusOK); s.short(string(third.body)) != "Update a/" {
		t.Errorf("then %s", third.body)
	}
}

// TestWebhookIsNotSentTo ends channels while a post is to be tried again.
func TestWebhookIsNotSentTo(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		do   func(*station)
	}{
		"the right is taken":      {503, func(s *station) { s.share("/a/", carl) }},
		"the friend goes":         {503, func(s *station) { gone := ana; s.away.Store(&gone) }},
		"the receiver is gone":    {410, func(*station) {}},
		"the receiver is unknown": {404, func(*station) {}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, posts, to := hooked(t)
			sub := s.subscribe(ana, "webhook", "/a/x", `"sendTo":"`+to+`/"`)
			s.write("/a/x", "text/plain", "2")
			p := <-posts
			c.do(s)
			p.answer <- c.code
			ended := make(chan struct{})
			go func() { defer close(ended); s.channels.running.Wait() }()
			select {
			case again := <-posts:
				t.Errorf("it was sent again: %s", again.body)
				again.answer <- 200
			case <-ended:
			case <-time.After(time.Minute):
				t.Fatal("it does not end")
			}
			if _, err := s.channels.find(services[3], sub.ID[strings.LastIndex(sub.ID, "/")+1:]); err == nil {
				t.Error("the channel is still there")
			}
		})
	}
}

// TestWebhookDoesNotFollow answers with a redirect, which counts as a failure.
func TestWebhookDoesNotFollow(t *testing.T) {
	s, _, posts, to := hooked(t)
	s.subscribe(ana, "webhook", "/a/x", `"sendTo":"`+to+`/"`)
	s.write("/a/x", "text/plain", "2")
	if p := s.answer(posts, http.StatusTemporaryRedirect); p.target != "/" {
		t.Errorf("sent to %s", p.target)
	}
	if p := s.answer(posts, http.StatusOK); p.target != "/" || p.method != http.MethodPost {
		t.Errorf("then %s to %s", p.method, p.target)
	}
}
