package sync

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"kith/pod"
)

// device is one of the owner's: a whole replica that speaks to the pod over
// `.replica` alone, as the app does (protocol §3.4). It keeps no containers.
type device struct {
	t       *testing.T
	h       *house
	name    string
	rows    map[string]held
	dead    map[string]pod.Version // by handle
	outbox  []operation
	drafts  int // edits that lost
	counter uint64
	epoch   string
	seq     uint64
	truth   *truth
}

// held is a resource on a device.
type held struct {
	id      string
	version pod.Version
	etag    string // as the pod said it last, "" until then
	body    string
}

// operation waits until the pod has it. A delete has a version.
type operation struct {
	path string
	gone pod.Version
}

func newHandle() string {
	b := make([]byte, handleSize)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// edit writes on the device.
func (d *device) edit(path, body string) {
	id := newHandle()
	if now, ok := d.rows[path]; ok {
		id = now.id
	}
	d.counter++
	row := held{id: id, version: pod.Version{Counter: d.counter, Device: d.name}, body: body}
	d.rows[path] = row
	d.queue(path)
	d.truth.wrote(path, row.version, body)
}

// erase deletes on the device.
func (d *device) erase(path string) {
	now, ok := d.rows[path]
	if !ok {
		return
	}
	d.counter++
	v := pod.Version{Counter: d.counter, Device: d.name}
	delete(d.rows, path)
	d.dead[now.id] = v
	d.forget(path)
	d.outbox = append(d.outbox, operation{path, v})
	d.truth.deleted(path, now.id)
}

func (d *device) queue(path string) {
	if !d.waits(path) {
		d.outbox = append(d.outbox, operation{path: path})
	}
}

// waits tells whether an edit of the path is to be brought to the pod.
func (d *device) waits(path string) bool {
	for _, o := range d.outbox {
		if o.path == path && o.gone == (pod.Version{}) {
			return true
		}
	}
	return false
}

// forget drops the edits of the path that wait.
func (d *device) forget(path string) {
	var left []operation
	for _, o := range d.outbox {
		if o.path != path || o.gone != (pod.Version{}) {
			left = append(left, o)
		}
	}
	d.outbox = left
}

// sync follows the pod and brings it what waits.
func (d *device) sync() {
	d.t.Helper()
	d.pull()
	for len(d.outbox) > 0 {
		o := d.outbox[0]
		d.outbox = d.outbox[1:]
		if o.gone != (pod.Version{}) {
			d.pushDelete(o)
		} else {
			d.pushEdit(o.path)
		}
	}
}

func (d *device) pull() {
	d.t.Helper()
	there := map[string]bool{}
	p := d.h.rows(fmt.Sprintf("?epoch=%s&after=%d&limit=3", d.epoch, d.seq))
	anew := p.Epoch != d.epoch
	for ; ; p = d.h.rows(fmt.Sprintf("?epoch=%s&after=%d&limit=3", p.Epoch, p.Seq)) {
		d.counter = max(d.counter, p.Counter)
		for _, r := range p.Rows {
			if r.Gone {
				d.hear(r)
			} else if !strings.HasSuffix(r.Path, "/") && !strings.HasSuffix(r.Path, ".acl") {
				there[r.Path] = true
				d.meet(r)
			}
		}
		if d.epoch, d.seq = p.Epoch, p.Seq; !p.More {
			break
		}
	}
	if anew { // what the pod lacks it gets again: absence never deletes
		for _, path := range sortedKeys(d.rows) {
			if !there[path] {
				d.queue(path)
			}
		}
	}
}

// meet merges a row of the pod.
func (d *device) meet(r wireRow) {
	v := versionOf(d.t, r)
	if died, ok := d.dead[r.ID]; ok {
		if v.Counter <= died.Counter { // the pod does not know yet, or no longer
			d.outbox = append(d.outbox, operation{r.Path, died})
			return
		}
		delete(d.dead, r.ID)
	}
	now, ok := d.rows[r.Path]
	switch {
	case ok && v.Less(now.version): // also where the pod forgot the version of the same bytes
		d.queue(r.Path)
	case ok && now.etag == r.ETag && !d.waits(r.Path):
		d.rows[r.Path] = held{r.ID, v, r.ETag, now.body}
	case ok && d.waits(r.Path):
		d.drafts++
		d.forget(r.Path)
		d.take(r, v)
	default:
		d.take(r, v)
	}
}

func (d *device) take(r wireRow, v pod.Version) {
	s := d.h.fetch(pathOf(r.Path))
	if s.err != nil || s.header.Get("ETag") != r.ETag || s.header.Get("Kith-Version") != r.version() {
		d.t.Fatalf("the bytes of %+v: %v", r, s)
	}
	d.rows[r.Path] = held{r.ID, v, r.ETag, s.body}
}

// hear carries out a delete, unless an edit saw more. No delete comes that
// nobody made.
func (d *device) hear(r wireRow) {
	if !d.truth.dead[r.ID] {
		d.t.Fatalf("the pod made up the delete %+v", r)
	}
	v := versionOf(d.t, r)
	for _, path := range sortedKeys(d.rows) {
		if now := d.rows[path]; now.id == r.ID && now.version.Counter <= v.Counter {
			if d.waits(path) {
				d.drafts++
				d.forget(path)
			}
			delete(d.rows, path)
		}
	}
	if d.dead[r.ID].Less(v) {
		d.dead[r.ID] = v
	}
}

func (d *device) pushEdit(path string) {
	now, ok := d.rows[path]
	if !ok {
		return
	}
	s := d.h.bring(pathOf(path), formatVersion(now.version), now.body, header("Kith-Id", now.id))
	if s.status == http.StatusOK && s.err == nil {
		r := oneRow(d.t, s)
		d.rows[path] = held{r.ID, versionOf(d.t, r), r.ETag, now.body}
		return
	}
	w := winner(d.t, s)
	if w.Gone {
		d.hear(w)
		return
	}
	d.drafts++
	d.take(w, versionOf(d.t, w))
}

// pushDelete deletes at the pod what has the path there, by whatever handle.
func (d *device) pushDelete(o operation) {
	for _, r := range d.h.rows("").Rows {
		if r.Path == o.path {
			d.truth.dead[r.ID] = true
		}
	}
	s := d.h.drop(pathOf(o.path), formatVersion(o.gone))
	if s.status == http.StatusNoContent && s.err == nil {
		return
	}
	w := winner(d.t, s)
	d.take(w, versionOf(d.t, w))
}

func versionOf(t *testing.T, r wireRow) pod.Version {
	t.Helper()
	if r.version() == "0." {
		return pod.Version{}
	}
	v, err := parseVersion(r.version())
	if err != nil {
		t.Fatalf("row %+v: %v", r, err)
	}
	return v
}

func pathOf(s string) string { return strings.ReplaceAll(s, " ", "%20") }

// truth is what has happened anywhere, to judge the end by.
type truth struct {
	newest map[string]write // of the paths that nobody ever deleted
	ever   map[string]bool  // paths that somebody deleted
	dead   map[string]bool  // handles that somebody deleted
}

type write struct {
	version pod.Version
	body    string
}

func (w *truth) wrote(path string, v pod.Version, body string) {
	if now, ok := w.newest[path]; !ok || now.version.Less(v) {
		w.newest[path] = write{v, body}
	}
}

func (w *truth) deleted(path, id string) {
	w.ever[path] = true
	w.dead[id] = true
}

// emptied forgets what only the pod had.
func (w *truth) emptied(devices ...*device) {
	w.newest = map[string]write{}
	for _, d := range devices {
		for path, r := range d.rows {
			w.wrote(path, r.version, r.body)
		}
	}
}

// contents are the paths and bytes of all that is no container and no access list.
func (h *house) contents() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	for _, r := range h.rows("").Rows {
		if !r.Gone && !strings.HasSuffix(r.Path, "/") && !strings.HasSuffix(r.Path, ".acl") {
			out[r.Path] = r.ID + " " + r.version() + " " + h.fetch(pathOf(r.Path)).body
		}
	}
	return out
}

func (d *device) contents() map[string]string {
	out := map[string]string{}
	for path, r := range d.rows {
		out[path] = r.id + " " + formatVersion(r.version) + " " + r.body
	}
	return out
}

func show(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return strconv.Quote(fmt.Sprint(v))
	}
	return string(b)
}
