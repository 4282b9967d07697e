package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"kith/pod"
)

// Bucket says where a bucket of an S3 server is, and who asks.
type Bucket struct {
	Endpoint    string // https address of the server; "" is Amazon's, in the region
	Region      string // "" is us-east-1
	Name        string
	Prefix      string // before every name; it ends in a slash, or is ""
	VirtualHost bool   // the bucket is part of the host's name, else of the path
	Key, Secret string // access key
}

const (
	s3InMemory = 8 << 20 // bytes of a file that are kept in memory until they are sent; more go to the disk
	s3Most     = 5 << 30 // bytes that a server takes by one request
	s3Tries    = 5       // of a request that the server fails, or that does not arrive
	s3Pause    = 500 * time.Millisecond
	maxAnswer  = 4 << 20  // bytes of one page of a listing
	maxPages   = 1 << 12  // of the listing of a folder
	maxListed  = 16 << 20 // bytes of all of them
)

// S3 returns a Place in a bucket, which has to be there. It uses five requests of that protocol: PutObject,
// GetObject, HeadObject, DeleteObject, ListObjectsV2. The server sends nobody to another host.
func S3(c *http.Client, b Bucket, now func() time.Time) (Place, error) {
	if b.Region == "" {
		b.Region = "us-east-1"
	}
	if b.Endpoint == "" {
		b.Endpoint, b.VirtualHost = "https://s3."+b.Region+".amazonaws.com", true
	}
	u, err := url.Parse(b.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || b.Name == "" {
		return nil, fmt.Errorf("reach the bucket: %q is no address of an S3 server", b.Endpoint)
	}
	root := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/" + b.Name + "/"}
	if b.VirtualHost {
		root.Host, root.Path = b.Name+"."+u.Host, "/"
	}
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &bucket{Bucket: b, root: root, asker: &listener{HTTPClient: &own, stall: stallTime}, now: now, pause: s3Pause}, nil
}

// bucket is a Place. One goroutine uses it at a time.
type bucket struct {
	Bucket
	root  url.URL // of the bucket
	asker *listener
	now   func() time.Time
	pause time.Duration // before the second try
}

// Put implements Place. What the server stores is what was sent, since the digest is signed, or nothing.
func (b *bucket) Put(ctx context.Context, name string, body io.Reader) error {
	return b.put(ctx, name, body, false)
}

// Create implements Place, by If-None-Match (Amazon S3, "Conditional writes"). A server that knows no such requests
// says 501, and gets another.
func (b *bucket) Create(ctx context.Context, name string, body io.Reader) error {
	return b.put(ctx, name, body, true)
}

func (b *bucket) put(ctx context.Context, name string, body io.Reader, alone bool) error {
	whole, err := spool(body)
	if err != nil {
		return err
	}
	defer whole.close()
	if whole.size > s3Most {
		return fmt.Errorf("a file of %d bytes is more than an S3 server takes at once", whole.size)
	}
	whole.alone = alone
	res, err := b.ask(ctx, http.MethodPut, b.Prefix+name, nil, whole)
	var said *s3Error
	if whole.alone && errors.As(err, &said) && said.Status == http.StatusNotImplemented {
		whole.alone = false
		res, err = b.ask(ctx, http.MethodPut, b.Prefix+name, nil, whole)
	}
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil || whole.size == 0 {
		return err
	}
	if res, err = b.ask(ctx, http.MethodHead, b.Prefix+name, nil, nil); err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.ContentLength != whole.size {
		return fmt.Errorf("the server has %d bytes of %d: %w", res.ContentLength, whole.size, io.ErrShortWrite)
	}
	return nil
}

// Get implements Place.
func (b *bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	res, err := b.ask(ctx, http.MethodGet, b.Prefix+name, nil, nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Modified implements Place.
func (b *bucket) Modified(ctx context.Context, name string) (time.Time, error) {
	res, err := b.ask(ctx, http.MethodHead, b.Prefix+name, nil, nil)
	if err != nil {
		return time.Time{}, err
	}
	told, err := http.ParseTime(res.Header.Get("Last-Modified"))
	if err != nil {
		told = time.Time{}
	}
	return told, res.Body.Close()
}

// Delete implements Place.
func (b *bucket) Delete(ctx context.Context, name string) error {
	res, err := b.ask(ctx, http.MethodDelete, b.Prefix+name, nil, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// listing is one page of ListObjectsV2.
type listing struct {
	EncodingType string
	Contents     []struct{ Key string }
	Common       []struct{ Prefix string } `xml:"CommonPrefixes"`
	IsTruncated  bool
	Next         string `xml:"NextContinuationToken"`
	size         int    // bytes of the page
}

// List implements Place.
func (b *bucket) List(ctx context.Context, folder string) (names []string, err error) {
	query := url.Values{"list-type": {"2"}, "delimiter": {"/"}, "encoding-type": {"url"}, "prefix": {b.Prefix + folder}}
	for n, told := 0, 0; n < maxPages && told < maxListed; n++ {
		page, err := b.page(ctx, query)
		if err != nil {
			return nil, err
		}
		told += page.size
		for _, one := range page.Contents {
			names = append(names, one.Key)
		}
		for _, one := range page.Common {
			names = append(names, one.Prefix)
		}
		if !page.IsTruncated || page.Next == "" || page.Next == query.Get("continuation-token") {
			return b.below(folder, names, page.EncodingType == "url")
		}
		query.Set("continuation-token", page.Next)
	}
	return nil, errTooMuch
}

func (b *bucket) page(ctx context.Context, query url.Values) (page listing, err error) {
	res, err := b.ask(ctx, http.MethodGet, "", query, nil)
	if err != nil {
		return page, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err = errors.Join(err, res.Body.Close()); err == nil {
		err = xml.Unmarshal(text, &page)
	}
	page.size = len(text)
	return page, err
}

// below returns keys as names in a folder.
func (b *bucket) below(folder string, keys []string, escaped bool) (names []string, err error) {
	for _, key := range keys {
		if escaped {
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, err
			}
		}
		if name, ok := strings.CutPrefix(key, b.Prefix+folder); ok && name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// ask makes a signed request, again where the server fails or the connection breaks: all of them may be repeated.
func (b *bucket) ask(ctx context.Context, method, key string, query url.Values, body *spooled) (*http.Response, error) {
	pause := b.pause
	for n := 1; ; n++ {
		res, err := b.once(ctx, method, key, query, body)
		var said *s3Error
		if err == nil || ctx.Err() != nil || n == s3Tries || errors.Is(err, fs.ErrNotExist) || errors.As(err, &said) && !said.passing() {
			return res, err
		}
		if err := rest(ctx, pause); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

// once makes a request. What is not there is fs.ErrNotExist, another refusal an s3Error.
func (b *bucket) once(ctx context.Context, method, key string, query url.Values, body *spooled) (*http.Response, error) {
	at := b.root
	at.Path += key
	at.RawPath, at.RawQuery = awsEscape(at.Path, true), awsQuery(query)
	r, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, err
	}
	digest := emptyDigest
	if body != nil {
		if r.Body, err = body.open(); err != nil {
			return nil, err
		}
		r.ContentLength, digest = body.size, body.digest
		if body.alone {
			r.Header.Set("If-None-Match", "*")
		}
	}
	signer{key: b.Key, secret: b.Secret, region: b.Region, now: b.now}.sign(r, digest)
	res, err := b.asker.Do(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // the status says enough
	refused := &s3Error{Status: res.StatusCode, Region: res.Header.Get("X-Amz-Bucket-Region")}
	xml.Unmarshal(text, refused)
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	if refused.Status == http.StatusNotFound && key != "" && (refused.Code == "NoSuchKey" || refused.Code == "") { // HEAD has no text
		return nil, fs.ErrNotExist
	}
	if refused.Status == http.StatusPreconditionFailed || refused.Code == "ConditionalRequestConflict" {
		return nil, fmt.Errorf("%w: %w", fs.ErrExist, refused)
	}
	return nil, refused
}

// s3Error is what a server says of a request that it refuses.
type s3Error struct {
	Status  int    `xml:"-"`
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
	Region  string `xml:"Region"`
}

// passing reports whether the same request may be taken later.
func (e *s3Error) passing() bool {
	return e.Status >= 500 && e.Status != http.StatusInsufficientStorage && e.Status != http.StatusNotImplemented || e.Status == http.StatusTooManyRequests
}

// Unwrap returns what it means, where others say that too: fs.ErrPermission or pod.ErrFull.
func (e *s3Error) Unwrap() error {
	switch {
	case e.Status == http.StatusInsufficientStorage, e.Code == "QuotaExceeded":
		return pod.ErrFull
	case e.Status == http.StatusForbidden && e.Code != "RequestTimeTooSkewed", e.Status == http.StatusUnauthorized:
		return fs.ErrPermission
	}
	return nil
}

// Error says what to do, where that is known.
func (e *s3Error) Error() string {
	why := strings.TrimSpace(fmt.Sprintf("%d %s %s", e.Status, e.Code, e.Message))
	switch {
	case e.Code == "NoSuchBucket":
		return "there is no such bucket at the server; make it there first (" + why + ")"
	case e.Code == "InvalidAccessKeyId", e.Code == "SignatureDoesNotMatch", e.Code == "XAdminUserNotFound": // the last of Versity's
		return "the server does not take this access key and secret (" + why + ")"
	case e.Code == "RequestTimeTooSkewed":
		return "the clocks of this machine and of the server differ too much (" + why + ")"
	case e.Region != "" && (e.Status/100 == 3 || e.Status == http.StatusBadRequest):
		return "the bucket is in the region " + e.Region + " (" + why + ")"
	case e.Status == http.StatusForbidden:
		return "the server lets this access key do no such thing (" + why + ")"
	}
	return "the server says " + why
}

// spooled is a body whose size and digest are known before it is sent, as often as it takes.
type spooled struct {
	memory []byte
	file   *os.File // nil: all is in memory
	size   int64
	digest string // SHA-256, in hexadecimal
	alone  bool   // it is to be stored where nothing has that name only
}

// spool reads a body to its end.
func spool(body io.Reader) (*spooled, error) {
	sum := sha256.New()
	var start bytes.Buffer
	n, err := io.CopyN(io.MultiWriter(&start, sum), body, s3InMemory)
	s := &spooled{memory: start.Bytes(), size: n}
	if err == nil {
		s.memory = nil
		if s.file, err = os.CreateTemp("", "kith-backup-"); err != nil {
			return nil, err
		}
		if _, err = s.file.Write(start.Bytes()); err == nil {
			n, err = io.Copy(io.MultiWriter(s.file, sum), body)
			s.size += n
		}
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
	} else if err != io.EOF {
		return nil, err
	}
	s.digest = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

func (s *spooled) open() (io.ReadCloser, error) {
	if s.size == 0 {
		return http.NoBody, nil // its length is told, as servers want it
	}
	if s.file == nil {
		return io.NopCloser(bytes.NewReader(s.memory)), nil
	}
	return io.NopCloser(io.NewSectionReader(s.file, 0, s.size)), nil
}

func (s *spooled) close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}
