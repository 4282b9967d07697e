package vectors_test

import (
	"fmt"
	"strings"
	"testing"

	"kith/webid"
)

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
	second := ana.list(t, "phone", ana.after(t, first, nil))
	return append(acceptedLists(t, first, second), append(outrankedLists(t, first, second), brokenLists(t, first)...)...)
}

func acceptedLists(t *testing.T, first, second string) []listCase {
	good := func(name, pinned, list string) listCase {
		return listCase{head: head{name, "success"}, Pinned: pinned, List: list}
	}
	anew := header{"gen": 2, "epoch": 1, "devices": []header{ana.device(t, "tablet", "admin")}}
	return []listCase{
		good("the first list of a person, signed by the person key", "", first),
		good("a later list at first sight, signed by one of its admins", "", second),
		good("the next epoch, signed by an admin", first, second),
		good("three epochs on, signed by an admin", first, ana.list(t, "phone", ana.after(t, first, header{"epoch": 4}))),
		good("a list by which its signer leaves", first, ana.list(t, "phone", ana.after(t, first, header{"devices": []header{ana.device(t, "laptop", "admin")}}))),
		good("a list that follows another one of the epoch before", first, ana.list(t, "phone", ana.after(t, second, header{"epoch": 2}))),
		good("a new generation, signed by the person key", first, ana.list(t, "person", ana.after(t, first, anew))),
		good("a new generation outranks every epoch", second, ana.list(t, "person", ana.after(t, first, anew))),
		good("a new generation without a predecessor", first, ana.list(t, "person", ana.after(t, first, with(anew, header{"prev": ""})))),
		good("the list that is pinned", first, first),
		good("the list that is pinned, signed again", first, signedAgain(t, first)),
		good("a list without devices", first, ana.list(t, "phone", ana.after(t, first, header{"devices": []header{}}))),
		good("members that mean nothing here", first, ana.list(t, "phone", ana.after(t, first, header{"more": []int{1}}))),
		good("sixteen devices", "", ana.list(t, "person", with(ana.first(t), header{"devices": devices(t, 16)}))),
	}
}

// signedAgain returns the same list with another signature that holds: with the
// signature (r, s) comes (r, n-s).
func signedAgain(t *testing.T, list string) string {
	t.Helper()
	parts := strings.Split(list, ".")
	return parts[0] + "." + parts[1] + "." + b64(mirrored(unb64(t, parts[2])))
}

func devices(t *testing.T, n int) []header {
	var out []header
	for i := range n {
		out = append(out, ana.device(t, fmt.Sprint("device ", i)))
	}
	return out
}

func outrankedLists(t *testing.T, first, second string) []listCase {
	admin, person := "not signed by an admin", ana.after(t, first, nil)
	bad := func(name, verdict, pinned, list string) listCase {
		return listCase{head: head{name, verdict}, Pinned: pinned, List: list}
	}
	newcomer := header{"devices": []header{ana.device(t, "phone", "admin"), ana.device(t, "tablet", "admin")}}
	renewed := ana.list(t, "person", ana.after(t, first, header{"gen": 2, "epoch": 1}))
	return []listCase{
		bad("an older epoch", "stale", second, first),
		bad("an older generation", "stale", renewed, second),
		bad("another list of the epoch that is pinned", "same epoch, different list", second, ana.list(t, "phone", ana.after(t, first, newcomer))),
		bad("the next epoch, signed by a device that is no admin", admin, first, ana.list(t, "laptop", person)),
		bad("the next epoch, signed by the person key", admin, first, ana.list(t, "person", person)),
		bad("the next epoch, signed by an admin that only it names", admin, first, ana.list(t, "tablet", ana.after(t, first, newcomer))),
		bad("the next epoch, signed by somebody else", admin, first, jws(t, "ben phone", ben.listHead(t, "phone"), person)),
		bad("a new generation, signed by an admin", admin, first, ana.list(t, "phone", ana.after(t, first, header{"gen": 2, "epoch": 2}))),
		bad("the first epoch of a generation, signed by an admin", admin, first, ana.list(t, "phone", ana.after(t, first, header{"gen": 2, "epoch": 1}))),
		bad("the first list, signed by an admin", admin, "", ana.list(t, "phone", ana.first(t))),
		bad("a later list at first sight, signed by one of its devices that is no admin", admin, "", ana.list(t, "laptop", person)),
		bad("a later list at first sight, signed by somebody else", admin, "", jws(t, "ben phone", ben.listHead(t, "phone"), person)),
		bad("a list of another person", "wrong label", first, ben.firstList(t)),
		bad("a label of another person key", "wrong label", "", ana.list(t, "person", with(ana.first(t), header{"label": ben.key(t, "person").Public().Label()}))),
		bad("a label in capitals", "wrong label", "", ana.list(t, "person", with(ana.first(t), header{"label": strings.ToUpper(ana.key(t, "person").Public().Label())}))),
	}
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
	k1 := ana.agreement(t, "k1", "phone")
	phone := header{"alg": "ES256", "typ": "kith-keys+jwt", "kid": ana.did(t, "phone")}
	return []keysCase{
		good("one key of the phone", nil),
		good("keys of two devices", header{"serial": 7, "agree": []header{k1, ana.agreement(t, "k2", "laptop")}}),
		good("a key of a device that the list does not name", header{"agree": []header{k1, ana.agreement(t, "k2", "tablet")}}),
		good("no keys", header{"agree": []header{}}),
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
