package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kith/relay"
	"kith/sealed"
	"kith/webid"
)

// aDescription is what a browser offers, as far as describes looks at it.
const aDescription = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"

func TestDescribes(t *testing.T) {
	candidate := "a=candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host\r\n"
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"a data channel", aDescription, true},
		{"as many addresses as somebody has", aDescription + strings.Repeat(candidate, 32), true},
		{"lines that end in another way", strings.ReplaceAll(aDescription, "\r", ""), true},
		{"too many addresses", aDescription + strings.Repeat(candidate, 33), false},
		{"sound, too", aDescription + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", false},
		{"sound alone", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", false},
		{"a channel over TCP", strings.Replace(aDescription, "UDP/", "TCP/", 1), false},
		{"two channels", aDescription + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", false},
		{"a text that is too long", aDescription + strings.Repeat("a=x\r\n", 4000), false},
		{"nothing", "", false},
	} {
		if got := describes(c.text); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// direct lets a friend see network addresses, or no more, as the owner's phone does.
func (b *befriended) direct(on bool) {
	b.t.Helper()
	card := "/contacts/" + b.ana.CID + "/card"
	var record map[string]any
	if err := json.Unmarshal([]byte(b.phone.must(http.StatusOK, "GET", "/.replica"+card, "").body), &record); err != nil {
		b.t.Fatal(err)
	}
	record["kith:direct"] = on
	b.owner.version += 1 << 20 // beyond what the pod wrote of the acceptance
	text, err := json.Marshal(record)
	if err != nil {
		b.t.Fatal(err)
	}
	b.owner.put(b.phone, card, "application/ld+json", string(text))
}

// phoneAnswers follows the owner's queue as the phone does, and answers what it can claim, with a text.
func (b *befriended) phoneAnswers(text string) {
	b.t.Helper()
	set := b.settings()
	q := set.Relays[0]
	server := &sealed.Server{
		Label: b.owner.label, Device: b.owner.kid(), Now: b.clock.now,
		Keys:    func() []sealed.Key { return []sealed.Key{{Key: b.owner.agree}} },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text) }),
		Find: func(_ context.Context, label, kid string) (sealed.Peer, bool) {
			return sealed.Peer{Agent: webid.ContactAgent("https://ana.example/contacts/"+webid.ID(b.ana.CID)+"/card#me", b.ana.CID, 1, b.ben.kid()),
				Label: label, KID: kid, Key: b.ben.agree.Public(), Salt: b.ana.Salt}, label == b.ben.label()
		},
	}
	mail := b.owner.client.Mailbox(q.URL, nil, relay.Box{Queue: q.Queue, Token: set.Secret.token(q.URL, b.owner.kid())})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m, err := mail.Next(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				err = answerBy(ctx, mail, server, m)
			}
			if err != nil && ctx.Err() == nil {
				b.t.Error(err)
			}
		}
	}()
	b.t.Cleanup(func() {
		cancel()
		mail.Close()
		<-done
	})
}

// answerBy answers a message, unless somebody else has it.
func answerBy(ctx context.Context, mail *relay.Mailbox, server *sealed.Server, m relay.Message) error {
	err := mail.Claim(ctx, m.ID)
	if errors.Is(err, relay.ErrTaken) || errors.Is(err, relay.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	answer, _, err := server.Answer(ctx, m.Body)
	if errors.Is(err, sealed.ErrDeclined) {
		return mail.Decline(ctx, m.ID)
	}
	if err == nil {
		err = mail.Reply(ctx, m.ID, answer)
	}
	return errors.Join(err, mail.Ack(ctx, m.ID))
}

// TestAnOfferThatThePodDoesNotTakeIsLeftToThePhone: a no of the pod would keep friends from a phone that may.
func TestAnOfferThatThePodDoesNotTakeIsLeftToThePhone(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	b.phoneAnswers("the phone's description")
	for range 20 { // whichever of the two is the first to claim it
		if a := b.ana.must(http.StatusOK, "POST", offerPath, aDescription, "Content-Type", offerType); a.body != "the phone's description" {
			t.Fatalf("answered %q", a.body)
		}
	}
	alone := *b.ana.line
	alone.To = nil
	for _, k := range b.ana.To {
		if k.Device != b.owner.kid() {
			alone.To = append(alone.To, k)
		}
	}
	if a, err := alone.unanswered("POST", offerPath, aDescription); !errors.Is(err, sealed.ErrQueued) {
		t.Errorf("the pod answered %d, %v", a.status, err)
	}
}

// unanswered asks and waits for a second only.
func (l *line) unanswered(method, path, body string) (answer, error) {
	l.t.Helper()
	short, carrier := *l, l.Carrier.(sealed.Mailbox)
	carrier.Wait = time.Second
	short.Carrier = carrier
	return short.ask(method, path, body)
}

// TestWhoMayOffer: what stands before the permission.
func TestWhoMayOffer(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	if a, err := b.phone.unanswered("POST", offerPath, aDescription); !errors.Is(err, sealed.ErrQueued) {
		t.Errorf("the owner's phone is answered %d, %v", a.status, err)
	}
	if b.me().showsAddress(t.Context(), b.ben.label()) {
		t.Error("a new friend may see addresses")
	}
	b.direct(true)
	if !b.me().showsAddress(t.Context(), b.ben.label()) || b.me().showsAddress(t.Context(), b.owner.label()) {
		t.Error("allowed, and not to be seen, or for somebody else too")
	}
	b.direct(false)
	if b.me().showsAddress(t.Context(), b.ben.label()) {
		t.Error("taken back, and still allowed")
	}
	b.direct(true)
	b.forget(true)
	if b.me().showsAddress(t.Context(), b.ben.label()) {
		t.Error("somebody blocked may see addresses")
	}
}
