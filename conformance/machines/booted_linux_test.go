package machines

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/webdav"

	"kith/conformance"
)

// booted is a systemd that is process 1, in namespaces of its own, over a copy of this machine's disk that is thrown away.
type booted struct {
	t   *testing.T
	pid string // of its process 1, as it is seen from here
}

// boot starts systemd and waits until it says that it runs.
func boot(t *testing.T) *booted {
	t.Helper()
	wanted(t, "systemd-nspawn", "nsenter", "setpriv")
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: starting a system takes root")
	}
	for _, file := range []string{"/lib/systemd/systemd", "/usr/bin/dbus-daemon", "/usr/lib/systemd/user/dbus.service"} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("NOT TESTED: a systemd for accounts wants systemd, libpam-systemd and dbus-user-session here: %v", err)
		}
	}
	disk := copied(t)
	run(t, exec.CommandContext(t.Context(), "cp", built(t, "linux", runtime.GOARCH), filepath.Join(disk, "usr/local/bin/kith")))
	name := fmt.Sprintf("kith%d", os.Getpid())
	c := exec.Command("systemd-nspawn", "--directory", disk, "--boot", "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe", "--machine", name, "systemd.unit=basic.target")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM) // nspawn has the system power off
		select {
		case <-ended:
		case <-time.After(patience):
			c.Process.Kill()
			<-ended
		}
	})
	b := &booted{t: t}
	until(t, "the system runs", func() error {
		select {
		case err := <-ended:
			ended <- err
			t.Skipf("NOT TESTED: no system can be started here: %v", err)
		default:
		}
		return b.find(c.Process.Pid)
	})
	return b
}

