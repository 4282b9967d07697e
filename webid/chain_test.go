package webid

import (
	"crypto/elliptic"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// dynasty is a person whose phone and laptop are admins, and whose lists an
// impostor who knows all that is public would like to go on.
type dynasty struct {
	t                               testing.TB
	person, phone, laptop, impostor PrivateKey
	first                           DeviceList
}

func newDynasty(t testing.TB) *dynasty {
	t.Helper()
	d := &dynasty{t: t}
	for _, k := range []*PrivateKey{&d.person, &d.phone, &d.laptop, &d.impostor} {
		var err error
		if *k, err = GenerateKey(); err != nil {
			t.Fatal(err)
		}
	}
	d.first = d.after(DeviceList{Gen: 1}, d.person, d.phone, d.laptop)
	return d
}

// jws returns a list at a place after l, which is not verified.
func (d *dynasty) jws(l DeviceList, signer PrivateKey, admins ...PrivateKey) string {
	d.t.Helper()
	n := DeviceList{Label: d.person.Public().Label(), Gen: l.Gen, Epoch: l.Epoch + 1, Person: d.person.Public().String()}
	for _, k := range admins {
		n.Devices = append(n.Devices, Device{Kid: k.Public().String(), Name: "admin", May: []string{"admin"}})
	}
	if !l.IsZero() {
		n.Prev = l.Hash()
	}
	text, err := signer.sign(typeDevices, "kid", signer.Public().String(), n)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// after returns the list that follows l, which has to be a sound one.
func (d *dynasty) after(l DeviceList, signer PrivateKey, admins ...PrivateKey) DeviceList {
	d.t.Helper()
	text := d.jws(l, signer, admins...)
	if !l.IsZero() {
		text += separator + l.String()
	}
	n, err := ParseDeviceList(text)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// reign returns a list at the end of a chain of n.
func (d *dynasty) reign(n int) DeviceList {
	l := d.first
	for range n - 1 {
		l = d.after(l, d.phone, d.phone, d.laptop)
	}
	return l
}

// refused asks that a chain is refused with a verdict.
func refused(t *testing.T, name string, pinned DeviceList, chain string, want Verdict) {
	t.Helper()
	l, err := pinned.Accept(chain)
	if !errors.Is(err, want) || !l.IsZero() {
		t.Errorf("%s: epoch %d, error %v; want %s", name, l.Epoch, err, want)
	}
}

func TestAnImpostorsListIsRefusedAtFirstSight(t *testing.T) {
	d := newDynasty(t)
	second := d.after(d.first, d.phone, d.phone)
	zero := DeviceList{Gen: 1}
	alone := d.jws(d.first, d.impostor, d.impostor)
	header, rest, _ := strings.Cut(d.first.String(), ".")
	_, forgery, _ := strings.Cut(d.jws(zero, d.impostor, d.impostor), ".")
	forged := header + "." + forgery // names the person key
	for name, c := range map[string]struct {
		chain string
		want  Verdict
	}{
		"a second list alone":                                        {alone, noChain},
		"a second list alone, of the next generation":                {d.jws(DeviceList{text: "x", Gen: 2, Epoch: 1}, d.impostor, d.impostor), noChain},
		"on the person's own first list":                             {alone + "~" + d.first.String(), notAdmin},
		"on the person's own second list":                            {d.jws(second, d.impostor, d.impostor) + "~" + second.String(), notAdmin},
		"on a second list alone":                                     {d.jws(second, d.phone, d.impostor) + "~" + second.newest(), noChain},
		"on a first list of the impostor's":                          {alone + "~" + d.jws(zero, d.impostor, d.impostor), notAdmin},
		"on a first list that the person key is said to have signed": {alone + "~" + forged, badSignature},
		"on a first list with another's signature":                   {alone + "~" + strings.Join([]string{header, strings.Split(forgery, ".")[0], strings.Split(rest, ".")[1]}, "."), badSignature},
	} {
		refused(t, name+", at first sight", DeviceList{}, c.chain, c.want)
		refused(t, name+", over the first", d.first, c.chain, c.want)
		refused(t, name+", over the second", second, c.chain, c.want)
		if l, err := ParseDeviceList(c.chain); !errors.Is(err, c.want) || !l.IsZero() {
			t.Errorf("%s: read as %+v, error %v", name, l, err)
		}
	}
}

func TestAFriendWhoMissedThreeEpochsFollows(t *testing.T) {
	d := newDynasty(t)
	fifth := d.after(d.after(d.after(d.after(d.first, d.phone, d.phone, d.laptop), d.laptop, d.laptop), d.laptop, d.phone), d.phone, d.impostor)
	for _, pinned := range []DeviceList{{}, d.first} {
		l, err := pinned.Accept(fifth.String())
		if err != nil || l.Epoch != 5 || !l.Can(d.impostor.Public().String(), "admin") || l.String() != fifth.String() || l.Hash() != fifth.Hash() {
			t.Errorf("from epoch %d: %+v, error %v", pinned.Epoch, l, err)
		}
	}
	refused(t, "the way back", fifth, d.first.String(), stale)
}

func TestAForkedChainIsRefused(t *testing.T) {
	d := newDynasty(t)
	// The laptop was lost, but has not heard; it goes on from the first list.
	without := d.after(d.first, d.phone, d.phone)
	with := d.after(d.first, d.laptop, d.laptop, d.impostor)
	later := d.after(with, d.impostor, d.impostor)
	far := d.after(DeviceList{text: d.first.text, Gen: 1, Epoch: 6, Devices: d.first.Devices}, d.laptop, d.laptop)
	for name, l := range map[string]DeviceList{"of the same epoch": with, "of a later one": later, "of one much later": far} {
		refused(t, "a fork "+name, without, l.String(), forked)
		refused(t, "a fork before one "+name, l, without.String(), forked)
		if _, err := d.first.Accept(l.String()); err != nil {
			t.Errorf("a fork %s, by who has seen neither: %v", name, err)
		}
	}
	anew := d.jws(DeviceList{text: later.text, Gen: 2}, d.person, d.phone)
	if l, err := later.Accept(anew); err != nil || l.Gen != 2 || l.Has(d.impostor.Public().String()) {
		t.Errorf("the person key ends it: %+v, error %v", l, err)
	}
}

func TestATruncatedChainIsRefused(t *testing.T) {
	d := newDynasty(t)
	fourth := d.reign(4)
	lists := strings.Split(fourth.String(), "~")
	for name, c := range map[string]struct {
		lists []string
		want  Verdict
	}{
		"without its end":           {lists[:3], noChain},
		"the newest alone":          {lists[:1], noChain},
		"without one in the middle": {slices.Concat(lists[:2], lists[3:]), brokenChain},
		"without all in the middle": {slices.Concat(lists[:1], lists[3:]), brokenChain},
		"the other way round":       {[]string{lists[3], lists[2], lists[1], lists[0]}, noChain},
		"with one twice":            {slices.Concat(lists[:2], lists[1:]), brokenChain},
		"with nothing at its end":   {slices.Concat(lists, []string{""}), Malformed},
		"with nothing before it":    {slices.Concat([]string{""}, lists), Malformed},
		"with one that is cut off":  {slices.Concat(lists[:1], []string{lists[1][:40]}, lists[2:]), Malformed},
	} {
		for _, pinned := range []DeviceList{{}, d.first, fourth} {
			refused(t, fmt.Sprintf("%s, over epoch %d", name, pinned.Epoch), pinned, strings.Join(c.lists, "~"), c.want)
		}
	}
	refused(t, "without its newest", fourth, strings.Join(lists[1:], "~"), stale)
}

func TestAnOversizedChainIsRefused(t *testing.T) {
	d := newDynasty(t)
	most := d.reign(maxChain)
	if l, err := (DeviceList{}).Accept(most.String()); err != nil || l.Epoch != maxChain {
		t.Errorf("%d lists: %v", maxChain, err)
	}
	for _, pinned := range []DeviceList{{}, d.first, most} {
		refused(t, "one list too many", pinned, d.jws(most, d.phone, d.phone)+"~"+most.String(), Malformed)
	}
	wide := d.first
	for wide.Epoch < 20 {
		n := wide
		n.Epoch, n.Devices = wide.Epoch+1, slices.Clone(d.first.Devices)
		for i := range maxDevices - len(n.Devices) {
			n.Devices = append(n.Devices, Device{Kid: numbered(t, i), Name: strings.Repeat("x", maxName), May: rights})
		}
		next, err := n.Sign(wide, d.phone)
		if errors.Is(err, Malformed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		wide = next
	}
	if size := len(wide.String()); size > maxText || size < maxText*3/4 || strings.Count(wide.String(), "~") >= maxChain {
		t.Errorf("the largest chain has %d bytes", size)
	}
}

// numbered returns the did:key of a small scalar.
func numbered(t *testing.T, i int) string {
	t.Helper()
	var k PrivateKey
	if err := k.UnmarshalText([]byte(encode64(big.NewInt(int64(i + 1)).FillBytes(make([]byte, 32))))); err != nil {
		t.Fatal(err)
	}
	return k.Public().String()
}

// TestATurnedSignatureDoesNotPart: with (r, s) comes (r, n-s), which anybody who
// carries a list can put there.
func TestATurnedSignatureDoesNotPart(t *testing.T) {
	d := newDynasty(t)
	second := d.after(d.first, d.phone, d.phone)
	third := d.after(second, d.phone, d.phone, d.laptop)
	at := strings.LastIndex(second.newest(), ".") + 1
	signature, _ := decode64(second.newest()[at:])
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	turned, err := ParseDeviceList(second.newest()[:at] + encode64(signature) + "~" + d.first.String())
	if err != nil || turned.Hash() == second.Hash() {
		t.Fatalf("turned: %v", err)
	}
	if l, err := second.Accept(turned.String()); err != nil || l.String() != second.String() {
		t.Errorf("the same list turned: %v", err)
	}
	if l, err := turned.Accept(third.String()); err != nil || l.String() != third.String() {
		t.Errorf("the next list over the turned one: %v", err)
	}
	refused(t, "the turned one over the next", third, turned.String(), stale)
}

// TestWhatIsKnownIsNotVerifiedAgain compares what Accept costs.
func TestWhatIsKnownIsNotVerifiedAgain(t *testing.T) {
	d := newDynasty(t)
	known := d.reign(16)
	next := d.after(known, d.phone, d.phone)
	cost := func(l DeviceList, chain string) float64 {
		return testing.AllocsPerRun(10, func() {
			if _, err := l.Accept(chain); err != nil {
				t.Fatal(err)
			}
		})
	}
	one, all := cost(DeviceList{}, d.first.String()), cost(DeviceList{}, next.String())
	if all < 12*one {
		t.Errorf("17 lists cost %v allocations, one costs %v", all, one)
	}
	if again := cost(next, next.String()); again > one/10 {
		t.Errorf("the same again costs %v allocations", again)
	}
	if more := cost(known, next.String()); more > 3*one {
		t.Errorf("one list more costs %v allocations, one alone %v", more, one)
	}
}

func BenchmarkFirstSight(b *testing.B) {
	d := newDynasty(b)
	for _, n := range []int{1, 8, maxChain} {
		chain := d.reign(n).String()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(chain)))
			for b.Loop() {
				if _, err := ParseDeviceList(chain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
