package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// binary is what is tested.
var binary string

func TestMain(m *testing.M) {
	if os.Getenv(bareVar) != "" {
		fmt.Fprintln(os.Stderr, serveBare())
		os.Exit(1)
	}
	if about := os.Getenv(readerVar); about != "" {
		if err := readTurtle(os.Stdin, os.Stdout, about); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "kith")
	if err == nil {
		binary, err = Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// base is the URL of every server here. It is not where they listen.
const base = "http://localhost:8420/"

// limit bounds one request; more is a hang.
const limit = 40 * time.Second

// world is one server and the people on it.
type world struct {
	t      *testing.T
	data   string
	wire   *Wire
	server *Server
}

// resident is a person with a pod on the server.
type resident struct {
	*Person
	*Replica
}

// newWorld starts a server in a folder of its own, with the people named, each paired with a phone.
func newWorld(t *testing.T, names ...string) (*world, []*resident) {
	t.Helper()
	return worldIn(t, filepath.Join(t.TempDir(), "data"), names...)
}

func worldIn(t *testing.T, data string, names ...string) (*world, []*resident) {
	t.Helper()
	w := &world{t: t, data: data, wire: &Wire{Base: base}}
	links := make([]string, len(names))
	for i, name := range names {
		links[i] = w.addPerson(name)
	}
	w.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server said:\n%s", w.server.Output())
		}
		if err := w.server.Kill(); err != nil {
			t.Error(err)
		}
	})
	people := make([]*resident, len(names))
	for i, name := range names {
		people[i] = w.settle(name, links[i])
	}
	return w, people
}

func (w *world) start() {
	w.t.Helper()
	s, err := Start(binary, w.data, base)
	if err != nil {
		w.t.Fatal(err)
	}
	w.server, w.wire.Address = s, s.Address
}

// restart stops the server, lets fn change its folder, and starts it again.
func (w *world) restart(fn func()) {
	w.t.Helper()
	if err := w.server.Stop(); err != nil {
		w.t.Fatal(err)
	}
	fn()
	w.start()
}

// kith runs the binary and returns what it printed and its exit code.
func (w *world) kith(args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	return run(w.t, exec.CommandContext(ctx, binary, args...))
}

func run(t *testing.T, c *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", c.Args, err)
	}
	return out.String(), problems.String(), c.ProcessState.ExitCode()
}

// introduced is the line that `kith person add` prints.
type introduction struct{ Name, Pod, WebID, Issuer, Pair string }

func (w *world) addPerson(name string) (link string) {
	w.t.Helper()
	out, problems, code := w.kith("person", "add", name, "--data", w.data, "--url", base)
	if code != 0 {
		w.t.Fatalf("person add %s: exit %d: %s", name, code, problems)
	}
	var i introduction
	if err := json.Unmarshal([]byte(out), &i); err != nil || strings.Count(out, "\n") != 1 {
		w.t.Fatalf("person add %s printed %q, want one line of JSON: %v", name, out, err)
	}
	want := introduction{name, base + name + "/", base + name + "/profile/card#me", strings.TrimSuffix(base, "/"), i.Pair}
	if i != want {
		w.t.Fatalf("person add %s printed %+v, want %+v", name, i, want)
	}
	return i.Pair
}

func (w *world) settle(name, link string) *resident {
	w.t.Helper()
	p := must(newPerson(name))(w.t)
	pairing := must(parsePairing(link))(w.t)
	owner, err := pairing.Pair(w.ctx(), w.wire, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return &resident{p, owner}
}

// befriend lets guest accept an invite of host.
func (w *world) befriend(host *resident, guest *Person, ways ...Pod) *Friend {
	w.t.Helper()
	i := must(host.Invite(w.ctx(), guest.Name))(w.t)
	return must(i.Accept(w.ctx(), w.wire, host.Pod, guest, ways...))(w.t)
}

// ctx bounds one exchange with the server.
func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	w.t.Cleanup(cancel)
	return ctx
}

// stranger is nobody, who asks a pod.
func (w *world) stranger(p Pod) *Agent { return &Agent{Wire: w.wire, Pod: p} }

// asker is who can ask.
type asker interface {
	Do(context.Context, Request) (Answer, error)
}

// ask sends a request, which has to be answered.
func (w *world) ask(a asker, r Request) Answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	answer, err := a.Do(ctx, r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.Method, r.Target, err)
	}
	return answer
}

