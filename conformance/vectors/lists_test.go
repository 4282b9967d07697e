package vectors_test

import (
	"fmt"
	"strings"
	"testing"

	"kith/webid"
)

// leap is how far epochs may rise at once, and serials above the clock.
const leap = 1 << 32

func zeroX(t *testing.T) webid.Key {
	t.Helper()
	var k webid.Key
	if err := k.UnmarshalBinary(append(append([]byte{2}, make([]byte, 31)...), 5)); err != nil {
		t.Fatal(err)
	}
	return k
}

// listCases are all about Ana, who has pinned to her a first list.
func listCases(t *testing.T) []listCase {
	first := ana.firstList(t)
	second := ana.on(t, "phone", first, nil)
	cases := append(acceptedLists(t, first, second), outrankedLists(t, first, second)...)
	cases = append(cases, firstSights(t, first, second)...)
	return append(append(cases, brokenChains(t, first, second)...), brokenLists(t, first)...)
}

func acceptedLists(t *testing.T, first, second string) []listCase {
	good := func(name, pinned, list string) listCase {
		return listCase{head: head{name, "success"}, Pinned: pinned, List: list}
	}
	anew := header{"gen": 2, "epoch": 1, "devices": []header{ana.device(t, "tablet", "admin")}}
	renewed := ana.list(t, "person", ana.after(t, first, anew))
	third := ana.on(t, "phone", second, nil)
	return []listCase{
		good("the first list of a person, signed by the person key", "", first),
		good("a later list at first sight, with those before", "", third),
		good("the next epoch, signed by an admin", first, second),
		good("three epochs on", first, ana.on(t, "phone", third, nil)),
		good("an epoch that is skipped", first, ana.on(t, "phone", first, header{"epoch": 4})),
		good("an epoch that leaps as far as one may", first, ana.on(t, "phone", first, header{"epoch": 1 + leap})),
		good("a list by which its signer leaves", first, ana.on(t, "phone", first, header{"devices": []header{ana.device(t, "laptop", "admin")}})),
		good("a new generation, signed by the person key", first, renewed),
		good("a new generation outranks every epoch", second, renewed),
		good("a new generation that has gone on", second, ana.on(t, "tablet", renewed, nil)),
		good("a new generation without a predecessor", first, ana.list(t, "person", ana.after(t, first, with(anew, header{"prev": ""})))),
		good("a new generation that does not begin with epoch 1", second, ana.list(t, "person", ana.after(t, first, with(anew, header{"epoch": 3})))),
		good("the list that is pinned", first, first),
		good("the list that is pinned, signed again", first, signedAgain(t, first)),
		good("the list that is pinned, signed again, with those before", second, signedAgain(t, second)),
		good("the next epoch after one that is pinned with another signature", signedAgain(t, second), third),
		good("a list without devices", first, ana.on(t, "phone", first, header{"devices": []header{}})),
		good("members that mean nothing here", first, ana.on(t, "phone", first, header{"more": []int{1}})),
		good("sixteen devices", "", ana.list(t, "person", with(ana.first(t), header{"devices": devices(t, 16)}))),
		good("thirty-two lists", first, ana.reign(t, 32)),
	}
}

// signedAgain returns the same list with another signature that holds: with the
// signature (r, s) comes (r, n-s).
func signedAgain(t *testing.T, chain string) string {
	t.Helper()
	newest, before, found := strings.Cut(chain, "~")
	parts := strings.Split(newest, ".")
	again := parts[0] + "." + parts[1] + "." + b64(mirrored(unb64(t, parts[2])))
	if !found {
		return again
	}
	return again + "~" + before
}

func devices(t *testing.T, n int) []header {
	var out []header
	for i := range n {
		out = append(out, ana.device(t, fmt.Sprint("device ", i)))
	}
	return out
}

