package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kith/ldp"
	"kith/webid"
)

const (
	backupEvery = 24 * time.Hour // for places that are named from afar
	backupsMost = 8              // places of one pod that are named from afar
	backupBody  = 4 << 10
	notFromAfar = "Give the https address of a folder at a WebDAV server. A folder of this machine, or one in the house, is named by `kith backup add` on it."
)

// shownBackup is what the owner's devices are told of a backup.
type shownBackup struct {
	Backup
	Seconds int64      `json:"every"`             // between two runs
	Next    *time.Time `json:"next,omitempty"`    // the next run; absent when one is due
	State   string     `json:"state,omitempty"`   // of the place: looking or refused; absent for one that will do
	Waiting bool       `json:"waiting,omitempty"` // asked for, or under way
	Queued  bool       `json:"queued,omitempty"`  // until another run has had its turn
	Running *progress  `json:"running,omitempty"`
	Kit     bool       `json:"kit"` // the owner's devices have one
}

type progress struct {
	Done  int   `json:"done"`
	Total int   `json:"total"`
	Bytes int64 `json:"bytes"`
}

// serveBackups answers `.backups` to the owner's devices: GET lists the places, POST names one more, at which its first
// run looks, since that takes longer than a sealed request may wait, POST `.backups/run` asks for a run of all of them, DELETE `.backups/<id>` forgets a place and its kit.
func (h *home) serveBackups(w http.ResponseWriter, r *http.Request, agent webid.Agent, below string) error {
	return asOwner(agent, func() error {
		switch {
		case below == "" && r.Method == http.MethodGet:
			return h.listBackups(w, r)
		case below == "" && r.Method == http.MethodPost:
			return h.asAdmin(r.Context(), agent, func() error { return h.addBackup(w, r) })
		case below == "run" && r.Method == http.MethodPost:
			return done(w, http.StatusAccepted, Person{h.config, h.name}.AskBackup(r.Context()))
		case below != "" && below != "run" && r.Method == http.MethodDelete:
			return h.asAdmin(r.Context(), agent, func() error {
				return done(w, http.StatusNoContent, Person{h.config, h.name}.RemoveBackup(r.Context(), below))
			})
		}
		return allow(w, "GET, POST, DELETE, OPTIONS")
	})
}

// done answers with a status and no body, or with what went wrong.
func done(w http.ResponseWriter, status int, err error) error {
	if err == nil {
		w.WriteHeader(status)
	}
	return err
}

func (h *home) listBackups(w http.ResponseWriter, r *http.Request) error {
	all, err := h.state.backups(r.Context(), h.name)
	if err != nil {
		return err
	}
	list := []shownBackup{}
	for _, b := range all {
		one := b.shown(h.state.now())
		one.Queued = one.Waiting && h.backups.waits(b.ID, h.state.now())
		list = append(list, one)
	}
	return writeJSON(w, http.StatusOK, list)
}

func (b Backup) shown(now time.Time) shownBackup {
	s := shownBackup{Backup: b, Seconds: int64(b.Every / time.Second), Waiting: b.Waiting(), Kit: len(b.kits) > 0}
	if b.progress {
		s.Running = &progress{b.Running.Done, b.Running.Total, b.Running.Bytes}
	}
	switch {
	case b.checked == placeNew:
		s.State = "looking"
	case b.checked == placeBad:
		s.State = "refused"
	case !b.due(now) && !b.Unsure:
		s.Next = known(b.Tried.Add(b.wait()))
	}
	return s
}

// addBackup takes a WebDAV folder only: a folder of this machine is named by whoever sits at it.
func (h *home) addBackup(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Place    string `json:"place"`
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, backupBody, &req); err != nil {
		return err
	}
	if !h.mayBackUpTo(req.Place) {
		return refusePlace(w, notFromAfar)
	}
	all, err := h.state.backups(r.Context(), h.name)
	if err != nil {
		return err
	}
	if len(all) >= backupsMost {
		return refusePlace(w, "There are enough places. Remove one first.")
	}
	named, err := Person{h.config, h.name}.nameBackup(r.Context(),
		Backup{Address: req.Place, Account: req.User, Every: backupEvery, secret: req.Password, afar: true})
	if errors.Is(err, ErrPlace) {
		return refusePlace(w, err.Error())
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, named.shown(h.state.now()))
}

// mayBackUpTo reports whether an address from afar may be asked: by https, where only the one whom the address
// names can answer, or one that the operator allows.
func (h *home) mayBackUpTo(address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && slices.Contains(h.config.Fetch, u.Host))
}

func refusePlace(w http.ResponseWriter, why string) error {
	ldp.Problem(w, http.StatusUnprocessableEntity, why)
	return nil
}
