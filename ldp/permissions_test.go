package ldp_test

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kith/acl"
)

//go:embed testdata/permissions.txt
var permissions string

var actors = []string{"owner", "reader", "adder", "writer", "other", "stranger"}

// shared makes the pod that the permission table is about.
func shared(t testing.TB) *server {
	t.Helper()
	s := newServer(t, acl.Config{})
	s.put("/box/note", "text/plain", "note")
	s.put("/box/data", "text/turtle", data)
	s.put("/box/full/x", "text/plain", "x")
	s.want("owner", "PUT", "/box/void/", "", 201)
	s.acl("/box/.acl", give("reader", "acl:Read"), give("adder", "acl:Append"), give("writer", "acl:Read, acl:Write"))
	hide(s)
	return s
}

// hide puts into /box/ what is for the owner only.
func hide(s *server) {
	s.t.Helper()
	s.put("/box/secret", "text/plain", "secret")
	s.put("/box/secret.acl", "text/turtle", prefix+strings.ReplaceAll(ownerRule, "./", "secret"))
	s.put("/box/vault/x", "text/plain", "x")
	s.acl("/box/vault/.acl")
}

func TestPermissions(t *testing.T) {
	for _, line := range strings.Split(permissions, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" || strings.HasPrefix(fields[0], "#") {
			continue
		}
		n := len(fields) - len(actors)
		method, path, expected := fields[0], fields[1], fields[n:]
		var headers []string
		for _, h := range fields[2:n] {
			headers = append(headers, strings.Replace(h, "=", ": ", 1))
		}
		t.Run(strings.Join(fields[:n], " "), func(t *testing.T) {
			t.Parallel()
			permission(t, method, path, headers, expected)
		})
	}
}

// data is the graph that is patched.
const data = `<#me> <x:name> "v", "w" .`

var patchType = map[string]string{"Patch": "text/n3", "Update": "application/sparql-update"}

// patches are what the table sends, by their kind and name.
var patches = map[string]map[string]string{
	"Patch": {
		"insert":  n3(`solid:inserts { <#x> <x:name> "1" . }`),
		"delete":  n3(`solid:deletes { <#me> <x:name> "v" . }`),
		"where":   n3(`solid:where { ?s <x:name> "v" . }; solid:inserts { ?s <x:name> "2" . }`),
		"absent":  n3(`solid:deletes { <#me> <x:name> "none" . }`),
		"nowhere": n3(`solid:where { ?s <x:name> ?o . }; solid:inserts { ?s <x:name> "2" . }`),
		"broken":  "<",
		"two":     n3(`solid:inserts { <#x> <x:name> "1" . }`) + "<#q> a solid:InsertDeletePatch .",
		"empty":   "",
	},
	"Update": {
		"insert": `INSERT DATA { <#x> <x:name> "1" . }`,
		"delete": `DELETE DATA { <#me> <x:name> "v" . }`,
		"where":  `DELETE { ?s <x:name> "v" . } INSERT { ?s <x:name> "2" . } WHERE { ?s <x:name> "v" . }`,
		"absent": `DELETE DATA { <#me> <x:name> "none" . }`,
	},
}

// n3 returns a patch with some properties.
func n3(properties string) string {
	return "@prefix solid: <http://www.w3.org/ns/solid/terms#> .\n<#p> a solid:InsertDeletePatch; " + properties + " .\n"
}

// permission sends one request as each actor, to a fresh pod where it may change
// something.
func permission(t *testing.T, method, path string, headers, expected []string) {
	var s *server
	for i, who := range actors {
		status, err := strconv.Atoi(expected[i])
		if err != nil {
			t.Fatal(err)
		}
		if s == nil || status < 300 && method != "GET" && method != "HEAD" {
			s = shared(t)
		}
		h := headers
		body := ""
		if kind, name, ok := strings.Cut(strings.Join(headers, ""), ": "); ok && method == "PATCH" && patches[kind] != nil {
			name, _, _ = strings.Cut(name, "If-")
			body, h = patches[kind][name], append([]string{"Content-Type: " + patchType[kind]}, headers[1:]...)
		}
		if method == "PUT" || method == "POST" {
			body = "new"
			typ := "text/plain"
			if strings.HasSuffix(path, ".acl") || strings.HasSuffix(path, ".meta") {
				body, typ = prefix+ownerRule, "text/turtle"
			}
			if strings.HasSuffix(path, "/") && method == "PUT" {
				body = ""
			}
			h = append([]string{"Content-Type: " + typ}, h...)
		}
		res := s.do(who, method, path, body, h...)
		if res.status != status {
			t.Errorf("%s gets %d %s, want %d", who, res.status, strings.TrimSpace(res.body), status)
		}
		check(t, method, res)
		if status < 300 && method != "GET" && method != "HEAD" && method != "OPTIONS" {
			s = nil
		}
	}
}

// check asks of a response what holds for every one.
func check(t *testing.T, method string, res response) {
	t.Helper()
	if !strings.Contains(res.header.Get("Vary"), "Authorization") {
		t.Errorf("Vary is %q", res.header.Get("Vary"))
	}
	if res.status >= 400 {
		if method != "HEAD" {
			res.problem(t)
		}
		if res.header.Get("WAC-Allow") != "" || res.header.Get("ETag") != "" ||
			slices.ContainsFunc(res.header["Link"], func(l string) bool { return !strings.HasSuffix(l, `; rel="http://www.w3.org/ns/ldp#constrainedBy"`) }) {
			t.Errorf("an error tells %v", res.header)
		}
	}
	if (res.status == 401) != (res.header.Get("WWW-Authenticate") == challenge) {
		t.Errorf("%d with challenge %q", res.status, res.header.Get("WWW-Authenticate"))
	}
	if (res.status == 405) != (res.header.Get("Allow") != "" && res.status >= 400) {
		t.Errorf("%d with Allow %q", res.status, res.header.Get("Allow"))
	}
}
