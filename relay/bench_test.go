package relay

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkPutAck is one message of 1 KiB put, on the disk, offered, and acknowledged, off the disk, with
// as many of them under way at a time as its name says.
func BenchmarkPutAck(b *testing.B) {
	for _, people := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("people=", people), func(b *testing.B) {
			st := start(b, generous)
			body := bytesOfSize(1 << 10)
			turns := make(chan struct{}, people)
			var posts sync.WaitGroup
			var all []func()
			for range people {
				own := st.queue()
				m := st.follow(own)
				all = append(all, func() {
					for range turns {
						if _, err := st.client.Post(context.Background(), st.url, own.send, body, 0); err != nil {
							b.Error(err)
						}
						if got, err := m.Next(context.Background()); err != nil || m.Ack(context.Background(), got.ID) != nil {
							b.Error(err)
						}
					}
				})
				until(b, "awake", m.Connected)
			}
			b.ResetTimer()
			for _, post := range all {
				posts.Go(post)
			}
			for range b.N {
				turns <- struct{}{}
			}
			close(turns)
			posts.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkAnswered is one question and its answer through a relay on this machine, both awake: what a
// relay adds.
func BenchmarkAnswered(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint("bytes=", size), func(b *testing.B) {
			st := start(b, generous)
			own := st.queue()
			m := st.follow(own)
			go answerAll(m, func(q []byte) []byte { return q })
			until(b, "awake", m.Connected)
			body := bytesOfSize(size)
			var all []time.Duration
			for b.Loop() {
				began := time.Now()
				r, err := st.client.Post(context.Background(), st.url, own.send, body, maxWait)
				if err != nil || len(r.Answer) != size {
					b.Fatalf("answer of %d bytes, %v", len(r.Answer), err)
				}
				all = append(all, time.Since(began))
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "ms-p99")
		})
	}
}
