package conformance

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kith/relay"
	"kith/sealed"
	"kith/webid"
)

var updateCorpus = flag.Bool("update-corpus", false, "write what the corpus expects anew, by what HTTPS answers")

// corpusTree is conformance/corpus/tree.json: whom the owner knows, and what lies in the pod.
type corpusTree struct {
	Contacts []struct {
		Name    string `json:"name"`
		CID     string `json:"cid"`
		Grant   int    `json:"grant"`
		Blocked bool   `json:"blocked"`
	} `json:"contacts"`
	Resources []struct {
		Path     string `json:"path"`
		Type     string `json:"type"`
		Modified string `json:"modified"`
		Text     string `json:"text"`
		Fill     int    `json:"fill"` // so many bytes: byte i is (i × 31 + 7) mod 251
	} `json:"resources"`
}

// corpusCase is a request of conformance/corpus/requests.json.
type corpusCase struct {
	Name   string            `json:"name"`
	As     string            `json:"as"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	Only   string            `json:"only,omitempty"`
	Expect corpusAnswer      `json:"expect"`
}

// corpusAnswer is what comes back, as far as all responders agree on it.
type corpusAnswer struct {
	Declined bool   `json:"declined,omitempty"`
	Status   int    `json:"status,omitempty"`
	Type     string `json:"type,omitempty"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
	Range    string `json:"range,omitempty"`
	Accepts  string `json:"accepts,omitempty"`
	Body     string `json:"body,omitempty"`
	Size     int    `json:"size,omitempty"`   // of a body that does not stand here
	Digest   string `json:"digest,omitempty"` // its SHA-256
}

// stage is a pod with the tree of the corpus, and the people who ask.
type stage struct {
	*world
	owner  *resident
	people map[string]*Person
	tree   corpusTree
	relay  string
	secret []byte // of settings/relays
}

const corpusSalt = "corpus corpus corpus corpus corp"

func newStage(t *testing.T) *stage {
	t.Helper()
	box, err := relay.Open(relay.Config{Data: t.TempDir(), Queues: "open"})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(box)
	t.Cleanup(func() {
		front.CloseClientConnections()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		front.Close()
	})
	s := &stage{world: &world{t: t, data: filepath.Join(t.TempDir(), "data"), wire: &Wire{Base: base}}, people: map[string]*Person{}, relay: front.URL + "/"}
	link := s.addPerson("ana")
	server, err := Start(binary, s.data, base, "--reach", s.relay, "--fetch", strings.TrimPrefix(front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server said:\n%s", server.Output())
		}
		if err := server.Kill(); err != nil {
			t.Error(err)
		}
	})
	s.server, s.wire.Address = server, server.Address
	s.owner = s.settle("ana", link)
	s.draw()
	return s
}

// draw makes the contacts and the tree, as the owner's phone does.
func (s *stage) draw() {
	s.t.Helper()
	readJSON(s.t, "tree.json", &s.tree)
	for _, c := range s.tree.Contacts {
		p := must(newPerson(c.Name))(s.t)
		s.people[c.Name] = p
		record := must(json.Marshal(map[string]any{
			"@context": []any{"https://www.w3.org/ns/activitystreams", map[string]string{"kith": "https://kith.invalid/ns#"}},
			"id":       "#me", "type": "Person", "name": c.Name, "kith:label": p.Label, "kith:grant": c.Grant, "kith:devices": p.List, "kith:keys": p.Keys,
			"kith:accepts": []string{}, "kith:ways": []any{}, "kith:salt": b64.EncodeToString([]byte(corpusSalt)), "kith:since": "2026-11-01T00:00:00Z",
			"kith:muted": false, "kith:verified": false, "kith:blocked": c.Blocked, "kith:note": "",
		}))(s.t)
		if err := s.owner.Put(s.ctx(), "contacts/"+c.CID+"/card", "application/ld+json", record); err != nil {
			s.t.Fatal(err)
		}
	}
	must(s.owner.Rows(s.ctx(), "", 0))(s.t)
	for _, r := range s.tree.Resources {
		body := []byte(r.Text)
		if r.Fill > 0 {
			body = filled(r.Fill)
		}
		request := s.owner.write((&url.URL{Path: r.Path[1:]}).EscapedPath(), r.Type, s.owner.version(), body)
		request.Header.Set("Kith-Modified", r.Modified)
		s.want(s.ask(s.owner, request), request, http.StatusOK)
	}
	var set struct{ Secret string }
	if err := json.Unmarshal(s.get(s.owner, ".replica/settings/relays").Body, &set); err != nil {
		s.t.Fatal(err)
	}
	s.secret = must(b64.DecodeString(set.Secret))(s.t)
}

