package ldp_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"kith/acl"
)

// TestReplicatedResources holds for what the server takes in from the owner's
// devices: it is not written beside them, and those without rights are told
// nothing else than elsewhere.
func TestReplicatedResources(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.acl("/profile/.acl", give("reader", "acl:Read"), give("writer", "acl:Read, acl:Write"))
	for _, name := range []string{"devices", "keys", "name"} {
		for _, who := range []string{"owner", "writer"} {
			s.want(who, "PUT", "/profile/"+name, "x", 409, "Content-Type: text/plain")
			s.want(who, "PUT", "/profile/"+name, "x", 409, "Content-Type: text/plain", "If-None-Match: *")
			s.want(who, "PUT", "/profile/"+name+"/", "", 409)
		}
		res := s.want("owner", "POST", "/profile/", "x", 409, "Content-Type: text/plain", "Slug: "+name)
		if detail := res.problem(t); !strings.Contains(detail, "replica") {
			t.Errorf("%q does not say how it is written", detail)
		}
		s.want("owner", "GET", "/profile/"+name, "", 404)
		for _, who := range []string{"stranger", "none", "reader"} {
			for _, method := range []string{"PUT", "DELETE"} {
				got := s.do(who, method, "/profile/"+name, "x", "Content-Type: text/plain")
				want := s.do(who, method, "/profile/other", "x", "Content-Type: text/plain")
				if got.head() != want.head() || got.body != want.body {
					t.Errorf("%s %s as %s: %s%s, but elsewhere %s%s", method, name, who, got.head(), got.body, want.head(), want.body)
				}
			}
		}
	}
	s.want("owner", "PUT", "/profile/card", "", 201, "Content-Type: text/turtle")
	s.want("owner", "DELETE", "/profile/card", "", 204)
}

// TestReplicatedResourcesStay holds for those that are there.
func TestReplicatedResourcesStay(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.raw("/profile/name", "text/plain", "Ann")
	s.want("owner", "DELETE", "/profile/name", "", 409)
	s.want("owner", "PUT", "/profile/name", "x", 409, "Content-Type: text/plain")
	if got := s.want("owner", "GET", "/profile/name", "", 200); got.body != "Ann" {
		t.Errorf("got %q", got.body)
	}
	s.want("stranger", "DELETE", "/profile/name", "", 401)
}

// unread is a body that fails the test when it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of somebody without rights was read")
	return 0, io.EOF
}

// TestRightsBeforeBodies sends bodies to those who may not write: none is read.
func TestRightsBeforeBodies(t *testing.T) {
	s := newServer(t, acl.Config{})
	for _, c := range []struct{ method, path, link string }{
		{"PUT", "/x", ""}, {"PUT", "/x/", ""}, {"POST", "/", ""}, {"POST", "/", `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`},
	} {
		for who, want := range map[string]int{"stranger": 401, "none": 403} {
			r := httptest.NewRequest(c.method, base, unread{t})
			r.ContentLength = 100
			r.Header.Set("Content-Type", "text/turtle")
			if c.link != "" {
				r.Header.Set("Link", c.link)
			}
			if got := s.serve(who, r, c.path); got.status != want {
				t.Errorf("%s %s as %s: %d, want %d", c.method, c.path, who, got.status, want)
			}
		}
	}
}

// TestBodyThatDoesNotArrive holds whatever the connection says: it is the
// client's to mend, and nothing for the log of the server.
func TestBodyThatDoesNotArrive(t *testing.T) {
	s := newServer(t, acl.Config{})
	for _, err := range []error{syscall.ECONNRESET, errors.New("invalid byte in chunk length"), io.ErrUnexpectedEOF} {
		for _, path := range []string{"/x", "/x/", "/x.acl"} {
			r := httptest.NewRequest("PUT", base, failing{err})
			r.ContentLength = 100
			r.Header.Set("Content-Type", "text/turtle")
			if got := s.serve("owner", r, path); got.status != 400 {
				t.Errorf("PUT %s, %v: %d %s", path, err, got.status, got.body)
			}
		}
	}
}
