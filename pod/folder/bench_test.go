//go:build unix

package folder

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/pod"
)

// openBench opens a pod in a folder that ends with the benchmark.
func openBench(b *testing.B, dir string) *Store {
	b.Helper()
	s, err := Open(Options{Tree: filepath.Join(dir, "tree"), State: filepath.Join(dir, "state"), Device: "did:key:zBench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// fill writes a tree by hand, as a person would copy one into the folder: posts
// of four files each.
func fill(t testing.TB, dir string, resources int) {
	t.Helper()
	for i := range resources / 5 {
		post := filepath.Join(dir, "tree", "social", "posts", fmt.Sprintf("2026-01-01-%08d", i))
		if err := os.MkdirAll(post, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"post.jsonld", "1.webp", "1-t.webp", ".acl"} {
			if err := os.WriteFile(filepath.Join(post, name), []byte(strconv.Itoa(i)+name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	s := openBench(b, b.TempDir())
	body := strings.Repeat("x", 4096)
	n := 0
	for b.Loop() {
		put(b, s, fmt.Sprintf("/d%d/%d.txt", n/100, n), "text/plain", body)
		n++
	}
}

func BenchmarkCreateWithSidecar(b *testing.B) {
	s := openBench(b, b.TempDir())
	n := 0
	for b.Loop() {
		put(b, s, fmt.Sprintf("/d%d/%d", n/100, n), "text/turtle", "x")
		n++
	}
}

func BenchmarkReplace(b *testing.B) {
	s := openBench(b, b.TempDir())
	body := strings.Repeat("x", 4096)
	for b.Loop() {
		put(b, s, "/a.txt", "text/plain", body)
	}
}

func BenchmarkDelete(b *testing.B) {
	s := openBench(b, b.TempDir())
	for b.Loop() {
		b.StopTimer()
		put(b, s, "/a.txt", "text/plain", "x")
		b.StartTimer()
		if err := s.Update(b.Context(), func(tx pod.WriteTx) error { return tx.Delete(mustPath(b, "/a.txt"), pod.DeleteOptions{}) }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFsync is the price of the disk itself: one small file, made durable.
func BenchmarkFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for b.Loop() {
		f.WriteAt([]byte("x"), 0)
		f.Sync()
	}
}

func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 5000)
	s := openBench(b, dir)
	for _, hot := range []int{1, 1000} {
		b.Run(fmt.Sprintf("of %d", hot), func(b *testing.B) {
			n := 0
			for b.Loop() {
				p := mustPath(b, fmt.Sprintf("/social/posts/2026-01-01-%08d/post.jsonld", n%hot))
				n++
				err := s.View(b.Context(), func(tx pod.Tx) error {
					r, err := tx.Open(p)
					if err != nil {
						return err
					}
					defer r.Close()
					_, err = io.Copy(io.Discard, r)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkList10000(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 50_000)
	s := openBench(b, dir)
	for b.Loop() {
		n := 0
		err := s.View(b.Context(), func(tx pod.Tx) error {
			for _, err := range tx.List(mustPath(b, "/social/posts/")) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkChanges100000(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 100_000)
	s := openBench(b, dir)
	for b.Loop() {
		if err := s.View(b.Context(), func(tx pod.Tx) error {
			for _, err := range tx.Changes(0) {
				if err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen100000 opens a pod whose index is there, and says how much
// memory the process has after that; and how long the index takes to build.
func BenchmarkOpen100000(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 100_000)
	o := Options{Tree: filepath.Join(dir, "tree"), State: filepath.Join(dir, "state")}
	start := time.Now()
	s, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "rebuild-s")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	cpu := cpuSeconds(b)
	n := 0.0
	for b.Loop() {
		s, err := Open(o)
		if err != nil {
			b.Fatal(err)
		}
		n++
		b.ReportMetric((cpuSeconds(b)-cpu)/n, "cpu-s/op")
		b.ReportMetric(residentMiB(b), "RSS-MiB")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// cpuSeconds returns the processor time of this process so far, which the load
// of the machine changes less than the time on the wall.
func cpuSeconds(t testing.TB) float64 {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// residentMiB returns the memory of this process that is in use.
func residentMiB(t testing.TB) float64 {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc/self/statm to read the resident memory from")
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(statm))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}