// get is ask for a GET.
func (w *world) get(a asker, target string, header ...string) Answer {
	w.t.Helper()
	return w.ask(a, Request{Method: http.MethodGet, Target: target, Header: fields(header...)})
}

// put writes by plain LDP and asks for one of the statuses.
func (w *world) put(a asker, target, mediaType string, body []byte, want ...int) Answer {
	w.t.Helper()
	r := Request{Method: http.MethodPut, Target: target, Body: body, Header: fields("Content-Type", mediaType)}
	return w.want(w.ask(a, r), r, want...)
}

// want asks for one of the statuses.
func (w *world) want(answer Answer, r Request, want ...int) Answer {
	w.t.Helper()
	for _, status := range want {
		if answer.Status == status {
			return answer
		}
	}
	w.t.Fatalf("%s %s: %d %s; want %v", r.Method, r.Target, answer.Status, answer.Body, want)
	return answer
}

// feed returns the first page.
func (w *world) feed(a interface {
	Feed(context.Context, string) (Page, error)
}) Page {
	w.t.Helper()
	return must(a.Feed(w.ctx(), ""))(w.t)
}

// since returns what happened after a cursor.
func (w *world) since(a interface {
	Since(context.Context, string, string) (Page, error)
}, cursor string) Page {
	w.t.Helper()
	return must(a.Since(w.ctx(), cursor, "0"))(w.t)
}

// fields makes a header of names and values in turn.
func fields(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// must turns a result and its error into a result, or the end of the test.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// eventually asks again and again until ok says so, for at most d.
func eventually(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(d)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// post is a post of one photo, with canaries in its text, in a file's name and in the photo's bytes.
type post struct {
	folder string // "social/posts/…/"
	note   []byte
	photo  []byte
	file   string // name of the photo
	text   string
}

// newPost makes a post. Its parts occur nowhere else.
func newPost(t *testing.T, day string) post {
	t.Helper()
	word := b32.EncodeToString([]byte(random(8)))
	p := post{text: "canary text " + random(12), file: "canary-" + word[:12] + ".jpg", photo: photo(t)}
	p.folder = "social/posts/" + day + "-" + b32.EncodeToString([]byte(random(9)))[:16] + "/"
	p.note = must(json.Marshal(map[string]any{
		"@context": "https://www.w3.org/ns/activitystreams", "id": "./", "type": "Note",
		"published": day + "T10:00:00Z", "content": p.text, "mediaType": "text/plain",
		"attachment": []any{map[string]any{"type": "Image", "url": p.file, "mediaType": "image/jpeg", "width": 320, "height": 240, "name": "noise"}},
	}))(t)
	return p
}

// photo returns a JPEG like no other.
func photo(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			n := uint8(rand.IntN(64))
			img.SetRGBA(x, y, color.RGBA{uint8(x*180/320) + n, uint8(y*180/240) + n, n, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// publish writes the files of a post and last its ACL.
func (w *world) publish(owner *resident, p post, acl []byte) {
	w.t.Helper()
	for _, f := range []struct {
		name, mediaType string
		body            []byte
	}{
		{"post.jsonld", "application/ld+json", p.note},
		{p.file, "image/jpeg", p.photo},
		{".acl", "text/turtle", acl},
	} {
		if err := owner.Put(w.ctx(), p.folder+f.name, f.mediaType, f.body); err != nil {
			w.t.Fatal(err)
		}
	}
}

// object is how a feed names the post.
func (p post) object() string { return strings.TrimPrefix(p.folder, "social/") }

// canaries are what a raw search looks for.
func (p post) canaries() map[string][]byte {
	half := len(p.photo) / 2
	return map[string][]byte{
		"text":        []byte(p.text),
		"file's name": []byte(p.file),
		"photo":       p.photo[half : half+48],
		"folder":      []byte(strings.Split(p.folder, "/")[2]),
	}
}

// hits counts in how many files below dir, or in how many of their names, bytes occur.
func hits(t *testing.T, dir string, needle []byte) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since its folder was read
		}
		if err != nil {
			return err
		}
		found := strings.Contains(d.Name(), string(needle))
		if d.Type().IsRegular() && !found {
			text, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			found = bytes.Contains(text, needle)
		}
		if found {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// drain reads a body slowly, and reports how much of it came.
func drain(body io.Reader, pause time.Duration) (n int64, err error) {
	buffer := make([]byte, 16<<10)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		m, err := body.Read(buffer)
		n += int64(m)
		if err != nil {
			return n, err
		}
		<-tick.C
	}
}
