package ldp

import (
	"mime"
	"strconv"
	"strings"
)

const (
	typeTurtle = "text/turtle"
	typeJSONLD = "application/ld+json"
	typeJSON   = "application/json"
	typeLWS    = "application/lws+json"

	lwsContext = "https://www.w3.org/ns/lws/v1"
)

// maxRanges bounds how many media ranges of an Accept header are looked at.
const maxRanges = 64

// mediaRange is a part of an Accept header (RFC 9110 §12.5.1).
type mediaRange struct {
	typ string // "text/turtle", "text/*" or "*/*"
	q   float64
}

// acceptable are the media ranges of a request; none means that anything is.
type acceptable []mediaRange

// parseAccept reads Accept headers. What cannot be read is left out: it asks for
// nothing that could be given.
func parseAccept(lines []string) acceptable {
	var all acceptable
	rest := strings.Join(lines, ",")
	for rest != "" && len(all) < maxRanges {
		var one string
		one, rest = cutValue(rest)
		if r, ok := parseRange(one); ok {
			all = append(all, r)
		}
	}
	return all
}

func parseRange(s string) (mediaRange, bool) {
	typ, params, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(typ, "/") {
		return mediaRange{}, false
	}
	r := mediaRange{typ, 1}
	if q, ok := params["q"]; ok {
		if r.q, err = strconv.ParseFloat(q, 64); err != nil || !(r.q >= 0 && r.q <= 1) {
			return mediaRange{}, false
		}
	}
	if typ == typeJSONLD && strings.Contains(params["profile"], lwsContext) {
		r.typ = typeLWS // LWS §lws-media-type: the two are one
	}
	return r, true
}

// quality returns how much a media type, without parameters, is wanted. The
// range that says most of it decides; JSON-LD is JSON where nothing else is said.
func (a acceptable) quality(typ string) float64 {
	if len(a) == 0 {
		return 1
	}
	kind, _, _ := strings.Cut(typ, "/")
	best, most := 0.0, 0
	for _, r := range a {
		says, q := 0, r.q
		switch {
		case r.typ == typ:
			says = 4
		case r.typ == typeJSON && typ == typeJSONLD:
			says, q = 3, q*0.999 // less than JSON itself, where that is to be had
		case r.typ == kind+"/*":
			says = 2
		case r.typ == "*/*":
			says = 1
		}
		if says > most {
			best, most = q, says
		}
	}
	return best
}

// choose returns the offer that is wanted most, the first of those wanted alike;
// false where none is acceptable.
func (a acceptable) choose(offers []string) (best string, ok bool) {
	most := 0.0
	for _, o := range offers {
		if q := a.quality(o); q > most {
			best, most = o, q
		}
	}
	return best, most > 0
}
