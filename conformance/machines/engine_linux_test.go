package machines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"kith/conformance"
)

// engine is docker with its compose, and a project of it that is ours.
type engine struct {
	t       *testing.T
	compose []string
	file    string // a copy of docker-compose.yml
	project string
}

// newEngine skips where no docker answers.
func newEngine(t *testing.T) *engine {
	t.Helper()
	wanted(t, "docker")
	if out, err := exec.CommandContext(t.Context(), "docker", "version").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: docker does not answer here: %.200s", out)
	}
	for _, words := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.CommandContext(t.Context(), words[0], append(words[1:], "version")...).Run() == nil {
			return &engine{t: t, compose: words, project: fmt.Sprintf("kithtest%d", os.Getpid())}
		}
	}
	t.Skip("NOT TESTED: docker has no compose here")
	return nil
}

// load makes the image as `make image` does, and has the engine read it.
func (e *engine) load() {
	t := e.t
	t.Helper()
	tag, archive := "v0.0.0-"+e.project, filepath.Join(t.TempDir(), "kith.tar")
	run(t, exec.CommandContext(t.Context(), "go", "run", "kith/tools/image", "-program", built(t, "linux", runtime.GOARCH), "-machine", runtime.GOARCH, "-version", tag, "-date", "1790000000", "-out", archive))
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", "kith:"+tag).Run() })
	if out := run(t, exec.CommandContext(t.Context(), "docker", "load", "-i", archive)); !strings.Contains(out, "kith:latest") || !strings.Contains(out, "kith:"+tag) {
		t.Errorf("docker has loaded %s", out)
	}
	e.prepare("kith:" + tag)
}

// prepare writes a copy of docker-compose.yml for this image, at a port that is free. Where this machine gives fewer files to a process
// than the copy asks for, it asks for those.
func (e *engine) prepare(image string) {
	t := e.t
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]string{`"127.0.0.1:8420:8420"`: `"127.0.0.1::8420"`, "image: kith:latest": "image: " + image}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if files.Max < 32768 {
		changes["nofile: 32768"] = fmt.Sprintf("nofile: %d", files.Max)
	}
	for old, new := range changes {
		if strings.Count(string(text), old) != 1 {
			t.Fatalf("docker-compose.yml does not say %s", old)
		}
		text = []byte(strings.Replace(string(text), old, new, 1))
	}
	e.file = filepath.Join(t.TempDir(), "docker-compose.yml")
	if err := os.WriteFile(e.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.composed(context.Background(), "down", "--volumes").Run() })
}

func (e *engine) composed(ctx context.Context, args ...string) *exec.Cmd {
	all := append(append([]string{}, e.compose...), "--project-name", e.project, "--file", e.file, "--profile", "home")
	all = append(all, args...)
	return exec.CommandContext(ctx, all[0], all[1:]...)
}

func (e *engine) do(args ...string) string {
	e.t.Helper()
	return strings.TrimSpace(run(e.t, e.composed(e.t.Context(), args...)))
}

// container is what docker says of a running container.
type container struct {
	State struct {
		Pid    int
		Health struct{ Status string }
	}
}

func (e *engine) inspect() (c container) {
	e.t.Helper()
	var all []container
	err := json.Unmarshal([]byte(run(e.t, exec.CommandContext(e.t.Context(), "docker", "inspect", e.do("ps", "-q", "kith")))), &all)
	if err != nil || len(all) != 1 {
		e.t.Fatalf("%v %+v", err, all)
	}
	return all[0]
}

// TestContainer does what docker-compose.yml says, and uses the pod.
func TestContainer(t *testing.T) {
	e := newEngine(t)
	e.load()
	e.do("up", "--detach")
	var link string
	until(t, "a pairing link in the log", func() error {
		link = regexp.MustCompile(`http\S+#pair=\S+`).FindString(e.do("logs", "kith"))
		if link == "" {
			return errors.New("none")
		}
		return nil
	})
	wire := &conformance.Wire{Base: base, Address: e.do("port", "kith", "8420")}
	_, owner, err := conformance.Meet(t.Context(), wire, link, "Ana")
	if err == nil {
		err = owner.Put(t.Context(), target, "text/plain", []byte(said))
	}
	if err != nil {
		t.Fatal(err)
	}
	e.confined()
	until(t, "the engine calls it healthy", func() error {
		if got := e.inspect().State.Health.Status; got != "healthy" {
			return errors.New(got)
		}
		return nil
	})
	e.restarted(owner)
}

// confined looks at the rights of the program, from outside of it.
func (e *engine) confined() {
	t := e.t
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", e.inspect().State.Pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		t.Logf("NOT TESTED: what the engine runs is not seen from here: %v", err)
		return
	}
	for _, want := range []string{"Uid:\t65532\t65532", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the program has not %q: %s", want, status)
		}
	}
	mounts, err := os.ReadFile(dir + "mounts")
	if err != nil || !regexp.MustCompile(`(?m)^\S+ / \S+ ro,`).Match(mounts) || !regexp.MustCompile(`(?m)^\S+ /data \S+ rw`).Match(mounts) {
		t.Errorf("%v %s", err, mounts)
	}
}

// restarted asks the pod again, once it was started anew and once its container was thrown away, and has its commands run
// as the file says.
func (e *engine) restarted(owner *conformance.Replica) {
	t := e.t
	t.Helper()
	for _, how := range [][]string{{"restart"}, {"down"}} {
		e.do(how...)
		if how[0] == "down" {
			e.do("up", "--detach")
		}
		owner.Address = e.do("port", "kith", "8420")
		until(t, "the pod after "+how[0], func() error { return keeps(t.Context(), owner) })
	}
	out, err := e.composed(t.Context(), "exec", "-T", "kith", "/kith", "doctor", "--json").Output()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 1 || strings.Contains(string(out), `"level":"broken"`) || !strings.Contains(string(out), "no backup") {
		t.Errorf("the doctor inside: %v %s", err, out)
	}
}
