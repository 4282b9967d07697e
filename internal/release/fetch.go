package release

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of what is fetched.
const (
	maxList    = 64 << 10
	maxSig     = 1 << 10
	maxProgram = 128 << 20
	listTime   = time.Minute
	stillTime  = 30 * time.Second // without a byte
)

// ErrAddress marks an address from which no release can come.
var ErrAddress = errors.New("the address of a release is that of a folder, and begins with https://")

// Source is where releases are: an https address, and the key by which they are signed.
type Source struct {
	base *url.URL
	key  ed25519.PublicKey
	http *http.Client
}

// NewSource returns the releases at address that are signed by key. Errors: ErrAddress.
func NewSource(address string, key ed25519.PublicKey) (*Source, error) {
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("%w: %q", ErrAddress, address)
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	return &Source{base, key, &http.Client{CheckRedirect: secured}}, nil
}

// secured follows redirects to https only, a few: places that hold files send elsewhere for them.
func secured(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != "https" || len(via) > 5 {
		return fmt.Errorf("%w: it leads elsewhere", ErrAddress)
	}
	return nil
}

// Newest returns the release that is there. Errors: ErrSignature, ErrFormat, and those of the network.
func (s *Source) Newest(ctx context.Context) (Release, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	text, err := s.small(ctx, List, maxList)
	if err != nil {
		return Release{}, err
	}
	signature, err := s.small(ctx, Signature, maxSig)
	if err != nil {
		return Release{}, err
	}
	return Open(text, signature, s.key)
}

func (s *Source) small(ctx context.Context, name string, most int64) ([]byte, error) {
	body, size, err := s.get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, most+1))
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", name, err)
	}
	if int64(len(text)) > most || size > most {
		return nil, fmt.Errorf("fetch %s: %w: it is too large", name, ErrFormat)
	}
	return text, nil
}

func (s *Source) get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath(name).String(), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch %s: %w", name, err)
	}
	res, err := s.http.Do(r)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch %s: %w", name, err)
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, 0, fmt.Errorf("fetch %s: the answer is %s", name, res.Status)
	}
	return res.Body, res.ContentLength, nil
}

// Fetch writes the file called name to w, which must not be used unless the error is nil, and says how many bytes
// have come, of how many (-1 when nobody says). Errors: ErrHash, and those of the network and of w.
func (s *Source) Fetch(ctx context.Context, r Release, name string, w io.Writer, progress func(done, all int64)) error {
	want, ok := r.Files[name]
	if !ok {
		return fmt.Errorf("fetch %s: this release has no such file", name)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	still := time.AfterFunc(stillTime, func() { cancel(errStill) })
	defer still.Stop()
	body, all, err := s.get(ctx, name)
	if err != nil {
		return err
	}
	defer body.Close()
	sum, done := sha256.New(), int64(0)
	moved := func(n int) {
		still.Reset(stillTime)
		done += int64(n)
		progress(done, all)
	}
	if _, err = io.Copy(io.MultiWriter(sum, w), io.LimitReader(&watched{body, moved}, maxProgram)); err != nil {
		return fmt.Errorf("fetch %s: %w", name, errors.Join(err, context.Cause(ctx)))
	}
	if Sum(sum.Sum(nil)) != want {
		return fmt.Errorf("fetch %s: %w", name, ErrHash)
	}
	return nil
}

var errStill = errors.New("nothing comes any more")

// watched tells of each read.
type watched struct {
	io.Reader
	moved func(n int)
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.moved(n)
	return n, err
}
