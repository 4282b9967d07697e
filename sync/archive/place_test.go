package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAServerSendsNobodyElsewhere: a WebDAV server that redirects has this machine ask nobody else.
func TestAServerSendsNobodyElsewhere(t *testing.T) {
	var asked atomic.Int64
	house := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer house.Close()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		server := httptest.NewServer(http.RedirectHandler(house.URL+"/reboot", status))
		place, err := WebDAV(server.Client(), server.URL+"/dav/", "ana", "secret")
		if err != nil {
			t.Fatal(err)
		}
		_, getting := place.Get(t.Context(), "keyring-1")
		deleting := place.Delete(t.Context(), "keyring-1")
		if server.Close(); getting == nil || deleting == nil || asked.Load() > 0 {
			t.Errorf("%d: %v, %v, another server was asked %d times", status, getting, deleting, asked.Load())
		}
	}
}

// TestAServerWithoutWebDAV says so, instead of a number.
func TestAServerWithoutWebDAV(t *testing.T) {
	for _, status := range []int{http.StatusMethodNotAllowed, http.StatusNotImplemented} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		place, err := WebDAV(server.Client(), server.URL+"/photos/", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := place.List(t.Context(), ""); !errors.Is(err, errNoDAV) {
			t.Errorf("%d: %v", status, err)
		}
		server.Close()
	}
}

// TestAServerThatStandsStill: a WebDAV server begins and does not go on.
func TestAServerThatStandsStill(t *testing.T) {
	ending := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
		case "PROPFIND":
			w.WriteHeader(http.StatusMultiStatus)
			io.WriteString(w, "<multistatus")
			w.(http.Flusher).Flush()
		}
		<-ending
	}))
	defer server.Close()
	defer close(ending)
	place, err := WebDAV(server.Client(), server.URL+"/dav/", "", "")
	if err != nil {
		t.Fatal(err)
	}
	r := place.(*remote)
	r.heard.stall, r.made[""] = 50*time.Millisecond, true
	for name, do := range map[string]func(context.Context) error{
		"an answer": func(ctx context.Context) error {
			body, err := place.Get(ctx, "keyring-1")
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = io.ReadAll(body)
			return err
		},
		"a listing": func(ctx context.Context) error { _, err := place.List(ctx, ""); return err },
		"what is sent": func(ctx context.Context) error {
			return place.Put(ctx, "keyring-1", io.LimitReader(zeros{}, 1<<30))
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if err := do(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// zeros is endless.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestWhatOthersLeaveAtAPlace: a file of another program's keeps nothing from being swept.
func TestWhatOthersLeaveAtAPlace(t *testing.T) {
	dir := t.TempDir()
	place := Folder(dir)
	old := placeOf(strings.Repeat("ab", 16))
	for _, name := range []string{"objects/.DS_Store", old, claim + "M"} {
		if err := place.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&run{place: place, mark: "M"}).sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, old)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", old, err)
	}
}

// TestAFolderLosesNoName: what Put has said is kept has its name on the disk, and those of the folders around it; where
// the disk refuses, Put does too.
func TestAFolderLosesNoName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "backup")
	f := Folder(dir).(*folder)
	made := map[string]bool{} // names that stood when their directory was made durable
	f.sync = func(of *os.Root) error {
		entries, err := os.ReadDir(of.Name())
		for _, e := range entries {
			made[filepath.Join(of.Name(), e.Name())] = true
		}
		return err
	}
	name := placeOf(strings.Repeat("ab", 16))
	for _, name := range []string{"keyring-1", name} {
		if err := f.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		for at := filepath.Join(dir, name); at != filepath.Dir(filepath.Dir(dir)); at = filepath.Dir(at) {
			if !made[at] {
				t.Errorf("after %s is put, the name of %s may be lost", name, at)
			}
		}
	}
	refused := errors.New("the disk refuses")
	f.sync = func(*os.Root) error { return refused }
	if err := f.Put(t.Context(), "keyring-2", strings.NewReader("x")); !errors.Is(err, refused) {
		t.Errorf("put a name that may be lost: %v", err)
	}
	gone, err := os.OpenRoot(dir)
	if err != nil || gone.Close() != nil {
		t.Fatal(err)
	}
	if err := syncDir(gone); err == nil && runtime.GOOS != "windows" {
		t.Error("a directory that is not open was made durable")
	}
}

// TestAServerThatSaysTooMuch: what a WebDAV server says of a folder, or of what it refuses, takes a bounded memory.
func TestAServerThatSaysTooMuch(t *testing.T) {
	many := strings.Repeat("<a/>", 1<<18)
	for name, c := range map[string]struct {
		status int
		begin  string
		most   int64 // bytes after that
		end    string
	}{
		"of a folder":        {http.StatusMultiStatus, `<multistatus xmlns="DAV:"><response><href>/dav/</href><propstat><prop>`, 128 << 20, ""},
		"in small things":    {http.StatusMultiStatus, `<multistatus xmlns="DAV:"><response><href>/dav/</href><propstat><prop>`, 7 << 20, "</prop></propstat></response></multistatus>"},
		"of what it refuses": {http.StatusInternalServerError, `<error xmlns="DAV:">`, 128 << 20, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(c.status)
				io.WriteString(w, c.begin)
				for sent.Load() < c.most {
					n, err := io.WriteString(w, many)
					if err != nil {
						return
					}
					sent.Add(int64(n))
				}
				io.WriteString(w, c.end)
			}))
			defer server.Close()
			place, err := WebDAV(server.Client(), server.URL+"/dav/", "ana", "secret")
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = place.List(t.Context(), "")
			runtime.ReadMemStats(&after)
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; err == nil || took > 128 {
				t.Errorf("%v; %d MiB were taken, and %d MiB sent", err, took, sent.Load()>>20)
			}
		})
	}
}

// TestALaterLayout is neither read nor written, whatever opens the place; a marker that says nothing is no obstacle.
func TestALaterLayout(t *testing.T) {
	t.Parallel()
	place, m := shelf{}, &machine{}
	if err := m.run(t.Context(), place, "1"); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]error{"kith archive 2\n": ErrNewer, "kith archive 17\nmore\n": ErrNewer, "kith archive 3": ErrNewer, "kith archive 1\n": nil, "": nil, "kith ar": nil} {
		place[markerName] = []byte(text)
		before := maps.Clone(place)
		if _, err := Open(t.Context(), place, m.kits...); !errors.Is(err, want) {
			t.Errorf("%q is opened: %v", text, err)
		}
		if err := m.run(t.Context(), place, "2 "+text); !errors.Is(err, want) {
			t.Errorf("a run at %q: %v", text, err)
		}
		if want != nil && !maps.EqualFunc(before, place, bytes.Equal) {
			t.Errorf("%q was written to", text)
		}
	}
}
