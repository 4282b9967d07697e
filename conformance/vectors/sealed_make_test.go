package vectors_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"kith/sealed"
	"kith/sealed/bhttp"
	"kith/webid"
)

// sealedNow is when the messages arrive, half an hour after they were made.
const sealedNow = 1795348800

var sealedSalt = scalar("pair salt")

func labelOf(t *testing.T, p person) string { return p.key(t, "person").Public().Label() }

func textOf(t *testing.T, k webid.PrivateKey) string {
	t.Helper()
	text, err := k.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// thePlace is Ana's phone: two agreement keys, the newer first, and the key of an
// invite. It knows Ben and Ana's laptop.
func thePlace(t *testing.T) place {
	own := sealed.OwnSalt(labelOf(t, ana))
	return place{
		Label: labelOf(t, ana), Now: sealedNow,
		Keys: []string{textOf(t, ana.key(t, "k2")), textOf(t, ana.key(t, "k1")), textOf(t, key(t, "invite key"))},
		People: []knownKey{
			{labelOf(t, ben), "k1", ben.did(t, "k1"), b64(sealedSalt), "contact"},
			{labelOf(t, ana), "laptop", ana.did(t, "laptop k1"), b64(own), "device"},
		},
	}
}

func fieldsOf(p pairs) (all []bhttp.Field) {
	for _, line := range p {
		all = append(all, bhttp.Field{Name: line[0], Value: line[1]})
	}
	return all
}

func moment(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// stamps are the lines that a sound request has, in the name of as.
func stamps(t *testing.T, as string) pairs {
	p := pairs{
		{"kith-created", moment(sealedNow - 1800)},
		{"kith-expires", moment(sealedNow + 86400)},
		{"kith-nonce", b64(scalar("nonce")[:16])},
	}
	switch as {
	case "contact":
		return append(pairs{{"kith-from", labelOf(t, ben) + " k1"}}, p...)
	case "device":
		return append(pairs{{"kith-from", labelOf(t, ana) + " laptop"}}, p...)
	}
	return p
}

// stamped returns the inner text of a request to the place.
func stamped(t *testing.T, at place, as, method, path string, header pairs, content []byte) []byte {
	return bhttp.Request{
		Method: method, Scheme: "https", Authority: at.Label + ".kith.invalid", Path: path,
		Header: fieldsOf(append(stamps(t, as), header...)), Content: content,
	}.Append(nil)
}

// parcelFrom returns a sound envelope of inner, in the name of as.
func parcelFrom(t *testing.T, as string, inner []byte) parcel {
	p := parcel{first: [4]byte{1, 0, 1, 4}, to: []webid.Key{ana.key(t, "k2").Public()}, inner: inner}
	p.size = 1024
	for _, larger := range []int{4096, 16384, 65536} {
		if p.size < len(inner)+4+520+16 {
			p.size = larger
		}
	}
	for p.size < len(inner)+4+520+16*(1+p.size/65536) {
		p.size += 65536
	}
	switch as {
	case "contact":
		k := ben.key(t, "k1")
		p.from, p.salt = &k, sealedSalt
	case "device":
		k := ana.key(t, "laptop k1")
		p.from, p.salt = &k, sealed.OwnSalt(labelOf(t, ana))
	}
	return p
}

// transported returns what Ben's Transport makes of a request.
func transported(t *testing.T, to []webid.AgreementKey, r *http.Request, reply string) []byte {
	t.Helper()
	tr := sealed.Transport{
		To: to, Label: labelOf(t, ana), Reply: reply, Now: func() time.Time { return time.Unix(sealedNow-1800, 0) },
		From: &sealed.Sender{Label: labelOf(t, ben), KID: "k1", Key: ben.key(t, "k1"), Salt: sealedSalt},
	}
	message, _, err := tr.Seal(r)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func asking(t *testing.T, method, path, content string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "https://"+labelOf(t, ana)+".kith.invalid"+path, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func messageCases(t *testing.T) []messageCase {
	cryptotest.SetGlobalRandom(t, 4)
	var all []messageCase
	all = append(all, soundMessages(t)...)
	all = append(all, brokenMessages(t)...)
	all = append(all, brokenRequests(t)...)
	return append(all, strangeSenders(t)...)
}

// made returns a function that makes cases at the place.
func made(t *testing.T, verdict string) func(name string, message []byte) messageCase {
	return func(name string, message []byte) messageCase {
		return messageCase{head: head{name, verdict}, place: thePlace(t), Message: b64(message)}
	}
}

func soundMessages(t *testing.T) []messageCase {
	good := made(t, "success")
	at := thePlace(t)
	to := func(names ...string) (keys []webid.AgreementKey) {
		for _, name := range names {
			keys = append(keys, webid.AgreementKey{Kid: name, Device: ana.did(t, "phone"), Key: ana.key(t, name).Public()})
		}
		return keys
	}
	const queue = "https://relay.example/s/AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	get := func(header ...string) *http.Request { return asking(t, "GET", "/social/door", "", header...) }
	slots := func(as string, inner []byte, change func(*parcel)) []byte {
		p := parcelFrom(t, as, inner)
		change(&p)
		return p.seal(t)
	}
	door := stamped(t, at, "contact", "GET", "/social/door", nil, nil)
	early := at
	early.Label = ""
	pairing := messageCase{head: head{"a phone that pairs with a pod that has no owner", "success"}, place: early}
	pairing.Message = b64(slots("anonymous", stamped(t, at, "anonymous", "POST", "/.pair", pairs{{"content-type", "application/json"}}, []byte(`{"secret":"x"}`)), func(*parcel) {}))
	filled := func(size int) []byte {
		r := stamped(t, at, "contact", "GET", "/social/door", pairs{{"if-none-match", ""}}, nil)
		return stamped(t, at, "contact", "GET", "/social/door", pairs{{"if-none-match", strings.Repeat("x", size-len(r)-1)}}, nil)
	}
	chunked := append([]byte{2, 3}, "GET\x05https\x40\x41"+at.Label+".kith.invalid\x0c/social/door"...)
	for _, line := range stamps(t, "contact") {
		chunked = append(append(chunked, byte(len(line[0]))), line[0]...)
		chunked = append(append(chunked, 0x40, byte(len(line[1]))), line[1]...)
	}
	chunked = append(chunked, 0, 0, 0)
	when := func(name string, now int64) messageCase {
		c := good(name, parcelFrom(t, "contact", door).seal(t))
		c.Now = now
		return c
	}
	return []messageCase{
		good("a friend asks for the door", transported(t, to("k2"), get(), "")),
		good("a friend asks two devices, and leaves where to answer", transported(t, to("other", "k2"), get("Kith-Seen", "cursor"), queue)),
		good("a friend asks eight devices", transported(t, to("a", "b", "c", "d", "e", "f", "g", "k2"), get(), "")),
		good("a friend seals to the older of two keys", transported(t, to("k1"), get(), "")),
		good("a friend asks for a part of a video", transported(t, to("k2"), asking(t, "GET", "/social/posts/2026-11-22-abc/1.mp4", "",
			"Range", "bytes=524288-1048575", "If-Range", `"abc"`, "Kith-Seen", strings.Repeat("c", 120), "Accept", "video/mp4", "Authorization", "DPoP x"), queue)),
		good("a friend leaves a comment", transported(t, to("k2"), asking(t, "PUT", "/social/in/a2b3c4d5e6f7a2b3c4d5/n1", `{"type":"Create"}`,
			"If-None-Match", "*", "Content-Type", "application/ld+json"), queue)),
		good("content of 70,000 bytes is in two chunks", transported(t, to("k2"), asking(t, "PUT", "/social/in/a2b3c4d5e6f7a2b3c4d5/n1",
			strings.Repeat("kith 70k ", 7778)[:70000], "If-None-Match", "*", "Content-Type", "text/plain"), "")),
		good("a device of the owner asks for changes", slots("device", stamped(t, at, "device", "GET", "/.replica?after=7&wait=25", nil, nil), func(*parcel) {})),
		good("somebody accepts an invite", slots("anonymous", stamped(t, at, "anonymous", "POST", "/.invites/AAECAwQFBgcICQoLDA0ODw", nil, []byte("sealed")), func(p *parcel) {
			p.to = []webid.Key{key(t, "invite key").Public()}
		})),
		pairing,
		good("a recipient in the last slot", slots("contact", door, func(p *parcel) {
			p.to = []webid.Key{key(t, "a").Public(), key(t, "b").Public(), key(t, "c").Public(), ana.key(t, "k2").Public()}
		})),
		good("a request that fills its message", slots("contact", filled(484), func(*parcel) {})),
		good("a request that just does not fill it", slots("contact", filled(483), func(*parcel) {})),
		good("one byte more takes 4 KiB", slots("contact", filled(485), func(*parcel) {})),
		good("more room than it needs", slots("contact", door, func(p *parcel) { p.size = 16384 })),
		good("a request of indeterminate length", slots("contact", chunked, func(*parcel) {})),
		good("fields that do not go along", slots("contact", stamped(t, at, "contact", "GET", "/social/feed?limit=5", pairs{
			{"host", "other.example"}, {"authorization", "DPoP x"}, {"dpop", "y"}, {"cookie", "a=b"}, {"accept", "text/turtle"}, {"origin", "null"},
			{"x-forwarded-for", "10.0.0.1"}, {"if-none-match", `"a"`}, {"kith-seen", "c"}, {"transfer-encoding", "chunked"}, {"range", "bytes=0-1,5-6"},
		}, nil), func(*parcel) {})),
		when("one that was made an hour ahead", sealedNow-1800-3600),
		when("one in its last second", sealedNow+86400-1),
	}
}

// brokenMessages are envelopes that were damaged, or that no sender makes.
func brokenMessages(t *testing.T) []messageCase {
	at := thePlace(t)
	door := stamped(t, at, "contact", "GET", "/social/door", nil, nil)
	whole := parcelFrom(t, "contact", door).seal(t)
	long := parcelFrom(t, "contact", door)
	long.size = 4096
	larger := long.seal(t)
	other := parcelFrom(t, "contact", door).seal(t)
	bad := func(name, verdict string, change func(*parcel)) messageCase {
		p := parcelFrom(t, "contact", door)
		change(&p)
		return made(t, verdict)(name, p.seal(t))
	}
	set := func(name, verdict string, of []byte, at int, c byte) messageCase {
		m := bytes.Clone(of)
		m[at] = c
		return made(t, verdict)(name, m)
	}
	flip := func(name, verdict string, at int) messageCase { return set(name, verdict, whole, at, whole[at]^1) }
	malformed := made(t, "malformed")
	over := made(t, "oversize")("one beyond 1 MiB and 64 KiB", whole)
	over.Zeros = 18<<16 - len(whole)
	zeros := malformed("only zeros after 32 KiB", nil)
	zeros.Zeros = 32 << 10
	moved := append(append(append(append([]byte{}, whole[:4]...), whole[4+129:4+258]...), whole[4:4+129]...), whole[4+258:]...)
	return []messageCase{
		malformed("nothing", nil),
		malformed("one byte", whole[:1]),
		malformed("cut off by a byte", whole[:len(whole)-1]),
		malformed("a byte too long", append(bytes.Clone(whole), 0)),
		malformed("cut off after its head", whole[:520]),
		malformed("a size that no message has", larger[:2048]),
		zeros,
		made(t, "damaged")("cut off to another size", larger[:1024]),
		made(t, "damaged")("made longer to another size", append(bytes.Clone(whole), make([]byte, 3072)...)),
		over,
		set("version 0", "other version", whole, 0, 0),
		set("version 2", "other version", whole, 0, 2),
		set("suite 0", "unknown suite", whole, 2, 0),
		set("suite 2", "unknown suite", whole, 2, 2),
		set("suite 257", "unknown suite", whole, 1, 1),
		set("no slots", "malformed", whole, 3, 0),
		set("three slots", "malformed", whole, 3, 3),
		set("five slots", "malformed", larger, 3, 5),
		set("255 slots", "malformed", larger, 3, 255),
		set("more slots than there is room", "malformed", whole, 3, 8),
		set("eight slots where four were sealed", "no slot", larger, 3, 8),
		flip("the first byte of the encapsulated key changed", "no slot", 4),
		flip("the last byte of the encapsulated key changed", "no slot", 4+64),
		flip("the first byte of the slot changed", "no slot", 4+65),
		flip("the tag of the slot changed", "no slot", 4+128),
		flip("an empty slot changed", "damaged", 4+3*129+100),
		flip("the first byte of the body changed", "damaged", 520),
		flip("the last byte of the body changed", "damaged", 1023),
		made(t, "no slot")("the slots in another order", moved),
		made(t, "damaged")("the slot of one message before the body of another", append(bytes.Clone(whole[:520]), other[520:]...)),
		bad("a slot sealed for another place", "no slot", func(p *parcel) { p.index = map[int]int{0: 1} }),
		bad("sealed to somebody else", "no slot", func(p *parcel) { p.to = []webid.Key{ben.key(t, "k1").Public()} }),
		bad("padding that is no zeros", "malformed", func(p *parcel) { p.padding = 1 }),
		bad("a length beyond the message", "malformed", func(p *parcel) { p.length = 1024 }),
		bad("a length that cuts the request off", "malformed", func(p *parcel) { p.length = -30 }),
	}
}

// brokenRequests are in sound envelopes.
func brokenRequests(t *testing.T) []messageCase {
	at := thePlace(t)
	seal := func(name, verdict string, inner []byte) messageCase {
		return made(t, verdict)(name, parcelFrom(t, "contact", inner).seal(t))
	}
	raw := func(name, verdict string, change func(*bhttp.Request)) messageCase {
		r := bhttp.Request{Method: "GET", Scheme: "https", Authority: at.Label + ".kith.invalid", Path: "/social/door", Header: fieldsOf(stamps(t, "contact"))}
		change(&r)
		return seal(name, verdict, r.Append(nil))
	}
	line := func(name, verdict, field string, values ...string) messageCase {
		return raw(name, verdict, func(r *bhttp.Request) {
			r.Header = slices.DeleteFunc(r.Header, func(f bhttp.Field) bool { return f.Name == field })
			for _, v := range values {
				r.Header = append(r.Header, bhttp.Field{Name: field, Value: v})
			}
		})
	}
	const send, id = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", " AAECAwQFBgcICQoLDA0ODw"
	nonce := b64(scalar("nonce")[:16])
	reply := func(name, value string) messageCase { return line(name, "malformed", "kith-reply", value) }
	return []messageCase{
		seal("no request inside", "malformed", []byte("GET /social/door HTTP/1.1\r\n\r\n")),
		seal("nothing inside", "malformed", nil),
		seal("a response inside", "malformed", bhttp.Response{Status: 200}.Append(nil)),
		raw("for another person", "misdirected", func(r *bhttp.Request) { r.Authority = labelOf(t, ben) + ".kith.invalid" }),
		raw("for the label in capitals", "misdirected", func(r *bhttp.Request) { r.Authority = strings.ToUpper(at.Label) + ".kith.invalid" }),
		raw("for a host", "malformed", func(r *bhttp.Request) { r.Authority = "host.example" }),
		raw("for nobody", "malformed", func(r *bhttp.Request) { r.Authority = ".kith.invalid" }),
		raw("for a port", "malformed", func(r *bhttp.Request) { r.Authority += ":443" }),
		raw("not https", "malformed", func(r *bhttp.Request) { r.Scheme = "http" }),
		raw("a path that is a URL", "malformed", func(r *bhttp.Request) { r.Method, r.Path = "OPTIONS", "*" }),
		raw("a path with half an escape", "malformed", func(r *bhttp.Request) { r.Path = "/social/%f" }),
		line("no time", "malformed", "kith-created"),
		line("two times", "malformed", "kith-created", moment(sealedNow-1800), moment(sealedNow-1800)),
		line("a time in another zone", "malformed", "kith-created", "2026-11-22T10:00:00+00:00"),
		line("a time with a fraction", "malformed", "kith-created", "2026-11-22T10:00:00.5Z"),
		line("a time that is none", "malformed", "kith-created", "yesterday"),
		line("no end", "malformed", "kith-expires"),
		line("an end before its time", "malformed", "kith-expires", moment(sealedNow-1801)),
		line("an end at its time", "malformed", "kith-expires", moment(sealedNow-1800)),
		line("a life of 14 days and a second", "malformed", "kith-expires", moment(sealedNow-1800+14*86400+1)),
		line("no nonce", "malformed", "kith-nonce"),
		line("a nonce of 15 bytes", "malformed", "kith-nonce", nonce[:20]),
		line("a nonce with padding", "malformed", "kith-nonce", nonce+"=="),
		line("a nonce spelt in another way", "malformed", "kith-nonce", nonce[:21]+"_"),
		line("a sender without a key", "malformed", "kith-from", labelOf(t, ben)),
		line("a sender without a label", "malformed", "kith-from", " k1"),
		line("two senders", "malformed", "kith-from", labelOf(t, ben)+" k1", labelOf(t, ben)+" k1"),
		reply("a way back without an id", "https://relay.example/s/"+send),
		reply("a way back with half an id", "https://relay.example/s/"+send+id[:12]),
		reply("a way back that is no URL", "relay.example/s/"+send+id),
		reply("a way back by another scheme", "ftp://relay.example/s/"+send+id),
		reply("a way back with credentials", "https://a:b@relay.example/s/"+send+id),
		reply("a way back with a query", "https://relay.example/s/"+send+"?a=b"+id),
		reply("a way back to a send id of 23 bytes", "https://relay.example/s/"+send[:30]+"w"+id),
		reply("a way back to something else", "https://relay.example/q/"+send+id),
		line("one made more than an hour ahead", "future-dated", "kith-created", moment(sealedNow+3601)),
		raw("one made ten years ahead", "future-dated", func(r *bhttp.Request) { dated(r, sealedNow+3650*86400) }),
		raw("one made ten years ago", "expired", func(r *bhttp.Request) { dated(r, sealedNow-3650*86400) }),
		line("one that ends this second", "expired", "kith-expires", moment(sealedNow)),
	}
}

// dated sets both times of a request.
func dated(r *bhttp.Request, created int64) {
	for i, f := range r.Header {
		switch f.Name {
		case "kith-created":
			r.Header[i].Value = moment(created)
		case "kith-expires":
			r.Header[i].Value = moment(created + 14*86400)
		}
	}
}

// strangeSenders are not who they say they are.
func strangeSenders(t *testing.T) []messageCase {
	at := thePlace(t)
	door := stamped(t, at, "contact", "GET", "/social/door", nil, nil)
	from := func(name, verdict string, inner []byte, change func(*parcel)) messageCase {
		p := parcelFrom(t, "contact", inner)
		change(&p)
		return made(t, verdict)(name, p.seal(t))
	}
	by := func(from string) []byte {
		h := stamps(t, "contact")
		h[0][1] = from
		return bhttp.Request{Method: "GET", Scheme: "https", Authority: at.Label + ".kith.invalid", Path: "/social/door", Header: fieldsOf(h)}.Append(nil)
	}
	same := func(*parcel) {}
	signer := func(name string) func(*parcel) {
		k := key(t, name)
		return func(p *parcel) { p.from = &k }
	}
	stranger := thePlace(t)
	stranger.People = nil
	blocked := from("somebody who is blocked, or was never known", "unknown sender", door, same)
	blocked.place = stranger
	paired := from("an anonymous mac that is no zeros", "bad mac", stamped(t, at, "anonymous", "POST", "/.pair", nil, nil), same)
	unowned := from("a friend of a pod that has no owner", "misdirected", door, same)
	unowned.Label = ""
	return []messageCase{
		blocked, paired, unowned,
		from("an unknown label", "unknown sender", by(labelOf(t, "eve")+" k1"), signer("eve k1")),
		from("an unknown key of a friend", "unknown sender", by(labelOf(t, ben)+" k2"), signer("ben k2")),
		from("a friend's name on a stranger's message", "bad mac", door, signer("eve k1")),
		from("a device's name on a friend's message", "bad mac", stamped(t, at, "device", "GET", "/.replica", nil, nil), same),
		from("another pair's salt", "bad mac", door, func(p *parcel) { p.salt = scalar("other salt") }),
		from("a mac of zeros under a friend's name", "bad mac", door, func(p *parcel) { p.mac = make([]byte, 32) }),
		from("a mac for another request", "bad mac", door, func(p *parcel) {
			_, point := dhkem(t, p.to[0])
			p.mac = pairMAC(t, ben.key(t, "k1"), point, sealedSalt, make([]byte, 65), []byte("other"))
		}),
		from("a message that its recipient sealed to somebody else", "bad mac", door, func(p *parcel) {
			_, point := dhkem(t, ben.key(t, "k2").Public())
			p.mac = pairMAC(t, ben.key(t, "k1"), point, sealedSalt, make([]byte, 65), door)
		}),
	}
}

func answerCases(t *testing.T) []answerCase {
	cryptotest.SetGlobalRandom(t, 5)
	first, second := key(t, "ana phone"), key(t, "ana pod")
	slot := func(name string, k webid.PrivateKey) (answerSlot, opened) {
		point, err := key(t, name).ECDH()
		if err != nil {
			t.Fatal(err)
		}
		o := opened{enc: point.PublicKey().Bytes(), secret: scalar(name + " secret")}
		return answerSlot{k.Public().String(), b64(o.enc), b64(o.secret)}, o
	}
	s1, o1 := slot("slot 1", first)
	s2, o2 := slot("slot 2", second)
	s3, o3 := slot("slot 3", second)
	s3.Device = ""
	id, nonce := scalar("reply id")[:16], scalar("answer nonce")
	response := func(by string, content []byte, more ...bhttp.Field) []byte {
		r := bhttp.Response{Status: 200, Header: append([]bhttp.Field{{Name: "content-type", Value: "text/plain"}, {Name: "etag", Value: `"abc"`}}, more...), Content: content}
		if by != "" {
			r.Header = append(r.Header, bhttp.Field{Name: "kith-by", Value: by})
		}
		return r.Append(nil)
	}
	one := func(name, verdict string, answer []byte) answerCase {
		return answerCase{head: head{name, verdict}, ID: b64(id), Slots: []answerSlot{s1, s2, s3}, Answer: b64(answer)}
	}
	by1, by2 := s1.Device, s2.Device
	whole := sealAnswer(t, o1, id, nonce, response(by1, []byte("Hello.")), 1024)
	flip := func(name string, at int) answerCase {
		m := bytes.Clone(whole)
		m[at] ^= 1
		return one(name, "no answer", m)
	}
	direct := one("an answer to who waits", "success", sealAnswer(t, o1, make([]byte, 16), nonce, response(by1, []byte("Hello.")), 1024))
	direct.ID = b64(make([]byte, 16))
	over := one("one beyond 1 MiB and 64 KiB", "no answer", whole)
	over.Zeros = 18<<16 - 1024
	return []answerCase{
		one("an answer of the first device", "success", whole),
		one("an answer of the second device", "success", sealAnswer(t, o2, id, nonce, response(by2, []byte("Hello.")), 1024)),
		one("an answer to a key without a device", "success", sealAnswer(t, o3, id, nonce, response(by2, nil), 1024)),
		one("an answer to a key without a device, which names none", "success", sealAnswer(t, o3, id, nonce, response("", nil), 1024)),
		direct,
		one("fields that do not go back", "success", sealAnswer(t, o1, id, nonce, response(by1, nil, bhttp.Field{Name: "set-cookie", Value: "a=b"},
			bhttp.Field{Name: "last-modified", Value: "Sun, 22 Nov 2026 12:00:00 GMT"}, bhttp.Field{Name: "kith-version", Value: "7.did:key:x"}), 1024)),
		one("content of 4,000 bytes", "success", sealAnswer(t, o1, id, nonce, response(by1, bytes.Repeat([]byte("kith"), 1000)), 16384)),
		one("content of 66,000 bytes is in two chunks", "success", sealAnswer(t, o1, id, nonce, response(by1, bytes.Repeat([]byte("answer"), 11000)), 131072)),
		one("nothing", "no answer", nil),
		one("cut off by a byte", "no answer", whole[:1023]),
		one("a byte too long", "no answer", append(bytes.Clone(whole), 0)),
		over,
		flip("another reply id", 0), flip("another nonce", 16), flip("the first byte of the body changed", 48), flip("the last byte changed", 1023),
		one("sealed under the secret of another message", "no answer", sealAnswer(t, opened{enc: o1.enc, secret: scalar("other secret")}, id, nonce, response(by1, nil), 1024)),
		one("in the name of a device that did not open it", "no answer", sealAnswer(t, o2, id, nonce, response(by1, nil), 1024)),
		one("in no name", "no answer", sealAnswer(t, o2, id, nonce, response("", nil), 1024)),
		one("in two names", "no answer", sealAnswer(t, o2, id, nonce, response(by2, nil, bhttp.Field{Name: "kith-by", Value: by2}), 1024)),
		one("no response inside", "no answer", sealAnswer(t, o1, id, nonce, []byte("HTTP/1.1 200 OK\r\n\r\n"), 1024)),
		one("a request inside", "no answer", sealAnswer(t, o1, id, nonce, bhttp.Request{Method: "GET", Scheme: "https", Path: "/"}.Append(nil), 1024)),
	}
}

func targetCases(t *testing.T) []targetCase {
	var all []targetCase
	add := func(status int, as, method, path string, header ...string) *targetCase {
		c := targetCase{head: head{fmt.Sprintf("%s: %s %s", as, method, path), "success"}, As: as, Method: method, Path: path, Status: status}
		if status != 0 {
			c.Verdict = "refused"
		}
		for i := 0; i < len(header); i += 2 {
			c.Header = append(c.Header, [2]string{header[i], header[i+1]})
		}
		all = append(all, c)
		return &all[len(all)-1]
	}
	const inbox = "/social/in/a2b3c4d5e6f7a2b3c4d5/n1"
	fresh := []string{"if-none-match", "*"}
	for _, as := range []string{"contact", "device"} {
		add(0, as, "GET", "/social/door")
		add(0, as, "HEAD", "/social/door")
		add(0, as, "GET", "/social/feed?cursor=x&wait=25")
		add(0, as, "GET", "/social/posts/")
		add(0, as, "GET", "/social/posts/2026-11-22-a%20b/1.webp", "range", "bytes=0-")
		add(0, as, "GET", inbox)
		add(0, as, "POST", "/.hint")
		for _, path := range []string{
			"/", "/token", "/register", "/.well-known/lws-configuration", "/contacts/a2b3c4d5e6f7a2b3c4d5/card", "/circles/", "/settings/relays", "/profile/card",
			"/profile/devices", "/inbox/", "/.storage", "/.channels/websocket", "/.elsewhere/", "/.grants/", "/.passkeys", "/.dav/", "/.trouble/", "/.trouble/x", "/.backups/", "/.passwords/", "/.backups/a/b", "/.sealed", "/.pair", "/.acl",
			"/social/.acl", "/social/posts/x/.acl", "/social/posts/x/post.jsonld.acl", "/social/posts/x/post.jsonld.meta", "/social/posts/.hidden",
			"/social/%2eacl", "/social//door", "/social/./door", "/social/../settings/relays", "/social/%2e%2e/settings/relays", "/social%2fdoor", "/social/a%2fb",
			"/social/a%5cb", "/social/a%00", "//social/door", "/Social/door", "/social/posts/x/post.jsonld%2eacl", "/social.", "/.hint/",
		} {
			add(403, as, "GET", path)
		}
		for _, method := range []string{"POST", "DELETE", "PATCH", "OPTIONS", "QUERY"} {
			add(405, as, method, "/social/posts/")
		}
		add(405, as, "PUT", "/social/posts/x/post.jsonld", fresh...)
		add(405, as, "GET", "/.hint")
		add(403, as, "CONNECTX", "/token")
	}
	add(0, "contact", "POST", "/.rtc", "content-type", "application/sdp")
	add(405, "contact", "GET", "/.rtc")
	add(403, "contact", "POST", "/.rtc/x")
	add(403, "device", "POST", "/.rtc")
	add(0, "contact", "PUT", inbox, fresh...)
	add(428, "contact", "PUT", inbox).Name += " over what is there"
	add(428, "contact", "PUT", inbox, "if-none-match", `"a"`).Name += " under another condition"
	add(405, "contact", "PUT", "/social/in/a2b3c4d5e6f7a2b3c4d5/", fresh...)
	add(405, "contact", "PUT", "/social/in/a2b3c4d5e6f7a2b3c4d5/a/b", fresh...)
	add(403, "contact", "PUT", "/social/in/a2b3c4d5e6f7a2b3c4d5/.acl", fresh...)
	large := add(0, "contact", "PUT", inbox, fresh...)
	large.Name, large.Size = "contact: a message of 256 KiB", 256<<10
	large = add(413, "contact", "PUT", inbox, fresh...)
	large.Name, large.Size = "contact: a message beyond 256 KiB", 256<<10+1
	for _, path := range []string{"/.replica", "/.replica/", "/.replica?after=1", "/.replica/settings/relays", "/.replica/social/posts/x/.acl", "/.invites/", "/.invites/x", "/.pair/links", "/.push", "/.hints?after=1&wait=25",
		"/.trouble", "/.backups", "/.passwords", "/.elsewhere", "/.grants"} {
		add(0, "device", "GET", path)
		add(403, "contact", "GET", path)
		if path != "/.invites/x" {
			add(401, "anonymous", "GET", path)
		}
	}
	add(405, "anonymous", "GET", "/.invites/x")
	add(0, "device", "PUT", "/.replica/social/posts/x/post.jsonld", "kith-version", "7.did:key:x", "content-type", "application/ld+json")
	add(0, "device", "DELETE", "/.replica/social/posts/x/")
	add(405, "device", "POST", "/.replica/x")
	add(0, "device", "POST", "/.invites/")
	add(0, "device", "DELETE", "/.invites/x")
	add(0, "device", "POST", "/.pair/links")
	add(0, "device", "PUT", "/.push")
	for _, of := range [][2]string{{"POST", "/.keys"}, {"POST", "/.trouble/deletions"}, {"POST", "/.backups"}, {"POST", "/.backups/run"}, {"DELETE", "/.backups/x"},
		{"POST", "/.passwords"}, {"DELETE", "/.passwords/x"}, {"PUT", "/.elsewhere"}, {"DELETE", "/.grants/x"}} {
		add(0, "device", of[0], of[1])
		add(405, "device", "PATCH", of[1])
		add(403, "contact", of[0], of[1])
		add(401, "anonymous", of[0], of[1])
	}
	add(405, "device", "PUT", inbox, fresh...)
	large = add(0, "device", "PUT", "/.replica/social/posts/x/1.webp")
	large.Name, large.Size = "device: a picture of 1,000,000 bytes", 1000000
	add(0, "anonymous", "POST", "/.pair")
	add(0, "anonymous", "POST", "/.invites/AAECAwQFBgcICQoLDA0ODw")
	add(401, "anonymous", "POST", "/.invites/")
	add(401, "anonymous", "GET", "/social/door")
	add(401, "anonymous", "POST", "/.hint")
	add(401, "anonymous", "POST", "/.rtc")
	add(401, "anonymous", "POST", "/.pair/links")
	add(401, "anonymous", "POST", "/token")
	add(405, "anonymous", "GET", "/.pair")
	return all
}

func onceCases(t *testing.T) []onceCase {
	cryptotest.SetGlobalRandom(t, 6)
	at := thePlace(t)
	const inbox = "/social/in/a2b3c4d5e6f7a2b3c4d5/n1"
	sealedBy := func(as, method, path, nonce string, expires int64) string {
		inner := bhttp.Request{Method: method, Scheme: "https", Authority: at.Label + ".kith.invalid", Path: path, Header: fieldsOf(append(stamps(t, as), [2]string{"if-none-match", "*"}))}
		for i, f := range inner.Header {
			switch f.Name {
			case "kith-nonce":
				inner.Header[i].Value = b64(scalar(nonce)[:16])
			case "kith-expires":
				inner.Header[i].Value = moment(expires)
			}
		}
		return b64(parcelFrom(t, as, inner.Append(nil)).seal(t))
	}
	put := func(nonce string) string { return sealedBy("contact", "PUT", inbox, nonce, sealedNow+86400) }
	one := func(name string, want []bool, steps ...onceStep) onceCase {
		return onceCase{head: head{name, "success"}, place: at, Steps: steps, Done: want}
	}
	now := func(message string) onceStep { return onceStep{sealedNow, message} }
	first := put("n1")
	return []onceCase{
		one("the same message twice", []bool{true, false}, now(first), now(first)),
		one("sealed anew with the same nonce", []bool{true, false, false}, now(put("n1")), now(put("n1")), now(put("n1"))),
		one("another nonce", []bool{true, true}, now(put("n1")), now(put("n2"))),
		one("in its last second", []bool{true, false}, now(first), onceStep{sealedNow + 86399, first}),
		one("reading is done again", []bool{true, true}, now(sealedBy("contact", "GET", "/social/door", "n1", sealedNow+86400)), now(sealedBy("contact", "GET", "/social/door", "n1", sealedNow+86400))),
		one("the nonce of somebody else", []bool{true, true}, now(sealedBy("contact", "POST", "/.hint", "n1", sealedNow+86400)), now(sealedBy("device", "POST", "/.hint", "n1", sealedNow+86400))),
		one("after the first has expired", []bool{true, true}, now(sealedBy("contact", "PUT", inbox, "n1", sealedNow+10)), onceStep{sealedNow + 10, put("n1")}),
	}
}
