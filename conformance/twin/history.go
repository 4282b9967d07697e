package twin

import (
	"fmt"
	"net/http"
	"strings"
)

const (
	rules = `@prefix acl: <http://www.w3.org/ns/auth/acl#> .
<#owner> a acl:Authorization; acl:agent <{owner}>; acl:accessTo <%[1]s>; acl:default <%[1]s>; acl:mode acl:Read, acl:Write, acl:Control .
`
	rule = `<#%[2]s> a acl:Authorization; acl:agent <{%[2]s}>; acl:accessTo <%[1]s>; acl:default <%[1]s>; acl:mode acl:%[3]s .
`
	note = `{"@context":"https://www.w3.org/ns/activitystreams","id":"./","type":"Note","published":"2026-11-22T10:00:00Z","content":"%s"}`
)

// acl is the ACL document of a target: all for the owner, and a mode for each one named.
func acl(target, mode string, who ...Who) Request {
	text := fmt.Sprintf(rules, "{base}"+target)
	if !strings.HasSuffix(target, "/") {
		text = strings.ReplaceAll(text, "acl:default <{base}"+target+">; ", "")
	}
	for _, w := range who {
		more := fmt.Sprintf(rule, "{base}"+target, w, mode)
		if !strings.HasSuffix(target, "/") {
			more = strings.ReplaceAll(more, "acl:default <{base}"+target+">; ", "")
		}
		text += more
	}
	return put(target+".acl", "text/turtle", text)
}

func put(target, mediaType, body string) Request {
	return Request{"PUT", target, header("Content-Type", mediaType), body}
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func owners(requests ...Request) (deeds []deed) {
	for _, r := range requests {
		deeds = append(deeds, deed{Owner, r})
	}
	return deeds
}

// world is what both sides begin with. The reader may read box/ and what is below, may append to in/ and
// slugs/ and see nothing there, and has a post where there are posts. Who may write to a container in which
// something is hidden can try its names; that is outside the promise (protocol §3.1), so in/ has nothing
// hidden, and what is hidden in slugs/ is asked for by Slug only.
func (t *table) world() []deed {
	deeds := owners(
		put("box/note", "text/plain", "note"),
		acl("box/", "Read", Reader),
		put("in/first", "text/plain", "first"),
		acl("in/", "Append", Reader),
		put("slugs/first", "text/plain", "first"),
		acl("slugs/", "Append", Reader),
		put("others/first", "text/plain", "first"),
		acl("others/", "Append", Other),
		put("own/letter", "text/plain", "letter"),
		acl("own/", "Read"),
	)
	if t.Kith {
		deeds = append(deeds, t.post("2026-11-10-shared", "first", Reader)...)
	}
	return deeds
}

// post makes a post for some; last its ACL, as the app does.
func (t *table) post(name, text string, who ...Who) []deed {
	folder := "social/posts/" + name + "/"
	return owners(put(folder+"post.jsonld", "application/ld+json", fmt.Sprintf(note, text)), acl(folder, "Read", who...))
}

// shared draws a deed of the owner that both sides see.
func (t *table) shared() (string, []deed) {
	name := fmt.Sprintf("box/n%d", t.random.IntN(5))
	text := fmt.Sprint("text ", t.random.IntN(1000))
	post := fmt.Sprintf("2026-11-%02d-shared", 10+t.random.IntN(4))
	kinds := 8
	if t.Kith {
		kinds = 12
	}
	switch t.random.IntN(kinds) {
	case 0, 1:
		return "PUT " + name, owners(put(name, "text/plain", text))
	case 2:
		return "PUT Turtle " + name, owners(put(name+".ttl", "text/turtle", fmt.Sprintf("<#it> <#says> %q .", text)))
	case 3:
		patch := fmt.Sprintf("@prefix solid: <http://www.w3.org/ns/solid/terms#> . <#p> a solid:InsertDeletePatch; solid:inserts { <#it> <#says> %q . } .", text)
		return "PATCH " + name, owners(Request{"PATCH", name + ".ttl", header("Content-Type", "text/n3"), patch})
	case 4:
		return "DELETE " + name, owners(Request{Method: "DELETE", Target: name})
	case 5:
		return "PUT below " + name, owners(put("box/sub/"+strings.TrimPrefix(name, "box/"), "text/plain", text))
	case 6:
		return "show and hide " + name, owners(acl(name, "Read", []Who{Reader, Other}[t.random.IntN(2)]))
	case 7:
		return "DELETE ACL of " + name, owners(Request{Method: "DELETE", Target: name + ".acl"})
	case 8:
		return "post " + post, t.post(post, text, Reader)
	case 9:
		return "edit " + post, owners(put("social/posts/"+post+"/post.jsonld", "application/ld+json", fmt.Sprintf(note, text)))
	case 10:
		return "hide " + post, owners(acl("social/posts/"+post+"/", "Read"))
	}
	folder := "social/posts/" + post + "/"
	return "delete " + post, owners(Request{Method: "DELETE", Target: folder + "post.jsonld"}, Request{Method: "DELETE", Target: folder})
}

// hidden draws deeds that reach the second side only, and that neither looker may see. What is hidden
// has its ACL before it has bytes, so that there is no moment at which it may be seen.
func (t *table) hidden() []deed {
	name := fmt.Sprintf("box/h%d", t.random.IntN(4))
	text := strings.Repeat(fmt.Sprint("secret ", t.random.IntN(1000)), 1+t.random.IntN(40))
	to := [][]Who{nil, {Other}}[t.random.IntN(2)]
	kinds := 10
	if t.Kith {
		kinds = 13
	}
	switch t.random.IntN(kinds) {
	case 0, 1, 2:
		return owners(acl(name, "Read", to...), put(name, "text/plain", text))
	case 3:
		return owners(acl("box/vault/", "Read", to...), put("box/vault/"+name[4:], "text/plain", text))
	case 4:
		return owners(acl(name, "Read", to...), put(name+".meta", "text/turtle", "<#a> <#b> <#c> ."))
	case 5:
		return owners(Request{Method: "DELETE", Target: "box/vault/" + name[4:]})
	case 6:
		// The bytes go before the ACL does, with them.
		return owners(Request{Method: "DELETE", Target: name})
	case 7:
		return []deed{{Other, Request{"POST", "others/", header("Content-Type", "text/plain"), text}}}
	case 8:
		return owners(put("slugs/taken", "text/plain", "taken"))
	case 9:
		return owners(put("own/"+name[4:], "text/plain", text))
	case 10:
		return t.post(fmt.Sprintf("2026-11-%02d-hidden", 10+t.random.IntN(4)), "secret", to...)
	case 11:
		folder := fmt.Sprintf("social/posts/2026-11-%02d-hidden/", 10+t.random.IntN(4))
		return owners(Request{Method: "DELETE", Target: folder + "post.jsonld"}, Request{Method: "DELETE", Target: folder})
	}
	return owners(put("circles/"+name[4:], "text/turtle", "<#members> a <http://www.w3.org/2006/vcard/ns#Group> ."))
}
