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
//	GET HEAD   the bytes as stored, with ranges and conditions; containers as
//	           Turtle; /x for an existing /x/ and the other way round: 301
//	OPTIONS    what the name allows, alike for every agent and whether or not
//	           anything is there
//	PUT        make or replace a resource; make a container, never change one
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
// A resource has one representation, the one stored, and a container one, made
// by listing. Whoever adds another gives it a strong ETag of its own and chooses
// in Handler.content.
//
// # Goroutines
//
// None are started. A body is sent in the goroutine of the request; when
// [acl.Answer.Context] ends, the connection's write deadline is moved to the
// past so that a blocked write returns at once, and the response is aborted.
package ldp