func filled(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((i*31 + 7) % 251)
	}
	return b
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// way is how requests travel: as it is named in the corpus, and how somebody's is answered.
type way struct {
	name string
	ask  func(as string, method, path string, header map[string]string, body string) corpusAnswer
}

// ways are those by which the pod is asked.
func (s *stage) ways() []way {
	return []way{
		{"https", s.byHTTPS},
		{"sealed", s.sealedBy(func(string) sealed.Carrier {
			return sealed.HTTPS{URL: "http://" + s.server.Address + "/ana/.sealed", Client: http.DefaultClient}
		})},
		{"mailbox", s.sealedBy(func(as string) sealed.Carrier {
			return sealed.Mailbox{Client: &relay.Client{}, Relay: s.relay, Send: s.send(as), Wait: 25 * time.Second}
		})},
	}
}

// send is the send id of somebody (docs/protocol.md, Relays).
func (s *stage) send(as string) []byte {
	name := "own"
	for _, c := range s.tree.Contacts {
		if c.Name == as {
			name = fmt.Sprintf("%s %d", c.CID, c.Grant)
		}
	}
	if as == "nobody" { // who has found a friend's send id
		name = fmt.Sprintf("%s %d", s.tree.Contacts[0].CID, s.tree.Contacts[0].Grant)
	}
	mac := hmac.New(sha256.New, s.secret)
	io.WriteString(mac, "kith send 1\n"+s.relay+"\n"+name)
	return mac.Sum(nil)[:24]
}

// accept is what a responder of sealed requests assumes.
func accept(path string) string {
	path, _, _ = strings.Cut(path, "?")
	if strings.HasSuffix(path, "/") {
		return "application/ld+json"
	}
	return "*/*"
}

func (s *stage) byHTTPS(as string, method, path string, header map[string]string, body string) corpusAnswer {
	s.t.Helper()
	r := Request{Method: method, Target: path[1:], Header: fields("Accept", accept(path))}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if body != "" {
		r.Body = []byte(body)
	}
	a, err := s.asker(as).Do(s.ctx(), r)
	var no *refused
	if errors.As(err, &no) && no.Status == http.StatusUnauthorized || errors.As(err, &no) && no.Status == http.StatusBadRequest {
		return corpusAnswer{Declined: true} // no token for them
	}
	if err != nil {
		s.t.Fatalf("%s %s as %s: %v", method, path, as, err)
	}
	return answered(path, a.Status, a.Header, a.Body)
}

func (s *stage) asker(as string) *Agent {
	switch as {
	case "nobody":
		return s.stranger(s.owner.Pod)
	case "owner":
		return s.owner.Agent
	}
	return &Agent{Wire: s.wire, Pod: s.owner.Pod, Device: s.people[as].Devices[0]}
}

