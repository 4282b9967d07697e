package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

// ErrRefused refuses a list that ReplicaConfig.Written does not accept (422).
var ErrRefused = errors.New("the list is not acceptable")

const (
	maxRows = 1000
	maxList = 32 << 10 // bytes of a device list with its chain; webid takes less of a keys document
)

// ReplicaConfig says what a Replica needs to know.
type ReplicaConfig struct {
	// Device is the kid of the pod, as it stands in the versions of its own writes.
	Device string
	// Written is called with the whole body before what a person says of
	// themselves is written: /profile/devices, /profile/keys, /profile/name or
	// /settings/relays.
	// It is called for a write that wins over what the pod has, or joins it, and
	// one at a time. Its error refuses the write: ErrRefused if it is a
	// webid.Verdict. It must not write such a resource itself.
	Written func(context.Context, pod.Path, []byte) error
}

// maxBody bounds what a write may announce, in bytes; what arrives is bounded by acl.
const maxBody = 1 << 30

// announced are the resources that the server itself must know.
var announced = []string{"/profile/devices", "/profile/keys", "/profile/name", "/settings/relays", "/settings/kit", "/settings/backup"}

// Replica exchanges rows and bytes with the owner's devices (protocol §3.4).
type Replica struct {
	config ReplicaConfig
	// announcing is held from the contest of what a person says of themselves
	// until it is placed, so that the server adopts nothing that then loses.
	announcing sync.Mutex
}

// NewReplica returns the replica of a pod.
func NewReplica(c ReplicaConfig) *Replica { return &Replica{config: c} }

// Serve answers a request for `.replica` (path is "" or "/") or `.replica/…`
// (path is the escaped path in the pod, with its first slash). The root itself
// is no row that is exchanged by its path. When Serve returns an error
// it has not answered: what acl.View.Replica says to others than the owner's
// devices, ErrMethod, ErrRequest, ErrRefused, pod.ErrBadPath, the error of the
// request's context, or one of the pod's.
func (s *Replica) Serve(w http.ResponseWriter, r *http.Request, v *acl.View, path string) error {
	raw, err := v.Replica(r.Context())
	if err != nil {
		return err
	}
	if path == "" || path == "/" {
		return s.rows(w, r, v)
	}
	p, err := pod.ParsePath(path)
	if err != nil {
		return err
	}
	err = allow(w, r, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete)
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodPut:
		return s.put(w, r, raw, p)
	case http.MethodDelete:
		return s.remove(w, r, raw, p)
	}
	return get(w, r, v, raw, p)
}

// exchange is one page of rows.
type exchange struct {
	Epoch   string `json:"epoch"`
	Seq     uint64 `json:"seq"`  // of the last row here
	Head    uint64 `json:"head"` // of the last row of all
	More    bool   `json:"more"`
	Counter uint64 `json:"counter"`
	Device  string `json:"device"`
	Rows    []row  `json:"rows"`
}

