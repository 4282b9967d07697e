package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"kith/internal/rdf"
	"kith/pod"
	"kith/pod/folder"
	"kith/sync/archive"
	"kith/webid"
)

// namingLimits are those of package acl: what is larger names nobody.
var namingLimits = rdf.Limits{Bytes: 256 << 10, Triples: 20_000, Depth: 16}

// mostAccepted is how many identifiers a contact record may have.
const mostAccepted = 16

// Lost is what a backup did not give back.
type Lost struct {
	Path   string // as people read it
	Closed bool   // it is an ACL resource: the owner alone may do anything now with what it is about
	Friend bool   // it is a contact record: the friend is a stranger now
}

// Salvage is Restore for a backup that is damaged: it brings back what is sound, and tells what is not. Nobody may do
// more than before. An ACL resource that is lost gives way to one of the owner alone, so that its subject inherits
// nothing. Friends and groups that are lost are nobody, and where a friend is lost, WebIDs of other hosts that ACLs or
// groups name, and no other friend has, are blocked: one may be this friend's, who may have been blocked.
//
// What takes the place of something else is older than that, and nothing is said to have been deleted: so devices bring
// back what they still have. Errors: those of Restore, archive.ErrDamaged where nothing can be opened.
func Salvage(ctx context.Context, c Config, address, account, secret, kit string, progress func(archive.Report)) (name string, r archive.Report, all []Lost, err error) {
	name, err = restoreFrom(ctx, c, Backup{Address: address, Account: account, secret: secret}, kit, func(s *state, name string, contents archive.Contents) (err error) {
		lost := &losses{base: c.PodURL(name)}
		r, err = fill(ctx, c, s, name, restoring(address), contents, progress, lost)
		all = lost.all
		return err
	})
	return name, r, all, err
}

// losses is what a restore meets that is damaged.
type losses struct {
	base  string // URL of the pod
	all   []Lost
	cards []pod.Info // contact records among them
}

// over returns what gives each row that is sound, and makes up in store for those that are not.
func (l *losses) over(store *folder.Store, contents archive.Contents) func(context.Context, func(pod.Info, io.Reader) error) error {
	return func(ctx context.Context, fn func(pod.Info, io.Reader) error) error {
		err := contents.Salvage(ctx, fn, func(row archive.Row) error { return l.lose(ctx, store, row) })
		if err == nil && len(l.cards) > 0 {
			err = l.block(ctx, store, contents.Rows)
		}
		return err
	}
}

// lose makes up for one row.
func (l *losses) lose(ctx context.Context, store *folder.Store, row archive.Row) error {
	info, err := row.Info()
	if err != nil {
		l.all = append(l.all, Lost{Path: fmt.Sprintf("%q", row.Path)})
		return nil
	}
	if info.Path.IsACL() {
		if err := again(ctx, store, info); !errors.Is(err, archive.ErrDamaged) {
			return err
		}
		l.all = append(l.all, Lost{Path: info.Path.String(), Closed: true})
		return insteadOf(ctx, store, info, "text/turtle", ownersACL(info.Path.Subject()))
	}
	friend := info.Path.Name() == "card" && info.Path.Parent().Parent().String() == contactsFolder
	l.all = append(l.all, Lost{Path: info.Path.String(), Friend: friend})
	if friend {
		l.cards = append(l.cards, info)
	}
	return nil
}

// again puts back an ACL resource that this program or the app has written, if its entity tag is that of one.
func again(ctx context.Context, store *folder.Store, row pod.Info) error {
	for _, text := range []string{rootACL, postsACL, fmt.Sprintf(inboxACL, row.Path.Subject().Name())} {
		if err := putBack(ctx, store, row, strings.NewReader(text)); !errors.Is(err, archive.ErrDamaged) {
			return err
		}
	}
	return archive.ErrDamaged
}

// ownersACL returns an ACL resource that gives the owner everything and nobody else anything.
func ownersACL(subject pod.Path) string {
	to, below := "./"+path.Base(subject.Escaped()), ""
	if subject.IsContainer() {
		to, below = "./", " acl:default <./>;"
	}
	root := strings.Repeat("../", strings.Count(subject.Escaped(), "/")-1)
	return fmt.Sprintf(`@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <%sprofile/card#me>;
  acl:accessTo <%s>;%s
  acl:mode acl:Read, acl:Write, acl:Control.
`, root, to, below)
}