func outrankedLists(t *testing.T, first, second string) []listCase {
	const admin, fork = "not signed by an admin", "same epoch, different list"
	bad := func(name, verdict, pinned, list string) listCase {
		return listCase{head: head{name, verdict}, Pinned: pinned, List: list}
	}
	body := ana.after(t, first, nil)
	newcomer := header{"devices": []header{ana.device(t, "phone", "admin"), ana.device(t, "tablet", "admin")}}
	other, emptied := ana.on(t, "phone", first, newcomer), ana.on(t, "phone", first, header{"devices": []header{}})
	renewed := ana.list(t, "person", ana.after(t, first, header{"gen": 2, "epoch": 1}))
	return []listCase{
		bad("an older epoch", "stale", second, first),
		bad("an older generation", "stale", renewed, second),
		bad("another list of the epoch that is pinned", fork, second, other),
		bad("a later list that passes by the one that is pinned", fork, second, ana.on(t, "phone", other, nil)),
		bad("a later list that leaps over the one that is pinned", fork, second, ana.on(t, "phone", first, header{"epoch": 5})),
		bad("an older list that is not of the chain that is pinned", fork, ana.on(t, "phone", second, nil), other),
		bad("another list that opens the generation", fork, second, ana.list(t, "person", with(ana.first(t), newcomer))),
		bad("the next epoch, signed by a device that is no admin", admin, first, ana.list(t, "laptop", body)+"~"+first),
		bad("the next epoch, signed by the person key", admin, first, ana.list(t, "person", body)+"~"+first),
		bad("the next epoch, signed by an admin that only it names", admin, first, ana.list(t, "tablet", ana.after(t, first, newcomer))+"~"+first),
		bad("the next epoch, signed by somebody else", admin, first, jws(t, "ben phone", ben.listHead(t, "phone"), body)+"~"+first),
		bad("the next epoch, signed by an admin of the list before the last", admin, emptied, ana.list(t, "phone", ana.after(t, emptied, nil))+"~"+emptied),
		bad("the next epoch, without the one before", "no chain", first, ana.list(t, "phone", body)),
		bad("a new generation, signed by an admin", "no chain", first, ana.list(t, "phone", ana.after(t, first, header{"gen": 2, "epoch": 2}))),
		bad("the first epoch of a generation, signed by an admin", admin, first, ana.list(t, "phone", ana.after(t, first, header{"gen": 2, "epoch": 1}))),
		bad("a list of another person", "wrong label", first, ben.firstList(t)),
	}
}

// firstSights are lists that somebody else made, who knows all that is public.
func firstSights(t *testing.T, first, second string) []listCase {
	const admin = "not signed by an admin"
	bad := func(name, verdict, list string) listCase {
		return listCase{head: head{name, verdict}, List: list}
	}
	own := header{"devices": []header{ben.device(t, "phone", "admin")}}
	forged := func(payload header) string { return jws(t, "ben phone", ben.listHead(t, "phone"), payload) }
	impostors := ana.after(t, first, own)
	label := header{"label": ben.key(t, "person").Public().Label()}
	return []listCase{
		bad("a later list at first sight, without those before", "no chain", ana.list(t, "phone", ana.after(t, first, nil))),
		bad("an impostor's later list", "no chain", forged(impostors)),
		bad("an impostor's later list of a later generation", "no chain", forged(with(impostors, header{"gen": 2}))),
		bad("an impostor's later list on the person's first one", admin, forged(impostors)+"~"+first),
		bad("an impostor's later list on the person's second one", admin, forged(ana.after(t, second, own))+"~"+second),
		bad("an impostor's first list", admin, forged(with(ana.first(t), own))),
		bad("an impostor's first list that names the person key as its signer", "bad signature", jws(t, "ben phone", ana.listHead(t, "person"), with(ana.first(t), own))),
		bad("an impostor's first list under the person's label", "wrong label",
			jws(t, "ben person", ben.listHead(t, "person"), with(ben.first(t), header{"label": ana.key(t, "person").Public().Label()}))),
		bad("the first list, signed by an admin", admin, ana.list(t, "phone", ana.first(t))),
		bad("a label of another person key", "wrong label", ana.list(t, "person", with(ana.first(t), label))),
		bad("a label in capitals", "wrong label", ana.list(t, "person", with(ana.first(t), header{"label": strings.ToUpper(ana.key(t, "person").Public().Label())}))),
	}
}