func (s *Replica) rows(w http.ResponseWriter, r *http.Request, v *acl.View) error {
	if err := allow(w, r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	q, err := parseRowsQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := patient(w, q.wait); err != nil {
		return err
	}
	rows, head, err := await(r.Context(), v, q)
	if err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	x := exchange{Epoch: head.Epoch, Seq: head.Seq, Head: head.Seq, Counter: head.Counter, Device: s.config.Device}
	x.Rows = make([]row, 0, len(rows))
	for _, c := range rows {
		x.Rows = append(x.Rows, newRow(c.Info))
	}
	if len(rows) == q.limit {
		x.Seq = rows[len(rows)-1].Seq
		x.More = x.Seq < x.Head
	}
	return answer(w, r, "application/json", x)
}

// rowsQuery is where a replica stands and what it wants.
type rowsQuery struct {
	epoch string
	after uint64
	limit int
	wait  time.Duration
}

func parseRowsQuery(raw string) (rowsQuery, error) {
	q, err := parseQuery(raw)
	if err != nil {
		return rowsQuery{}, err
	}
	f := rowsQuery{epoch: q.text("epoch")}
	if f.after, err = q.number("after", 0, maxCounter, 0); err != nil {
		return rowsQuery{}, err
	}
	if f.limit, err = q.limit(maxRows, maxRows); err != nil {
		return rowsQuery{}, err
	}
	f.wait, err = q.wait()
	return f, err
}

// await returns the rows after q, as soon as there are some or the time to wait
// is over, and where the pod stands. A replica of another epoch, or one that is
// ahead of the pod, begins at the start and waits for nothing.
func await(ctx context.Context, v *acl.View, q rowsQuery) ([]pod.Change, pod.Head, error) {
	timer := time.NewTimer(q.wait)
	defer timer.Stop()
	for {
		changed := v.Changed()
		raw, err := v.Replica(ctx)
		if err != nil {
			return nil, pod.Head{}, err
		}
		rows, head, err := raw.Rows(ctx, q.after, q.limit)
		if err == nil && (head.Epoch != q.epoch || q.after > head.Seq) {
			rows, head, err = raw.Rows(ctx, 0, q.limit)
			return rows, head, err
		}
		if err != nil || len(rows) > 0 {
			return rows, head, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil, head, nil
		case <-ctx.Done():
			return nil, head, ctx.Err()
		}
	}
}

// get answers with bytes, in ranges and under conditions (RFC 9110 §13, §14).
func get(w http.ResponseWriter, r *http.Request, v *acl.View, raw *acl.Replica, p pod.Path) error {
	res, err := raw.Open(r.Context(), p)
	if err != nil {
		return err
	}
	defer res.Close()
	private(w)
	describeRow(w.Header(), res.Info())
	http.ServeContent(w, r, "", res.Info().Modified, &download{res, r.Context(), v, v.Changed()})
	return nil
}

// describeRow tells of a resource, and that its bytes are nothing to show.
func describeRow(h http.Header, i pod.Info) {
	h.Set("Content-Type", i.Type)
	if i.Type == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	h.Set("ETag", i.ETag)
	h.Set("Kith-Id", i.ID)
	h.Set("Kith-Version", formatVersion(i.Version))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	h.Set("Content-Disposition", "attachment")
}

// download reads a resource for as long as the device is one of the owner's: it
// asks again after each commit.
type download struct {
	pod.Resource
	ctx     context.Context
	view    *acl.View
	changed <-chan struct{}
}

// Read is the resource's, or the error of acl.View.Replica.
func (d *download) Read(b []byte) (int, error) {
	select {
	case <-d.changed:
		d.changed = d.view.Changed()
		if _, err := d.view.Replica(d.ctx); err != nil {
			return 0, err
		}
	default:
	}
	return d.Resource.Read(b)
}

func (s *Replica) put(w http.ResponseWriter, r *http.Request, raw *acl.Replica, p pod.Path) error {
	row, err := rowOf(p, r.Header)
	if err != nil {
		return err
	}
	if row.Version == (pod.Version{}) { // older than whatever anybody knows the version of
		row.Version = pod.Version{Counter: 1, Device: s.config.Device}
	}
	if err := counts(r, raw, row.Version); err != nil {
		return err
	}
	if base := r.Header.Get("Kith-Base"); base != "" {
		v, err := parseVersion(base)
		if err != nil {
			return err
		}
		raw = raw.After(v)
	}
	now, err := s.place(r, raw, row)
	if errors.Is(err, acl.ErrSuperseded) {
		return lose(w, now)
	}
	if err != nil {
		return err
	}
	return tell(w, http.StatusOK, newRow(now))
}

// lose answers a write or a delete that came too late with the row that stands.
func lose(w http.ResponseWriter, stands pod.Info) error {
	return tell(w, http.StatusConflict, map[string]row{"winner": newRow(stands)})
}

func tell(w http.ResponseWriter, status int, v any) error {
	body, err := prepare(w, "application/json", v)
	if err != nil {
		return err
	}
	w.WriteHeader(status)
	w.Write(body) // who has gone does not hear it
	return nil
}

// counts refuses versions that are not plausible here.
func counts(r *http.Request, raw *acl.Replica, v pod.Version) error {
	head, err := raw.Head(r.Context())
	if err != nil {
		return fmt.Errorf("read counter: %w", err)
	}
	return plausible(v, head)
}

// place puts what the body holds: nothing for a container.
func (s *Replica) place(r *http.Request, raw *acl.Replica, row pod.Info) (pod.Info, error) {
	if row.Path.IsContainer() {
		if n, err := io.CopyN(io.Discard, r.Body, 1); n > 0 || !errors.Is(err, io.EOF) {
			return pod.Info{}, fmt.Errorf("read container: %w: it has a body", ErrRequest)
		}
		return raw.Put(r.Context(), row, nil, nil)
	}
	if r.ContentLength > maxBody {
		return pod.Info{}, fmt.Errorf("read body: %w", pod.ErrTooLarge)
	}
	if slices.Contains(announced, row.Path.String()) {
		return s.announce(r, raw, row)
	}
	return raw.Put(r.Context(), row, r.Body, nil)
}

// announce puts what a person says of themselves, once it is accepted.
func (s *Replica) announce(r *http.Request, raw *acl.Replica, row pod.Info) (pod.Info, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxList+1))
	if err != nil {
		return pod.Info{}, fmt.Errorf("read list: %w: %w", acl.ErrBody, err)
	}
	if len(text) > maxList {
		return pod.Info{}, fmt.Errorf("read list: %w", pod.ErrTooLarge)
	}
	s.announcing.Lock()
	defer s.announcing.Unlock()
	return raw.Put(r.Context(), row, bytes.NewReader(text), func() error {
		err := s.config.Written(r.Context(), row.Path, text)
		var verdict webid.Verdict
		if errors.As(err, &verdict) {
			return fmt.Errorf("accept list: %w: %w", ErrRefused, err)
		}
		return err
	})
}

func (s *Replica) remove(w http.ResponseWriter, r *http.Request, raw *acl.Replica, p pod.Path) error {
	v, err := parseVersion(r.Header.Get("Kith-Version"))
	if err != nil {
		return err
	}
	if err := counts(r, raw, v); err != nil {
		return err
	}
	s.announcing.Lock()
	defer s.announcing.Unlock()
	stands, err := raw.Delete(r.Context(), p, v)
	if errors.Is(err, acl.ErrSuperseded) {
		return lose(w, stands)
	}
	if err != nil {
		return err
	}
	private(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
