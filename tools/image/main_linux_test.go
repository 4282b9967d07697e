package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// made returns an image of kith for this machine.
func made(t *testing.T) order {
	t.Helper()
	dir := t.TempDir()
	o := order{program: filepath.Join(dir, "kith"), machine: runtime.GOARCH, version: "v1.0.0", out: filepath.Join(dir, "kith.tar"), date: time.Unix(1790000000, 0).UTC()}
	c := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", o.program, "kith/cmd/kith")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if err := o.make(); err != nil {
		t.Fatal(err)
	}
	return o
}

// unpacked are the files of a tar archive.
type unpacked map[string]entry

type entry struct {
	*tar.Header
	body []byte
}

func unpack(t *testing.T, r io.Reader) unpacked {
	t.Helper()
	all := unpacked{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = entry{h, body}
	}
}

// json reads a file of the archive.
func (u unpacked) json(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(u[name].body, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// blob returns what a descriptor names, after a look whether it is that.
func (u unpacked) blob(t *testing.T, d descriptor) []byte {
	t.Helper()
	body := u["blobs/"+strings.Replace(d.Digest, ":", "/", 1)].body
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); got != d.Digest || int64(len(body)) != d.Size {
		t.Fatalf("%s has %d bytes with the digest %s, want %d bytes", d.Digest, len(body), got, d.Size)
	}
	return body
}

// opened follows the image from its index to the files of its layer.
func opened(t *testing.T, name string) (configuration, unpacked) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	u := unpack(t, f)
	var all index
	u.json(t, "index.json", &all)
	var m manifest
	var c configuration
	if len(all.Manifests) != 2 || all.Manifests[0].Digest != all.Manifests[1].Digest {
		t.Fatalf("the index is %+v", all)
	}
	for i, tag := range []string{"v1.0.0", "latest"} {
		said := all.Manifests[i].Annotations
		if said["org.opencontainers.image.ref.name"] != tag || said["io.containerd.image.name"] != "docker.io/library/kith:"+tag {
			t.Errorf("an engine knows it as %v, want %s", said, tag)
		}
	}
	if err := json.Unmarshal(u.blob(t, all.Manifests[0]), &m); err != nil || len(m.Layers) != 1 {
		t.Fatalf("%v %+v", err, m)
	}
	if err := json.Unmarshal(u.blob(t, m.Config), &c); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(u.blob(t, m.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(plain)); !slices.Equal(c.Rootfs.DiffIDs, []string{got}) {
		t.Errorf("the layer is %s, and the configuration says %v", got, c.Rootfs.DiffIDs)
	}
	var docker []loaded
	u.json(t, "manifest.json", &docker)
	if len(docker) != 1 || u[docker[0].Config].body == nil || u[docker[0].Layers[0]].body == nil || !slices.Equal(docker[0].RepoTags, []string{"kith:v1.0.0", "kith:latest"}) {
		t.Errorf("docker reads %+v", docker)
	}
	var layout map[string]string
	if u.json(t, "oci-layout", &layout); layout["imageLayoutVersion"] != "1.0.0" {
		t.Errorf("the layout is %v", layout)
	}
	return c, unpack(t, bytes.NewReader(plain))
}

func TestImage(t *testing.T) {
	o := made(t)
	first, err := os.ReadFile(o.out)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.make(); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(o.out); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the second image differs: %v", err)
	}
	c, files := opened(t, o.out)
	checkFiles(t, files)
	if c.Config.User != "65532:65532" || c.OS != "linux" || c.Architecture != runtime.GOARCH {
		t.Errorf("the configuration is %+v", c)
	}
	if _, ok := c.Config.Volumes["/data"]; !ok {
		t.Errorf("the volumes are %v", c.Config.Volumes)
	}
	t.Run("runs in a folder that is its root", func(t *testing.T) { checkRuns(t, c, files) })
}

