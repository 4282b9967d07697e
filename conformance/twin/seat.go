package twin

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// seat is a side in a play, with what its lookers were given.
type seat struct {
	Side
	names names
	loose bool
	given map[string][]string // by who and kind, in order
}

func newSeat(s Side, loose bool) *seat {
	return &seat{Side: s, loose: loose, names: names{}, given: map[string][]string{}}
}

// do sends a request, in which BASE and the names of those who take part become this side's.
func (s *seat) do(ctx context.Context, d deed) (Answer, error) {
	r := d.Request
	r.Header = r.Header.Clone()
	r.Body = strings.NewReplacer("{base}", s.Base(), "{owner}", s.WebID(Owner), "{reader}", s.WebID(Reader), "{other}", s.WebID(Other)).Replace(r.Body)
	a, err := s.Side.Do(ctx, d.who, r)
	if err != nil {
		return a, fmt.Errorf("%s %s %s: %w", d.who, r.Method, r.Target, err)
	}
	return a, nil
}

// unlike are headers in which two servers differ without anybody's doing.
var unlike = []string{"Date", "Keep-Alive", "Connection", "X-Powered-By", "Transfer-Encoding"}

// transcript writes an answer down, each random string as the number of its first appearance.
func (s *seat) transcript(a Answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.Status)
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		if !slices.Contains(unlike, name) {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(a.Header[name], "\n  "))
		}
	}
	text := b.String() + "\n" + a.Body
	text = strings.NewReplacer(s.WebID(Owner), "{owner}", s.WebID(Reader), "{reader}", s.Base(), "{base}",
		url.QueryEscape(s.Base()), "{base}").Replace(text)
	if s.loose {
		text = times.ReplaceAllString(text, "TIME")
	}
	return s.names.replace(text)
}

// times are the ways in which servers write times, and tags made of them.
var times = regexp.MustCompile(`\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT|\d{4}-\d\d-\d\dT[0-9:.]+Z|\b1\d{9}(\d{3})?\b`)

// names numbers random strings in the order in which they came.
type names map[string]string

func (n names) name(x string) string {
	if n[x] == "" {
		n[x] = fmt.Sprintf("<%d>", len(n))
	}
	return n[x]
}

// random are strings that no history says: long ones of the alphabets in which servers write random and
// sealed things and digests, and UUIDs.
var random = regexp.MustCompile(`urn:kith:[A-Za-z0-9_-]{22}|[A-Za-z0-9_-]{40,}|[0-9a-f]{8}-[0-9a-f-]{27}|\b[A-Za-z0-9_-]{22}\b|\b[a-z2-7]{20,26}\b|"[A-Za-z0-9_-]{20,}"`)

func (n names) replace(text string) string { return random.ReplaceAllStringFunc(text, n.name) }

// handBack fills in what the looker was given before, or what nobody was given.
func (s *seat) handBack(l look) Request {
	r := l.Request
	value := `"none"`
	if all := s.given[l.who.String()+l.given]; len(all) > 0 {
		value = all[l.pick%len(all)]
	}
	r.Target = strings.ReplaceAll(r.Target, "{given}", value)
	r.Header = r.Header.Clone()
	for _, values := range r.Header {
		for i := range values {
			values[i] = strings.ReplaceAll(values[i], "{given}", value)
		}
	}
	return r
}

var (
	inCursor = regexp.MustCompile(`"kith:cursor":"([^"]+)"`)
	inNext   = regexp.MustCompile(`rel="?next"?`)
	inLink   = regexp.MustCompile(`<([^>]+)>; rel="next"`)
)

// keep remembers what an answer gives to hand back.
func (s *seat) keep(l look, a Answer) {
	add := func(kind, value string) {
		if value != "" {
			s.given[l.who.String()+kind] = append(s.given[l.who.String()+kind], value)
		}
	}
	if l.Method == "GET" && a.Status == 200 {
		add("etag", a.Header.Get("ETag"))
		add("etag "+l.Target, a.Header.Get("ETag"))
		if found := inCursor.FindStringSubmatch(a.Body); found != nil {
			add("cursor", found[1])
		}
	}
	for _, link := range a.Header["Link"] {
		if found := inLink.FindStringSubmatch(link); found != nil && inNext.MatchString(link) {
			add("next", strings.TrimPrefix(found[1], s.Base()))
		}
	}
}
