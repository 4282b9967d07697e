package server

import (
	"encoding/json"
	"fmt"
	"strings"

	"kith/internal/rdf"
)

// givesKey are the properties by which a document gives somebody a key to sign in with as the one whom it is
// about. (W3C CID §authentication; WebID-TLS §profile)
var givesKey = []rdf.Term{
	rdf.IRITerm("https://w3id.org/security#authenticationMethod"),
	rdf.IRITerm("https://w3id.org/security#authentication"),
	rdf.IRITerm("http://www.w3.org/ns/auth/cert#key"),
}

var (
	didService  = rdf.IRITerm(didNS + "service")
	didEndpoint = rdf.IRITerm(didNS + "serviceEndpoint")
	isProvider  = rdf.IRITerm(lwsNS + "OpenIdProvider")
)

// otherWays returns what else than solid:oidcIssuer in a profile lets somebody sign in as the owner, me, without
// this host: keys, and other OpenID providers.
func (h *home) otherWays(g *rdf.Graph, me rdf.Term) (found []rdf.Triple) {
	for _, p := range givesKey {
		for _, o := range g.Objects(me, p) {
			found = append(found, rdf.Triple{S: me, P: p, O: o})
		}
	}
	for _, service := range g.Objects(me, didService) {
		if !g.Has(rdf.Triple{S: service, P: rdf.IRITerm(rdfType), O: isProvider}) {
			continue
		}
		for _, at := range g.Objects(service, didEndpoint) {
			if !h.answersFor(at) && at != rdf.Literal(h.issuer) {
				found = append(found, rdf.Triple{S: me, P: didService, O: service})
				break
			}
		}
	}
	return found
}

// onlyOurs reports whether a profile names no key and no provider but this one as those find it who read a
// Controlled Identifier document: by the names of its members, whatever its context makes of them.
// (W3C CID §service, §authentication)
func (h *home) onlyOurs(mediaType string, text []byte) bool {
	var members map[string]any
	if !strings.Contains(strings.ToLower(mediaType), "json") || json.Unmarshal(text, &members) != nil {
		return true
	}
	if members["authentication"] != nil {
		return false
	}
	services, ok := members["service"].([]any)
	if !ok && members["service"] != nil {
		services = []any{members["service"]}
	}
	for _, each := range services {
		service, ok := each.(map[string]any)
		if !ok || strings.Contains(fmt.Sprint(service["type"]), "OpenIdProvider") && service["serviceEndpoint"] != h.issuer {
			return false
		}
	}
	return true
}
