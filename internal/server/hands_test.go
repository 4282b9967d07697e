package server

import (
	"net/http"
	"os"
	"path/filepath"
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
