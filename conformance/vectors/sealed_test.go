package vectors_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/sealed"
	"kith/sealed/bhttp"
	"kith/webid"
)

// knownKey is an agreement key that the responder knows, and whose it is.
type knownKey struct {
	Label string `json:"label"`
	Kid   string `json:"kid"`
	DID   string `json:"did"`
	Salt  string `json:"salt"`
	As    string `json:"as"` // contact or device
}

// place is where a message arrives.
type place struct {
	Label  string     `json:"label"`
	Now    int64      `json:"now"`
	Keys   []string   `json:"keys"`
	People []knownKey `json:"people"`
}

type messageCase struct {
	head
	place
	Message string `json:"message"`
	Zeros   int    `json:"zeros,omitempty"` // that follow it
	asked
	Inner  string `json:"inner,omitempty"`
	Enc    string `json:"enc,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// asked is a request as the handler is given it.
type asked struct {
	From    string `json:"from,omitempty"`
	As      string `json:"as,omitempty"`
	Method  string `json:"method,omitempty"`
	Path    string `json:"path,omitempty"`
	Header  pairs  `json:"header,omitempty"`
	Content string `json:"content,omitempty"`
	Reply   string `json:"reply,omitempty"`
	Expires string `json:"expires,omitempty"`
}

func TestSealedMessages(t *testing.T) {
	hold(t, "sealed-messages.json", messageCases, func(t *testing.T, c messageCase) messageCase {
		out := messageCase{head: head{c.Name, "success"}, place: c.place, Message: c.Message, Zeros: c.Zeros}
		var got asked
		s := c.server(t, &got)
		message := append(unb64(t, c.Message), make([]byte, c.Zeros)...)
		answer, reply, err := s.Answer(t.Context(), message)
		if err != nil {
			if out.Verdict = verdict(t, err); !errors.Is(err, sealed.ErrDeclined) || answer != nil {
				t.Errorf("answered %d bytes, %v", len(answer), err)
			}
			if n := s.Declined()[webid.Verdict(out.Verdict)]; n != 1 || len(s.Declined()) != 1 {
				t.Errorf("counted %v", s.Declined())
			}
			return out
		}
		o := openPlaced(t, c.place, message)
		if got.Method == "" || len(openedAnswer(t, o, answer)) == 0 {
			t.Error("not answered by the handler")
		}
		got.Reply, got.Expires = reply.URL, reply.Expires.Format(time.RFC3339)
		if got.Reply != "" {
			got.Reply += " " + b64(answer[:16])
		}
		out.asked, out.Inner, out.Enc, out.Secret = got, b64(o.inner), b64(o.enc), b64(o.secret)
		return out
	})
}

func (p place) keys(t *testing.T) []webid.PrivateKey {
	t.Helper()
	var all []webid.PrivateKey
	for _, text := range p.Keys {
		var k webid.PrivateKey
		if err := k.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	return all
}

func openPlaced(t *testing.T, p place, message []byte) opened {
	t.Helper()
	return openParcel(t, p.keys(t), message)
}

// server returns a Server at the place, which writes down what its handler is
// asked.
func (p place) server(t *testing.T, got *asked) *sealed.Server {
	t.Helper()
	return &sealed.Server{
		Label: func() string { return p.Label }, Device: ana.did(t, "phone"),
		Keys: func() (all []sealed.Key) {
			for _, k := range p.keys(t) {
				all = append(all, sealed.Key{Key: k})
			}
			return all
		},
		Find: func(_ context.Context, label, kid string) (sealed.Peer, bool) {
			i := slices.IndexFunc(p.People, func(k knownKey) bool { return k.Label == label && k.Kid == kid })
			if i < 0 {
				return sealed.Peer{}, false
			}
			return p.People[i].peer(t), true
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			*got = written(t, r)
			w.WriteHeader(http.StatusNoContent)
		}),
		Now: func() time.Time { return time.Unix(p.Now, 0) },
	}
}

func (k knownKey) peer(t *testing.T) sealed.Peer {
	t.Helper()
	key, err := webid.ParseKey(k.DID)
	if err != nil {
		t.Fatal(err)
	}
	agent := webid.ContactAgent("https://host.example/ana/contacts/a2b3c4d5e6f7a2b3c4d5/card#me", "a2b3c4d5e6f7a2b3c4d5", 1, ben.did(t, "phone"))
	if k.As == "device" {
		agent = webid.OwnerAgent("https://host.example/ana/profile/card#me", ana.did(t, "laptop"))
	}
	return sealed.Peer{Agent: agent, Label: k.Label, KID: k.Kid, Key: key, Salt: unb64(t, k.Salt)}
}

// written writes down what a handler is asked. The Accept that the Server sets is
// left out.
func written(t *testing.T, r *http.Request) asked {
	p, ok := sealed.From(r.Context())
	if !ok || r.Host == "" || r.Header.Get("Accept") == "" {
		t.Error("not as from an envelope")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || int64(len(body)) != r.ContentLength {
		t.Error("content of another length", err)
	}
	a := asked{Method: r.Method, Path: r.RequestURI, Content: b64(body), As: "anonymous"}
	switch {
	case p.Agent.Device():
		a.As, a.From = "device", p.Label+" "+p.KID
	case p.Agent.Contact() != "":
		a.As, a.From = "contact", p.Label+" "+p.KID
	}
	for name, values := range r.Header {
		if name != "Accept" {
			a.Header = append(a.Header, [2]string{strings.ToLower(name), strings.Join(values, ", ")})
		}
	}
	slices.SortFunc(a.Header, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
	return a
}

type answerCase struct {
	head
	ID      string       `json:"id"`
	Slots   []answerSlot `json:"slots"`
	Answer  string       `json:"answer"`
	Zeros   int          `json:"zeros,omitempty"`
	Device  string       `json:"by,omitempty"`
	Status  int          `json:"status,omitempty"`
	Header  pairs        `json:"header,omitempty"`
	Content string       `json:"content,omitempty"`
}

type answerSlot struct {
	Device string `json:"device"`
	Enc    string `json:"enc"`
	Secret string `json:"secret"`
}

func TestSealedAnswers(t *testing.T) {
	hold(t, "sealed-answers.json", answerCases, func(t *testing.T, c answerCase) answerCase {
		out := answerCase{head: head{c.Name, "success"}, ID: c.ID, Slots: c.Slots, Answer: c.Answer, Zeros: c.Zeros}
		text, err := json.Marshal(map[string]any{"id": c.ID, "slots": c.Slots})
		if err != nil {
			t.Fatal(err)
		}
		var p sealed.Pending
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		response, err := p.Open(append(unb64(t, c.Answer), make([]byte, c.Zeros)...))
		if err != nil {
			if out.Verdict = "no answer"; !errors.Is(err, sealed.ErrAnswer) {
				t.Error(err)
			}
			return out
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range response.Header {
			for _, v := range values {
				out.Header = append(out.Header, [2]string{strings.ToLower(name), v})
			}
		}
		slices.SortStableFunc(out.Header, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
		out.Device, out.Status, out.Content = response.Header.Get("Kith-By"), response.StatusCode, b64(body)
		return out
	})
}

type targetCase struct {
	head
	As     string `json:"as"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Header pairs  `json:"header,omitempty"`
	Size   int    `json:"size,omitempty"`
	Status int    `json:"status,omitempty"` // of the refusal
	Accept string `json:"accept,omitempty"`
}

