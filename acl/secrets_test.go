package acl

import (
	"context"
	"slices"
	"testing"

	"kith/pod"
	"kith/webid"
)

// TestOnlyDevicesSeeTheSecrets holds also where an ACL gives somebody all there is.
func TestOnlyDevicesSeeTheSecrets(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/settings/color", "text/plain", "green")
	w.acl("/settings/", ownerRule, allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Read, acl:Write, acl:Control"))
	w.raw(secrets, "application/json", `{"secret":""}`)
	w.put(secrets+".acl", "text/turtle", prefix+allow(1, agentOf(contactID(benCID)), "acl:accessTo <relays>", "acl:Read")+allow(2, agentOf(testOwner), "acl:accessTo <relays>", "acl:Read, acl:Write"))
	app := webid.AppAgent(testOwner, "https://app.example/", "consent")
	for who, agent := range map[string]webid.Agent{"an app": app, "a contact": ben} {
		_, err := w.read(agent, secrets)
		is(t, who+" reads", err, pod.ErrNotExist)
		_, err = w.read(agent, secrets+".acl")
		is(t, who+" reads the ACL", err, pod.ErrNotExist)
		if names, err := w.names(agent, "/settings/"); err != nil || !slices.Contains(names, "color") || slices.Contains(names, "relays") {
			t.Errorf("%s lists %q: %v", who, names, err)
		}
		_, _, err = w.guard.As(agent).Put(context.Background(), path(t, secrets), "text/plain", reader("x"), pod.Precondition{})
		if err == nil {
			t.Errorf("%s writes", who)
		}
	}
	if text, err := w.read(owner, secrets); err != nil || text != `{"secret":""}` {
		t.Errorf("a device reads %q: %v", text, err)
	}
	_, _, err := w.guard.As(owner).Put(context.Background(), path(t, secrets), "text/plain", reader("x"), pod.Precondition{})
	is(t, "a device that is no replica writes", err, ErrReplica)
}
