package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// laptop is a second device of the owner, which writes with versions of its own.
func (w *world) laptop(owner *resident) *Replica {
	w.t.Helper()
	d := must(newDevice("laptop", everything...))(w.t)
	must(0, owner.Announce(append(owner.Devices, d)...))(w.t)
	must(0, owner.publish(w.ctx(), owner.Person))(w.t)
	return &Replica{Agent: &Agent{Wire: w.wire, Device: d, Pod: owner.Pod}}
}

// at is a version of a device.
func at(counter int, d *Device) string { return fmt.Sprintf("%d.%s", counter, d.kid) }

// winner reads the row that a 409 names.
func winner(t *testing.T, a Answer) Row {
	t.Helper()
	var lost struct{ Winner Row }
	if err := json.Unmarshal(a.Body, &lost); err != nil || a.Status != http.StatusConflict {
		t.Fatalf("want 409 and the winner: %d %s", a.Status, a.Body)
	}
	return lost.Winner
}

// TestOfTwoVersionsTheHigherWins lets two devices of the owner write the same name.
func TestOfTwoVersionsTheHigherWins(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	laptop := w.laptop(alice)
	put := func(r *Replica, counter int, body string) Answer {
		return w.ask(r, r.write("notes/n.txt", "text/plain", at(counter, r.Device), []byte(body)))
	}
	holds := func(want string) {
		t.Helper()
		if got := w.get(alice, "notes/n.txt"); string(got.Body) != want {
			t.Errorf("the note is %d %q, want %q", got.Status, got.Body, want)
		}
	}
	first := put(alice.Replica, 100, "phone")
	var row Row
	if err := json.Unmarshal(first.Body, &row); err != nil || first.Status != http.StatusOK || row.Counter() != 100 || row.Device() != alice.Device.kid || row.Size != 5 || row.Path != "/notes/n.txt" {
		t.Fatalf("the first write: %d %s", first.Status, first.Body)
	}
	if got := winner(t, put(laptop, 99, "laptop, earlier")); got.ETag != row.ETag || got.Counter() != 100 {
		t.Errorf("the winner over an older version is %+v", got)
	}
	holds("phone")
	w.wantStatus("the same bytes, later", put(laptop, 101, "phone"), http.StatusOK)
	if got := winner(t, put(alice.Replica, 100, "phone, meanwhile")); got.Counter() != 101 || got.Device() != laptop.Device.kid {
		t.Errorf("equal bytes did not join at the higher version: %+v", got)
	}
	w.wantStatus("a higher version", put(laptop, 102, "laptop"), http.StatusOK)
	holds("laptop")
	tie := strings.Compare(alice.Device.kid, laptop.Device.kid) > 0
	if got := put(alice.Replica, 102, "tie"); tie != (got.Status == http.StatusOK) {
		t.Errorf("of one counter the device with the greater name wins (%v): %d %s", tie, got.Status, got.Body)
	}

	remove := func(r *Replica, counter int) Answer {
		return w.ask(r, Request{Method: "DELETE", Target: ".replica/notes/n.txt", Header: fields("Kith-Version", at(counter, r.Device))})
	}
	if got := winner(t, remove(alice.Replica, 50)); got.Counter() != 102 {
		t.Errorf("the winner over an old delete is %+v", got)
	}
	id := winner(t, remove(alice.Replica, 50)).ID
	w.wantStatus("a delete of the same counter", remove(laptop, 102), http.StatusNoContent)
	w.wantStatus("a delete of what is gone", remove(laptop, 103), http.StatusNoContent)
	edit := alice.write("notes/n.txt", "text/plain", at(102, alice.Device), []byte("an edit that did not see the delete"))
	edit.Header.Set("Kith-Id", id)
	if got := winner(t, w.ask(alice, edit)); !got.Gone {
		t.Errorf("the winner over an edit of what was deleted is %+v", got)
	}
	if got := w.get(alice, "notes/n.txt"); got.Status != http.StatusNotFound {
		t.Errorf("a delete did not beat an edit: %d", got.Status)
	}
	edit = alice.write("notes/n.txt", "text/plain", at(200, alice.Device), []byte("anew"))
	w.wantStatus("made anew", w.ask(alice, edit), http.StatusOK)
	holds("anew")
}

func (w *world) wantStatus(what string, a Answer, want int) {
	w.t.Helper()
	if a.Status != want {
		w.t.Errorf("%s: %d %s, want %d", what, a.Status, a.Body, want)
	}
}

// TestOfTwoAccessListsThatDidNotSeeEachOtherTheNarrowerWins writes ACLs and contact records of one counter.
func TestOfTwoAccessListsThatDidNotSeeEachOtherTheNarrowerWins(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	laptop := w.laptop(alice)
	audience := must(alice.Audience(w.ctx(), ben.CID))(t)
	for i, narrowFirst := range []bool{true, false} {
		p := newPost(t, fmt.Sprintf("2026-11-2%d", i))
		w.publish(alice, p, postACL(audience))
		narrow := alice.write(p.folder+".acl", "text/turtle", at(1000, alice.Device), postACL(""))
		wide := laptop.write(p.folder+".acl", "text/turtle", at(1000, laptop.Device), postACL(audience))
		if narrowFirst {
			w.wantStatus("the narrower one, first", w.ask(alice, narrow), http.StatusOK)
			winner(t, w.ask(laptop, wide))
		} else {
			w.wantStatus("the wider one, first", w.ask(laptop, wide), http.StatusOK)
			w.wantStatus("the narrower one, later", w.ask(alice, narrow), http.StatusOK)
		}
		if got := w.get(ben, p.folder+"post.jsonld"); got.Status != http.StatusForbidden {
			t.Errorf("narrower first %v: the friend reads: %d", narrowFirst, got.Status)
		}
	}
	card := "contacts/" + ben.CID + "/card"
	text := w.get(alice, card)
	blocked := bytes.Replace(text.Body, []byte(`"kith:blocked":false`), []byte(`"kith:blocked":true`), 1)
	muted := bytes.Replace(text.Body, []byte(`"kith:muted":false`), []byte(`"kith:muted":true`), 1)
	w.wantStatus("blocked on the phone", w.ask(alice, alice.write(card, "application/ld+json", at(2000, alice.Device), blocked)), http.StatusOK)
	winner(t, w.ask(laptop, laptop.write(card, "application/ld+json", at(2000, laptop.Device), muted)))
	if got := w.get(ben, "social/door"); got.Status != http.StatusUnauthorized {
		t.Errorf("who was blocked on one device and muted on the other: %d", got.Status)
	}
}

