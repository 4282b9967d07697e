package webid

import "strings"

const (
	separator = "~"      // between the lists of a chain, newest first
	maxChain  = 32       // lists in a chain
	maxText   = 32 << 10 // bytes of a chain
)

// read reads a chain. What of it is the chain of l was verified before and is
// not verified again.
func (l DeviceList) read(chain string) (DeviceList, error) {
	if len(chain) > maxText || strings.Count(chain, separator) >= maxChain {
		return DeviceList{}, Malformed
	}
	if chain == l.text && !l.IsZero() {
		return l, nil
	}
	newer, known := strings.CutSuffix(chain, separator+l.text)
	if l.IsZero() || !known {
		newer, l = chain, DeviceList{}
	}
	lists := strings.Split(newer, separator)
	for i := len(lists) - 1; i >= 0; i-- {
		var err error
		if l, err = l.next(lists[i]); err != nil {
			return DeviceList{}, err
		}
	}
	return l, nil
}

// next returns the list in a JWS as the one that follows l. The zero l stands
// under every chain.
func (l DeviceList) next(jws string) (DeviceList, error) {
	n, err := openDeviceList(jws)
	if err != nil {
		return DeviceList{}, err
	}
	switch {
	case l.IsZero() && n.signer != n.Person:
		return DeviceList{}, noChain
	case l.IsZero():
		return n, nil
	case n.Label != l.Label:
		return DeviceList{}, wrongLabel
	case n.Gen != l.Gen || n.Epoch <= l.Epoch || n.Epoch-l.Epoch > maxLeap || n.Prev != l.Hash():
		return DeviceList{}, brokenChain
	case !l.Can(n.signer, "admin"):
		return DeviceList{}, notAdmin
	}
	n.text += separator + l.text
	return n, nil
}

// openDeviceList reads one list and verifies that the key it names signed it
// and, where it opens a generation, that this is the person key.
func openDeviceList(jws string) (DeviceList, error) {
	c, signer, err := openSigned(jws, typeDevices, maxSigned)
	if err != nil {
		return DeviceList{}, err
	}
	l := readDeviceList(c.payload)
	l.text, l.signer = jws, signer.String()
	if c.payload.err != nil || !l.ordered() {
		return DeviceList{}, Malformed
	}
	person, err := ParseKey(l.Person)
	if err != nil {
		return DeviceList{}, err
	}
	if person.Label() != l.Label {
		return DeviceList{}, wrongLabel
	}
	if l.Epoch == 1 && l.signer != l.Person {
		return DeviceList{}, notAdmin
	}
	return l, nil
}

// newest returns the JWS of l itself.
func (l DeviceList) newest() string {
	jws, _, _ := strings.Cut(l.text, separator)
	return jws
}

// reaches reports whether the chain of l comes to before, or to the same list
// under another signature: anybody can turn a signature (r, s) into (r, -s), and
// must not part two chains by that.
func (l DeviceList) reaches(before DeviceList) bool {
	want := payload(before.newest())
	for jws := range strings.SplitSeq(l.text, separator) {
		if payload(jws) == want {
			return true
		}
	}
	return false
}

// payload returns the middle of a compact JWS.
func payload(jws string) string {
	_, rest, _ := strings.Cut(jws, ".")
	p, _, _ := strings.Cut(rest, ".")
	return p
}
