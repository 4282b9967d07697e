package rdf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// vocabularyTerms is a context that is built in, in a short form: the members it
// has beside its terms, and its terms by the type of their values. A term stands
// as "name" for the IRI namespace+name, or as "name=prefix:rest".
type vocabularyTerms struct {
	urls      []string
	namespace string
	members   map[string]any
	prefixes  map[string]string
	terms     []typedTerms
}

type typedTerms struct{ kind, container, names string }

// known are the contexts that are built in: those that Solid's own documents and
// their neighbours name. Each holds the terms of its specification, all at the
// top level, and is never fetched.
var known = []vocabularyTerms{
	{ // Activity Streams 2.0, and the terms of ActivityPub
		urls:      []string{"https://www.w3.org/ns/activitystreams", "http://www.w3.org/ns/activitystreams"},
		namespace: "https://www.w3.org/ns/activitystreams#",
		members:   map[string]any{"@vocab": "_:"},
		prefixes:  map[string]string{"as": "https://www.w3.org/ns/activitystreams#", "ldp": "http://www.w3.org/ns/ldp#", "vcard": "http://www.w3.org/2006/vcard/ns#"},
		terms: []typedTerms{
			{"", "", `Accept Activity IntransitiveActivity Add Announce Application Arrive Article Audio Block Collection
				CollectionPage Create Delete Dislike Document Event Flag Follow Group Ignore Image Invite Join Leave Like
				Link Listen Mention Move Note Object Offer OrderedCollection OrderedCollectionPage Organization Page Person
				Place Profile Question Read Reject Relationship Remove Service TentativeAccept TentativeReject Tombstone
				Travel Undo Update Video View IsFollowing IsFollowedBy IsContact IsMember
				content hreflang mediaType name preferredUsername rel source summary units`},
			{"@id", "", `Public actor alsoKnownAs anyOf attachment attributedTo audience bcc bto cc context current describes
				endpoints first followers following formerType generator href icon image inReplyTo inbox=ldp:inbox
				instrument items last liked likes location next oauthAuthorizationEndpoint oauthTokenEndpoint object oneOf
				origin outbox partOf prev preview provideClientKey proxyUrl relationship replies result sharedInbox shares
				signClientKey streams subject tag target to uploadMedia url`},
			{"@id", "@list", "orderedItems=as:items"},
			{"", "@language", "contentMap=as:content nameMap=as:name summaryMap=as:summary"},
			{"xsd:dateTime", "", "closed deleted endTime published startTime updated"},
			{"xsd:duration", "", "duration"},
			{"xsd:float", "", "accuracy altitude latitude longitude radius"},
			{"xsd:nonNegativeInteger", "", "height startIndex totalItems width"},
		},
	},
	{ // Solid Notifications Protocol
		urls: []string{"https://www.w3.org/ns/solid/notification/v1", "https://www.w3.org/ns/solid/notifications/v1",
			"https://www.w3.org/ns/solid/notifications-context/v1"},
		namespace: "http://www.w3.org/ns/solid/notifications#",
		members:   map[string]any{"@protected": true},
		prefixes:  map[string]string{"notify": "http://www.w3.org/ns/solid/notifications#"},
		terms: []typedTerms{
			{"", "", "accept state"},
			{"@id", "", "channel receiveFrom sendTo sender subscription topic"},
			{"@vocab", "", "channelType feature"},
			{"xsd:dateTime", "", "endAt startAt"},
			{"xsd:duration", "", "rate"},
		},
	},
	{ // Solid-OIDC, client identifier documents
		urls:      []string{"https://www.w3.org/ns/solid/oidc-context.jsonld"},
		namespace: "http://www.w3.org/ns/solid/oidc#",
		members:   map[string]any{"client_id": "@id"},
		prefixes:  map[string]string{"oidc": "http://www.w3.org/ns/solid/oidc#"},
		terms: []typedTerms{
			{"", "", "application_type client_name contacts grant_types response_types scope token_endpoint_auth_method"},
			{"@id", "", "client_uri logo_uri policy_uri post_logout_redirect_uris redirect_uris tos_uri"},
			{"xsd:boolean", "", "require_auth_time"},
			{"xsd:integer", "", "default_max_age"},
		},
	},
	{ // Controlled Identifiers 1.0 and Decentralized Identifiers 1.0
		urls: []string{"https://www.w3.org/ns/cid/v1", "https://www.w3.org/ns/did/v1",
			"https://w3id.org/security/jwk/v1", "https://w3id.org/security/multikey/v1"},
		namespace: "https://w3id.org/security#",
		members:   map[string]any{"@protected": true},
		prefixes:  map[string]string{"as": "https://www.w3.org/ns/activitystreams#", "did": "https://www.w3.org/ns/did#", "sec": "https://w3id.org/security#"},
		terms: []typedTerms{
			{"", "", "JsonWebKey Multikey"},
			{"@id", "", "alsoKnownAs=as:alsoKnownAs controller serviceEndpoint=did:serviceEndpoint"},
			{"@id", "@set", `assertionMethod authentication=sec:authenticationMethod
				capabilityDelegation=sec:capabilityDelegationMethod capabilityInvocation=sec:capabilityInvocationMethod
				keyAgreement=sec:keyAgreementMethod service=did:service verificationMethod`},
			{"@json", "", "publicKeyJwk secretKeyJwk"},
			{"sec:multibase", "", "publicKeyMultibase secretKeyMultibase"},
			{"xsd:dateTime", "", "expires=sec:expiration revoked"},
		},
	},
}

// ErrContext says, with ErrSyntax, that a JSON-LD document names a context that is
// not built in: it may be well formed, but nobody here knows what it means.
var ErrContext = errors.New("context not known")

// builtIn returns the context that a URL names. No other is ever loaded
// (JSON-LD 1.1 API §10).
func builtIn(url string) (any, error) {
	for i := range known {
		if slices.Contains(known[i].urls, url) {
			return known[i].context(), nil
		}
	}
	return nil, fmt.Errorf("%w: loading remote context failed: %w: %.200q is not built in, and contexts are not fetched; write its terms into the document", ErrSyntax, ErrContext, url)
}

// context writes a built-in context out.
func (v *vocabularyTerms) context() *object {
	o := new(object)
	o.set("id", "@id")
	o.set("type", "@type")
	for name, value := range v.members {
		o.set(name, value)
	}
	o.set("xsd", xsdNS)
	for name, iri := range v.prefixes {
		o.set(name, iri)
	}
	for _, group := range v.terms {
		for _, name := range strings.Fields(group.names) {
			name, iri, elsewhere := strings.Cut(name, "=")
			if !elsewhere {
				iri = v.namespace + name
			}
			o.set(name, group.definition(iri))
		}
	}
	return o
}

func (t typedTerms) definition(iri string) any {
	if t.kind == "" && t.container == "" {
		return iri
	}
	d := &object{keys: []string{"@id"}, values: []any{iri}}
	if t.kind != "" {
		d.set("@type", t.kind)
	}
	if t.container != "" {
		d.set("@container", t.container)
	}
	return d
}
