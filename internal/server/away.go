package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"kith/ldp"
	"kith/pod"
	"kith/pod/folder"
)

// tree returns the folder of a person's pod.
func (c Config) tree(name string) string { return filepath.Join(c.Data, "pods", name) }

// awayTodo says what to do about a pod whose folder is away.
func (c Config) awayTodo(name string) string {
	return fmt.Sprintf("The folder %s is missing or empty, and nothing is made in its place; no backup is made of it either. Mount its disk, or move the folder back: the pod is then served again by itself. If it is lost, `kith restore` makes the pod anew from a backup, into another folder with --data. If an empty pod is meant, say `kith check %s --begin-empty`.", c.tree(name), name)
}

// awayError is err with what to do, where the folder of the pod is away.
func (c Config) awayError(err error, name string) error {
	if errors.Is(err, pod.ErrAway) {
		return fmt.Errorf("%w. %s", err, c.awayTodo(name))
	}
	return err
}

// backedUp reports whether a backup of a pod was ever made: where its folder is missing or empty, that has what phones do
// not, and the next one would drop it. A pod without one is filled again by its owner's phones.
func (s *state) backedUp(ctx context.Context, name string) (bool, error) {
	backups, err := s.backups(ctx, name)
	return slices.ContainsFunc(backups, func(b Backup) bool { return b.Done != nil }), err
}

// away reports whether the folder of the pod is not there.
func (h *home) away() bool { return h.absent || h.upkeep.away != nil && h.upkeep.away() }

// serveAway answers for a pod whose folder is not there. It tells nobody where that is.
func (h *home) serveAway(w http.ResponseWriter, r *http.Request) {
	if ldp.CORS(w, r) {
		return
	}
	w.Header().Set("Retry-After", "60")
	ldp.Problem(w, http.StatusServiceUnavailable, "The folder of this pod is missing or empty, so nothing of it is served, and nothing is taken for deleted. Its owner has to bring the folder back: on its machine, `kith check` says how.")
}

// openAway opens a pod for openHomes: one whose folder is away is told, and keeps no other from being served.
func (s *Server) openAway(ctx context.Context, name string) error {
	_, err := s.home(ctx, name)
	if errors.Is(err, pod.ErrAway) {
		slog.Error("a pod is not served", "err", err)
		return nil
	}
	return err
}

// renew closes a pod whose folder has gone while it was open, once another one is in its place: whoever asks for the pod
// next opens that. Until then it is pod.ErrAway.
func (s *Server) renew(name string) error {
	h := s.opened(name)
	if h == nil || !h.away() {
		return nil
	}
	vacant, err := folder.Vacant(s.config.tree(name))
	if err == nil && vacant {
		err = pod.ErrAway
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	mine := s.homes[name] == h
	if mine {
		delete(s.homes, name)
	}
	s.mu.Unlock()
	if !mine {
		return nil
	}
	return h.close()
}

// lookAway tells of a pod whose folder is missing or empty, though a backup was made of it. One that was never filled is no fault.
func (d *doctor) lookAway(ctx context.Context, p person) (away bool, err error) {
	kept, err := d.state.backedUp(ctx, p.name)
	if err != nil || !kept {
		return false, err
	}
	vacant, err := folder.Vacant(d.config.tree(p.name))
	if err != nil || !vacant {
		return false, err
	}
	d.say(p.name, levelBroken, "The pod is not served: its folder is missing or empty.", d.config.awayTodo(p.name))
	return true, nil
}

// BeginEmpty gives a pod whose folder is missing or empty one in which nothing but the root's access list is. What its
// index knows to be missing is held then, and asked about. Errors: ErrPerson, ErrExists when the folder is not empty.
func (o Person) BeginEmpty(ctx context.Context) error {
	tree := o.Config.tree(o.Name)
	if err := o.Config.mine(); err != nil {
		return err
	}
	return o.do(func(s *state) error {
		if _, err := s.person(ctx, o.Name); err != nil {
			return advise(err, o.Name)
		}
		if err := mustBeEmpty(tree); err != nil {
			return err
		}
		if err := os.MkdirAll(tree, 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tree, ".acl"), []byte(rootACL), 0o600)
	})
}
