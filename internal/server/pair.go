package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kith/acl"
	"kith/relay"
	"kith/webid"
	"kith/webid/invite"
)

// ErrOwned refuses to pair a phone of another person with a pod that has an owner.
var ErrOwned = errors.New("this pod belongs to somebody else")

// Pairing is a link that connects a phone with a pod, once and for a short time (protocol §2.1).
type Pairing struct {
	Pod       string
	Link      string
	Expires   time.Time
	ForPhones bool     // a phone can open the link: https, and not only this machine
	Relays    []string // by which the pod is reached besides
	Silent    []string // of these, those at which nothing could be left for the pod
	via       []webid.Way
}

// Introduction is what `kith person add` prints.
type Introduction struct {
	Name   string `json:"name"`
	Pod    string `json:"pod"`
	WebID  string `json:"webid"`
	Issuer string `json:"issuer"`
	Pair   string `json:"pair"`
}

// AddPerson makes a person and their pod in the folder of c, which is complete, whether or not a
// server runs there. Errors: ErrName, ErrExists.
func AddPerson(ctx context.Context, c Config, name string) (Introduction, error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return Introduction{}, err
	}
	defer s.close()
	if err := s.newPerson(ctx, c, name); err != nil {
		return Introduction{}, err
	}
	p, err := s.reachPairing(ctx, c, name)
	if err != nil {
		return Introduction{}, err
	}
	return Introduction{Name: name, Pod: p.Pod, WebID: p.Pod + "profile/card#me", Issuer: c.Issuer(), Pair: p.Link}, nil
}

// Pair makes a new pairing link for a person in the folder of c, which is complete. ErrPerson when
// there is no such person.
func Pair(ctx context.Context, c Config, name string) (Pairing, error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return Pairing{}, err
	}
	defer s.close()
	return s.reachPairing(ctx, c, name)
}

// reachPairing is pairing for a person whom the server that runs, if one does, may not know yet: where nothing else
// leads to the pod, it makes the queues at the relays.
func (s *state) reachPairing(ctx context.Context, c Config, name string) (Pairing, error) {
	if len(c.Reach) == 0 {
		var err error
		if c.Reach, _, err = s.relays(ctx); err != nil {
			return Pairing{}, err
		}
	}
	client := &relay.Client{}
	p, err := s.person(ctx, name)
	if err != nil || p.paired() {
		pairing, err := s.pairing(ctx, c, name)
		return pairing.heard(ctx, client), err
	}
	for _, at := range c.Reach {
		ctx, cancel := context.WithTimeout(ctx, firstWait)
		err = errors.Join(err, s.prepare(ctx, client, at, name))
		cancel()
	}
	pairing, failed := s.pairing(ctx, c, name)
	if len(pairing.Relays) > 0 { // one is enough
		err = nil
	}
	return pairing.heard(ctx, client), errors.Join(err, failed)
}

const (
	heardTime  = 15 * time.Second // that a link waits for the relays to know the way to the pod
	heardPause = 200 * time.Millisecond
)

// heard waits until something can be left for the pod at each of its relays, for a while: they know the way when the
// server that runs has told them.
func (p Pairing) heard(ctx context.Context, c *relay.Client) Pairing {
	ctx, cancel := context.WithTimeout(ctx, heardTime)
	defer cancel()
	silent := make([]string, len(p.via))
	var asking sync.WaitGroup
	for i, way := range p.via {
		asking.Go(func() {
			if !leads(ctx, c, way) {
				silent[i] = way.Relay
			}
		})
	}
	asking.Wait()
	p.Silent = slices.DeleteFunc(silent, func(s string) bool { return s == "" })
	return p
}

