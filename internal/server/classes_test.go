package server

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"kith/conformance/twin"
	"kith/webid"
)

// request sends one to a pod as an agent and returns the status and the body.
func (r *room) request(agent webid.Agent, method, path, typ, body string) (int, string) {
	q := httptest.NewRequest(method, r.url+path[1:], strings.NewReader(body))
	if typ != "" {
		q.Header.Set("Content-Type", typ)
	}
	w := httptest.NewRecorder()
	if err := r.answer(w, q, agent, path); err != nil {
		return http.StatusInternalServerError, err.Error()
	}
	text, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(text)
}

const publicACL = `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <../profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
<#all> a acl:Authorization; acl:agentClass %s; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.
`

// TestClassesWhileThePodIsOpen allows and refuses as the command line does, in
// another process, while the pod is served.
func TestClassesWhileThePodIsOpen(t *testing.T) {
	r := newRoom(t)
	ctx, owner := t.Context(), r.people[twin.Owner]
	everyone := strings.Replace(publicACL, "%s", "<"+everybody+">", 1)
	signed := strings.Replace(publicACL, "%s", "acl:AuthenticatedAgent", 1)
	put := func(text string, want int) {
		t.Helper()
		if got, body := r.request(owner, "PUT", "/public/.acl", "text/turtle", text); got != want {
			t.Fatalf("PUT of the ACL: %d %s, want %d", got, body, want)
		}
	}
	get := func(agent webid.Agent, want int) {
		t.Helper()
		if got, body := r.request(agent, "GET", "/public/", "", ""); got != want {
			t.Errorf("GET: %d %s, want %d", got, body, want)
		}
	}
	set := func(o Openness) {
		t.Helper()
		if err := SetClasses(ctx, r.config, DefaultName, o); err != nil {
			t.Fatal(err)
		}
	}
	stranger, elsewhere := webid.Agent{}, webid.StrangerAgent("https://elsewhere.example/#i")
	put(everyone, 422)
	set(Openness{Path: "/public/", Everybody: true, SignedIn: true})
	put(everyone, 201)
	get(stranger, 200)
	set(Openness{Path: "/public/", SignedIn: true})
	get(stranger, 401)
	get(elsewhere, 403)
	put(everyone, 422)
	put(signed, 204)
	get(elsewhere, 200)
	get(stranger, 401)
	set(Openness{Path: "/"})
	set(Openness{Path: "/public/"})
	get(elsewhere, 403)

	set(Openness{Path: "/a%20b/", Everybody: true})
	set(Openness{Path: "/", SignedIn: true})
	got, err := Classes(ctx, r.config, DefaultName)
	if want := []Openness{{"/", false, true}, {"/a%20b/", true, false}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("lists %v, %v", got, err)
	}
	get(elsewhere, 200)
	if code, body := r.request(r.people[twin.Owner], "GET", "/settings/classes", "", ""); code != 200 || !strings.Contains(body, `"/a%20b/"`) {
		t.Errorf("the setting is %d %s", code, body)
	}
	if code, body := r.request(owner, "PUT", "/settings/classes", "application/json", "{}"); code != 409 {
		t.Errorf("it is written other than as a replica: %d %s", code, body)
	}
}

func TestClassesThatCannotBeSet(t *testing.T) {
	r := newRoom(t)
	ctx := t.Context()
	for _, path := range []string{"/public", "public/", "/a/../", "/x.acl/", ""} {
		if err := SetClasses(ctx, r.config, DefaultName, Openness{Path: path, Everybody: true}); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if err := SetClasses(ctx, r.config, "nobody", Openness{Path: "/"}); !errors.Is(err, ErrPerson) {
		t.Errorf("of nobody: %v", err)
	}
	if _, err := Classes(ctx, r.config, "nobody"); !errors.Is(err, ErrPerson) {
		t.Errorf("of nobody: %v", err)
	}
	if err := SetClasses(ctx, r.config, DefaultName, Openness{Path: "/x/", Everybody: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(classesFile(r.config, DefaultName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := SetClasses(ctx, r.config, DefaultName, Openness{Path: "/", Everybody: true}); err == nil {
		t.Error("what cannot be read was replaced")
	}
	if entries, err := os.ReadDir(r.config.Data); err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".new-") }) {
		t.Errorf("left behind: %v %v", entries, err)
	}
}
