package webid

import "fmt"

const typeKit = "kith-kit+jwt"

// Kit returns the serial of a recovery kit's document, from its JWS (protocol §The recovery kit). The
// verdict is malformed, wrong header, bad signature, or wrong label when another
// key than the person key of l signed it, or it is of another person.
func (l DeviceList) Kit(jws string) (serial uint64, err error) {
	serial, err = l.kit(jws)
	if err != nil {
		return 0, fmt.Errorf("parse kit: %w", err)
	}
	return serial, nil
}

func (l DeviceList) kit(jws string) (uint64, error) {
	c, signer, err := openSigned(jws, typeKit, maxSigned)
	if err != nil {
		return 0, err
	}
	label, serial := c.payload.text("label", 52), c.payload.number("serial", 1)
	key, sealed := c.payload.text("key", 64), c.payload.text("sealed", 2048)
	switch {
	case c.payload.err != nil || key == "" || sealed == "":
		return 0, Malformed
	case l.IsZero() || signer.String() != l.Person || label != l.Label:
		return 0, wrongLabel
	}
	return serial, nil
}
