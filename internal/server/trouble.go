package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"kith/pod"
)

// maxNamed is how many paths a trouble names.
const maxNamed = 20

// trouble is one thing of which the owner should hear.
type trouble struct {
	Kind  string     `json:"kind"`            // one word for apps
	Text  string     `json:"text"`            // a sentence for people: what it is, and what to do
	Count int        `json:"count,omitempty"` // how many things it is about
	Paths []string   `json:"paths,omitempty"` // some of them
	Since *time.Time `json:"since,omitempty"` // when it began, where that is known
}

// troubles returns what stands against this pod now.
func (h *home) troubles(ctx context.Context) ([]trouble, error) {
	all := []trouble{}
	for _, ask := range []func(context.Context) ([]trouble, error){h.badBackups, h.fullness, h.machine} {
		some, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	t := h.upkeep.troubles()
	if n := len(t.Held); n > 0 {
		all = append(all, trouble{Kind: "deletions", Count: n, Paths: named(t.Held), Text: fmt.Sprintf("%d files disappeared from the folder of the pod at once. They are deleted nowhere else until you say so.", n)})
	}
	if n := len(t.Conflicts); n > 0 {
		all = append(all, trouble{Kind: "conflicts", Count: n, Paths: named(t.Conflicts), Text: fmt.Sprintf("%d files in the folder were changed in two places. The copies beside them are not served: compare, and remove those that you do not need.", n)})
	}
	if t.Unwatched {
		all = append(all, trouble{Kind: "unwatched", Text: fmt.Sprintf("This system does not report all changes of the folder. What you drop there is noticed within %v.", handsRescan)})
	}
	return all, nil
}

func named(paths []pod.Path) (names []string) {
	for _, p := range paths[:min(len(paths), maxNamed)] {
		names = append(names, p.String())
	}
	return names
}

// serveTrouble answers `.trouble`, what the owner should hear of, and `.trouble/deletions`, where the owner
// decides on those that are held.
func (h *home) serveTrouble(w http.ResponseWriter, r *http.Request, below string) error {
	switch {
	case below == "" && r.Method == http.MethodGet:
		all, err := h.troubles(r.Context())
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, all)
	case below == "":
		return allow(w, "GET, OPTIONS")
	case below != "deletions":
		return pod.ErrNotExist
	case r.Method != http.MethodPost:
		return allow(w, "POST, OPTIONS")
	}
	var decision struct {
		Delete bool `json:"delete"`
	}
	if err := readJSON(w, r, 1<<10, &decision); err != nil {
		return err
	}
	if err := h.upkeep.decide(r.Context(), decision.Delete); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