func brokenChains(t *testing.T, first, second string) []listCase {
	third := ana.on(t, "phone", second, nil)
	lists := strings.Split(third, "~")
	bad := func(name, verdict string, lists ...string) listCase {
		return listCase{head: head{name, verdict}, List: strings.Join(lists, "~")}
	}
	broken := func(name string, lists ...string) listCase { return bad(name, "broken chain", lists...) }
	follows := func(before string, more header) string { return ana.list(t, "phone", ana.after(t, before, more)) }
	stranger := jws(t, "ben phone", ben.listHead(t, "phone"), ana.after(t, first, header{"prev": hashed(ben.firstList(t))}))
	far, renewed := ana.on(t, "phone", first, header{"epoch": 5}), ana.list(t, "person", ana.after(t, first, header{"gen": 2, "epoch": 1}))
	return []listCase{
		bad("a chain whose end is missing", "no chain", lists[:2]...),
		bad("a chain the other way round", "no chain", lists[2], lists[1], lists[0]),
		broken("a chain with a gap", lists[0], lists[2]),
		broken("a chain with one list twice", lists[0], lists[1], lists[1], lists[2]),
		broken("a list that names another one before it", follows(first, header{"prev": hashed("another")}), first),
		broken("two lists of one epoch in a chain", follows(second, header{"epoch": 2}), second),
		broken("an epoch that leaps too far", follows(first, header{"epoch": 2 + leap}), first),
		broken("an epoch that nothing could follow", follows(first, header{"epoch": 1<<53 - 1}), first),
		broken("a falling epoch in a chain", follows(far, header{"epoch": 4}), far),
		broken("a new generation on an older one, signed by the person key", ana.list(t, "person", ana.after(t, first, header{"gen": 2})), first),
		broken("a new generation on an older one, signed by an admin", follows(first, header{"gen": 2}), first),
		broken("an older generation on a new one", follows(renewed, header{"gen": 1}), renewed),
		bad("a chain on the list of another person", "wrong label", stranger, ben.firstList(t)),
		bad("an altered list within a chain", "bad signature", lists[0], flipped(lists[1]), lists[2]),
		bad("a keys document within a chain", "wrong header", lists[0], ana.keys(t, "phone", ana.agreements(t)), lists[2]),
		bad("half a list within a chain", "malformed", lists[0], lists[1][:100], lists[2]),
		bad("nothing at the end of a chain", "malformed", third, ""),
		bad("nothing before a chain", "malformed", "", third),
		bad("nothing within a chain", "malformed", lists[0], "", lists[1], lists[2]),
		bad("separators alone", "malformed", "", "", ""),
		bad("a line break in a chain", "malformed", lists[0]+"\n", lists[1], lists[2]),
		bad("thirty-three lists", "malformed", ana.list(t, "phone", ana.after(t, ana.reign(t, 32), nil)), ana.reign(t, 32)),
		bad("more than 8 KiB in one list of a chain", "malformed", follows(first, header{"more": strings.Repeat("x", 6200)}), first),
		bad("more than 32 KiB in a chain", "malformed", tooWide(t, first)),
	}
}

// tooWide returns a chain of lists that are each well below 8 KiB.
func tooWide(t *testing.T, chain string) string {
	t.Helper()
	more := header{"more": strings.Repeat("x", 3000)}
	for n := ana.first(t); len(chain) <= 32<<10; {
		newest, _, _ := strings.Cut(chain, "~")
		n = with(n, with(more, header{"epoch": n["epoch"].(int) + 1, "prev": hashed(newest)}))
		chain = ana.list(t, "phone", n) + "~" + chain
	}
	return chain
}

