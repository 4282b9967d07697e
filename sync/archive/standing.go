package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Survey reports whether a place has a backup, or the beginning of one, and whether it has other things. What
// programs that look after folders leave in them counts for nothing.
func Survey(ctx context.Context, place Place) (backup, others bool, err error) {
	names, err := place.List(ctx, "")
	if err != nil {
		return false, false, fmt.Errorf("look at the place: %w", err)
	}
	isClaim := func(name string) bool { _, ok := claimOf(name); return ok }
	backup = slices.Contains(names, markerName) || slices.ContainsFunc(names, isClaim)
	for _, name := range names {
		if strings.HasPrefix(name, ".") || strings.EqualFold(name, "desktop.ini") || strings.EqualFold(name, "thumbs.db") {
			continue
		}
		_, isRing := numberOf(name)
		others = others || !backup || !isRing && !isClaim(name) && !isSeen(name) && name != markerName && name != "objects/"
	}
	return backup, others, nil
}

// numbered is a keyring at a place.
type numbered struct {
	name  string
	n     int
	whole bool // else of a run that was under way
}

// ofRing returns the names of the keyring with a number, and of its copy.
func ofRing(n int) (ring, copied string) { return fmt.Sprint(whole, n), fmt.Sprint(second, n) }

// numberOf reads the name of a keyring.
func numberOf(name string) (k numbered, ok bool) {
	for _, prefix := range []string{whole, second, part} {
		if digits, found := strings.CutPrefix(name, prefix); found {
			n, err := strconv.Atoi(digits)
			return numbered{name, n, prefix != part}, err == nil
		}
	}
	return numbered{}, false
}

// listed is what the names at a place tell.
type listed struct {
	rings  []numbered // the newest first, and before its copy
	claims []string   // marks of runs that say they are under way
	seen   []string   // files that tell since when a claim has been seen that is dated ahead
}

// highest returns the highest number that a keyring has.
func (l listed) highest() int {
	if len(l.rings) == 0 {
		return 0
	}
	return l.rings[0].n
}

// list tells what a place has.
func list(ctx context.Context, place Place) (at listed, err error) {
	names, err := place.List(ctx, "")
	if err != nil {
		return at, fmt.Errorf("look at the place: %w", err)
	}
	for _, name := range names {
		if k, ok := numberOf(name); ok {
			at.rings = append(at.rings, k)
		} else if mark, ok := claimOf(name); ok {
			at.claims = append(at.claims, mark)
		} else if isSeen(name) {
			at.seen = append(at.seen, name)
		}
	}
	slices.SortFunc(at.rings, func(a, b numbered) int { return cmp.Or(b.n-a.n, strings.Compare(b.name, a.name)) })
	return at, nil
}

// readable returns ErrNewer where a place says that a later version of this program made what is there. One that says
// nothing, or what no version writes, is known by its keyring alone.
func readable(ctx context.Context, place Place) error {
	body, err := place.Get(ctx, markerName)
	if err != nil {
		if err = unreadable(err); errors.Is(err, ErrDamaged) {
			return nil
		}
		return fmt.Errorf("look at the place: %w", err)
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxMarker))
	if err = unreadable(err); err != nil && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("look at the place: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	before, _, _ := strings.Cut(marker, "%")
	said, _ := strings.CutPrefix(line, before)
	if version, err := strconv.Atoi(said); err == nil && version > layout {
		return ErrNewer
	}
	return nil
}

// newest opens the newest keyring that opens, among those that are whole, or those that are not. Where one is
// damaged its copy, or the one before it, may be sound.
func newest(ctx context.Context, place Place, all []numbered, isWhole bool, kits []string) (keyring, error) {
	found := ErrNone
	for _, each := range all {
		if each.whole != isWhole {
			continue
		}
		k, err := open(ctx, place, each.name, kits)
		if err == nil && k.N != each.n {
			err = fmt.Errorf("%s says that it is number %d: %w", each.name, k.N, ErrDamaged)
		}
		if err == nil {
			return k, nil
		}
		if errors.Is(err, ErrNewer) || !errors.Is(err, ErrKit) && !errors.Is(unreadable(err), ErrDamaged) {
			return keyring{}, err
		}
		if errors.Is(found, ErrNone) {
			found = err
		}
	}
	return keyring{}, found
}

// standing is what lies at a place before a run. The zero keyring is one that there is not.
type standing struct {
	listed
	before, begun keyring // the last backup, and what was begun since
	fresh         bool    // there is no backup,
	lost          bool    // since its keyring is damaged
}

// look tells what lies at a place.
func look(ctx context.Context, place Place, kits []string) (at standing, err error) {
	if at.listed, err = list(ctx, place); err != nil {
		return at, err
	}
	if err := readable(ctx, place); err != nil {
		return at, err
	}
	at.before, err = newest(ctx, place, at.rings, true, kits)
	at.lost = errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist)
	at.fresh = at.lost || errors.Is(err, ErrNone)
	if err != nil && !at.fresh {
		return at, err
	}
	begun, err := newest(ctx, place, at.rings, false, kits)
	if err == nil && begun.N > at.before.N {
		at.begun = begun
	}
	for _, known := range []error{ErrNone, ErrKit, ErrDamaged, fs.ErrNotExist} {
		if errors.Is(err, known) {
			err = nil
		}
	}
	return at, err
}

// paired reports whether the last backup has its keyring and the copy of it, or has one before it, which a run removes
// when both are there. Where all is to be read, the copy is too.
func (at standing) paired(ctx context.Context, place Place, reads bool) (bool, error) {
	ring, copied := ofRing(at.before.N)
	if at.before.name != ring {
		return false, nil
	}
	if slices.ContainsFunc(at.rings, func(k numbered) bool { return k.name != ring && k.name != copied }) {
		return true, nil
	}
	has := slices.ContainsFunc(at.rings, func(k numbered) bool { return k.name == copied })
	if !has || !reads {
		return has, nil
	}
	err := at.before.stands(ctx, place, copied)
	if errors.Is(err, ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// ours returns the marks of what lies there, or ErrOther when another machine has written it.
func (at standing) ours(known []string) (marks []string, err error) {
	for _, k := range []keyring{at.before, at.begun} {
		if k.Mark == "" {
			continue
		}
		if len(known) > 0 && !slices.Contains(known, k.Mark) {
			return nil, ErrOther
		}
		marks = append(marks, k.Mark)
	}
	return marks, nil
}
