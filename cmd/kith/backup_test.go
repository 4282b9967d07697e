package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/internal/server"
)

// newTree makes a pod with a few files, in a new folder.
func newTree(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	if code, _, problems := callKith(t, "person", "add", "me", "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	tree := filepath.Join(data, "pods", "me", "docs")
	if err := os.MkdirAll(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a.txt": "a", "b.txt": "b", "c.txt": "c", "large.txt": strings.Repeat("large ", 1000)} {
		if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// drive is the network drive of another pod, as a place for backups. What holds returns ends before more than two files
// are stored there.
func drive(t *testing.T, hold func()) (address, secret string) {
	t.Helper()
	c := server.Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}
	s, err := server.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	stored := 0 // a run stores one file after another
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/objects/") {
			if stored++; stored == 3 {
				hold()
			}
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		web.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	password, err := server.Person{Config: c, Name: server.DefaultName}.AddPassword(t.Context(), "backup")
	if err != nil {
		t.Fatal(err)
	}
	return web.URL + "/" + server.DefaultName + "/.dav/backup/", password.Secret
}

// TestABackupIsToldAsItRuns: how far it is while one place is slow, and of each place once how it ended.
func TestABackupIsToldAsItRuns(t *testing.T) {
	data, folder := newTree(t), filepath.Join(t.TempDir(), "copy")
	var said, problems heard
	const far = `\r[1-9]\d* of [1-9]\d* files kept, \d+\.\d MB`
	address, secret := drive(t, func() {
		for deadline := time.Now().Add(time.Minute); problems.find(far) == "" && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		}
	})
	if code, _, problems := callKith(t, "backup", "add", "me", folder, "--data", data); code != exitOK {
		t.Fatal(problems)
	}
	me := server.Person{Config: server.Config{Data: data, URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}, Name: "me"}
	if _, err := me.AddBackup(t.Context(), address, "anybody", secret, time.Hour); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"backup", "run", "me", "--data", data}, &said, &problems); code != exitOK || problems.find(far) == "" {
		t.Fatalf("%d %q", code, problems.find(`(?s).*`))
	}
	told := said.find(`(?s).*`)
	for _, place := range []string{folder, address} {
		if strings.Count(told, place+" holds the pod as it was at ") != 1 || strings.Count(told, place) != 1 {
			t.Errorf("%s is told of in %q", place, told)
		}
	}
	if strings.Count(told, "\n") != 2 {
		t.Errorf("it says %q", told)
	}
}

// TestADamagedBackupIsSalvaged by what a plain restore says.
func TestADamagedBackupIsSalvaged(t *testing.T) {
	data, place, back := newTree(t), filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "back")
	for _, args := range [][]string{{"backup", "add", "me", place}, {"backup", "run", "me"}} {
		if code, _, problems := callKith(t, append(args, "--data", data)...); code != exitOK {
			t.Fatal(problems)
		}
	}
	_, text, _ := callKith(t, "backup", "kit", "me", "--data", data)
	kit := filepath.Join(t.TempDir(), "kit")
	if err := os.WriteFile(kit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	objects, err := filepath.Glob(filepath.Join(place, "objects", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	cut := 0
	for _, object := range objects {
		if info, err := os.Stat(object); err == nil && info.Size() > 5000 {
			cut++
			if err := os.Truncate(object, 5000); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cut != 1 {
		t.Fatalf("cut %d of %d objects", cut, len(objects))
	}
	code, out, problems := callKith(t, "restore", place, "--kit", kit, "--data", back)
	if code != exitFailed || out != "" || !strings.Contains(problems, "/docs/large.txt: ") || !strings.Contains(problems, "the same with --salvage") || isThere(t, back) {
		t.Errorf("%d %s %s", code, out, problems)
	}
	code, out, problems = callKith(t, "restore", place, "--kit", kit, "--data", back, "--salvage")
	if !strings.Contains(out, "is back as it was at 2") {
		t.Errorf("it does not say of when it is: %s", out)
	}
	if code != exitFailed || !strings.Contains(out, "\nNot restored:\n  /docs/large.txt\n") || !strings.Contains(problems, "1 of ") {
		t.Errorf("%d %s %s", code, out, problems)
	}
	if list, err := os.ReadFile(filepath.Join(back, "not-restored-me.txt")); err != nil || string(list) != "/docs/large.txt\n" {
		t.Errorf("the list is %q, %v", list, err)
	}
	for name, want := range map[string]string{"a.txt": "a", "b.txt": "b", "c.txt": "c"} {
		if text, err := os.ReadFile(filepath.Join(back, "pods", "me", "docs", name)); err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	if isThere(t, filepath.Join(back, "pods", "me", "docs", "large.txt")) {
		t.Error("half a file is there")
	}
	if code, out, problems := callKith(t, "check", "me", "--data", back); code != exitOK {
		t.Errorf("%d %s %s", code, out, problems)
	}
}

// TestWhatDisappearedIsToldFirst by a check, before what is longer and matters less.
func TestWhatDisappearedIsToldFirst(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := showCheck(&out, "me", server.Checked{HeldText: "203 files", Seen: "x", Foreign: []string{"a: b"}, Outside: 1}, false); err != nil {
		t.Fatal(err)
	}
	if gone, foreign := strings.Index(out.String(), "203 files disappeared"), strings.Index(out.String(), "no part of the pod"); gone < 0 || foreign < gone {
		t.Errorf("%s", &out)
	}
}
