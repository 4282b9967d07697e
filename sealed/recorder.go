package sealed

import (
	"errors"
	"net/http"
	"strconv"

	"kith/sealed/bhttp"
)

// maxWhole bounds the content of an answer that cannot be had in pieces.
const maxWhole = 1 << 20

// errEnough tells a handler that the rest of its content is not wanted.
var errEnough = errors.New("the rest is asked for later")

// recorder keeps what a handler answers, as much of it as an answer may hold.
type recorder struct {
	method string
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   []byte
	size   int64 // of the content, as far as it is known
	keep   int
	cut    span // what part of the representation the content is
	pieces bool // the content can be had in pieces
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	w.keep = maxWhole
	if w.pieces = w.inPieces(); w.pieces {
		w.keep = sizeRange
	}
	if n, err := strconv.Atoi(w.sent.Get("Content-Length")); err == nil && n > 0 && w.method != http.MethodHead {
		w.body = make([]byte, 0, min(n, w.keep))
	}
}

// inPieces reports whether the content can be had in pieces, and where its first
// begins.
func (w *recorder) inPieces() bool {
	if w.method != http.MethodGet || !isStrong(w.sent.Get("ETag")) {
		return false
	}
	if w.status == http.StatusPartialContent {
		var ok bool
		w.cut, ok = parseSpan(w.sent.Get("Content-Range"))
		return ok
	}
	return w.status == http.StatusOK
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p[:min(len(p), w.keep-len(w.body))]...)
	w.size += int64(len(p))
	if w.size > int64(w.keep) && w.pieces && w.total() > 0 {
		return 0, errEnough
	}
	return len(p), nil
}

// total returns the size of the representation where the handler said it, or 0.
func (w *recorder) total() int64 {
	if w.cut.total > 0 {
		return w.cut.total
	}
	n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// response returns what the handler answered, or the first piece of it.
func (w *recorder) response() bhttp.Response {
	w.WriteHeader(http.StatusOK)
	r := bhttp.Response{Status: w.status, Content: w.body}
	if w.size > int64(w.keep) {
		if !w.pieces {
			return bhttp.Response{Status: http.StatusInternalServerError}
		}
		total := max(w.total(), w.size)
		r.Status = http.StatusPartialContent
		w.sent.Set("Content-Range", span{w.cut.first, w.cut.first + int64(w.keep) - 1, total}.String())
	}
	r.Header = linesOf(w.sent, func(name string) bool { return isSent(name) && name != "kith-by" })
	return r
}
