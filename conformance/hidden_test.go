package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"
)

// probes are requests that try to tell what is there from what is not. etag is that of what is there.
func probes(etag string) []Request {
	turtle := []byte("<#x> <#y> <#z>.")
	const container = `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`
	return []Request{
		{Method: "GET"},
		{Method: "HEAD"},
		{Method: "OPTIONS"},
		{Method: "OPTIONS", Header: fields("Origin", "null", "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization, dpop")},
		{Method: "GET", Header: fields("Origin", "https://elsewhere.example")},
		{Method: "GET", Header: fields("Accept", "application/ld+json")},
		{Method: "GET", Header: fields("Accept", "text/turtle;q=0.1")},
		{Method: "GET", Header: fields("If-None-Match", etag)},
		{Method: "GET", Header: fields("If-None-Match", "*")},
		{Method: "GET", Header: fields("If-Match", etag)},
		{Method: "GET", Header: fields("If-Match", "*")},
		{Method: "GET", Header: fields("If-Match", `"other"`)},
		{Method: "GET", Header: fields("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")},
		{Method: "GET", Header: fields("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")},
		{Method: "GET", Header: fields("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")},
		{Method: "GET", Header: fields("Range", "bytes=0-9")},
		{Method: "GET", Header: fields("Range", "bytes=999999999-")},
		{Method: "GET", Header: fields("Range", "bytes=0-9", "If-Range", etag)},
		{Method: "GET", Target: "?x=1"},
		{Method: "PUT", Header: fields("Content-Type", "text/plain"), Body: []byte("x")},
		{Method: "PUT", Header: fields("Content-Type", "text/plain", "If-None-Match", "*"), Body: []byte("x")},
		{Method: "PUT", Header: fields("Content-Type", "text/plain", "If-Match", etag), Body: []byte("x")},
		{Method: "PUT", Header: fields("Content-Type", "text/plain", "If-Match", "*"), Body: []byte("x")},
		{Method: "PUT", Header: fields("Content-Type", "text/turtle"), Body: turtle},
		{Method: "PUT", Header: fields("Content-Type", "text/turtle", "Link", container)},
		{Method: "PUT", Body: []byte("x")},
		{Method: "PUT", Header: fields("Content-Type", "text/plain", "Content-Length", "3000000000")},
		{Method: "POST", Header: fields("Content-Type", "text/plain", "Slug", "x"), Body: []byte("x")},
		{Method: "POST", Header: fields("Content-Type", "text/turtle", "Link", container, "Slug", "x")},
		{Method: "DELETE"},
		{Method: "DELETE", Header: fields("If-Match", etag)},
		{Method: "DELETE", Header: fields("If-Match", `"other"`)},
		{Method: "PATCH", Header: fields("Content-Type", "text/n3"), Body: turtle},
		{Method: "PROPFIND", Header: fields("Depth", "1")},
		{Method: "MKCOL"},
		{Method: "COPY", Header: fields("Destination", base+"alice/y")},
		{Method: "TRACE"},
	}
}

// twin is a name of something, and a name of nothing that looks the same.
type twin struct{ there, absent string }

// sharedACL lets a contact read a container and all below it that has no ACL of its own.
func sharedACL(cid string) []byte {
	return fmt.Appendf(nil, `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <../profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
<#reader> a acl:Authorization; acl:agent <../contacts/%s/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.
`, cid)
}

// share makes a container that a contact may read, with something in it that they may not.
func (w *world) share(owner *resident, cid string) {
	w.t.Helper()
	w.put(owner, "shared/.acl", "text/turtle", sharedACL(cid), http.StatusCreated)
	w.put(owner, "shared/seen.txt", "text/plain", []byte("seen"), http.StatusCreated)
	only := `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent </alice/profile/card#me>; acl:accessTo <%[1]s>; acl:default <%[1]s>; acl:mode acl:Read, acl:Write, acl:Control.`
	w.put(owner, "shared/box/.acl", "text/turtle", fmt.Appendf(nil, only, "./"), http.StatusCreated)
	w.put(owner, "shared/box/inner.txt", "text/plain", []byte("inner"), http.StatusCreated)
	w.put(owner, "shared/secret.txt", "text/plain", []byte("secret"), http.StatusCreated)
	w.put(owner, "shared/secret.txt.acl", "text/turtle", fmt.Appendf(nil, only, "secret.txt"), http.StatusCreated)
}

