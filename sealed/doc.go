// Package sealed carries HTTP requests inside envelopes that only the devices
// they are meant for can open, and that prove to nobody else who made them.
// Transport asks, as an http.RoundTripper; Server answers, with the handler that
// answers HTTPS. How an envelope travels is a Carrier's business: a POST to a
// pod, or a mailbox of a relay. It is not about what an agent may do (package
// acl), nor about mailboxes (package relay), and stores nothing: who stands
// behind a key, its caller knows.
//
// # Envelope
//
//	message  0x01 ‖ suite u16 = 1 ‖ n u8 (4 or 8) ‖ n slots ‖ body        1, 4, 16, 64 KiB or a multiple of 64 KiB
//	slot     enc 65 ‖ HPKE.Seal(info "kith request 1", aad = the first 4 bytes ‖ index u8, content key 16 ‖ mac 32)
//	body     chunks of: length u32 ‖ inner ‖ zeros
//	chunk    AES-128-GCM(content key, nonce = 0^7 ‖ counter u32 ‖ last u8, aad = SHA-256(all before the body)),
//	         of 65,536 bytes each; the last is shorter or as long, and never empty
//	inner    a request in binary HTTP (RFC 9292)
//
// Suite 1 is DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM (RFC 9180, base
// mode). A slot that is for nobody is a random point and 64 random bytes. Slots
// have no key ids: a recipient tries its keys. Integers are big-endian.
//
//	mac      HMAC-SHA-256(K, enc ‖ SHA-256(inner)); 32 zeros where the sender does not say who it is
//	K        HKDF-SHA256(ECDH(sender's agreement key, recipient's agreement key), salt = pair salt, "kith pair 1", 32)
//
// Sender and recipient derive the same K, so each of them could have made each
// message of the other: whoever is shown one learns nothing of its origin.
// (protocol §5.2)
//
// # Request
//
// The scheme is https, the authority <label>.kith.invalid, the path that below the
// person's base. At most 256 KiB of content (1 MiB for the owner's own devices).
//
//	Kith-From      <label> <id of the sender's agreement key>; absent: anonymous, and the mac is zeros
//	Kith-Created   RFC 3339, UTC
//	Kith-Expires   at most 14 days after that
//	Kith-Nonce     b64u, 16 bytes; the same when it is sent again
//	Kith-Reply     <RELAY>s/<b64u send> <b64u reply id, 16 bytes>; absent: no answer but to who waits
//
// Other fields that are taken: Range, If-*, Content-Type, and Kith-*. Accept is set
// here: application/ld+json for a container, */* else.
//
// # Answer
//
//	answer   reply id 16 ‖ nonce 32 ‖ chunks of: length u32 ‖ inner ‖ zeros      padded like a message
//	inner    a response in binary HTTP
//	secret   HPKE export "kith answer 1" of the slot that was opened, 32 bytes
//	prk      HKDF-Extract(salt = enc ‖ nonce, secret)
//	chunk    key = Expand(prk, "key", 16), nonce = Expand(prk, "nonce", 12) XOR (0^7 ‖ counter ‖ last),
//	         aad = SHA-256(reply id ‖ nonce)                                      (RFC 9458 §4.4)
//
// The reply id is that of Kith-Reply, or zeros. Which slot's secret opens an
// answer says which device gave it; Kith-By has to name that device. Fields that
// go back: Content-Type, ETag, Last-Modified, Content-Range, Accept-Ranges,
// Location, Retry-After, Kith-Version, Kith-By.
//
// What would be more than 512 KiB of content for a GET is answered by its first
// 512 KiB as 206; Transport asks for the rest as it is read (Range, If-Range).
//
// # Verdicts
//
// A message that is not answered is ErrDeclined, for one of these reasons, which
// Server.Declined counts: malformed, other version, unknown suite, oversize, no
// slot, damaged, misdirected, unknown sender, bad mac, future-dated, expired. To
// who sent it they all look alike: silence from a mailbox, 404 over HTTPS, and the
// same work done.
//
// # Keys
//
// A device's newest agreement key holds as long as the device does. One that is
// superseded holds until the time its Until says; one that is taken out of the
// keys document, at once no more. Whoever loses its private half cannot read, and
// cannot have read from the wire, what was sealed to it.
//
// # Effects
//
// What somebody asked for under a nonce is done once: its answer is remembered
// until the request expires, within bounds, and given again. Beyond these bounds
// and after a restart requests are harmless to repeat by their names: a friend
// writes only with If-None-Match: *, a device writes versions, an invite is used
// by one acceptance. (protocol §5.2)
//
// A device's write of more than a message takes comes in parts (Kith-Part), which
// are held in memory, 32 MiB at most, until the last has come.
//
// No goroutine is started here. A Transport and a Server may be used by many.
package sealed
