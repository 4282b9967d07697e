package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/sealed"
)

// world is a small internet of network namespaces: a middle that forwards, relays, a friend and a phone in
// networks of their own, and a home with a router that hides a pod.
type world struct {
	t      *testing.T
	prefix string
	kith   string // the binary
}

// The addresses of the world.
const (
	worldHome   = "10.77.1.2"
	worldPod    = "192.168.77.2"
	worldPort   = "8430"
	worldRelay1 = "10.77.11.2"
	worldRelay2 = "10.77.12.2"
)

// newWorld makes the namespaces, or skips where the system does not let it.
func newWorld(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root here")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	w := &world{t: t, prefix: fmt.Sprintf("kith%d", os.Getpid())}
	if err := w.try("ip", "netns", "add", w.prefix+"try"); err != nil {
		t.Skipf("this system makes no network namespaces: %v", err)
	}
	err := w.try("ip", "netns", "exec", w.prefix+"try", "nft", "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c numgen random mod 100 < 5 masquerade")
	w.run("ip", "netns", "del", w.prefix+"try")
	if err != nil {
		t.Skipf("this system has no address translation: %v", err)
	}
	w.kith = os.Getenv("KITH_BINARY")
	if w.kith == "" {
		w.kith = filepath.Join(t.TempDir(), "kith")
		w.run("go", "build", "-o", w.kith, "kith/cmd/kith")
	}
	w.lay()
	return w
}

func (w *world) try(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

func (w *world) run(name string, args ...string) {
	w.t.Helper()
	if err := w.try(name, args...); err != nil {
		w.t.Fatal(err)
	}
}

// in runs a command in a namespace.
func (w *world) in(place string, args ...string) {
	w.t.Helper()
	w.run("ip", append([]string{"netns", "exec", w.prefix + place}, args...)...)
}

// lay lays the cables and writes the rules of the routers.
func (w *world) lay() {
	w.t.Helper()
	for _, place := range []string{"middle", "home", "pod", "friend", "phone", "relay1", "relay2"} {
		w.run("ip", "netns", "add", w.prefix+place)
		w.t.Cleanup(func() { w.run("ip", "netns", "del", w.prefix+place) })
		w.in(place, "ip", "link", "set", "lo", "up")
	}
	for i, place := range []string{"home", "friend", "phone"} {
		w.cable(place, fmt.Sprintf("10.77.%d", i+1))
	}
	w.cable("relay1", "10.77.11")
	w.cable("relay2", "10.77.12")
	w.join("home", "lan", "192.168.77.1/24", "pod", "eth", worldPod+"/24")
	w.in("pod", "ip", "route", "add", "default", "via", "192.168.77.1")
	for _, router := range []string{"middle", "home"} {
		w.in(router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	}
	// The home's router translates addresses, and lets in what belongs to a connection from inside.
	w.in("home", "nft", `add table ip home
		add chain ip home out { type nat hook postrouting priority 100; }
		add rule ip home out oifname "eth" masquerade
		add chain ip home in { type filter hook forward priority 0; policy drop; }
		add rule ip home in iifname "lan" accept
		add rule ip home in ct state established,related accept`)
	// The middle carries to and from the relays, and nothing else: there is no way from one home to another.
	w.in("middle", "nft", `add table ip middle
		add chain ip middle loss { type filter hook forward priority -10; }
		add chain ip middle carry { type filter hook forward priority 0; policy drop; }
		add rule ip middle carry ip daddr { 10.77.11.0/24, 10.77.12.0/24 } accept
		add rule ip middle carry ip saddr { 10.77.11.0/24, 10.77.12.0/24 } accept`)
}

// cable connects a place to the middle.
func (w *world) cable(place, network string) {
	w.t.Helper()
	w.join("middle", place, network+".1/24", place, "eth", network+".2/24")
	w.in(place, "ip", "route", "add", "default", "via", network+".1")
}

func (w *world) join(a, aName, aAddress, b, bName, bAddress string) {
	w.t.Helper()
	w.run("ip", "link", "add", "name", aName, "netns", w.prefix+a, "type", "veth", "peer", "name", bName, "netns", w.prefix+b)
	for _, end := range [][3]string{{a, aName, aAddress}, {b, bName, bAddress}} {
		w.in(end[0], "ip", "address", "add", end[2], "dev", end[1])
		w.in(end[0], "ip", "link", "set", end[1], "up")
	}
}

// lose has the middle drop so many packets of a hundred.
func (w *world) lose(percent int) {
	w.t.Helper()
	w.in("middle", "nft", "flush chain ip middle loss")
	if percent > 0 {
		w.in("middle", "nft", fmt.Sprintf("add rule ip middle loss numgen random mod 100 < %d counter drop", percent))
	}
}

// lost returns how many packets the middle has dropped.
func (w *world) lost() (n int) {
	w.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", w.prefix+"middle", "nft", "list", "chain", "ip", "middle", "loss").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	if _, after, ok := strings.Cut(string(out), "counter packets "); ok {
		fmt.Sscan(after, &n)
	}
	return n
}

// dial returns how somebody at a place connects.
func (w *world) dial(place string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // for good: a thread that is somewhere else ends with its goroutine
			var f *os.File
			if f, err = os.Open("/var/run/netns/" + w.prefix + place); err != nil {
				return
			}
			defer f.Close()
			if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err == nil {
				var d net.Dialer
				conn, err = d.DialContext(ctx, network, address)
			}
		}()
		<-done
		return conn, err
	}
}

