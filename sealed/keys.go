package sealed

import (
	"crypto/sha256"
	"slices"
	"time"

	"kith/webid"
)

// Key is one of the keys by which a responder can be sent messages: an agreement
// key of its device, or the key of an open invite.
type Key struct {
	Key   webid.PrivateKey
	Until time.Time // when it opens nothing any more; zero: never
}

// Sender is who asks: a device with an agreement key that the other side knows.
type Sender struct {
	Label string           // of the person
	KID   string           // id of Key in the person's keys document
	Key   webid.PrivateKey // agreement key
	Salt  []byte           // pair salt that the two share; OwnSalt between devices of one person
}

// OwnSalt returns the pair salt between the devices of the person with that
// label.
func OwnSalt(label string) []byte {
	sum := sha256.Sum256([]byte("kith own 1" + label))
	return sum[:]
}

// Recipients returns the keys to which a request to the person with those lists
// is sealed: the newest of each device that may answer, 8 at most, those that
// last longest first.
func Recipients(l webid.Lists) []webid.AgreementKey {
	var to []webid.AgreementKey
	for _, k := range l.Keys.Agree {
		if l.Devices.Can(k.Device, "answer") && newest(l, k) {
			to = append(to, k)
		}
	}
	slices.SortStableFunc(to, func(a, b webid.AgreementKey) int { return b.Until.Compare(a.Until) })
	return to[:min(len(to), maxSlots)]
}

// Proving returns the agreement key kid of the person with those lists, by which
// requests prove who made them. Until is zero if it is the newest of its device:
// such a key holds as long as the device does. ok is false for a key that is not
// in the lists, and for one of a device that is not.
func Proving(l webid.Lists, kid string) (k webid.AgreementKey, ok bool) {
	k, ok = l.Keys.Find(kid)
	if !ok || !l.Devices.Has(k.Device) {
		return webid.AgreementKey{}, false
	}
	if newest(l, k) {
		k.Until = time.Time{}
	}
	return k, true
}

// newest reports whether no other key of the same device lasts longer than k, and
// none that lasts as long comes after it.
func newest(l webid.Lists, k webid.AgreementKey) bool {
	after := false
	for _, other := range l.Keys.Agree {
		if other.Device == k.Device && (other.Until.After(k.Until) || after && other.Until.Equal(k.Until)) {
			return false
		}
		after = after || other.Kid == k.Kid
	}
	return true
}
