package server

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
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

// TestWhichRelaysAnswer is told of each by its name, with why it does not.
func TestWhichRelaysAnswer(t *testing.T) {
	t.Parallel()
	answering := func(status int) string {
		relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(relay.Close)
		return relay.URL + "/"
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	secured := httptest.NewTLSServer(http.NotFoundHandler()) // by a certificate that nobody here believes
	defer secured.Close()
	want := map[string]string{
		answering(http.StatusOK): "answers.", answering(http.StatusNotFound): "answers with 404, and is no relay.",
		gone.URL + "/": "does not answer: connection refused.", secured.URL + "/": "does not answer: the certificate does not hold.",
	}
	c := Config{Data: t.TempDir(), URL: "http://localhost:8420/", Now: time.Now}
	for url := range want {
		c.Reach = append(c.Reach, url)
	}
	all, err := c.Doctor(t.Context(), "", "", "test")
	if err != nil {
		t.Fatal(err)
	}
	for url, says := range want {
		found := 0
		for _, f := range all {
			if f.About == "relay" && f.Text == url+" "+says && f.Well() == (says == "answers.") && (f.Do == "") == f.Well() {
				found++
			}
		}
		if found != 1 {
			t.Errorf("of %s it says %d times %q: %+v", url, found, says, all)
		}
	}
}
