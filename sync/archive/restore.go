package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"

	"kith/pod"
)

// Contents is what a backup holds.
type Contents struct {
	Made  time.Time
	Mark  string   // of the run that made it; "" where that was an older version of this program
	Begun []string // marks of runs that say they are under way: who takes the place over takes them too
	Rows  []Row
	State []byte
	place Place
	ring  keyring
	twins []string // files that are to be that keyring
}

// Open opens the newest backup at a place. Errors: ErrNone, ErrKit, ErrNewer,
// ErrDamaged, and those of the place.
func Open(ctx context.Context, place Place, kits ...string) (Contents, error) {
	at, err := list(ctx, place)
	if err != nil {
		return Contents{}, err
	}
	if err := readable(ctx, place); err != nil {
		return Contents{}, err
	}
	k, err := newest(ctx, place, at.rings, true, kits)
	if err != nil {
		return Contents{}, err
	}
	c := Contents{Made: k.Made, Mark: k.Mark, Begun: at.claims, Rows: k.Rows, State: k.State, place: place, ring: k}
	for _, each := range at.rings {
		if each.whole && each.n == k.N && len(at.claims) == 0 { // else one may be half there
			c.twins = append(c.twins, each.name)
		}
	}
	return c, nil
}

// Each calls fn with every row, containers before what is in them, and the bytes
// of resources, nil for containers. What was altered is ErrDamaged: fn has then
// been given a body that ends in that error.
func (c Contents) Each(ctx context.Context, fn func(row pod.Info, body io.Reader) error) error {
	for _, row := range c.Rows {
		info, err := row.Info()
		if err != nil {
			return fmt.Errorf("read the keyring: %w: %w", ErrDamaged, err)
		}
		if row.Object == "" {
			err = fn(info, nil)
		} else {
			err = c.with(ctx, row, func(body io.Reader) error { return fn(info, body) })
		}
		if err != nil {
			return fmt.Errorf("%s: %w", info.Path, err)
		}
	}
	return nil
}

// with opens the bytes of a row; a body that is not read is not asked for. What the place does not have, or gives back
// altered, is ErrDamaged; where it fails to give anything, that is the error.
func (c Contents) with(ctx context.Context, row Row, fn func(io.Reader) error) error {
	if len(row.Object) != 32 || strings.ContainsAny(row.Object, "/.") {
		return ErrDamaged
	}
	i, err := age.ParseX25519Identity(row.Key)
	if err != nil {
		return ErrDamaged
	}
	pieces := &pieces{ctx: ctx, place: c.place, row: row}
	told := &heard{Reader: pieces}
	err = fn(&exact{Reader: &unsealed{sealed: told, key: i}, left: row.Size})
	if told.failed != nil {
		err = told.failed
	}
	return errors.Join(err, pieces.close())
}

// unsealed opens what is sealed to a key when it is read.
type unsealed struct {
	sealed io.Reader
	key    age.Identity
	body   io.Reader
}

// Read implements io.Reader.
func (u *unsealed) Read(p []byte) (int, error) {
	if u.body == nil {
		body, err := age.Decrypt(u.sealed, u.key)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		u.body = body
	}
	return u.body.Read(p)
}

// pieces reads the objects of a row, one after another.
type pieces struct {
	ctx   context.Context
	place Place
	row   Row
	n     int // of the next one
	open  io.ReadCloser
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	for {
		if p.open == nil {
			if p.n > p.row.Pieces {
				return 0, io.EOF
			}
			body, err := p.place.Get(p.ctx, placeOf(p.row.piece(p.n)))
			if err != nil {
				return 0, unreadable(err)
			}
			p.open = body
			p.n++
		}
		n, err := p.open.Read(b)
		if err != io.EOF {
			return n, unreadable(err)
		}
		if err := p.close(); n > 0 || err != nil {
			return n, err
		}
	}
}

// unreadable makes what a place answers ErrDamaged where it will not answer otherwise again: the object is not there,
// or lies on a part of a disk that has failed.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EIO) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

func (p *pieces) close() error {
	if p.open == nil {
		return nil
	}
	err := p.open.Close()
	p.open = nil
	return err
}

// heard remembers why a place gave nothing more: what cannot be read is not altered.
type heard struct {
	io.Reader
	failed error
}

// Read implements io.Reader.
func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if err != nil && err != io.EOF {
		h.failed = err
	}
	return n, err
}

// metered tells how many bytes of a body are read.
type metered struct {
	io.Reader
	moved func(n int)
}

// Read implements io.Reader.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.moved(n)
	return n, err
}

// exact is a body that has to have one size.
type exact struct {
	io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	e.left -= int64(n)
	if err == nil && e.left >= 0 || err == io.EOF && e.left == 0 {
		return n, err
	}
	if err == nil || err == io.EOF {
		err = errors.New("it is not of the size that it should be")
	}
	return n, fmt.Errorf("%w: %w", ErrDamaged, err)
}

// Verify reads everything that a backup holds, its keyring and the copy of it too, and compares it with the entity
// tags of the pod. It goes on where it finds damage, and counts the resources; the error is
// then ErrDamaged, with the path of the first.
func (c Contents) Verify(ctx context.Context, progress func(Report)) (Report, error) {
	report := Report{Total: len(c.Rows)}
	moved := func(n int) {
		report.Bytes += int64(n)
		if progress != nil {
			progress(report)
		}
	}
	first := c.verifyRings(ctx)
	if first != nil && !errors.Is(first, ErrDamaged) {
		return report, first
	}
	for _, row := range c.Rows {
		err := c.verify(ctx, row, moved)
		switch {
		case err == nil:
			report.Done++
		case errors.Is(err, ErrDamaged):
			report.Damaged++
			if first == nil {
				first = fmt.Errorf("%s: %w", row.Path, err)
			}
		default:
			return report, fmt.Errorf("%s: %w", row.Path, err)
		}
		moved(0)
		if err := ctx.Err(); err != nil {
			return report, err
		}
	}
	return report, first
}

// verifyRings returns ErrDamaged where the keyring or its copy is there and does not open.
func (c Contents) verifyRings(ctx context.Context) (err error) {
	for _, name := range c.twins {
		if err = c.ring.stands(ctx, c.place, name); err != nil {
			return err
		}
	}
	return nil
}

// verify reads the bytes of one row, and tells how many.
func (c Contents) verify(ctx context.Context, row Row, moved func(n int)) error {
	info, err := row.Info()
	if err != nil {
		return fmt.Errorf("read the keyring: %w: %w", ErrDamaged, err)
	}
	if row.Object == "" {
		return nil
	}
	return c.with(ctx, row, func(body io.Reader) error { return verify(info, &metered{body, moved}) })
}

// verify reads one body; pod.Info says how its entity tag is made.
func verify(row pod.Info, body io.Reader) error {
	sum := sha256.New()
	sum.Write(append([]byte(row.Type), 0))
	if _, err := io.Copy(sum, body); err != nil {
		return err
	}
	if tag := `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:16]) + `"`; tag != row.ETag {
		return fmt.Errorf("the bytes are others than the pod had: %w", ErrDamaged)
	}
	return nil
}
