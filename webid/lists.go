package webid

import (
	"fmt"
	"time"
)

// Lists are what is pinned about a person: the device list and the keys
// document that holds under it. The zero Lists are of nobody.
type Lists struct {
	Devices DeviceList
	Keys    KeysDocument
}

// Accept returns the lists that hold after a newer device list, as its chain, a
// newer keys document, or both were shown; either may be "". A keys document that the newer
// device list no longer vouches for is dropped. The verdicts are those of
// DeviceList.Accept and DeviceList.Keys, and for the keys document stale, same
// epoch, different list for two of one serial, and too far ahead for one that
// nobody can have counted to by now. Such a one, at first sight, is taken and outranks none.
func (l Lists) Accept(devices, keys string, now time.Time) (Lists, error) {
	var err error
	if devices != "" {
		if l.Devices, err = l.Devices.Accept(devices); err != nil {
			return Lists{}, err
		}
	}
	if !l.Keys.IsZero() {
		if l.Keys, err = l.Devices.Keys(l.Keys.text); err != nil {
			l.Keys = KeysDocument{}
		}
	}
	if keys == "" {
		return l, nil
	}
	next, err := l.Devices.Keys(keys)
	switch known := !l.Keys.IsZero() && !l.Keys.isFar(now); {
	case err != nil:
		return Lists{}, err
	case !known:
	case next.isFar(now):
		return Lists{}, fmt.Errorf("accept keys document: %w", tooFar)
	case next.Serial < l.Keys.Serial:
		return Lists{}, fmt.Errorf("accept keys document: %w", stale)
	case next.Serial == l.Keys.Serial && payload(next.text) != payload(l.Keys.text):
		return Lists{}, fmt.Errorf("accept keys document: %w", forked)
	}
	l.Keys = next
	return l, nil
}