// human returns somebody at a place.
func (w *world) human(name, place string) *human {
	w.t.Helper()
	h := newHuman(w.t, &clock{at: time.Now().Truncate(time.Second)}, name)
	h.client.HTTP.Transport = &http.Transport{DialContext: w.dial(place), ResponseHeaderTimeout: 30 * time.Second}
	return h
}

// process is a `kith` at a place.
type process struct {
	w       *world
	place   string
	args    []string
	command *exec.Cmd
	gone    chan struct{}
	mu      sync.Mutex
	text    bytes.Buffer
}

func (w *world) process(place string, args ...string) *process {
	w.t.Helper()
	p := &process{w: w, place: place, args: args}
	p.start()
	w.t.Cleanup(func() {
		p.kill()
		if w.t.Failed() {
			w.t.Logf("%s said:\n%s", place, p.said())
		}
	})
	return p
}

func (p *process) start() {
	p.w.t.Helper()
	p.command = exec.Command("ip", append([]string{"netns", "exec", p.w.prefix + p.place, p.w.kith}, p.args...)...)
	p.command.Stdout, p.command.Stderr = p, p
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.gone = make(chan struct{})
	started := make(chan error)
	go func(c *exec.Cmd, gone chan struct{}) {
		runtime.LockOSThread() // the process ends with this thread
		err := c.Start()
		started <- err
		if err == nil {
			c.Wait()
		}
		close(gone)
	}(p.command, p.gone)
	if err := <-started; err != nil {
		p.w.t.Fatal(err)
	}
	eventually(p.w.t, p.place+" listens", func() bool { return strings.Contains(p.said(), "listening on") })
}

// kill ends it as a power switch does. It may be called again.
func (p *process) kill() {
	p.command.Process.Kill()
	<-p.gone
}

// again starts it again, with what it had.
func (p *process) again() {
	p.w.t.Helper()
	p.mu.Lock()
	p.text.Reset()
	p.mu.Unlock()
	p.start()
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// relay starts one; its address as RELAY is returned too.
func (w *world) relay(place, address string) (*process, string) {
	w.t.Helper()
	at := net.JoinHostPort(address, worldPort)
	return w.process(place, "relay", "--data", w.t.TempDir(), "--listen", at, "--queues", "open", "--behind-proxy"), "http://" + at + "/"
}

var pairingLink = regexp.MustCompile(`http\S+#pair=\S+`)

// TestAHomeBehindANAT is the whole way: a pod that nobody can connect to, an owner and a friend elsewhere, two relays,
// lost packets, and relays that die.
func TestAHomeBehindANAT(t *testing.T) {
	w := newWorld(t)
	one, at1 := w.relay("relay1", worldRelay1)
	two, at2 := w.relay("relay2", worldRelay2)
	fetch := strings.Join([]string{net.JoinHostPort(worldRelay1, worldPort), net.JoinHostPort(worldRelay2, worldPort)}, ",")
	pod := w.process("pod", "serve", "--data", t.TempDir(), "--listen", worldPod+":8420", "--behind-proxy", "--reach", at1+","+at2, "--fetch", fetch)
	eventually(t, "a pairing link", func() bool { return pairingLink.MatchString(pod.said()) })

	w.noWay("friend", worldPod+":8420")
	w.noWay("friend", worldHome+":8420")
	w.noWay("phone", worldHome+":8420")
	w.noWay("relay1", worldHome+":8420")
	w.noWay("relay1", worldPod+":8420")

	b := &befriended{kitchen: &kitchen{t: t}, owner: w.human("Ana", "phone"), ben: w.human("Ben", "friend")}
	b.phone = b.owner.pairBy(pairingLink.FindString(pod.said()))
	set := b.settings()
	b.ana = b.ben.accept(b.owner.invite(b.phone, set))
	b.share("2026-11-22-a", `{"type":"Note","content":"from the kitchen shelf"}`, true)
	film := b.film("2026-11-22-a", 10<<20)
	if got := b.ana.must(http.StatusOK, "GET", postOne, "").body; !strings.Contains(got, "kitchen shelf") {
		t.Fatalf("the friend reads %s", got)
	}

	w.lose(5)
	lines := []*line{b.ben.lineOf(b.ana, 0), b.ben.lineOf(b.ana, 1)}
	begin, asked, tries := time.Now(), 0, 0
	var got bytes.Buffer
	for got.Len() < len(film) {
		parts := make(chan part, 1)
		go func(from int) { parts <- b.part(lines, "/social/posts/2026-11-22-a/film.mp4", from) }(got.Len())
		switch asked++; asked {
		case 6:
			one.kill() // for good
		case 13:
			two.kill()
			two.again()
		}
		p := <-parts
		if p.err != nil {
			t.Fatal(p.err)
		}
		got.WriteString(p.body)
		tries += p.tries
	}
	lost := w.lost()
	t.Logf("%d bytes in %d parts and %d tries, with %d packets lost: %v", got.Len(), asked, tries, lost, time.Since(begin).Round(time.Millisecond))
	if sha256.Sum256(got.Bytes()) != sha256.Sum256(film) {
		t.Error("it is another film")
	}
	if lost < 100 || tries == asked {
		t.Errorf("%d packets were lost, and %d tries failed", lost, tries-asked)
	}
	b.later(set, pod, two, at2, lines[1])
}

// noWay wants that nobody at a place reaches an address.
func (w *world) noWay(place, address string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 500*time.Millisecond)
	defer cancel()
	if conn, err := w.dial(place)(ctx, "tcp", address); err == nil {
		conn.Close()
		w.t.Errorf("from %s one reaches %s", place, address)
	}
}

