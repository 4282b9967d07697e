package vectors_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"kith/webid"
	"kith/webid/invite"
)

const app = "https://host.example/"

// theInvite is Ana's, with random parts that follow from its name.
func theInvite(t *testing.T) invite.Invite {
	return invite.Invite{ID: scalar("invite id")[:16], Secret: scalar("invite secret")[:16], Key: key(t, "invite key")}
}

func theLink(t *testing.T) invite.Link {
	i := theInvite(t)
	return invite.Link{
		Label: ana.key(t, "person").Public().Label(), Key: i.Key.Public(), Secret: i.Secret, ID: i.ID,
		Name: "Ana", Pods: []string{"https://host.example/ana/"},
	}
}

func linked(t *testing.T, change func(*invite.Link)) []byte {
	t.Helper()
	l := theLink(t)
	change(&l)
	link, err := l.URL(app)
	if err != nil {
		t.Fatal(err)
	}
	return unb64(t, strings.TrimPrefix(link, app+"#i="))
}

func linkCases(t *testing.T) []linkCase {
	whole := linked(t, func(*invite.Link) {})
	one := func(name, verdict, link string) linkCase { return linkCase{head: head{name, verdict}, Link: link} }
	good := func(name string, b []byte) linkCase { return one(name, "success", app+"#i="+b64(b)) }
	bad := func(name string, b []byte) linkCase { return one(name, "malformed", app+"#i="+b64(b)) }
	set := func(at int, c byte) []byte {
		b := append([]byte{}, whole...)
		b[at] = c
		return b
	}
	const name, ways = 98, 102 // where the name's length and the number of ways stand
	later := append(append([]byte{}, whole[:ways]...), 2, 9, 3, 'x', 'y', 'z')
	later = append(later, whole[ways+1:]...)
	four := append(append([]byte{}, whole[:ways]...), 4)
	for range 4 {
		four = append(four, whole[ways+1:]...)
	}
	script := append(append([]byte{}, whole[:ways]...), 1, 1, 8)
	relayed := func(way ...byte) []byte {
		return append(append(append([]byte{}, whole[:ways]...), 1, 2, byte(len(way))), way...)
	}
	send := scalar("send")[:24]
	queue := func(url string, seed string) webid.Way { return webid.Way{Relay: url, Send: b64(scalar(seed)[:24])} }
	return []linkCase{
		good("an invite", whole),
		good("an invite without a name", linked(t, func(l *invite.Link) { l.Name = "" })),
		good("an invite with a name of 24 bytes", linked(t, func(l *invite.Link) { l.Name = "Ana Ωμέγα 12345678" })),
		good("an invite without a pod", linked(t, func(l *invite.Link) { l.Pods = nil })),
		good("an invite with three pods", linked(t, func(l *invite.Link) {
			l.Pods = []string{"https://a.example/", "https://b.example/ana/", "http://localhost:8420/ana/"}
		})),
		good("a way of a later kind is left out", later),
		one("space around the link", "success", "  "+app+"#i="+b64(whole)+"\n"),
		good("an invite to a pod behind two relays", linked(t, func(l *invite.Link) {
			l.Pods, l.Relays = nil, []webid.Way{queue("https://relay.example/", "send"), queue("https://other.example/", "other send")}
		})),
		good("an invite with a pod and a relay", linked(t, func(l *invite.Link) {
			l.Relays = []webid.Way{queue("https://relay.example/", "send")}
		})),
		bad("a send id without a relay", relayed(send...)),
		bad("a send id of 23 bytes", relayed(append(append([]byte{}, send[1:]...), "/r"...)...)),
		bad("a relay without a slash at its end", relayed(append(append([]byte{}, send...), "https://relay.example"...)...)),
		bad("a relay that is a script", relayed(append(append([]byte{}, send...), "script:/"...)...)),
		bad("a later version", set(0, 2)),
		bad("a key that is on no point", append(append(append([]byte{}, whole[:33]...), make([]byte, 33)...), whole[66:]...)),
		bad("a name that is not UTF-8", set(name+1, 0xff)),
		bad("a name of 25 bytes", set(name, 25)),
		bad("four ways", four),
		bad("a way that is no URL of a pod", append(script, "script:/"...)),
		bad("a way that runs over the end", set(ways+2, 255)),
		bad("cut off", whole[:len(whole)-1]),
		bad("one byte too many", append(append([]byte{}, whole...), 0)),
		bad("nothing in it", nil),
		one("no fragment", "malformed", app+"?i="+b64(whole)),
		one("another kind of link", "malformed", app+"#pair="+b64(whole)),
		one("padding", "malformed", app+"#i="+b64(whole)+"="),
		one("a character of another base64", "malformed", app+"#i="+b64(whole)[:20]+"+"+b64(whole)[21:]),
		one("a line break", "malformed", app+"#i="+b64(whole)[:20]+"\n"+b64(whole)[20:]),
		one("more than 400 characters", "malformed", "https://host.example/"+strings.Repeat("x", 250)+"#i="+b64(whole)),
	}
}

