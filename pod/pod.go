// Package pod holds the plain types of one person's resources, and Store, the
// interface of what keeps them.
//
// It is not a server and decides nothing about access: only package acl and
// internal/server hold a Store, and every other package sees what one agent
// may see, through acl. The stores are folder (plain files, the default) and
// whatever else passes the suite in podtest.
//
// # What a pod is
//
// A tree of resources named by Path. A container ends in a slash and has
// children; a resource has bytes and a media type. Two auxiliaries stand
// beside a subject and are resources too, though no listing shows them:
//
//	/a/          a container            /a/b         a resource
//	/a/.acl      who may do what there  /a/b.acl     who may do what with it
//	/a/.meta     its description        /a/b.meta    its description
//
// An auxiliary may be there before its subject, so that access is settled
// before the first byte is; it goes with its subject. A path is a container or
// a resource, never both, and no two siblings differ only in case or in
// compatibility forms of Unicode.
//
// # Versions, changes, handles
//
// Each resource has one row, and the pod keeps no history. A row has a Version,
// by which the owner's replicas agree, and moves to a new Seq whenever the
// resource, its membership or the access to it changes, so that Changes after
// a Seq tells each resource that has changed once. What remains of a deleted
// resource is its handle (Info.ID), a Version, a date and who could read it,
// for at most 90 days.
//
// # Locks and goroutines
//
// View shares, Update excludes. Bytes are staged before the lock is taken, and
// a Resource outlives its View, so that nothing waits for a network with the
// lock held. No type of this package starts a goroutine.
package pod

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that a Store and ParsePath return, wrapped; one for each meaning.
var (
	ErrNotExist     = errors.New("no such resource")
	ErrExist        = errors.New("the container is there already")
	ErrNotEmpty     = errors.New("the container is not empty")
	ErrConflict     = errors.New("the name collides with another one")
	ErrBadPath      = errors.New("not a path of a pod")
	ErrReserved     = errors.New("the name is reserved")
	ErrBadType      = errors.New("not a media type")
	ErrPrecondition = errors.New("the precondition does not hold")
	ErrTooLarge     = errors.New("the representation is too large")
	ErrFull         = errors.New("no space is left")
	ErrDisk         = errors.New("the disk fails")                            // writing may go on, or not before the next start
	ErrAway         = errors.New("the folder of the pod is missing or empty") // nothing is known to be deleted
	ErrClosed       = errors.New("the store is closed")
	ErrUnsettled    = errors.New("the file is being written by another program") // ask again in a few seconds
)

// Version is a Lamport time of one of the owner's devices, by which replicas
// order writes. The zero Version is older than all others: nobody knows when
// the resource was written.
type Version struct {
	Counter uint64
	Device  string // kid of the device
}

// Less reports whether v is older than w: by Counter, then by Device.
func (v Version) Less(w Version) bool {
	return cmp.Or(cmp.Compare(v.Counter, w.Counter), cmp.Compare(v.Device, w.Device)) < 0
}

// Info is what a pod knows of a resource without its bytes.
type Info struct {
	Path Path
	Type string // media type as it was written; "" for containers
	Size int64  // bytes; 0 for containers
	// ETag is the strong entity tag, quoted: `"` + base64url(SHA-256(Type 0x00
	// bytes)[:16]) + `"`, the same on every replica. It is "" for containers,
	// whose representation depends on who asks.
	ETag string
	// Modified is when the bytes were written, in whole milliseconds of UTC. A
	// container's follows its membership only, auxiliaries left aside.
	Modified time.Time
	Version  Version
	ID       string // random handle of 22 base64url characters, the same on every replica
	ACLTag   string // ETag of the subject's own ACL resource, "" when it has none
}

// Resource is the bytes of one resource, opened. They stay readable, and stay
// the same, after the View has ended and when the resource is replaced or
// deleted meanwhile; erased they are once the last reader has closed.
type Resource interface {
	Info() Info
	io.ReadSeekCloser
}

// Staged is a representation that lies in the store but not yet in the tree.
// It belongs to one goroutine at a time, and to the store that made it.
type Staged interface {
	Size() int64
	ETag() string // what Info.ETag becomes when it is put
	// Discard erases it, unless an Update has put it. It may be called again.
	Discard() error
}

// StageOptions describe a representation. The zero value takes an empty one.
type StageOptions struct {
	Max      int64     // bytes that are taken; one more is ErrTooLarge
	Type     string    // media type; "" is application/octet-stream
	Modified time.Time // zero: when the last byte came
}

// PutOptions are what a replica knows of a write that was made elsewhere. The
// zero value is for a write that is made here.
type PutOptions struct {
	Version Version // zero: the next one of this pod
	ID      string  // "": what the resource has, or a new random one
}

