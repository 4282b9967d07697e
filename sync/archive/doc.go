// Package archive keeps an encrypted copy of a pod somewhere else: in a folder,
// on a WebDAV server, in an S3 bucket. Whoever runs that place reads nothing, not even names.
//
// It is not a history: it holds what the pod holds, and what is deleted in the
// pod is deleted there. It knows nothing of access; it is given rows and bytes.
//
// # What lies at the place
//
//	kith-archive        "kith archive 1\n"
//	objects/ab/ab12…    the bytes of one resource, sealed (age) to a key of its own;
//	                    the name is random; never written twice
//	objects/ab/ab12…-1  where they go on after 1 GiB: no object is larger, since
//	                    servers bound what they take at once (S3: 5 GiB)
//	keyring-7           sealed (age) to the kit: every row of the pod, with the
//	                    objects and the key of its bytes, what the server keeps of
//	                    the person, and the mark of the run. The one thing that
//	                    changes; the number rises, and none is written twice
//	copy-7              the same once more, sealed to the same kit
//	progress-8          the same, of a run that is under way
//	claim-K7Q…          empty: that run says that it is under way; by its mark
//	seen-K7Q…-1795…     empty: another machine has seen that claim, which is dated ahead,
//	                    with the date that its name tells
//
// A backup is whole when its keyring is there, and a keyring that was cut or
// altered does not open. So half a backup is never called whole: an interrupted
// run leaves the keyring before it, and objects that the next run goes on with.
//
// Either of the two keyrings opens everything; the next run makes two again where one is
// missing or damaged, as it does where an earlier version of this program left one.
//
// A run that is told to mend reads every object and both keyrings, and stores again what is
// missing, cut or altered; where no keyring opens, it stores everything. Where there is
// no pod any more to store it from, Contents.Salvage gives what is sound.
//
// # One machine
//
// A pod that was copied, or that lives on after it was moved, would overwrite the
// backup of the other one, which has the same kit. So each run has a mark, kept by
// its machine before it stores anything, and told in what it stores: what bears
// another mark is ErrOther, and is not touched.
//
// Two that store at the same moment: before a run writes, it stores an empty claim of
// its own name, and then looks. Where it sees the claim of another machine, or a
// keyring that was not there before, it takes its claim away and tries again some
// seconds later; after the fourth time it is ErrBusy. Of two that announce themselves and
// then look, whoever was second sees the first, so it takes no conditional writes:
// a listing that shows what was stored before it is enough, as S3 and WebDAV servers give
// it. The claim goes when the run ends; it costs two requests. Before its keyring is
// stored a run looks whether its claim is still there. A claim that stayed behind
// is swept by its own machine, which knows the mark, by who takes the place
// over, and by anybody 48 hours after it was stored, by the clock of the place; a run
// that takes long stores it again each hour. One that is dated more than an hour ahead,
// by a clock that was wrong, tells no time: whoever sees it first notes that at the place,
// and it is swept 48 hours after that note, unless it has got another date meanwhile.
//
// Beside that a keyring is created, not written: in a folder by a link, at WebDAV and
// S3 servers by If-None-Match, where they heed it.
//
// # Deleting
//
// When something was deleted or replaced since the last run, the next keyring is
// sealed to a fresh kit, and its copy too; the old kit and the old keyrings are erased. A place
// that keeps old versions of files then holds ciphertext that opens only with an
// older kit. Whoever keeps old kits, keeps what was deleted.
//
// # A run
//
//	1  the claim is stored, and the place listed
//	2  new objects are stored; now and then progress-n tells which
//	3  the next kit is kept durably beside the one before
//	4  keyring-n is created, and read back
//	5  the kit before is erased
//	6  objects that nothing names are deleted
//	7  copy-n is stored, and read back
//	8  the older keyrings are deleted, and last the claim
//
// The copy comes late, so that a place that has room for one keyring has a whole backup, and
// what is deleted makes room for the second; until it is there the older ones are, and tell
// the next run to look. Whichever step is the last, no kit that is left opens what was deleted.
//
// A run that finds nothing changed lists the place, reads the marker and the keyring, and writes nothing. Where the marker
// tells of a later layout, nothing else is read, and nothing written.
//
// The package starts no goroutine.
package archive
