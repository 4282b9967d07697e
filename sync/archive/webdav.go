package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"kith/pod"

	"github.com/emersion/go-webdav"
)

// WebDAV returns a Place in a folder of a WebDAV server, such as Nextcloud or
// Fastmail have it. address is the folder's; it is made when its parent is there.
// The server sends nobody to another host: it could name one in this house.
func WebDAV(c *http.Client, address, user, password string) (Place, error) {
	own := *c
	own.CheckRedirect = stay
	var asker webdav.HTTPClient = &own
	if user != "" || password != "" {
		asker = webdav.HTTPClientWithBasicAuth(&own, user, password)
	}
	heard := &listener{HTTPClient: asker, stall: stallTime, refusals: refusals}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("reach the WebDAV folder: %q is no address", address)
	}
	dav, err := webdav.NewClient(heard, address)
	if err != nil {
		return nil, fmt.Errorf("reach the WebDAV folder: %w", err)
	}
	return &remote{heard: heard, dav: dav, root: strings.TrimSuffix(u.Path, "/") + "/", made: map[string]bool{}}, nil
}

// stay refuses a redirect that leads to another host, or away from https.
func stay(r *http.Request, via []*http.Request) error {
	from := via[0].URL
	secured := from.Scheme == "http" && r.URL.Scheme == "https" && from.Hostname() == r.URL.Hostname()
	if len(via) >= 10 || !secured && (r.URL.Host != from.Host || r.URL.Scheme != from.Scheme) {
		return errors.New("the server sends elsewhere; name the address at which it is")
	}
	return nil
}

const (
	maxListing = 8 << 20  // bytes that a server tells of one folder
	maxMarks   = 1 << 18  // elements and attributes in them, each of which takes much more memory than bytes
	maxRefusal = 64 << 10 // bytes of an answer that says no
	// stallTime is in which stallBytes have to move, or the body to end: a place that stands still, or lets a byte
	// trickle now and then, would never let a run end. An answer may take 5 min to begin.
	stallTime  = 6 * time.Minute
	stallBytes = 64 << 10
)

var (
	errStalled = &meant{"the server stands still, or nearly so", os.ErrDeadlineExceeded}
	errTooMuch = errors.New("the server tells more of a folder than there can be")
	errNoDAV   = &meant{"no WebDAV folder is at this address: its server does not know such requests; take the address that it names for WebDAV", errors.ErrUnsupported}
)

// refusals are what statuses mean here.
var refusals = map[int]error{
	http.StatusUnauthorized:        &meant{"the server does not take this name and password (401); where people sign in with a second factor, as at Nextcloud or Fastmail, make an app password there", fs.ErrPermission},
	http.StatusForbidden:           &meant{"the server does not let this name do that there (403)", fs.ErrPermission},
	http.StatusInsufficientStorage: &meant{"the server has no room left (507)", pod.ErrFull},
}

// meant is an error with a text of its own that is another, too.
type meant struct {
	text string
	is   error
}

// Error implements error.
func (m *meant) Error() string { return m.text }

// Unwrap returns what it means.
func (m *meant) Unwrap() error { return m.is }

// moving is a body of a request that ends when too little moves.
type moving struct {
	io.ReadCloser
	ctx   context.Context
	idle  *time.Timer
	time  time.Duration
	bytes int    // that moved since idle was set
	end   func() // called by Close, where nothing comes after the body; nil: more comes
}

// Read implements io.Reader.
func (m *moving) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if m.bytes += n; m.bytes >= stallBytes || err == io.EOF {
		m.bytes = 0
		m.idle.Reset(m.time)
	}
	if err != nil && err != io.EOF && context.Cause(m.ctx) == errStalled {
		err = errStalled
	}
	return n, err
}

// Close implements io.Closer.
func (m *moving) Close() error {
	if m.end != nil {
		defer m.end()
	}
	return m.ReadCloser.Close()
}

// listener remembers the last status: the webdav package tells an answer that
// lacks a property as if the resource were not there. And it makes weak entity
// tags strong, which that package cannot read and nobody here compares; Apache
// gives them to files that are new. It bounds what that package reads into memory.
type listener struct {
	webdav.HTTPClient
	stall  time.Duration
	status int
	alone  bool // what is put is to be stored where nothing has that name only
	// refusals are statuses that are told as errors; the place itself looks at the others.
	refusals map[int]error
}

// ask makes a request that ends when too little moves.
func (l *listener) ask(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	idle := time.AfterFunc(l.stall, func() { cancel(errStalled) })
	end := func() { idle.Stop(); cancel(nil) }
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &moving{ReadCloser: r.Body, ctx: ctx, idle: idle, time: l.stall}
	}
	res, err := l.HTTPClient.Do(r)
	if err == nil {
		res.Body = &moving{ReadCloser: res.Body, ctx: ctx, idle: idle, time: l.stall, end: end}
		return res, nil
	}
	if context.Cause(ctx) == errStalled {
		err = errStalled
	}
	end()
	return nil, err
}

