package ldp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

const (
	solidNS       = "http://www.w3.org/ns/solid/terms#"
	notifyNS      = "http://www.w3.org/ns/solid/notifications#"
	notifyContext = "https://www.w3.org/ns/solid/notifications-context/v1"
	lwsNS         = "https://www.w3.org/ns/lws#"
)

// Service is something that a pod offers beside its resources, named in the
// description of the storage: a subscription service of Solid Notifications where
// Type is the IRI of a kind of channel, else a service of Linked Web Storage.
type Service struct {
	ID       string   // URL
	Type     string   // IRI, or a name of LWS
	Features []string // names of the notification features that it has
}

// subscribes reports whether s is a subscription service.
func (s Service) subscribes() bool { return strings.HasPrefix(s.Type, notifyNS) }

// ServeDescription answers for the description of the storage, at
// Config.Description, as JSON-LD, Turtle or application/lws+json (Solid Protocol
// §server-storage-description, LWS §storage-description). It is for contacts, for
// who may read the root, and for who is somebody and may read the owner's profile;
// others get the answer for what does not exist. What is returned is as from
// [Handler.Serve].
func (h *Handler) ServeDescription(w http.ResponseWriter, r *http.Request, view *acl.View) error {
	if r.Method == http.MethodOptions {
		h.describeStorage(w.Header())
	}
	if CORS(w, r) {
		return nil
	}
	return h.Refuse(w, r, h.storage(w, r, view.From(r.Header.Get("Origin"))))
}

func (h *Handler) storage(w http.ResponseWriter, r *http.Request, view *acl.View) error {
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodGet, http.MethodHead:
	default:
		w.Header().Set("Allow", storageMethods)
		return refusal{http.StatusMethodNotAllowed, "The method is not allowed here."}
	}
	if err := h.mayReadStorage(r, view); err != nil {
		return err
	}
	offers := []string{typeJSONLD, typeTurtle, typeLWS}
	typ, ok := parseAccept(r.Header.Values("Accept")).choose(offers)
	if !ok {
		return notAcceptable(offers)
	}
	text, err := h.storageText(typ)
	if err != nil {
		return err
	}
	h.describeStorage(w.Header())
	sum := sha256.Sum256(text)
	w.Header().Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`)
	w.Header().Set("Content-Type", typ)
	protect(w.Header(), typ)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	return nil
}

const storageMethods = "GET, HEAD, OPTIONS"

// linkStorage names the description of the storage.
func (h *Handler) linkStorage(header http.Header) {
	if h.config.Description != "" {
		link(header, h.config.Description, solidNS+"storageDescription")
		link(header, h.config.Description, lwsNS+"storageDescription")
	}
}

func (h *Handler) describeStorage(header http.Header) {
	header.Set("Allow", storageMethods)
	link(header, ldpNS+"Resource", "type")
	h.linkStorage(header)
}

// mayReadStorage is nil for contacts, the owner, who may read the root, and who is
// somebody and may read the owner's profile. The profile names the pod already;
// without this, who is given a single resource by their WebID would find no
// channel that tells of its changes.
func (h *Handler) mayReadStorage(r *http.Request, view *acl.View) error {
	a := view.Agent()
	if a.Owner() || a.Contact() != "" || mayRead(r, view, pod.Root) {
		return nil
	}
	profile, err := pod.ParsePath("/profile/card")
	if err == nil && !a.Anonymous() && mayRead(r, view, profile) {
		return nil
	}
	return h.absent(r, view)
}

func mayRead(r *http.Request, view *acl.View, p pod.Path) bool {
	found, err := view.Stat(r.Context(), p)
	return errors.Join(err, found.Close()) == nil
}

// absent returns the answer for a resource of the root that does not exist.
func (h *Handler) absent(r *http.Request, view *acl.View) error {
	p, err := pod.ParsePath("/" + strings.TrimPrefix(h.config.Description, h.config.Base))
	if err != nil {
		return err
	}
	a, err := view.Stat(r.Context(), p)
	if err == nil { // a file of that name is not to be had by it
		err = pod.ErrNotExist
	}
	a.Close()
	return err
}

func (h *Handler) storageText(typ string) ([]byte, error) {
	switch typ {
	case typeTurtle:
		return h.storageTurtle()
	case typeLWS:
		return json.Marshal(h.storageLWS())
	}
	return json.Marshal(h.storageJSONLD())
}

// storageDescription is the description in JSON-LD (Solid Notifications
// §description-resource-data-model).
type storageDescription struct {
	Context      []string       `json:"@context"`
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Subscription []subscription `json:"subscription,omitempty"`
}

type subscription struct {
	ID          string   `json:"id"`
	ChannelType string   `json:"channelType"`
	Feature     []string `json:"feature,omitempty"`
}

func (h *Handler) storageJSONLD() storageDescription {
	d := storageDescription{Context: []string{notifyContext}, ID: h.config.Base, Type: pimStorage}
	for _, s := range h.config.Services {
		if s.subscribes() {
			d.Subscription = append(d.Subscription, subscription{s.ID, s.Type, s.features()})
		}
	}
	return d
}

func (s Service) features() []string {
	var all []string
	for _, f := range s.Features {
		all = append(all, notifyNS+f)
	}
	return all
}

func (h *Handler) storageTurtle() ([]byte, error) {
	var g rdf.Graph
	self, term := rdf.IRITerm(rdf.IRI(h.config.Base)), func(s string) rdf.Term { return rdf.IRITerm(rdf.IRI(s)) }
	triples := []rdf.Triple{{S: self, P: isA, O: term(pimStorage)}}
	for _, s := range h.config.Services {
		if !s.subscribes() {
			continue
		}
		triples = append(triples, rdf.Triple{S: self, P: term(notifyNS + "subscription"), O: term(s.ID)},
			rdf.Triple{S: term(s.ID), P: term(notifyNS + "channelType"), O: term(s.Type)})
		for _, f := range s.features() {
			triples = append(triples, rdf.Triple{S: term(s.ID), P: term(notifyNS + "feature"), O: term(f)})
		}
	}
	for _, t := range triples {
		if err := g.Add(t); err != nil {
			return nil, fmt.Errorf("describe storage: %w", err)
		}
	}
	var out bytes.Buffer
	err := rdf.Encode(&out, &g, prefixes, rdf.IRI(h.config.Description))
	return out.Bytes(), err
}

// lwsStorage is the description in the terms of Linked Web Storage.
type lwsStorage struct {
	Context []string     `json:"@context"`
	ID      string       `json:"id"`
	Type    string       `json:"type"`
	Service []lwsService `json:"service"`
}

type lwsService struct {
	Type             string   `json:"type"`
	Endpoint         string   `json:"serviceEndpoint"`
	SubscriptionType []string `json:"subscriptionType,omitempty"`
}

func (h *Handler) storageLWS() lwsStorage {
	d := lwsStorage{[]string{"https://www.w3.org/ns/cid/v1", lwsContext}, h.config.Base, "Storage",
		[]lwsService{{Type: "StorageRoot", Endpoint: h.config.Base}}}
	for _, s := range h.config.Services {
		if s.subscribes() {
			d.Service = append(d.Service, lwsService{"NotificationService", s.ID, []string{s.Type}})
		} else {
			d.Service = append(d.Service, lwsService{Type: s.Type, Endpoint: s.ID})
		}
	}
	return d
}