func brokenLists(t *testing.T, first string) []listCase {
	head1, body := ana.listHead(t, "person"), ana.first(t)
	parts := strings.Split(first, ".")
	bad := func(name, verdict, list string) listCase {
		return listCase{head: head{name, verdict}, List: list}
	}
	headed := func(name string, more header) listCase {
		return bad(name, "wrong header", jws(t, "ana person", with(head1, more), body))
	}
	filled := func(name string, more header) listCase {
		return bad(name, "malformed", ana.list(t, "person", with(body, more)))
	}
	phone := func(more header) header {
		return header{"devices": []header{with(ana.device(t, "phone", "admin"), more)}}
	}
	return []listCase{
		bad("an altered signature", "bad signature", flipped(first)),
		bad("an altered payload", "bad signature", parts[0]+"."+b64([]byte(strings.Replace(string(unb64(t, parts[1])), "laptop", "Laptop", 1)))+"."+parts[2]),
		bad("a signature by another key", "bad signature", jws(t, "ben person", head1, body)),
		bad("a signature of zeros", "bad signature", parts[0]+"."+parts[1]+"."+b64(make([]byte, 64))),
		headed("alg none", header{"alg": "none"}),
		headed("alg HS256", header{"alg": "HS256"}),
		headed("alg ES384", header{"alg": "ES384"}),
		headed("alg in lower case", header{"alg": "es256"}),
		headed("no alg", header{"alg": nil}),
		headed("another type", header{"typ": "kith-keys+jwt"}),
		headed("no type", header{"typ": nil}),
		headed("no kid", header{"kid": nil}),
		headed("a kid that is no did:key", header{"kid": "person"}),
		headed("a kid of another curve", header{"kid": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}),
		headed("critical extensions", header{"crit": []string{"exp"}}),
		headed("an unencoded payload", header{"b64": false, "crit": []string{"b64"}}),
		headed("a key in the header", header{"jwk": ana.key(t, "person").Public()}),
		headed("an address of keys in the header", header{"jku": "https://host.example/jwks"}),
		bad("two parts", "malformed", parts[0]+"."+parts[1]),
		bad("four parts", "malformed", first+"."+parts[2]),
		bad("an empty signature", "malformed", parts[0]+"."+parts[1]+"."),
		bad("a signature of 63 bytes", "malformed", parts[0]+"."+parts[1]+"."+parts[2][:84]),
		bad("padding", "malformed", first+"=="),
		bad("a line break", "malformed", parts[0]+"."+parts[1]+".\n"+parts[2]),
		bad("a bit that is left over", "malformed", first[:len(first)-1]+leftOver(first[len(first)-1])),
		bad("a payload that is an array", "malformed", jws(t, "ana person", head1, []any{body})),
		bad("a payload that is a JWS", "malformed", jws(t, "ana person", head1, first)),
		bad("nothing", "malformed", ""),
		bad("more than 8 KiB", "malformed", ana.list(t, "person", with(body, header{"more": strings.Repeat("x", 6200)}))),
		filled("members in capitals", header{"label": nil, "Label": body["label"]}),
		filled("no person", header{"person": nil}),
		filled("a person that is no P-256 key", header{"person": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}),
		filled("generation 0", header{"gen": 0}),
		filled("epoch 0", header{"epoch": 0}),
		filled("an epoch that is a text", header{"epoch": "1"}),
		filled("an epoch that is no whole number", header{"epoch": 1.5}),
		filled("an epoch of 2^53", header{"epoch": 1 << 53, "prev": b64(make([]byte, 32))}),
		filled("no prev", header{"prev": nil}),
		filled("a first list with a predecessor", header{"prev": b64(make([]byte, 32))}),
		filled("a second list without a predecessor", header{"epoch": 2}),
		filled("a prev of 31 bytes", header{"epoch": 2, "prev": b64(make([]byte, 31))}),
		filled("devices that are null", header{"devices": []header(nil)}),
		filled("seventeen devices", header{"devices": devices(t, 17)}),
		filled("one device twice", header{"devices": []header{ana.device(t, "phone", "admin"), ana.device(t, "phone")}}),
		filled("a device that is a text", header{"devices": []string{ana.did(t, "phone")}}),
		filled("a device whose kid is no P-256 key", phone(header{"kid": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"})),
		filled("a device without a name", phone(header{"name": nil})),
		filled("a name of 65 bytes", phone(header{"name": strings.Repeat("é", 32) + "x"})),
		filled("a name with a line break", phone(header{"name": "my\nphone"})),
		filled("a right that does not exist", phone(header{"may": []string{"admin", "root"}})),
		filled("a right twice", phone(header{"may": []string{"admin", "admin"}})),
	}
}

// leftOver returns a character of base64url whose first four bits are those of
// c, so that a strict reader alone sees the difference.
func leftOver(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)|1])
}

