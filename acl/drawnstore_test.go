package acl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"kith/pod"
)

// errActed is what a drawnStore returns for every change: the decision has fallen, and for it.
var errActed = errors.New("acted")

// drawnStore is a drawn tree as a store that cannot be changed, in memory, so that many thousands can be asked.
type drawnStore struct {
	infos map[pod.Path]pod.Info
	texts map[pod.Path]string
}

// store returns the tree as a store.
func (d drawnTree) store() *drawnStore {
	s := &drawnStore{map[pod.Path]pod.Info{}, map[pod.Path]string{}}
	for p := range d.paths {
		s.put(p, "text/plain", p)
	}
	for p, acl := range d.acls {
		if d.paths[p] {
			s.put(aux(p, ".acl"), "text/turtle", acl.turtle(p))
		}
	}
	members := ""
	for g, ids := range d.groups {
		for _, id := range ids {
			members += fmt.Sprintf("<%s> <http://www.w3.org/2006/vcard/ns#hasMember> <%s> .\n", g, id)
		}
	}
	s.put("/g", "text/turtle", members)
	if len(d.classes) > 0 {
		text, err := json.Marshal(d.classes)
		if err != nil {
			panic(err)
		}
		s.put(setting.String(), "application/json", string(text))
	}
	for p, info := range s.infos {
		if own, ok := s.infos[p.ACL()]; ok && !p.IsACL() {
			info.ACLTag = own.ETag
			s.infos[p] = info
		}
	}
	return s
}

// put places a resource, or a container where name ends in a slash, and the containers above it.
func (s *drawnStore) put(name, mediaType, text string) {
	p, err := pod.ParsePath(name)
	if err != nil {
		panic(err)
	}
	info := pod.Info{Path: p}
	if !p.IsContainer() {
		sum := sha256.Sum256([]byte(mediaType + "\x00" + text))
		info.Type, info.Size, info.ETag = mediaType, int64(len(text)), `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`
		s.texts[p] = text
	}
	s.infos[p] = info
	for c := p.Parent(); c != (pod.Path{}); c = c.Parent() {
		if _, ok := s.infos[c]; !ok {
			s.infos[c] = pod.Info{Path: c}
		}
	}
}

// aux returns the path of an auxiliary of p, as a text.
func aux(p, suffix string) string { return p + suffix }

func (s *drawnStore) Stage(_ context.Context, body io.Reader, o pod.StageOptions) (pod.Staged, error) {
	n, err := io.Copy(io.Discard, body)
	return drawnStaged(n), err
}

type drawnStaged int64

func (s drawnStaged) Size() int64  { return int64(s) }
func (drawnStaged) ETag() string   { return `"staged"` }
func (drawnStaged) Discard() error { return nil }

func (s *drawnStore) View(_ context.Context, fn func(pod.Tx) error) error { return fn(s) }

func (s *drawnStore) Update(_ context.Context, fn func(pod.WriteTx) error) error { return fn(s) }

func (s *drawnStore) Watch() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }

func (s *drawnStore) Close() error { return nil }

func (s *drawnStore) Head() pod.Head { return pod.Head{Epoch: "drawn", Seq: 1} }

func (s *drawnStore) Stat(p pod.Path) (pod.Info, error) {
	info, ok := s.infos[p]
	if !ok {
		return info, pod.ErrNotExist
	}
	return info, nil
}

func (s *drawnStore) Open(p pod.Path) (pod.Resource, error) {
	text, ok := s.texts[p]
	if !ok {
		return nil, pod.ErrNotExist
	}
	return drawnResource{bytes.NewReader([]byte(text)), s.infos[p]}, nil
}

type drawnResource struct {
	*bytes.Reader
	info pod.Info
}

func (r drawnResource) Info() pod.Info { return r.info }
func (drawnResource) Close() error     { return nil }

func (s *drawnStore) List(p pod.Path) iter.Seq2[pod.Info, error] {
	return func(yield func(pod.Info, error) bool) {
		if _, ok := s.infos[p]; !ok {
			yield(pod.Info{}, pod.ErrNotExist)
			return
		}
		var members []pod.Info
		for q, info := range s.infos {
			if q.Parent() == p && q.Subject() == q {
				members = append(members, info)
			}
		}
		slices.SortFunc(members, func(a, b pod.Info) int { return strings.Compare(a.Path.Name(), b.Path.Name()) })
		for _, info := range members {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (s *drawnStore) Changes(uint64) iter.Seq2[pod.Change, error] {
	return func(func(pod.Change, error) bool) {}
}

func (s *drawnStore) Known() ([]pod.Version, error) { return nil, nil }

func (s *drawnStore) Put(pod.Path, pod.Staged, pod.PutOptions) (pod.Info, error) {
	return pod.Info{}, errActed
}

func (s *drawnStore) MakeContainer(pod.Path, pod.PutOptions) (pod.Info, error) {
	return pod.Info{}, errActed
}

func (s *drawnStore) Delete(pod.Path, pod.DeleteOptions) error     { return errActed }
func (s *drawnStore) DeleteTree(pod.Path, pod.DeleteOptions) error { return errActed }
func (s *drawnStore) Touch(pod.Path, []string) error               { return errActed }
func (s *drawnStore) Forget(string) error                          { return errActed }
