package solid

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

func channelResponse(t *trial, kind string) {
	c := t.subscribe(t.alice, kind, t.at("made"))
	defer c.end()
	if t.over() {
		return
	}
	got := message{members: c.said}
	t.check(got.text("id") != "" || got.text("receiveFrom") != "", "no id in %v", c.said)
	t.check(strings.HasSuffix(got.text("type"), kind), "type is %q", got.text("type"))
	t.check(got.text("topic") == t.at("made"), "topic is %q", got.text("topic"))
	if kind == "WebhookChannel2023" {
		t.check(got.text("sender") != "", "no sender in %v", c.said)
	} else {
		t.check(got.text("receiveFrom") != "", "no receiveFrom in %v", c.said)
	}
}

func channelUpdate(t *trial, kind string) {
	t.put("r", plainText("one"))
	c := t.subscribe(t.alice, kind, t.at("r"))
	defer c.end()
	t.put("r", plainText("two"))
	m := c.next(t.at("r"), "Update")
	t.check(m.text("id") != "" || t.over(), "no id")
	_, err := time.Parse(time.RFC3339, m.text("published"))
	t.check(err == nil || t.over(), "published is %q", m.text("published"))
}

func channelDelete(t *trial, kind string) {
	t.put("r", plainText("one"))
	c := t.subscribe(t.alice, kind, t.at("r"))
	defer c.end()
	t.ask(t.alice, "DELETE", t.at("r")).ok()
	c.next(t.at("r"), "Delete")
}

func channelMember(t *trial, kind string) {
	t.put("c/begun", plainText("begun"))
	c := t.subscribe(t.alice, kind, t.at("c/"))
	defer c.end()
	t.put("c/new", plainText("new"))
	c.next(t.at("c/new"), "Create", "Add")
	t.ask(t.alice, "DELETE", t.at("c/new")).ok()
	c.next(t.at("c/new"), "Delete", "Remove")
}

func channelNeedsRead(t *trial, kind string) {
	service := t.serviceFor(kind)
	more := t.receiver(kind)
	ask := t.subscription(service, kind, t.at("made"), more)
	t.send(t.stranger, "POST", service, ask).is(401, 403)
	t.send(t.bob, "POST", service, ask).is(401, 403, 404)
	t.allow(t.at("made"), grant{"accessTo", "bob", "WAC"})
	t.send(t.bob, "POST", service, ask).is(401, 403, 404)
}

// receiver returns the member that only one kind of channel needs: where webhooks go to.
func (t *trial) receiver(kind string) map[string]any {
	more := map[string]any{}
	if kind != "WebhookChannel2023" {
		return more
	}
	if t.elsewhere == nil {
		t.skip("the server could not reach the suite")
		return more
	}
	more["sendTo"], _ = t.elsewhere.hook()
	return more
}

// reader is who is let in and out again. Webhooks may be kept for people who are known better than Bob is, so
// there a server may refuse him, and the case has nothing to ask.
func (t *trial) reader(kind, topic string) *channel {
	c := t.subscribe(t.bob, kind, topic)
	if kind == "WebhookChannel2023" && t.err != nil && strings.Contains(t.err.Error(), ": 403") {
		t.err = nil
		t.skip("the server sends no webhooks for Bob")
	}
	return c
}

func channelRevoked(t *trial, kind string) {
	t.allow(t.at("made"), grant{"accessTo", "bob", "R"})
	owner := t.subscribe(t.alice, kind, t.at("made"))
	defer owner.end()
	c := t.reader(kind, t.at("made"))
	defer c.end()
	t.put("made", plainText("while Bob may read"))
	c.next(t.at("made"), "Update")
	owner.next(t.at("made"), "Update")
	t.allow(t.at("made"))
	began := time.Now()
	t.put("made", plainText("when Bob may not"))
	owner.next(t.at("made"), "Update")
	c.quiet(silence + 4*time.Since(began))
}

