package twin

import "fmt"

// look is one request of somebody who looks.
type look struct {
	surface string
	who     Who
	Request
	given string // kind of what is handed back, where {given} stands
	pick  int
}

// looks draws the requests after one step: each listing, and some of all else.
func (t *table) looks() []look {
	var all []look
	for _, who := range []Who{Reader, Stranger} {
		for _, target := range []string{"", "box/", "own/"} {
			all = append(all, look{surface: "listing", who: who, Request: get(target)})
		}
		for range 6 {
			all = append(all, t.probe(who))
		}
	}
	return all
}

func get(target string, fields ...string) Request {
	return Request{Method: "GET", Target: target, Header: header(fields...)}
}

// target draws the name of something seen, hidden, or never there.
func (t *table) target() string {
	n := t.random.IntN(5)
	return []string{
		fmt.Sprintf("box/n%d", n), fmt.Sprintf("box/n%d.ttl", n), fmt.Sprintf("box/h%d", n), fmt.Sprintf("box/h%d", n), fmt.Sprintf("box/h%d/", n),
		"box/vault/", fmt.Sprintf("box/vault/h%d", n), "box/vault", "box/sub/", "box/never", "box/never/", "in/", "others/", "own/never",
		fmt.Sprintf("own/h%d", n), fmt.Sprintf("box/h%d.acl", n), fmt.Sprintf("box/h%d.meta", n), "box/.acl", "box/.meta",
		fmt.Sprintf("social/posts/2026-11-1%d-hidden/", n), fmt.Sprintf("social/posts/2026-11-1%d-shared/post.jsonld", n), fmt.Sprintf("circles/h%d", n),
	}[t.random.IntN(22)]
}

// probe draws one request of a looker.
func (t *table) probe(who Who) look {
	target := t.target()
	l := look{who: who, pick: t.random.IntN(1 << 30)}
	surfaces := 13
	if t.Kith {
		surfaces = 17
	}
	switch t.random.IntN(surfaces) {
	case 0:
		l.surface, l.Request = "GET", get(target)
	case 1:
		l.surface, l.Request = "HEAD", Request{Method: "HEAD", Target: target}
	case 2:
		l.surface, l.Request = "OPTIONS", Request{Method: "OPTIONS", Target: target, Header: header("Origin", "null", "Access-Control-Request-Method", "PUT")}
	case 3:
		l.surface, l.Request = "listing", get([]string{"box/", "", "box/vault/", "box/sub/"}[t.random.IntN(4)],
			"Accept", []string{"application/ld+json", "application/lws+json", "text/turtle;q=0.1", "text/html"}[t.random.IntN(4)])
	case 4:
		l.surface, l.Request, l.given = "listing", get("{given}", "Accept", "application/lws+json"), "next"
	case 5:
		l.surface, l.given, l.Request = "condition", "etag", get(target, "If-None-Match", "{given}")
	case 6:
		l.surface, l.given, l.Request = "condition", "etag box/", get("box/", "If-None-Match", "{given}")
	case 7:
		l.surface, l.Request = "condition", Request{"PUT", target, header("Content-Type", "text/plain", "If-None-Match", "*"), "mine"}
	case 8:
		l.surface, l.Request = "range", get(target, "Range", "bytes=0-1")
	case 9:
		l.surface, l.Request = "slug", Request{"POST", "slugs/", header("Content-Type", "text/plain", "Slug", []string{"taken", "first", "x.acl"}[t.random.IntN(3)]), "mine"}
	case 10:
		l.surface, l.Request = "quota", Request{"POST", "in/", header("Content-Type", "text/plain"), big}
	case 11:
		l.surface, l.Request = "error", Request{[]string{"PUT", "DELETE", "PATCH", "POST", "TRACE", "MKCOL"}[t.random.IntN(6)], target, header("Content-Type", "text/plain"), "mine"}
	case 12:
		l.surface, l.Request = "error", Request{"PATCH", target, header("Content-Type", "text/n3"), "this is no patch"}
	case 13:
		l.surface, l.Request = "feed", get([]string{"social/feed", "social/feed?limit=1", "social/feed?inline=1", "social/door"}[t.random.IntN(4)])
	case 14:
		l.surface, l.Request, l.given = "feed", get("social/feed?cursor={given}"), "cursor"
	case 15:
		l.surface, l.Request = "listing", get("social/posts/")
	default:
		l.surface, l.Request = "description", get(".storage", "Accept", []string{"text/turtle", "application/ld+json", "application/lws+json"}[t.random.IntN(3)])
	}
	return l
}

// big is a body that fills the space of one who only appends, where a test makes that small.
var big = fmt.Sprintf("%04000d", 0)
