package acl

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"kith/pod"
)

// Place is where an agent stands in the feeds of a person, which several
// responders serve: this pod, others, phones (docs/protocol.md, Cursors). The
// zero Place is none.
type Place struct {
	// Maker is who gave it: the first bytes of the SHA-256 of its did:key.
	Maker [8]byte
	// Day is when, in days since 1970. A Place is good for 80 days.
	Day int64
	// Epoch and Seq mean something to the maker alone.
	Epoch string
	Seq   uint64
	// Seen is what the agent had been told then.
	Seen Seen
}

// Seen tells of which writes an agent knows, at least: for each device of the
// owner, named like [Place.Maker], the highest counter of a version that the
// agent was told of. It is in order of Device, with zeros behind; of more
// devices it has those with the highest counters.
type Seen [16]struct {
	Device  [8]byte
	Counter uint64
}

// deviceTag names a device of the owner: no more of it is told than that.
type deviceTag [8]byte

func tagOf(kid string) (d deviceTag) {
	sum := sha256.Sum256([]byte(kid))
	copy(d[:], sum[:])
	return d
}

// vector is a Seen to be added to. A counter of 0, of what has a version that
// nobody knows, is in every vector.
type vector map[deviceTag]uint64

func (v vector) add(d deviceTag, counter uint64) {
	if counter > 0 {
		v[d] = max(v[d], counter)
	}
}

func (v vector) covers(d deviceTag, counter uint64) bool { return v[d] >= counter }

func (v vector) seen() (s Seen) {
	all := make([]deviceTag, 0, len(v))
	for d := range v {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b deviceTag) int { return cmp.Or(cmp.Compare(v[b], v[a]), bytes.Compare(a[:], b[:])) })
	all = all[:min(len(all), len(s))]
	slices.SortFunc(all, func(a, b deviceTag) int { return bytes.Compare(a[:], b[:]) })
	for i, d := range all {
		s[i].Device, s[i].Counter = d, v[d]
	}
	return s
}

func (s Seen) vector() vector {
	v := vector{}
	for _, one := range s {
		v.add(one.Device, one.Counter)
	}
	return v
}

// keepDays is for how long a Place is good. The pod keeps traces for 90 days,
// so what is missing below its Floor had been told when any such Place was
// given, and where that is does not matter: it depends on all of the pod.
const keepDays = 80

// day is the number of the day, as a Place has it.
func (j *judge) day() int64 { return j.g.config.Now().Unix() / (24 * 60 * 60) }

// place returns the place behind a Seq, for whom knows what seen says. Its Epoch is
//
//	<epoch of the pod>.<name of a Guard>
//
// The Guard is in it because where a Guard starts depends on all of the pod: the
// places of two Guards differ whether or not anything happened between them.
// The Day is in it because which traces are too old does, too: a Place ends
// by its own age.
func (j *judge) place(name string, seq uint64, seen vector) Place {
	return Place{Maker: j.g.maker, Day: j.day(), Epoch: j.tx.Head().Epoch + "." + name, Seq: seq, Seen: seen.seen()}
}

// given returns the name of the Guard of this pod that gave a Place, or "" for
// that of another responder. The error is ErrGone or ErrBehind where nothing can
// be told of what happened since.
func (j *judge) given(at Place) (name string, err error) {
	if age := j.day() - at.Day; age > keepDays || age < -1 {
		return "", ErrGone
	}
	if at.Maker != j.g.maker {
		return "", j.behind(at)
	}
	name, ok := strings.CutPrefix(at.Epoch, j.tx.Head().Epoch+".")
	if !ok || name == "" {
		return "", ErrGone
	}
	return name, j.behind(at)
}

// Behind returns ErrBehind if the pod lacks what the agent has been told by who
// gave the Place: then it would tell of what is gone, and not of what is there
// (protocol §3.2).
func (v *View) Behind(ctx context.Context, at Place) error {
	return v.see(ctx, func(j *judge) error { return j.behind(at) })
}

func (j *judge) behind(at Place) error {
	head := j.tx.Head()
	mine := at.Maker == j.g.maker
	here := strings.HasPrefix(at.Epoch, head.Epoch+".")
	if mine && here && at.Seq > head.Seq {
		return ErrBehind
	}
	known, err := j.known()
	if err != nil {
		return err
	}
	for _, one := range at.Seen {
		if mine && !here && one.Device == j.g.maker {
			continue // what this pod wrote under an index that is lost comes from nowhere else
		}
		if !known.covers(one.Device, one.Counter) {
			return ErrBehind
		}
	}
	return nil
}

// known returns what this pod has ever had.
func (j *judge) known() (vector, error) {
	all, err := j.tx.Known()
	if err != nil {
		return nil, fmt.Errorf("read what is known: %w", err)
	}
	v := vector{}
	for _, one := range all {
		v.add(tagOf(one.Device), one.Counter)
	}
	return v, nil
}

// end returns the place behind all that the agent may see, for whom knows what
// seen says. It moves with what the agent may see only, and once a day.
func (j *judge) end(seen vector) (Place, error) {
	if _, err := j.news(j.horizon().seen); err != nil {
		return Place{}, err
	}
	return j.place(j.g.name, j.horizon().seen, seen), nil
}

// since returns what is new for the agent after a Place, and the Place as it is
// given today.
func (j *judge) since(at Place) ([]news, Place, error) {
	name, err := j.given(at)
	if err != nil {
		return nil, at, err
	}
	if name == "" {
		return j.sinceElsewhere(at.Seen.vector())
	}
	found, err := j.news(at.Seq)
	return found, j.place(name, at.Seq, at.Seen.vector()), err
}

// sinceElsewhere returns what is new after a Place that another responder gave:
// from the first change on that the agent was not told of there.
func (j *judge) sinceElsewhere(seen vector) ([]news, Place, error) {
	first, err := j.uncovered(seen)
	if err != nil {
		return nil, Place{}, err
	}
	if first == 0 {
		at, err := j.end(seen)
		return nil, at, err
	}
	found, err := j.changes(first-1, first-1)
	if err != nil {
		return nil, Place{}, err
	}
	// These places lie where the agent's changes do, and not where this Guard
	// started, so they are not to be compared with its own.
	return found, j.place(j.g.name+"+", first-1, seen), nil
}

// uncovered returns the Seq of the first change that the agent may see and seen
// does not cover, or 0.
func (j *judge) uncovered(seen vector) (first uint64, err error) {
	earliest := func(d deviceTag, v uint64, seq uint64) {
		if !seen.covers(d, v) && (first == 0 || seq < first) {
			first = seq
		}
	}
	for info, err := range j.posts() {
		if err != nil {
			return 0, err
		}
		if err := j.files(info, earliest); err != nil {
			return 0, err
		}
	}
	err = j.traces(earliest)
	return first, err
}

// told returns what an agent knows who has been told of all these posts, and of all that
// was taken away.
func (j *judge) told(posts []pod.Info) (vector, error) {
	seen := vector{}
	add := func(d deviceTag, counter uint64, _ uint64) { seen.add(d, counter) }
	for _, info := range posts {
		if err := j.files(info, add); err != nil {
			return nil, err
		}
	}
	return seen, j.traces(add)
}
