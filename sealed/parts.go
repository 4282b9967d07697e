package sealed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"kith/sealed/bhttp"
)

const (
	headerPart = "Kith-Part"
	sizePart   = 512 << 10        // bytes of content that Transport sends at once, if there is more than 1 MiB
	maxParts   = 32 << 20         // bytes of all writes that come in parts
	maxIdle    = 10 * time.Minute // that one waits for its next part
)

// uploads are the writes of the owner's devices that come in parts, since they are
// more than a message takes. The bytes are held here until the last has come.
type uploads struct {
	mu   sync.Mutex
	open map[string]*upload // by device, path and version
}

type upload struct {
	parts [][]byte
	have  int64
	total int64
	last  time.Time // when a part came
}

// part is the value of Kith-Part, <offset>/<total>.
type part struct{ offset, total int64 }

func parsePart(s string) (part, bool) {
	offset, total, found := strings.Cut(s, "/")
	from, err1 := strconv.ParseUint(offset, 10, 53)
	all, err2 := strconv.ParseUint(total, 10, 53)
	return part{int64(from), int64(all)}, found && err1 == nil && err2 == nil && from < all
}

// add takes one part, if it is the next one. It returns how many bytes are there,
// and all of them once that is the whole, which is forgotten here then.
func (u *uploads) add(key string, p part, content []byte, now time.Time) (have int64, whole [][]byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.open[key]
	if one == nil || one.total != p.total || now.Sub(one.last) > maxIdle {
		delete(u.open, key)
		if p.offset != 0 {
			return 0, nil
		}
		one = u.start(key, p.total, now)
	}
	if p.offset != one.have {
		return one.have, nil
	}
	one.parts, one.have, one.last = append(one.parts, bytes.Clone(content)), one.have+int64(len(content)), now
	if one.have < one.total {
		return one.have, nil
	}
	delete(u.open, key)
	return one.have, one.parts
}

// start makes room for one more write: those that wait longest for a part go.
func (u *uploads) start(key string, total int64, now time.Time) *upload {
	for {
		size, oldest := total, ""
		for k, one := range u.open {
			size += one.total
			if oldest == "" || one.last.Before(u.open[oldest].last) {
				oldest = k
			}
		}
		if size <= maxParts {
			break
		}
		delete(u.open, oldest)
	}
	if u.open == nil {
		u.open = map[string]*upload{}
	}
	u.open[key] = &upload{total: total, last: now}
	return u.open[key]
}

// inPart answers a request that is one part of a write, as values of Kith-Part say.
// last is true for the last of them: r has the whole content then.
func (s *Server) inPart(q question, r *http.Request, values []string) (response bhttp.Response, last bool) {
	p, ok := parsePart(values[0])
	end := p.offset + r.ContentLength
	switch {
	case !ok || len(values) > 1 || r.ContentLength == 0 || end > p.total:
		return bhttp.Response{Status: http.StatusBadRequest}, false
	case p.total > maxParts:
		return bhttp.Response{Status: http.StatusRequestEntityTooLarge}, false
	}
	key := strings.Join([]string{q.effect().device, r.URL.Path, r.Header.Get("Kith-Version")}, "\n")
	have, whole := s.uploads.add(key, p, q.Content, s.Now())
	if whole == nil {
		return bhttp.Response{
			Status: http.StatusAccepted, Header: []bhttp.Field{{Name: "content-type", Value: "application/json"}},
			Content: fmt.Appendf(nil, `{"have":%d}`, have),
		}, false
	}
	var readers []io.Reader
	for _, b := range whole {
		readers = append(readers, bytes.NewReader(b))
	}
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(readers...)), p.total
	return bhttp.Response{}, true
}

// inParts sends a request whose content is more than a message takes, and returns
// the answer to its last part.
func (t *Transport) inParts(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxParts+1))
	if closed := r.Body.Close(); err == nil {
		err = closed
	}
	if err == nil && len(body) > maxParts {
		err = oversize
	}
	if err != nil {
		return nil, err
	}
	for at := 0; at < len(body); {
		one := r.Clone(r.Context())
		one.Header.Del(headerNonce) // each part is a request of its own
		one.Header.Set(headerPart, fmt.Sprintf("%d/%d", at, len(body)))
		one.Body = io.NopCloser(bytes.NewReader(body[at:min(at+sizePart, len(body))]))
		response, err := t.once(one)
		if err != nil || response.StatusCode != http.StatusAccepted {
			return response, err
		}
		var there struct{ Have int }
		if err := json.NewDecoder(response.Body).Decode(&there); err != nil || there.Have <= at {
			return nil, fmt.Errorf("of %d bytes, %d are there: %w", at, there.Have, ErrChanged)
		}
		at = there.Have
	}
	return nil, fmt.Errorf("all parts were sent: %w", ErrAnswer)
}
