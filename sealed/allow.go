package sealed

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kith/webid"
)

// reach is one row of what may be asked by a sealed request.
type reach struct {
	who     func(webid.Agent) bool
	where   func(path []string) bool
	methods []string
}

// reaches say what each kind of asker may ask. What a contact may see of it is
// decided by the access rules of what is there. (protocol §5.3)
var reaches = []reach{
	{isKnown, below("social"), []string{"GET", "HEAD"}},
	{isContact, isMessage, []string{"PUT"}},
	{isKnown, hint, []string{"POST"}},
	{isContact, exactly(".rtc"), []string{"POST"}},
	{webid.Agent.Device, below(".replica"), []string{"GET", "HEAD", "PUT", "DELETE"}},
	{webid.Agent.Device, below(".invites"), []string{"GET", "POST", "DELETE"}},
	{webid.Agent.Device, exactly(".pair", "links"), []string{"GET", "POST", "DELETE"}},
	{webid.Agent.Device, exactly(".push"), []string{"GET", "PUT", "DELETE"}},
	{webid.Agent.Device, exactly(".hints"), []string{"GET"}},
	{webid.Agent.Device, exactly(".keys"), []string{"POST"}},
	{webid.Agent.Device, exactly(".trouble"), []string{"GET"}},
	{webid.Agent.Device, exactly(".trouble", "deletions"), []string{"POST"}},
	{webid.Agent.Device, exactly(".trouble", "unkept"), []string{"POST"}},
	{webid.Agent.Device, exactly(".backups"), []string{"GET", "POST"}},
	{webid.Agent.Device, exactly(".backups", "run"), []string{"POST"}},
	{webid.Agent.Device, oneOf(".backups"), []string{"DELETE"}},
	{webid.Agent.Device, exactly(".passwords"), []string{"GET", "POST"}},
	{webid.Agent.Device, oneOf(".passwords"), []string{"DELETE"}},
	{webid.Agent.Device, exactly(".elsewhere"), []string{"GET", "PUT"}},
	{webid.Agent.Device, exactly(".grants"), []string{"GET"}},
	{webid.Agent.Device, oneOf(".grants"), []string{"DELETE"}},
	{webid.Agent.Anonymous, exactly(".pair"), []string{"POST"}},
	{webid.Agent.Anonymous, oneOf(".invites"), []string{"POST"}},
}

func isContact(a webid.Agent) bool { return a.Contact() != "" }

func isKnown(a webid.Agent) bool { return isContact(a) || a.Device() }

// below holds for a top-level name and everything in it. Names that begin with a
// dot are no resources, so that outside of .replica there is no way to them.
func below(top string) func([]string) bool {
	return func(path []string) bool {
		return path[0] == top && (top == ".replica" || !slices.ContainsFunc(path[1:], isAuxiliary))
	}
}

// isAuxiliary reports whether a name is that of an ACL, a description, or of
// something that is no resource.
func isAuxiliary(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".acl") || strings.HasSuffix(name, ".meta")
}

func exactly(names ...string) func([]string) bool {
	return func(path []string) bool { return slices.Equal(path, names) }
}

func hint(path []string) bool { return slices.Equal(path, []string{".hint"}) }

// isMessage holds for social/in/<cid>/<nonce>.
func isMessage(path []string) bool {
	return len(path) == 4 && path[0] == "social" && path[1] == "in" && path[2] != "" && path[3] != "" && !isAuxiliary(path[3])
}

// oneOf holds for the things in a list by their names.
func oneOf(list string) func([]string) bool {
	return func(path []string) bool { return len(path) == 2 && path[0] == list && path[1] != "" }
}

// refusal returns the status of a request that is not passed on, or 0. A target
// out of reach is answered like one to which there is no right. (protocol §3.1)
func refusal(p Peer, r *http.Request) int {
	a := p.Agent
	path, ok := names(r.URL)
	ok = ok && (!p.Hints || hint(path))
	there := false
	for _, row := range reaches {
		if !ok || !row.who(a) || !row.where(path) {
			continue
		}
		there = true
		if slices.Contains(row.methods, r.Method) {
			return condition(a, r)
		}
	}
	switch {
	case there:
		return http.StatusMethodNotAllowed
	case a.Anonymous():
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// condition asks that what a contact writes is new, so that it can be written
// again without harm, and not too large.
func condition(a webid.Agent, r *http.Request) int {
	if isContact(a) && r.Method == http.MethodPut && !slices.Equal(r.Header.Values("If-None-Match"), []string{"*"}) {
		return http.StatusPreconditionRequired
	}
	if !a.Device() && r.ContentLength > maxContent {
		return http.StatusRequestEntityTooLarge
	}
	return 0
}

// names returns the names in a path, one of them empty at the end of that of a
// container. It is not ok if the path can be read in two ways.
func names(u *url.URL) (path []string, ok bool) {
	text, ok := strings.CutPrefix(u.EscapedPath(), "/")
	for i, part := range strings.Split(text, "/") {
		name, err := url.PathUnescape(part)
		empty := name == "" && strings.Count(text, "/") > i
		if err != nil || empty || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
			return nil, false
		}
		path = append(path, name)
	}
	return path, ok
}
