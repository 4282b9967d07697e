package solid

import (
	"slices"
	"strings"
)

// profileCases are about the profiles of Alice and Bob, if the server under test has them, and about inboxes.
func profileCases() []testCase {
	return []testCase{
		{"webid-profile#discovering-complete-solid-profile/anybody-may-read-it", func(t *trial) {
			t.profile("text/turtle").is(200).graph()
		}},
		{"webid-profile#discovering-complete-solid-profile/JSON-LD", func(t *trial) {
			t.profile("application/ld+json").is(200).media("application/ld+json")
		}},
		{"webid-profile#identity-provider/names-the-issuer", func(t *trial) {
			got := t.profile("text/turtle").is(200).graph().objects(t.alice.WebID, solidNS+"oidcIssuer")
			t.check(slices.Contains(got, t.alice.Issuer), "solid:oidcIssuer is %q, not %s byte for byte", got, t.alice.Issuer)
		}},
		{"webid-profile#storage/names-the-storage", func(t *trial) {
			got := t.profile("text/turtle").is(200).graph().objects(t.alice.WebID, pimNS+"storage")
			t.check(slices.Contains(got, t.storage()), "pim:storage is %q, not %s", got, t.storage())
		}},
		{"webid-profile#inbox/names-an-inbox", func(t *trial) {
			got := t.profile("text/turtle").is(200).graph().objects(t.alice.WebID, ldpNS+"inbox")
			t.check(len(got) == 1, "%d inboxes", len(got))
			if !t.over() {
				t.ask(t.alice, "GET", got[0]).is(200)
			}
		}},
		{"webid-profile#identity-provider/a-write-does-not-add-an-issuer", func(t *trial) {
			profile := t.profile("text/turtle").is(200).url
			triple := "<" + t.alice.WebID + "> <" + solidNS + "oidcIssuer> <https://issuer.example/>."
			r := t.send(t.alice, "PATCH", profile, n3Text(insert(triple)))
			got := t.profile("text/turtle").is(200).graph().objects(t.alice.WebID, solidNS+"oidcIssuer")
			if slices.Contains(got, "https://issuer.example/") {
				t.send(t.alice, "PATCH", profile, n3Text(patchText("solid:deletes {"+triple+"}"))).ok()
			}
			r.is(403, 405, 409)
			t.check(!slices.Contains(got, "https://issuer.example/"), "an application has added an issuer")
		}},
		{"ldn#receiver/POST", func(t *trial) {
			inbox := t.inbox()
			r := t.send(t.bob, "POST", inbox, jsonText(notice)).is(201, 202)
			if r.status == 201 {
				at := r.location()
				t.ask(t.alice, "GET", at, "Accept: application/ld+json").is(200).media("application/ld+json").contains("come over")
			}
		}},
		{"ldn#receiver/with-a-profile", func(t *trial) {
			inbox := t.inbox()
			t.send(t.bob, "POST", inbox, content{`application/ld+json; profile="https://www.w3.org/ns/activitystreams"`, []byte(notice)}).is(201, 202)
		}},
		{"ldn#receiver/GET-lists", func(t *trial) {
			inbox := t.inbox()
			at := t.send(t.bob, "POST", inbox, jsonText(notice)).is(201).location()
			t.check(slices.Contains(t.turtle(inbox).objects(inbox, contains), at), "ldp:contains does not list %s", at)
			t.ask(t.alice, "GET", inbox, "Accept: application/ld+json").is(200).media("application/ld+json")
		}},
		{"ldn#receiver/OPTIONS", func(t *trial) {
			r := t.ask(t.alice, "OPTIONS", t.inbox()).ok()
			r.check(r.header.Get("Accept-Post") != "", "no Accept-Post")
		}},
		{"ldn#receiver/senders-do-not-read", func(t *trial) {
			inbox := t.inbox()
			r := t.send(t.bob, "POST", inbox, jsonText(notice)).is(201)
			t.ask(t.bob, "GET", inbox).is(403)
			t.ask(t.bob, "GET", r.location()).is(403)
		}},
		{"ldn#discovery/a-triple-leads-there", func(t *trial) {
			inbox := t.inbox()
			t.put("blog", turtleText("<> <"+ldpNS+"inbox> <"+inbox+">."))
			got := t.turtle(t.at("blog")).objects(t.at("blog"), ldpNS+"inbox")
			t.check(slices.Equal(got, []string{inbox}), "ldp:inbox leads to %q", got)
		}},
	}
}

const notice = `{"@id": "", "@type": "https://www.w3.org/ns/activitystreams#Announce", "https://www.w3.org/ns/activitystreams#summary": "come over"}`

// profile reads Alice's profile as a stranger. Where another server has it, the case is skipped.
func (t *trial) profile(accept string) *reply {
	document, _, _ := strings.Cut(t.alice.WebID, "#")
	if !t.ours(document) {
		t.skip("the profile is on another server")
	}
	return t.ask(t.stranger, "GET", document, "Accept: "+accept)
}

// ours tells whether a URL is on the server under test.
func (t *trial) ours(url string) bool {
	scheme, rest, _ := strings.Cut(t.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.HasPrefix(url+"/", scheme+"://"+host+"/")
}

// inbox makes a container into which Bob may append and nothing else.
func (t *trial) inbox() string {
	t.put("inbox/", content{}, typeContainer)
	t.allow(t.at("inbox/"), grant{"accessTo", "bob", "A"}, grant{"default", "bob", "A"})
	return t.at("inbox/")
}