func (l *listener) Do(r *http.Request) (*http.Response, error) {
	l.status = 0
	if l.alone && r.Method == http.MethodPut {
		r.Header.Set("If-None-Match", "*")
	}
	res, err := l.ask(r)
	if err != nil {
		return nil, err
	}
	l.status = res.StatusCode
	if refused := l.refusals[l.status]; refused != nil {
		return nil, errors.Join(refused, res.Body.Close())
	}
	if r.Method == "PROPFIND" && (l.status == http.StatusMethodNotAllowed || l.status == http.StatusNotImplemented) {
		return nil, errors.Join(errNoDAV, res.Body.Close())
	}
	if l.status/100 != 2 {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxRefusal), res.Body}
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			res.Header.Set("Content-Type", "application/octet-stream") // a page for browsers is no message: the status is
		}
	}
	if l.status != http.StatusMultiStatus {
		return res, nil
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxListing+1))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if len(text) > maxListing || bytes.Count(text, []byte("<"))+bytes.Count(text, []byte("=")) > maxMarks {
		return nil, errTooMuch
	}
	for _, quote := range []string{`"`, "&quot;"} {
		text = bytes.ReplaceAll(text, []byte("W/"+quote), []byte(quote))
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res, nil
}

// remote is a folder of a WebDAV server. One goroutine uses it at a time.
type remote struct {
	heard *listener
	dav   *webdav.Client
	root  string          // path of the folder; names are given whole, or the package takes their last slash
	made  map[string]bool // folders that are known to be there
}

// Put implements Place. A server that has taken fewer bytes than were sent says
// so too late for most clients: its word on the size is asked for.
func (r *remote) Put(ctx context.Context, name string, body io.Reader) error {
	if err := r.makeAbove(ctx, name); err != nil {
		return err
	}
	sent, err := r.send(ctx, name, body)
	if err != nil || sent == 0 {
		return err
	}
	info, err := r.dav.Stat(ctx, r.root+name)
	if err != nil {
		return err
	}
	if info.Size != sent {
		return fmt.Errorf("the server has %d bytes of %d: %w", info.Size, sent, io.ErrShortWrite)
	}
	return nil
}

// Create implements Place, by If-None-Match (RFC 9110 §13.1.2). A server that does not heed it overwrites.
func (r *remote) Create(ctx context.Context, name string, body io.Reader) error {
	r.heard.alone = true
	defer func() { r.heard.alone = false }()
	return r.Put(ctx, name, body)
}

// send puts a file, and returns how many bytes were sent.
func (r *remote) send(ctx context.Context, name string, body io.Reader) (int64, error) {
	w, err := r.dav.Create(ctx, r.root+name)
	if err != nil {
		return 0, err
	}
	sent, err := io.Copy(w, body)
	if err = errors.Join(err, w.Close()); err != nil && r.heard.alone && r.heard.status == http.StatusPreconditionFailed {
		err = fmt.Errorf("%w: %w", fs.ErrExist, err)
	}
	return sent, err
}

func (r *remote) makeAbove(ctx context.Context, name string) error {
	dir := strings.TrimPrefix(path.Dir(name)+"/", "./")
	if r.made[dir] {
		return nil
	}
	if dir != "" {
		if err := r.makeAbove(ctx, path.Dir(name)); err != nil {
			return err
		}
	}
	if _, err := r.dav.ReadDir(ctx, r.root+dir, false); err != nil {
		if err := r.dav.Mkdir(ctx, r.root+dir); err != nil {
			return fmt.Errorf("make a folder at the server: %w", err)
		}
	}
	r.made[dir] = true
	return nil
}

func (r *remote) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	body, err := r.dav.Open(ctx, r.root+name)
	return body, r.asAbsent(err)
}

func (r *remote) List(ctx context.Context, folder string) (names []string, err error) {
	infos, err := r.dav.ReadDir(ctx, r.root+folder, false)
	if errors.Is(r.asAbsent(err), fs.ErrNotExist) {
		return nil, nil
	}
	for _, i := range infos {
		if strings.TrimSuffix(i.Path, "/") == strings.TrimSuffix(r.root+folder, "/") {
			continue // the folder itself
		}
		n := path.Base(i.Path)
		if i.IsDir {
			n += "/"
		}
		names = append(names, n)
	}
	return names, err
}

// Modified implements Place.
func (r *remote) Modified(ctx context.Context, name string) (time.Time, error) {
	info, err := r.dav.Stat(ctx, r.root+name)
	if err != nil {
		return time.Time{}, r.asAbsent(err)
	}
	return info.ModTime, nil
}

func (r *remote) Delete(ctx context.Context, name string) error {
	if err := r.asAbsent(r.dav.RemoveAll(ctx, r.root+name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// asAbsent turns the answer for what is not there into fs.ErrNotExist.
func (r *remote) asAbsent(err error) error {
	if err != nil && r.heard.status == http.StatusNotFound {
		return fs.ErrNotExist
	}
	return err
}
