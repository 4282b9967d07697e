package webid

import "slices"

// Agent is who asks, as proved by a request: the owner, a contact, somebody with
// a WebID, or, as the zero value, nobody in particular. It is made by a Verifier, or
// by OwnerAgent, AppAgent, ContactAgent and StrangerAgent where another proof has
// been checked.
type Agent struct {
	ids     []ID
	contact string
	key     string
	client  string
	consent string
	grant   uint64
	owner   bool
}

// OwnerAgent returns the owner of a pod, proved by the device with the did:key
// kid. Its IDs are the owner's WebID and that key.
func OwnerAgent(id ID, kid string) Agent {
	return Agent{ids: agentSet(id, ID(kid), nil), key: kid, owner: true}
}

// AppAgent returns the owner of a pod, acting by the app with the identifier
// client, to which the owner gave the consent so named. It may do with resources
// what the owner may, but it is no device of the owner's. (Solid-OIDC §resource)
func AppAgent(id ID, client, consent string) Agent {
	return Agent{ids: []ID{id}, client: client, consent: consent, owner: true}
}

// StrangerAgent returns somebody whose WebID is proved and whom the owner does
// not know. Only what names that WebID, or everybody, holds for it.
func StrangerAgent(id ID) Agent { return Agent{ids: []ID{id}} }

// ContactAgent returns the contact cid of a pod's owner, proved by the device
// with the did:key kid. Its IDs are the contact's WebID, that key, and the
// identifiers that the owner accepts for the contact (protocol §1.2).
func ContactAgent(id ID, cid string, grant uint64, kid string, also ...ID) Agent {
	return Agent{ids: agentSet(id, ID(kid), also), contact: cid, key: kid, grant: grant}
}

func agentSet(id, key ID, also []ID) []ID {
	var set []ID
	for _, i := range append([]ID{id, key}, also...) {
		if i != "" && !slices.Contains(set, i) {
			set = append(set, i)
		}
	}
	return set
}

// Anonymous reports whether the agent proved nothing.
func (a Agent) Anonymous() bool { return len(a.ids) == 0 }

// Owner reports whether the agent is the pod's owner, by a device or by an app.
func (a Agent) Owner() bool { return a.owner }

// Device reports whether the agent is one of the devices of the pod's owner: only
// those say who the owner is and whom the owner knows.
func (a Agent) Device() bool { return a.owner && a.key != "" }

// Client returns the identifier of the app by which the agent acts, or "" for a
// device that acts for itself. An app of a stranger is whatever its issuer says.
func (a Agent) Client() string { return a.client }

// Consent returns the id of the owner's consent by which an app acts, or "".
func (a Agent) Consent() string { return a.consent }

// IDs returns the agent set of protocol §1.2, the agent's own WebID first. An
// access rule holds for the agent if it names any of them.
func (a Agent) IDs() []ID { return slices.Clone(a.ids) }

// Has reports whether id is in the agent set.
func (a Agent) Has(id ID) bool { return slices.Contains(a.ids, id) }

// Contact returns the contact's cid, or "" for the owner and for anonymous.
func (a Agent) Contact() string { return a.contact }

// Key returns the did:key of the device that made the proof, or "" where an app
// or another issuer vouches for the agent.
func (a Agent) Key() string { return a.key }

// Grant returns the contact's grant counter as it was at the proof, or 0.
func (a Agent) Grant() uint64 { return a.grant }
