package server

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"
)

// TestWhyACertificateIsNotBelieved is told without the words of a library.
func TestWhyACertificateIsNotBelieved(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	of := func(from, to int) *x509.Certificate {
		return &x509.Certificate{NotBefore: now.AddDate(0, 0, from), NotAfter: now.AddDate(0, 0, to), DNSNames: []string{"pod.example.org"}}
	}
	d := &doctor{state: &state{now: func() time.Time { return now }}}
	for name, c := range map[string]struct {
		err      error
		text, do string
	}{
		"one that has ended":        {x509.CertificateInvalidError{Cert: of(-90, -2), Reason: x509.Expired}, "it has ended on 2026-11-21", "Renew it, put it in the place of the old one, and start the server anew."},
		"one that is yet to begin":  {x509.CertificateInvalidError{Cert: of(2, 90), Reason: x509.Expired}, "it begins on 2026-11-25, and the clock here is before that", "See that the clock is right."},
		"one for somebody else":     {x509.HostnameError{Certificate: of(-2, 90), Host: "other.example.org"}, "it is for another name", "Name the right files with --cert and --key, or use --domain."},
		"one that its owner signed": {x509.UnknownAuthorityError{Cert: of(-2, 90)}, "nobody whom this machine trusts has signed it", "Phones and friends do not believe it either. Name the right files with --cert and --key, or use --domain."},
		"anything else":             {errors.New("strange"), "strange", "Name the right files with --cert and --key, or use --domain."},
	} {
		if text, do := d.unheld(c.err); text != c.text || do != c.do {
			t.Errorf("%s: %q, %q", name, text, do)
		}
	}
}
