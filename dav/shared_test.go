package dav_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sharedInfo asks for a lock that others may have too.
var sharedInfo = strings.Replace(lockInfo, "exclusive", "shared", 1)

// share locks something together with others, and returns the token, with its brackets.
func (d *drive) share(path string, header ...string) string {
	d.t.Helper()
	return d.want(200, "LOCK", path, sharedInfo, header...).Get("Lock-Token")
}

// TestLocksBesideLocks are granted if all are shared (RFC 4918 §9.10.5), wherever they meet.
func TestLocksBesideLocks(t *testing.T) {
	for _, c := range []struct {
		name, first, depth, second, asks string
		meet                             bool
	}{
		{"of one file", "/box/file", "0", "/box/file", "0", true},
		{"of one file, deep", "/box/file", "infinity", "/box/file", "infinity", true},
		{"of a container, then of what lies in it", "/box/", "infinity", "/box/in/file", "0", true},
		{"of a file, then of what it lies in", "/box/in/file", "0", "/box/", "infinity", true},
		{"of a container alone, then of what lies in it", "/box/", "0", "/box/in/file", "0", false},
		{"of a file, then of its container alone", "/box/file", "0", "/box/", "0", false},
		{"of a container alone, then of the one above", "/box/in/", "0", "/box/", "infinity", true},
		{"of neighbours", "/box/in/", "infinity", "/box/file", "infinity", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDrive(t)
			d.want(201, "MKCOL", "/box/", "")
			d.want(201, "MKCOL", "/box/in/", "")
			d.want(201, "PUT", "/box/file", "1")
			d.want(201, "PUT", "/box/in/file", "1")
			for _, first := range []string{lockInfo, sharedInfo} {
				for _, second := range []string{lockInfo, sharedInfo} {
					token := d.want(200, "LOCK", c.first, first, "Depth", c.depth).Get("Lock-Token")
					if c.meet && (first == lockInfo || second == lockInfo) {
						d.want(423, "LOCK", c.second, second, "Depth", c.asks, "If", "(Not <DAV:no-lock>) ("+token+")")
						d.want(204, "UNLOCK", c.first, "", "Lock-Token", token)
						token = ""
					}
					other := d.want(200, "LOCK", c.second, second, "Depth", c.asks).Get("Lock-Token")
					d.want(204, "UNLOCK", c.second, "", "Lock-Token", other)
					if token != "" {
						d.want(204, "UNLOCK", c.first, "", "Lock-Token", token)
					}
				}
			}
		})
	}
}

// TestWhoSharesALockWrites with the token of their own, until that one ends (RFC 4918 §6.2).
func TestWhoSharesALockWrites(t *testing.T) {
	d := newDrive(t)
	first, second := d.share("/note"), d.share("/note", "Timeout", "Second-60")
	all := d.locksOf(d.owner, "/note", namedProps)[prefix+"/note"]
	if len(all) != 2 || all[0].Shared == nil || all[1].Shared == nil || all[0].Exclusive != nil ||
		"<"+all[0].Token+">" != first || "<"+all[1].Token+">" != second || all[1].Timeout != "Second-60" {
		t.Errorf("both are told of: %+v", all)
	}
	d.want(423, "PUT", "/note", "nobody's")
	d.want(204, "PUT", "/note", "of the first", "If", "("+first+")")
	d.want(204, "PUT", "/note", "of the second", "If", "("+second+")")
	d.want(204, "PUT", "/note", "of both", "If", "("+first+" "+second+")")
	d.want(412, "PUT", "/note", "of one that is not there", "If", "("+first+" <urn:uuid:1>)")
	d.want(200, "LOCK", "/note", "", "If", "("+second+")", "Timeout", "Second-90")
	d.want(400, "LOCK", "/note", "", "If", "("+first+" "+second+")") // one at a time (RFC 4918 §9.10.2)
	d.want(204, "UNLOCK", "/note", "", "Lock-Token", first)
	d.want(409, "UNLOCK", "/note", "", "Lock-Token", first)
	d.want(412, "PUT", "/note", "x", "If", "("+first+")")
	d.want(423, "LOCK", "/note", lockInfo)
	d.want(204, "PUT", "/note", "still of the second", "If", "("+second+")")
	if all = d.locksOf(d.owner, "/note", allProps)[prefix+"/note"]; len(all) != 1 || "<"+all[0].Token+">" != second || all[0].Timeout != "Second-90" {
		t.Errorf("one is left: %+v", all)
	}
	d.want(204, "UNLOCK", "/note", "", "Lock-Token", second)
	d.want(204, "PUT", "/note", "anybody's")
}

