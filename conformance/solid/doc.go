// Package solid is a black-box suite for any Solid server: it takes the URL of a container and the client
// credentials of two people, and reports clause by clause what holds.
//
// It shares no code with the server of this module and knows nothing of it. What it needs of Turtle, Link
// headers, DPoP and OpenID it reads and writes itself, with the standard library, golang-jwt as its JOSE and
// coder/websocket for one kind of channel. It is not a load test, and it judges no server on speed.
//
//	Config       the server, and who asks it: Alice, who may do all in the container, and Bob, whom she may let in
//	Run          runs the cases, a few at a time, each in a container of its own below Config.URL
//	Report       the outcome of each case, by clause, as text or JSON
//	Cases        what would be run
//	Deviations   the outcomes that are known of one server, with reasons, and how a report differs from them
//	StartKith    the binary of this module on a free port of this machine, with Alice and Bob on it
//	StartCSS     the same of Community Solid Server, the control
//
// A case is named after the clause that it holds a server to, and says in a few words what it asks:
//
//	solid-protocol#server-post-uri-assignment/slug-is-used
//	└─ specification  └─ clause               └─ case
//
// The clause is an anchor in the text of the specification; docs/specs.txt lists them all. Rows of the permission
// table (permissions.txt) become cases in the same way, one for each method.
//
// A case stops at the first thing that is not as it should be; the report gives that request and answer. A
// case whose subject the server does not offer, such as a channel type or a second syntax of patches, is
// skipped, and the report says why.
//
// No cookie is kept, no redirect followed, nothing decompressed. The suite writes below Config.URL only, but
// it also tries what must be refused: DELETE of the storage's root is one such request. Give it a pod that
// holds nothing else.
//
// Goroutines: Run starts a few workers and waits for them. Where Config.Elsewhere is set, Run serves on it,
// until it returns, what a server has to find on the web: an issuer, profiles, groups, and a receiver of
// webhooks. Each started server has one goroutine that waits for its process.
package solid
