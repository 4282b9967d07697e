package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"kith/ldp"
	"kith/pod"
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

// movedFrom is the member that tells the address of the server that the pod comes from.
const movedFrom = "from"

// Leave writes the whole pod, sealed, to an empty folder, reads it back, and closes the pod here for good: not one
// write is taken after the first byte is copied. When it fails, the pod goes on as before. waiting is called when a
// running server takes long to answer. Errors: ErrPerson, ErrPlace, ErrExists when the pod has left already.
func (o Person) Leave(ctx context.Context, dir string, waiting func()) (m Moved, err error) {
	if dir, err = checkPlace(o.Config, dir); err != nil {
		return m, err
	}
	if err := mustBeEmpty(dir); errors.Is(err, ErrExists) {
		return m, fmt.Errorf("%w: %s is not empty; name an empty folder", ErrExists, dir)
	} else if err != nil {
		return m, err
	}
	return m, o.ask(ctx, "leave "+dir, &m, waiting)
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
		return m, fmt.Errorf("%w: %s has left this machine; `kith move undo %s` opens it here again", ErrExists, name, name)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.reopen(context.WithoutCancel(ctx), name, false), emptied(dir))
		}
	}()
	if err := h.state.setMoved(ctx, name, true); err != nil {
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
	return m, err
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

func emptied(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
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

func (s *state) setMoved(ctx context.Context, name string, moved bool) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE person SET moved = ? WHERE name = ?`, &sqlitex.ExecOptions{Args: []any{moved, name}})
	})
}

// takeBack opens a pod again that has left.
func (s *Server) takeBack(ctx context.Context, name string) error {
	p, err := s.state.person(ctx, name)
	if err == nil && !p.moved {
		err = fmt.Errorf("%s has not moved: there is nothing to undo", name)
	}
	if err != nil {
		return err
	}
	return s.reopen(ctx, name, false)
}

// reopen closes a pod, says whether it has moved, and opens it again. Who asks in between finds nobody.
func (s *Server) reopen(ctx context.Context, name string, moved bool) error {
	if err := s.state.setMoved(ctx, name, moved); err != nil {
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
	_, err := s.home(ctx, name)
	return err
}

// serveLeft answers for a pod that has moved to another machine: friends and the owner's devices hear it, others what
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
	ldp.Problem(w, http.StatusServiceUnavailable, "This pod has moved to another machine. Nothing is read or written here any more.")
}
