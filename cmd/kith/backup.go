package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"kith/internal/server"
	"kith/sync/archive"
)

func backupCommand() command {
	return command{name: "backup", summary: "keep a second, encrypted copy of a pod", run: runBackup, help: `
Usage: kith backup add NAME PLACE [--user USER] [--every 24h] [--kit FILE] [--data DIR]
       kith backup add NAME s3://BUCKET/PREFIX --key KEY [--endpoint URL] [--region REGION] [--style path|host]
       kith backup run NAME [--data DIR]
       kith backup list NAME [--data DIR]
       kith backup verify NAME ID [--data DIR]
       kith backup confirm NAME ID [--data DIR]
       kith backup kit NAME [ID] [--data DIR]
       kith backup remove NAME ID [--data DIR]

PLACE is a new or empty folder (on a second disk, or one that Dropbox, Drive or Syncthing copies elsewhere), the
https address of a folder at a WebDAV server (Nextcloud, Fastmail and the like), or a bucket of an S3 server,
which has to be there (Amazon's, or the one at --endpoint; --style says whether the bucket is part of the path
or of the host's name). What lies there is
encrypted: whoever runs the place reads nothing, not even names. The running server makes the backups, every
so often; run asks it for one now, or makes it where no server runs, and shows how far it is. The password of a WebDAV server, or the secret of an
access key, is read from the terminal, or from the first line of standard input.

verify reads everything back and compares it; what it finds damaged is stored again by the next run. list tells when
a backup was last whole.

One machine keeps its backup at a place. When a pod was moved or restored, the new machine goes on with the backup
that is there: confirm lets it write to a place that came along with "kith move", and add with --kit FILE, the newest
kit, takes a place over. A machine that kept its backup there before hears of it at its next run, and writes no more.

The kit opens the backup, and nothing else does. Your paired phones have it, always the newest; kit prints
it, to be kept on paper or elsewhere. It changes when something of the pod is deleted or replaced: an older
kit opens only what the place may have kept of an older backup. So who keeps old kits, keeps what was deleted.

On another machine: kith restore PLACE

Examples:
  kith backup add me /media/disk/kith
  kith backup add me https://cloud.example.org/remote.php/dav/files/ana/kith --user ana
  kith backup add me s3://ana-kith/pod --endpoint https://s3.example.org --key AK9…
  kith backup run me
  kith backup add me /media/disk/kith --kit kit.txt
  kith backup kit me k5rvj6qv > kit.txt
`}
}

func runBackup(ctx context.Context, c *call) error {
	cfg := c.config()
	at := c.placeFlags()
	every := c.flags.Duration("every", 24*time.Hour, "`TIME` between two backups, at least 1h")
	kit := c.flags.String("kit", "", "`FILE` with the kit of the backup of this pod that is at PLACE")
	verb, name, id, count, err := c.verb(cfg)
	if err != nil {
		return err
	}
	person := server.Person{Config: *cfg, Name: name}
	switch {
	case verb == "add" && count == 3 && *every < time.Hour:
		return fmt.Errorf("%w: --every %s is too often; an hour is the least, 1h", errUsage, *every)
	case verb == "add" && count == 3:
		return c.addBackup(ctx, person, at, id, *kit, *every)
	case verb == "run" && count == 2:
		if err := c.followBackup(ctx, person); err != nil {
			return err
		}
		return c.outside(ctx, person)
	case verb == "list" && count == 2:
		return c.listBackups(ctx, person)
	case verb == "verify" && count == 3:
		return c.verifyBackup(ctx, person, id)
	case verb == "confirm" && count == 3:
		if err := person.ConfirmBackup(ctx, id); err != nil {
			return err
		}
		_, err := fmt.Fprintln(c.stdout, "The server makes a backup there within a few seconds, or when it is next started.")
		return err
	case verb == "kit" && (count == 2 || count == 3):
		return c.showKit(ctx, person, id)
	case verb == "remove" && count == 3:
		return person.RemoveBackup(ctx, id)
	}
	return fmt.Errorf("%w: say `kith backup add NAME PLACE`, `run NAME`, `list NAME`, `verify NAME ID`, `confirm NAME ID`, `kit NAME ID` or `remove NAME ID`", errUsage)
}

func (c *call) listBackups(ctx context.Context, person server.Person) error {
	all, err := person.Backups(ctx)
	if err != nil {
		return err
	}
	return list(c, all, noBackup(person).Error())
}

