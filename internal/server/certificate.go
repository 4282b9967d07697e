package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// certificateSoon is how long before its end a certificate is spoken of.
const certificateSoon = 14 * 24 * time.Hour

// certificate reads the certificate that the settings name.
func (c Config) certificate() (tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		err = fmt.Errorf("%w: read the certificate: %v; name PEM files with --cert and --key", ErrConfig, err)
	}
	return cert, err
}

// certificateEnd returns when the certificate of this server ends, the zero time where it has none of its own, or
// none yet.
func (c Config) certificateEnd() (time.Time, error) {
	file := c.Cert
	if c.Domain != "" {
		file = filepath.Join(c.Data, "certificates", c.Domain) // as autocert.DirCache names it
		if _, err := os.Stat(file); err != nil {
			return time.Time{}, nil
		}
	}
	if file == "" {
		return time.Time{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the certificate: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes) // the first is the server's own
		if err != nil {
			return time.Time{}, fmt.Errorf("read the certificate: %w", err)
		}
		return cert.NotAfter, nil
	}
	return time.Time{}, fmt.Errorf("read the certificate: there is none in the file")
}

// Ending returns a warning when the certificate that the settings name has ended, or soon does: nobody else looks
// after it. "" where there is nothing to say.
func (c Config) Ending() string {
	end, err := c.certificateEnd()
	if err != nil || c.Cert == "" || end.Sub(c.Now()) >= certificateSoon { // what cannot be read starts no server
		return ""
	}
	day := end.UTC().Format(time.DateOnly)
	if end.After(c.Now()) {
		return "The certificate ends on " + day + ". " + c.renewal()
	}
	return "The certificate has ended on " + day + ": browsers and friends refuse this server. " + c.renewal()
}
