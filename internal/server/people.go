package server

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// Listed is what an overview says of a person.
type Listed struct {
	Name    string     `json:"name"`
	Pod     string     `json:"pod"`              // its address
	Used    int64      `json:"used"`             // bytes of its files
	Quota   int64      `json:"quota"`            // bytes that it may hold; 0: as much as the disk does
	Backup  *time.Time `json:"backup,omitempty"` // when a place was last found to hold what the pod held
	Places  int        `json:"places"`           // where backups are kept
	Devices []string   `json:"devices"`          // as their owner calls them; none before a phone has paired
	Moved   bool       `json:"moved,omitempty"`  // the pod lives on another machine
	Half    string     `json:"half,omitempty"`   // the pod is not whole, and not served: why, and what to do; the rest is zero
}

// List returns the people of a folder, the first of them first. Errors: ErrNewer.
func (c Config) List(ctx context.Context) (all []Listed, err error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	names, err := s.names(ctx)
	for _, name := range names {
		one, failed := s.listed(ctx, c, name)
		if failed != nil {
			return nil, failed
		}
		all = append(all, one)
	}
	halves, failed := s.arrivals(ctx, c)
	for _, name := range slices.Sorted(maps.Keys(halves)) {
		all = append(all, Listed{Name: name, Pod: c.PodURL(name), Devices: []string{}, Half: unfinished(halves[name])})
	}
	return all, errors.Join(err, failed)
}

func (s *state) listed(ctx context.Context, c Config, name string) (Listed, error) {
	p, err := s.person(ctx, name)
	if err != nil {
		return Listed{}, err
	}
	room, err := s.room(ctx, c, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Listed{}, err
	}
	backups, err := s.backups(ctx, name)
	if err != nil {
		return Listed{}, err
	}
	one := Listed{Name: name, Pod: c.PodURL(name), Used: room.Used, Quota: p.quota, Places: len(backups), Devices: []string{}, Moved: p.moved}
	for _, b := range backups {
		if b.Done != nil && (one.Backup == nil || b.Done.After(*one.Backup)) {
			one.Backup = b.Done
		}
	}
	for _, d := range p.lists.Devices.Devices {
		if d.Kid != p.kid() {
			one.Devices = append(one.Devices, d.Name)
		}
	}
	return one, nil
}
