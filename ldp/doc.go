// Package ldp speaks the Solid protocol for one agent: it turns HTTP requests on
// the resources and containers of a pod into calls of an [acl.View], and what
// comes back into responses.
//
// It decides nothing about access and holds no pod. It does not authenticate
// either: who asks is settled before, and a View of that agent is handed to
// [Handler.Serve]. The same handler answers over HTTPS and for sealed requests.
//
// # Methods
//
//	GET HEAD   the bytes as stored or another syntax of the same graph, with
//	           ranges and conditions; containers as listings; /x for an existing
//	           /x/ and the other way round: 301
//	OPTIONS    what the name allows, alike for every agent and whether or not
//	           anything is there; in a preflight too
//	PUT        make or replace a resource; make a container, never change one
//	PATCH      change a graph or make one, by text/n3 or application/sparql-update
//	POST       make a member of a container, named by Slug or at random
//	DELETE     a resource or an empty container; never the root or its ACL
//
// Anything else is 405. Conditions on writes are decided by acl under the lock
// of the write. If-Modified-Since is ignored on containers: for all but the
// owner a container's time can go back.
//
// # What every response carries
//
// CORS headers for any Origin, "null" included, errors too; Vary. Pod content
// additionally: Cache-Control no-store, so that deleted things do not live on in
// a browser's cache; nosniff and a sandbox, so that nothing uploaded runs in the
// origin of the app, and Content-Disposition attachment for whatever a browser
// could run.
//
// Errors are problem details (RFC 9457) with fixed texts, so that a hidden and
// an absent resource read alike (protocol §3.1).
//
// # Other representations
//
//	stored Turtle, JSON-LD, N-Triples   each other; the one stored where wanted alike
//	container                           Turtle, JSON-LD, application/lws+json in pages
//	<pod>.storage                       JSON-LD, Turtle, application/lws+json
//
// Handler.represent chooses by Accept, and answers 406 where nothing fits; other
// resources have one representation, which is sent whatever is asked for. The
// representation stored, or a container's Turtle, has the ETag of the state; each
// other has that ETag with a suffix, by which conditions of writes find the state
// again. What is made is made only when it is asked for, two at a time for each
// pod, and has an [acl.Room] until it has been sent. What does not parse, or would
// never have room, is sent as it is stored.
//
// # Goroutines
//
// None are started. A body is sent in the goroutine of the request; when
// [acl.Answer.Context] ends, the connection's write deadline is moved to the
// past so that a blocked write returns at once, and the response is aborted.
package ldp
