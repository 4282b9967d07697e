package dav_test

import (
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/dav"
)

// activeLock is what is told of a lock (RFC 4918 §14.1).
type activeLock struct {
	Exclusive *struct{} `xml:"DAV: lockscope>exclusive"`
	Shared    *struct{} `xml:"DAV: lockscope>shared"`
	Write     *struct{} `xml:"DAV: locktype>write"`
	Depth     string    `xml:"DAV: depth"`
	Owner     struct {
		Text  string   `xml:",chardata"`
		Hrefs []string `xml:"DAV: href"`
	} `xml:"DAV: owner"`
	Timeout string `xml:"DAV: timeout"`
	Token   string `xml:"DAV: locktoken>href"`
	Root    string `xml:"DAV: lockroot>href"`
}

// found is the answer to a PROPFIND.
type found struct {
	Responses []struct {
		Href  string `xml:"DAV: href"`
		Stats []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Names []struct {
					XMLName xml.Name
				} `xml:",any"`
				Discovery *struct {
					Active []activeLock `xml:"DAV: activelock"`
				} `xml:"DAV: lockdiscovery"`
				Supported *struct {
					Entries []struct {
						Exclusive *struct{} `xml:"DAV: lockscope>exclusive"`
						Shared    *struct{} `xml:"DAV: lockscope>shared"`
						Write     *struct{} `xml:"DAV: locktype>write"`
					} `xml:"DAV: lockentry"`
				} `xml:"DAV: supportedlock"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

const (
	allProps   = `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`
	namedProps = `<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/><D:supportedlock/></D:prop></D:propfind>`
)

// ask sends a request and returns the whole answer.
func (d *drive) ask(as *acl.View, method, path, body string, header ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, "https://pod.example"+prefix+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.Serve(w, r, as)
	return w
}

// locksOf returns the locks that a PROPFIND of depth 1 tells of, by address.
func (d *drive) locksOf(as *acl.View, path, body string) map[string][]activeLock {
	d.t.Helper()
	w := d.ask(as, "PROPFIND", path, body, "Depth", "1")
	var f found
	if err := xml.Unmarshal(w.Body.Bytes(), &f); w.Code != 207 || err != nil {
		d.t.Fatalf("PROPFIND %s: %d %v %s", path, w.Code, err, w.Body)
	}
	all := map[string][]activeLock{}
	for _, r := range f.Responses {
		prop := r.Stats[0].Prop
		if r.Stats[0].Status != "HTTP/1.1 200 OK" || prop.Discovery == nil || prop.Supported == nil {
			d.t.Fatalf("of %s: %+v", r.Href, r.Stats)
		}
		if e := prop.Supported.Entries; len(e) != 2 || e[0].Exclusive == nil || e[0].Write == nil || e[1].Shared == nil || e[1].Write == nil {
			d.t.Errorf("of %s supportedlock is %+v", r.Href, e)
		}
		all[r.Href] = prop.Discovery.Active
	}
	return all
}

// TestLocksAreDiscovered at what they are for and at what lies in it, by whomever (RFC 4918 §15.8).
func TestLocksAreDiscovered(t *testing.T) {
	d := newDrive(t)
	d.want(201, "MKCOL", "/a%20&%20b/", "")
	d.want(201, "PUT", "/a%20&%20b/file", "1")
	d.want(201, "MKCOL", "/shallow/", "")
	d.want(201, "PUT", "/shallow/file", "1")
	deep := strings.Trim(d.lock("/a%20&%20b/"), "<>")
	shallow := strings.Trim(d.want(200, "LOCK", "/shallow", lockInfo, "Depth", "0", "Timeout", "Second-60").Get("Lock-Token"), "<>")
	for name, body := range map[string]string{"allprop": allProps, "no body": "", "named": namedProps} {
		for address, token := range d.tokens(d.owner, "/", body) {
			want := map[string]string{prefix + "/a%20&%20b/": deep, prefix + "/shallow/": shallow}[address]
			if token != want {
				t.Errorf("%s: of %s the token is %q, want %q", name, address, token, want)
			}
		}
	}
	all := d.locksOf(d.owner, "/a%20&%20b/", namedProps)
	for _, address := range []string{prefix + "/a%20&%20b/", prefix + "/a%20&%20b/file"} {
		l := all[address]
		if len(l) != 1 || l[0].Exclusive == nil || l[0].Write == nil || l[0].Depth != "infinity" || l[0].Owner.Text != "Ana" ||
			l[0].Timeout != "Second-3600" || l[0].Token != deep || l[0].Root != prefix+"/a%20&%20b/" {
			t.Errorf("of %s: %+v", address, l)
		}
	}
	all = d.locksOf(d.owner, "/shallow/", allProps)
	if l := all[prefix+"/shallow/"]; len(l) != 1 || l[0].Depth != "0" || l[0].Timeout != "Second-60" {
		t.Errorf("of the container: %+v", l)
	}
	if l := all[prefix+"/shallow/file"]; len(l) != 0 {
		t.Errorf("a lock of depth 0 is told of at the member: %+v", l)
	}
	d.want(204, "UNLOCK", "/a%20&%20b/file", "", "Lock-Token", "<"+deep+">") // by anything in its scope (RFC 4918 §9.11)
	if l := d.locksOf(d.owner, "/a%20&%20b/", allProps)[prefix+"/a%20&%20b/"]; len(l) != 0 {
		t.Errorf("after it ended: %+v", l)
	}
}

// tokens returns those of the first locks.
func (d *drive) tokens(as *acl.View, path, body string) map[string]string {
	d.t.Helper()
	all := map[string]string{}
	for address, locks := range d.locksOf(as, path, body) {
		all[address] = ""
		if len(locks) > 0 {
			all[address] = locks[0].Token
		}
	}
	return all
}

// TestPropertiesOfLocksAreNamed and cannot be written (RFC 4918 §15).
func TestPropertiesOfLocksAreNamed(t *testing.T) {
	d := newDrive(t)
	w := d.ask(d.owner, "PROPFIND", "/", `<propfind xmlns="DAV:"><propname/></propfind>`, "Depth", "1")
	for _, name := range []string{"lockdiscovery", "supportedlock"} {
		if got := strings.Count(w.Body.String(), "D:"+name+">"); got != 4 {
			t.Errorf("%d tags of %s of two resources: %s", got, name, w.Body)
		}
	}
	update := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:lockdiscovery>mine</D:lockdiscovery></D:prop></D:set></D:propertyupdate>`
	if w := d.ask(d.owner, "PROPPATCH", "/note", update); w.Code != 207 || !strings.Contains(w.Body.String(), "403 Forbidden") {
		t.Errorf("PROPPATCH: %d %s", w.Code, w.Body)
	}
	d.lock("/note")
	d.want(201, "COPY", "/note", "", "Destination", "https://pod.example"+prefix+"/copy")
	if l := d.tokens(d.owner, "/copy", namedProps)[prefix+"/copy"]; l != "" {
		t.Errorf("the lock was copied: %s", l)
	}
}

// TestALockIsDescribedWhole in the answer to LOCK, also when it is refreshed (RFC 4918 §9.10.1).
func TestALockIsDescribedWhole(t *testing.T) {
	d := newDrive(t)
	d.want(201, "MKCOL", "/box/", "")
	for path, root := range map[string]string{"/note": prefix + "/note", "/box": prefix + "/box/", "/new%20%3C&": prefix + "/new%20%3C&"} {
		first := d.ask(d.owner, "LOCK", path, lockInfo)
		token := first.Header().Get("Lock-Token")
		again := d.ask(d.owner, "LOCK", path, "", "If", "("+token+")")
		for _, w := range []*httptest.ResponseRecorder{first, again} {
			var p struct {
				Active []activeLock `xml:"DAV: lockdiscovery>activelock"`
			}
			err := xml.Unmarshal(w.Body.Bytes(), &p)
			if err != nil || len(p.Active) != 1 || p.Active[0].Root != root || "<"+p.Active[0].Token+">" != token || p.Active[0].Owner.Text != "Ana" {
				t.Errorf("of %s: %d %v %s", path, w.Code, err, w.Body)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("header %v", w.Header())
			}
		}
	}
	d.want(201, "PUT", "/another", "1")
	d.want(412, "LOCK", "/note", "", "If", "("+d.lock("/another")+")") // a token of elsewhere
}

// TestAnOwnerMeansTheSameElsewhere: prefixes of the request are not those of the answer.
func TestAnOwnerMeansTheSameElsewhere(t *testing.T) {
	for name, inner := range map[string]string{
		"a prefix of its own":  `<a:lockinfo xmlns:a="DAV:"><a:lockscope><a:exclusive/></a:lockscope><a:locktype><a:write/></a:locktype><a:owner>A&amp;<a:href>x</a:href></a:owner></a:lockinfo>`,
		"no prefix":            `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>A&amp;<href>x</href></owner></lockinfo>`,
		"the prefix of others": `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner xmlns:b="DAV:" xmlns:D2="urn:x">A&amp;<b:href>x</b:href><D2:href D2:c="d" e="f"/></D:owner></D:lockinfo>`,
		"an element in none":   `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>A&amp;<D:href>x</D:href><href/></D:owner></D:lockinfo>`,
	} {
		d := newDrive(t)
		d.want(200, "LOCK", "/note", inner)
		l := d.locksOf(d.owner, "/note", namedProps)[prefix+"/note"]
		if len(l) != 1 || l[0].Owner.Text != "A&" || fmt.Sprint(l[0].Owner.Hrefs) != "[x]" {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// TestTokensAreForWhoeverMadeThem (RFC 4918 §6.4): others who may read see that there is a lock.
func TestTokensAreForWhoeverMadeThem(t *testing.T) {
	owner, reader := newPod(t)
	d := &drive{t, dav.New(prefix, base, time.Now), owner}
	token := d.lock("/note")
	l := d.locksOf(reader, "/note", allProps)[prefix+"/note"]
	if len(l) != 1 || l[0].Token != "" || l[0].Owner.Text != "Ana" {
		t.Errorf("a reader sees %+v", l)
	}
	for _, c := range []struct {
		method, body, header, value string
		want                        int
	}{{"UNLOCK", "", "Lock-Token", token, 403}, {"LOCK", "", "If", "(" + token + ")", 403}, {"PUT", "x", "If", "(" + token + ")", 423}} {
		if w := d.ask(reader, c.method, "/note", c.body, c.header, c.value); w.Code != c.want {
			t.Errorf("a reader's %s: %d, want %d", c.method, w.Code, c.want)
		}
	}
	if w := d.ask(reader, "LOCK", "/other", lockInfo); w.Code != 403 {
		t.Errorf("a reader locks: %d", w.Code)
	}
	d.want(204, "UNLOCK", "/note", "", "Lock-Token", token)
}

// TestLocksGoWithWhatTheyAreFor (RFC 4918 §6.1), and none outlasts its time.
func TestLocksGoWithWhatTheyAreFor(t *testing.T) {
	owner, _ := newPod(t)
	now := time.Now()
	d := &drive{t, dav.New(prefix, base, func() time.Time { return now }), owner}
	at := "https://pod.example" + prefix
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "PUT", "/box/file", "1")
	token := d.lock("/box/file")
	d.want(204, "DELETE", "/box/", "", "If", "<"+at+"/box/file> ("+token+")")
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "PUT", "/box/file", "1")
	token = d.lock("/box/file")
	d.want(201, "MOVE", "/box/file", "", "Destination", at+"/box/moved", "If", "("+token+")")
	d.want(201, "PUT", "/box/file", "1")
	d.want(204, "PUT", "/box/moved", "1")

	token = d.want(200, "LOCK", "/note", lockInfo, "Timeout", "Second-10").Get("Lock-Token")
	now = now.Add(9500 * time.Millisecond)
	if l := d.locksOf(d.owner, "/note", allProps)[prefix+"/note"]; len(l) != 1 || l[0].Timeout != "Second-1" {
		t.Errorf("before it ends: %+v", l)
	}
	d.want(423, "PUT", "/note", "x")
	d.want(200, "LOCK", "/note", "", "If", "("+token+")", "Timeout", "Second-10")
	now = now.Add(9500 * time.Millisecond)
	d.want(423, "PUT", "/note", "x")
	now = now.Add(time.Second)
	if l := d.locksOf(d.owner, "/note", allProps)[prefix+"/note"]; len(l) != 0 {
		t.Errorf("after it ended: %+v", l)
	}
	d.want(412, "LOCK", "/note", "", "If", "("+token+")")
	d.want(204, "PUT", "/note", "x")
}

// TestALockedContainerKeepsItsMembers (RFC 4918 §7.4), whatever stands in them.
func TestALockedContainerKeepsItsMembers(t *testing.T) {
	d := newDrive(t)
	at := "https://pod.example" + prefix
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "PUT", "/box/file", "1")
	token := d.want(200, "LOCK", "/box/", lockInfo, "Depth", "0").Get("Lock-Token")
	d.want(204, "PUT", "/box/file", "2")
	d.want(423, "PUT", "/box/new", "1")
	d.want(423, "MKCOL", "/box/new/", "")
	d.want(423, "LOCK", "/box/new", lockInfo)
	d.want(423, "DELETE", "/box/file", "")
	d.want(423, "MOVE", "/box/file", "", "Destination", at+"/out")
	d.want(423, "COPY", "/note", "", "Destination", at+"/box/new")
	d.want(201, "PUT", "/box/new", "1", "If", "<"+at+"/box/> ("+token+")")
	d.want(200, "LOCK", "/box/new", lockInfo)
}

// TestALockOfAnotherPlaceOpensNothing: a list of the If header that holds is not enough (RFC 4918 §7.5).
func TestALockOfAnotherPlaceOpensNothing(t *testing.T) {
	d := newDrive(t)
	at := "https://pod.example" + prefix
	d.want(201, "PUT", "/other", "1")
	token, other := d.lock("/note"), d.lock("/other")
	d.want(423, "PUT", "/note", "x", "If", "<"+at+"/other> ("+other+")")
	d.want(204, "PUT", "/note", "x", "If", "<"+prefix+"/note> ("+token+")")
	d.want(412, "PUT", "/note", "x", "If", "<"+prefix+"/other> ("+token+")")
	d.want(423, "MOVE", "/note", "", "Destination", at+"/other", "If", "<"+at+"/other> ("+other+")")
	d.want(204, "MOVE", "/note", "", "Destination", at+"/other", "Overwrite", "T", "If", "<"+at+"/other> ("+other+") <"+at+"/note> ("+token+")")
	w := d.ask(d.owner, "PUT", "/other", "x")
	if want := "<D:lock-token-submitted><D:href>" + prefix + "/other</D:href>"; w.Code != 423 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = d.ask(d.owner, "LOCK", "/other", lockInfo)
	if want := "<D:no-conflicting-lock><D:href>" + prefix + "/other</D:href>"; w.Code != 423 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestNothingReplacesItself by another spelling of its own name.
func TestNothingReplacesItself(t *testing.T) {
	d := newDrive(t)
	at := "https://pod.example" + prefix
	for _, method := range []string{"COPY", "MOVE"} {
		for _, to := range []string{"/note", "/note/", "//note", "/n%6fte"} {
			d.want(403, method, "/note", "", "Destination", at+to)
			d.want(200, "GET", "/note", "")
		}
	}
}

// TestLocksAreBounded, and what asks for them.
func TestLocksAreBounded(t *testing.T) {
	d := newDrive(t)
	long := func(inner string) string { return strings.Replace(lockInfo, "Ana", inner, 1) }
	d.want(413, "LOCK", "/note", long(strings.Repeat("a", 1025)))
	d.want(413, "LOCK", "/note", long(strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100)))
	d.want(413, "LOCK", "/note", long(strings.Repeat("a", 65<<10)))
	d.want(400, "LOCK", "/note", `<!DOCTYPE l [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>`+long("&b;"))
	d.want(400, "PROPFIND", "/note", `<!DOCTYPE p [<!ENTITY a "aaaaaaaa">]><propfind xmlns="DAV:"><prop>&a;</prop></propfind>`, "Depth", "0")
	d.want(413, "PROPFIND", "/note", `<propfind xmlns="DAV:"><prop>`+strings.Repeat("<lockdiscovery/>", 130)+`</prop></propfind>`, "Depth", "0")
	d.want(413, "PROPFIND", "/note", `<propfind xmlns="DAV:"><prop>`+strings.Repeat("<a>", 100)+`</prop></propfind>`, "Depth", "0")
	d.want(431, "PUT", "/note", "x", "If", "(<"+strings.Repeat("a", 9<<10)+">)")
	d.want(409, "UNLOCK", "/note", "", "Lock-Token", "<"+strings.Repeat("a", 17<<10)+">")
	d.want(201, "MKCOL", "/many/", "")
	for i := range 512 {
		d.want(201, "LOCK", fmt.Sprint("/many/", i), lockInfo, "Depth", "0")
	}
	d.want(507, "LOCK", "/note", lockInfo)
	began := time.Now()
	if all := d.locksOf(d.owner, "/many/", allProps); len(all) != 513 {
		t.Errorf("%d resources", len(all))
	}
	t.Logf("512 locks are listed in %v", time.Since(began))
	d.want(204, "PUT", "/note", "as nobody locks it")
	d.want(423, "DELETE", "/many/", "")
}
