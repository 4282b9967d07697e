package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// leftIn puts files into the folder of a pod that no server has open, as if long ago.
func leftIn(t *testing.T, data string, names ...string) (tree string) {
	t.Helper()
	tree = filepath.Join(data, "pods", DefaultName)
	long := time.Now().Add(-time.Hour)
	for _, name := range names {
		name = filepath.Join(tree, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte("text"), 0o600), os.Chtimes(name, long, long)); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

// TestADecisionIsOnWhatWasSeen: what disappeared after the owner looked is not decided with the rest.
func TestADecisionIsOnWhatWasSeen(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("notes/%d.txt", i), fmt.Sprintf("more/%d.txt", i))
	}
	tree := leftIn(t, data, names...)
	s, h := openAt(t, time.Now, data)
	defer s.Close()
	held := func() (of trouble) {
		all, err := h.troubles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			if one.Kind == "deletions" {
				of = one
			}
		}
		return of
	}
	decide := func(body string) (code int, answer string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/me/.trouble/deletions", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if err := h.serveTrouble(w, r, "deletions"); err != nil {
			t.Fatal(err)
		}
		return w.Code, w.Body.String()
	}
	remove := func(folder string, text string) trouble {
		if err := os.RemoveAll(filepath.Join(tree, folder)); err != nil {
			t.Fatal(err)
		}
		within(t, text, func() bool { return strings.HasPrefix(held().Text, text) })
		return held()
	}
	before := remove("notes", "40 files and 1 folder disappeared")
	after := remove("more", "80 files and 2 folders disappeared")
	if before.Seen == after.Seen || after.Count != 80 || len(after.Paths) != maxNamed || slices.ContainsFunc(after.Paths, func(p string) bool { return strings.HasSuffix(p, "/") }) {
		t.Errorf("%+v, then %+v", before, after)
	}
	for _, c := range []struct {
		name, seen string
		want       int
	}{{"nothing was seen", "", 428}, {"less was seen", before.Seen, 412}, {"all was seen", after.Seen, 200}, {"it is decided", after.Seen, 412}} {
		body, err := json.Marshal(map[string]any{"delete": true, "seen": c.seen})
		if err != nil {
			t.Fatal(err)
		}
		got, answer := decide(string(body))
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if got == 200 {
			paths := struct{ Paths []string }{}
			if err := json.Unmarshal([]byte(answer), &paths); err != nil || len(paths.Paths) != 82 || spelled(paths.Paths) != after.Seen {
				t.Errorf("%s: %s is not what was seen, %v", c.name, answer, err)
			}
		}
		if gone := held().Count == 0; gone != (c.want == 200 || c.name == "it is decided") {
			t.Errorf("%s: %+v is held", c.name, held())
		}
	}
}

// TestAPodThatIsReadOnlySaysSo, to its owner and to a doctor.
func TestAPodThatIsReadOnlySaysSo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	leftIn(t, data, "wrong.png")
	s, h := openAt(t, time.Now, data)
	if text := said(t, h, "readonly"); text != "" {
		t.Error(text)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(data, "index", DefaultName, "index.db")
	text, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, []byte("wrong.png"))
	if at < 0 {
		t.Fatal("the index does not hold the name as it is written")
	}
	page := at / 4096 * 4096
	copy(text[page+1:], []byte{0xff, 0xff}) // the list of free blocks leads out of the page
	if err := os.WriteFile(index, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, h = openAt(t, time.Now, data)
	defer s.Close()
	if c, err := h.check(t.Context()); err != nil || !c.Rebuild {
		t.Fatalf("%+v, %v", c, err)
	}
	if text := said(t, h, "readonly"); !strings.Contains(text, "read only until the server is started again") {
		t.Errorf("the owner hears %q", text)
	}
	all, err := s.config.Doctor(t.Context(), DefaultName, "", "test")
	if err != nil {
		t.Fatal(err)
	}
	broken := false
	for _, f := range all {
		broken = broken || f.Level == levelBroken && strings.Contains(f.Text, "read only")
	}
	if !broken {
		t.Errorf("the doctor says %+v", all)
	}
}

// TestAClockThatCannotBeAsked is one finding, not two.
func TestAClockThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	s, _ := openAt(t, time.Now, t.TempDir())
	defer s.Close()
	all, err := s.config.Doctor(t.Context(), "", "http://127.0.0.1:1", "test")
	if err != nil {
		t.Fatal(err)
	}
	var about []Finding
	for _, f := range all {
		if f.About == "clock" {
			about = append(about, f)
		}
	}
	if len(about) != 1 || about[0].Well() {
		t.Errorf("of the clock it says %+v", about)
	}
}

// TestAFullDriveSaysSo in its status and in its words.
func TestAFullDriveSaysSo(t *testing.T) {
	s := newDrive(t)
	if status, text, _ := s.ask(t, s.password.Secret, http.MethodPut, "/me/.dav/one", strings.Repeat("x", 6000)); status != http.StatusCreated {
		t.Fatal(status, text)
	}
	if err := s.person.SetQuota(t.Context(), 10_000, func() {}); err != nil {
		t.Fatal(err)
	}
	status, text, _ := s.ask(t, s.password.Secret, "COPY", "/me/.dav/one", "", "Destination", s.URL+"/me/.dav/two")
	if status != http.StatusInsufficientStorage || text != "Insufficient Storage" {
		t.Errorf("%d %s", status, text)
	}
}