// TestSealedTargets asks each target by a whole message of its own.
func TestSealedTargets(t *testing.T) {
	hold(t, "sealed-targets.json", targetCases, func(t *testing.T, c targetCase) targetCase {
		out := targetCase{head: head{c.Name, "refused"}, As: c.As, Method: c.Method, Path: c.Path, Header: c.Header, Size: c.Size}
		p := thePlace(t)
		inner := stamped(t, p, c.As, c.Method, c.Path, c.Header, bytes.Repeat([]byte("x"), c.Size))
		message := parcelFrom(t, c.As, inner).seal(t)
		s := p.server(t, &asked{})
		handler := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			out.Verdict, out.Accept = "success", r.Header.Get("Accept")
			if want, err := url.ParseRequestURI(c.Path); err != nil || r.URL.Path != want.Path || r.URL.RawQuery != want.RawQuery {
				t.Errorf("asked %s, %v", r.URL, err)
			}
			handler.ServeHTTP(w, r)
		})
		answer, reply, err := s.Answer(t.Context(), message)
		if err != nil {
			t.Fatal(err)
		}
		response, err := bhttp.ParseResponse(openedAnswer(t, openPlaced(t, p, message), answer))
		if err != nil || response.Status != reply.Status {
			t.Fatalf("answered %d, said to be %d: %v", response.Status, reply.Status, err)
		}
		if out.Verdict == "refused" {
			if out.Status = response.Status; out.Status != c.Status {
				t.Errorf("%s: refused by %d, not %d", c.Name, out.Status, c.Status)
			}
			if len(response.Content) > 0 || len(response.Header) != 1 {
				t.Errorf("refused with %+v", response)
			}
		}
		return out
	})
}

type onceStep struct {
	Now     int64  `json:"now"`
	Message string `json:"message"`
}

type onceCase struct {
	head
	place
	Steps []onceStep `json:"steps"`
	Done  []bool     `json:"done"` // whether each step was executed
}

func TestSealedOnce(t *testing.T) {
	hold(t, "sealed-once.json", onceCases, func(t *testing.T, c onceCase) onceCase {
		out := onceCase{head: head{c.Name, "success"}, place: c.place, Steps: c.Steps}
		var done int
		now := int64(0)
		s := c.place.server(t, &asked{})
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			done++
			w.Header().Set("ETag", `"first"`)
			w.WriteHeader(http.StatusCreated)
		})
		s.Now = func() time.Time { return time.Unix(now, 0) }
		for _, step := range c.Steps {
			now = step.Now
			before := done
			_, reply, err := s.Answer(t.Context(), unb64(t, step.Message))
			if err != nil || reply.Status != http.StatusCreated {
				t.Errorf("answered %d, %v", reply.Status, err)
			}
			out.Done = append(out.Done, done > before)
		}
		if !slices.Equal(out.Done, c.Done) {
			t.Errorf("%s: done %v, not %v", c.Name, out.Done, c.Done)
		}
		return out
	})
}