// film writes a film from the owner's phone, in parts, and returns it.
func (b *befriended) film(post string, size int) []byte {
	b.t.Helper()
	film := make([]byte, size)
	for i := range film {
		film[i] = byte(i*i>>7 + i*31)
	}
	b.owner.version++
	version := fmt.Sprintf("%d.%s", b.owner.version, b.owner.kid())
	const most = 768 << 10
	for from := 0; from < size; from += most {
		part, status := film[from:min(from+most, size)], http.StatusAccepted
		if from+most >= size {
			status = http.StatusOK
		}
		b.phone.must(status, "PUT", "/.replica/social/posts/"+post+"/film.mp4", string(part),
			"Content-Type", "video/mp4", "Kith-Version", version, "Kith-Part", fmt.Sprintf("%d/%d", from, size))
	}
	return film
}

// part is a piece of a resource, and how often it was asked for.
type part struct {
	body  string
	tries int
	err   error
}

// part asks for 512 KiB of a resource by the first line that answers, again until one does.
func (b *befriended) part(lines []*line, path string, from int) (p part) {
	deadline := time.Now().Add(90 * time.Second)
	for time.Now().Before(deadline) {
		for _, l := range lines {
			p.tries++
			a, err := l.ask("GET", path, "", "Range", fmt.Sprintf("bytes=%d-%d", from, from+512<<10-1))
			if err != nil {
				p.err = err
				continue
			}
			if p.body, p.err = a.body, nil; a.status != http.StatusPartialContent || a.body == "" {
				p.err = fmt.Errorf("at %d: %d %s", from, a.status, a.body)
			}
			return p
		}
	}
	return p
}

// later has the friend leave a comment while the pod is off, the relay die with it in its mailbox, and both come back: the
// pod executes it once, and the friend hears of it.
func (b *befriended) later(set relays, pod, relayed *process, at string, by *line) {
	b.t.Helper()
	bag := b.ben.bag(&post{url: at})
	pod.kill()
	name := "/social/in/" + b.ana.CID + "/comment"
	header := []string{"Content-Type", "application/ld+json", "If-None-Match", "*"}
	message, pending := by.seal(bag, "PUT", name, `{"type":"Note","content":"lovely"}`, header...)
	polled(b.t, "the relay takes the comment", 100*time.Millisecond, func() bool { return b.left(by, message) })
	relayed.kill()
	relayed.again()
	pod.again()
	if a := bag.next(pending); a.status != http.StatusCreated {
		b.t.Errorf("the comment is answered with %d %s", a.status, a.body)
	}
	own := *b.phone
	own.Carrier = sealed.Mailbox{Client: b.owner.client, Relay: at, Send: set.Secret.send(at, nameOwn), Wait: 20 * time.Second}
	polled(b.t, "the owner finds the comment", 100*time.Millisecond, func() bool {
		a, err := own.ask("GET", "/.replica"+name, "")
		return err == nil && a.status == http.StatusOK && strings.Contains(a.body, "lovely")
	})
}

// left leaves a message at the relay of a line and reports whether it was taken.
func (b *befriended) left(by *line, message []byte) bool {
	c := by.Carrier.(sealed.Mailbox)
	_, err := c.Client.Post(context.Background(), c.Relay, c.Send, message, 0)
	return err == nil
}
