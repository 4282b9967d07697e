package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"kith/pod/folder"
	"kith/sync/archive"
)

// Levels of a Finding, from good to bad.
const (
	levelOK     = "ok"
	levelLook   = "look at this"
	levelBroken = "broken"
)

// Finding is one thing that a doctor has looked at.
type Finding struct {
	About string `json:"about"` // one word: what was looked at
	Level string `json:"level"` // "ok", "look at this" or "broken"
	Text  string `json:"text"`  // what was found
	Do    string `json:"do,omitempty"`
}

// Well reports whether there is nothing to do about it.
func (f Finding) Well() bool { return f.Level == levelOK }

// doctor looks at one folder.
type doctor struct {
	config  Config
	state   *state
	names   []string
	running bool
	all     []Finding
}

func (d *doctor) say(about, level, text, do string) {
	d.all = append(d.all, Finding{about, level, text, do})
}

// Doctor looks at whatever may be wrong with the folder of c, its server and its people, or one of them. clock is the https host
// whose time is believed, "" for none but the relays. version is that of this program. Nothing is changed, but for a
// small file that is written and removed to try the disk. Errors: ErrPerson, ErrNewer.
func (c Config) Doctor(ctx context.Context, name, clock, version string) ([]Finding, error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return nil, err
	}
	d := &doctor{config: c, state: s}
	err = d.look(ctx, name, clock, version)
	return d.all, errors.Join(err, s.close())
}

