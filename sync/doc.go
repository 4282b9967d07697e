// Package sync tells who asks what is new: friends of the posts that they may
// read, through the door and the feed; the owner's other devices of every
// resource, through the replica; and who subscribes of what may be read of a
// topic, through channels.
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
// A cursor is a place among the changes that one agent may see, sealed so that it
// tells nothing. All responders of a person make and read the same kind, under a
// key that they share: it says of which writes the agent has been told, so that
// another goes on from there, or answers that it lags behind (503); and so it does
// where a request below social/ brings such a cursor as Kith-Seen. It is of constant
// size, and one place of one agent has one cursor on one day: what is hidden from
// the agent does not move it. All pages of one listing carry the cursor of the
// first, so that what happens while they are read is told afterwards. After 80
// days, with another grant, key or other names of the agent, and when the pod's
// index was made anew, a cursor is gone (410) and the listing is read again.
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
// # Channels (Solid Notifications Protocol 0.3; protocol §Notifications)
//
//	GET, HEAD, OPTIONS .channels/           the services: {"id", "subscription":[{"id","channelType","feature"}]}
//	GET, HEAD, OPTIONS .channels/<service>  one of them: websocket, events, stream, webhook
//	POST .channels/<service>                {"@context","type","topic", "sendTo"?, features} opens a channel:
//	                                        {"@context","id","type","topic","receiveFrom" | "sendTo","sender","endAt", features}
//	GET, DELETE .channels/<service>/<id>    tells who subscribed of it, ends it
//	GET .channels/<service>/<id>/<key>      receives, at websocket, events and stream
//
//	{"@context":[AS2, notify], "id":"urn:uuid:…", "type":"Add|Update|Remove|Delete",
//	 "object":"<URL>", "target":"<URL of the container>", "state":"<ETag>", "published":"<RFC 3339>"}
//
// A channel queues nothing. It holds an acl.Watch, which knows what its agent was
// told, and is asked for the difference to what the agent may see now; an event
// counts as told when it was sent. So a client that is slow, or away for a while,
// costs no memory and misses nothing, and what is hidden cannot get in. Each event
// is judged once more before it is sent. When the pod changes, a channel looks at
// the next tenth of a second, counted from its own beginning: the time of a
// notification does not depend on what else happened before.
//
// # Goroutines
//
// A request that waits does so in the goroutine that serves it, with no lock and no
// transaction held. A channel that is received from has one more, for signs of
// life, which ends before the request does; a webhook has one of its own, from the
// subscription to the channel's end. [Channels.Close] ends both kinds and waits.
package sync
