package podtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kith/pod"
)

// runRace lets writers and readers meet. Writers count up one resource, each
// from what it has read in another View and with that as the precondition: no
// count may be lost. Readers demand that all they see belongs together.
func runRace(t *testing.T, make Maker) {
	const writers, readers, increments = 4, 3, 12
	f := newFixture(t, make, Config{})
	f.put("/counter", "0")
	ctx, stop := context.WithCancel(t.Context())
	var reading, writing sync.WaitGroup
	errs := newErrors()
	for range readers {
		reading.Go(func() {
			for ctx.Err() == nil {
				errs.add(readAll(ctx, f.store))
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for range increments {
				errs.add(increment(t.Context(), f.store))
				errs.add(comeAndGo(t.Context(), f.store, w))
			}
		})
	}
	writing.Wait()
	stop()
	reading.Wait()
	f.must(errs.all())
	f.equal("count", f.read("/counter"), strconv.Itoa(writers*increments))
	f.equal("listing", f.list("/"), "counter")
	f.reopen()
	f.equal("count after a start", f.read("/counter"), strconv.Itoa(writers*increments))
}

// collected gathers the errors of several goroutines.
type collected struct {
	mu   sync.Mutex
	errs []error
}

func newErrors() *collected { return &collected{} }

func (c *collected) add(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

func (c *collected) all() error { return errors.Join(c.errs...) }

// increment tries until its precondition holds.
func increment(ctx context.Context, store pod.Store) error {
	for {
		count, etag, err := readCounter(ctx, store)
		if err != nil {
			return err
		}
		next := strconv.Itoa(count + 1)
		st, err := store.Stage(ctx, strings.NewReader(next), pod.StageOptions{Type: plainText, Max: 10})
		if err != nil {
			return err
		}
		err = store.Update(ctx, func(tx pod.WriteTx) error {
			info, err := tx.Stat(path("/counter"))
			if err != nil {
				return err
			}
			if err := (pod.Precondition{IfMatch: []string{etag}}).Check(true, info.ETag, info.Modified); err != nil {
				return err
			}
			_, err = tx.Put(path("/counter"), st, pod.PutOptions{})
			return err
		})
		if err = errors.Join(err, st.Discard()); !errors.Is(err, pod.ErrPrecondition) {
			return err
		}
	}
}

func readCounter(ctx context.Context, store pod.Store) (count int, etag string, err error) {
	var r pod.Resource
	err = store.View(ctx, func(tx pod.Tx) (err error) {
		r, err = tx.Open(path("/counter"))
		return err
	})
	if err != nil {
		return 0, "", err
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return 0, "", err
	}
	count, err = strconv.Atoi(string(content))
	return count, r.Info().ETag, err
}

// comeAndGo makes a container of its own with a resource, and deletes it.
func comeAndGo(ctx context.Context, store pod.Store, writer int) error {
	container := path(fmt.Sprintf("/w%d/", writer))
	st, err := store.Stage(ctx, strings.NewReader(strings.Repeat("x", 10_000)), pod.StageOptions{Max: 10_000})
	if err != nil {
		return err
	}
	err = store.Update(ctx, func(tx pod.WriteTx) error {
		_, err := tx.Put(mustChild(container, "x", false), st, pod.PutOptions{})
		return err
	})
	if err := errors.Join(err, st.Discard()); err != nil {
		return err
	}
	return store.Update(ctx, func(tx pod.WriteTx) error {
		return tx.DeleteTree(container, pod.DeleteOptions{Readers: []string{"ana"}})
	})
}

// readAll reads the whole pod in one View, and what it has opened after it.
func readAll(ctx context.Context, store pod.Store) error {
	var open []pod.Resource
	err := store.View(ctx, func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			if c.Gone() || c.Path.IsContainer() {
				continue
			}
			r, err := tx.Open(c.Path)
			if err != nil {
				return fmt.Errorf("open what a change names: %w", err)
			}
			open = append(open, r)
			if r.Info() != c.Info {
				return fmt.Errorf("opened %+v, the change says %+v", r.Info(), c.Info)
			}
		}
		return nil
	})
	for _, r := range open {
		content, readErr := io.ReadAll(r)
		if got := etag(r.Info().Type, string(content)); readErr == nil && got != r.Info().ETag {
			readErr = fmt.Errorf("%s has bytes of %s, not %s", r.Info().Path, got, r.Info().ETag)
		}
		err = errors.Join(err, readErr, r.Close())
	}
	return err
}