func keysCases(t *testing.T) []keysCase {
	list, body := ana.firstList(t), ana.agreements(t)
	good := func(name string, more header) keysCase {
		return keysCase{head: head{name, "success"}, DeviceList: list, Keys: ana.keys(t, "phone", with(body, more))}
	}
	bad := func(name, verdict, keys string) keysCase {
		return keysCase{head: head{name, verdict}, DeviceList: list, Keys: keys}
	}
	filled := func(name string, more header) keysCase {
		return bad(name, "malformed", ana.keys(t, "phone", with(body, more)))
	}
	agree := func(more header) header {
		return header{"agree": []header{with(ana.agreement(t, "k1", "phone"), more)}}
	}
	const now = 1_800_000_000
	const far = now*1000 + leap
	after := func(name, verdict string, known, next int) keysCase {
		serial := func(n int) string { return ana.keys(t, "phone", with(body, header{"serial": n})) }
		return keysCase{head: head{name, verdict}, DeviceList: list, Known: serial(known), Keys: serial(next), Now: now}
	}
	k1 := ana.agreement(t, "k1", "phone")
	phone := header{"alg": "ES256", "typ": "kith-keys+jwt", "kid": ana.did(t, "phone")}
	return []keysCase{
		good("one key of the phone", nil),
		good("keys of two devices", header{"serial": 7, "agree": []header{k1, ana.agreement(t, "k2", "laptop")}}),
		good("a key of a device that the list does not name", header{"agree": []header{k1, ana.agreement(t, "k2", "tablet")}}),
		{head: head{"one key under a list with those before", "success"}, DeviceList: ana.on(t, "phone", list, nil), Keys: ana.keys(t, "phone", body)},
		good("no keys", header{"agree": []header{}}),
		after("a serial above the one that is known", "success", 7, 8),
		after("the serial that is known", "success", 7, 7),
		after("a serial below the one that is known", "stale", 7, 6),
		after("a serial as high as the clock allows", "success", 7, far),
		after("a serial higher than the clock allows", "too far ahead", 7, far+1),
		after("a serial that nothing could follow", "too far ahead", 7, 1<<53-1),
		after("a serial after one that is higher than the clock allows", "success", far+1, 8),
		good("a serial that nothing could follow, at first sight", header{"serial": 1<<53 - 1}),
		good("a time with a fraction and a zone", agree(header{"until": "2026-12-06T14:00:00.5+02:00"})),
		bad("signed by a device that is no admin", "not signed by an admin", ana.keys(t, "laptop", body)),
		bad("signed by the person key", "not signed by an admin", ana.keys(t, "person", body)),
		bad("signed by somebody else", "not signed by an admin", jws(t, "ben phone", with(phone, header{"kid": ben.did(t, "phone")}), body)),
		bad("of another person", "wrong label", ana.keys(t, "phone", with(body, header{"label": ben.agreements(t)["label"]}))),
		bad("an altered signature", "bad signature", flipped(ana.keys(t, "phone", body))),
		bad("a device list", "wrong header", list),
		bad("critical extensions", "wrong header", jws(t, "ana phone", with(phone, header{"crit": []string{"exp"}}), body)),
		filled("serial 0", header{"serial": 0}),
		filled("no serial", header{"serial": nil}),
		filled("one kid twice", header{"agree": []header{k1, ana.agreement(t, "k1", "laptop")}}),
		filled("an empty kid", agree(header{"kid": ""})),
		filled("a device that is no P-256 key", agree(header{"device": "phone"})),
		filled("a time that is none", agree(header{"until": "tomorrow"})),
		filled("a time without a zone", agree(header{"until": "2026-12-06T12:00:00"})),
		filled("a private key", agree(header{"jwk": header{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}})),
		filled("no key", agree(header{"jwk": nil})),
	}
}