func channelHidden(t *trial, kind string) {
	t.put("c/open", plainText("open"))
	t.allow(t.at("c/"), grant{"accessTo", "bob", "R"})
	t.allow(t.at("c/open"), grant{"accessTo", "bob", "R"})
	c := t.reader(kind, t.at("c/"))
	defer c.end()
	t.put("c/letter-to-carol", plainText("new"))
	t.ask(t.alice, "DELETE", t.at("c/open")).ok()
	c.lacksUntil("letter-to-carol", t.at("c/open"))
}

func channelHiddenDelete(t *trial, kind string) {
	t.put("c/letter-to-carol", plainText("begun"))
	t.put("c/open", plainText("open"))
	t.allow(t.at("c/"), grant{"accessTo", "bob", "R"})
	t.allow(t.at("c/open"), grant{"accessTo", "bob", "R"})
	c := t.reader(kind, t.at("c/"))
	defer c.end()
	t.ask(t.alice, "DELETE", t.at("c/letter-to-carol")).ok()
	t.ask(t.alice, "DELETE", t.at("c/open")).ok()
	c.lacksUntil("letter-to-carol", t.at("c/open"))
}

func channelFeatures(t *trial, kind string) {
	service := t.serviceFor(kind)
	more := t.receiver(kind)
	more["endAt"], more["state"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "opaque"
	r := t.send(t.alice, "POST", service, t.subscription(service, kind, t.at("made"), more)).ok()
	c := &channel{t: t, kind: kind, stop: func() {}}
	r.check(t.over() || json.Unmarshal(r.body, &c.said) == nil, "the answer is no JSON")
	c.end()
}

func channelWrongType(t *trial, kind string) {
	service := t.serviceFor(kind)
	t.send(t.alice, "POST", service, t.subscription(service, "CarrierPigeon", t.at("made"), nil)).is(400, 422)
}

func channelAbsent(t *trial, kind string) {
	service := t.serviceFor(kind)
	more := t.receiver(kind)
	there := t.send(t.bob, "POST", service, t.subscription(service, kind, t.at("made"), more)).is(401, 403, 404)
	not := t.send(t.bob, "POST", service, t.subscription(service, kind, t.at("absent"), more)).is(401, 403, 404)
	t.check(there.status == not.status, "%d where there is something, %d where there is nothing", there.status, not.status)
}

func channelPast(t *trial, kind string) {
	service := t.serviceFor(kind)
	more := t.receiver(kind)
	more["endAt"] = "2001-01-01T00:00:00Z"
	t.send(t.alice, "POST", service, t.subscription(service, kind, t.at("made"), more)).is(400, 422)
}

// anyService returns a subscription resource of some kind, and the kind.
func (t *trial) anyService() (service, kind string) {
	for _, k := range channelKinds[:3] {
		if service := t.offers.channels[k.kind]; service != "" {
			return service, k.kind
		}
	}
	t.skip("the server offers no channels")
	return t.base, ""
}

// notificationCases are about discovery and subscription, whatever the channel type.
func notificationCases() []testCase {
	return []testCase{
		{"notifications#resource-server-link-storage-description-resource/subscriptions", func(t *trial) {
			g := t.turtle(t.get("made").is(200).link(description))
			services := g.objects("", notify+"subscription")
			t.check(len(services) > 0, "the storage description lists no subscription")
			for _, s := range services {
				t.check(len(g.objects(s, notify+"channelType")) == 1, "%s has no channel type", s)
			}
		}},
		{"notifications#resource-server-description-resource-accept/JSON-LD", func(t *trial) {
			r := t.ask(t.alice, "GET", t.get("made").is(200).link(description), "Accept: application/ld+json").is(200).media("application/ld+json")
			r.check(json.Valid(r.body), "it is no JSON").contains("channelType")
		}},
		{"notifications#resource-server-description-resource-response/members", func(t *trial) {
			r := t.ask(t.alice, "GET", t.get("made").is(200).link(description), "Accept: application/ld+json").is(200)
			r.contains("subscription", "channelType")
		}},
		{"notifications#subscription-server-subscription-request-methods/safe", func(t *trial) {
			service, _ := t.anyService()
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				t.ask(t.alice, method, service).is(200, 204)
			}
			t.ask(t.alice, "DELETE", service).is(405, 404)
		}},
		{"notifications#subscription-server-subscription-request-accept/JSON-LD", func(t *trial) {
			service, _ := t.anyService()
			r := t.ask(t.alice, "GET", service, "Accept: application/ld+json").is(200).media("application/ld+json")
			var said map[string]any
			r.check(json.Unmarshal(r.body, &said) == nil && said["id"] == service, "id is %v", said["id"])
		}},
		{"notifications#subscription-server-subscription-request-content-type/JSON-LD", func(t *trial) {
			service, kind := t.anyService()
			t.send(t.alice, "POST", service, t.subscription(service, kind, t.at("made"), nil)).ok().media("application/ld+json")
		}},
		{"notifications#subscription-server-subscription-request-content-type/other", func(t *trial) {
			service, _ := t.anyService()
			t.send(t.alice, "POST", service, plainText("tell me of everything")).is(400, 415, 422)
		}},
		{"notifications#subscription-server-subscription-request-profile-unrecognised/415", func(t *trial) {
			service, kind := t.anyService()
			ask := t.subscription(service, kind, t.at("made"), nil)
			ask.media = `application/ld+json; profile="https://other.example/profile"`
			t.send(t.alice, "POST", service, ask).is(415)
		}},
		{"notifications#subscription-server-subscription-request-unprocessable-entity/without-topic", func(t *trial) {
			service, kind := t.anyService()
			t.send(t.alice, "POST", service, t.subscription(service, kind, "", map[string]any{"topic": nil})).is(422)
		}},
		{"notifications#subscription-server-subscription-request-unprocessable-entity/unknown-context", func(t *trial) {
			service, kind := t.anyService()
			t.send(t.alice, "POST", service, jsonText(`{"@context": "https://other.example/context", "type": "`+kind+`", "topic": "`+t.at("made")+`"}`)).is(422)
		}},
		{"notifications#subscription-server-subscription-request-unprocessable-entity/a-topic-elsewhere", func(t *trial) {
			service, kind := t.anyService()
			r := t.send(t.alice, "POST", service, t.subscription(service, kind, "https://other.example/", nil))
			r.check(r.status >= 400 && r.status < 500, "status %d", r.status)
		}},
		{"notifications#subscription-server-subscription-request-unprocessable-entity/no-JSON", func(t *trial) {
			service, _ := t.anyService()
			t.send(t.alice, "POST", service, jsonText(`{"@context": `)).is(400, 422)
		}},
		{"notifications#message-state/is-the-ETag-or-nothing", func(t *trial) {
			_, kind := t.anyService()
			t.put("r", plainText("one"))
			c := t.subscribe(t.alice, kind, t.at("r"))
			defer c.end()
			t.put("r", plainText("two"))
			state := c.next(t.at("r"), "Update").text("state")
			e := t.get("r").is(200).etag()
			t.check(state == "" || strings.Trim(state, `"`) == strings.Trim(e, `"`), "state is %s, the ETag %s", state, e)
		}},
		{"webhook-channel-2023#auth/signed", func(t *trial) {
			c := t.subscribe(t.alice, "WebhookChannel2023", t.at("made"))
			defer c.end()
			t.put("made", plainText("two"))
			m := c.next(t.at("made"), "Update")
			if t.over() {
				return
			}
			signed := m.header.Get("Signature") != "" && m.header.Get("Signature-Input") != "" || m.header.Get("Authorization") != "" && m.header.Get("DPoP") != ""
			t.check(signed, "the delivery is neither signed (RFC 9421) nor has it a token with a proof")
			if digest := m.header.Get("Content-Digest"); digest != "" {
				sum := sha256.Sum256(m.body)
				t.check(digest == "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":", "Content-Digest is %s", digest)
			}
		}},
		{"webhook-channel-2023#channel-type/sendTo-into-the-network", func(t *trial) {
			service := t.serviceFor("WebhookChannel2023")
			for _, url := range []string{"file:///etc/passwd", "ftp://127.0.0.1/", "not a URL"} {
				t.send(t.alice, "POST", service, t.subscription(service, "WebhookChannel2023", t.at("made"), map[string]any{"sendTo": url})).is(400, 422)
			}
		}},
	}
}
