// Package vectors_test holds the Go packages against the vectors in this
// folder, and writes them anew with -update. README.md says what they are.
package vectors_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/invite"
)

var update = flag.Bool("update", false, "write the vectors anew")

// head begins each case.
type head struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
}

func (h head) said() head { return h }

// vector is one case: the inputs, and what comes out of them.
type vector interface{ said() head }

// hold runs every case of a file, and asks that run gives it back as it is
// written. With -update it first writes what run makes of the cases of made, each
// of which says what its verdict has to be.
func hold[V vector](t *testing.T, file string, made func(*testing.T) []V, run func(*testing.T, V) V) {
	if *update {
		write(t, file, made(t), run)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []V
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 2 {
		t.Fatalf("%s has %d cases", file, len(cases))
	}
	seen := map[string]bool{}
	for _, c := range cases {
		t.Run(c.said().Name, func(t *testing.T) {
			if seen[c.said().Name] {
				t.Error("two cases have this name")
			}
			seen[c.said().Name] = true
			if got := run(t, c); !reflect.DeepEqual(got, c) {
				t.Errorf("got %+v\nwant %+v", got, c)
			}
		})
	}
}

func write[V vector](t *testing.T, file string, cases []V, run func(*testing.T, V) V) {
	for i, c := range cases {
		cases[i] = run(t, c)
		if got := cases[i].said().Verdict; got != c.said().Verdict {
			t.Errorf("%s: %s: %s, meant to be %s", file, c.said().Name, got, c.said().Verdict)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(cases); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// verdict returns the word for err, which has to be one.
func verdict(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "success"
	}
	var v webid.Verdict
	if !errors.As(err, &v) {
		t.Fatalf("no verdict: %v", err)
	}
	return v.Error()
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unb64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type keyCase struct {
	head
	DID        string `json:"did"`
	Point      string `json:"point,omitempty"`
	X          string `json:"x,omitempty"`
	Y          string `json:"y,omitempty"`
	Thumbprint string `json:"thumbprint,omitempty"`
	Label      string `json:"label,omitempty"`
}

func TestKeys(t *testing.T) {
	hold(t, "keys.json", keyCases, func(t *testing.T, c keyCase) keyCase {
		k, err := webid.ParseKey(c.DID)
		out := keyCase{head: head{c.Name, verdict(t, err)}, DID: c.DID}
		if err != nil {
			return out
		}
		if k.String() != c.DID {
			t.Errorf("written again: %s", k)
		}
		out.Point, out.Thumbprint, out.Label = hex.EncodeToString(k.Point()), k.Thumbprint(), k.Label()
		out.X, out.Y = k.Coordinates()
		return out
	})
}

type jwkCase struct {
	head
	JWK map[string]any `json:"jwk"`
	DID string         `json:"did,omitempty"`
}

func TestJWKs(t *testing.T) {
	hold(t, "jwks.json", jwkCases, func(t *testing.T, c jwkCase) jwkCase {
		text, err := json.Marshal(c.JWK)
		if err != nil {
			t.Fatal(err)
		}
		var k webid.Key
		err = k.UnmarshalJSON(text)
		return jwkCase{head: head{c.Name, verdict(t, err)}, JWK: c.JWK, DID: k.String()}
	})
}

type listCase struct {
	head
	Pinned  string         `json:"pinned"`
	List    string         `json:"list"`
	Holds   string         `json:"holds,omitempty"`
	Label   string         `json:"label,omitempty"`
	Gen     uint64         `json:"gen,omitempty"`
	Epoch   uint64         `json:"epoch,omitempty"`
	Devices []webid.Device `json:"devices,omitempty"`
}

func TestDeviceLists(t *testing.T) {
	hold(t, "device-lists.json", listCases, func(t *testing.T, c listCase) listCase {
		var pinned webid.DeviceList
		if c.Pinned != "" {
			pinned = parsed(t, c.Pinned)
		}
		l, err := pinned.Accept(c.List)
		out := listCase{head: head{c.Name, verdict(t, err)}, Pinned: c.Pinned, List: c.List}
		if err != nil {
			return out
		}
		out.Holds = map[string]string{c.Pinned: "pinned", c.List: "list"}[l.String()]
		out.Label, out.Gen, out.Epoch, out.Devices = l.Label, l.Gen, l.Epoch, l.Devices
		return out
	})
}

func parsed(t *testing.T, list string) webid.DeviceList {
	t.Helper()
	l, err := webid.ParseDeviceList(list)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type agreeKey struct {
	Kid    string `json:"kid"`
	Device string `json:"device"`
	DID    string `json:"did"`
	Until  string `json:"until"`
}

type keysCase struct {
	head
	DeviceList string     `json:"device_list"`
	Known      string     `json:"known"` // keys document, "" at first sight
	Keys       string     `json:"keys"`
	Now        int64      `json:"now"`
	Serial     uint64     `json:"serial,omitempty"`
	Agree      []agreeKey `json:"agree,omitempty"`
}

func TestKeysDocuments(t *testing.T) {
	hold(t, "keys-documents.json", keysCases, func(t *testing.T, c keysCase) keysCase {
		now := time.Unix(c.Now, 0)
		pinned, err := webid.Lists{}.Accept(c.DeviceList, c.Known, now)
		if err != nil {
			t.Fatal(err)
		}
		l, err := pinned.Accept("", c.Keys, now)
		d := l.Keys
		out := keysCase{head: head{c.Name, verdict(t, err)}, DeviceList: c.DeviceList, Known: c.Known, Keys: c.Keys, Now: c.Now, Serial: d.Serial}
		for _, a := range d.Agree {
			until, err := a.Until.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			out.Agree = append(out.Agree, agreeKey{a.Kid, a.Device, a.Key.String(), string(until)})
		}
		return out
	})
}

type contactCase struct {
	head
	URL      string      `json:"url"`
	Record   string      `json:"record"`
	ID       webid.ID    `json:"id,omitempty"`
	CID      string      `json:"cid,omitempty"`
	Person   string      `json:"person,omitempty"`
	Label    string      `json:"label,omitempty"`
	Grant    uint64      `json:"grant,omitempty"`
	Devices  []string    `json:"devices,omitempty"`
	Accepts  []webid.ID  `json:"accepts,omitempty"`
	Ways     []webid.Way `json:"ways,omitempty"`
	Salt     string      `json:"salt,omitempty"`
	Muted    bool        `json:"muted,omitempty"`
	Verified bool        `json:"verified,omitempty"`
	Blocked  bool        `json:"blocked,omitempty"`
	Note     string      `json:"note,omitempty"`
}

func TestContacts(t *testing.T) {
	hold(t, "contacts.json", contactCases, func(t *testing.T, c contactCase) contactCase {
		f, err := webid.ParseContact(c.URL, []byte(c.Record))
		out := contactCase{
			head: head{c.Name, verdict(t, err)}, URL: c.URL, Record: c.Record,
			ID: f.ID, CID: f.CID, Person: f.Name, Label: f.Label, Grant: f.Grant, Accepts: f.Accepts, Ways: f.Ways,
			Salt: b64(f.Salt), Muted: f.Muted, Verified: f.Verified, Blocked: f.Blocked, Note: f.Note,
		}
		for _, d := range f.Devices.Devices {
			out.Devices = append(out.Devices, d.Kid)
		}
		if err == nil {
			sameAgain(t, c.URL, f)
		}
		return out
	})
}

// sameAgain asks that a contact is the same after it was written and read.
func sameAgain(t *testing.T, url string, c webid.Contact) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := webid.ParseContact(url, text)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, twice) {
		t.Errorf("written %s\nthen %s", text, twice)
	}
}

type linkCase struct {
	head
	Link    string   `json:"link"`
	Label   string   `json:"label,omitempty"`
	IK      string   `json:"ik,omitempty"`
	Secret  string   `json:"secret,omitempty"`
	ID      string   `json:"id,omitempty"`
	Inviter string   `json:"inviter,omitempty"`
	Pods    []string `json:"pods,omitempty"`

	Relays []webid.Way `json:"relays,omitempty"`
}

func TestInviteLinks(t *testing.T) {
	hold(t, "invite-links.json", linkCases, func(t *testing.T, c linkCase) linkCase {
		l, err := invite.ParseLink(c.Link)
		return linkCase{
			head: head{c.Name, linkVerdict(t, err)}, Link: c.Link, Label: l.Label, IK: l.Key.String(),
			Secret: b64(l.Secret), ID: b64(l.ID), Inviter: l.Name, Pods: l.Pods, Relays: l.Relays,
		}
	})
}

// linkVerdict returns malformed for a link, however it is damaged.
func linkVerdict(t *testing.T, err error) string {
	if errors.Is(err, invite.ErrLink) {
		return "malformed"
	}
	return verdict(t, err)
}

type pairingCase struct {
	head
	Link   string `json:"link"`
	Kind   string `json:"kind,omitempty"`
	Pod    string `json:"pod,omitempty"`
	Issuer string `json:"issuer,omitempty"`
	Secret string `json:"secret,omitempty"`
	Label  string `json:"label,omitempty"`
	Person string `json:"person,omitempty"`

	Via []webid.Way `json:"via,omitempty"`
	IK  string      `json:"ik,omitempty"`
}

func TestPairingLinks(t *testing.T) {
	hold(t, "pairing-links.json", pairingCases, func(t *testing.T, c pairingCase) pairingCase {
		p, err := invite.ParsePairing(c.Link)
		out := pairingCase{
			head: head{c.Name, linkVerdict(t, err)}, Link: c.Link, Pod: p.Pod, Issuer: p.Issuer,
			Secret: p.Secret, Label: p.Label, Person: p.Name, Via: p.Via, IK: p.Key.String(),
		}
		switch {
		case err == nil && p.Label != "":
			out.Kind = "device"
		case err == nil:
			out.Kind = "pair"
		}
		return out
	})
}

type acceptanceCase struct {
	head
	IK         string      `json:"ik"`
	ID         string      `json:"id"`
	Secret     string      `json:"secret"`
	Body       string      `json:"body"`
	Label      string      `json:"label,omitempty"`
	DeviceList string      `json:"device_list,omitempty"`
	Keys       string      `json:"keys,omitempty"`
	Person     string      `json:"person,omitempty"`
	Ways       []webid.Way `json:"ways,omitempty"`
	ConfirmKey string      `json:"confirm_key,omitempty"`
}

func TestAcceptances(t *testing.T) {
	hold(t, "acceptances.json", acceptanceCases, func(t *testing.T, c acceptanceCase) acceptanceCase {
		i := invite.Invite{ID: unb64(t, c.ID), Secret: unb64(t, c.Secret)}
		if err := i.Key.UnmarshalText([]byte(c.IK)); err != nil {
			t.Fatal(err)
		}
		a, err := i.Open(unb64(t, c.Body))
		out := acceptanceCase{
			head: head{c.Name, verdict(t, err)}, IK: c.IK, ID: c.ID, Secret: c.Secret, Body: c.Body,
			Label: a.Lists.Devices.Label, DeviceList: a.Lists.Devices.String(), Keys: a.Lists.Keys.String(),
			Person: a.Name, Ways: a.Ways,
		}
		if err == nil {
			out.ConfirmKey = exported(t, i, unb64(t, c.Body))
		}
		return out
	})
}

type confirmationCase struct {
	head
	Key        string      `json:"key"`
	ID         string      `json:"id"`
	Label      string      `json:"label"`
	Body       string      `json:"body"`
	DeviceList string      `json:"device_list,omitempty"`
	Keys       string      `json:"keys,omitempty"`
	Person     string      `json:"person,omitempty"`
	Ways       []webid.Way `json:"ways,omitempty"`
	CID        string      `json:"cid,omitempty"`
	WebID      webid.ID    `json:"webid,omitempty"`
	Salt       string      `json:"salt,omitempty"`
}

func TestConfirmations(t *testing.T) {
	hold(t, "confirmations.json", confirmationCases, func(t *testing.T, c confirmationCase) confirmationCase {
		p := invite.Pending{Link: invite.Link{ID: unb64(t, c.ID), Label: c.Label}, Key: unb64(t, c.Key)}
		f, err := p.Open(unb64(t, c.Body))
		return confirmationCase{
			head: head{c.Name, verdict(t, err)}, Key: c.Key, ID: c.ID, Label: c.Label, Body: c.Body,
			DeviceList: f.Lists.Devices.String(), Keys: f.Lists.Keys.String(), Person: f.Name, Ways: f.Ways,
			CID: f.CID, WebID: f.WebID, Salt: b64(f.Salt),
		}
	})
}

type wordsCase struct {
	head
	Labels [2]string `json:"labels"`
	Words  []int     `json:"words"`
}

func TestWords(t *testing.T) {
	hold(t, "words.json", wordsCases, func(t *testing.T, c wordsCase) wordsCase {
		out := wordsCase{head: head{c.Name, "success"}, Labels: c.Labels}
		for _, w := range invite.Words(c.Labels[0], c.Labels[1]) {
			out.Words = append(out.Words, int(w))
		}
		return out
	})
}
