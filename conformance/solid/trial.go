package solid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// trial is one case under way. The first thing that is not as it should be ends it: what the case does after
// that is neither sent nor judged.
type trial struct {
	*suite
	ctx  context.Context
	base string            // a container of its own
	err  error             // why the case has failed, or is skipped (errSkip)
	auxs map[string]string // auxiliary resources that were found, by relation and resource
}

var (
	errSkip = errors.New("skipped")
	errWant = errors.New("not as expected")
)

func (t *trial) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

// skip ends the case: what it asks about is not there.
func (t *trial) skip(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf("%w: %s", errSkip, fmt.Sprintf(format, args...))
	}
}

// must ends the case where err is an error.
func (t *trial) must(err error) {
	if err != nil {
		t.fail("%w", err)
	}
}

func (t *trial) check(ok bool, format string, args ...any) {
	if !ok {
		t.fail(format, args...)
	}
}

// over tells whether the case has ended.
func (t *trial) over() bool { return t.err != nil }

// at returns the URL of something in the case's container.
func (t *trial) at(path string) string { return t.base + path }

// reply is an answer, and what it answers.
type reply struct {
	answer
	t      *trial
	method string
	url    string
	who    *agent
}

// ask sends a request without a body.
func (t *trial) ask(who *agent, method, url string, header ...string) *reply {
	return t.send(who, method, url, content{}, header...)
}

// send sends a request.
func (t *trial) send(who *agent, method, url string, body content, header ...string) *reply {
	r := &reply{answer: answer{header: http.Header{}}, t: t, method: method, url: url, who: who}
	if t.over() {
		return r
	}
	a, err := exchange(t.ctx, t.client, request{method, url, header, body}, who.sign)
	if err != nil {
		t.fail("%s: %w", r, err)
		return r
	}
	r.answer = a
	return r
}

// put makes a resource as Alice.
func (t *trial) put(path string, body content, header ...string) *reply {
	return t.send(t.alice, http.MethodPut, t.at(path), body, header...).ok()
}

// get reads a resource as Alice.
func (t *trial) get(path string, header ...string) *reply {
	return t.ask(t.alice, http.MethodGet, t.at(path), header...)
}

// String tells which request this answers.
func (r *reply) String() string {
	return fmt.Sprintf("%s %s as %s", r.method, strings.TrimPrefix(r.url, r.t.base), r.who.name)
}

// is asks for one of some statuses.
func (r *reply) is(codes ...int) *reply {
	if !r.t.over() && !slices.Contains(codes, r.status) {
		r.t.fail("%s: %d, expected %s%s", r, r.status, either(codes), r.why())
	}
	return r
}

// ok asks for success.
func (r *reply) ok() *reply {
	if !r.t.over() && (r.status < 200 || r.status > 299) {
		r.t.fail("%s: %d, expected success%s", r, r.status, r.why())
	}
	return r
}

// refused asks for what is right when rights are missing: 401 for who is nobody, 403 for who is somebody.
func (r *reply) refused() *reply {
	if r.who.Issuer == "" {
		return r.is(http.StatusUnauthorized)
	}
	return r.is(http.StatusForbidden)
}

// why quotes the beginning of an error's body.
func (r *reply) why() string {
	text := strings.Join(strings.Fields(string(r.body)), " ")
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	if r.status < 400 || text == "" {
		return ""
	}
	return " (" + text + ")"
}

func either(codes []int) string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = fmt.Sprint(c)
	}
	return strings.Join(words, " or ")
}

func (r *reply) check(ok bool, format string, args ...any) *reply {
	if !ok {
		r.t.fail("%s: %s", r, fmt.Sprintf(format, args...))
	}
	return r
}

// lists asks that a header with a list of values, in one line or several, has them all.
func (r *reply) lists(name string, values ...string) *reply {
	got := members(r.header, name)
	for _, v := range values {
		r.check(slices.ContainsFunc(got, func(g string) bool { return strings.EqualFold(g, v) }), "%s is %q, without %s", name, r.header.Values(name), v)
	}
	return r
}

// leaves asks that a list header has none of the values.
func (r *reply) leaves(name string, values ...string) *reply {
	got := members(r.header, name)
	for _, v := range values {
		r.check(!slices.ContainsFunc(got, func(g string) bool { return strings.EqualFold(g, v) }), "%s has %s", name, v)
	}
	return r
}

// members splits a header whose values are lists; parameters are cut off.
func members(h http.Header, name string) []string {
	var found []string
	for _, line := range h.Values(name) {
		for _, part := range strings.Split(line, ",") {
			part, _, _ = strings.Cut(part, ";")
			if part = strings.TrimSpace(part); part != "" {
				found = append(found, part)
			}
		}
	}
	return found
}

// media asks for a Content-Type, whatever its parameters.
func (r *reply) media(want string) *reply {
	got, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	return r.check(strings.EqualFold(strings.TrimSpace(got), want), "Content-Type is %q, not %s", got, want)
}

// contains asks that the body has a text.
func (r *reply) contains(texts ...string) *reply {
	for _, text := range texts {
		r.check(strings.Contains(string(r.body), text), "the body lacks %q", text)
	}
	return r
}

// lacks asks that the body does not have a text.
func (r *reply) lacks(texts ...string) *reply {
	for _, text := range texts {
		r.check(!strings.Contains(string(r.body), text), "the body has %q", text)
	}
	return r
}

// graph reads the body as Turtle.
func (r *reply) graph() graph {
	if r.t.over() {
		return nil
	}
	r.media("text/turtle")
	g, err := parseTurtle(string(r.body), r.url)
	r.check(err == nil, "%v", err)
	return g
}

// links returns the targets of the links of one relation.
func (r *reply) links(rel string) []string {
	var found []string
	for _, l := range links(r.header, r.url) {
		if slices.Contains(strings.Fields(l.params["rel"]), rel) {
			found = append(found, l.target)
		}
	}
	return found
}

// link returns the target of the one link of a relation that must be there.
func (r *reply) link(rel string) string {
	found := r.links(rel)
	r.check(len(found) == 1, "%d links with rel=%q, expected one", len(found), rel)
	if len(found) == 0 {
		return r.url
	}
	return found[0]
}

// location returns where something was made.
func (r *reply) location() string {
	u, err := url.Parse(r.url)
	if err != nil || r.t.over() {
		return r.url
	}
	ref, err := url.Parse(r.header.Get("Location"))
	r.check(err == nil && r.header.Get("Location") != "", "no Location")
	if err != nil {
		return r.url
	}
	return u.ResolveReference(ref).String()
}

// etag returns the validator of the representation.
func (r *reply) etag() string {
	e := r.header.Get("ETag")
	r.check(e != "", "no ETag")
	return e
}

// turtle reads something as Alice and returns its triples.
func (t *trial) turtle(url string) graph {
	return t.ask(t.alice, http.MethodGet, url, "Accept: text/turtle").is(200).graph()
}

// aux returns the URL of an auxiliary resource of a resource, as its Link header has it.
func (t *trial) aux(url, rel string) string {
	key := rel + " " + url
	if found := t.auxs[key]; found != "" {
		return found
	}
	found := t.ask(t.alice, http.MethodHead, url).is(200).link(rel)
	if t.auxs == nil {
		t.auxs = map[string]string{}
	}
	if !t.over() {
		t.auxs[key] = found
	}
	return found
}