// sharedTwins names what is hidden where the friend may know what is absent.
func sharedTwins() []twin {
	return []twin{
		{"shared/secret.txt", "shared/secrxt.txt"},
		{"shared/secret.txt/", "shared/secrxt.txt/"},
		{"shared/secret.txt.acl", "shared/secrxt.txt.acl"},
		{"shared/secret.txt.meta", "shared/secrxt.txt.meta"},
		{"shared/box/", "shared/bxx/"},
		{"shared/box", "shared/bxx"},
		{"shared/box/.acl", "shared/bxx/.acl"},
		{"shared/box/inner.txt", "shared/bxx/inner.txt"},
		{"shared/box/inner.txt", "shared/box/innxr.txt"},
		{"shared/BOX/", "shared/BXX/"},
	}
}

// TestWhatOneMayNotSeeIsAnsweredLikeWhatNeverExisted sends the same requests for hidden things and for
// nothing: as a friend who may not see them, as nobody, and as a friend who presents no proof.
func TestWhatOneMayNotSeeIsAnsweredLikeWhatNeverExisted(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	cleo := w.befriend(alice, must(newPerson("cleo"))(t))
	audience := must(alice.Audience(w.ctx(), ben.CID))(t)
	p := newPost(t, "2026-11-22")
	w.publish(alice, p, postACL(audience))
	w.put(alice, p.folder+"post.jsonld.meta", "text/turtle", []byte("<post.jsonld> <#about> <#x>."), http.StatusCreated)
	note := "social/in/" + ben.CID + "/" + random(16)
	r := Request{Method: "PUT", Target: note, Body: []byte("{}"), Header: fields("Content-Type", "application/ld+json", "If-None-Match", "*")}
	w.want(w.ask(ben, r), r, http.StatusCreated)
	w.put(alice, "circles/family", "text/turtle", group([]string{ben.CID}), http.StatusCreated)
	w.put(alice, "papers/letter.txt", "text/plain", []byte("dear"), http.StatusCreated)

	w.share(alice, cleo.CID)
	twins := append(hiddenTwins(p, audience, ben.CID, note), sharedTwins()...)
	etags := map[string]string{}
	for _, tw := range twins {
		etags[tw.there] = w.get(alice, tw.there).Header.Get("ETag")
	}
	before := must(alice.Rows(w.ctx(), "", 0))(t)
	for name, who := range map[string]asker{"a friend": cleo, "a stranger": w.stranger(alice.Pod)} {
		for _, tw := range twins {
			want := http.StatusUnauthorized
			if who == cleo {
				want = http.StatusForbidden
				if strings.HasPrefix(tw.there, "shared/") && !strings.HasSuffix(tw.there, ".acl") {
					want = http.StatusNotFound
				}
			}
			w.wantStatus(name+" asks for "+tw.absent, w.get(who, tw.absent), want)
			for i, probe := range probes(etags[tw.there]) {
				w.compare(fmt.Sprintf("%s, probe %d", name, i), who, probe, tw)
			}
		}
	}
	after := must(alice.Rows(w.ctx(), "", 0))(t)
	if before.Seq != after.Seq || len(before.Rows) != len(after.Rows) {
		t.Errorf("the requests changed something: %d rows up to %d, then %d up to %d", len(before.Rows), before.Seq, len(after.Rows), after.Seq)
	}
}

