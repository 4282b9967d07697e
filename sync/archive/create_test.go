package archive

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAFolderCreatesANameOnce: of many who create a file at the same time, one does, and its bytes are there whole.
func TestAFolderCreatesANameOnce(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	var all sync.WaitGroup
	made := ""
	for _, text := range strings.Fields("ana ben cem dora eva finn gül hugo") {
		all.Go(func() {
			err := Folder(dir).Create(t.Context(), "keyring-1", strings.NewReader(text))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && made == "":
				made = text
			case !errors.Is(err, fs.ErrExist):
				t.Errorf("%s: %v", text, err)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(filepath.Join(dir, "keyring-1"))
	if err != nil || string(text) != made {
		t.Errorf("%s made it, and there is %q, %v", made, text, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestABucketCreatesANameOnce, where the server can tell; where it cannot, it is as with any other file.
func TestABucketCreatesANameOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int // for a condition that does not hold, or for any
		code   string
		stands bool
		want   error
	}{
		{"nothing is there", 0, "", false, nil},
		{"another is there", http.StatusPreconditionFailed, "PreconditionFailed", true, fs.ErrExist},
		{"another is being stored", http.StatusConflict, "ConditionalRequestConflict", true, fs.ErrExist},
		{"the server knows no conditions", http.StatusNotImplemented, "NotImplemented", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stored []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				switch only := r.Header.Get("If-None-Match") == "*"; {
				case err != nil:
					t.Error(err)
				case r.Method == http.MethodHead:
					http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(stored))
				case only && c.status != 0:
					w.WriteHeader(c.status)
					io.WriteString(w, "<Error><Code>"+c.code+"</Code></Error>")
				case only || c.status == http.StatusNotImplemented:
					stored = body
				default:
					t.Error("the condition was left out")
				}
			}))
			defer server.Close()
			place, err := S3(server.Client(), Bucket{Endpoint: server.URL, Name: "ana", Key: "k", Secret: "s"}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			err = place.Create(t.Context(), "keyring-1", strings.NewReader("new"))
			if !errors.Is(err, c.want) || (string(stored) == "new") == c.stands {
				t.Errorf("%v; %q is stored", err, stored)
			}
		})
	}
}

// TestAServerThatTrickles: a byte now and then is no progress.
func TestAServerThatTrickles(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		beat := time.NewTicker(10 * time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-beat.C:
				if _, err := w.Write([]byte("x")); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
			}
		}
	}))
	defer server.Close()
	place, err := WebDAV(server.Client(), server.URL+"/dav/", "", "")
	if err != nil {
		t.Fatal(err)
	}
	place.(*remote).heard.stall = 300 * time.Millisecond
	body, err := place.Get(t.Context(), "keyring-1")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if n, err := io.Copy(io.Discard, body); !errors.Is(err, errStalled) {
		t.Errorf("%d bytes, and then %v", n, err)
	}
}

// TestAPlaceThatIsLookedAt tells what is a backup, and what is not.
func TestAPlaceThatIsLookedAt(t *testing.T) {
	for _, c := range []struct {
		name           string
		files          []string
		backup, others bool
	}{
		{"nothing", nil, false, false},
		{"what programs leave", []string{".stfolder", "desktop.ini", ".DS_Store"}, false, false},
		{"photos", []string{"photo.jpg"}, false, true},
		{"a folder", []string{"objects/ab/x"}, false, true},
		{"a backup", []string{markerName, "keyring-3", "objects/ab/x"}, true, false},
		{"a backup that was begun", []string{markerName, "progress-1"}, true, false},
		{"a first run that was broken off", []string{"claim-K7QAB2"}, true, false},
		{"what looks like a claim", []string{"claim-of-mine.pdf"}, false, true},
		{"a backup beside photos", []string{markerName, "keyring-3", "photo.jpg"}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			place := Folder(t.TempDir())
			for _, name := range c.files {
				if err := place.Put(t.Context(), name, strings.NewReader("x")); err != nil {
					t.Fatal(err)
				}
			}
			backup, others, err := Survey(t.Context(), place)
			if err != nil || backup != c.backup || others != c.others {
				t.Errorf("backup %v, others %v, %v", backup, others, err)
			}
		})
	}
}
