package server

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"kith/pod"
	"kith/sync/archive"
)

// apart gives another name to what a backup has beside something of the same name but for capitals or form, as it has where
// hands dropped both into a folder that told them apart: no pod makes the second. Its name is "a (2).txt" for "A.txt" or
// "a.txt", and what describes it, or lies in it, goes with it. It is a new resource, which has no handle that devices
// know; an ACL that names the old place lets nobody in but the owner.
func apart(rows []archive.Row) []archive.Row {
	t := twins{first: map[string]pod.Path{}}
	rows = slices.Clone(rows)
	for i, row := range rows {
		info, err := row.Info()
		if err != nil {
			continue // whoever reads it says so
		}
		if p, err := t.place(info.Path); err == nil && p != info.Path {
			rows[i].Path, rows[i].ID = p.Escaped(), ""
		}
	}
	return rows
}

// twins knows which path has a name in a container: by the container's place and the folded name.
type twins struct{ first map[string]pod.Path }

// place returns the path that p gets.
func (t twins) place(p pod.Path) (pod.Path, error) {
	if p.IsRoot() {
		return p, nil
	}
	if subject := p.Subject(); subject != p {
		at, err := t.place(subject)
		if p.IsACL() {
			return at.ACL(), err
		}
		return at.Meta(), err
	}
	parent, err := t.place(p.Parent())
	if err != nil {
		return p, err
	}
	ext := path.Ext(p.Name())
	stem := strings.TrimSuffix(p.Name(), ext)
	for name, n := p.Name(), 2; ; n++ {
		at, err := parent.Child(name, p.IsContainer())
		if err != nil && len(stem) > 16 { // with the number it is too long
			stem, err = strings.ToValidUTF8(stem[:16], ""), nil
		} else if err != nil {
			return p, err
		} else if t.takes(parent, at, p) {
			return at, nil
		}
		name = fmt.Sprintf("%s (%d)%s", stem, n, ext)
	}
}

// takes reports whether p may have the place at in parent, which is then its own.
func (t twins) takes(parent, at, p pod.Path) bool {
	key := parent.String() + at.FoldedName()
	owner, taken := t.first[key]
	if !taken {
		t.first[key] = p
	}
	return !taken || owner == p
}