// copied lays a throw-away layer over this machine's disk.
func copied(t *testing.T) string {
	t.Helper()
	layer, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(layer) })
	if err := syscall.Mount("tmpfs", layer, "tmpfs", 0, "mode=755"); err != nil {
		t.Skipf("NOT TESTED: nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(layer, syscall.MNT_DETACH) })
	var all []string
	for _, name := range []string{"upper", "work", "disk"} {
		all = append(all, filepath.Join(layer, name))
		if err := os.Mkdir(all[len(all)-1], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("overlay", all[2], "overlay", 0, "lowerdir=/,upperdir="+all[0]+",workdir="+all[1]); err != nil {
		t.Skipf("NOT TESTED: no layer can be laid over this disk: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(all[2], syscall.MNT_DETACH) })
	return all[2]
}

// find looks for process 1 below nspawn, and asks it whether it is done.
func (b *booted) find(nspawn int) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", nspawn))
	children := strings.Fields(string(text))
	if err != nil || len(children) == 0 {
		return errors.Join(err, errors.New("there is no process yet"))
	}
	b.pid = children[0]
	out, err := b.inside("systemctl", "is-system-running").CombinedOutput()
	if state := strings.TrimSpace(string(out)); state != "running" && state != "degraded" {
		return fmt.Errorf("%s %v", state, err)
	}
	return nil
}

// inside is a command in the booted system, as root.
func (b *booted) inside(args ...string) *exec.Cmd {
	return exec.CommandContext(b.t.Context(), "nsenter", append([]string{"--target", b.pid, "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--"}, args...)...)
}

func (b *booted) do(args ...string) string {
	b.t.Helper()
	return strings.TrimSpace(run(b.t, b.inside(args...)))
}

// account is somebody with an account there, for whom systemd runs.
type account struct {
	*booted
	id, home string
	manager  []string // "systemctl", and whose
}

func (b *booted) account(name string) *account {
	b.t.Helper()
	b.do("useradd", "--create-home", name)
	a := &account{booted: b, id: b.do("id", "-u", name), home: "/home/" + name, manager: []string{"systemctl", "--user"}}
	b.do("systemctl", "start", "user@"+a.id)
	return a
}

// do runs a command as the account.
func (a *account) do(args ...string) string {
	a.t.Helper()
	as := []string{"setpriv", "--reuid=" + a.id, "--regid=" + a.id, "--clear-groups", "env", "HOME=" + a.home, "XDG_RUNTIME_DIR=/run/user/" + a.id}
	return a.booted.do(append(as, args...)...)
}

// service reads a property of the unit.
func (a *account) service(property string) string {
	a.t.Helper()
	return a.do(append(a.manager, "show", "kith", "--property="+property, "--value")...)
}

// address finds where the server listens, once it does under a process that is not before.
func (a *account) address(before string) (address, pid string) {
	a.t.Helper()
	lines := regexp.MustCompile(`\[(\d+)\]: listening on http://(\S+)`)
	until(a.t, "the server listens", func() error {
		all := lines.FindAllStringSubmatch(a.booted.do("journalctl", "--no-pager", "--boot"), -1)
		if len(all) == 0 {
			return errors.New(a.service("ActiveState"))
		}
		last := all[len(all)-1]
		if pid, address = last[1], last[2]; pid == before || pid != a.service("MainPID") {
			return fmt.Errorf("%s of %s", a.service("ActiveState"), pid)
		}
		return nil
	})
	return address, pid
}

// TestServiceOfAnAccount installs it, uses it, kills it, has it back up, stops and removes it.
func TestServiceOfAnAccount(t *testing.T) {
	a := boot(t).account("kithtest")
	if out := a.do("kith", "service", "install", "--listen", "127.0.0.1:0", "--url", base); !strings.Contains(out, "The server runs, and starts by itself") {
		t.Error(out)
	}
	a.lives(a.home + "/kith")
	if out := a.do("kith", "service", "status"); !strings.Contains(out, "and does not run") {
		t.Error(out)
	}
	if out := a.do("kith", "service", "remove"); !strings.HasPrefix(out, "The server has stopped") {
		t.Error(out)
	}
}

// TestServiceOfTheMachine is the same with fewer rights, for an account that nobody uses.
func TestServiceOfTheMachine(t *testing.T) {
	b := boot(t)
	const data = "/var/lib/kith"
	b.do("useradd", "--system", "--home-dir", data, "--shell", "/usr/sbin/nologin", "kith")
	b.do("install", "-d", "-m", "0700", "-o", "kith", "-g", "kith", data)
	a := &account{booted: b, id: b.do("id", "-u", "kith"), home: data, manager: []string{"systemctl"}}
	b.do("sh", "-c", fmt.Sprintf("umask 077; printf 'listen = \"127.0.0.1:0\"\\nurl = \"%s\"\\n' > %s/kith.toml; chown kith: %[2]s/kith.toml", base, data))
	b.do("kith", "service", "install", "--system", "--data", data)
	a.lives(data)
	if capable := regexp.MustCompile(`exposure level for kith.service: (\S+)`).FindStringSubmatch(b.do("systemd-analyze", "security", "kith", "--no-pager")); len(capable) != 2 || capable[1] > "2.0" {
		t.Errorf("systemd calls it as exposed as %v", capable)
	}
	b.do("kith", "service", "remove", "--system")
}

// lives uses the service as an owner does, and looks at what systemd does for it.
func (a *account) lives(data string) {
	t := a.t
	t.Helper()
	address, pid := a.address("")
	wire := &conformance.Wire{Base: base, Address: address}
	link := regexp.MustCompile(`http\S+#pair=[\w-]+`).FindString(a.do("kith", "pair", "me", "--data", data))
	_, owner, err := conformance.Meet(t.Context(), wire, link, "Ana")
	if err == nil {
		err = owner.Put(t.Context(), target, "text/plain", []byte(said))
	}
	if err != nil {
		t.Fatal(err)
	}
	a.booted.do("kill", "-KILL", pid)
	owner.Address, pid = a.address(pid)
	if err := keeps(t.Context(), owner); err != nil || a.service("NRestarts") != "1" {
		t.Errorf("after a kill: %v, started again %s times", err, a.service("NRestarts"))
	}
	a.backsUp(data)
	a.bounded(pid)
	begun := time.Now()
	a.tell("stop")
	t.Logf("it stopped within %v", time.Since(begun).Round(time.Millisecond))
	if got := a.service("Result"); got != "success" {
		t.Errorf("it ended with %s", got)
	}
}

// tell gives the manager an order; that of the machine takes them from root alone.
func (a *account) tell(verb string) {
	a.t.Helper()
	if len(a.manager) == 1 {
		a.booted.do(a.manager[0], verb, "kith")
		return
	}
	a.do(append(a.manager, verb, "kith")...)
}

// backsUp has the running server write a backup over the network, and reads it back.
func (a *account) backsUp(data string) {
	a.t.Helper()
	address, password := davPlace(a.t)
	a.do("sh", "-c", fmt.Sprintf("echo %s | kith backup add me %s --user ana --data %s", password, address, data))
	a.do("kith", "backup", "run", "me", "--data", data)
	var place struct{ ID string }
	if err := json.Unmarshal([]byte(a.do("kith", "backup", "list", "me", "--data", data)), &place); err != nil {
		a.t.Fatal(err)
	}
	a.do("kith", "backup", "verify", "me", place.ID, "--data", data)
}

// davPlace is a WebDAV server on this machine, with the password that it wants of ana.
func davPlace(t *testing.T) (address, password string) {
	t.Helper()
	password = rand.Text()
	files := &webdav.Handler{FileSystem: webdav.Dir(t.TempDir()), LockSystem: webdav.NewMemLS()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who, what, ok := r.BasicAuth(); !ok || who != "ana" || what != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="files"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/kith/", password
}

// bounded looks whether the kernel holds the bounds of the unit: memory and rights.
func (a *account) bounded(pid string) {
	t := a.t
	t.Helper()
	status := a.booted.do("cat", "/proc/"+pid+"/status")
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("the server has not %q: %s", want, status)
		}
	}
	if a.service("MemoryMax") != strconv.Itoa(384<<20) {
		t.Errorf("the unit may have %s", a.service("MemoryMax"))
	}
	if a.service("MemoryCurrent") == "[not set]" {
		t.Log("NOT TESTED: that the kernel holds MemoryMax; systemd has no controller for memory here")
	}
}