// leads reports whether a message can be left by a way, as soon as it can be. What is left opens for nobody, and is
// taken back. Pauses grow: a relay takes many wrong tries for guesses.
func leads(ctx context.Context, c *relay.Client, way webid.Way) bool {
	send, err := base64.RawURLEncoding.DecodeString(way.Send)
	for pause := heardPause; err == nil; pause *= 2 {
		nothing := make([]byte, 1<<10)
		rand.Read(nothing)
		receipt, failed := c.Post(ctx, way.Relay, send, nothing, 0)
		if failed == nil {
			c.Cancel(ctx, way.Relay, send, receipt.Cancel) // what stays is declined
			return true
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// pairing makes a link that works once.
func (s *state) pairing(ctx context.Context, c Config, name string) (Pairing, error) {
	if _, err := s.person(ctx, name); errors.Is(err, ErrPerson) {
		return Pairing{}, fmt.Errorf("%w; make the pod with `kith person add %s`", err, name)
	} else if err != nil {
		return Pairing{}, err
	}
	secret, expires, err := s.newPairing(ctx, name)
	if err != nil {
		return Pairing{}, err
	}
	p, err := s.person(ctx, name)
	if err != nil {
		return Pairing{}, err
	}
	set, err := s.relaysOf(ctx, c, p)
	if err != nil {
		return Pairing{}, err
	}
	_, apps, err := s.relays(ctx)
	if err != nil {
		return Pairing{}, err
	}
	via := set.ways(namePair)
	base := c.appFor(apps, len(via) > 0)
	link := invite.Pairing{Way: webid.Way{Pod: c.PodURL(name), Issuer: c.Issuer()}, Secret: secret}
	if len(via) > 0 {
		link.Via, link.Key = via[:min(len(via), linkRelays)], p.keys.agreement.Public()
	}
	text, err := link.URL(base)
	for err == nil && len(text) > linkMost && len(link.Via) > 1 {
		link.Via = link.Via[:len(link.Via)-1]
		text, err = link.URL(base)
	}
	return Pairing{Pod: c.PodURL(name), Link: text, Expires: expires, ForPhones: forPhones(base), Relays: set.urls(), via: link.Via}, err
}

// A link has a QR code that fits a terminal of 40 lines: of two relays, for when one is down, unless their addresses
// are long. The phone learns of the others at the pod.
const (
	linkRelays = 2
	linkMost   = 321 // characters
)

// relaysOf returns by which relays a person is reached, whether or not the server runs.
func (s *state) relaysOf(ctx context.Context, c Config, p person) (relays, error) {
	if !p.paired() {
		prepared, err := s.reaching(ctx, p.name)
		return prepared.draft, err
	}
	text, err := os.ReadFile(filepath.Join(c.tree(p.name), filepath.FromSlash(relaysPath)))
	if errors.Is(err, fs.ErrNotExist) {
		return relays{}, nil
	}
	if err != nil {
		return relays{}, fmt.Errorf("read relays: %w", err)
	}
	return parseRelays(text)
}

// pairBody bounds what a device may send to pair.
const pairBody = 64 << 10

// pairRequest is the body of POST .pair: of a person's first phone, with its lists, or of another
// device of the owner, with its key and a mac that only the device which made the link can check.
type pairRequest struct {
	Secret     string          `json:"secret"`
	Name       string          `json:"name"`
	DeviceList string          `json:"device_list"`
	Keys       string          `json:"keys"`
	Kid        string          `json:"kid"`
	Agree      json.RawMessage `json:"agree"`
	MAC        string          `json:"mac"`
}

// servePair answers `.pair`, where a device pairs with the pod, and `.pair/links`, where the owner's
// app registers links for further devices and sees who waits to be let in.
func (h *home) servePair(w http.ResponseWriter, r *http.Request, agent webid.Agent, rest string) error {
	switch {
	case rest == "" && r.Method == http.MethodPost:
		return h.pair(w, r)
	case rest == "":
		return allow(w, "POST, OPTIONS")
	case r.Method == http.MethodPost:
		return asOwner(agent, func() error { return h.asAdmin(r.Context(), agent, func() error { return h.keepLink(w, r) }) })
	case r.Method == http.MethodGet:
		return asOwner(agent, func() error { return h.listJoining(w, r) })
	}
	return allow(w, "GET, POST, OPTIONS")
}

// asAdmin lets the owner's devices through that may name further ones.
func (h *home) asAdmin(ctx context.Context, a webid.Agent, do func() error) error {
	p, err := h.realm.person(ctx)
	if err != nil {
		return err
	}
	if !p.lists.Devices.Can(a.Key(), "admin") {
		return acl.ErrForbidden
	}
	return do()
}

func (h *home) pair(w http.ResponseWriter, r *http.Request) error {
	var req pairRequest
	if err := readJSON(w, r, pairBody, &req); err != nil {
		return err
	}
	kind, err := h.state.pairingKind(r.Context(), h.name, req.Secret)
	if err != nil {
		return err
	}
	if kind == kindDevice {
		return h.join(w, r, req)
	}
	err = h.pairPhone(r.Context(), req)
	if outdated(err) {
		return h.tellLists(w, r, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return h.introduce(w, r)
}

// outdated reports whether lists were refused because the person has others since: a device that was away takes these,
// and pairs by the same link.
func outdated(err error) bool {
	var verdict webid.Verdict
	return errors.As(err, &verdict) && (verdict == "stale" || verdict == "same epoch, different list")
}

// pairPhone makes the person of the phone's device list the owner of this pod, or takes in a newer
// list of the person who already is.
func (h *home) pairPhone(ctx context.Context, req pairRequest) error {
	ctx = context.WithoutCancel(ctx) // a phone that hangs up must not leave half a pairing
	err := h.state.pairPhone(ctx, h.name, req.Secret, func(p *person) error {
		list, err := webid.ParseDeviceList(req.DeviceList)
		if err != nil {
			return err
		}
		if p.paired() && p.label != list.Label {
			return ErrOwned
		}
		p.label, p.title = list.Label, clip(req.Name, maxTitle)
		p.lists, err = p.lists.Accept(req.DeviceList, req.Keys, h.state.now())
		return err
	})
	if err != nil {
		return err
	}
	h.realm.forget()
	defer h.reach.kick()
	return h.settle(ctx)
}

// introduce tells the phone the pod's own keys, for its device list.
func (h *home) introduce(w http.ResponseWriter, r *http.Request) error {
	p, err := h.realm.person(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{
		"webid": h.realm.Owner(), "issuer": h.issuer, "pod": h.url,
		"device": map[string]any{"kid": p.kid(), "name": "My pod", "agree": p.keys.agreement.Public()},
	})
}

// join records a device that waits to be let in.
func (h *home) join(w http.ResponseWriter, r *http.Request, req pairRequest) error {
	key, err := webid.ParseKey(req.Kid)
	if err != nil {
		return err
	}
	var agree webid.Key
	if err := json.Unmarshal(req.Agree, &agree); err != nil || len(req.MAC) != macLength {
		return webid.Malformed
	}
	j := joining{Kid: key.String(), Name: clip(req.Name, maxTitle), Agree: req.Agree, MAC: req.MAC}
	if err := h.state.addJoining(r.Context(), h.name, req.Secret, j); err != nil {
		return err
	}
	return h.tellLists(w, r, http.StatusAccepted)
}

// tellLists answers with the person's lists, by which a device that holds a link learns who they are now.
func (h *home) tellLists(w http.ResponseWriter, r *http.Request, status int) error {
	p, err := h.realm.person(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, status, map[string]string{"label": p.label, "device_list": p.lists.Devices.String(), "keys": p.lists.Keys.String()})
}

// macLength is that of 32 bytes in base64url.
const macLength = 43

func (h *home) keepLink(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Secret string `json:"secret"`
	}
	if err := readJSON(w, r, pairBody, &req); err != nil {
		return err
	}
	if len(req.Secret) != macLength {
		return fmt.Errorf("%w: secret is 32 bytes in base64url", webid.Malformed)
	}
	expires, err := h.state.keepPairing(r.Context(), h.name, kindDevice, req.Secret)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, map[string]any{"expires": expires.UTC().Truncate(time.Second)})
}

// listJoining tells who waits; a device that the list names by now waits no more.
func (h *home) listJoining(w http.ResponseWriter, r *http.Request) error {
	p, err := h.realm.person(r.Context())
	if err != nil {
		return err
	}
	waiting, err := h.state.joinings(r.Context(), h.name)
	if err != nil {
		return err
	}
	joins := []joining{}
	for _, j := range waiting {
		if !p.lists.Devices.Has(j.Kid) {
			joins = append(joins, j)
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"joins": joins})
}
