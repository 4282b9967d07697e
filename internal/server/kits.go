package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"kith/pod"
	"kith/webid"
)

// Where devices find what opens backups: those that they write themselves, and those of the pod.
const (
	kitPath    = "/settings/kit"
	backupPath = "/settings/backup"
)

// placeKits is what the owner's devices know of the place of a backup.
type placeKits struct {
	Place string   `json:"place"`
	User  string   `json:"user,omitempty"`
	Kits  []string `json:"kits"` // the newest first
}

// toldKits is the document at backupPath.
type toldKits struct {
	Backups []placeKits `json:"backups"`
}

// adoptKit records the document of the recovery kit, which only the person key signs. One that is older than what is
// known is refused as stale: its letters may have been given away since.
func (h *home) adoptKit(ctx context.Context, jws string) error {
	defer h.realm.forget()
	return h.state.update(ctx, h.name, func(p *person) error {
		serial, err := p.lists.Devices.Kit(jws)
		if err != nil {
			return err
		}
		if known, err := p.lists.Devices.Kit(p.kit); err == nil && serial < known {
			return fmt.Errorf("adopt kit: %w", webid.Verdict("stale"))
		}
		p.kit = jws
		return nil
	})
}

// sameKits refuses what a device says of the pod's backups, but where it is what the pod says, or where the pod knows of
// none: then the device brings what the pod said on a machine that is gone.
func (h *home) sameKits(ctx context.Context, text []byte) error {
	known, err := h.knownKits(ctx)
	if err != nil {
		return err
	}
	if known != nil && !bytes.Equal(text, known) {
		return fmt.Errorf("adopt kits of backups: %w", webid.Verdict("stale"))
	}
	var said toldKits
	if json.Unmarshal(text, &said) != nil || !said.open() {
		return fmt.Errorf("adopt kits of backups: %w", webid.Malformed)
	}
	return nil
}

// open reports whether there is a kit among them.
func (t toldKits) open() bool {
	for _, b := range t.Backups {
		if len(b.Kits) > 0 {
			return true
		}
	}
	return false
}

// knownKits returns what the phones are told of the kits of the pod's backups; nil while there are none.
func (h *home) knownKits(ctx context.Context) ([]byte, error) {
	all, err := h.state.backups(ctx, h.name)
	if err != nil {
		return nil, err
	}
	list := toldKits{Backups: []placeKits{}}
	for _, b := range all {
		list.Backups = append(list.Backups, placeKits{b.Address, b.Account, b.kits})
	}
	if !list.open() {
		return nil, nil
	}
	text, err := json.Marshal(list)
	return append(text, '\n'), err
}

// tellKits puts what opens backups where the owner's devices find it, unless it stands there: when this machine is gone,
// it opens what is left. The kits of the pod's backups are not part of any backup.
func (h *home) tellKits(ctx context.Context) error {
	h.backups.telling.Lock()
	defer h.backups.telling.Unlock()
	kits, err := h.knownKits(ctx)
	if err != nil {
		return err
	}
	if err := h.tell(ctx, backupPath, "application/json", kits); err != nil {
		return err
	}
	kit, err := h.knownKit(ctx)
	if err != nil {
		return err
	}
	return h.tell(ctx, kitPath, "application/jose", kit)
}

// knownKit returns the document of the recovery kit, nil while there is none. A pod of an earlier version, or that was
// restored, adopts the one that stands in its folder.
func (h *home) knownKit(ctx context.Context) ([]byte, error) {
	p, err := h.state.person(ctx, h.name)
	if err != nil || p.kit != "" || !p.paired() {
		return []byte(p.kit), err
	}
	standing, err := h.standing(ctx, kitPath)
	if err != nil || standing == nil {
		return nil, err
	}
	err = h.adoptKit(ctx, string(standing))
	var refused webid.Verdict
	if errors.As(err, &refused) { // a device brings a better one
		return nil, nil
	}
	return standing, err
}

// maxKits bounds what is read of a document of kits, in bytes.
const maxKits = 1 << 20

// standing returns the bytes at a path, nil where nothing is.
func (h *home) standing(ctx context.Context, path string) ([]byte, error) {
	r, p, err := h.replicaOf(ctx, path)
	if err != nil {
		return nil, err
	}
	res, err := r.Open(ctx, p)
	if errors.Is(err, pod.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(res, maxKits))
	return text, errors.Join(err, res.Close())
}

// tell puts what the server knows at a path, unless that stands there or it knows nothing.
func (h *home) tell(ctx context.Context, path, mediaType string, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	standing, err := h.standing(ctx, path)
	if err != nil || bytes.Equal(standing, text) {
		return err
	}
	r, p, err := h.replicaOf(ctx, path)
	if err != nil {
		return err
	}
	head, err := r.Head(ctx)
	if err != nil {
		return err
	}
	owner, err := h.realm.person(ctx)
	if err != nil {
		return err
	}
	row := pod.Info{Path: p, Type: mediaType, Modified: h.state.now(), Version: pod.Version{Counter: head.Counter + 1, Device: owner.kid()}}
	_, err = r.Put(ctx, row, bytes.NewReader(text), nil)
	return err
}