// TestRowsAreToldInPagesAndAsTheyCome pages through many rows, and waits for one.
func TestRowsAreToldInPagesAndAsTheyCome(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	for i := range 12 {
		must(0, alice.Put(w.ctx(), fmt.Sprintf("many/%d.txt", i), "text/plain", fmt.Append(nil, i)))(t)
	}
	all := must(alice.Rows(w.ctx(), "", 0))(t)
	var seen []Row
	var page Rows
	for after := uint64(0); after == 0 || page.More; after = page.Seq {
		r := Request{Method: "GET", Target: fmt.Sprintf(".replica?epoch=%s&after=%d&limit=3", all.Epoch, after)}
		page = Rows{}
		must(0, alice.into(w.ctx(), r, http.StatusOK, &page))(t)
		if len(page.Rows) == 0 || len(page.Rows) > 3 || page.Head != all.Head {
			t.Fatalf("a page of 3: %+v", page)
		}
		seen = append(seen, page.Rows...)
	}
	if fmt.Sprint(seen) != fmt.Sprint(all.Rows) {
		t.Errorf("in pages:\n%v\nat once:\n%v", seen, all.Rows)
	}
	type told struct {
		rows Rows
		err  error
	}
	wait := func(target string) <-chan told {
		c := make(chan told, 1)
		ctx := w.ctx()
		go func() {
			var r Rows
			err := alice.into(ctx, Request{Method: "GET", Target: target}, http.StatusOK, &r)
			c <- told{r, err}
		}()
		return c
	}
	waiting := wait(fmt.Sprintf(".replica?epoch=%s&after=%d&wait=20", all.Epoch, all.Seq))
	w.put(alice, "many/13.txt", "text/plain", []byte("13"), http.StatusCreated)
	wrote := time.Now()
	got := <-waiting
	if got.err != nil || time.Since(wrote) > 3*time.Second || len(got.rows.Rows) == 0 {
		t.Errorf("who waits is told %v after the write: %+v, %v", time.Since(wrote), got.rows.Rows, got.err)
	}
	must(0, alice.Delete(w.ctx(), "many/"))(t)
	after := must(alice.Rows(w.ctx(), got.rows.Epoch, got.rows.Seq))(t)
	gone := 0
	for _, r := range after.Rows {
		if r.Gone && r.Path == "" {
			gone++
		}
	}
	if gone != 14 {
		t.Errorf("a folder of 13 was deleted, and %d rows tell of it: %+v", gone, after.Rows)
	}
	text, err := json.Marshal(after.Rows)
	if err != nil || bytes.Contains(text, []byte("many")) {
		t.Errorf("a tombstone has a name: %s %v", text, err)
	}
}

// TestWhatNoReplicaMayWriteIsRefused sends rows with broken versions, times and handles.
func TestWhatNoReplicaMayWriteIsRefused(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	good := func() Request { return alice.write("x.txt", "text/plain", at(10, alice.Device), []byte("x")) }
	for name, edit := range map[string]func(*Request){
		"no version":               func(r *Request) { r.Header.Del("Kith-Version") },
		"a version without device": func(r *Request) { r.Header.Set("Kith-Version", "7") },
		"a negative version":       func(r *Request) { r.Header.Set("Kith-Version", "-7."+alice.Device.kid) },
		"a version beyond all":     func(r *Request) { r.Header.Set("Kith-Version", "99999999999999999999."+alice.Device.kid) },
		"a version near the end":   func(r *Request) { r.Header.Set("Kith-Version", "18446744073709551615."+alice.Device.kid) },
		"a broken handle":          func(r *Request) { r.Header.Set("Kith-Id", "../../x") },
		"a time that is none":      func(r *Request) { r.Header.Set("Kith-Modified", "yesterday") },
		"a container with a body":  func(r *Request) { r.Target = ".replica/x/" },
		"the root":                 func(r *Request) { r.Method, r.Target = "DELETE", ".replica/" },
		"another method":           func(r *Request) { r.Method = "POST" },
	} {
		r := good()
		edit(&r)
		if got := w.ask(alice, r); got.Status < 400 || got.Status > 499 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := w.get(alice, "x.txt"); got.Status != http.StatusNotFound {
		t.Errorf("a row that was refused is there: %d", got.Status)
	}
	r := good()
	w.wantStatus("a row without a fault", w.ask(alice, r), http.StatusOK)
	r.Target = ".replica/profile/devices"
	w.wantStatus("a list that is none", w.ask(alice, r), http.StatusUnprocessableEntity)
	for _, target := range []string{".replica?after=x", ".replica?limit=0", ".replica?limit=100000", ".replica?wait=1000", ".replica?after=1&after=2"} {
		if got := w.get(alice, target); got.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", target, got.Status, got.Body)
		}
	}
}