func (c *call) verifyBackup(ctx context.Context, person server.Person, id string) error {
	made, r, err := person.VerifyBackup(ctx, id, c.progress("read"))
	if errors.Is(err, archive.ErrDamaged) {
		found := "what opens it was cut or altered"
		if r.Damaged > 0 {
			found = fmt.Sprintf("%d of %d files are missing, cut or altered", r.Damaged, r.Total)
		}
		return fmt.Errorf("%w\n%s. The next run stores them again: kith backup run %s. The pod itself is not touched", err, found, person.Name)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "\rThe backup of %s is whole: %d files, %.1f MB.\n", made.Local().Format(time.DateTime), r.Done, float64(r.Bytes)/1e6)
	if err != nil {
		return err
	}
	return c.outside(ctx, person)
}

// outsideMost is how many names are told after a backup: what became of that is to be seen beside them.
const outsideMost = 5

// outside says some of what is in the folder of the pod and in no backup.
func (c *call) outside(ctx context.Context, person server.Person) error {
	some, err := person.Outside(ctx, c.patience)
	if more := len(some) - outsideMost; more > 0 {
		some = append(some[:outsideMost:outsideMost], fmt.Sprintf("and %d more: kith check %s", more, person.Name))
	}
	c.tellOutside("These are in the folder of the pod, and no part of it. No backup has them, but for what the pod had under these names before:", some)
	return err
}

// showKit prints the kit of a backup, of the only one where none is named.
func (c *call) showKit(ctx context.Context, person server.Person, id string) error {
	all, err := person.Backups(ctx)
	switch {
	case err != nil:
		return err
	case len(all) == 0:
		return noBackup(person)
	case id == "" && len(all) > 1:
		return fmt.Errorf("%w: there are %d backups; say which by its id, as `kith backup list %s` tells it", errUsage, len(all), person.Name)
	case id == "":
		id = all[0].ID
	}
	kit, err := person.Kit(ctx, id)
	if err == nil && kit == "" {
		err = errors.New("there is no kit before the first backup; make one with `kith backup run " + person.Name + "`")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, kit)
	return err
}

func noBackup(person server.Person) error {
	return fmt.Errorf("no place is known to keep a backup of %s; name one with `kith backup add %s PLACE`", person.Name, person.Name)
}

// addBackup looks for the person first: whoever mistyped a name is asked for no password.
func (c *call) addBackup(ctx context.Context, person server.Person, at *placeFlags, place, kitFile string, every time.Duration) error {
	if err := person.Here(ctx); err != nil {
		return err
	}
	place, err := at.address(place)
	if err != nil {
		return err
	}
	password, err := c.password(place, at.account())
	if err != nil {
		return err
	}
	if strings.Contains(place, "://") || at.account() != "" {
		fmt.Fprintf(c.stderr, "Looking at %s…\n", place)
	}
	var b server.Backup
	if kitFile == "" {
		b, err = person.AddBackup(ctx, place, at.account(), password, every)
	} else {
		var kit string
		if kit, err = c.kit(kitFile); err == nil {
			b, err = person.TakeOver(ctx, place, at.account(), password, kit, every)
		}
	}
	if err != nil {
		return err
	}
	if err := json.NewEncoder(c.stdout).Encode(b); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stderr, "The server makes the first backup within a few seconds, or when it is next started.\n")
	return err
}

// placeFlags are the flags that say more of a place for backups.
type placeFlags struct{ user, endpoint, region, key, style string }

