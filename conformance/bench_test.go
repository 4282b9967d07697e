package conformance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The size that the figures are for: posts of one person, read by friends in circles.
const (
	benchPosts   = 10_000
	benchFriends = 250
	benchCircles = 20
)

// house is a pod of the design size: the person ana, her friend ben, and enough others.
type house struct {
	b      *testing.B
	data   string
	server *Server
	wire   *Wire
	owner  *Replica
	friend *Friend
}

// newHouse makes ana and ben over the wire, then lays the posts into the stopped pod's folder, which is
// what a pod is.
func newHouse(b *testing.B) *house {
	b.Helper()
	h := &house{b: b, data: filepath.Join(b.TempDir(), "data"), wire: &Wire{Base: base}}
	out, err := exec.Command(binary, "person", "add", "ana", "--data", h.data, "--url", base).Output()
	h.check(err)
	var i introduction
	h.check(json.Unmarshal(out, &i))
	h.start()
	b.Cleanup(func() { h.server.Kill() })
	pairing, err := parsePairing(i.Pair)
	h.check(err)
	ana, err := newPerson("Ana")
	h.check(err)
	h.owner, err = pairing.Pair(b.Context(), h.wire, ana)
	h.check(err)
	ben, err := newPerson("Ben")
	h.check(err)
	invite, err := h.owner.Invite(b.Context(), "Ana")
	h.check(err)
	h.friend, err = invite.Accept(b.Context(), h.wire, pairing.at(), ben)
	h.check(err)
	return h
}

func (h *house) check(err error) {
	h.b.Helper()
	if err != nil {
		h.b.Fatal(err)
	}
}

func (h *house) start() {
	h.b.Helper()
	s, err := Start(binary, h.data, base)
	h.check(err)
	h.server, h.wire.Address = s, s.Address
}

// fill lays posts into the folder while the server is stopped. Each goes to the audience of one circle;
// ben is in every second one. Without an index the pod takes the folder as it is, and the files need not
// rest first as those that a hand has put there.
func (h *house) fill(posts int) {
	h.b.Helper()
	h.check(h.server.Stop())
	cid := h.cid()
	social := filepath.Join(h.data, "pods", "ana", "social")
	for c := range benchCircles {
		members := make([]string, 0, benchFriends/benchCircles+1)
		for f := range benchFriends / benchCircles {
			members = append(members, fmt.Sprintf("%s%08d", strings.Repeat("a", 12), c*100+f))
		}
		if c%2 == 0 {
			members = append(members, cid)
		}
		h.lay(filepath.Join(social, "audiences", fmt.Sprintf("circle%02d.ttl", c)), group(members))
	}
	for p := range posts {
		day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -p/10)
		folder := filepath.Join(social, "posts", fmt.Sprintf("%s-%016d", day.Format(time.DateOnly), posts-p))
		note, err := json.Marshal(map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": "./", "type": "Note",
			"published": day.Format(time.RFC3339), "content": strings.Repeat("A day like any other. ", 80)})
		h.check(err)
		h.lay(filepath.Join(folder, "post.jsonld"), note)
		h.lay(filepath.Join(folder, ".acl"), postACL(fmt.Sprintf("circle%02d.ttl", p%benchCircles)))
	}
	h.check(os.RemoveAll(filepath.Join(h.data, "index")))
	h.start()
}

func (h *house) cid() string {
	entries, err := os.ReadDir(filepath.Join(h.data, "pods", "ana", "contacts"))
	h.check(err)
	return entries[0].Name()
}

func (h *house) lay(name string, body []byte) {
	h.b.Helper()
	h.check(os.MkdirAll(filepath.Dir(name), 0o700))
	h.check(os.WriteFile(name, body, 0o600))
}

// client asks over connections that stay open, as a browser does.
func client(address string) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}}}
}

