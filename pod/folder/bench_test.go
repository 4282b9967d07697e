//go:build unix

package folder

import (
	"fmt"
	"io"
	"iter"
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
	s, err := Open(benchOptions(dir))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func benchOptions(dir string) Options {
	return Options{Tree: filepath.Join(dir, "tree"), State: filepath.Join(dir, "state"), Device: "did:key:zBench"}
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

// Benchmark100000 has one pod of 100,000 resources for all that is asked of such a pod: writing its 80,000 files
// takes longer than that.
func Benchmark100000(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 100_000)
	b.Run("open", func(b *testing.B) { benchOpen(b, dir) })
	b.Run("list of 20000", func(b *testing.B) {
		benchView(b, dir, func(tx pod.Tx) int { return counted(b, tx.List(mustPath(b, "/social/posts/"))) }, 20_000)
	})
	b.Run("changes", func(b *testing.B) {
		benchView(b, dir, func(tx pod.Tx) int { return counted(b, tx.Changes(0)) }, 100_000)
	})
}

// benchOpen opens a pod whose index is there, and says how much memory the process has after that; and how long the
// index takes to build where it is not.
func benchOpen(b *testing.B, dir string) {
	o := benchOptions(dir)
	if err := os.RemoveAll(o.State); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	s, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	rebuilt := time.Since(start)
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
	b.ReportMetric(rebuilt.Seconds(), "rebuild-s") // the loop forgets what was reported before it
}

// benchView asks a pod for rows, of which there have to be at least so many.
func benchView(b *testing.B, dir string, rows func(pod.Tx) int, least int) {
	s := openBench(b, dir)
	for b.Loop() {
		n := 0
		if err := s.View(b.Context(), func(tx pod.Tx) error { n = rows(tx); return nil }); err != nil || n < least {
			b.Fatal(n, err)
		}
	}
}

func counted[T any](b *testing.B, rows iter.Seq2[T, error]) (n int) {
	b.Helper()
	for _, err := range rows {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
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
