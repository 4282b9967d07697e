package dav_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kith/dav"
)

// TestWhatIsRefusedTouchesNothing: a request that cannot be done as a whole has not begun to delete what it replaces or
// removes.
func TestWhatIsRefusedTouchesNothing(t *testing.T) {
	const rules = `@prefix acl: <http://www.w3.org/ns/auth/acl#> .
<#o> a acl:Authorization; acl:agent <https://pod.example/alice/profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control .`
	deep := "/tree" + strings.Repeat("/d", 29)
	for name, c := range map[string]struct {
		status           int
		method, from, to string
		stay             []string
	}{
		"a document over access rules":       {422, "COPY", "/note", "/box/.acl", []string{"/box/.acl", "/note"}},
		"a document moved over access rules": {422, "MOVE", "/note", "/box/.acl", []string{"/box/.acl", "/note"}},
		"a tree that is too deep there":      {403, "COPY", "/tree/", "/a/b/c/doc", []string{"/a/b/c/doc", deep + "/leaf"}},
		"the same, moved":                    {403, "MOVE", "/tree/", "/a/b/c/doc", []string{"/a/b/c/doc", deep + "/leaf"}},
		"a container over a part of it":      {409, "COPY", "/a/", "/a/b", []string{"/a/b/c/doc"}},
		"the root":                           {403, "DELETE", "/", "", []string{"/note", "/a/b/c/doc", "/box/.acl"}},
		"the root, moved":                    {409, "MOVE", "/", "/x", []string{"/note", "/a/b/c/doc", "/box/.acl"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t)
			for at := "/tree"; len(at) <= len(deep); at += "/d" {
				d.want(201, "MKCOL", at+"/", "")
			}
			for _, at := range []string{"/box/", "/a/", "/a/b/", "/a/b/c/"} {
				d.want(201, "MKCOL", at, "")
			}
			d.want(204, "PUT", "/box/.acl", rules, "Content-Type", "text/turtle")
			for _, at := range []string{deep + "/leaf", "/a/b/c/doc"} {
				d.want(201, "PUT", at, "precious")
			}
			header := []string{"Destination", "https://pod.example" + prefix + c.to, "Overwrite", "T"}
			if c.to == "" {
				header = nil
			}
			d.want(c.status, c.method, c.from, "", header...)
			for _, at := range c.stay {
				d.want(200, "GET", at, "")
			}
		})
	}
}

// TestADocumentIsPutOverAnother, with the properties of the one that comes.
func TestADocumentIsPutOverAnother(t *testing.T) {
	const colour = `<propertyupdate xmlns="DAV:"><set><prop><c:colour xmlns:c="urn:c">%s</c:colour></prop></set></propertyupdate>`
	for _, method := range []string{"COPY", "MOVE"} {
		d := newDrive(t)
		d.want(201, "PUT", "/from.txt", "new")
		d.want(201, "PUT", "/to.txt", "old")
		d.want(207, "PROPPATCH", "/to.txt", strings.ReplaceAll(colour, "%s", "red"))
		d.want(204, method, "/from.txt", "", "Destination", "https://pod.example"+prefix+"/to.txt", "Overwrite", "T")
		if text := d.ask(d.owner, "GET", "/to.txt", "").Body.String(); text != "new" {
			t.Errorf("%s: %q", method, text)
		}
		if props := d.ask(d.owner, "PROPFIND", "/to.txt", "", "Depth", "0").Body.String(); strings.Contains(props, "colour") {
			t.Errorf("%s: the properties of what was there stay: %s", method, props)
		}
	}
}

// TestWhatThereIsNoRoomForReplacesNothing: a folder stays whole, whatever is copied or moved over it, until that has come.
func TestWhatThereIsNoRoomForReplacesNothing(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		owner, _, store := newStore(t)
		d := &drive{t, dav.New(prefix, base, time.Now), owner}
		for _, at := range []string{"/from/", "/from/in/", "/to/", "/to/in/"} {
			d.want(201, "MKCOL", at, "")
		}
		for i := range 7 {
			d.want(201, "PUT", fmt.Sprint("/from/in/", i), strings.Repeat("x", 10_000))
		}
		for _, at := range []string{"/to/precious", "/to/in/precious"} {
			d.want(201, "PUT", at, "precious")
		}
		store.Limit(80_000)
		over := []string{"Destination", "https://pod.example" + prefix + "/to/", "Overwrite", "T"}
		d.want(507, method, "/from/", "", over...)
		for _, at := range []string{"/to/precious", "/to/in/precious", "/from/in/0", "/from/in/6"} {
			d.want(200, "GET", at, "")
		}
		store.Limit(0)
		d.want(204, method, "/from/", "", over...)
		d.want(200, "GET", "/to/in/6", "")
		for _, at := range []string{"/to/precious", "/to/in/precious"} {
			d.want(404, "GET", at, "")
		}
	}
}

// TestAContainerIsReplacedByItsLike, also where a document and a container have one name.
func TestAContainerIsReplacedByItsLike(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		d := newDrive(t)
		for _, at := range []string{"/from/", "/from/a/", "/to/", "/to/b/", "/to/b/old/"} {
			d.want(201, "MKCOL", at, "")
		}
		for at, text := range map[string]string{"/from/a/leaf": "1", "/from/b": "2", "/from/c": "3", "/to/a": "4", "/to/c": "5", "/to/b/old/leaf": "6"} {
			d.want(201, "PUT", at, text)
		}
		d.want(204, method, "/from/", "", "Destination", "https://pod.example"+prefix+"/to/", "Overwrite", "T")
		for at, text := range map[string]string{"/to/a/leaf": "1", "/to/b": "2", "/to/c": "3"} {
			if got := d.ask(d.owner, "GET", at, "").Body.String(); got != text {
				t.Errorf("%s: %s is %q, want %q", method, at, got, text)
			}
		}
		d.want(404, "GET", "/to/b/old/leaf", "")
	}
}
