// Package acl is the only door to a pod: Web Access Control for one owner's
// resources. A [Guard] holds the store; [Guard.As] gives a [View], which is all
// that one agent may see and do. Each method of a View resolves the name,
// decides, and acts under one lock of the store, so that the name that is
// checked is the name that is read or written.
//
// It is not an authenticator (webid is) and speaks no HTTP (ldp does). It opens no
// network connection: who is in a group outside of this pod it asks of
// [Config.Groups], and without an answer nobody is.
//
// # What decides
//
//	own ACL present      its rules with acl:accessTo <the resource>
//	else                 nearest ancestor's ACL, its rules with acl:default <that ancestor>
//	an ACL resource      Control over its subject, for reading and writing alike
//	a description        what its subject allows
//
// One document decides; documents are never merged. A rule counts when it is
// typed acl:Authorization and has object, mode and subject. Rules that do not
// count grant nothing, and a document that cannot be parsed grants nothing to
// anybody. The owner has Control everywhere, whatever is written.
//
// The classes foaf:Agent and acl:AuthenticatedAgent count only where the owner
// allows them in /settings/classes, which is JSON:
//
//	{"/public/": ["http://xmlns.com/foaf/0.1/Agent"]}    that container and all below
//
// Built in are three uses: Read of /social/posts/ itself and Append to /inbox/
// itself for contacts, and Read of /profile/card for everybody. An acl:origin on a rule narrows that rule for
// requests that carry an Origin.
//
// # Groups elsewhere
//
// A decision never waits for another server with the lock of the store held. What
// it would like to know of such groups it notes, as if they had no members; the
// lock is given back, the groups are fetched, and the decision is made again with
// what was found. More members could only give more rights, so a write that
// was allowed without them stands. Only agents who are somebody cause a fetch, of
// eight groups for a request at most. Marks in feeds know no members elsewhere.
//
// # Patches
//
// [View.Patch] decides by what the patch asks for before it looks at the graph. It
// reads, changes and stages outside of the lock, then decides again under the lock,
// and writes only over the state that it has read; else it begins anew. One patch
// of a resource is made at a time, so that only other writes can come between, and
// one graph of a pod is read at a time.
//
// # What is under way
//
// What lies in memory for requests is bounded for the pod, for each agent, and for
// all who are no contacts: a [Room] holds it, from the first byte of a graph that
// comes, or of a representation that is made, until the request ends. Bodies for a
// container to which an agent may only add are bounded in number and in bytes, for
// each contact and for each address of others. Who finds no room gets ErrBusy.
//
// # What one may not see
//
// An agent without any access mode on a resource gets the answer for a resource
// that does not exist (protocol §3.1): what is absent is told only to those who
// would inherit Read there, passing over containers that are hidden from them;
// the others are refused. Listings, their digests and times, and feeds are
// computed from what the agent may read. A container's time, for all but the
// owner, is that of its newest visible resource: were it the time of the last
// change of membership, it would move with members that are hidden.
//
// # Feeds
//
// The store keeps one row for each resource with its last change, and with each
// change of access what [View.Changes] must tell and to whom, as marks:
//
//	-IRI   who lost Read of the post by that change
//	+IRI   who won it
//	~IRI   who could read what was deleted in the post
//	!IRI   on a tombstone: who could read the post at the end
//	=name  beside others: by which name feeds tell of the post
//
// IRI is that of an agent or of a class. Marks are computed under the lock of the
// write that causes them, so a friend learns of exactly the posts that the friend
// could read, and of no other change.
//
// A [Place] in a feed is understood by all responders of the owner: it says of
// which writes the agent knows. To make one, a Guard keeps the versions of all
// resources in posts and of all marks in memory, from the first listing on.
//
// # Watches
//
// A [Watch] remembers what one agent has been told of a topic, and compares it with
// what the agent may see. It looks at the rows that have changed, and at all below
// the topic when rights may have: an ACL at, below or above it, a group that decided
// before, what is gone without having been known. Whoever deletes a topic notes
// first, under the same lock, which Watches can read it: they alone are told.
//
// # Goroutines
//
// A Guard owns one goroutine, which waits for commits of the store and cuts the
// open streams of agents who lost their right ([Answer.Context]). [Guard.Close]
// stops it and waits. Views and Answers may be used by any goroutine.
package acl
