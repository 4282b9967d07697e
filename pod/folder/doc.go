// Package folder is the default store of a pod: plain files in a folder that a
// person can read, and beside it a folder of the store's own with an index that
// can be deleted.
//
// It is not a file server: it decides nothing about access and knows nothing of
// HTTP.
//
// # What lies where
//
//	Tree/                       the pod; each path is the file of that name
//	  photo.jpg                 bytes as they were written; its time is Modified
//	  photo.jpg.acl  .acl       auxiliaries, beside or within their subject
//	  notes  .kith-type.notes   where a name does not tell the media type, a
//	                            sidecar does: "text/turtle\n"
//	State/                      on the same file system, outside of Tree
//	  index.db  index.db-wal    derived from Tree, see index.go for the tables
//	  tmp/                      what is being staged
//	  erase/                    what was replaced or deleted and is not erased yet
//	  mark                      "closed", or the boot of the machine in which a
//	                            process may be writing
//	  lock                      held by the one process that has the pod open
//	  removed                   when hands deleted files, within the last hour
//	  held                      there while deletions wait for the owner's word
//
// Everything that an answer needs is in Tree: the ETag is a digest of type and
// bytes, Modified is the time of the file or directory, the type comes from a
// fixed table of extensions or the sidecar. Without its index a pod gives the
// same answers. What only the index knows are handles, versions, Seqs and traces
// of deletes; losing them gives a new Epoch, and replicas bring the rest back.
//
// # A write
//
//	outside of the lock   bytes to tmp/, hashed, fsync
//	in the lock           old bytes get a second name in erase/ (link)
//	                      new bytes take the place (rename)
//	                      fsync of the directory, and of those of new parents
//	                      commit of the index, without fsync
//	after the lock        old bytes are overwritten with zeros, fsync, unlinked;
//	                      or by the last of their readers when it closes
//
// So a write costs two fsyncs, and one more to erase what it replaced. An error
// undoes, in reverse order, what the Update did to the folder. If a directory
// cannot be made durable, nobody knows what the disk holds, and a second attempt
// might succeed without reason: the store refuses writes until the next Open.
//
// # The intent mark: why the index may lag
//
// The index is a SQLite database in WAL mode with synchronous=NORMAL, whose
// commits reach the disk at checkpoints only. What can happen to it?
//
// The process is killed. The kernel still has all that was committed; of the
// Update under way, the folder may be ahead. Open compares every file's stamp
// (size, times, inode) with its row and reads again those that differ.
//
// The machine goes down. The index is consistent but may be older than the
// folder: acknowledged bytes are all there, acknowledged Seqs may not be, and
// would be given a second time. That must not happen silently, hence the mark:
// Open writes the machine's boot id to State/mark, durably, before the first
// write, and Close replaces it by "closed". A mark of another boot (or of none
// that is known) means that the index may lag: its structure is checked, and it
// gets a new Epoch. One fsync for each start, none for each write.
//
// # Hands in the folder
//
// People edit the files, and Dropbox, Drive or Syncthing copy them. Follow takes
// in what they do. Events of the system are hints, by which a container is looked
// at; a look at everything, from time to time, is the truth.
//
//	new file       waits until it was left alone for Settle, then a resource with
//	               this pod's next version, and with an ACL of its own where it
//	               would otherwise be shared with anybody
//	edited         the same; until then its bytes are ErrUnsettled
//	removed        missing at once; after Settle deleted, with a tombstone, and a
//	               new Epoch, by which friends drop what is not there any more
//	much removed   more than ten files within an hour and more than one in a
//	               hundred, or all there is: held. Missing, but deleted nowhere, until DecideHeld;
//	               and so is whatever is removed while something is held
//	its ACL        goes with it, as its description does: neither waits for the next of that name
//	an ACL alone   counts as a file; what it was for is the owner's alone from then on. Who means to
//	               take an ACL away does so through the pod, or writes another in its place
//	saved meanwhile  no write or delete replaces what a hand has saved and was not taken in: ErrUnsettled,
//	               which is also how a reader ends whose file a hand writes to
//	kept           what Followed.Keep tells of is put back, or, where its text is not known, lost without a tombstone
//	conflict copy  not served, and told by Troubles, as is all that follows
//	half a file    names that programs give to what is not finished: not served
//	a twin         a name that differs from that of a sibling in case or form only:
//	               not served, as Put refuses it
//	a bad ACL      what is new and has an ACL that cannot be taken in is not served
//	further names  a file that the pod has goes on being served, known by inode,
//	               size and time, when it gets another name, as by cp -al
//
// A Store that nobody follows takes in a hand's change when it reads what was
// changed, at Open, and at Rescan.
//
// What a hand removes while nobody follows is not a delete. Few rows go without a
// tombstone and the Epoch changes, so that nothing is deleted on the owner's other
// devices: they fill the folder again. Much, by the same measure, is held, and what
// was held stays so over any number of starts: the rows are what was there. Losing
// a row is no small thing where a backup is made of the rows. What a hand adds or edits gets this pod's next version.
//
// # Erasing
//
// Bytes: see above; leftovers of a killed process are erased by the next Open.
// The index holds no content, and of what was deleted no path: secure_delete,
// and a scrub of index and log after each delete (scrub.go says why both are
// needed). On file systems that write to another place than where the bytes lay
// (btrfs, and SSDs below any) overwriting reaches less.
//
// # A full disk
//
// Staging and writing return pod.ErrFull. Deleting needs room for a few pages of
// the log, which therefore keeps 2 MiB allocated and is overwritten in place.
//
// # What is not served
//
// Only directories and plain files; of files with several names those alone that
// the pod had before they got them. Each segment of a path is
// opened with O_NOFOLLOW from the directory before it, so that no symbolic link
// is followed, also one that stays inside: it would show one resource under the
// access rules of another. Devices, pipes, files that came with a second name, names
// that are no pod.Path: neither listed nor opened nor overwritten; and a container
// that holds one is not deleted. Where one has the name of a resource, that is not
// served, but nobody has deleted it: its row stays, and backups keep its bytes.
// Troubles names them all.
//
// # Goroutines and locks
//
// The package starts no goroutine; Follow runs in its caller's, which owns the
// events of the system. Store.mu is shared by Views and held alone by
// Updates; index.mu guards the one connection and is held for a statement;
// Store.life is held, shared, by whoever touches tmp/ and erase/ without mu, so
// that Close can wait for them. They are taken in the order mu, life, index.mu.
package folder