// hiddenTwins names what cleo may not see, each with a name of the same length that was never used.
func hiddenTwins(p post, audience, cid, note string) []twin {
	never := func(name string) string { return strings.Repeat("q", len(name)) }
	folder := strings.Split(p.folder, "/")[2]
	other := p.folder[:len(p.folder)-1-16] + never(folder[11:]) + "/"
	var twins []twin
	for _, name := range []string{"", "post.jsonld", p.file, "post.jsonld.meta", ".acl", "post.jsonld.acl", ".meta", "sub/deeper"} {
		twins = append(twins, twin{p.folder + name, other + name})
	}
	inbox := "social/in/" + cid + "/"
	return append(twins,
		twin{strings.TrimSuffix(p.folder, "/"), strings.TrimSuffix(other, "/")},
		twin{p.folder + "post.jsonld/", other + "post.jsonld/"},
		twin{strings.ToUpper(p.folder[:13]) + p.folder[13:], strings.ToUpper(other[:13]) + other[13:]},
		twin{"social/posts/" + strings.ToUpper(p.folder[13:]), "social/posts/" + strings.ToUpper(other[13:])},
		twin{"social/audiences/" + audience, "social/audiences/" + never(audience)},
		twin{"social/audiences/" + audience + ".acl", "social/audiences/" + never(audience) + ".acl"},
		twin{"social/audiences/", "social/audiencez/"},
		twin{inbox, "social/in/" + never(cid) + "/"},
		twin{inbox + ".acl", "social/in/" + never(cid) + "/.acl"},
		twin{note, note[:len(note)-4] + "qqqq"},
		twin{"contacts/" + cid + "/card", "contacts/" + never(cid) + "/card"},
		twin{"contacts/" + cid + "/", "contacts/" + never(cid) + "/"},
		twin{"contacts/", "contacks/"},
		twin{"circles/family", "circles/famixy"},
		twin{"papers/letter.txt", "papers/lettex.txt"},
		twin{"papers/letter.txt", "papexs/letter.txt"},
		twin{"papers/", "papexs/"},
		twin{"profile/devices", "profile/devixes"},
		twin{".replica/" + p.folder + "post.jsonld", ".replica/" + other + "post.jsonld"},
		twin{".replica/" + p.folder, ".replica/" + other},
	)
}

// compare asks for both of the twins and wants one answer, in which only the name may differ.
func (w *world) compare(what string, who asker, probe Request, tw twin) {
	w.t.Helper()
	query := probe.Target
	probe.Target = tw.there + query
	there := w.ask(who, probe)
	probe.Target = tw.absent + query
	absent := w.ask(who, probe)
	for _, name := range []string{"ETag", "Last-Modified", "Content-Range", "WAC-Allow"} {
		if probe.Method != "OPTIONS" && there.Header.Get(name) != "" {
			w.t.Errorf("%s: %s of %s: %d tells %s: %s", what, probe.Method, tw.there, there.Status, name, there.Header.Get(name))
		}
	}
	if there.Status < 400 && probe.Method != "OPTIONS" {
		w.t.Errorf("%s: %s of %s: %d", what, probe.Method, tw.there, there.Status)
	}
	if d := difference(renamed(there, tw), renamed(absent, tw)); d != "" {
		w.t.Errorf("%s: %s of %s and of %s: %s", what, probe.Method, tw.there, tw.absent, d)
	}
}

// renamed returns an answer in which both names of a twin are one. A Link of an OPTIONS names what was
// asked for, the subject of what was asked for, or what that lies in.
func renamed(a Answer, tw twin) Answer {
	both := strings.NewReplacer(tw.there, "NAME", tw.absent, "NAME", trimAux(tw.there), "SUBJECT", trimAux(tw.absent), "SUBJECT",
		up(tw.there), up("SUBJECT/x"), up(tw.absent), up("SUBJECT/x"))
	h := http.Header{}
	for name, values := range a.Header {
		for _, v := range values {
			h.Add(name, both.Replace(v))
		}
	}
	return Answer{a.Status, h, []byte(both.Replace(string(a.Body)))}
}

// up returns the end of the Link to the container of a name.
func up(name string) string {
	container, _ := path.Split(strings.TrimSuffix(name, "/"))
	return container + `>; rel="up"`
}

func trimAux(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".acl"), ".meta")
}

