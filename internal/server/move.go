package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"kith/ldp"
	"kith/pod"
	"kith/pod/folder"
	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Moved is what a pod left with when it moved to another machine.
type Moved struct {
	Kit       string `json:"kit"` // opens the folder
	Resources int    `json:"resources"`
	Bytes     int64  `json:"bytes"`
	Server    bool   `json:"server"` // the running server did it
	// Stays is what is in the folder and no part of the pod, and why: it was not written.
	Stays []string `json:"stays"`
}

// goesAlong are the tables of state.db that move to another machine: what a backup has, and the backups themselves.
var goesAlong = append(exported[:len(exported):len(exported)], []struct{ table, person string }{{"backup", "person"}, {"queued", "person"}, {"done", "person"}}...)

const (
	// moveOut begins what is asked of the server that has a pod which leaves.
	moveOut = "move-out "
	// leaving names what tells to which folder a pod is being copied that leaves. It is open again at the next start,
	// unless whoever asked has heard that all of it is there.
	leaving = "leaving "
)

// movedFrom is the member that tells the address of the server that the pod comes from.
const movedFrom = "from"

// Leave writes the whole pod, sealed, to an empty folder, reads it back, and closes the pod here for good: not one
// write is taken after the first byte is copied. When it fails, the pod goes on as before. waiting is called when a
// running server takes long to answer. Errors: ErrPerson, ErrPlace, ErrExists when the pod has left already.
func (o Person) Leave(ctx context.Context, dir string, waiting func()) (m Moved, err error) {
	if dir, err = checkPlace(o.Config, dir); err != nil {
		return m, err
	}
	if err := o.stays(ctx); err != nil {
		return m, err
	}
	if err := mustBeEmpty(dir); errors.Is(err, ErrExists) {
		return m, fmt.Errorf("%w: %s is not empty; name an empty folder. What a move that was broken off has left there may be deleted", ErrExists, dir)
	} else if err != nil {
		return m, err
	}
	return m, o.ask(ctx, moveOut+dir, &m, waiting)
}

// stays refuses a pod that has left, or is about to.
func (o Person) stays(ctx context.Context) error {
	return o.do(func(s *state) error {
		p, err := s.person(ctx, o.Name)
		if err != nil {
			return err
		}
		if p.moved {
			return hasLeft(o.Name)
		}
		box, err := s.value(ctx, leaving+o.Name)
		if err == nil && box != "" && folder.Busy(o.Config.index(o.Name)) {
			err = isLeaving(o.Name, box)
		}
		return err
	})
}

func hasLeft(name string) error {
	return fmt.Errorf("%w: %s has left this machine; `kith move undo %s` opens it here again", ErrExists, name, name)
}

func isLeaving(name, box string) error {
	return fmt.Errorf("%w: a `kith move out` of %s to %s is under way, and the pod is closed meanwhile; where that command was stopped, it opens again within half a minute", ErrExists, name, box)
}

// Return opens a pod again that has left. The caller knows that it lives nowhere else. Errors: ErrPerson.
func (o Person) Return(ctx context.Context, waiting func()) error {
	return o.ask(ctx, "return", nil, waiting)
}

// Arrive makes the pod that Leave has written to a folder, under the address that it had, unless DIR/kith.toml or
// c.URL say another one. It returns c completed, and the address that the pod had. Errors: those of Restore.
func (c Config) Arrive(ctx context.Context, dir, kit string, progress func(archive.Report)) (full Config, name, from string, r archive.Report, err error) {
	contents, err := archive.Open(ctx, archive.Folder(dir), kit)
	if err != nil {
		return c, "", "", r, err
	}
	if name, err = nameIn(contents.State); err != nil {
		return c, "", "", r, err
	}
	var said struct{ From string }
	if err := json.Unmarshal(contents.State, &said); err != nil {
		return c, "", "", r, fmt.Errorf("find where the pod was: %w", archive.ErrDamaged)
	}
	recorded, err := readConfig(c.Data)
	if err != nil {
		return c, "", "", r, err
	}
	if c.URL == "" && recorded.URL == "" {
		c.URL = said.From
	}
	if full, err = c.Complete(); err != nil {
		return c, "", "", r, err
	}
	s, err := openState(full.Data, full.Now)
	if err != nil {
		return c, "", "", r, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if r, err = fill(ctx, full, s, name, "kith move in "+dir, contents, progress, nil); err != nil {
		err = fmt.Errorf("take in %s: %w", name, err)
	}
	return full, name, said.From, r, err
}

// leave closes the pod, and then copies it: so the copy is all that there ever was.
func (s *Server) leave(ctx context.Context, name, dir string) (m Moved, err error) {
	h, err := s.home(ctx, name)
	if err != nil {
		return m, err
	}
	if !h.left.CompareAndSwap(false, true) {
		return m, hasLeft(name)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.breakOff(context.WithoutCancel(ctx), name, dir))
		}
	}()
	if err := h.state.write(ctx, func(c *sqlite.Conn) error { return setValues(c, leaving+name, dir) }); err != nil {
		return m, err
	}
	h.retire()
	if err := h.upkeep.settle(ctx); err != nil {
		return m, err
	}
	h.upkeep.freeze()
	m, err = h.copyTo(ctx, archive.Folder(dir))
	m.Stays = everyReason(h.upkeep.troubles().Refused)
	m.Server = !s.config.quiet
	if err == nil && s.config.quiet { // nobody else has to hear of it
		err = h.state.setOut(ctx, name)
	}
	return m, err
}

