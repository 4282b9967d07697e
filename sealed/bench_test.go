package sealed_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"kith/sealed"
)

// benchmarkGET asks for a file of a size by tr, one request after another.
func benchmarkGET(b *testing.B, tr http.RoundTripper, request func() *http.Request, size int) {
	b.SetBytes(int64(size))
	defer perRequest(b)()
	for b.Loop() {
		response, err := tr.RoundTrip(request())
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil || n != int64(size) || response.StatusCode != 200 {
			b.Fatalf("%d bytes, %s, %v", n, response.Status, err)
		}
		response.Body.Close()
	}
}

// perRequest reports the CPU time of this process for each run of the loop, which
// says more than the clock on a machine that is busy. Call what it returns at the
// end.
func perRequest(b *testing.B) func() {
	before := cpu()
	return func() {
		if spent := cpu() - before; spent > 0 {
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N), "cpu-µs/op")
		}
	}
}

// BenchmarkGET is a GET of one handler, over HTTP as it is and over HTTP by
// envelopes; and by envelopes without HTTP, asking and answering apart.
func BenchmarkGET(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
	}{{"300B", 300}, {"40KiB", 40 << 10}, {"400KiB", 400 << 10}, {"10MiB", 10 << 20}} {
		w := newWorld(b)
		w.files["/social/file"] = video(b, c.size)
		plain, pod := httptest.NewServer(http.HandlerFunc(w.serve)), httptest.NewServer(w.server)
		b.Cleanup(plain.Close)
		b.Cleanup(pod.Close)
		tr := w.as("ben")
		b.Run(c.name+"/plain", func(b *testing.B) {
			benchmarkGET(b, plain.Client().Transport, func() *http.Request {
				r, err := http.NewRequest("GET", plain.URL+"/social/file", nil)
				if err != nil {
					b.Fatal(err)
				}
				return r
			}, c.size)
		})
		asking := func() *http.Request { return w.request("GET", "/social/file", "") }
		b.Run(c.name+"/sealed", func(b *testing.B) {
			tr.Carrier = sealed.HTTPS{URL: pod.URL + "/.sealed", Client: pod.Client()}
			benchmarkGET(b, tr, asking, c.size)
		})
		b.Run(c.name+"/sealed_without_HTTP", func(b *testing.B) {
			tr.Carrier = w
			benchmarkGET(b, tr, asking, c.size)
		})
		if c.size > 512<<10 {
			continue
		}
		b.Run(c.name+"/only_asking", func(b *testing.B) {
			defer perRequest(b)()
			for b.Loop() {
				message(b, tr, asking())
			}
		})
		b.Run(c.name+"/only_answering", func(b *testing.B) {
			m, _ := message(b, tr, asking())
			defer perRequest(b)()
			for b.Loop() {
				if _, _, err := w.server.Answer(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecline is what a message costs that nobody here can open, with one key,
// with the keys of a roll, and with those of 64 open invites.
func BenchmarkDecline(b *testing.B) {
	for _, c := range []struct {
		name string
		keys int
	}{{"1_key", 1}, {"3_keys", 3}, {"67_keys", 67}} {
		w := newWorld(b)
		m, _ := message(b, w.as("ben"), w.request("GET", "/social/door", ""))
		w.keys = nil
		var invites []sealed.Key
		for i := range c.keys {
			k := sealed.Key{Key: key(b, "other "+string(rune('0'+i)))}
			if i < 3 {
				w.keys = append(w.keys, k)
			} else {
				invites = append(invites, k)
			}
		}
		w.server.Invites = func() []sealed.Key { return invites }
		b.Run(c.name, func(b *testing.B) {
			defer perRequest(b)()
			for b.Loop() {
				if _, _, err := w.server.Answer(b.Context(), m); err == nil {
					b.Fatal("answered")
				}
			}
		})
	}
}
