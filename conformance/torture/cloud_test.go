package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/conformance"
)

// cloud is a pod with a folder of files, and a copy of them that a cloud drive still has.
type cloud struct {
	*stand
	tree, kept string
}

const clouded = 40 // files in work/

func newCloud(t *testing.T) *cloud {
	t.Helper()
	s := newStand(t)
	for i := range clouded {
		s.must(put(fmt.Sprintf("work/%d.txt", i), "text/plain", letters(i, 5_000)))
	}
	c := &cloud{s, filepath.Join(s.data, "pods", "ana"), t.TempDir()}
	s.ok(os.CopyFS(c.kept, os.DirFS(c.tree)))
	return c
}

// empty deletes all that is in the folder, as a cloud drive does that was told so elsewhere, and waits until
// the server asks.
func (c *cloud) empty() {
	c.t.Helper()
	entries, err := os.ReadDir(c.tree)
	c.ok(err)
	for _, e := range entries {
		c.ok(os.RemoveAll(filepath.Join(c.tree, e.Name())))
	}
	eventually(c.t, "the owner is asked", func() bool { return strings.Contains(c.troubles(), "deletions\n") })
	eventually(c.t, "nothing is served", func() bool { return c.get(c.owner, "work/1.txt").Status == http.StatusNotFound })
	if n := c.tombstones(); n > 0 {
		c.t.Errorf("%d resources are deleted, and nobody was asked", n)
	}
}

// tombstones counts what other devices are told to delete.
func (c *cloud) tombstones() (n int) {
	c.t.Helper()
	rows, err := c.owner.Rows(c.ctx(), "", 0)
	c.ok(err)
	for _, r := range rows.Rows {
		if r.Gone {
			n++
		}
	}
	return n
}

// seen returns what names the deletions that are held.
func (c *cloud) seen() string {
	c.t.Helper()
	var all []struct{ Kind, Seen string }
	c.ok(json.Unmarshal(c.get(c.owner, ".trouble").Body, &all))
	for _, one := range all {
		if one.Kind == "deletions" {
			return one.Seen
		}
	}
	c.t.Fatal("nothing is held")
	return ""
}

// decide says whether what disappeared is to be deleted.
func (c *cloud) decide(remove bool) {
	c.t.Helper()
	r := conformance.Request{
		Method: http.MethodPost, Target: ".trouble/deletions", Header: http.Header{"Content-Type": {"application/json"}},
		Body: fmt.Appendf(nil, `{"delete":%v,"seen":%q}`, remove, c.seen()),
	}
	answer, err := c.owner.Do(c.ctx(), r)
	c.ok(err)
	if answer.Status >= 300 {
		c.t.Fatalf("the decision: %d %s", answer.Status, answer.Body)
	}
	if text := c.troubles(); strings.Contains(text, "deletions") {
		c.t.Errorf("after the decision the owner is asked of %s", text)
	}
}

// TestACloudThatDeletesEverythingIsNotBelieved empties the folder of a running pod: nothing is deleted elsewhere, and
// what comes back is served as it was.
func TestACloudThatDeletesEverythingIsNotBelieved(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.empty()
	c.ok(os.CopyFS(c.tree, os.DirFS(c.kept)))
	eventually(t, "all is served", func() bool {
		for name := range c.ledger {
			if c.get(c.owner, name).Status != http.StatusOK {
				return false
			}
		}
		return true
	})
	c.read()
	eventually(t, "the owner is asked no more", func() bool { return !strings.Contains(c.troubles(), "deletions") })
	c.kill()
	c.start()
	c.check()
	if n := c.tombstones(); n > 0 {
		t.Errorf("%d resources are deleted", n)
	}
}

// TestWhatACloudHasDeletedIsDeletedWhenTheOwnerSaysSo decides both ways on an emptied folder.
func TestWhatACloudHasDeletedIsDeletedWhenTheOwnerSaysSo(t *testing.T) {
	t.Parallel()
	for _, remove := range []bool{true, false} {
		t.Run(fmt.Sprintf("delete: %v", remove), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.empty()
			c.decide(remove)
			c.kill()
			c.start()
			if n := c.tombstones(); remove != (n >= clouded) || !remove && n > 0 {
				t.Errorf("%d resources are deleted", n)
			}
			if got := c.get(c.owner, "work/1.txt"); got.Status != http.StatusNotFound {
				t.Errorf("what is lost is answered with %d", got.Status)
			}
			c.must(put("work/new.txt", "text/plain", "it goes on"))
		})
	}
}

// troubles returns the paths of which the owner hears, a line each.
func (s *stand) troubles() string {
	s.t.Helper()
	answer := s.get(s.owner, ".trouble")
	var all []struct {
		Kind  string
		Paths []string
	}
	if err := json.Unmarshal(answer.Body, &all); err != nil {
		s.t.Fatalf("%d %s: %v", answer.Status, answer.Body, err)
	}
	text := ""
	for _, one := range all {
		text += one.Kind + "\n" + strings.Join(one.Paths, "\n") + "\n"
	}
	return text
}