// breakOff opens a pod again that was to leave, unless it has left, and takes the copy out of its folder: what others have put there meanwhile is theirs.
func (s *Server) breakOff(ctx context.Context, name, dir string) error {
	box := ""
	err := s.state.write(ctx, func(c *sqlite.Conn) (err error) {
		if box, err = value(c, leaving+name); err == nil {
			err = setValues(c, leaving+name, "")
		}
		return err
	})
	if err != nil || box == "" {
		return err
	}
	return errors.Join(s.reopen(ctx, name), archive.Erase(dir))
}

// setOut has a pod leave of which everything is in its folder. It fails where it was opened again meanwhile.
func (s *state) setOut(ctx context.Context, name string) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		box, err := value(c, leaving+name)
		if err == nil && box == "" {
			err = fmt.Errorf("the move of %s was broken off, and the pod is open here again; try it again with an empty folder", name)
		}
		if err != nil {
			return err
		}
		return errors.Join(setMoved(c, name, true), setValues(c, leaving+name, ""))
	})
}

// forgetLeaving is what a start makes of moves that were broken off: the pods are open.
func forgetLeaving(c *sqlite.Conn) error {
	return sqlitex.Execute(c, `DELETE FROM server WHERE substr(name, 1, ?1) = ?2`, &sqlitex.ExecOptions{Args: []any{len(leaving), leaving}})
}

// retire ends all that the pod does by itself. It may be called again.
func (h *home) retire() {
	h.backups.close()
	h.hands.close()
	if h.reach != nil {
		h.reach.close()
	}
	h.direct.close()
}

// copyTo writes all of the pod to a place, and reads it back.
func (h *home) copyTo(ctx context.Context, place archive.Place) (m Moved, err error) {
	v, err := h.owner(ctx)
	if err != nil {
		return m, err
	}
	replica, err := v.Replica(ctx)
	if err != nil {
		return m, err
	}
	state, err := h.state.exportTables(ctx, h.name, goesAlong, map[string]any{movedFrom: h.config.URL})
	if err != nil {
		return m, err
	}
	var kit onlyKit
	if _, err := archive.Backup(ctx, replica, place, &kit, archive.Options{State: state, Skip: pod.Path{}, Now: h.state.now}); err != nil {
		return m, err
	}
	contents, err := archive.Open(ctx, place, string(kit))
	if err != nil {
		return m, err
	}
	r, err := contents.Verify(ctx, nil)
	return Moved{Kit: string(kit), Resources: r.Done, Bytes: r.Bytes}, err
}

// onlyKit keeps the kit of a place that is written once. It implements archive.Kits.
type onlyKit string

// Kits implements archive.Kits.
func (k *onlyKit) Kits(context.Context) ([]string, error) {
	if *k == "" {
		return nil, nil
	}
	return []string{string(*k)}, nil
}

// Keep implements archive.Kits.
func (k *onlyKit) Keep(_ context.Context, kits ...string) error {
	*k = onlyKit(kits[0])
	return nil
}

// Marks implements archive.Kits.
func (k *onlyKit) Marks(context.Context) ([]string, error) { return nil, nil }

// Mark implements archive.Kits.
func (k *onlyKit) Mark(context.Context, ...string) error { return nil }

func setMoved(c *sqlite.Conn, name string, moved bool) error {
	return sqlitex.Execute(c, `UPDATE person SET moved = ? WHERE name = ?`, &sqlitex.ExecOptions{Args: []any{moved, name}})
}

// takeBack opens a pod again that has left.
func (s *Server) takeBack(ctx context.Context, name string) error {
	p, err := s.state.person(ctx, name)
	if err != nil {
		return err
	}
	box, err := s.state.value(ctx, leaving+name)
	switch {
	case err != nil:
		return err
	case p.moved:
	case box == "":
		return fmt.Errorf("%s has not moved: there is nothing to undo", name)
	case s.opened(name).left.Load():
		return isLeaving(name, box)
	}
	return s.reopen(ctx, name)
}

// reopen closes a pod, says that it has not moved, and opens it again. Who asks in between finds nobody.
func (s *Server) reopen(ctx context.Context, name string) error {
	err := s.state.write(ctx, func(c *sqlite.Conn) error {
		return errors.Join(setMoved(c, name, false), setValues(c, leaving+name, ""))
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	h := s.homes[name]
	delete(s.homes, name)
	s.mu.Unlock()
	if h != nil {
		if err := h.close(); err != nil {
			return err
		}
	}
	_, err = s.home(ctx, name)
	return err
}

// serveLeft answers for a pod that has moved, or is about to move, to another machine: friends and the owner's devices hear it, others what
// they hear of a name that nobody has.
func (s *Server) serveLeft(w http.ResponseWriter, r *http.Request, h *home, rest string) {
	agent, err := h.who.Authenticate(r)
	if err != nil || !agent.Device() && agent.Contact() == "" {
		s.stranger(h.name).serve(w, r, "/"+rest)
		return
	}
	ldp.CORS(w, r)
	// Where the new machine takes over the address, phones should not stay away for long.
	w.Header().Set("Retry-After", "60")
	text := "This pod has moved to another machine. Nothing is read or written here any more."
	if box, err := h.state.value(r.Context(), leaving+h.name); err != nil || box != "" {
		text = "This pod is being copied to take it to another machine. Nothing is read or written here meanwhile."
	}
	ldp.Problem(w, http.StatusServiceUnavailable, text)
}
