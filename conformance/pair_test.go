package conformance

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestAPairingLinkPairsOnce uses a link, uses it again, uses what is none, and comes as somebody else.
func TestAPairingLinkPairsOnce(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	link := w.pairingLink("alice")
	pairing := must(parsePairing(link))(t)
	if pairing.at() != alice.Pod || !strings.HasPrefix(link, base+"#pair=") {
		t.Errorf("the link says %+v", pairing)
	}
	if secret, err := b64.DecodeString(pairing.Secret); err != nil || len(secret) < 16 {
		t.Errorf("the link's secret is %q", pairing.Secret)
	}
	stranger := w.stranger(alice.Pod)
	pair := func(p Pairing, as *Person) Answer {
		return w.ask(stranger, must(p.request(as))(t))
	}
	mallory := must(newPerson("mallory"))(t)
	if got := pair(pairing, mallory); got.Status != http.StatusConflict {
		t.Errorf("somebody else with a link to a pod that has an owner: %d %s", got.Status, got.Body)
	}
	wrong := pairing
	wrong.Secret = random(16)
	refused := pair(wrong, alice.Person)
	if refused.Status != http.StatusForbidden {
		t.Errorf("a wrong secret: %d %s", refused.Status, refused.Body)
	}
	pairing = must(parsePairing(w.pairingLink("alice")))(t)
	if got := pair(pairing, alice.Person); got.Status != http.StatusOK {
		t.Errorf("the owner with a new link: %d %s", got.Status, got.Body)
	}
	if d := difference(refused, pair(pairing, alice.Person)); d != "" {
		t.Errorf("a used secret is told from a wrong one: %s", d)
	}
	if d := difference(refused, pair(wrong, mallory)); d != "" {
		t.Errorf("a wrong secret of somebody else: %s", d)
	}
	for name, body := range map[string]string{"no JSON": "{", "nothing": "", "an array": "[]", "no lists": `{"secret":"` + pairing.Secret + `"}`} {
		r := Request{Method: "POST", Target: ".pair", Header: fields("Content-Type", "application/json"), Body: []byte(body)}
		if got := w.ask(stranger, r); got.Status < 400 || got.Status > 499 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	// A link lets in only whom the list that is pinned lets in.
	pairing = must(parsePairing(w.pairingLink("alice")))(t)
	older := *alice.Person
	older.List = must(older.signList(mallory.Devices[0].Key, 9))(t)
	if got := pair(pairing, &older); got.Status < 400 || got.Status > 499 {
		t.Errorf("a list that a stranger signed: %d %s", got.Status, got.Body)
	}
	if got := w.get(alice, "profile/devices"); string(got.Body) != alice.List {
		t.Errorf("the devices became %s", got.Body)
	}
}

// pairingLink returns the link that `kith pair` prints.
func (w *world) pairingLink(name string) string {
	w.t.Helper()
	out, problems, code := w.kith("pair", name, "--data", w.data)
	link := regexp.MustCompile(regexp.QuoteMeta(base) + `#pair=[\w-]+`).FindString(out)
	if code != 0 || link == "" {
		w.t.Fatalf("kith pair: exit %d\n%s%s", code, out, problems)
	}
	return link
}

// TestASecondDeviceJoinsByALinkThatThePodNeverSees lets a laptop in by a phone.
func TestASecondDeviceJoinsByALinkThatThePodNeverSees(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	secret := make([]byte, 16)
	rand.Read(secret)
	keep := must(jsonRequest("POST", ".pair/links", map[string]string{"secret": joinSecret(secret)}))(t)
	w.want(w.ask(ben, keep), keep, http.StatusForbidden)
	w.want(w.ask(w.stranger(alice.Pod), keep), keep, http.StatusUnauthorized)
	var kept struct{ Expires time.Time }
	must(0, alice.into(w.ctx(), keep, http.StatusCreated, &kept))(t)
	if left := time.Until(kept.Expires); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("the link holds for %v", left)
	}

	laptop := must(newDevice("laptop", everything...))(t)
	join := func(auth string) Request {
		return must(jsonRequest("POST", ".pair", map[string]any{
			"secret": auth, "kid": laptop.kid, "name": laptop.Name, "agree": jwk(laptop.point), "mac": joinMAC(secret, laptop),
		}))(t)
	}
	stranger := w.stranger(alice.Pod)
	raw := join(b64.EncodeToString(secret))
	w.want(w.ask(stranger, raw), raw, http.StatusForbidden)
	var told struct {
		Label, Keys string
		List        string `json:"device_list"`
	}
	must(0, stranger.into(w.ctx(), join(joinSecret(secret)), http.StatusAccepted, &told))(t)
	if told.Label != alice.Label || told.List != alice.List || introduced(told.Label, told.List, told.Keys) != nil {
		t.Errorf("the laptop is told %+v", told)
	}
	again := join(joinSecret(secret))
	w.want(w.ask(stranger, again), again, http.StatusForbidden)

	waiting := &Agent{Wire: w.wire, Device: laptop, Pod: alice.Pod}
	if _, err := waiting.Token(w.ctx()); err == nil {
		t.Fatal("a device that waits got a token")
	}
	var joins struct {
		Joins []struct {
			Kid, Name, MAC string
			Agree          map[string]string
			At             time.Time
		}
	}
	list := Request{Method: "GET", Target: ".pair/links"}
	w.want(w.ask(ben, list), list, http.StatusForbidden)
	must(0, alice.into(w.ctx(), list, http.StatusOK, &joins))(t)
	if len(joins.Joins) != 1 || joins.Joins[0].Kid != laptop.kid || joins.Joins[0].MAC != joinMAC(secret, laptop) ||
		joins.Joins[0].Agree["x"] != jwk(laptop.point)["x"] || joins.Joins[0].Name != laptop.Name {
		t.Fatalf("who waits: %+v", joins)
	}
	must(0, alice.Announce(append(alice.Devices, laptop)...))(t)
	must(0, alice.publish(w.ctx(), alice.Person))(t)
	must(waiting.Token(w.ctx()))(t)
	if got := w.get(waiting, "contacts/"+ben.CID+"/card"); got.Status != http.StatusOK {
		t.Errorf("the new device reads a contact: %d %s", got.Status, got.Body)
	}
	must(0, alice.into(w.ctx(), list, http.StatusOK, &joins))(t)
	if len(joins.Joins) != 0 {
		t.Errorf("who was let in still waits: %+v", joins)
	}

	// The laptop is lost: the next list ends its tokens, and no older list brings it back.
	with := alice.List
	must(0, alice.Announce(alice.Devices[0], alice.Devices[1]))(t)
	must(0, alice.publish(w.ctx(), alice.Person))(t)
	if got := w.get(waiting.fixed(t), "contacts/"); got.Status != http.StatusUnauthorized {
		t.Errorf("the token of a device that is left out: %d", got.Status)
	}
	stale := alice.write("profile/devices", "application/jose", alice.version(), []byte(with))
	w.want(w.ask(alice, stale), stale, http.StatusUnprocessableEntity)
	forged := alice.write("profile/devices", "application/jose", alice.version(), []byte(must(newPerson("x"))(t).List))
	w.want(w.ask(alice, forged), forged, http.StatusUnprocessableEntity)
	if got := w.get(alice, "profile/devices"); string(got.Body) != alice.List {
		t.Errorf("the folder has a list that was refused: %s", got.Body)
	}
}