// checkFiles looks at what is in the layer, and whose it is.
func checkFiles(t *testing.T, files unpacked) {
	t.Helper()
	owned := map[string]int{"data/": account, "etc/": 0, "etc/ssl/": 0, "etc/ssl/certs/": 0, "etc/ssl/certs/ca-certificates.crt": 0, "tmp/": 0, "kith": 0}
	for name, f := range files {
		owner, ok := owned[name]
		if !ok || f.Uid != owner || f.Gid != owner || f.Mode&0o022 != 0 && name != "tmp/" || !f.ModTime.Equal(time.Unix(1790000000, 0)) {
			t.Errorf("%s: %+v", name, f.Header)
		}
	}
	if len(files) != len(owned) {
		t.Errorf("the image has %d files", len(files))
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(files["etc/ssl/certs/ca-certificates.crt"].body) {
		t.Error("there are no roots")
	}
}

// checkRuns lays the layer out, and starts and asks the program there as the image says, but for the address.
func checkRuns(t *testing.T, image configuration, files unpacked) {
	if os.Geteuid() != 0 {
		t.Skip("another root folder takes root")
	}
	root := layOut(t, files)
	args := slices.Concat(image.Config.Entrypoint, image.Config.Cmd)
	args[slices.Index(args, "0.0.0.0:8420")] = "127.0.0.1:0"
	args = append(args, "--url", "http://localhost:8420/")
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Path, c.Err, c.Dir, c.Env = args[0], nil, image.Config.WorkingDir, image.Config.Env
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: account, Gid: account}, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the process ends with this thread
	defer runtime.UnlockOSThread()
	var problems bytes.Buffer
	c.Stderr = &problems
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("%q %v\n%s", line, errors.Join(err, c.Wait()), &problems)
	}
	answer, err := http.Get(address + "/")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%v %v\n%s", answer, err, &problems)
	}
	healthy := func() ([]byte, error) {
		test := image.Config.Healthcheck.Test
		h := exec.CommandContext(ctx, test[1], test[2:]...)
		h.Path, h.Err, h.Dir, h.Env, h.SysProcAttr = test[1], nil, c.Dir, c.Env, c.SysProcAttr
		return h.CombinedOutput()
	}
	if said, err := healthy(); err != nil {
		t.Errorf("while it runs, it is called ill: %v %s", err, said)
	}
	if err := errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait()); err != nil {
		t.Errorf("it ended with %v\n%s", err, &problems)
	}
	var ended *exec.ExitError
	if said, err := healthy(); !errors.As(err, &ended) || ended.ExitCode() != 1 || !strings.Contains(string(said), "no server answers") {
		t.Errorf("after its end it is called %v %s", err, said)
	}
	if _, err := os.Stat(filepath.Join(root, "data", "pods", "me")); err != nil {
		t.Error(err)
	}
}

// layOut writes the files of a layer below a folder, and returns it.
func layOut(t *testing.T, files unpacked) string {
	t.Helper()
	root, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names) // folders before what is in them
	for _, name := range names {
		f, at := files[name], filepath.Join(root, name)
		if f.Typeflag == tar.TypeDir {
			err = os.Mkdir(at, fs.FileMode(f.Mode).Perm())
		} else {
			err = os.WriteFile(at, f.body, fs.FileMode(f.Mode).Perm())
		}
		if err := errors.Join(err, os.Chown(at, f.Uid, f.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestOrdersThatLackSomething(t *testing.T) {
	for _, args := range []string{"", "-program x -version v1", "-program x -date 1", "-version v1 -date 1", "-program x -version v1 -date 1 more"} {
		if _, err := ordered(strings.Fields(args)); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	o, err := ordered(strings.Fields("-program none -version v1 -date 1 -out none.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.make(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, other := range []string{"/bin/sh", "main.go"} { // one wants a loader, one is no program
		o.program = other
		if err := o.make(); err == nil || !strings.Contains(err.Error(), "is no static program") {
			t.Errorf("%s: %v", other, err)
		}
	}
}