// signed makes n requests in advance, so that the asker's signatures are not measured.
func (h *house) signed(n int, target string) []*http.Request {
	h.b.Helper()
	all := make([]*http.Request, n)
	for i := range all {
		r, err := h.friend.sign(h.b.Context(), Request{Method: http.MethodGet, Target: target})
		h.check(err)
		all[i], err = http.NewRequestWithContext(h.b.Context(), r.Method, strings.TrimSuffix(base, "/")+r.Target, nil)
		h.check(err)
		all[i].Header = r.Header
	}
	return all
}

// ask sends the requests one after another and returns how long each took.
func (h *house) ask(c *http.Client, requests []*http.Request) []time.Duration {
	h.b.Helper()
	took := make([]time.Duration, len(requests))
	for i, r := range requests {
		start := time.Now()
		res, err := c.Do(r)
		h.check(err)
		_, err = io.Copy(io.Discard, res.Body)
		h.check(err)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			h.b.Fatalf("GET %s: %d", r.URL.Path, res.StatusCode)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took
}

// cpu returns what a process has used so far.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	if err1 != nil || err2 != nil {
		b.Fatal("read CPU time: ", err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// rss returns the resident memory of a process in MB.
func rss(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1000
}

// BenchmarkServer is one run of what an operator notices: the size of the binary, the time from start to
// the line that tells the address, and the memory at rest, empty and with the posts.
func BenchmarkServer(b *testing.B) {
	for b.Loop() {
		info, err := os.Stat(binary)
		if err != nil {
			b.Fatal(err)
		}
		h := newHouse(b)
		start := func() float64 {
			began := time.Now()
			h.start()
			return float64(time.Since(began).Microseconds()) / 1000
		}
		b.ReportMetric(float64(info.Size())/1e6, "binary-MB")
		h.check(h.server.Stop())
		b.ReportMetric(start(), "start-ms")
		b.ReportMetric(rss(b, h.server.command.Process.Pid), "rss-MB")
		h.check(h.server.Stop())
		h.start()
		began := time.Now()
		h.fill(benchPosts)
		b.Logf("laid and indexed in %v", time.Since(began))
		h.check(h.server.Stop())
		b.ReportMetric(start(), "start-10k-ms")
		b.ReportMetric(rss(b, h.server.command.Process.Pid), "rss-10k-MB")
		h.check(h.server.Stop())
		h.check(os.RemoveAll(filepath.Join(h.data, "index")))
		b.ReportMetric(start(), "index-again-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGET compares a friend's GET of a post of 2 KB with the least that any such server must do: a
// bare net/http handler that verifies one P-256 signature and writes the same bytes. The two take turns,
// so that what else the machine does hits both.
func BenchmarkGET(b *testing.B) {
	const rounds, each = 10, 300
	h := newHouse(b)
	h.fill(100)
	bare, address := startBare(b)
	path := h.somePost()
	mine, theirs := client(h.wire.Address), client(address)
	h.ask(mine, h.signed(50, path)) // warm
	for b.Loop() {
		var kith, floor []time.Duration
		var kithCPU, floorCPU time.Duration
		for range rounds {
			requests := h.signed(each, path)
			before := cpu(b, h.server.command.Process.Pid)
			kith = append(kith, h.ask(mine, requests)...)
			kithCPU += cpu(b, h.server.command.Process.Pid) - before
			requests = h.signed(each, path)
			before = cpu(b, bare)
			floor = append(floor, h.ask(theirs, requests)...)
			floorCPU += cpu(b, bare) - before
		}
		slices.Sort(kith)
		slices.Sort(floor)
		b.ReportMetric(float64(kithCPU.Microseconds())/(rounds*each), "cpu-µs")
		b.ReportMetric(float64(floorCPU.Microseconds())/(rounds*each), "bare-cpu-µs")
		b.ReportMetric(float64(kithCPU)/float64(floorCPU), "cpu-ratio")
		b.ReportMetric(float64(kith[len(kith)/2].Microseconds()), "median-µs")
		b.ReportMetric(float64(floor[len(floor)/2].Microseconds()), "bare-median-µs")
	}
	b.ReportMetric(0, "ns/op")
}

func (h *house) somePost() string {
	h.b.Helper()
	page, err := h.friend.Feed(h.b.Context(), "")
	h.check(err)
	return "social/" + page.Items[0].Object + "post.jsonld"
}

// bareVar tells this test binary to be the bare server.
const bareVar = "KITH_BENCH_BARE"

// startBare starts the bare server in a process of its own and returns its pid and address.
func startBare(b *testing.B) (pid int, address string) {
	b.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), bareVar+"=1")
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Process.Signal(syscall.SIGKILL)
		c.Wait()
	})
	if _, err := fmt.Fscanln(out, &address); err != nil {
		b.Fatal(err)
	}
	return c.Process.Pid, address
}

// serveBare is the bare server: one P-256 verification and 2 KB for each request.
func serveBare() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte("a proof"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return err
	}
	body := bytes.Repeat([]byte("A day like any other. "), 90)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/ld+json")
		w.Write(body)
	}))
}

