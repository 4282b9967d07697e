package sync

import (
	"fmt"
	"net/http"

	"kith/acl"
	"kith/webid"
)

// Greeting is what the door tells of the owner: {"label", "name",
// "device_list", "keys", "ways"}.
type Greeting struct {
	Label   string      `json:"label"`
	Name    string      `json:"name"`
	Devices string      `json:"device_list"` // chain, as webid.DeviceList.String gives it
	Keys    string      `json:"keys"`        // JWS
	Ways    []webid.Way `json:"ways"`
}

// door is the greeting for one agent: who the agent is here, and where to leave
// messages. Addresses are relative to the door's own, so that they are the same
// under every address of the pod.
type door struct {
	Greeting
	WebID string `json:"webid"`
	Inbox string `json:"inbox,omitempty"` // the owner has none
	Feed  string `json:"feed"`
}

// ServeDoor answers a request for social/door with what Greeting returns and
// {"webid": the agent's own at this pod, "inbox", "feed"}. When it returns an
// error it has not answered: acl.ErrUnauthenticated or acl.ErrForbidden for who is
// neither the owner nor a contact, ErrMethod, or that of Greeting.
func (f *Feed) ServeDoor(w http.ResponseWriter, r *http.Request, v *acl.View) error {
	if err := f.admit(w, r, v); err != nil {
		return err
	}
	g, err := f.config.Greeting(r.Context(), v.Agent())
	if err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	d := door{Greeting: g, WebID: "../" + name(v.Agent(), f.config.Base), Feed: "feed"}
	if cid := v.Agent().Contact(); cid != "" {
		d.Inbox = "in/" + cid + "/"
	}
	return answer(w, r, "application/json", d)
}
