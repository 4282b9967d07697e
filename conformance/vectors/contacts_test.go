package vectors_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const (
	cid  = "a2b3c4d5e6f7a2b3c4d5"
	card = "https://host.example/ana/contacts/" + cid + "/card"
)

// record returns Ana's contact record of Ben, as the app writes it.
func record(t *testing.T) header {
	return header{
		"@context": []any{"https://www.w3.org/ns/activitystreams", header{"kith": "https://kith.invalid/ns#"}},
		"id":       "#me", "type": "Person", "name": "Ben", "kith:label": ben.key(t, "person").Public().Label(),
		"kith:grant": 1, "kith:devices": ben.firstList(t), "kith:keys": ben.keys(t, "phone", ben.agreements(t)),
		"kith:accepts": []string{ben.did(t, "watch"), "https://ben.example/profile/card#me"},
		"kith:ways":    []header{{"pod": "https://host.example/ben/", "issuer": "https://host.example"}},
		"kith:salt":    b64(scalar("salt")), "kith:since": "2026-11-22T12:00:00Z",
		"kith:muted": false, "kith:verified": true, "kith:blocked": false, "kith:note": "met in Porto",
	}
}

func contactCases(t *testing.T) []contactCase {
	text := func(r header) string {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	one := func(name, verdict string, more header) contactCase {
		return contactCase{head: head{name, verdict}, URL: card, Record: text(with(record(t), more))}
	}
	good := func(name string, more header) contactCase { return one(name, "success", more) }
	bad := func(name string, more header) contactCase { return one(name, "malformed", more) }
	at := func(name, url string) contactCase {
		return contactCase{head: head{name, "malformed"}, URL: url, Record: text(record(t))}
	}
	raw := func(name, record string) contactCase {
		return contactCase{head: head{name, "malformed"}, URL: card, Record: record}
	}
	way := func(pod, issuer string) header {
		return header{"kith:ways": []header{{"pod": pod, "issuer": issuer}}}
	}
	relay := func(url, send string) header {
		return header{"kith:ways": []header{{"relay": url, "send": send}}}
	}
	send := b64(scalar("send")[:24])
	anas := ana.keys(t, "phone", ana.agreements(t))
	return []contactCase{
		good("a friend", nil),
		good("a friend who is blocked and muted", header{"kith:blocked": true, "kith:muted": true, "kith:grant": 4}),
		good("a friend whose list has some before it", header{"kith:devices": ben.on(t, "phone", ben.reign(t, 5), nil)}),
		good("only what has to be there", header{
			"@context": nil, "name": nil, "kith:label": nil, "kith:devices": nil, "kith:keys": nil, "kith:accepts": nil, "kith:ways": nil,
			"kith:salt": nil, "kith:since": nil, "kith:muted": nil, "kith:verified": nil, "kith:blocked": nil, "kith:note": nil,
		}),
		good("a friend without lists", header{"kith:label": "", "kith:devices": "", "kith:keys": ""}),
		good("members that mean nothing here", header{"foaf:nick": "B", "kith:hue": 3}),
		good("a friend behind two relays", header{"kith:ways": []header{
			{"relay": "https://relay.example/", "send": send}, {"relay": "http://localhost:8430/", "send": b64(make([]byte, 24))},
		}}),
		good("a friend with a pod and a relay", header{"kith:ways": []header{
			{"pod": "https://host.example/ben/", "issuer": "https://host.example"}, {"relay": "https://relay.example/", "send": send},
		}}),
		good("ways of later kinds are left out", header{"kith:ways": []header{
			{"pigeon": "grey"}, {"relay": "https://relay.example/", "send": send, "more": 1}, {},
		}}),
		at("a record somewhere else", "https://host.example/ana/contacts/"+cid+"/note"),
		at("a cid of 19 characters", "https://host.example/ana/contacts/"+cid[1:]+"/card"),
		at("a cid in capitals", strings.Replace(card, cid, strings.ToUpper(cid), 1)),
		at("a query", card+"?x=1"),
		at("a record at no URL", "/ana/contacts/"+cid+"/card"),
		raw("nothing", ""),
		raw("an array", "[]"),
		raw("half a record", text(record(t))[:200]),
		raw("null", "null"),
		raw("more than 64 KiB", text(with(record(t), header{"more": strings.Repeat("x", 64<<10)}))),
		bad("another id", header{"id": "#you"}),
		bad("another type", header{"type": "Group"}),
		bad("no grant", header{"kith:grant": nil}),
		bad("grant 0", header{"kith:grant": 0}),
		bad("a name of 257 bytes", header{"name": strings.Repeat("x", 257)}),
		bad("a flag that is a text", header{"kith:blocked": "true"}),
		bad("a salt of 31 bytes", header{"kith:salt": b64(make([]byte, 31))}),
		bad("a time that is none", header{"kith:since": "yesterday"}),
		bad("an accepted identifier that is none", header{"kith:accepts": []string{"ben"}}),
		bad("an accepted identifier with credentials", header{"kith:accepts": []string{"https://a:b@ben.example/"}}),
		bad("an accepted identifier with a line break", header{"kith:accepts": []string{"https://ben.example/\n"}}),
		bad("an accepted key of another curve", header{"kith:accepts": []string{"did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}}),
		bad("accepted identifiers that are null", header{"kith:accepts": []string(nil)}),
		bad("a way whose pod has no slash at its end", way("https://host.example/ben", "https://host.example")),
		bad("a way whose issuer has a slash at its end", way("https://host.example/ben/", "https://host.example/")),
		bad("a way that is a script", way("javascript:alert(1)/", "https://host.example")),
		bad("a way with a query", way("https://host.example/?q/", "https://host.example")),
		bad("a way whose relay has no slash at its end", relay("https://relay.example", send)),
		bad("a way whose relay is a script", relay("javascript:alert(1)/", send)),
		bad("a way with a send id of 23 bytes", relay("https://relay.example/", b64(make([]byte, 23)))),
		bad("a way with a send id that is no base64url", relay("https://relay.example/", strings.Repeat("+", 32))),
		bad("a way to a relay without a send id", header{"kith:ways": []header{{"relay": "https://relay.example/"}}}),
		bad("a way with a send id and no relay", header{"kith:ways": []header{{"send": send}}}),
		bad("two ways in one", header{"kith:ways": []header{{
			"pod": "https://host.example/ben/", "issuer": "https://host.example", "relay": "https://relay.example/", "send": send,
		}}}),
		bad("a way that is a text", header{"kith:ways": []string{"https://host.example/ben/"}}),
		bad("nine ways", header{"kith:ways": slices.Repeat([]header{{"pigeon": "grey"}}, 9)}),
		bad("lists without a label", header{"kith:label": nil, "kith:devices": nil}),
		bad("a label without lists", header{"kith:devices": nil, "kith:keys": nil}),
		one("the lists of somebody else", "wrong label", header{"kith:devices": ana.firstList(t), "kith:keys": anas}),
		one("the keys of somebody else", "wrong label", header{"kith:keys": ben.keys(t, "phone", ana.agreements(t))}),
		one("an altered device list", "bad signature", header{"kith:devices": flipped(ben.firstList(t))}),
		one("a later device list without those before", "no chain", header{"kith:devices": ben.list(t, "phone", ben.after(t, ben.firstList(t), nil))}),
		one("a keys document by a device that is no admin", "not signed by an admin", header{"kith:keys": ben.keys(t, "laptop", ben.agreements(t))}),
	}
}