// BenchmarkReading10000 measures what a friend waits for at a pod with 10,000 posts, half of which they
// may see: the listing of all posts, and the feed's first page with texts.
func BenchmarkReading10000(b *testing.B) {
	h := newHouse(b)
	h.fill(benchPosts)
	c := client(h.wire.Address)
	h.ask(c, h.signed(2, "social/posts/"))
	median := func(target string, n int) float64 {
		took := h.ask(c, h.signed(n, target))
		return float64(took[len(took)/2].Microseconds()) / 1000
	}
	for b.Loop() {
		b.ReportMetric(median("social/posts/", 10), "listing-ms")
		b.ReportMetric(median("social/feed?inline=1&limit=20", 20), "feed-ms")
	}
	b.ReportMetric(rss(b, h.server.command.Process.Pid), "rss-after-MB")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkTouched counts the files and functions of ours that one friend's GET runs, warm: those whose
// counters grow by one for each further request of a binary built for coverage.
func BenchmarkTouched(b *testing.B) {
	const more = 100
	dir := b.TempDir()
	covered := filepath.Join(dir, "kith")
	if out, err := exec.Command("go", "build", "-cover", "-covermode=atomic", "-coverpkg=kith/...", "-o", covered, "kith/cmd/kith").CombinedOutput(); err != nil {
		b.Fatalf("build for coverage: %v\n%s", err, out)
	}
	defer func(was string) { binary = was }(binary)
	binary = covered
	few, many := coverage(b, dir, 10), coverage(b, dir, 10+more)
	files, functions := map[string]bool{}, 0
	for name, n := range many {
		if 10*(n-few[name]) >= 9*more { // what else a server does is not the same in two runs
			files[strings.SplitN(name, ":", 2)[0]] = true
			functions++
		}
	}
	for b.Loop() {
	}
	b.ReportMetric(float64(len(files)), "files")
	b.ReportMetric(float64(functions), "functions")
	b.ReportMetric(0, "ns/op")
}

// coverage runs a server, lets ben GET a post n times, and returns how often the first statement of each
// function ran.
func coverage(b *testing.B, dir string, n int) map[string]int {
	b.Helper()
	out := filepath.Join(dir, fmt.Sprint("cover", n))
	if err := os.MkdirAll(out, 0o700); err != nil {
		b.Fatal(err)
	}
	b.Setenv("GOCOVERDIR", out)
	h := newHouse(b)
	h.fill(10)
	path := h.somePost()
	h.ask(client(h.wire.Address), h.signed(n, path))
	if err := h.server.Stop(); err != nil {
		b.Fatal(err)
	}
	profile := filepath.Join(out, "profile.txt")
	if text, err := exec.Command("go", "tool", "covdata", "textfmt", "-i="+out, "-o="+profile).CombinedOutput(); err != nil {
		b.Fatalf("read coverage: %v\n%s", err, text)
	}
	return firstStatements(b, profile)
}
