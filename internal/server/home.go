package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"kith/acl"
	"kith/dav"
	"kith/ldp"
	"kith/pod"
	"kith/pod/folder"
	"kith/sealed"
	podsync "kith/sync"
	"kith/webid"
	"kith/webid/issuer"

	"zombiezen.com/go/sqlite"
)

// home is one person's pod as this process serves it.
type home struct {
	name   string
	left   atomic.Bool // the pod has moved to another machine
	absent bool        // its folder is missing or empty, and it has no store
	url    string
	issuer string
	state  *state
	store  *folder.Store
	realm  *realm
	shown  publication
	config Config
	// provider signs the owner in elsewhere.
	provider *issuer.Server
	guard    *acl.Guard
	ldp      *ldp.Handler
	feed     *podsync.Feed
	replica  *podsync.Replica
	who      *webid.Verifier
	// challenge sets the headers of a 401, see issuer.Server.Challenge.
	challenge func(header http.Header, realm string, err error)
	friends   *places           // those of the Server
	outside   http.RoundTripper // to addresses that are named from afar; nil for a name that nobody has
	channels  *podsync.Channels
	sealed    *sealed.Server
	reach     *reach   // nil for a name that nobody has
	direct    *directs // nil for a name that nobody has, and without the build tag webrtc
	onion     *onion   // nil without --onion
	heard     heard    // hints of friends
	present   presence // of the owner's devices
	hands     *hands
	upkeep    upkeep
	back      *bringing // nil for a name that nobody has
	backups   *backups
	drive     *dav.Handler // nil for a name that nobody has
	rooted    atomic.Bool  // the root ACL is known to be there
}

