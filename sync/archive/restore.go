package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"kith/pod"
)

// Contents is what a backup holds.
type Contents struct {
	Made  time.Time
	Rows  []Row
	State []byte
	place Place
}

// Open opens the newest backup at a place. Errors: ErrNone, ErrKit, ErrNewer,
// ErrDamaged, and those of the place.
func Open(ctx context.Context, place Place, kits ...string) (Contents, error) {
	k, err := newest(ctx, place, whole, kits)
	if err != nil {
		return Contents{}, err
	}
	return Contents{Made: k.Made, Rows: k.Rows, State: k.State, place: place}, nil
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

// with opens the bytes of a row.
func (c Contents) with(ctx context.Context, row Row, fn func(io.Reader) error) error {
	if len(row.Object) != 32 || strings.ContainsAny(row.Object, "/.") {
		return ErrDamaged
	}
	i, err := age.ParseX25519Identity(row.Key)
	if err != nil {
		return ErrDamaged
	}
	sealed, err := c.place.Get(ctx, placeOf(row.Object))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer sealed.Close()
	body, err := age.Decrypt(sealed, i)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fn(&exact{Reader: body, left: row.Size})
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

// Verify reads everything that a backup holds, and compares it with the entity
// tags of the pod.
func (c Contents) Verify(ctx context.Context, progress func(Report)) (Report, error) {
	report := Report{Total: len(c.Rows)}
	err := c.Each(ctx, func(row pod.Info, body io.Reader) error {
		if err := verify(row, body); err != nil {
			return err
		}
		report.Done++
		report.Bytes += row.Size
		if progress != nil {
			progress(report)
		}
		return ctx.Err()
	})
	return report, err
}

// verify reads one body; pod.Info says how its entity tag is made.
func verify(row pod.Info, body io.Reader) error {
	if body == nil {
		return nil
	}
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