func (d *doctor) look(ctx context.Context, name, clock, version string) (err error) {
	if d.names, err = d.state.names(ctx); err != nil {
		return err
	}
	if name != "" {
		if _, err := d.state.person(ctx, name); err != nil {
			return advise(d.state.orHalf(ctx, d.config, name, err), name)
		}
		d.names = []string{name}
	}
	d.say("version", levelOK, fmt.Sprintf("kith %s, %s/%s; the folder has layout %d, which is the newest it knows.", version, runtime.GOOS, runtime.GOARCH, len(schemas)), "")
	d.running = d.busy()
	d.lookAtServer(ctx)
	offs := d.lookAtRelays(ctx)
	d.lookAtClock(ctx, clock, offs)
	d.lookAtDisk()
	d.lookAtCertificate()
	d.lookAtSecrets()
	if err := d.lookAtHalves(ctx); err != nil {
		return err
	}
	for _, name := range d.names {
		if err := d.lookAtPerson(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// lookAtHalves tells of pods that are not whole.
func (d *doctor) lookAtHalves(ctx context.Context) error {
	all, err := d.state.arrivals(ctx, d.config)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d.say(name, levelBroken, "The pod is not whole, and not served.", unfinished(all[name]))
	}
	return err
}

// busy reports whether a server has the folder, or a process has a pod of it open.
func (d *doctor) busy() bool {
	if folder.Busy(d.config.Data) {
		return true
	}
	for _, name := range d.names {
		if folder.Busy(d.config.index(name)) {
			return true
		}
	}
	return false
}

func (d *doctor) lookAtDisk() {
	dir := d.config.Data
	v, err := volumeOf(dir)
	switch {
	case err != nil:
		d.say("disk", levelBroken, "The disk does not say how much room it has: "+err.Error(), "See whether it is there and sound.")
	case v.total == 0:
	case v.short():
		d.say("disk", levelLook, fmt.Sprintf("%s of %s are left.", inUnits(v.free), inUnits(v.total)), "Make room, or move the pods to a larger disk (kith help move). When it is full nothing is written; a server that runs goes on reading and deleting, one that was stopped may not start before there is room.")
	default:
		d.say("disk", levelOK, fmt.Sprintf("%s of %s are left.", inUnits(v.free), inUnits(v.total)), "")
	}
	if why := v.fleeting(); why != "" {
		d.say("disk", levelLook, why, "Give the pods a folder on a disk, in a container a volume of its own (docker-compose.yml has one).")
	}
	took, err := tryDisk(dir)
	switch {
	case err != nil:
		d.say("disk", levelBroken, "Nothing can be written durably: "+err.Error(), "See whether the folder belongs to this account, and whether the disk is full, read-only or failing.")
	case took > time.Second:
		d.say("disk", levelLook, fmt.Sprintf("It took %v to make 4 kB durable.", took.Round(time.Millisecond)), "A write to the pod takes as long, three times. The disk may be failing, or a memory card wearing out.")
	default:
		d.say("disk", levelOK, fmt.Sprintf("A write is durable after %v.", took.Round(100*time.Microsecond)), "")
	}
	kind := or(v.kind, "an unknown file system")
	d.say("deleting", levelOK, "The folder lies on "+kind+". "+v.gone(), "")
}

func (d *doctor) lookAtCertificate() {
	end, err := d.config.certificateEnd()
	now := d.state.now()
	switch {
	case err != nil:
		d.say("certificate", levelBroken, err.Error(), "Name PEM files with --cert and --key, or in kith.toml.")
	case end.IsZero() && d.config.Domain != "":
		d.say("certificate", levelLook, "There is none yet.", d.config.renewal())
	case end.IsZero():
	case end.Before(now):
		d.say("certificate", levelBroken, "It has ended on "+end.UTC().Format(time.DateOnly)+".", d.config.renewal())
	case end.Sub(now) < certificateSoon:
		d.say("certificate", levelLook, "It ends on "+end.UTC().Format(time.DateOnly)+".", d.config.renewal())
	default:
		d.say("certificate", levelOK, "It is good until "+end.UTC().Format(time.DateOnly)+".", "")
	}
}

// lookAtSecrets looks whether other accounts of the machine can read what only this one should.
func (d *doctor) lookAtSecrets() {
	if runtime.GOOS == "windows" {
		d.say("secrets", levelOK, "The folder has the rights that Windows gives to what lies in it.", "")
		return
	}
	var open []string
	for _, name := range []string{".", "state.db", configName, "pods", "index", "relay", "certificates"} {
		open = append(open, readableByOthers(filepath.Join(d.config.Data, name))...)
	}
	if d.config.Key != "" {
		open = append(open, readableByOthers(d.config.Key)...)
	}
	if len(open) == 0 {
		d.say("secrets", levelOK, "Keys and files can be read by this account alone.", "")
		return
	}
	d.say("secrets", levelLook, "Other accounts of this machine may read "+strings.Join(open, ", ")+".", "chmod -R go= "+strings.Join(open, " "))
}

func readableByOthers(name string) []string {
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []string{name}
}

// lookAtPerson looks at one pod.
func (d *doctor) lookAtPerson(ctx context.Context, name string) error {
	p, err := d.state.person(ctx, name)
	if err != nil {
		return err
	}
	closed, err := d.lookAtLeaving(ctx, name)
	if err != nil || closed {
		return err
	}
	switch {
	case p.moved:
		d.say(name, levelOK, "The pod has moved to another machine, and answers here that it has.", "")
		return nil
	case !p.paired():
		d.say(name, levelLook, "No phone is paired with the pod.", "kith pair "+name)
	}
	if away, err := d.lookAway(ctx, p); away || err != nil {
		return err
	}
	if err := d.lookAtRoom(ctx, name); err != nil {
		return err
	}
	if err := d.lookAtBackups(ctx, name); err != nil {
		return err
	}
	return d.lookAtTroubles(ctx, name)
}

// lookAtLeaving tells of a pod that is about to leave, or was when its process ended.
func (d *doctor) lookAtLeaving(ctx context.Context, name string) (closed bool, err error) {
	box, err := d.state.value(ctx, leaving+name)
	if err != nil || box == "" {
		return false, err
	}
	if closed = folder.Busy(d.config.index(name)); closed {
		d.say(name, levelLook, "The pod is closed while `kith move out` copies it to "+box+".", "Nothing has moved before that command says so. Where it was stopped, the pod opens again within half a minute.")
		return true, nil
	}
	d.say(name, levelLook, "A `kith move out` to "+box+" was broken off. Nothing has moved: the pod is here.", "kith serve opens it as before. Delete what is in "+box+": it is half of a copy.")
	return false, nil
}

func (d *doctor) lookAtRoom(ctx context.Context, name string) error {
	room, err := d.state.room(ctx, d.config, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := "The pod takes " + inUnits(room.Used)
	switch {
	case room.Quota == 0:
		d.say(name, levelOK, text+"; it may take what the disk has.", "")
	case room.Used >= room.Quota/10*9:
		d.say(name, levelLook, text+" of the "+inUnits(room.Quota)+" that it may.", "kith person quota "+name+" SIZE")
	default:
		d.say(name, levelOK, text+" of the "+inUnits(room.Quota)+" that it may.", "")
	}
	return nil
}

func (d *doctor) lookAtBackups(ctx context.Context, name string) error {
	all, err := d.state.backups(ctx, name)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		if err := d.lookAtNone(ctx, name); err != nil {
			return err
		}
	}
	for _, b := range all {
		switch now := d.state.now(); {
		case b.Unsure:
			d.say(name, levelLook, "The backup to "+b.Address+" came along from another machine. Nothing is written there until you say so.", "kith backup confirm "+name+" "+b.ID)
		case b.Damage != "":
			d.say(name, levelLook, "The backup at "+b.Address+" is damaged: "+b.Damage+".", "kith backup run "+name+" stores again what is missing")
		case strings.HasPrefix(b.Error, archive.ErrOther.Error()):
			d.say(name, levelLook, "The backup to "+b.Address+" stands still: "+b.Error, "")
		case b.Done == nil:
			d.say(name, levelLook, "The backup to "+b.Address+" was never whole. "+b.Error, b.mending(name))
		case b.Done.After(now.Add(clockBack)):
			d.say(name, levelLook, "The backup to "+b.Address+" has a time that is yet to come: the clock was wrong then, or is.", "kith backup run "+name)
		case now.Sub(*b.Done) >= backupLate:
			d.say(name, levelLook, "The backup to "+b.Address+" is "+span(now.Sub(*b.Done))+" old. "+b.Error, b.mending(name))
		case b.Error != "":
			d.say(name, levelLook, "The last run of the backup to "+b.Address+" failed: "+b.Error+". What is there is of "+b.Done.Local().Format(time.DateTime)+".", b.mending(name))
		default:
			d.lookThere(ctx, name, b)
		}
	}
	return nil
}

// lookThere tells of a backup of which the last run found nothing amiss. At a folder of this machine it looks whether that is
// there still; what is asked over a network is asked by the next run, and by whoever verifies.
func (d *doctor) lookThere(ctx context.Context, name string, b Backup) {
	if !b.remote() {
		place, err := b.place()
		if err == nil {
			_, err = Person{d.config, name}.lastAt(ctx, b, place)
		}
		if errors.Is(err, errOlder) || errors.Is(err, archive.ErrOther) {
			d.say(name, levelLook, "The backup to "+b.Address+" is not what was left there: "+err.Error()+".", putBackOr(name, b))
			return
		}
	}
	d.say(name, levelOK, "The backup to "+b.Address+" is of "+b.Done.Local().Format(time.DateTime)+".", "")
}

// putBackOr says what to do about a place that another state has been put back to.
func putBackOr(name string, b Backup) string {
	return "Put back there what was. If it is lost: kith backup kit " + name + " " + b.ID + " > kit.txt, kith backup remove " + name + " " + b.ID + ", and kith backup add " + name + " PLACE --kit kit.txt"
}

// mending says what to do about a backup that fails; the server tries again by itself, but that does not always help.
func (b Backup) mending(name string) string {
	switch b.Why {
	case whyFull:
		return "The place is full: make room there, and say kith backup run " + name + "; or keep the backup at another place: kith backup add " + name + " PLACE"
	case whyMissing:
		return "Plug in its disk, and say kith backup run " + name
	case whyStranger:
		return "See whether the name and the password still hold there. With new ones: kith backup remove " + name + " " + b.ID + ", and kith backup add with --kit"
	}
	return "kith backup run " + name
}

// lookAtNone looks at a pod for which no place is known.
func (d *doctor) lookAtNone(ctx context.Context, name string) error {
	until, err := d.state.copiesUntil(ctx, name)
	if err != nil {
		return err
	}
	if !until.IsZero() {
		d.say(name, levelOK, "There is no backup of the pod. Its owner keeps copies of it, and is asked again on "+until.Local().Format(time.DateOnly)+".", "")
		return nil
	}
	d.say(name, levelLook, "There is no backup of the pod: if this machine breaks, what is only there is lost.",
		"kith backup add "+name+" PLACE, which is a folder of another disk, a WebDAV folder or an S3 bucket. Who keeps copies in another way says so in the app, under My pod.")
	return nil
}

// lookAtTroubles asks the running server what it holds against a pod.
func (d *doctor) lookAtTroubles(ctx context.Context, name string) error {
	if !d.running {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deskSlow)
	defer cancel()
	text, err := Person{d.config, name}.askServer(ctx, "troubles", func() {})
	if errors.Is(err, context.DeadlineExceeded) {
		d.say(name, levelBroken, "The process that has the pod open does not answer.", "Is it `kith serve` of this version? Start it anew.")
		return nil
	}
	if errors.Is(err, errUnheard) || errors.Is(err, errStopped) { // it was no server, or is none any more
		return nil
	}
	if err != nil {
		return err
	}
	var all []trouble
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, t := range all {
		if do, own := toDo[t.Kind]; own {
			level := levelLook
			if t.Kind == "readonly" {
				level = levelBroken
			}
			d.say(name, level, t.Text, fmt.Sprintf(do, name))
		}
	}
	return nil
}

// toDo says what to do about the troubles that only the running server knows.
var toDo = map[string]string{
	"deletions": "kith check %s --accept-deletions, or --restore-deletions",
	"conflicts": "kith check %s names them",
	"outside":   "kith check %s names them all, and says what to do",
	"readonly":  "Look after the disk, start the server anew, and say kith check %s",
	"unwatched": "Nothing need be done; kith check %s looks at once.",
}
