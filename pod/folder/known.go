package folder

import (
	"zombiezen.com/go/sqlite"

	"kith/pod"
)

// know takes the highest counter of each device in.
func (x *index) know(counters map[string]uint64) error {
	for device, counter := range counters {
		err := x.exec(`INSERT INTO known VALUES (?, ?) ON CONFLICT (device) DO UPDATE SET counter = max(counter, excluded.counter)`,
			nil, device, int64(counter))
		if err != nil {
			return err
		}
	}
	return nil
}

// Known implements pod.Tx.
func (t *tx) Known() (all []pod.Version, err error) {
	err = t.store.index.exec("SELECT device, counter FROM known ORDER BY device", func(s *sqlite.Stmt) error {
		all = append(all, pod.Version{Device: s.ColumnText(0), Counter: uint64(s.ColumnInt64(1))})
		return nil
	})
	return all, err
}
