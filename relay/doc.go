// Package relay keeps messages for those who sleep: a blind mailbox server, its
// client, the outer hop that hides one relay's askers from another, and the
// contentless push that wakes a device.
//
// It is not where anything is read. A message is bytes that only its recipients
// can open; a queue is a random name; who may leave messages, and who may take
// them, is told by secrets of which only hashes are kept. No package of this
// module is imported: a relay knows no WebIDs, no pods and no keys of people.
//
// # Words
//
//	RELAY   the address of a relay, with a last slash: https://r.example/
//	queue   a mailbox, named by 16 random bytes
//	token   a secret by which one device reads a queue; any bytes of 16 to 64
//	send    24 random bytes, a capability: who knows it may leave messages in the one queue it belongs to
//	id      16 random bytes, a message
//	hash    SHA-256 of a token or of a send, 32 bytes
//
// In text and in URLs bytes are base64url without padding (b64u). Integers are
// big-endian. A message, and an answer, has 1 to 1,114,112 bytes (1 MiB + 64 KiB).
//
// # Requests
//
// Every answer has Access-Control-Allow-Origin: * and Cache-Control: no-store.
// There are no cookies. Problems are {"error": "<drop reason>"}.
//
//	GET /.well-known/kith-relay      200 {"relay":1, "key":b64u, "queues":"open"|"work"|"invite", "bits":18,
//	                                      "challenge":b64u, "app":bool, "message":1114112, "ttl":1209600}
//	POST /q                          {"tokens":[hash, …], "work":{"challenge":b64u,"nonce":b64u} | "invite":"…"}
//	                                 201 {"queue":id} | 400 | 403 no work, no invite | 429 | 507
//	GET /q/<queue>?wait=0..25        Authorization: Bearer <token>
//	                                 200 MSG frames, each behind its length as u32; none when nothing came
//	                                 401 | 429
//	POST /q/<queue>                  Authorization: Bearer <token>; one operation, as application/json, or one
//	                                 REPLY frame, as application/octet-stream: 200 with what /ws would say | 400 | 401
//	POST /s/<send>?wait=0..25        the message: 200 the answer | 202 {"cancel":b64u} | 400 | 404 | 413 | 429 | 507
//	DELETE /s/<send>                 Kith-Cancel: <cancel>: 204 erased | 404 not there
//	POST /f                          Kith-Forward: RELAY2, a hop: 200 its sealed answer | 400 | 403 | 413 | 429 | 502
//	POST /h                          a hop: 200 the sealed answer | 400 | 413 | 429
//	GET /ws                          WebSocket, subprotocol kith.relay.1
//
// 202 says that the message has reached the disk (fsync). 429 has Retry-After.
// 503 says that the disk has failed or that the relay is closing. Once a sync has
// failed nothing is accepted and no ack is confirmed until the relay is started
// again: sockets that acknowledge are closed.
//
// The work is a nonce of 8 bytes such that SHA-256(challenge ‖ nonce) begins with
// "bits" zero bits. A challenge is good once, for ten minutes.
//
// # Frames
//
// A connection may follow 16 queues. Text frames are JSON of at most 32 KiB,
// binary frames begin with a byte that says what they are. An operation that is
// not understood ends the connection with 1008, a frame that is too large with 1009.
//
//	→ {"sub":queue,"token":b64u}           ← {"sub":queue,"waiting":n} | {"refused":queue}
//	→ {"claim":id}                         ← {"claimed":id} | {"taken":id} | {"gone":id}
//	→ {"ack":id}                           ← {"acked":id}      erased, on the disk too; also when it was not there
//	→ {"decline":id}                       ← {"declined":id}   cannot be opened or will not be answered by this device
//	→ {"release":id}                       ← {"released":id}   not now: offered again to others, and at the next sub
//	→ {"ping":n}                           ← {"pong":n}        for those who cannot see WebSocket pings
//	→ {"do":n,"queue":q,"op":op, …}        ← {"done":n} | {"failed":n,"why":reason}
//	     op "send.add" "send.remove" "token.add" "token.remove"   "hashes":[b64u, …], 256 at most
//	        "push"     "push":{"endpoint","p256dh","auth","vapid"} or null
//	        "delete"   the queue with all in it
//	← MSG    0x01 ‖ id 16 ‖ first 16 of SHA-256(send) ‖ flags u8 ‖ expires u64 ‖ message
//	→ REPLY  0x02 ‖ id 16 ‖ answer         ← {"replied":id} | {"gone":id}
//
// Flag 1: the asker waits, and a REPLY will reach it. Expires is in seconds since
// 1970. "replied": handed to who waits. "gone": nobody waits, so the answer is to
// be posted to where the message says, by who has claimed the message: of another
// no answer is taken. A REPLY may be sent right behind the claim.
//
// Adding what is there and removing what is not succeed. send.remove erases what
// waits by that send; token.remove ends what the token follows. A send belongs to
// the queue that named it first: elsewhere send.add fails with "taken". Other
// reasons: "not followed", "full", "malformed", "disk".
//
// # Offers and claims
//
// A message is offered to everybody who follows its queue, the oldest first, at
// most 16 messages or 4 MiB at a time to each; an ack, a decline, a release or
// somebody else's claim makes room for more. A claim holds for 30 s or as long as
// the connection that made it, whichever ends first, and may be renewed; then the
// message is offered again. Claims save double work, nothing more: acks need none.
// A message that every token of its queue has declined is erased. Nobody who
// waits is told of a decline: it looks like an empty house. What a poll has been
// given, polls with the same token are not given again for 30 s.
//
// # Bounds
//
//	a message waits              14 days
//	a queue that nobody reads    60 days
//	messages in a queue          1,024 and 64 MiB; of one send a quarter of that        507
//	of one creator (invite)      16 queues or what the invite says, 256 MiB             507
//	the relay                    Config.Space                                           507
//	sends, tokens of a queue     1,024 and 16
//	queues at the relay          65,536, with 1,048,576 sends; messages 262,144            507
//	requests of one address      20/s after 200; hops 200/s after 2,000                 429
//	wrong sends and tokens       1/s after 60, of one address                           429
//	new queues of one address    1 a minute after 16, and 16 at all; not with an invite 429, 507
//	waiting askers               4,096; 256 of one address: others are answered 202
//	waiting polls and forwards   count among these                                      429
//	sockets                      16,384; 1,024 of one address                           429
//	bodies in memory             up to 66 KiB: 256, 64 of one address; larger ones: 28, 7 of one
//	                             address; who finds no place in 30 s                    429
//	a body, a frame, an answer   15 s on the way, and what 8 KiB/s take beyond; a socket that follows nothing: 10 s
//	a silent socket              pinged after 60 to 70 s, closed after 20 s more
//
// An IPv6 address counts by its first 64 bits. Addresses are kept as hashes under
// a key of the process.
//
// Every request, frame and message that is dropped is counted under one of these
// reasons (Server.Counters); nothing else is recorded:
//
//	malformed unknown_path unknown_send not_there bad_token too_large slow      what came makes no sense, or not in time
//	rate guesses sockets waiters memory                                         too much of one address, or of all
//	no_work no_invite queue_rate creator_full queues_full                       no new queue, or no more for its creator
//	send_full queue_full relay_full disk closing                                no room
//	expired declined cancelled removed unread damaged                           what happened to messages, and to queues
//	bad_frame idle silent late_answer                                           at sockets
//	forward_refused forward_failed push_failed push_gone                        outwards
//
// # The outer hop
//
//	hop     enc 65 ‖ HPKE.Seal(key of RELAY2, info "kith hop 1", aad "", send 24 ‖ wait u8 ‖ message)
//	answer  nonce 12 ‖ AES-128-GCM(Export("kith hop answer 1", 16), status u16 ‖ length u32 ‖ body ‖ zeros)
//
// HPKE is DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. wait is 0 to 25, or
// 255: then the message is a cancel token, as text, and the status is that of
// DELETE. status and body are what POST /s would have answered, padded so that
// what is encrypted has 1, 4, 16 or 64 KiB or a multiple of 64 KiB. RELAY, to whom
// /f is sent, sees the asker's address and RELAY2; RELAY2 sees RELAY's address and
// the send. /f connects to what Config.Out lets through.
//
// # Storage
//
//	DIR/relay.key       the relay's own secrets, made once: HPKE key 32 ‖ for invites and challenges 32
//	DIR/lock            held while a Server is open
//	DIR/keys            512 slots of 64 bytes, overwritten in place: number u64 ‖ key 32 ‖ check 24, one for each journal
//	DIR/queues-<n>      what queues there are: a journal that is written anew, under a new key, at each start
//	                    and when half of it is past, or any of it has been for an hour
//	DIR/messages-<n>    messages: a journal that takes what comes in an hour, or 64 MiB
//
//	journal  records, one after another: state u8 ‖ head length u16 ‖ body length u32 ‖ sealed head ‖ sealed body
//	sealed   nonce 12 ‖ AES-256-GCM(key of the journal, aad where it stands)
//	head     in queues: JSON, one change; there is no body
//	         in messages: id 16 ‖ queue 16 ‖ first 16 of SHA-256(send) ‖ first 16 of SHA-256(cancel token) ‖ came u64
//
// A message is put by appending it and, before a 202, syncing the file; all that
// come while a sync runs share the next one. One that is answered while its asker
// waits needs no sync. It is erased by overwriting it with zeros where it stands,
// in the same round. A journal of which nothing is left is removed, and its key
// overwritten, so that what a disk may have kept of it elsewhere stays unreadable;
// of one that is nearly empty the rest is moved. After a crash a record that was
// not written whole is cut off, for it was never acknowledged, and one that was
// half erased is erased.
//
// # Goroutines
//
// Server: the syncer, the keeper (each second: claims, pushes, pings, expiry, keys)
// and four pushers; one reader for each socket, and a writer while there is
// something to write. All are ended by Close. Mailbox: one that connects and
// reads, one that pings, and one for each call of its hook, ended by its Close.
package relay
