package release

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// shelf is a real https server of a release, and the source that reads it.
type shelf struct {
	*Source
	files map[string][]byte // as they are answered
	wrong map[string]http.HandlerFunc
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	program := bytes.Repeat([]byte("kith"), 1<<18)
	r := sample()
	r.Files["kith-linux-amd64"] = sha256.Sum256(program)
	s := &shelf{files: map[string][]byte{List: r.Text(), Signature: Sign(r.Text(), key), "kith-linux-amd64": program}, wrong: map[string]http.HandlerFunc{}}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	if s.Source, err = NewSource(server.URL+"/releases", public); err != nil {
		t.Fatal(err)
	}
	s.http.Transport = server.Client().Transport
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/releases/")
	if wrong := s.wrong[name]; wrong != nil {
		wrong(w, r)
	} else if body, ok := s.files[name]; ok {
		w.Write(body)
	} else {
		http.NotFound(w, r)
	}
}

func TestAReleaseIsFetched(t *testing.T) {
	s := newShelf(t)
	r, err := s.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	var told int64
	err = s.Fetch(t.Context(), r, "kith-linux-amd64", &got, func(done, _ int64) { told = done })
	if err != nil || !bytes.Equal(got.Bytes(), s.files["kith-linux-amd64"]) || told != int64(got.Len()) {
		t.Errorf("%d bytes, %d told: %v", got.Len(), told, err)
	}
	if err := s.Fetch(t.Context(), r, "kith-plan9-386", &got, func(_, _ int64) {}); err == nil {
		t.Error("fetched what the release lacks")
	}
}

func TestWhatIsNoReleaseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(s *shelf)
		want  error // of the list, or of the program
	}{
		"another list":         {func(s *shelf) { s.files[List] = append(s.files[List], "# x\n"...) }, ErrSignature},
		"no signature":         {func(s *shelf) { delete(s.files, Signature) }, nil},
		"no list":              {func(s *shelf) { delete(s.files, List) }, nil},
		"an endless list":      {func(s *shelf) { s.wrong[List] = endless }, ErrFormat},
		"an endless signature": {func(s *shelf) { s.wrong[Signature] = endless }, ErrFormat},
		"a list elsewhere":     {func(s *shelf) { s.wrong[List] = elsewhere }, ErrAddress},
		"a flipped byte":       {func(s *shelf) { s.files["kith-linux-amd64"][77] ^= 1 }, ErrHash},
		"a short program":      {func(s *shelf) { s.files["kith-linux-amd64"] = s.files["kith-linux-amd64"][1:] }, ErrHash},
		"a network that dies":  {func(s *shelf) { s.wrong["kith-linux-amd64"] = s.dying }, io.ErrUnexpectedEOF},
		"an endless program":   {func(s *shelf) { s.wrong["kith-linux-amd64"] = endless }, ErrHash},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			c.spoil(s)
			r, err := s.Newest(t.Context())
			if err == nil {
				err = s.Fetch(t.Context(), r, "kith-linux-amd64", io.Discard, func(_, _ int64) {})
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	for some := make([]byte, 1<<20); r.Context().Err() == nil; {
		if _, err := w.Write(some); err != nil {
			return
		}
	}
}

func elsewhere(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://127.0.0.1:1/"+List, http.StatusFound)
}

// dying says how much there is, sends half of it and goes.
func (s *shelf) dying(w http.ResponseWriter, r *http.Request) {
	body := s.files["kith-linux-amd64"]
	w.Header().Set("Content-Length", "1048576")
	w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

func TestAddressesOfReleases(t *testing.T) {
	for _, address := range []string{"", "releases", "http://kith.example/", "file:///etc", "https://", "https://kith.example/?x", "https://kith.example/#x", "ftp://kith.example/"} {
		if _, err := NewSource(address, nil); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestFetchingEndsWithItsContext(t *testing.T) {
	s := newShelf(t)
	r, err := s.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.wrong["kith-linux-amd64"] = endless
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Fetch(ctx, r, "kith-linux-amd64", io.Discard, func(_, _ int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
