// Package dav lets the owner mount a pod as a network drive: WebDAV, class 2
// (RFC 4918), as Finder, Explorer and davfs2 speak it.
//
// It is not a way around access control: each operation is one of an acl.View,
// which decides. It knows no passwords; who asks was found out before.
//
//	PUT          the representation is stored whole or not at all; If-Match and
//	             If-None-Match hold. The media type is the request's, or that of
//	             the extension
//	MKCOL        a container; the one above it must be there
//	DELETE       a resource, or a container with all in it
//	COPY         resource by resource, with its dead properties
//	MOVE         everything is stored at the new place, with its description, before anything
//	             is deleted at the old one. What is stored or changed there meanwhile is
//	             brought too, or stays, and the answer is 409. Access rules go along where only
//	             the name changes and nothing is replaced
//	             What either replaces goes when the other has come, and not before (RFC 4918
//	             §9.8.4 has it first): where there is no room, nothing is lost
//	LOCK         exclusive or shared, in memory, for an hour at most: it ends with the
//	             process, and with what it is for. What is locked also keeps what it lies in
//	             from being deleted, moved or replaced, and a locked container keeps its members.
//	             It holds against other programs with the drive, not against apps and devices.
//	             Of the shared locks of a name, the token of any one is enough to write
//	UNLOCK       ends one lock; others who share it keep theirs
//	PROPFIND     of depth 0 and 1 (RFC 4918 §9.1: propfind-finite-depth)
//	             lockdiscovery tells everybody who may read of a lock, but its token only to
//	             whoever made it, with whatever app password
//	PROPPATCH    dead properties are kept in the description of the resource
//
// What is made by a drive is the owner's alone, as what a hand drops into the folder is: it is shared by its owner, and
// not by where it lies (protocol §3.4). What is put over something has the rules that stand there.
//
// ACL resources and descriptions are not listed; by their names they can be read
// and written as they can over HTTP.
//
// What costs too much is refused: a body over 64 KiB, with elements more than 64 deep, or a
// PROPFIND of more than 128 of them (413), an If header over 8 KiB (431), whoever locks
// in more than 1 KiB (413), and more than 512 locks of a pod or 16 of one name (507).
//
// The webdav package reads requests and writes answers, but for LOCK and UNLOCK; files are what it
// sees of the pod and locks what it sees of the table of locks, both for one call.
//
// The package starts one goroutine for each PUT under way, and waits for it.
package dav