// sealedBy asks by sealed requests.
func (s *stage) sealedBy(carrier func(as string) sealed.Carrier) func(string, string, string, map[string]string, string) corpusAnswer {
	lists := listsOf(s.t, s.owner.Person)
	return func(as string, method, path string, header map[string]string, body string) corpusAnswer {
		s.t.Helper()
		line := &sealed.Transport{To: sealed.Recipients(lists), Label: s.owner.Label, From: s.sender(as), Carrier: carrier(as), Now: time.Now}
		if as == "owner" { // the pod alone: nobody seals to the device that asks
			line.To = line.To[:0:0]
			for _, k := range sealed.Recipients(lists) {
				if k.Device != s.owner.Device.kid {
					line.To = append(line.To, k)
				}
			}
		}
		deadline := time.Now().Add(limit)
		for {
			a, err := s.roundTrip(line, method, path, header, body)
			switch {
			case err == nil:
				return a
			case errors.Is(err, sealed.ErrDeclined) || errors.Is(err, sealed.ErrQueued) || errors.Is(err, relay.ErrUnknown):
				return corpusAnswer{Declined: true}
			case time.Now().After(deadline): // until then it may be a limit of requests in a second
				s.t.Fatalf("%s %s as %s: %v", method, path, as, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func (s *stage) roundTrip(line *sealed.Transport, method, path string, header map[string]string, body string) (corpusAnswer, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "https://"+line.Label+".kith.invalid"+path, strings.NewReader(body))
	if err != nil {
		return corpusAnswer{}, err
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := line.RoundTrip(r)
	if err != nil {
		return corpusAnswer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answered(path, res.StatusCode, res.Header, text), err
}

// sender is somebody's first device as sealed requests name it, nil for nobody.
func (s *stage) sender(as string) *sealed.Sender {
	s.t.Helper()
	p, salt := s.people[as], []byte(corpusSalt)
	switch as {
	case "nobody":
		return nil
	case "owner":
		p, salt = s.owner.Person, sealed.OwnSalt(s.owner.Label)
	}
	d := p.Devices[0]
	var key webid.PrivateKey
	if err := key.UnmarshalText([]byte(b64.EncodeToString(d.agree.Bytes()))); err != nil {
		s.t.Fatal(err)
	}
	return &sealed.Sender{Label: p.Label, KID: d.agreeID(), Key: key, Salt: salt}
}

func listsOf(t *testing.T, p *Person) webid.Lists {
	t.Helper()
	return must(webid.Lists{}.Accept(p.List, p.Keys, time.Time{}))(t)
}

var (
	// aCursor is a cursor, which each responder makes its own.
	aCursor = regexp.MustCompile(`[A-Za-z0-9_-]{502}`)
	// ofOwner are the members of a door that depend on who the owner is.
	ofOwner = regexp.MustCompile(`"(label|device_list|keys)":"[^"]*"|"(ways)":\[[^\]]*\]`)
)

// answered is what there is to compare.
func answered(path string, status int, h http.Header, body []byte) corpusAnswer {
	a := corpusAnswer{Status: status, Type: h.Get("Content-Type"), ETag: h.Get("ETag"), Modified: h.Get("Last-Modified"), Range: h.Get("Content-Range"), Accepts: h.Get("Accept-Ranges")}
	if status == http.StatusCreated { // when it came is each responder's own
		a.Modified = "{own}"
	}
	own := strings.HasPrefix(path, "/social/door") || strings.HasPrefix(path, "/social/feed")
	if own && a.ETag != "" { // it covers what each has of its own
		a.ETag = "{own}"
	}
	if own && a.Range != "" {
		a.Range = a.Range[:strings.LastIndex(a.Range, "/")+1] + "{own}"
	}
	text := ofOwner.ReplaceAllString(aCursor.ReplaceAllString(string(body), "{cursor}"), `"$1$2":"{own}"`)
	switch {
	case len(body) > 4<<10 && !own || !utf8.Valid(body):
		sum := sha256.Sum256(body)
		a.Size, a.Digest = len(body), b64.EncodeToString(sum[:])
	default:
		a.Body = text
	}
	return a
}

// given are the strings that an agent was given by one way, for later requests.
type given map[string]string

// prepare replaces what stands in braces. {etag} and {modified} are those of what is asked for, to be asked first.
func (g given) prepare(s string) string {
	for name, value := range g {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return s
}

// TestCorpus puts each request to the real server by each way.
func TestCorpus(t *testing.T) {
	s := newStage(t)
	var cases []corpusCase
	readJSON(t, "requests.json", &cases)
	if len(cases) < 150 {
		t.Fatalf("%d requests", len(cases))
	}
	var made []corpusCase
	for i, w := range s.ways() {
		t.Run(w.name, func(t *testing.T) {
			s.world.t = t
			got := s.play(w, cases)
			if i == 0 && *updateCorpus {
				made = got
			}
			for j, c := range cases {
				if got[j].Expect != (corpusAnswer{}) && !*updateCorpus && !reflect.DeepEqual(got[j].Expect, c.Expect) {
					t.Errorf("%s\n%s %s as %s\ngot  %+v\nwant %+v", c.Name, c.Method, c.Path, c.As, got[j].Expect, c.Expect)
				}
				if *updateCorpus && made[j].Expect == (corpusAnswer{}) {
					made[j].Expect = got[j].Expect
				}
				if *updateCorpus && got[j].Expect != (corpusAnswer{}) && !reflect.DeepEqual(got[j].Expect, made[j].Expect) {
					t.Errorf("%s: %s\ngot   %+v\nfirst %+v", w.name, c.Name, got[j].Expect, made[j].Expect)
				}
			}
		})
	}
	s.world.t = t
	if *updateCorpus && !t.Failed() {
		writeCorpus(t, cases, made)
	}
}

// play puts the requests by one way and returns them with what came back; without, where they are not for it.
func (s *stage) play(w way, cases []corpusCase) []corpusCase {
	s.t.Helper()
	out := make([]corpusCase, len(cases))
	people := map[string]given{}
	for i, c := range cases {
		out[i], out[i].Expect = c, corpusAnswer{}
		if c.Only == "https" && w.name != "https" || c.Only == "sealed" && w.name == "https" {
			continue
		}
		g := people[c.As]
		if g == nil {
			g = given{"run": w.name}
			people[c.As] = g
		}
		maps.Copy(g, given{"cursor of ben": people["ben"]["cursor"]})
		path, header := g.prepare(c.Path), map[string]string{}
		if needs := fmt.Sprint(c.Header); strings.Contains(needs, "{etag}") || strings.Contains(needs, "{modified}") {
			g["etag"], g["modified"] = s.stateOf(w, c.As, path)
		}
		for name, value := range c.Header {
			header[name] = g.prepare(value)
		}
		out[i].Expect = w.ask(c.As, c.Method, path, header, c.Body)
		if c.Method == http.MethodGet && strings.HasPrefix(c.Path, "/social/feed") && out[i].Expect.Status == http.StatusOK {
			s.keep(w, g, c, path)
		}
	}
	return out
}

// stateOf asks for the ETag and the time of what lies at a path.
func (s *stage) stateOf(w way, as, path string) (etag, modified string) {
	s.t.Helper()
	if !strings.HasPrefix(path, "/social/door") {
		a := w.ask(as, http.MethodHead, path, nil, "")
		return a.ETag, a.Modified
	}
	return s.raw(w, as, path).Header.Get("ETag"), ""
}

// keep remembers the cursor of a page, and the page after it.
func (s *stage) keep(w way, g given, c corpusCase, path string) {
	s.t.Helper()
	if c.Path != "/social/feed" && c.Path != "/social/feed?limit=2" {
		return
	}
	var page Page
	if err := json.Unmarshal(s.raw(w, c.As, path).Body, &page); err != nil {
		s.t.Fatal(err)
	}
	g["cursor"], g["next"] = page.Cursor, "/social/"+page.Next
}

// raw asks by HTTPS for what the corpus does not compare: it is the same by every way, since one pod answers.
func (s *stage) raw(_ way, as, path string) Answer {
	s.t.Helper()
	return s.ask(s.asker(as), Request{Method: http.MethodGet, Target: path[1:], Header: fields("Accept", accept(path))})
}

func writeCorpus(t *testing.T, cases, made []corpusCase) {
	t.Helper()
	for i, c := range cases {
		if c.Expect.Status != made[i].Expect.Status || c.Expect.Declined != made[i].Expect.Declined {
			t.Errorf("%s: %d, not %d", c.Name, made[i].Expect.Status, c.Expect.Status)
		}
	}
	if t.Failed() {
		return
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(made); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("corpus", "requests.json"), text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
