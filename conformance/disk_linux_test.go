package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
)

// TestAFullDiskIsSaidAndReadingAndDeletingStillWork fills a small file system on which everything lies.
func TestAFullDiskIsSaidAndReadingAndDeletingStillWork(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "6m") // its cleanup is registered before the server's own, and so runs after it
	w, people := worldIn(t, filepath.Join(disk, "data"), "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	p, _ := w.furnish(alice, ben.CID)

	kept := w.fill(alice)
	if len(kept) == 0 {
		t.Fatal("nothing fitted")
	}
	for _, r := range []Request{
		{Method: "PUT", Target: "full/again.bin", Header: fields("Content-Type", "application/octet-stream"), Body: make([]byte, 1<<20)},
		{Method: "POST", Target: "full/", Header: fields("Content-Type", "application/octet-stream"), Body: make([]byte, 1<<20)},
		alice.write("full/again.bin", "application/octet-stream", alice.version(), make([]byte, 1<<20)),
	} {
		w.want(w.ask(alice, r), r, http.StatusInsufficientStorage)
	}
	w.downloads(ben, p)
	w.sees(ben, p)
	for name, body := range kept {
		if got := w.get(alice, name); got.Status != http.StatusOK || !bytes.Equal(got.Body, body) {
			t.Errorf("%s on a full disk: %d, %d of %d bytes", name, got.Status, len(got.Body), len(body))
		}
	}
	for name := range kept {
		r := Request{Method: "DELETE", Target: name}
		w.want(w.ask(alice, r), r, http.StatusNoContent)
	}
	must(0, alice.Delete(w.ctx(), p.folder))(t)
	w.erased(p)
	w.put(alice, "full/again.bin", "application/octet-stream", make([]byte, 1<<20), http.StatusCreated)
	w.restart(func() {})
	if got := w.get(alice, "full/again.bin"); got.Status != http.StatusOK || len(got.Body) != 1<<20 {
		t.Errorf("after the disk was full: %d, %d bytes", got.Status, len(got.Body))
	}
}

// fill writes ever smaller files until none fits, and returns those that did.
func (w *world) fill(owner *resident) map[string][]byte {
	w.t.Helper()
	kept := map[string][]byte{}
	for size := 1 << 20; size >= 1<<10; {
		name := fmt.Sprintf("full/%d.bin", len(kept))
		body := bytes.Repeat([]byte{byte(len(kept))}, size)
		r := Request{Method: "PUT", Target: name, Header: fields("Content-Type", "application/octet-stream"), Body: body}
		switch got := w.ask(owner, r); got.Status {
		case http.StatusCreated:
			kept[name] = body
		case http.StatusInsufficientStorage:
			if got := w.get(owner, name); got.Status != http.StatusNotFound {
				w.t.Errorf("%s was refused and is there: %d", name, got.Status)
			}
			size /= 2
		default:
			w.t.Fatalf("write %d bytes: %d %s", size, got.Status, got.Body)
		}
	}
	return kept
}