// TestAnInviteIsUsedByOne lets two people come with one link, and others with broken ones.
func TestAnInviteIsUsedByOne(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben, cleo := must(newPerson("ben"))(t), must(newPerson("cleo"))(t)
	i := must(alice.Invite(w.ctx(), "ben"))(t)
	stranger := w.stranger(alice.Pod)
	unknown := must(i.send(w.ctx(), stranger, bytes.Repeat([]byte{4}, 300)))(t)
	if unknown.Status != http.StatusNotFound {
		t.Errorf("a broken acceptance: %d %s", unknown.Status, unknown.Body)
	}
	alike := func(name string, with Invite, edit func([]byte) []byte) {
		t.Helper()
		sealed, _, err := with.seal(cleo, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := difference(unknown, must(with.send(w.ctx(), stranger, edit(sealed)))(t)); d != "" {
			t.Errorf("%s is told from a broken acceptance: %s", name, d)
		}
	}
	same := func(b []byte) []byte { return b }
	altered := i
	altered.Secret = random(16)
	alike("another secret", altered, same)
	altered = i
	altered.ID = random(16)
	alike("another id", altered, same)
	alike("a flipped bit", i, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	alike("half", i, func(b []byte) []byte { return b[:len(b)/2] })
	alike("nothing", i, func([]byte) []byte { return nil })
	alike("too much", i, func(b []byte) []byte { return append(b, make([]byte, 100<<10)...) })

	friend := must(i.Accept(w.ctx(), w.wire, alice.Pod, ben, Pod{URL: "https://ben.example/ben/", Issuer: "https://ben.example"}))(t)
	if salt, err := b64.DecodeString(friend.Salt); err != nil || len(salt) != 32 || len(friend.CID) != 20 || friend.Name != "alice" || friend.Label != alice.Label {
		t.Errorf("the confirmation says %+v", friend)
	}
	alike("who comes second", i, same)
	again := must(i.send(w.ctx(), stranger, friend.Request))(t)
	if again.Status != http.StatusOK {
		t.Errorf("the same acceptance, whose answer was lost: %d %s", again.Status, again.Body)
	}
	cancelled := must(alice.Invite(w.ctx(), "dora"))(t)
	remove := Request{Method: "DELETE", Target: ".invites/" + cancelled.ID}
	w.want(w.ask(friend, remove), remove, http.StatusForbidden)
	w.want(w.ask(alice, remove), remove, http.StatusNoContent)
	alike("a cancelled one", cancelled, same)
	cleo = impostor(t, must(newPerson("dora"))(t))
	alike("who signs a list in another's name", must(alice.Invite(w.ctx(), "dora"))(t), same)
	own := must(alice.Invite(w.ctx(), "myself"))(t)
	cleo = alice.Person
	alike("oneself", own, same)

	// The same person again stays the same contact.
	once := must(must(alice.Invite(w.ctx(), "ben"))(t).Accept(w.ctx(), w.wire, alice.Pod, ben))(t)
	if once.CID != friend.CID || once.WebID != friend.WebID {
		t.Errorf("the friend is %s, and was %s", once.WebID, friend.WebID)
	}
	if got := w.get(alice, "contacts/"); strings.Count(string(got.Body), "ldp:BasicContainer") != 2 {
		t.Errorf("there is not one contact:\n%s", got.Body)
	}
	w.checkCard(alice, friend)
}

// impostor is somebody with the name, label and person key of a person and a device of their own, which signed
// the list that names it.
func impostor(t *testing.T, victim *Person) *Person {
	t.Helper()
	p := *victim
	p.Devices, p.List = []*Device{must(newDevice("theirs", everything...))(t)}, ""
	p.List = must(p.signList(p.Devices[0].Key, 2))(t)
	p.Keys = must(p.signKeys())(t)
	return &p
}

// checkCard asks that the record of a contact is as it is agreed.
func (w *world) checkCard(owner *resident, f *Friend) {
	w.t.Helper()
	got := w.get(owner, "contacts/"+f.CID+"/card")
	var card map[string]any
	if err := json.Unmarshal(got.Body, &card); err != nil || got.Header.Get("Content-Type") != "application/ld+json" {
		w.t.Fatalf("the record: %d %v %s", got.Status, got.Header, got.Body)
	}
	for name, want := range map[string]any{"id": "#me", "type": "Person", "name": "ben", "kith:grant": 1.0, "kith:salt": f.Salt, "kith:muted": false, "kith:verified": false, "kith:blocked": false} {
		if card[name] != want {
			w.t.Errorf("the record says %s: %v, want %v", name, card[name], want)
		}
	}
	if since, err := time.Parse(time.RFC3339, card["kith:since"].(string)); err != nil || time.Since(since) > time.Minute {
		w.t.Errorf("the record says since %v", card["kith:since"])
	}
}

// TestTheCommandLineSaysWhatToDo calls it rightly and wrongly, with and without a server.
func TestTheCommandLineSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, "alice")
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string // on the output it belongs to
	}{
		{"no command", nil, 0, []string{"serve", "person", "pair", "version"}},
		{"help", []string{"help"}, 0, []string{"serve", "person", "pair", "version"}},
		{"help of serve", []string{"serve", "--help"}, 0, []string{"Examples:", "--data", "--listen", "--url", "--domain", "--cert", "--behind-proxy"}},
		{"help of person", []string{"person", "--help"}, 0, []string{"Examples:", "kith person add"}},
		{"help of pair", []string{"pair", "--help"}, 0, []string{"Examples:", "kith pair"}},
		{"version", []string{"version"}, 0, []string{"kith ", "go1."}},
		{"no such command", []string{"serv"}, 2, []string{"serv", "kith"}},
		{"no such flag", []string{"serve", "--dat", "x"}, 2, []string{"-dat"}},
		{"a word too many", []string{"serve", "now", "--data", w.data}, 2, []string{"now"}},
		{"person without add", []string{"person", "--data", w.data}, 2, []string{"person add NAME"}},
		{"person add without a name", []string{"person", "add", "--data", w.data}, 2, []string{"person add NAME"}},
		{"a person who is there", []string{"person", "add", "alice", "--data", w.data}, 1, []string{"alice"}},
		{"a person while the server runs", []string{"person", "add", "late", "--data", w.data}, 0, []string{`"name":"late"`, `"pod":"` + base + `late/"`}},
		{"a link for nobody", []string{"pair", "nobody", "--data", w.data}, 1, []string{"nobody"}},
		{"another address", []string{"person", "add", "x", "--data", w.data, "--url", "http://localhost:9999/"}, 2, []string{base, "kith.toml"}},
		{"serve at another address", []string{"serve", "--data", w.data, "--listen", "127.0.0.1:0", "--url", "https://pod.example.org/"}, 2, []string{base, "kith.toml"}},
		{"no address of the web", []string{"serve", "--data", t.TempDir(), "--url", "ftp://pod.example.org"}, 2, []string{"https://"}},
		{"an address with a path", []string{"serve", "--data", t.TempDir(), "--url", "https://pod.example.org/pods/"}, 2, []string{"host"}},
		{"half a certificate", []string{"serve", "--data", t.TempDir(), "--cert", "x.pem"}, 2, []string{"--key"}},
		{"no port", []string{"serve", "--data", t.TempDir(), "--listen", "localhost"}, 2, []string{"host:port"}},
	} {
		out, problems, code := w.kith(c.args...)
		said := out
		if c.code != 0 {
			said = problems
			if out != "" {
				t.Errorf("%s: it failed, and prints %q", c.name, out)
			}
		}
		if code != c.code {
			t.Errorf("%s: exit %d, want %d: %s%s", c.name, code, c.code, out, problems)
		}
		for _, part := range c.says {
			if !strings.Contains(said, part) {
				t.Errorf("%s: it does not say %q:\n%s", c.name, part, said)
			}
		}
		if strings.Contains(problems, "goroutine ") || strings.Contains(problems, "panic") {
			t.Errorf("%s: it panics:\n%s", c.name, problems)
		}
	}
	for _, name := range []string{"", "Alice", "ALICE", "a/b", "..", ".", ".well-known", "token", "a b", "-a", "ä", "a.b", "\x00", strings.Repeat("a", 200), "profile\n"} {
		if strings.Contains(name, "\x00") {
			continue // no system hands one over
		}
		out, problems, code := w.kith("person", "add", "--data", w.data, "--", name)
		if code == 0 || problems == "" {
			t.Errorf("a person called %q: exit %d %s %s", name, code, out, problems)
		}
	}
	// The pod that was made while the server ran is served, and the first to pair owns it.
	late := w.settle("late", w.pairingLink("late"))
	if got := w.get(late, ""); got.Status != http.StatusOK {
		t.Errorf("the new pod: %d", got.Status)
	}
}

