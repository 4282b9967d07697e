package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/relay"
	"kith/webid"
)

// relays returns by which relays the owner is reached: what the pod says, or, until it says something, what this
// server prepares. The zero relays where there are none, or what is there cannot be read.
func (h *home) relays(ctx context.Context) (relays, error) {
	r, _, err := h.readRelays(ctx)
	if err != nil || r.Secret != (secret{}) {
		return r, err
	}
	prepared, err := h.state.reaching(ctx, h.name)
	return prepared.draft, err
}

// readRelays returns what the pod says, with its version.
func (h *home) readRelays(ctx context.Context) (r relays, version pod.Version, err error) {
	raw, path, err := h.replicaOf(ctx, relaysPath)
	if err != nil {
		return relays{}, version, err
	}
	res, err := raw.Open(ctx, path)
	if errors.Is(err, pod.ErrNotExist) {
		return relays{}, version, nil
	}
	if err != nil {
		return relays{}, version, fmt.Errorf("read relays: %w", err)
	}
	defer res.Close()
	text, err := io.ReadAll(io.LimitReader(res, maxRelaysDoc+1))
	if err != nil {
		return relays{}, version, fmt.Errorf("read relays: %w", err)
	}
	r, err = parseRelays(text)
	if errors.Is(err, webid.Malformed) { // a hand was in the folder
		return relays{}, res.Info().Version, nil
	}
	return r, res.Info().Version, err
}

// replicaOf returns the pod as one of the owner's devices has it, and a path in it.
func (h *home) replicaOf(ctx context.Context, name string) (*acl.Replica, pod.Path, error) {
	path, err := pod.ParsePath(name)
	if err != nil {
		return nil, path, err
	}
	v, err := h.owner(ctx)
	if err != nil {
		return nil, path, err
	}
	raw, err := v.Replica(ctx)
	return raw, path, err
}

// changeRelays changes what the pod says, again where a device wrote at the same time.
func (h *home) changeRelays(ctx context.Context, change func(*relays) error) error {
	for {
		r, version, err := h.readRelays(ctx)
		if err != nil {
			return err
		}
		if err := change(&r); err != nil {
			return err
		}
		err = h.writeRelays(ctx, r, version)
		if !errors.Is(err, acl.ErrSuperseded) || ctx.Err() != nil {
			return err
		}
	}
}

// writeRelays writes what the pod says, as an edit of a version.
func (h *home) writeRelays(ctx context.Context, r relays, after pod.Version) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write relays: %w", err)
	}
	raw, path, err := h.replicaOf(ctx, relaysPath)
	if err != nil {
		return err
	}
	head, err := raw.Head(ctx)
	if err != nil {
		return fmt.Errorf("write relays: %w", err)
	}
	p, err := h.realm.person(ctx)
	if err != nil {
		return err
	}
	row := pod.Info{Path: path, Type: "application/json", Modified: h.state.now().UTC().Truncate(time.Millisecond),
		Version: pod.Version{Counter: head.Counter + 1, Device: p.kid()}}
	if _, err := raw.After(after).Put(ctx, row, bytes.NewReader(text), nil); err != nil {
		return fmt.Errorf("write relays: %w", err)
	}
	return nil
}

// publishRelays moves to the pod what was prepared before there was an owner.
func (h *home) publishRelays(ctx context.Context) error {
	prepared, err := h.state.reaching(ctx, h.name)
	if err != nil || prepared.draft.Secret == (secret{}) {
		return err
	}
	err = h.changeRelays(ctx, func(r *relays) error {
		if r.Secret == (secret{}) {
			*r = prepared.draft
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.state.setReaching(ctx, h.name, func(r *reaching) error {
		r.draft = relays{}
		return nil
	})
}

// join makes a queue at a relay of --reach for a person, and says so in the pod or, before there is an owner, in
// what is prepared. A relay that the person was given once is left as the person has it.
func (s *state) join(ctx context.Context, c *relay.Client, url, name string, now relays, add func(queue, secret) error) error {
	p, err := s.person(ctx, name)
	if err != nil {
		return err
	}
	key := now.Secret
	if key == (secret{}) {
		key = newSecret()
	}
	made, err := c.NewQueue(ctx, url, "", key.token(url, p.kid()))
	if err != nil {
		return fmt.Errorf("make a queue at %s: %w", url, err)
	}
	if err := s.describe(ctx, c, url); err != nil {
		return err
	}
	if err := add(queue{URL: url, Queue: made, Since: s.now().UTC().Truncate(time.Second)}, key); err != nil {
		return err
	}
	return s.setReaching(ctx, name, func(r *reaching) error {
		r.given = append(r.given, url)
		return nil
	})
}

// remake makes a queue anew. Whoever has a way to the person keeps it, since sends follow from the secret and the
// relay's address. A pod that was taken off the owner's list of devices makes none.
func (h *home) remake(ctx context.Context, c *relay.Client, lost queue) error {
	p, err := h.realm.person(ctx)
	if err != nil || p.paired() && !p.lists.Devices.Has(p.kid()) {
		return err
	}
	set, err := h.relays(ctx)
	if err != nil || !slices.Contains(set.Relays, lost) {
		return err
	}
	made, err := c.NewQueue(ctx, lost.URL, "", set.Secret.token(lost.URL, p.kid()))
	if err != nil {
		return fmt.Errorf("make a queue anew at a relay: %w", err)
	}
	change := func(r *relays) error {
		if i := slices.Index(r.Relays, lost); i >= 0 { // else a device was quicker; this one is read by nobody and ends
			r.Relays[i].Queue, r.Relays[i].Since = made, h.state.now().UTC().Truncate(time.Second)
		}
		return nil
	}
	if said, _, err := h.readRelays(ctx); err != nil || said.Secret != (secret{}) {
		return errors.Join(err, h.changeRelays(ctx, change))
	}
	return h.state.setReaching(ctx, h.name, func(r *reaching) error { return change(&r.draft) })
}

// describe keeps whether a relay serves the app, for pairing links.
func (s *state) describe(ctx context.Context, c *relay.Client, url string) error {
	d, err := c.Describe(ctx, url)
	if err != nil {
		return err
	}
	return s.setApp(ctx, url, d.App)
}

// prepare is join for a person without an owner.
func (s *state) prepare(ctx context.Context, c *relay.Client, url, name string) error {
	r, err := s.reaching(ctx, name)
	if err != nil || slices.Contains(r.given, url) {
		return err
	}
	return s.join(ctx, c, url, name, r.draft, func(q queue, key secret) error {
		return s.setReaching(ctx, name, func(r *reaching) error {
			if r.draft.Secret != (secret{}) && r.draft.Secret != key {
				return nil // somebody else was quicker; the queue is read by nobody and ends
			}
			r.draft.add(q, key)
			return nil
		})
	})
}

// add takes in a queue that was made under a secret.
func (r *relays) add(q queue, key secret) {
	if r.Secret == (secret{}) {
		r.Secret, r.Hop = key, true
	}
	r.Relays = slices.DeleteFunc(r.Relays, func(old queue) bool { return old.URL == q.URL })
	r.Relays = append(r.Relays, q)
}