// pairBytes are those of a link of a pod without an owner.
func pairBytes(version byte, secret []byte, pod string, count int, rest ...[]byte) []byte {
	b := append([]byte{version}, secret...)
	b = append(append(b, byte(len(pod))), pod...)
	return append(append(b, byte(count)), slices.Concat(rest...)...)
}

func pairingCases(t *testing.T) []pairingCase {
	const pod = "https://host.example/ana/"
	secret, ik := scalar("pairing")[:16], key(t, "pod agreement").Public()
	via := func(send []byte, url string) []byte {
		return append(append(append([]byte{}, send...), byte(len(url))), url...)
	}
	relay, other := via(scalar("send")[:24], "https://relay.example/"), via(scalar("other send")[:24], "https://other.example/")
	link := func(name, verdict string, b []byte) pairingCase {
		return pairingCase{head: head{name, verdict}, Link: app + "#pair=" + b64(b)}
	}
	bad := func(name string, b []byte) pairingCase { return link(name, "malformed", b) }
	whole := pairBytes(1, secret, pod, 2, ik.Point(), relay, other)
	cases := []pairingCase{
		link("a pod that waits for its owner", "success", pairBytes(1, secret, pod, 0)),
		link("a pod on the same machine", "success", pairBytes(1, secret, "http://localhost:8420/ana/", 0)),
		link("a pod below a path", "success", pairBytes(1, secret, "https://host.example/pods/ana/", 0)),
		link("a pod behind two relays", "success", whole),
		link("a pod behind eight relays", "success", pairBytes(1, secret, pod, 8, ik.Point(), slices.Repeat(relay, 8))),
		link("a pod of 255 bytes", "success", pairBytes(1, secret, "https://host.example/"+strings.Repeat("x", 233)+"/", 0)),
		bad("nine relays", pairBytes(1, secret, pod, 9, ik.Point(), slices.Repeat(relay, 9))),
		bad("relays without a key", pairBytes(1, secret, pod, 1, relay)),
		bad("a key without relays", pairBytes(1, secret, pod, 0, ik.Point())),
		bad("a key that is none", pairBytes(1, secret, pod, 1, make([]byte, 33), relay)),
		bad("a relay that is a script", pairBytes(1, secret, pod, 1, ik.Point(), via(make([]byte, 24), "javascript:alert(1)/"))),
		bad("a relay that is no text", pairBytes(1, secret, pod, 1, ik.Point(), via(make([]byte, 24), "https://relay.example/\xff/"))),
		bad("a later version", pairBytes(2, secret, pod, 0)),
		bad("no pod", pairBytes(1, secret, "", 0)),
		bad("a pod without a slash at its end", pairBytes(1, secret, "https://host.example/ana", 0)),
		bad("a pod without a name", pairBytes(1, secret, "https://host.example/", 0)),
		bad("a pod that is a script", pairBytes(1, secret, "javascript:alert(1)/ana/", 0)),
		bad("a pod with credentials", pairBytes(1, secret, "https://a:b@host.example/ana/", 0)),
		bad("a byte more", append(slices.Clone(whole), 0)),
		bad("a byte less", whole[:len(whole)-1]),
		bad("nothing", nil),
		bad("text", []byte(`{"v":1}`)),
	}
	return append(cases, deviceCases(t)...)
}