// TestTheFirstStartMakesAPodAndPrintsItsLink starts in an empty folder, with nothing but an address.
func TestTheFirstStartMakesAPodAndPrintsItsLink(t *testing.T) {
	t.Parallel()
	w := &world{t: t, data: filepath.Join(t.TempDir(), "new", "folder"), wire: &Wire{Base: base}}
	w.start()
	t.Cleanup(func() { must(0, w.server.Kill())(t) })
	find := regexp.MustCompile(regexp.QuoteMeta(base) + `#pair=[\w-]+`)
	var link string
	eventually(t, limit, "a pairing link is printed", func() bool {
		link = find.FindString(w.server.Output())
		return link != ""
	})
	if strings.ContainsAny(w.server.Output(), "█▀▄") {
		t.Error("a QR is printed for an address that no phone can use")
	}
	me := w.settle("me", link)
	if got := w.get(me, "profile/devices"); got.Status != http.StatusOK || string(got.Body) != me.List {
		t.Errorf("the devices: %d %s", got.Status, got.Body)
	}
	second, problems, code := w.kith("serve", "--data", w.data, "--listen", "127.0.0.1:0")
	if code == 0 || problems == "" {
		t.Errorf("a second server over one folder: exit %d\n%s%s", code, second, problems)
	}
	w.restart(func() {
		text := must(os.ReadFile(filepath.Join(w.data, "kith.toml")))(t)
		if !strings.Contains(string(text), base) {
			t.Errorf("kith.toml does not tell the address:\n%s", text)
		}
	})
	if find.MatchString(w.server.Output()) {
		t.Errorf("a pod that has an owner is offered again:\n%s", w.server.Output())
	}
	if got := w.get(me, "profile/devices"); got.Status != http.StatusOK {
		t.Errorf("after a restart: %d", got.Status)
	}
	for path, mode := range map[string]os.FileMode{".": 0o077, "state.db": 0o077, "kith.toml": 0o077, "pods": 0o077} {
		info := must(os.Stat(filepath.Join(w.data, path)))(t)
		if info.Mode().Perm()&mode != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
	}
}
