package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"kith/acl"
	"kith/pod"
	"kith/pod/folder"
	"kith/relay"
	"kith/sync/archive"
	"kith/webid"
)

// reasons are the errors that a log may name, with the words for them. The texts of errors themselves hold names,
// paths and addresses.
var reasons = []struct {
	err  error
	text string
}{
	{context.Canceled, "cancelled"},
	{context.DeadlineExceeded, "took too long"},
	{os.ErrDeadlineExceeded, "stood still"},
	{pod.ErrFull, "no space is left"},
	{pod.ErrAway, "the folder of a pod is missing or empty; kith check says what to do"},
	{pod.ErrClosed, "the store is closed"},
	{pod.ErrNotExist, "no such resource"},
	{pod.ErrConflict, "a name collides with another"},
	{pod.ErrUnsettled, "a file is being written by another program"},
	{folder.ErrBusy, "another process has the pod open"},
	{acl.ErrForbidden, "forbidden"},
	{acl.ErrUnauthenticated, "no credentials"},
	{archive.ErrKit, "no kit opens the backup"},
	{archive.ErrDamaged, "the backup is damaged"},
	{archive.ErrNone, "no backup is there"},
	{archive.ErrNewer, "the backup is of a newer version"},
	{relay.ErrRefused, "a relay refuses"},
	{relay.ErrBusy, "a relay is busy"},
	{relay.ErrFull, "a relay is full"},
	{relay.ErrUnknown, "a relay knows no such queue"},
	{relay.ErrTooLarge, "too large for a relay"},
	{webid.Malformed, "malformed"},
	{ErrPerson, "no such person"},
	{ErrNewer, "made by a newer version"},
	{http.ErrServerClosed, "the server is stopping"},
	{io.ErrUnexpectedEOF, "ended early"},
	{io.EOF, "ended"},
	{net.ErrClosed, "the connection is closed"},
	{os.ErrPermission, "permission denied"},
	{os.ErrNotExist, "a file is missing"},
}

// reason returns what a log may say of an error: words of this program's or of the system's, never those of the
// error, in which names stand.
func reason(err error) string {
	var code syscall.Errno
	if errors.As(err, &code) {
		return strings.TrimSuffix(code.Error(), ".") // Windows ends with one, and so do the sentences here
	}
	for _, known := range reasons {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	var dns *net.DNSError
	var bad *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "the name of a host is not known"
	case errors.As(err, &bad) || errors.As(err, &unknown):
		return "the certificate does not hold"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "took too long"
	}
	return "another reason"
}
