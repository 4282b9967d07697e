package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kith/ldp"
	"kith/pod"
	"kith/pod/folder"
)

// maxNamed is how many paths a trouble names.
const maxNamed = 20

// trouble is one thing of which the owner should hear.
type trouble struct {
	Kind  string     `json:"kind"`            // one word for apps
	Why   string     `json:"why,omitempty"`   // another one, where a kind has several: of a place for backups one of whys
	Text  string     `json:"text"`            // a sentence for people: what it is, and what to do
	Place string     `json:"place,omitempty"` // the place for backups that it is about
	Free  int64      `json:"free,omitempty"`  // bytes that there is room for
	Count int        `json:"count,omitempty"` // how many things it is about
	Paths []string   `json:"paths,omitempty"` // some of them
	Since *time.Time `json:"since,omitempty"` // when it began, where that is known
	Until *time.Time `json:"until,omitempty"` // when it will be worse, where that is known
	Seen  string     `json:"seen,omitempty"`  // what a decision on it has to name: which things they are
}

// troubles returns what stands against this pod now.
func (h *home) troubles(ctx context.Context) ([]trouble, error) {
	all := []trouble{}
	for _, ask := range []func(context.Context) ([]trouble, error){h.missingLists, h.badBackups, h.fullness, h.machine} {
		some, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	t := h.upkeep.troubles()
	if t.ReadOnly {
		all = append(all, trouble{Kind: "readonly", Text: "The disk of the pod has failed in the middle of a write, and nobody knows what it holds. The pod is read only until the server is started again; it then looks at everything. See first whether the disk is sound, and has room."})
	}
	if len(t.Held) > 0 {
		files, what := amount(t.Held)
		if len(files) == 0 {
			files = t.Held
		}
		news, why := h.back.news()
		all = append(all, trouble{Kind: "deletions", Why: why, Count: len(files), Paths: named(files), Seen: seen(t.Held), Text: what + " disappeared from the folder of the pod at once. They are deleted nowhere else until you say so, and backups keep them. Brought back, they come from the backup, and from your phones what it does not have." + news})
	}
	if copies := because(t.Refused, folder.Copy); len(copies) > 0 {
		all = append(all, trouble{Kind: "conflicts", Count: len(copies), Paths: copies[:min(len(copies), maxNamed)], Text: "Something in the folder was changed in two places. The copies beside it are shown to nobody: compare, and remove what you do not need."})
	}
	if some, names := outside(t.Refused); len(names) > 0 {
		n := len(names)
		all = append(all, trouble{Kind: "outside", Count: n, Paths: names[:min(n, maxNamed)], Text: fmt.Sprintf("%s in the folder of the pod are no part of it: nobody is shown them, and no backup has them. %s.", things(n), strings.Join(some[:min(len(some), 3)], ". "))})
	}
	if t.Unwatched {
		all = append(all, trouble{Kind: "unwatched", Text: fmt.Sprintf("This system does not report all changes of the folder. What you drop there is noticed within %v.", handsRescan)})
	}
	return all, nil
}

// listing says what is missing where one of the owner's lists is not in the folder, and what brings it.
const listing = "%s is missing from the folder of the pod. By it your devices and friends know which devices are yours. The pod puts it back where it has a copy, and a device of yours brings it when Kith is opened there. If it stays away, come back with a backup and the recovery kit."

// missingLists tells of the owner's lists that are not in the folder.
func (h *home) missingLists(ctx context.Context) ([]trouble, error) {
	owner, err := h.realm.person(ctx)
	if err != nil || !owner.paired() {
		return nil, err
	}
	v, err := h.owner(ctx)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, list := range []string{"/profile/devices", "/profile/keys"} {
		p, err := pod.ParsePath(list)
		if err != nil {
			return nil, err
		}
		if _, err := v.Stat(ctx, p); errors.Is(err, pod.ErrNotExist) {
			missing = append(missing, list)
		} else if err != nil && !errors.Is(err, pod.ErrUnsettled) {
			return nil, err
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	return []trouble{{Kind: "lists", Count: len(missing), Paths: missing, Text: fmt.Sprintf(listing, strings.Join(missing, " and "))}}, nil
}

func named(paths []pod.Path) (names []string) {
	for _, p := range paths[:min(len(paths), maxNamed)] {
		names = append(names, p.String())
	}
	return names
}

// amount returns the files among some paths, and says how many files and folders they are.
func amount(paths []pod.Path) (files []pod.Path, text string) {
	folders := 0
	for _, p := range paths {
		if p.IsContainer() {
			folders++
		} else {
			files = append(files, p)
		}
	}
	several := func(n int, one, more string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %s", n, more)
	}
	switch {
	case folders == 0:
		return files, several(len(files), "file", "files")
	case len(files) == 0:
		return nil, several(folders, "folder", "folders")
	}
	return files, several(len(files), "file", "files") + " and " + several(folders, "folder", "folders")
}

// seen names a list of paths: whoever decides on it shows by that which one they saw.
func seen(paths []pod.Path) string {
	return spelled(escaped(paths))
}

// spelled is seen, of paths as escaped spells them.
func spelled(paths []string) string {
	sum := sha256.New()
	for _, p := range paths {
		fmt.Fprintln(sum, p)
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:12])
}

// errChanged says that what is held is not what somebody decides on.
var errChanged = errors.New("more has disappeared since, or something is back: look again, and decide anew")

// decideHeld decides on what is held, which has to be what was seen, unless anything will do, "". It returns how much
// is deleted, or says what has come back; "" for nothing.
func (h *home) decideHeld(ctx context.Context, remove bool, saw string) (string, error) {
	held := h.upkeep.troubles().Held
	if saw != "" && saw != seen(held) {
		return "", errChanged
	}
	if len(held) == 0 {
		return "", nil
	}
	if !remove {
		return h.bringBack(ctx, held)
	}
	_, what := amount(held)
	return what, h.upkeep.decide(ctx, held, true)
}

// serveTrouble answers `.trouble`, what the owner should hear of, `.trouble/deletions`, where the owner
// decides on those that are held, and `.trouble/unkept`, where they say that they keep copies of their own.
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
	case below != "deletions" && below != "unkept":
		return pod.ErrNotExist
	case r.Method != http.MethodPost:
		return allow(w, "POST, OPTIONS")
	case below == "unkept":
		return h.serveCopies(w, r)
	}
	var decision struct {
		Delete bool   `json:"delete"`
		Seen   string `json:"seen"` // of the trouble that the owner saw
	}
	if err := readJSON(w, r, 1<<10, &decision); err != nil {
		return err
	}
	if decision.Seen == "" {
		ldp.Problem(w, http.StatusPreconditionRequired, "Say which deletions you have seen.")
		return nil
	}
	held := h.upkeep.troubles().Held
	switch {
	case decision.Seen != seen(held):
		ldp.Problem(w, http.StatusPreconditionFailed, "More has disappeared since, or something is back. Look again, and decide anew.")
		return nil
	case !decision.Delete: // which takes longer than an app waits
		h.beginBack(held)
		return done(w, http.StatusNoContent, nil)
	}
	if err := h.upkeep.decide(r.Context(), held, true); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string][]string{"paths": escaped(held)})
}

// escaped writes paths as seen takes them in, so that the app can tell what its owner has agreed to.
func escaped(paths []pod.Path) []string {
	all := []string{}
	for _, p := range paths {
		all = append(all, p.Escaped())
	}
	return all
}

// serveCopies has the owner hear no more, for a while, that there is no backup, or hear it again.
func (h *home) serveCopies(w http.ResponseWriter, r *http.Request) error {
	var said struct {
		Copies bool `json:"copies"` // the owner keeps some
	}
	if err := readJSON(w, r, 1<<10, &said); err != nil {
		return err
	}
	return done(w, http.StatusNoContent, h.state.keepCopies(r.Context(), h.name, said.Copies))
}