// TestSharedLocksOfContainers are about members too: whoever has one of a member only writes that.
func TestSharedLocksOfContainers(t *testing.T) {
	d := newDrive(t)
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "PUT", "/box/file", "1")
	box := d.share("/box/")
	file := d.share("/box/file", "Depth", "0")
	if all := d.locksOf(d.owner, "/box/", ""); len(all[prefix+"/box/"]) != 1 || len(all[prefix+"/box/file"]) != 2 {
		t.Errorf("told of: %+v", all)
	}
	inFile, inBox := "<"+prefix+"/box/file> ("+file+")", "<"+prefix+"/box/> ("+box+")"
	d.want(204, "PUT", "/box/file", "2", "If", inFile)
	d.want(204, "PUT", "/box/file", "3", "If", inBox)
	d.want(423, "DELETE", "/box/file", "", "If", inFile) // a member fewer
	d.want(423, "PUT", "/box/new", "1", "If", inFile)
	d.want(423, "LOCK", "/box/new", sharedInfo, "If", inFile)
	d.want(423, "DELETE", "/box/", "", "If", inFile)
	d.want(201, "LOCK", "/box/new", sharedInfo, "If", inBox)
	d.want(204, "DELETE", "/box/", "", "If", inBox)
	d.want(201, "MKCOL", "/box/", "") // which has none of those locks
	d.want(201, "PUT", "/box/file", "1")
	d.share("/box/file")
	file = d.share("/box/file", "Depth", "0") // of which nothing lies deeper
	d.want(204, "DELETE", "/box/", "", "If", "<"+prefix+"/box/file> ("+file+")")
}

// TestSharedLocksAreBounded as all locks are, and those of one name.
func TestSharedLocksAreBounded(t *testing.T) {
	d := newDrive(t)
	d.want(413, "LOCK", "/note", strings.Replace(sharedInfo, "Ana", strings.Repeat("a", 1025), 1))
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "PUT", "/box/file", "1")
	for range 8 {
		d.share("/box/")
		d.share("/box/file")
	}
	d.want(507, "LOCK", "/box/file", sharedInfo)
	d.want(507, "LOCK", "/", sharedInfo) // of which the file would have one more
	d.want(507, "LOCK", "/box/", sharedInfo)
	d.share("/box/", "Depth", "0")
	for i := range 512 - 17 {
		if w := d.ask(d.owner, "LOCK", fmt.Sprint("/", i/16), sharedInfo); w.Code/100 != 2 {
			t.Fatalf("lock %d: %d %s", i, w.Code, w.Body)
		}
	}
	d.want(507, "LOCK", "/note", sharedInfo)
	d.want(507, "LOCK", "/note", lockInfo)
}

// TestLocksThatAreNotMeant are refused (RFC 4918 §8.2, §9.10.3, §9.11).
func TestLocksThatAreNotMeant(t *testing.T) {
	d := newDrive(t)
	for body, want := range map[string]int{
		strings.Replace(lockInfo, "<exclusive/>", "<exclusive/><shared/>", 1): 422,
		strings.Replace(lockInfo, "<exclusive/>", "", 1):                      422,
		strings.Replace(lockInfo, "<exclusive/>", "<mine/>", 1):               422,
		strings.Replace(lockInfo, "write", "read", 1):                         422,
		strings.ReplaceAll(lockInfo, "lockinfo", "lock"):                      400,
		strings.Replace(lockInfo, "DAV:", "urn:x", 1):                         400,
		"shared": 400, "<": 400, lockInfo[:40]: 400,
	} {
		d.want(want, "LOCK", "/note", body)
	}
	d.want(400, "LOCK", "/note", lockInfo, "Depth", "1")
	d.want(400, "LOCK", "/note", "")
	d.want(400, "LOCK", "/note", "", "Depth", "0")
	token := d.want(200, "LOCK", "/note", lockInfo, "Depth", "Infinity").Get("Lock-Token")
	for _, none := range []string{"", "x", "<", token[1:], strings.TrimSuffix(token, ">")} {
		d.want(400, "UNLOCK", "/note", "", "Lock-Token", none)
	}
	w := d.ask(d.owner, "UNLOCK", "/", "", "Lock-Token", token)
	if w.Code != 409 || !strings.Contains(w.Body.String(), "<D:lock-token-matches-request-uri/>") {
		t.Errorf("a token of elsewhere: %d %s", w.Code, w.Body)
	}
	d.want(204, "UNLOCK", "/note", "", "Lock-Token", token)
}