// openHome opens the folder of a person's pod and, once a phone has paired, makes sure that it has
// its root ACL.
func (s *Server) openHome(ctx context.Context, name string) (_ *home, err error) {
	if err := s.state.write(ctx, func(c *sqlite.Conn) error { return s.state.followKeys(c, name) }); err != nil {
		return nil, err
	}
	p, err := s.state.person(ctx, name)
	if err != nil {
		return nil, err
	}
	h := &home{name: name, url: s.config.PodURL(name), issuer: s.config.Issuer(), state: s.state, config: s.config, provider: s.issuer, who: s.verifier, challenge: s.issuer.Challenge, onion: s.onion, friends: &s.friends, outside: s.fetcher.Transport()}
	kept, err := s.state.backedUp(ctx, name)
	if err != nil {
		return nil, err
	}
	h.store, err = folder.Open(folder.Options{
		Tree:     s.config.tree(name),
		State:    s.config.index(name),
		Device:   p.kid(),
		MaxBytes: p.quota,
		Now:      s.config.Now,
		Followed: h.followed(),
		Known:    kept && !p.moved,
		Refilled: p.paired() && !kept,
		Empty:    p.moved,
	})
	if err != nil {
		return nil, fmt.Errorf("open the pod of %s: %w", name, s.config.awayError(err, name))
	}
	h.realm = newRealm(h.url, name, h.store, s.state)
	h.realm.grants = h.consents(s.verifier.Grants)
	h.drive = dav.New("/"+name+"/"+mount, h.url, s.config.Now)
	h.guard = acl.New(h.store, acl.Config{Base: h.url, Owner: h.realm.Owner(), Device: p.kid(), Valid: h.realm.valid, Profile: h.vet, Groups: s.members, Quota: s.config.quota, Now: s.config.Now})
	h.realm.change = h.changeContact
	h.openUpkeep()
	h.back = newBringing()
	if p.moved {
		h.upkeep.freeze()
		h.left.Store(true)
	} else if err := h.store.TakeIn(ctx, h.takenIn()); err != nil {
		return nil, errors.Join(err, h.close())
	}
	h.openDoors(s, p.kid())
	if s.config.quiet || p.moved {
		return h, nil
	}
	if p.paired() {
		err = h.settle(ctx)
	}
	if err == nil {
		_, err = h.publish(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	h.direct = h.openDirects()
	h.openReach(s.relays, s.config.Reach)
	h.openHands()
	if err := h.openBackups(); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// openDoors makes the handlers over the guard.
func (h *home) openDoors(s *Server, kid string) {
	header := http.Header{}
	h.challenge(header, h.url, nil)
	h.openChannels(s)
	h.openSealed(s, kid)
	h.ldp = ldp.New(ldp.Config{Base: h.url, Owner: h.realm.Owner(), Challenge: header.Get("WWW-Authenticate"),
		Description: h.url + ".storage", Services: h.services()})
	h.replica = podsync.NewReplica(podsync.ReplicaConfig{Device: kid, Written: h.adopt})
	h.feed = podsync.NewFeed(podsync.FeedConfig{Base: h.url, Key: h.cursorKey(s.cursorKey), Greeting: h.greeting})
}

// services are what the description of the storage names.
func (h *home) services() []ldp.Service {
	var all []ldp.Service
	for _, s := range h.channels.Services() {
		all = append(all, ldp.Service(s))
	}
	return all
}

// stranger returns the pod of a name that nobody has.
func (s *Server) stranger(name string) *home {
	h := &home{name: name, url: s.config.PodURL(name), issuer: s.config.Issuer(), state: s.state, config: s.config, provider: s.issuer, who: s.verifier,
		challenge: s.issuer.Challenge, guard: s.nothing, friends: &s.friends}
	h.realm = newRealm(h.url, name, nothing{}, s.state)
	h.openDoors(s, "")
	return h
}

func (h *home) close() error {
	h.back.close()
	h.backups.close()
	h.hands.close()
	if h.reach != nil {
		h.reach.close()
	}
	h.direct.close()
	if h.channels != nil {
		h.channels.Close()
	}
	h.guard.Close()
	return h.store.Close()
}

// owner is the View with which the server does what the owner's devices may do, as one of them.
func (h *home) owner(ctx context.Context) (*acl.View, error) {
	p, err := h.realm.person(ctx)
	if err != nil {
		return nil, err
	}
	return h.guard.As(webid.OwnerAgent(h.realm.Owner(), p.kid())), nil
}

// rootACL gives the owner everything and nobody else anything.
const rootACL = `@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <profile/card#me>;
  acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Read, acl:Write, acl:Control.
`

// postsACL lets contacts read the list of posts itself; each post has an ACL of its own.
const postsACL = `@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <../../profile/card#me>;
  acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Read, acl:Write, acl:Control.

<#friends> a acl:Authorization;
  acl:agentClass acl:AuthenticatedAgent;
  acl:accessTo <./>;
  acl:mode acl:Read.
`

// inboxACL lets one contact leave messages and nobody but the owner read them.
const inboxACL = `@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <../../../profile/card#me>;
  acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Read, acl:Write, acl:Control.

<#sender> a acl:Authorization;
  acl:agent <../../../contacts/%s/card#me>;
  acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Append.
`

// settle writes the access lists that every pod has, where they are missing: after pairing, and when
// the folder was emptied; and by which relays it is reached.
func (h *home) settle(ctx context.Context) error {
	if err := h.write(ctx, "/.acl", "text/turtle", rootACL, absent); err != nil {
		return err
	}
	if err := h.write(ctx, "/social/posts/.acl", "text/turtle", postsACL, absent); err != nil {
		return err
	}
	return h.publishRelays(ctx)
}

// absent lets a write happen only where nothing is; something there is as good.
var absent = pod.Precondition{IfNoneMatch: []string{"*"}}

// write puts a small resource of the server's own making.
func (h *home) write(ctx context.Context, path, mediaType, body string, pre pod.Precondition) error {
	p, err := pod.ParsePath(path)
	if err != nil {
		return err
	}
	v, err := h.owner(ctx)
	if err != nil {
		return err
	}
	_, _, err = v.Put(ctx, p, mediaType, strings.NewReader(body), pre)
	if errors.Is(err, pod.ErrPrecondition) && len(pre.IfNoneMatch) > 0 {
		return nil
	}
	return err
}

// adopt takes in what the owner's phone says of its person, before the write is acknowledged: lists,
// name and kit. Lists and kits that do not hold are refused, and so are relays that do not make sense, so that the folder never has
// any that the server does not honour.
func (h *home) adopt(ctx context.Context, p pod.Path, body []byte) error {
	switch p.String() {
	case "/profile/devices":
		return h.realm.pinLists(ctx, string(body), "")
	case "/profile/keys":
		return h.realm.pinLists(ctx, "", string(body))
	case "/profile/name":
		defer h.realm.forget()
		return h.state.update(ctx, h.name, func(p *person) error {
			p.title = clip(string(body), maxTitle)
			return nil
		})
	case relaysPath:
		_, err := parseRelays(body)
		return err
	case kitPath:
		return h.adoptKit(ctx, string(body))
	case backupPath:
		return h.sameKits(ctx, body)
	}
	return nil
}

// greeting is what the door tells a contact about the owner.
func (h *home) greeting(ctx context.Context, a webid.Agent) (podsync.Greeting, error) {
	p, err := h.realm.person(ctx)
	if err != nil {
		return podsync.Greeting{}, err
	}
	ways, err := h.ways(ctx, a)
	return podsync.Greeting{Label: p.label, Name: p.title, Devices: p.lists.Devices.String(), Keys: p.lists.Keys.String(), Ways: ways}, err
}

// ways returns how the owner is reached by an agent: at the pod's own address if it has one, by relays, and by Tor.
func (h *home) ways(ctx context.Context, a webid.Agent) ([]webid.Way, error) {
	name := nameOwn
	if cid := a.Contact(); cid != "" {
		name = nameContact(webid.Contact{CID: cid, Grant: a.Grant()})
	}
	return h.waysFor(ctx, name)
}

// maxWays is how many ways are told.
const maxWays = 8

// waysFor returns how whoever is told the name of a send reaches the owner.
func (h *home) waysFor(ctx context.Context, name string) ([]webid.Way, error) {
	set, err := h.relays(ctx)
	if err != nil {
		return nil, err
	}
	var all []webid.Way
	if !h.config.hidden() || len(set.Relays) == 0 {
		all = []webid.Way{{Pod: h.url, Issuer: h.issuer}}
	}
	all = append(all, set.ways(name)...)
	if onion := h.onion.way(h.name); onion != "" { // the last: few can go there
		all = append(all[:min(len(all), maxWays-1)], webid.Way{Onion: onion})
	}
	return all[:min(len(all), maxWays)], nil
}
