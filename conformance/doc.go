// Package conformance is a stranger to the rest of the house: a client of Kith's wire protocol, written
// from its description with the standard library and golang-jwt as a second implementation of JOSE, and
// the suite that holds the real binary against what the client expects. rdf2go reads the Turtle that the
// binary writes, in a process of its own: it does not return on some documents.
//
// It is not a library for apps, and it imports no package of this module: whatever both sides of a
// wire understand in the same wrong way would not be found by shared code.
//
//	Key, Device, Person    keys, did:key names, the signed device list and keys document (protocol §1.1)
//	Wire                   one raw HTTP/1.1 request a connection; the answer as it came
//	Agent                  a device that asks one pod: token exchange, DPoP proofs (protocol §1.3)
//	Pairing                a person's phone meets its pod
//	Invite, Friend         two people become friends (protocol §7)
//	Page, Item             the feed (protocol §3.2)
//	Replica, Row           the owner's copy of the tree (protocol §3.4)
//	Server                 the binary: built once, started on a free port, stopped or killed
//
// The suite starts `kith serve` in folders of its own on 127.0.0.1, port 0. Its base URL is not the address
// that it listens on: nothing may depend on the two being the same. KITH_BINARY names a binary to test
// instead of the one that is built from ./cmd/kith.
//
// No goroutine outlives the call that starts it, but for the one in each Server that waits for its process
// and ends with it.
package conformance
