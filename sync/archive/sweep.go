package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sweepMost is how many files in a row a place may fail to delete before it is asked for no more.
const sweepMost = 16

// isObject reports whether a run gives that name to an object, or to one that is being stored.
func isObject(folder, name string) bool {
	if isPart(name) {
		return true
	}
	first, rest, goesOn := strings.Cut(name, "-")
	b, err := hex.DecodeString(first)
	if err != nil || len(b) != 16 || hex.EncodeToString(b) != first || first[:2]+"/" != folder {
		return false
	}
	n, err := strconv.Atoi(rest)
	return !goesOn || err == nil && n > 0 && strconv.Itoa(n) == rest
}

// isPart reports whether a run gives that name to a file that is being stored.
func isPart(name string) bool {
	text, ok := strings.CutPrefix(name, unfinished)
	return ok && text != "" && !strings.ContainsFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
}

// isShelf reports whether objects lie in a folder of that name.
func isShelf(name string) bool {
	b, err := hex.DecodeString(strings.TrimSuffix(name, "/"))
	return err == nil && len(b) == 1 && hex.EncodeToString(b)+"/" == name
}

// sweep deletes the objects that the keyring does not name. What has another name than a run gives is another program's.
// Who takes the place over takes the claim away before it stores anything: what was listed while the claim was still there
// is nobody else's. It goes on where something cannot be deleted, and returns the first such error. Errors: ErrBusy where the claim has gone.
func (r *run) sweep(ctx context.Context) error {
	named := map[string]bool{}
	for _, row := range r.next.Rows {
		for n := 0; row.Object != "" && n <= row.Pieces; n++ {
			named[row.piece(n)] = true
		}
	}
	folders, err := r.place.List(ctx, "objects/")
	if err != nil {
		return fmt.Errorf("look for what has gone: %w", err)
	}
	var left leftover
	for _, folder := range folders {
		if !isShelf(folder) {
			continue
		}
		names, err := r.place.List(ctx, "objects/"+folder)
		if err != nil && left.note(err) {
			break
		}
		names = slices.DeleteFunc(names, func(name string) bool { return named[name] || !isObject(folder, name) })
		if len(names) == 0 {
			continue
		}
		if _, err := r.asFound(ctx); err != nil {
			return err
		}
		if r.drop(ctx, &left, "objects/"+folder, names) {
			break
		}
	}
	return errors.Join(left.err(), ctx.Err())
}

// drop deletes files of a folder, and reports whether the place is to be asked for no more.
func (r *run) drop(ctx context.Context, left *leftover, folder string, names []string) (ended bool) {
	for _, name := range names {
		if left.note(r.place.Delete(ctx, folder+name)) || ctx.Err() != nil {
			return true
		}
	}
	return false
}

// leftover is what could not be deleted.
type leftover struct {
	first  error
	n, row int // how often, and how often in a row
}

// note counts an error, and reports whether there were too many in a row.
func (l *leftover) note(err error) (ended bool) {
	if err == nil {
		l.row = 0
		return false
	}
	if l.first == nil {
		l.first = err
	}
	l.n, l.row = l.n+1, l.row+1
	return l.row == sweepMost
}

func (l *leftover) err() error {
	switch l.n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("delete what has gone: %w", l.first)
	}
	return fmt.Errorf("delete what has gone: %w; and %d more", l.first, l.n-1)
}

// Erase removes from a folder of this machine what runs store in one, and the folders of theirs that are empty then. What
// else is there stays.
func Erase(dir string) error {
	f := &folder{dir: dir}
	isTop := func(name string) bool {
		_, isRing := numberOf(name)
		_, isClaim := claimOf(name)
		return name == markerName || isRing || isClaim || isSeen(name) || isPart(name)
	}
	err := f.erase("", isTop)
	shelves, failed := f.List(context.Background(), "objects/")
	err = errors.Join(err, failed, f.erase("objects/", isPart))
	for _, shelf := range shelves {
		if isShelf(shelf) {
			in := "objects/" + shelf
			err = errors.Join(err, f.erase(in, func(name string) bool { return isObject(shelf, name) }), f.eraseEmpty(in))
		}
	}
	return errors.Join(err, f.eraseEmpty("objects/"))
}

// erase removes the files of a folder whose names are a run's.
func (f *folder) erase(folder string, isOwn func(name string) bool) error {
	names, err := f.List(context.Background(), folder)
	for _, name := range names {
		if isOwn(name) {
			err = errors.Join(err, f.Delete(context.Background(), folder+name))
		}
	}
	return err
}

// eraseEmpty removes a folder, unless anything is there.
func (f *folder) eraseEmpty(folder string) error {
	names, err := f.List(context.Background(), folder)
	if err != nil || len(names) > 0 {
		return err
	}
	return f.Delete(context.Background(), strings.TrimSuffix(folder, "/"))
}
