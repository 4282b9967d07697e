package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain runs a relay instead of the tests when it is asked to: a process of its own, which tests
// kill and look into.
func TestMain(m *testing.M) {
	if dir := os.Getenv("KITH_TEST_RELAY"); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveChild serves until its standard input ends; each line there, a duration, moves its clock on by so much, and
// is answered by the time it then is. Every request counts as one of its own address, so that one test can be many people.
func serveChild(dir string) error {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s, err := Open(Config{Data: dir, Queues: "open", Now: now, Client: func(r *http.Request) string {
		if as := r.Header.Get("Test-As"); as != "" {
			return as
		}
		return r.RemoteAddr
	}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
	http.DefaultServeMux.HandleFunc("/counters", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(s.Counters()) })
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/counters" {
			http.DefaultServeMux.ServeHTTP(w, r)
			return
		}
		s.ServeHTTP(w, r)
	})
	go h.Serve(l)
	fmt.Println("http://" + l.Addr().String() + "/")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		by, err := time.ParseDuration(in.Text())
		if err != nil {
			return err
		}
		ahead.Add(int64(by))
		fmt.Println(now().UTC().Format(time.RFC3339))
	}
	err = s.Close()
	h.Shutdown(context.Background())
	return err
}

// child is a relay in a process of its own.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	url string
}

func spawn(t testing.TB, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "KITH_TEST_RELAY="+dir, "GOMEMLIMIT=224MiB")
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // it ends with this process
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatal(err)
	}
	c := &child{t: t, cmd: cmd, url: strings.TrimSpace(line)}
	t.Cleanup(func() { c.kill() })
	return c
}

// kill ends the process as a power cut ends it, but for what the kernel still writes.
func (c *child) kill() {
	if c.cmd == nil {
		return
	}
	c.cmd.Process.Kill()
	c.cmd.Wait()
	c.cmd = nil
}

// memory returns the resident bytes of the process, now and at most.
func (c *child) memory() (now, peak int) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.cmd.Process.Pid), "status"))
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			now = kib << 10
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			peak = kib << 10
		}
	}
	return now, peak
}

// countersOf reads the counters of a relay in another process.
func countersOf(t testing.TB, url string) map[string]uint64 {
	t.Helper()
	answer, err := http.Get(url + "counters")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var all map[string]uint64
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}
