package acl

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"kith/pod"
	"kith/webid"
)

// ErrUnauthenticated refuses an agent who proved nothing (401).
var ErrUnauthenticated = errors.New("credentials are needed")

// ErrForbidden refuses an agent who is known (403).
var ErrForbidden = errors.New("access denied")

// ErrMalformed refuses a write of an ACL document that does not parse (422).
var ErrMalformed = errors.New("not a well-formed document")

// ErrLockout refuses a change of the root ACL that would take Control of the
// pod from its owner (422).
var ErrLockout = errors.New("the owner would lose control of the pod")

// ErrClass refuses an ACL document that names a class of agents which the owner
// has not allowed there (422, protocol §1.2). The message says where it could be
// allowed.
var ErrClass = errors.New("classes of agents are not allowed here")

// ErrSuperseded refuses a replica's write or delete that loses to the row that
// the pod has.
var ErrSuperseded = errors.New("a newer version is here")

// ErrReplica refuses to write or delete, other than through a [Replica], what the
// server takes in from the owner's devices, and contacts by anybody but those
// devices (409).
var ErrReplica = errors.New("only the owner's devices write this, as replicas")

// ErrBody says that a body could not be read to its end from where it comes
// (400). It is joined with the error of the reader.
var ErrBody = errors.New("the body did not arrive")

// Config says whose pod a Guard guards, and its limits.
type Config struct {
	// Base is the pod's URL, with a trailing slash.
	Base string
	// Owner is the owner's WebID. A root ACL must give it Control.
	Owner webid.ID
	// Device is the did:key of the pod, by which its writes have versions. Several
	// responders of one owner are told apart by it.
	Device string
	// Groups returns the members of a group that lies outside of the pod, by its
	// IRI. It is called without a lock held, for an agent who is somebody, and may
	// take its time; it remembers what it found, for a minute at most. An error, or
	// nil in the place of Groups: the group has no members.
	Groups func(ctx context.Context, iri string) ([]webid.ID, error)
	// Profile decides whether a document of a media type may become the owner's
	// profile, /profile/card; no media type and no text stand for deleting it. It
	// may be called with the lock held, so it reads no pod. Nil lets all pass.
	Profile func(mediaType string, text []byte) error
	// Valid reports whether an agent is still who it was when it was
	// authenticated: a contact of the same grant, a device still listed. It is
	// asked when the body of a write has come, before the write waits for its
	// turn, and for streams that are open when the pod changes. It is called
	// without a lock held, so it may read the pod. Nil holds all valid.
	Valid func(context.Context, webid.Agent) bool
	// Quota bounds what agents without Control may keep in one container, in
	// bytes of its direct children. Zero stands for 64 MiB.
	Quota int64
	// MaxBody bounds one representation, in bytes. Zero stands for 1 GiB.
	MaxBody int64
	// Now is the clock. Nil stands for time.Now.
	Now func() time.Time
}

// Guard holds a pod and gives agents what they may see of it.
type Guard struct {
	store     pod.Store
	config    Config
	scope     scope
	documents cache[documentKey, *document]
	groups    cache[groupKey, group]
	settings  cache[string, allowances]
	name      string    // of this Guard among those of the pod
	maker     deviceTag // the pod, among the responders of its owner
	ledger    ledger
	first     sync.Once
	start     horizon // set by first
	horizons  cache[string, horizon]
	graves    graves
	tallies   cache[pod.Path, tally]
	intakes   intakes
	rooms     rooms
	turns     turns // at reading a graph
	patches   queues
	named     struct {
		mu   sync.Mutex
		last named
	}
	streams streams
	watches watches
	stop    func()
	done    chan struct{}
}

// New returns a Guard of a store. Its caller closes it, and the store after it.
func New(store pod.Store, c Config) *Guard {
	if c.Quota == 0 {
		c.Quota = 64 << 20
	}
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 30
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	changed, stop := store.Watch()
	ctx, cancel := context.WithCancel(context.Background())
	g := &Guard{
		store:  store,
		config: c,
		scope:  scope{base: c.Base, standIn: rand.Text()},
		name:   rand.Text(),
		maker:  tagOf(c.Device),
		stop:   sync.OnceFunc(func() { cancel(); stop() }),
		done:   make(chan struct{}),

		turns: make(turns, 1),
	}
	g.streams.next = make(chan struct{})
	go func() {
		defer close(g.done)
		g.follow(ctx, changed)
	}()
	return g
}

// Close cuts the streams that are open and waits for the Guard's goroutine. It
// leaves the store open.
func (g *Guard) Close() {
	g.stop()
	<-g.done
	g.streams.cutAll()
}

// As returns what an agent may see and do. The zero Agent is a stranger.
func (g *Guard) As(a webid.Agent) *View {
	return &View{g: g, agent: a}
}

// valid reports whether the agent may still be served.
func (g *Guard) valid(ctx context.Context, a webid.Agent) bool {
	return a.Anonymous() || g.config.Valid == nil || g.config.Valid(ctx, a)
}

// document returns the parsed ACL of a subject, whose ETag is tag. One that
// cannot be parsed, or is no Turtle, is empty: it grants nothing; and so is one
// whose file is missing, until the store has taken that in.
func (g *Guard) document(tx pod.Tx, subject pod.Path, tag string) (*document, error) {
	key := documentKey{subject.Parent(), subject.IsContainer(), tag}
	if d, ok := g.documents.get(key); ok {
		return d, nil
	}
	res, err := tx.Open(subject.ACL())
	if errors.Is(err, pod.ErrNotExist) {
		return &document{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open ACL: %w", err)
	}
	defer res.Close()
	d := &document{}
	if mediaType(res.Info().Type) == typeTurtle {
		parsed, err := g.scope.parse(res, subject)
		if err != nil && !errors.Is(err, ErrMalformed) {
			return nil, err
		}
		if err == nil {
			d = parsed
		}
	}
	key.etag = res.Info().ETag
	g.documents.put(key, d)
	return d, nil
}

// members returns the members of a group, and whether it lies in this pod. A group
// that lies elsewhere, is absent or cannot be parsed has none.
func (g *Guard) members(tx pod.Tx, iri string) (all []webid.ID, here bool, err error) {
	p, here := g.scope.path(withoutFragment(iri))
	if !here || p.IsContainer() || p.Subject() != p {
		return nil, here, nil
	}
	info, ok, err := stat(tx, p)
	if err != nil || !ok {
		return nil, true, err
	}
	if _, may := groupSyntax(p, info.Type); !may {
		return nil, true, nil
	}
	key := groupKey{p, info.ETag}
	parsed, ok := g.groups.get(key)
	if !ok {
		if parsed, key.etag, err = g.readGroup(tx, p); err != nil {
			return nil, true, err
		}
		g.groups.put(key, parsed)
	}
	return parsed[iri], true, nil
}

func (g *Guard) readGroup(tx pod.Tx, p pod.Path) (group, string, error) {
	res, err := tx.Open(p)
	if err != nil {
		return nil, "", fmt.Errorf("open group: %w", err)
	}
	defer res.Close()
	syntax, _ := groupSyntax(p, res.Info().Type)
	parsed, err := parseGroup(res, syntax, g.scope.iri(p))
	if err != nil && !errors.Is(err, ErrMalformed) {
		return nil, "", err
	}
	return parsed, res.Info().ETag, nil
}

// stat is tx.Stat with absence as a value.
func stat(tx pod.Tx, p pod.Path) (pod.Info, bool, error) {
	info, err := tx.Stat(p)
	if errors.Is(err, pod.ErrNotExist) {
		return pod.Info{}, false, nil
	}
	return info, err == nil, err
}
