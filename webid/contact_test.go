package webid_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/webid"
)

const benCard = aliceURL + "contacts/" + benCID + "/card"

// withKeys gives p a keys document with one agreement key of its first device.
func (p person) withKeys(t testing.TB, serial uint64) person {
	t.Helper()
	d := webid.KeysDocument{Label: p.lists.Devices.Label, Serial: serial, Agree: []webid.AgreementKey{{
		Kid: "k1", Device: p.devices[0].Public().String(), Key: newKey(t).Public(), Until: time.Date(2026, 12, 6, 12, 0, 0, 0, time.UTC),
	}}}
	var err error
	if p.lists.Keys, err = d.Sign(p.lists.Devices, p.devices[0]); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAContactIsTheSameAfterWritingAndReading(t *testing.T) {
	c := contactOf(newPerson(t, 2).withKeys(t, 1), benCID, "https://ben.example/#me")
	c.Name, c.Note, c.Salt = "Ben", "met in Porto", make([]byte, 32)
	c.Since = time.Date(2026, 11, 22, 12, 0, 0, 250e6, time.UTC)
	c.Ways = []webid.Way{{Pod: "https://host.example/ben/", Issuer: "https://host.example"}}
	c.Verified, c.Muted, c.Direct = true, true, true
	record, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := webid.ParseContact(benCard, record)
	if err != nil {
		t.Fatal(err)
	}
	if again.Devices.String() != c.Devices.String() || again.Keys.String() != c.Keys.String() || !again.Since.Equal(c.Since) ||
		again.ID != c.ID || again.CID != c.CID || again.Name != c.Name || again.Note != c.Note || again.Label != c.Label ||
		!reflect.DeepEqual(again.Accepts, c.Accepts) || !reflect.DeepEqual(again.Ways, c.Ways) || len(again.Salt) != 32 ||
		!again.Verified || !again.Muted || again.Blocked || !again.Direct || again.Grant != 1 {
		t.Errorf("read %+v\nwrote %+v", again, c)
	}
}

// TestAnEmptyContactCanBeRead: a record that has only what it must.
func TestAnEmptyContactCanBeRead(t *testing.T) {
	record, err := json.Marshal(webid.Contact{Grant: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := webid.ParseContact(benCard, record); err != nil {
		t.Errorf("%s: %v", record, err)
	}
}

func TestAContactKeepsMembersOfOthers(t *testing.T) {
	record := `{"id":"#me","type":"Person","kith:grant":1,"foaf:nick":"B","kith:hue":{"a":[1,2]},"name":"Old"}`
	c, err := webid.ParseContact(benCard, []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	c.Name = "New"
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if m["foaf:nick"] != "B" || m["name"] != "New" || !strings.Contains(string(text), `"kith:hue":{"a":[1,2]}`) {
		t.Errorf("written %s", text)
	}
}

func TestProves(t *testing.T) {
	p := newPerson(t, 2)
	c := contactOf(p, benCID, "https://ben.example/#me")
	phone := webid.ID(p.devices[0].Public().String())
	if !c.Proves(phone) || !c.Proves("https://ben.example/#me") {
		t.Error("what is in the record does not prove")
	}
	for _, id := range []webid.ID{"", c.ID, webid.ID(p.key.Public().String()), "https://other.example/#me"} {
		if c.Proves(id) {
			t.Errorf("%q proves", id)
		}
	}
	c.Blocked = true
	if c.Proves(phone) || c.Proves("https://ben.example/#me") {
		t.Error("a blocked contact proves")
	}
	if (webid.Contact{}).Proves("") {
		t.Error("no contact proves")
	}
}

func TestListsAccept(t *testing.T) {
	ben := newPerson(t, 2).withKeys(t, 2)
	first := webid.Lists{Devices: ben.lists.Devices}
	keys := func(p person, serial uint64) string { return p.withKeys(t, serial).lists.Keys.String() }
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	far := uint64(now.UnixMilli()) + 1<<32
	laptop := ben.next(t, ben.devices[1]) // a list without the phone, which signed it and the keys
	for _, c := range []struct {
		name          string
		pinned        webid.Lists
		devices, keys string
		verdict       webid.Verdict
	}{
		{"nothing new", ben.lists, "", "", ""},
		{"both at first sight", webid.Lists{}, ben.lists.Devices.String(), ben.lists.Keys.String(), ""},
		{"the first keys", first, "", ben.lists.Keys.String(), ""},
		{"the same again", ben.lists, ben.lists.Devices.String(), ben.lists.Keys.String(), ""},
		{"newer keys", ben.lists, "", keys(ben, 3), ""},
		{"keys as far ahead as the clock allows", ben.lists, "", keys(ben, far), ""},
		{"keys too far ahead", ben.lists, "", keys(ben, far+1), "too far ahead"},
		{"keys that nothing could outrank", ben.lists, "", keys(ben, 1<<53-1), "too far ahead"},
		{"such keys at first sight", first, "", keys(ben, 1<<53-1), ""},
		{"others after such keys", ben.withKeys(t, 1<<53-1).lists, "", keys(ben, 3), ""},
		{"older keys", ben.lists, "", keys(ben, 1), "stale"},
		{"other keys of the same serial", ben.lists, "", keys(ben, 2), "same epoch, different list"},
		{"keys at first sight without a list", webid.Lists{}, "", ben.lists.Keys.String(), "wrong label"},
		{"keys of a device that the new list drops", ben.lists, laptop.String(), keys(ben, 3), "not signed by an admin"},
		{"another person's list", ben.lists, newPerson(t, 1).lists.Devices.String(), "", "wrong label"},
		{"a list that is broken", ben.lists, "x", "", webid.Malformed},
		{"keys that are broken", ben.lists, "", "x", webid.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := c.pinned.Accept(c.devices, c.keys, now)
			var verdict webid.Verdict
			if err != nil && !errors.As(err, &verdict) {
				t.Fatal(err)
			}
			if verdict != c.verdict {
				t.Fatalf("verdict %q, want %q", verdict, c.verdict)
			}
			if err == nil && c.keys != "" && l.Keys.String() != c.keys {
				t.Error("the keys are not those shown")
			}
		})
	}
}

// TestARevokedAdminsKeysEnd: the keys document that a device signed goes when a
// newer list drops that device. (protocol §1.1)
func TestARevokedAdminsKeysEnd(t *testing.T) {
	ben := newPerson(t, 2).withKeys(t, 1)
	l, err := ben.lists.Accept(ben.next(t, ben.devices[1]).String(), "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !l.Keys.IsZero() || l.Devices.Epoch != 2 {
		t.Errorf("keys %q of epoch %d", l.Keys, l.Devices.Epoch)
	}
	if _, ok := ben.lists.Keys.Find("k1"); !ok {
		t.Error("the key was not there before")
	}
	if _, ok := l.Keys.Find("k1"); ok {
		t.Error("the key is still there")
	}
}

func TestWays(t *testing.T) {
	sound := webid.Way{Pod: "http://localhost:8420/ana/", Issuer: "http://localhost:8420"}
	if !sound.Valid() {
		t.Error("a sound way is not valid")
	}
	pod := func(url, issuer string) webid.Way { return webid.Way{Pod: url, Issuer: issuer} }
	relay := webid.Way{Relay: "https://relay.example/", Send: strings.Repeat("A", 32)}
	if !relay.Valid() {
		t.Error("a sound way to a relay is not valid")
	}
	both := sound
	both.Relay, both.Send = relay.Relay, relay.Send
	for _, w := range []webid.Way{
		{}, {Pod: sound.Pod}, {Issuer: sound.Issuer}, pod("http://localhost/a", sound.Issuer), pod(sound.Pod, "http://localhost/"),
		pod("http://localhost/?/", sound.Issuer), pod("http://localhost/#/", sound.Issuer), pod("http://u@localhost/", sound.Issuer), pod("data:text/", sound.Issuer),
		pod("did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", sound.Issuer),
		both, {Relay: relay.Relay}, {Send: relay.Send}, {Relay: "https://relay.example", Send: relay.Send}, {Relay: relay.Relay, Send: relay.Send[1:]},
	} {
		if w.Valid() {
			t.Errorf("%+v is valid", w)
		}
	}
}

func TestOnionWays(t *testing.T) {
	host := strings.Repeat("a", 56) + ".onion"
	cases := []struct {
		name, onion string
		known       bool
	}{
		{"an onion service", "http://" + host + "/ana/", true},
		{"of an earlier form", "http://" + strings.Repeat("a", 16) + ".onion/ana/", false},
		{"by https", "https://" + host + "/ana/", false},
		{"with a port", "http://" + host + ":81/ana/", false},
		{"without a pod", "http://" + host + "/", false},
		{"without the last slash", "http://" + host + "/ana", false},
		{"with a query", "http://" + host + "/ana/?a/", false},
		{"below another name", "http://" + host + ".example/ana/", false},
		{"nothing", "", false},
	}
	pod := webid.Way{Pod: "https://pod.example/ana/", Issuer: "https://pod.example"}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text, err := json.Marshal([]map[string]any{{"onion": c.onion}, {"pod": pod.Pod, "issuer": pod.Issuer, "onion": c.onion}})
			if err != nil {
				t.Fatal(err)
			}
			var list []json.RawMessage
			if err := json.Unmarshal(text, &list); err != nil {
				t.Fatal(err)
			}
			want := []webid.Way{pod} // a pod that says more of itself is that pod
			if c.known {
				want = []webid.Way{{Onion: c.onion}, pod}
			}
			if got, err := webid.ParseWays(list); err != nil || !slices.Equal(got, want) {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
			if (webid.Way{Onion: c.onion}).Valid() != c.known || (webid.Way{Onion: c.onion, Pod: pod.Pod, Issuer: pod.Issuer}).Valid() != (c.onion == "") {
				t.Error("Valid says otherwise")
			}
		})
	}
}
