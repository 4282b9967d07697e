package sealed_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"kith/relay"
	"kith/sealed"
)

// post is a relay with a queue in which Ana's pod looks.
type post struct {
	client *relay.Client
	url    string
	box    *relay.Mailbox
	send   []byte
}

func newPost(t *testing.T) *post {
	t.Helper()
	server, err := relay.Open(relay.Config{Data: t.TempDir(), Queues: "open"})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		web.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &post{client: &relay.Client{HTTP: web.Client()}, url: web.URL + "/", send: make([]byte, 24)}
	token := make([]byte, 32)
	rand.Read(token)
	rand.Read(p.send)
	name, err := p.client.NewQueue(t.Context(), p.url, "", token)
	if err != nil {
		t.Fatal(err)
	}
	p.box = p.client.Mailbox(p.url, nil, relay.Box{Queue: name, Token: token})
	t.Cleanup(p.box.Close)
	if err := p.box.AddSends(t.Context(), name, p.send); err != nil {
		t.Fatal(err)
	}
	return p
}

// answerOne answers the next message as a pod does.
func (p *post) answerOne(ctx context.Context, s *sealed.Server) (sealed.Reply, error) {
	m, err := p.box.Next(ctx)
	if err != nil {
		return sealed.Reply{}, err
	}
	answer, reply, err := s.Answer(ctx, m.Body)
	if errors.Is(err, sealed.ErrDeclined) {
		return sealed.Reply{}, errors.Join(err, p.box.Decline(ctx, m.ID))
	}
	if err != nil {
		return sealed.Reply{}, err
	}
	if m.Waits {
		err = p.box.Reply(ctx, m.ID, answer)
	}
	return reply, errors.Join(err, p.box.Ack(ctx, m.ID))
}

// TestMailboxCarrier: asked through a relay, while the pod is awake and while it
// is not.
func TestMailboxCarrier(t *testing.T) {
	w, p := newWorld(t), newPost(t)
	tr := w.as("ben")
	tr.Carrier = sealed.Mailbox{Client: p.client, Relay: p.url, Send: p.send}
	if _, err := tr.RoundTrip(w.comment(1, "hello")); !errors.Is(err, sealed.ErrQueued) {
		t.Fatalf("nobody is awake: %v", err)
	}
	if reply, err := p.answerOne(t.Context(), w.server); err != nil || reply.Status != http.StatusCreated {
		t.Fatalf("what waited is answered %d, %v", reply.Status, err)
	}
	film := video(t, 1<<20+5)
	w.files["/social/posts/a/1.mp4"] = film
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		for {
			if _, err := p.answerOne(ctx, w.server); err != nil {
				done <- err
				return
			}
		}
	}()
	tr.Carrier = sealed.Mailbox{Client: p.client, Relay: p.url, Send: p.send, Wait: 20 * time.Second}
	if response, body := ask(t, tr, w.request("GET", "/social/posts/a/1.mp4", "")); response.StatusCode != 200 || body != string(film) {
		t.Errorf("the video is answered %s with %d bytes", response.Status, len(body))
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	tr.Carrier = sealed.Mailbox{Client: p.client, Relay: p.url, Send: make([]byte, 24)}
	if _, err := tr.RoundTrip(w.comment(2, "hello")); !errors.Is(err, relay.ErrUnknown) {
		t.Errorf("a send id that leads nowhere: %v", err)
	}
}
