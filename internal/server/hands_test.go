package server

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAHandDoesNotDeleteTheLists: the pod brings them back as they were, and no device is told to delete them; nor does a
// device that asks for it.
func TestAHandDoesNotDeleteTheLists(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	for name, want := range map[string]string{"devices": b.owner.lists.Devices.String(), "keys": b.owner.lists.Keys.String()} {
		before := b.phone.must(http.StatusOK, "GET", "/.replica/profile/"+name, "")
		b.phone.must(http.StatusConflict, "DELETE", "/.replica/profile/"+name, "", "Kith-Version", "90000."+b.owner.kid())
		b.phone.must(http.StatusConflict, "DELETE", "/.replica/profile/", "", "Kith-Version", "90000."+b.owner.kid())
		file := filepath.Join(b.dir, "pods", DefaultName, "profile", name)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+" is back", func() bool {
			c.pass(time.Second)
			text, err := os.ReadFile(file)
			return err == nil && string(text) == want
		})
		eventually(t, name+" is served", func() bool {
			c.pass(time.Second)
			a, err := b.phone.ask("GET", "/.replica/profile/"+name, "")
			return err == nil && a.status == http.StatusOK && a.body == before.body
		})
	}
}

// TestAMissingListIsTold, in words that say what brings it, until it is there again.
func TestAMissingListIsTold(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	if text := said(t, b.me(), "lists"); text != "" {
		t.Error(text)
	}
	b.stop()
	file := filepath.Join(b.dir, "pods", DefaultName, "profile", "keys")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	b.start()
	for _, part := range []string{"/profile/keys is missing", "when Kith is opened there", "recovery kit"} {
		if text := said(t, b.me(), "lists"); !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
	b.owner.put(b.phone, "/profile/keys", "application/jose", b.owner.lists.Keys.String())
	if text := said(t, b.me(), "lists"); text != "" {
		t.Error(text)
	}
}

// TestADriveDoesNotTakeThePersonOver: whoever has an app password neither deletes, moves nor writes what says who the owner
// is and how the owner is reached, alone or with its folder, and nothing is put in its place.
func TestADriveDoesNotTakeThePersonOver(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	b.owner.put(b.phone, "/profile/name", "text/plain", "Ana")
	b.owner.put(b.phone, "/settings/classes", "application/json", "{}")
	b.owner.put(b.phone, kitPath, "application/jose", b.owner.kit(1, b.owner.person))
	b.owner.put(b.phone, backupPath, "application/json", `{"backups":[{"place":"/disk","kits":["k"]}]}`)
	s := httptest.NewServer(withStallLimits(b.Server))
	defer s.Close()
	password, err := Person{b.config, DefaultName}.AddPassword(t.Context(), "laptop")
	if err != nil {
		t.Fatal(err)
	}
	d := &drive{Server: s, kith: b.Server, password: password}
	ask := func(method, path string, header ...string) int {
		status, _, _ := d.ask(t, password.Secret, method, "/me/.dav"+path, "mine", header...)
		return status
	}
	if got := ask(http.MethodPut, "/mine"); got != http.StatusCreated {
		t.Fatal(got)
	}
	names := []string{"/profile/devices", "/profile/keys", "/profile/name", "/settings/relays", "/settings/classes", kitPath, backupPath}
	before := map[string]string{}
	for _, name := range names {
		before[name] = b.phone.must(http.StatusOK, "GET", "/.replica"+name, "").body
	}
	to := func(path string) []string {
		return []string{"Destination", s.URL + "/me/.dav" + path, "Overwrite", "T"}
	}
	for _, name := range append(names, "/profile/", "/settings/") {
		for _, one := range []struct {
			name string
			got  int
		}{
			{"DELETE", ask(http.MethodDelete, name)},
			{"PUT", ask(http.MethodPut, strings.TrimSuffix(name, "/"))},
			{"MOVE of", ask("MOVE", name, to("/elsewhere")...)},
			{"MOVE onto", ask("MOVE", "/mine", to(name)...)},
			{"COPY onto", ask("COPY", "/mine", to(name)...)},
			{"MKCOL", ask("MKCOL", name)},
			{"LOCK and DELETE below", ask(http.MethodDelete, name+"/x")},
		} {
			if one.got < 400 {
				t.Errorf("%s %s: %d", one.name, name, one.got)
			}
		}
		for _, name := range names {
			if got := b.phone.must(http.StatusOK, "GET", "/.replica"+name, "").body; got != before[name] {
				t.Fatalf("%s holds %q", name, got)
			}
		}
	}
	if status, text, _ := d.ask(t, password.Secret, http.MethodGet, "/me/.dav/settings/relays", ""); status != http.StatusNotFound {
		t.Errorf("the relays are shown: %d %s", status, text)
	}
}

// TestADeviceDoesNotDeleteThePerson nor say nonsense of how the person is reached: what it asks is refused, and stands as it was.
func TestADeviceDoesNotDeleteThePerson(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	b.owner.put(b.phone, "/profile/name", "text/plain", "Ana")
	version := "90000." + b.owner.kid()
	for _, name := range []string{"/profile/name", relaysPath} {
		before := b.phone.must(http.StatusOK, "GET", "/.replica"+name, "").body
		a := b.phone.must(http.StatusConflict, "DELETE", "/.replica"+name, "", "Kith-Version", version)
		if !strings.Contains(a.body, `"winner"`) || !strings.Contains(a.body, name) {
			t.Errorf("%s: it is told %s", name, a.body)
		}
		if got := b.phone.must(http.StatusOK, "GET", "/.replica"+name, "").body; got != before {
			t.Errorf("%s holds %q", name, got)
		}
	}
	b.phone.must(http.StatusUnprocessableEntity, "DELETE", "/.replica/.acl", "", "Kith-Version", version)
	for _, container := range []string{"/profile/", "/settings/"} {
		b.phone.must(http.StatusConflict, "DELETE", "/.replica"+container, "", "Kith-Version", version)
	}
	for _, body := range []string{"", "{}", "null", `{"secret":"AAAA","hop":true,"relays":[],"old":[]}`, `{"secret":`} {
		a, err := b.phone.ask("PUT", "/.replica"+relaysPath, body, "Content-Type", "application/json", "Kith-Version", version)
		if err != nil || a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest {
			t.Errorf("relays of %q: %d %s, %v", body, a.status, a.body, err)
		}
	}
	for _, list := range []string{"/profile/devices", "/profile/keys"} {
		a, err := b.phone.ask("PUT", "/.replica"+list, b.ben.lists.Devices.String(), "Content-Type", "application/jose", "Kith-Version", version)
		if err != nil || a.status < 400 || a.status >= 500 {
			t.Errorf("%s of somebody else: %d %s, %v", list, a.status, a.body, err)
		}
	}
	if got := b.settings(); len(got.Relays) == 0 {
		t.Error("the relays are gone")
	}
}
