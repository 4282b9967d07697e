package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Remains is what is left of what a person deletes, by where it is.
type Remains struct {
	Where string `json:"where"`
	Text  string `json:"text"`
}

// Remains says what is left, and for how long, of a post that is deleted: on this disk, in backups, at relays, with
// friends. It claims no more than was measured. Errors: ErrPerson.
func (o Person) Remains(ctx context.Context) (all []Remains, err error) {
	err = o.do(func(s *state) error {
		if _, err := s.person(ctx, o.Name); err != nil {
			return err
		}
		r := report{person: o, state: s}
		all, err = r.make(ctx)
		return err
	})
	return all, err
}

// report is under way.
type report struct {
	person Person
	state  *state
	all    []Remains
}

func (r *report) say(where, text string) { r.all = append(r.all, Remains{where, text}) }

func (r *report) make(ctx context.Context) ([]Remains, error) {
	v, err := volumeOf(r.person.Config.Data)
	if err != nil {
		return nil, err
	}
	r.say("this disk ("+or(v.kind, "unknown")+")", v.gone())
	if v.kind != "tmpfs" && v.kind != "ramfs" {
		r.say("below the disk", "A flash drive or memory card writes to other cells than those that were overwritten, and frees the old ones when it likes: trim it (fstrim, or the weekly fstrim.timer). Snapshots of the disk or of a virtual machine, and copies that other programs make of the folder, are not reached at all.")
	}
	r.say("index and state.db", "They hold no content and no titles. Of what is deleted the index keeps a random number and the date, for 90 days at most; both are overwritten when something goes from them.")
	r.say("log", "It has neither names nor paths nor contents, so there is nothing to delete.")
	if err := r.backups(ctx); err != nil {
		return nil, err
	}
	if err := r.relays(); err != nil {
		return nil, err
	}
	return r.all, r.friends()
}

func (r *report) backups(ctx context.Context) error {
	all, err := r.state.backups(ctx, r.person.Name)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		r.say("backups", "There are none.")
	}
	for _, b := range all {
		text := "Until the next run, within " + span(max(b.Every, time.Hour)) + ", it is there. Then its bytes are deleted at the place and the kit changes; what the place keeps of older versions opens only with a kit from before. So who keeps old kits keeps what was deleted."
		if b.Done == nil {
			text = "No run has been whole yet. " + text
		}
		r.say("backup at "+b.Address, text)
	}
	return nil
}

// file reads a small file of the pod, "" where there is none.
func (r *report) file(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(r.person.Config.tree(r.person.Name), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

func (r *report) relays() error {
	text, err := r.file(strings.TrimPrefix(relaysPath, "/"))
	if err != nil || text == "" {
		return err
	}
	set, err := parseRelays([]byte(text))
	if err != nil || len(set.Relays) == 0 {
		return err
	}
	r.say("relays ("+strings.Join(set.urls(), ", ")+")", "They hold sealed messages only, which no relay can read: until they are collected, for 14 days at most. Collected ones are erased with their keys. An answer that is still under way when its post is deleted is taken back where the relay allows it.")
	return nil
}

func (r *report) friends() error {
	entries, err := os.ReadDir(filepath.Join(r.person.Config.tree(r.person.Name), "contacts"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n := 0
	for _, e := range entries {
		if e.IsDir() {
			n++
		}
	}
	text, err := r.file("settings/lease")
	if err != nil {
		return err
	}
	days := 30
	if said, bad := strconv.Atoi(strings.TrimSpace(text)); bad == nil {
		days = said
	}
	lease := "Copies last as long as nobody asks: they have no lease."
	if days > 0 {
		lease = "An honest app that never hears of it forgets its copy after " + strconv.Itoa(days) + " days without contact (that is the lease of new posts; older ones keep the one they were made with). Its friend's \"may I keep this?\", if you said yes, ends the lease."
	}
	r.say("friends ("+strconv.Itoa(n)+")", "Their apps erase their copies when they next ask, and send a receipt, which the post shows until it is gone everywhere. "+lease+" A changed app, a photo of the screen, or a friend who copied it by hand: nothing makes these forget.")
	return nil
}
