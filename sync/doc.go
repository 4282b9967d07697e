// Package sync tells who asks what is new: friends of the posts that they may
// read, through the door and the feed, and the owner's other devices of every
// resource, through the replica.
//
// It is not an authenticator and holds no pod: each request comes with the
// acl.View of the agent who asks, and nothing is told here that the View does
// not. It does not map errors to statuses: a method that returns an error has
// not answered, and internal/server does it for all of them.
//
// # Door and feed (protocol §3.2)
//
//	GET social/door           who the owner is, where to reach them, where to leave messages
//	GET social/feed           the posts that the agent may read, newest name first
//	    ?limit=1..100             of so many on a page (50)
//	    &inline=1                 with each post.jsonld of up to 4 KiB in its item
//	    ?page=…                   the older ones, as `next` of the page before says
//	GET social/feed?cursor=…  what happened since, oldest first
//	    &wait=0..25               seconds to wait for something to happen (0)
//	    &limit=1..100             at most so many changes (500)
//	    &inline=1
//
//	{"@context":…, "type":"OrderedCollectionPage",
//	 "orderedItems":[{"type":"Add", "id":"urn:kith:<handle>", "object":"posts/<name>/",
//	                  "state":"<digest>", "published":"<RFC 3339>", "kith:post":{…}}],
//	 "next":"feed?…",         absent at the end
//	 "kith:cursor":"…"}       what to ask with next time
//
// An item is of type Create, Update, Add, Remove or Delete; the last two have
// type and id only. In the listing all are Add. `state` changes whenever
// something that the agent may read in the post changes.
//
// # Cursors
//
// A cursor is a position among the changes that one agent may see, sealed so
// that it tells nothing and cannot be made elsewhere. It is of constant size,
// and one position of one agent has one cursor on one day: what is hidden from
// the agent does not move it. All pages of one listing carry the cursor of the
// first, so that what happens while they are read is told afterwards. After 80
// days, with another grant or other names of the agent, and when the pod's index
// was made anew, a cursor is gone (410) and the listing is read again.
//
// # Replica (protocol §3.4)
//
//	GET    .replica?epoch=E&after=SEQ&limit=1..1000&wait=0..25
//	       {"epoch", "seq" of the last row here, "head" of all, "more", "counter", "device", "rows":[
//	         {"id","path","version":[counter,"device"],"etag","type","size","modified"},
//	         {"id","gone":true,"version":[counter,"device"]}]}
//	GET    .replica/<path>    the bytes, in ranges too, with ETag, Kith-Version, Kith-Id
//	PUT    .replica/<path>    Kith-Version: <counter>.<device>  Kith-Id: <handle>  Kith-Modified: <RFC 3339>
//	       Kith-Base: <counter>.<device>, the version that was edited, if one was
//	       200 row | 409 {"winner": row}; a container has a path with a slash at its end and no body
//	DELETE .replica/<path>    Kith-Version; 204 | 409 {"winner": row}
//
// Rows of containers have no etag, type or size. A page for another epoch than
// the pod's, or for none, begins at the start. A row whose version nobody knows
// has [0,""], which is "0." in a header; brought to the pod, it is older than all
// that is known there. An edit of another version than the one that stands loses
// whatever its own version is: its device merges the two, keeps the text that
// came second, and tries again on top of what stood.
//
// # Goroutines
//
// The package starts none. A request that waits does so in the goroutine that
// serves it, with no lock and no transaction held.
package sync