func deviceCases(t *testing.T) []pairingCase {
	device := header{"v": 1, "pod": "https://host.example/ana/", "issuer": "https://host.example", "secret": b64(scalar("pairing")[:16]),
		"label": ana.key(t, "person").Public().Label(), "name": "Ana"}
	behind := header{"ik": key(t, "pod agreement").Public().String(), "via": []header{
		{"relay": "https://relay.example/", "send": b64(scalar("send")[:24])}, {"relay": "https://other.example/", "send": b64(scalar("other send")[:24])},
	}}
	link := func(name, verdict, mark string, content any) pairingCase {
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		return pairingCase{head: head{"a further device: " + name, verdict}, Link: app + "#" + mark + "=" + b64(text)}
	}
	bad := func(name string, more header) pairingCase {
		return link(name, "malformed", "device", with(device, more))
	}
	return []pairingCase{
		link("by its pod", "success", "device", device),
		link("by two relays", "success", "device", with(device, behind)),
		link("members that mean nothing here", "success", "device", with(device, header{"more": true})),
		link("relays of a later kind are left out", "success", "device", with(device, header{"ik": behind["ik"], "via": []header{{"pigeon": "grey"}}})),
		bad("relays without a key", header{"via": behind["via"]}),
		link("a key without relays means nothing", "success", "device", with(device, header{"ik": behind["ik"]})),
		bad("a key that is none", with(behind, header{"ik": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"})),
		link("a pod among the relays is left out", "success", "device", with(device, behind, header{"via": append([]header{{"pod": device["pod"], "issuer": device["issuer"]}}, behind["via"].([]header)...)})),
		bad("a relay with a send id of 23 bytes", with(behind, header{"via": []header{{"relay": "https://relay.example/", "send": b64(make([]byte, 23))}}})),
		bad("nine relays", with(behind, header{"via": slices.Repeat(behind["via"].([]header), 5)})),
		bad("a later version", header{"v": 2}),
		bad("no version", header{"v": nil}),
		bad("a pod without a slash at its end", header{"pod": "https://host.example/ana"}),
		bad("a pod of 256 bytes", header{"pod": "https://host.example/" + strings.Repeat("x", 234) + "/"}),
		bad("an issuer with a slash at its end", header{"issuer": "https://host.example/"}),
		bad("no issuer", header{"issuer": nil}),
		bad("a secret of 15 bytes", header{"secret": b64(make([]byte, 15))}),
		bad("a secret that is no base64url", header{"secret": "+/+/+/+/+/+/+/+/+/+/+/"}),
		bad("no label", header{"label": nil}),
		bad("a label that is too short", header{"label": "abc"}),
		bad("no name", header{"name": nil}),
		bad("a name of 161 bytes", header{"name": strings.Repeat("x", 161)}),
		link("an array", "malformed", "device", []any{device}),
		link("another kind of link", "malformed", "i", device),
	}
}

// acceptanceCases are Ben's answers to Ana's invite.
func acceptanceCases(t *testing.T) []acceptanceCase {
	cryptotest.SetGlobalRandom(t, 1)
	i, self, agree := theInvite(t), ben.introduction(t), ben.key(t, "k1")
	one := func(name, verdict string, body []byte) acceptanceCase {
		ik, err := i.Key.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		return acceptanceCase{head: head{name, verdict}, IK: string(ik), ID: b64(i.ID), Secret: b64(i.Secret), Body: b64(body)}
	}
	accept := func(name, verdict string, l invite.Link, self invite.Introduction, kid string, k webid.PrivateKey) acceptanceCase {
		p, err := l.Accept(self, kid, k)
		if err != nil {
			t.Fatal(err)
		}
		return one(name, verdict, p.Body)
	}
	l := theLink(t)
	changed := func(change func(*invite.Link)) invite.Link {
		c := theLink(t)
		change(&c)
		return c
	}
	whole := accept("an acceptance", "success", l, self, "k1", agree)
	body := unb64(t, whole.Body)
	silent := self
	silent.Name, silent.Ways = "", nil
	talker := self
	talker.Name = strings.Repeat("x", 161)
	lost := self
	lost.Ways = []webid.Way{{Pod: "https://host.example/ben", Issuer: "https://host.example"}}
	hidden := self
	hidden.Ways = []webid.Way{{Relay: "https://relay.example/", Send: b64(scalar("send")[:24])}, {Relay: "https://other.example/", Send: b64(scalar("other send")[:24])}}
	keyless := self
	keyless.Lists.Keys = webid.KeysDocument{}
	altered := func(at int) []byte {
		b := append([]byte{}, body...)
		b[at] ^= 1
		return b
	}
	return []acceptanceCase{
		whole,
		accept("an acceptance without a name and a way", "success", l, silent, "k1", agree),
		accept("another secret", "bad proof", changed(func(l *invite.Link) { l.Secret = scalar("guess")[:16] }), self, "k1", agree),
		accept("an agreement key of somebody else", "bad binding", l, self, "k1", ana.key(t, "k1")),
		accept("an agreement key that the document does not name", "bad binding", l, self, "k2", agree),
		accept("sealed to another key", "malformed", changed(func(l *invite.Link) { l.Key = key(t, "guess").Public() }), self, "k1", agree),
		accept("sealed for another invite", "malformed", changed(func(l *invite.Link) { l.ID = scalar("guess")[:16] }), self, "k1", agree),
		accept("a name of 161 bytes", "malformed", l, talker, "k1", agree),
		accept("a way whose pod has no slash at its end", "malformed", l, lost, "k1", agree),
		accept("no keys document", "malformed", l, keyless, "k1", agree),
		one("an altered first byte", "malformed", altered(0)),
		one("an altered key", "malformed", altered(40)),
		one("an altered end", "malformed", altered(len(body)-1)),
		one("cut off", "malformed", body[:len(body)-1]),
		one("the key alone", "malformed", body[:65]),
		one("nothing", "malformed", nil),
		accept("an acceptance by somebody with a long chain", "success", l, ben.later(t, 20), "k1", agree),
		one("an acceptance put together by hand", "success", sealedTo(t, i, ben.told(t, ben.firstList(t)), agree)),
		one("a later device list without those before", "no chain", sealedTo(t, i, ben.told(t, ben.list(t, "phone", ben.after(t, ben.firstList(t), nil))), agree)),
		one("an impostor's device list", "not signed by an admin", sealedTo(t, i, ben.told(t, ben.list(t, "tablet", ben.after(t, ben.firstList(t), nil))+"~"+ben.firstList(t)), agree)),
		accept("an acceptance by somebody behind two relays", "success", l, hidden, "k1", agree),
	}
}

// confirmationCases are Ana's answers to Ben.
func confirmationCases(t *testing.T) []confirmationCase {
	cryptotest.SetGlobalRandom(t, 2)
	i, l := theInvite(t), theLink(t)
	p, err := l.Accept(ben.introduction(t), "k1", ben.key(t, "k1"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := i.Open(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	whole := invite.Confirmation{Introduction: ana.introduction(t), CID: cid, WebID: card + "#me", Salt: scalar("salt")}
	confirm := func(name, verdict string, change func(*invite.Confirmation)) confirmationCase {
		c := whole
		change(&c)
		body, err := a.Confirm(c)
		if err != nil {
			t.Fatal(err)
		}
		return confirmationCase{head: head{name, verdict}, Key: b64(p.Key), ID: b64(i.ID), Label: l.Label, Body: b64(body)}
	}
	byHand := func(name, verdict, list string) confirmationCase {
		told := with(ana.told(t, list), header{"cid": cid, "webid": whole.WebID, "salt": b64(whole.Salt)})
		return confirmationCase{head: head{name, verdict}, Key: b64(p.Key), ID: b64(i.ID), Label: l.Label, Body: b64(closed(t, p.Key, i.ID, told))}
	}
	good := confirm("a confirmation", "success", func(*invite.Confirmation) {})
	altered, elsewhere, other := good, good, good
	altered.Name, altered.Verdict, altered.Body = "an altered body", "malformed", flipped(good.Body)
	elsewhere.Name, elsewhere.Verdict, elsewhere.ID = "for another invite", "malformed", b64(scalar("guess")[:16])
	other.Name, other.Verdict, other.Key = "under another key", "malformed", b64(scalar("guess")[:16])
	return []confirmationCase{
		good, altered, elsewhere, other,
		confirm("by somebody else", "wrong label", func(c *invite.Confirmation) { c.Introduction = ben.introduction(t) }),
		confirm("a salt of 31 bytes", "malformed", func(c *invite.Confirmation) { c.Salt = c.Salt[:31] }),
		confirm("a WebID that is none", "malformed", func(c *invite.Confirmation) { c.WebID = "ben" }),
		confirm("a cid of 65 characters", "malformed", func(c *invite.Confirmation) { c.CID = strings.Repeat("a", 65) }),
		confirm("a confirmation by somebody with a long chain", "success", func(c *invite.Confirmation) { c.Introduction = ana.later(t, 20) }),
		byHand("a confirmation put together by hand", "success", ana.firstList(t)),
		byHand("a later device list without those before", "no chain", ana.list(t, "phone", ana.after(t, ana.firstList(t), nil))),
		byHand("an impostor's device list", "not signed by an admin", ana.list(t, "tablet", ana.after(t, ana.firstList(t), nil))+"~"+ana.firstList(t)),
	}
}

func wordsCases(t *testing.T) []wordsCase {
	a, b := ana.key(t, "person").Public().Label(), ben.key(t, "person").Public().Label()
	return []wordsCase{
		{head: head{"two labels", "success"}, Labels: [2]string{a, b}},
		{head: head{"the same two the other way round", "success"}, Labels: [2]string{b, a}},
		{head: head{"two others", "success"}, Labels: [2]string{a, key(t, "eve person").Public().Label()}},
	}
}