// DeleteOptions are what the trace of a deleted resource keeps.
type DeleteOptions struct {
	Version Version  // zero: the next one of this pod
	Readers []string // who could read it: opaque names, given by acl
}

// Change is the newest state of one resource, at the Seq when it changed.
//
// There are three kinds. A live row has a Path and no Readers. A tombstone has
// no Path. A narrowing has a Path and Readers: it stands beside the live row,
// at the Seq of its own, and says who lost access then. A narrowing whose
// resource was deleted later has no Path either: it stays where it was, so that
// who had lost access before cannot tell when the resource went.
type Change struct {
	Seq uint64
	Info
	Created uint64 // Seq at which the path was created
	Access  uint64 // Seq at which its own ACL, or a group that ACL names, changed last
	Readers []string
	By      Version // of a narrowing: that of the write which caused it
}

// Gone reports whether the resource was deleted: of its Info only ID and
// Version are left.
func (c Change) Gone() bool { return c.Path == Path{} }

// Narrowed reports whether c is a narrowing of a resource that is still there.
func (c Change) Narrowed() bool { return !c.Gone() && len(c.Readers) > 0 }

// Head is where a pod stands.
type Head struct {
	Epoch   string // random; new whenever an acknowledged Seq may be lost, as when the index was rebuilt
	Seq     uint64 // of the newest change
	Floor   uint64 // Changes after a Seq below Floor may miss tombstones that are too old to be kept
	Counter uint64 // highest Version.Counter seen
}

// Store keeps the resources of one pod. It is safe for use by several
// goroutines. Its methods return ErrClosed after Close.
type Store interface {
	// Stage takes body to the disk, hashed and durable, outside of any lock.
	// The caller discards it. Errors: ErrTooLarge, ErrFull, ErrBadType, and
	// whatever body returns.
	Stage(ctx context.Context, body io.Reader, o StageOptions) (Staged, error)
	// View calls fn with a pod that does not change until fn returns. The Tx is
	// no longer used then; fn must not call the Store.
	View(ctx context.Context, fn func(Tx) error) error
	// Update calls fn alone. When fn returns nil and Update does, all that fn
	// did is durable; otherwise Update undoes what fn did. What was replaced or
	// deleted is erased before Update returns, unless it is being read.
	Update(ctx context.Context, fn func(WriteTx) error) error
	// Watch returns a channel that holds a value after one or more Updates that
	// changed something. stop ends it and may be called again.
	Watch() (changed <-chan struct{}, stop func())
	// Close waits for Views and Updates under way, and makes all durable.
	Close() error
}

// Tx reads a pod.
type Tx interface {
	Head() Head
	// Stat returns ErrNotExist for what is not there, `/x` and `/x/` told apart.
	Stat(Path) (Info, error)
	// Open opens the bytes of a resource. The caller closes it. A container has
	// none: ErrNotExist.
	Open(Path) (Resource, error)
	// List yields the direct children of a container in byte order of Name,
	// auxiliaries left out. ErrNotExist comes as the only pair.
	List(Path) iter.Seq2[Info, error]
	// Changes yields all rows above a Seq in ascending order, auxiliaries,
	// tombstones and narrowings included. Changes(0) is the whole pod.
	Changes(after uint64) iter.Seq2[Change, error]
	// Known returns the newest Version of each device that this pod has ever had,
	// in order of Device, also where what had it was replaced or deleted since.
	Known() ([]Version, error)
}

// WriteTx reads and writes a pod; it reads its own writes.
type WriteTx interface {
	Tx
	// Put places a staged representation at a path and makes the missing
	// parents. The stage is used up when the Update succeeds. A write of an
	// auxiliary `.acl` sets ACLTag and Access of its subject. Errors:
	// ErrConflict (`/x` against `/x/`, a twin of a sibling, an ID of another
	// resource), ErrFull (more bytes than the pod may hold), ErrBadPath for a
	// container.
	Put(Path, Staged, PutOptions) (Info, error)
	// MakeContainer makes a container and the missing parents. One that is
	// there already takes Version and ID of the options; without a Version that
	// is ErrExist.
	MakeContainer(Path, PutOptions) (Info, error)
	// Delete deletes a resource, or a container that lists nothing, with its
	// auxiliaries. Readers go to the trace of the subject alone. Errors:
	// ErrNotExist, ErrNotEmpty, ErrReserved for the root.
	Delete(Path, DeleteOptions) error
	// DeleteTree deletes a container and all that is below it; else as Delete.
	DeleteTree(Path, DeleteOptions) error
	// Touch marks that the access to a subject has changed, and who lost it.
	Touch(p Path, lost []string) error
	// Forget takes the readers out of the traces of a handle. Of a narrowing
	// nothing is left then, of a tombstone handle, version and date.
	Forget(id string) error
}
