package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kith/internal/rdf"
	"kith/pod"
	"kith/pod/folder"

	"zombiezen.com/go/sqlite"
)

// Checked is what a check of a pod has found.
type Checked struct {
	Resources int      `json:"resources"` // that were read
	Bytes     int64    `json:"bytes"`     // of them
	Damaged   []string `json:"damaged"`   // paths whose bytes are not those that were written
	ACLs      []string `json:"acls"`      // paths of access lists that cannot be read; they let nobody in
	Foreign   []string `json:"foreign"`   // what is in the folder and no part of the pod, and why: some of it
	Outside   int      `json:"outside"`   // how much of that there is
	Halves    []string `json:"halves"`    // files whose names say that they are not finished; not served
	Conflicts []string `json:"conflicts"` // copies of files that were changed in two places; not served
	Held      int      `json:"held"`      // files that disappeared, too many at once to be believed
	HeldText  string   `json:"heldText"`  // how many files and folders that is
	Backup    string   `json:"backup"`    // when a backup was last whole, where something is held and there is one
	Seen      string   `json:"seen"`      // names what is held, for a decision
	Repaired  int      `json:"repaired"`  // things that the index had wrong, and has not any more
	Rebuild   bool     `json:"rebuild"`   // the index is damaged, and made anew at the next start
	Moved     bool     `json:"moved"`     // the pod is on another machine, where it is checked; the rest is zero
	Server    bool     `json:"server"`    // the running server did it
}

// Sound reports whether there is nothing left for the owner to do.
func (c Checked) Sound() bool {
	return len(c.Damaged) == 0 && len(c.ACLs) == 0 && len(c.Conflicts) == 0 && c.Outside == 0 && c.HeldText == "" && !c.Rebuild
}

// Check reads everything of the pod, puts right what is derived, and tells the rest, whether or not a server runs.
// waiting is called when a running one takes long to answer. Errors: ErrPerson.
func (o Person) Check(ctx context.Context, waiting func()) (c Checked, err error) {
	return c, o.ask(ctx, "check", &c, waiting)
}

// DecideHeld deletes the files that disappeared from the folder of the pod too many at once, and returns how many they
// were, in words, "" for none; or it brings them back, from the backups and else from the replicas that have them, and
// returns a sentence that says how that went. saw is Checked.Seen, where the decision is on these alone, or "".
// Errors: ErrPerson.
func (o Person) DecideHeld(ctx context.Context, remove bool, saw string, waiting func()) (what string, err error) {
	verb := "restore-held"
	if remove {
		verb = "delete-held"
	}
	return what, o.ask(ctx, strings.TrimSpace(verb+" "+saw), &what, waiting)
}

func (h *home) check(ctx context.Context) (Checked, error) {
	if err := h.state.check(ctx); err != nil {
		return Checked{}, err
	}
	if box, err := h.state.value(ctx, leaving+h.name); err != nil || box != "" && h.left.Load() {
		return Checked{}, errors.Join(err, isLeaving(h.name, box))
	}
	if h.left.Load() {
		return Checked{Moved: true, Server: !h.config.quiet}, nil
	}
	of, err := h.upkeep.check(ctx)
	if err != nil {
		return Checked{}, err
	}
	if !of.Rebuild {
		if err := h.upkeep.settle(ctx); err != nil {
			return Checked{}, err
		}
	}
	t := h.upkeep.troubles()
	c := Checked{Resources: of.Resources, Bytes: of.Bytes, Damaged: texts(of.Damaged), Repaired: of.Repaired, Rebuild: of.Rebuild,
		Conflicts: because(t.Refused, folder.Copy), Halves: because(t.Refused, folder.Unfinished), Server: !h.config.quiet}
	if len(t.Held) > 0 {
		files, text := amount(t.Held)
		c.Held, c.HeldText, c.Seen = len(files), text, seen(t.Held)
		if c.Backup, err = h.lastBackup(ctx); err != nil {
			return c, err
		}
	}
	if of.Rebuild {
		return c, nil
	}
	some, names := outside(t.Refused)
	c.Foreign, c.Outside = some, len(names)
	c.ACLs, err = h.upkeep.badACLs(ctx)
	return c, err
}

// lastBackup says when a backup of the pod was last whole, "" for never.
func (h *home) lastBackup(ctx context.Context) (string, error) {
	all, err := h.state.backups(ctx, h.name)
	var last time.Time
	for _, b := range all {
		if b.Done != nil && b.Done.After(last) {
			last = *b.Done
		}
	}
	if err != nil || last.IsZero() {
		return "", err
	}
	return last.Local().Format(time.DateTime), nil
}

func texts(paths []pod.Path) []string {
	all := []string{}
	for _, p := range paths {
		all = append(all, p.String())
	}
	return all
}

// check reads the whole of state.db.
func (s *state) check(ctx context.Context) error {
	verdict := ""
	err := s.read(ctx, "PRAGMA integrity_check(1)", nil, func(row *sqlite.Stmt) error {
		verdict = row.ColumnText(0)
		return nil
	})
	if err == nil && verdict != "ok" {
		err = fmt.Errorf("state.db is damaged (%s): stop the server, and restore the pod from its backup into another folder", verdict)
	}
	names, failed := s.names(ctx)
	for _, name := range names {
		if _, bad := s.person(ctx, name); bad != nil {
			failed = errors.Join(failed, fmt.Errorf("what state.db says of %s cannot be read: %w", name, bad))
		}
	}
	return errors.Join(err, failed)
}

func (h *home) readableACL(res pod.Resource) bool {
	syntax := rdf.Turtle
	if strings.Contains(res.Info().Type, "json") {
		syntax = rdf.JSONLD
	}
	base := rdf.IRI(strings.TrimSuffix(h.url, "/") + res.Info().Path.Escaped())
	_, err := rdf.Decode(res, syntax, base, rdf.Limits{Bytes: 256 << 10, Triples: 20_000, Depth: 8})
	return err == nil
}
