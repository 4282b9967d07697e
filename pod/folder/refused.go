package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kith/pod"
)

// Refused is something that lies in the folder and is no part of the pod: it is not served, and no backup has it, but
// for what the pod had under this name before.
type Refused struct {
	Name string // its place below Tree, with slashes; that of a folder ends in one. It need not be UTF-8
	Why  Reason
}

// Reason says why something in the folder is no part of the pod.
type Reason int

// The reasons. The zero Reason is the strictest: nothing that a pod could ever serve.
const (
	Special    Reason = iota // a link, a device, a pipe
	Linked                   // a file with further names, which the pod did not have before it got them
	BadName                  // no pod.Path has this name
	Twin                     // a sibling has a name that differs in case or form only
	Copy                     // a conflict copy
	Unfinished               // named like half a file
	Unsettled                // it was written within Followed.Settle
	Shut                     // its ACL is there and cannot be taken in, so nobody knows whom it lets in
)

// reasonOf is why what is of a kind is not served.
func reasonOf(k kind) Reason {
	if k == linked {
		return Linked
	}
	return Special
}

func kindOf(p pod.Path) kind {
	if p.IsContainer() {
		return folded
	}
	return plain
}

// refuse notes that a name in the container is not served.
func (m *merge) refuse(name string, k kind, why Reason) {
	at := strings.TrimPrefix(m.p.String(), "/") + name
	if k == folded {
		at += "/"
	}
	h := &m.w.store.hand
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused[m.p] = append(h.refused[m.p], Refused{at, why})
}

// collides reports whether something new in the folder has a name that PUT would refuse, because a sibling that is there
// has one like it.
func (m *merge) collides(p pod.Path, s stamp) (bool, error) {
	rows, err := m.w.like(p)
	for _, r := range rows {
		if other, _, err := m.d.lstat(r.Path.Name()); err == nil && other.inode != s.inode {
			return true, nil
		}
	}
	return false, err
}

// shut reports whether something new in the folder has an ACL that the pod does not take in.
func (m *merge) shut(p pod.Path) (bool, error) {
	if p.Subject() != p {
		return false, nil
	}
	d := m.d
	if p.IsContainer() {
		inner, err := m.d.sub(p.Name())
		if err != nil {
			return false, ignoreAbsent(err)
		}
		defer inner.close()
		d = inner
	}
	name := p.ACL().Name()
	if _, _, err := d.lstat(name); err != nil {
		return false, ignoreAbsent(err)
	}
	f, _, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return true, nil
	}
	return false, f.Close()
}

// forget drops what was refused in a container: whoever looks finds what there is.
func (h *hand) forget(container pod.Path) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.refused, container)
}

// refuses reports whether something of that name was refused in a container.
func (h *hand) refuses(container pod.Path, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.refused[container], func(r Refused) bool {
		at := strings.TrimSuffix(r.Name, "/")
		return at[strings.LastIndexByte(at, '/')+1:] == name
	})
}

// refused returns what is refused and still there: no look comes to a container that is gone.
func (s *Store) refused() (all []Refused) {
	s.hand.mu.Lock()
	for _, some := range s.hand.refused {
		all = append(all, some...)
	}
	s.hand.mu.Unlock()
	all = slices.DeleteFunc(all, func(r Refused) bool {
		_, err := os.Lstat(filepath.Join(s.o.Tree, filepath.FromSlash(r.Name)))
		return errors.Is(err, fs.ErrNotExist)
	})
	slices.SortFunc(all, func(a, b Refused) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Settle takes in all that hands have put into the folder, and waits for what is being written until that was left alone,
// but no longer than ten times Followed.Settle. What is not taken in then is among what Troubles calls Unsettled.
func (s *Store) Settle(ctx context.Context) error {
	for range 10 {
		unsettled := false
		for todo := []pod.Path{pod.Root}; len(todo) > 0; todo = todo[1:] {
			found, err := s.lookByHand(ctx, todo[0])
			if err != nil {
				return fmt.Errorf("take in the folder: %w", err)
			}
			todo = append(todo, found.below...)
			unsettled = unsettled || found.unsettled
		}
		if !unsettled {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.o.Followed.Settle):
		}
	}
	return nil
}