// TestALockOfWhatIsNotThere makes an empty representation, of the type that its name has (RFC 4918 §7.3).
func TestALockOfWhatIsNotThere(t *testing.T) {
	d := newDrive(t)
	token := d.want(201, "LOCK", "/new.jpg", sharedInfo, "Content-Type", "text/xml").Get("Lock-Token")
	w := d.ask(d.owner, "GET", "/new.jpg", "")
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	d.want(423, "PUT", "/new.jpg", "x")
	d.want(204, "PUT", "/new.jpg", "x", "If", "("+token+")")
}

// held is a lock as the model of TestLocksAgreeWithAModel knows it.
type held struct {
	root, token  string
	shared, deep bool
}

func (h held) covers(name string) bool {
	return h.root == name || h.deep && strings.HasPrefix(name, strings.TrimSuffix(h.root, "/")+"/")
}

// places are all names of the model: what is there, and one member more of each container.
var places = []string{"/", "/a", "/a/b", "/a/b/f", "/a/g", "/x", "/a/x", "/a/b/x"}

// model knows locks, and looks at each name to decide.
type model []held

func (m model) at(name string) model {
	return slices.DeleteFunc(slices.Clone(m), func(h held) bool { return !h.covers(name) })
}

// grants reports whether no name would have an exclusive lock and another.
func (m model) grants(next held) bool {
	return !slices.ContainsFunc(places, func(name string) bool {
		return next.covers(name) && slices.ContainsFunc(m.at(name), func(h held) bool { return !h.shared || !next.shared })
	})
}

// opens reports whether tokens are enough to write some names.
func (m model) opens(tokens string, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		all := m.at(name)
		return len(all) > 0 && !slices.ContainsFunc(all, func(h held) bool { return strings.Contains(tokens, h.token) })
	})
}

// TestLocksAgreeWithAModel in whatever order they are made, used and ended.
func TestLocksAgreeWithAModel(t *testing.T) {
	d := newDrive(t)
	make := func() {
		d.want(201, "MKCOL", "/a/", "")
		d.want(201, "MKCOL", "/a/b/", "")
		d.want(201, "PUT", "/a/b/f", "1")
		d.want(201, "PUT", "/a/g", "1")
	}
	make()
	var m model
	var granted, refused, written, blocked, deleted int
	count := func(ok bool, yes, no *int, of int) int {
		if ok {
			*yes++
			return of
		}
		*no++
		return 423
	}
	for i := range 500 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		name := places[random.IntN(5)]
		some := "(Not <DAV:no-lock>)" // with which nothing depends on the tokens being those of the name
		for _, h := range m {
			if random.IntN(2) == 0 {
				some += " (" + h.token + ")"
			}
		}
		switch act := random.IntN(8); {
		case act < 3:
			body, depth := []string{lockInfo, sharedInfo, sharedInfo}[random.IntN(3)], []string{"0", "infinity"}[random.IntN(2)]
			next := held{root: name, shared: body == sharedInfo, deep: depth == "infinity"}
			h := d.want(count(m.grants(next), &granted, &refused, 200), "LOCK", name, body, "Depth", depth, "If", some)
			if next.token = h.Get("Lock-Token"); next.token != "" {
				m = append(m, next)
			}
		case act < 5 && len(m) > 0:
			ends := random.IntN(len(m))
			d.want(204, "UNLOCK", m[ends].root, "", "Lock-Token", m[ends].token)
			m = slices.Delete(m, ends, ends+1)
		case name == "/a/b/f" || name == "/a/g":
			d.want(count(m.opens(some, name), &written, &blocked, 204), "PUT", name, "2", "If", some)
		case name == "/a":
			ok := m.opens(some, "/", "/a", "/a/b", "/a/b/f", "/a/g", "/a/x", "/a/b/x")
			d.want(count(ok, &deleted, &blocked, 204), "DELETE", name, "", "If", some)
			if ok {
				m = slices.DeleteFunc(m, func(h held) bool { return h.root != "/" })
				for _, h := range m { // which would be in the way of what is made again
					d.want(204, "UNLOCK", h.root, "", "Lock-Token", h.token)
				}
				m = nil
				make()
			}
		}
		box := places[random.IntN(3)]
		for address, told := range d.locksOf(d.owner, box, namedProps) {
			name := "/" + strings.Trim(strings.TrimPrefix(address, prefix), "/")
			if len(told) != len(m.at(name)) {
				t.Fatalf("step %d: of %s %d locks are told of, not %d", i, name, len(told), len(m.at(name)))
			}
		}
	}
	t.Logf("%d locks granted and %d refused, %d writes and %d deletes done, %d of both refused", granted, refused, written, deleted, blocked)
	if min(granted, refused, written, blocked, deleted) < 10 {
		t.Error("too little of something happened")
	}
}