// insteadOf puts something in the place of a row, in a version that loses to the row, whoever brings it.
func insteadOf(ctx context.Context, store *folder.Store, row pod.Info, mediaType, text string) error {
	st, err := store.Stage(ctx, strings.NewReader(text), pod.StageOptions{Type: mediaType, Modified: row.Modified, Max: int64(len(text))})
	if err != nil {
		return err
	}
	older := pod.Version{Counter: max(row.Version.Counter, 1) - 1, Device: or(row.Version.Device, "-")}
	err = store.Update(ctx, func(tx pod.WriteTx) error {
		_, err := tx.Put(row.Path, st, pod.PutOptions{ID: row.ID, Version: older})
		return err
	})
	return errors.Join(err, st.Discard())
}

// block puts in the place of contact records that are lost ones that are blocked, if there is anybody whom they may have
// been about and who can prove a WebID elsewhere; and further ones, where those hold not all such.
func (l *losses) block(ctx context.Context, store *folder.Store, rows []archive.Row) error {
	elsewhere, err := l.elsewhere(ctx, store, rows)
	if err != nil {
		return err
	}
	for n := 0; len(elsewhere) > 0; n++ {
		some := elsewhere[:min(len(elsewhere), mostAccepted)]
		places := l.cards
		if n > 0 {
			extra, err := pod.ParsePath(contactsFolder + strings.ToLower(rand.Text()[:20]) + "/card")
			if err != nil {
				return err
			}
			places = []pod.Info{{Path: extra, Modified: l.cards[0].Modified}}
		}
		for _, row := range places {
			text, err := json.Marshal(webid.Contact{Grant: 1, Accepts: some, Blocked: true, Since: row.Modified})
			if err != nil {
				return err
			}
			if err := insteadOf(ctx, store, row, "application/ld+json", string(text)); err != nil {
				return err
			}
		}
		elsewhere = elsewhere[len(some):]
	}
	return nil
}

// elsewhere returns the WebIDs of other hosts that are named in the pod, and that no contact has that is there.
func (l *losses) elsewhere(ctx context.Context, store *folder.Store, rows []archive.Row) ([]webid.ID, error) {
	all := map[webid.ID]bool{}
	var friends []webid.ID
	err := store.View(ctx, func(tx pod.Tx) error {
		for _, row := range rows {
			named, known, err := l.names(tx, row)
			if err != nil {
				return err
			}
			friends = append(friends, known...)
			for _, id := range named {
				all[id] = true
			}
		}
		return nil
	})
	for _, id := range friends {
		delete(all, id)
	}
	return slices.Sorted(maps.Keys(all)), err
}

// names returns whom of other hosts a resource that is there names, if it is a graph, and by what a contact is known, if it
// is a contact record.
func (l *losses) names(tx pod.Tx, row archive.Row) (named, known []webid.ID, err error) {
	info, err := row.Info()
	syntax, graph := rdf.SyntaxOf(row.Type)
	if err != nil || !graph || row.Size > int64(namingLimits.Bytes) {
		return nil, nil, nil
	}
	res, err := tx.Open(info.Path)
	if errors.Is(err, pod.ErrNotExist) { // lost
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer res.Close()
	text, err := io.ReadAll(res)
	if err != nil {
		return nil, nil, err
	}
	url := l.base + strings.TrimPrefix(row.Path, "/")
	if c, err := webid.ParseContact(url, text); err == nil {
		return nil, c.Accepts, nil
	}
	return l.agents(string(text), syntax, url), nil, nil
}

// agents returns the WebIDs of other hosts that a graph at url names as agents of rules or members of groups.
func (l *losses) agents(text string, syntax rdf.Syntax, url string) (all []webid.ID) {
	g, err := rdf.Decode(strings.NewReader(text), syntax, rdf.IRI(url), namingLimits)
	if err != nil {
		return nil // it names nobody
	}
	for _, predicate := range []rdf.IRI{"http://www.w3.org/ns/auth/acl#agent", groupMember} {
		for t := range g.Match(rdf.Term{}, rdf.IRITerm(predicate), rdf.Term{}) {
			iri, ok := t.O.IRI()
			if id, err := webid.ParseID(string(iri)); ok && err == nil && strings.HasPrefix(string(iri), "http") && !strings.HasPrefix(string(iri), l.base) {
				all = append(all, id)
			}
		}
	}
	return all
}