// TestAPodThatNobodyHasLooksLikeOneThatShowsNothing compares, for a stranger, the pod of somebody with
// the pod of nobody.
func TestAPodThatNobodyHasLooksLikeOneThatShowsNothing(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	i := must(alice.Invite(w.ctx(), "ben"))(t)
	nobody := &Agent{Wire: w.wire, Pod: Pod{URL: strings.Replace(alice.Pod.URL, "alice", "alicf", 1), Issuer: alice.Pod.Issuer}}
	tw := twin{"alice", "alicf"}
	check := func(r Request) {
		t.Helper()
		there, absent := w.patiently(w.stranger(alice.Pod), r), w.patiently(nobody, r)
		if d := difference(renamed(there, tw), renamed(absent, tw)); d != "" {
			t.Errorf("%s %q %q: %s", r.Method, r.Target, r.Body, d)
		}
	}
	for _, target := range []string{"", ".acl", ".meta", "profile/card", "profile/", "social/posts/", "social/door", "social/feed", "social/feed?cursor=x",
		".replica", ".replica/x", ".pair", ".pair/links", ".pair/x", ".invites/", ".invites/" + i.ID, ".invites/x", "x", "x/", "%2F", "a//b", ".kith-x", "index.html"} {
		for i, probe := range probes(`"x"`) {
			if strings.HasPrefix(target, ".") && i%5 > 0 {
				continue // these are counted for each address, and soon too many
			}
			probe.Target = target + probe.Target
			check(probe)
		}
	}
	for _, r := range []Request{
		{Method: "POST", Target: ".pair", Header: fields("Content-Type", "application/json"), Body: []byte(`{"secret":"wrongwrongwrongwrongww"}`)},
		{Method: "POST", Target: ".pair", Header: fields("Content-Type", "application/json"), Body: []byte(`{`)},
		{Method: "POST", Target: ".invites/" + i.ID, Header: fields("Content-Type", "application/octet-stream"), Body: bytes.Repeat([]byte{4}, 200)},
		{Method: "POST", Target: ".invites/" + random(16), Header: fields("Content-Type", "application/octet-stream"), Body: bytes.Repeat([]byte{4}, 200)},
		{Method: "POST", Target: ".invites/", Header: fields("Content-Type", "application/json"), Body: []byte(`{"name":"x"}`)},
		{Method: "POST", Target: ".pair/links", Header: fields("Content-Type", "application/json"), Body: []byte(`{"secret":"x"}`)},
	} {
		check(r)
	}
	for _, target := range []string{"/.well-known/oauth-protected-resource/alice/", "/alice", "/.well-known/x"} {
		r := Request{Method: "GET", Target: target}
		other := Request{Method: "GET", Target: strings.Replace(target, "alice", "alicf", 1)}
		if d := difference(renamed(w.ask(w.wire, r), tw), renamed(w.ask(w.wire, other), tw)); d != "" {
			t.Errorf("%s: %s", target, d)
		}
	}
}

// patiently asks again as long as there were too many requests.
func (w *world) patiently(a asker, r Request) (answer Answer) {
	w.t.Helper()
	eventually(w.t, limit, "requests are taken again", func() bool {
		answer = w.ask(a, r)
		return answer.Status != http.StatusTooManyRequests
	})
	return answer
}

// TestAListingTellsOnlyWhatItsReaderMaySee reads one container as its owner and as a friend who may see
// some of its members.
func TestAListingTellsOnlyWhatItsReaderMaySee(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	both := `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <../profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
<#ben> a acl:Authorization; acl:agent <../contacts/` + ben.CID + `/card#me>; acl:accessTo <./>; acl:mode acl:Read.
`
	one := strings.ReplaceAll(both, "<./>", "<seen.txt>")
	w.put(alice, "box/.acl", "text/turtle", []byte(both), http.StatusCreated)
	w.put(alice, "box/seen.txt", "text/plain", []byte("seen"), http.StatusCreated)
	w.put(alice, "box/seen.txt.acl", "text/turtle", []byte(one), http.StatusCreated)
	list := Request{Method: "GET", Target: "box/"}
	before := w.ask(ben, list)
	if before.Status != http.StatusOK || !strings.Contains(string(before.Body), "seen.txt") {
		t.Fatalf("the listing: %d\n%s", before.Status, before.Body)
	}
	w.put(alice, "box/hidden.txt", "text/plain", []byte("hidden"), http.StatusCreated)
	w.put(alice, "box/hollow/deep.txt", "text/plain", []byte("hidden"), http.StatusCreated)
	if d := difference(before, w.ask(ben, list)); d != "" {
		t.Errorf("a hidden member shows in the listing: %s", d)
	}
	w.compare("beside what is hidden", ben, Request{Method: "GET"}, twin{"box/hidden.txt", "box/hiddxn.txt"})
	w.compare("beside what is hidden", ben, Request{Method: "GET"}, twin{"box/hollow/", "box/holxow/"})
	r := Request{Method: "GET", Target: "box/", Header: fields("If-None-Match", before.Header.Get("ETag"))}
	w.want(w.ask(ben, r), r, http.StatusNotModified)
	if got := w.get(alice, "box/"); !strings.Contains(string(got.Body), "hidden.txt") || !strings.Contains(string(got.Body), "hollow") {
		t.Errorf("the owner's listing lacks members:\n%s", got.Body)
	}
	w.put(alice, "box/seen.txt", "text/plain", []byte("seen anew"), http.StatusNoContent, http.StatusOK)
	if got := w.ask(ben, r); got.Status != http.StatusOK {
		t.Errorf("the listing after a visible change: %d", got.Status)
	}
}