func (c *call) placeFlags() *placeFlags {
	f := &placeFlags{}
	c.flags.StringVar(&f.user, "user", "", "`USER` at the WebDAV server")
	c.flags.StringVar(&f.key, "key", "", "access `KEY` of the S3 server")
	c.flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the S3 server (default: Amazon's)")
	c.flags.StringVar(&f.region, "region", "", "`REGION` of the bucket (default us-east-1)")
	c.flags.StringVar(&f.style, "style", "", "`path|host`: where requests to the S3 server name the bucket (default path, at Amazon host)")
	return f
}

// address returns a place with what the flags say of it.
func (f *placeFlags) address(place string) (string, error) {
	query := url.Values{}
	for name, value := range map[string]string{"endpoint": f.endpoint, "region": f.region, "style": f.style} {
		if value != "" {
			query.Set(name, value)
		}
	}
	bucket := strings.HasPrefix(place, "s3://")
	switch {
	case !bucket && (len(query) > 0 || f.key != ""), bucket && f.user != "":
		return "", fmt.Errorf("%w: --key, --endpoint, --region and --style go with s3://BUCKET/PREFIX, --user with WebDAV", errUsage)
	case bucket && f.key == "":
		return "", fmt.Errorf("%w: name the access key of the bucket by --key", errUsage)
	case len(query) == 0:
		return place, nil
	case strings.Contains(place, "?"):
		return place + "&" + query.Encode(), nil
	}
	return place + "?" + query.Encode(), nil
}

// account returns as whom the place is reached.
func (f *placeFlags) account() string {
	if f.key != "" {
		return f.key
	}
	return f.user
}

// password asks for the password of a WebDAV server, or the secret of an access key.
func (c *call) password(place, user string) (string, error) {
	if user == "" || !strings.Contains(place, "://") {
		return "", nil
	}
	question := fmt.Sprintf("Password of %s at %s: ", user, place)
	if strings.HasPrefix(place, "s3://") {
		question = fmt.Sprintf("Secret of the access key %s: ", user)
	}
	if _, err := fmt.Fprint(c.stderr, question); err != nil {
		return "", err
	}
	return c.line()
}

// backupPatience is after what time it is looked again whether this process has to make the backups itself.
const backupPatience = 20 * time.Second

// followBackup asks for a run and waits until it is over, at every place. Where no server runs, this process makes it.
func (c *call) followBackup(ctx context.Context, person server.Person) error {
	if err := person.Here(ctx); err != nil {
		return err
	}
	before, err := person.Backups(ctx)
	if err != nil {
		return err
	}
	if len(before) == 0 {
		return noBackup(person)
	}
	if err := person.AskBackup(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var here sync.WaitGroup
	defer here.Wait()
	defer stop()
	ended, again := make(chan error, 1), time.NewTimer(0)
	f := &following{call: c, name: person.Name, show: c.progress("kept"), told: map[string]bool{}}
	for {
		all, err := person.Backups(ctx)
		if err != nil {
			return err
		}
		if f.over(all) {
			return f.failed
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
			here.Go(func() { ended <- person.BackUp(ctx) })
		case err := <-ended: // it is made, or by another process
			if err != nil {
				return err
			}
			again.Reset(backupPatience)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// following tells how far the backups of a person are, and how each ended.
type following struct {
	*call
	name   string
	show   func(archive.Report)
	begun  bool            // a run is or was under way
	told   map[string]bool // backups of which it was told how they ended
	failed error
}

// over reports whether nothing is asked for or under way any more.
func (f *following) over(all []server.Backup) bool {
	var sum archive.Report
	waiting := false
	for _, b := range all {
		if b.Waiting() {
			waiting = true
			sum.Done, sum.Total, sum.Bytes = sum.Done+b.Running.Done, sum.Total+b.Running.Total, sum.Bytes+b.Running.Bytes
		} else if !f.told[b.ID] {
			f.told[b.ID] = true
			f.tell(b)
		}
	}
	if sum.Total > 0 {
		f.begun = true
		f.show(sum)
	}
	return !waiting
}

// tell says how one backup ended.
func (f *following) tell(b server.Backup) {
	switch {
	case b.Unsure:
		f.failed = errors.Join(f.failed, fmt.Errorf("%s: it came along from another machine, and nothing is written there before you say on this one: kith backup confirm %s %s", b.Address, f.name, b.ID))
	case b.Error != "":
		f.failed = errors.Join(f.failed, fmt.Errorf("%s: %s", b.Address, b.Error))
	case b.Done != nil:
		f.begun = true
		fmt.Fprintf(f.stdout, "\r%s holds the pod as it was at %s.\n", b.Address, b.Done.Local().Format(time.DateTime))
		if b.Mended > 0 {
			fmt.Fprintf(f.stdout, "%d files were damaged there, and have been stored again.\n", b.Mended)
		}
	}
}

func (c *call) progress(verb string) func(archive.Report) {
	var shown time.Time
	return func(r archive.Report) {
		if now := time.Now(); now.Sub(shown) >= 200*time.Millisecond {
			shown, c.midway = now, true
			fmt.Fprintf(c.stderr, "\r%d of %d files %s, %.1f MB  ", r.Done, r.Total, verb, float64(r.Bytes)/1e6)
		}
	}
}
