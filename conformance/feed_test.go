package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAFeedIsPagedAmongWhatItsReaderMaySee mixes posts for two friends: each pages through their own, as if
// there were no others.
func TestAFeedIsPagedAmongWhatItsReaderMaySee(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	cleo := w.befriend(alice, must(newPerson("cleo"))(t))
	empty := w.feed(cleo)
	if len(empty.Items) > 0 || empty.Next != "" || empty.Cursor == "" || empty.Type != "OrderedCollectionPage" {
		t.Errorf("the feed of a pod without posts: %+v", empty)
	}
	forBen := must(alice.Audience(w.ctx(), ben.CID))(t)
	forCleo := must(alice.Audience(w.ctx(), cleo.CID))(t)
	var want []string
	for i := range 11 {
		p := newPost(t, fmt.Sprintf("2026-11-%02d", 10+i))
		if i%2 == 0 {
			w.publish(alice, p, postACL(forBen))
			want = append([]string{p.object()}, want...)
		} else {
			w.publish(alice, p, postACL(forCleo))
		}
	}
	first := must(ben.Feed(w.ctx(), "limit=2"))(t)
	var got []string
	page, pages := first, 1
	for {
		for _, item := range page.Items {
			got = append(got, item.Object)
		}
		if page.Cursor != first.Cursor {
			t.Errorf("page %d carries the cursor %s, the first %s", pages, page.Cursor, first.Cursor)
		}
		_, query, more := strings.Cut(page.Next, "feed?")
		if !more {
			break
		}
		if stolen := w.get(cleo, "social/feed?"+query); stolen.Status != http.StatusGone {
			t.Errorf("another friend asks for the next page: %d %s", stolen.Status, stolen.Body)
		}
		page, pages = must(ben.Feed(w.ctx(), query))(t), pages+1
	}
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("in %d pages:\n%q\nwant\n%q", pages, got, want)
	}
	news := w.since(ben, first.Cursor)
	if len(news.Items) != 0 {
		t.Errorf("nothing happened, and the feed has %+v", news.Items)
	}

	// What happens is told once for each post, the oldest first, and in pieces.
	for _, object := range want[:3] {
		must(0, alice.Put(w.ctx(), "social/"+object+"more.txt", "text/plain", []byte("more")))(t)
		must(0, alice.Put(w.ctx(), "social/"+object+"more.txt", "text/plain", []byte("and more")))(t)
	}
	cursor := first.Cursor
	for i := range 3 {
		piece := must(ben.Feed(w.ctx(), "limit=1&cursor="+cursor))(t)
		if len(piece.Items) != 1 || piece.Items[0].Type != "Update" || piece.Items[0].Object != want[i] {
			t.Errorf("piece %d: %+v, want an Update of %s", i, piece.Items, want[i])
		}
		cursor = piece.Cursor
	}
	if rest := w.since(ben, cursor); len(rest.Items) != 0 {
		t.Errorf("after the last piece: %+v", rest.Items)
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "wait=26&cursor=" + cursor, "wait=-1&cursor=" + cursor, "page=x", "page=" + cursor, "cursor=" + cursor + "&page=x", "inline=2", "limit=1&limit=2"} {
		if got := w.get(ben, "social/feed?"+query); got.Status != http.StatusBadRequest {
			t.Errorf("feed?%.30s: %d %s", query, got.Status, got.Body)
		}
	}
	for _, method := range []string{"PUT", "POST", "DELETE"} {
		for _, target := range []string{"social/feed", "social/door"} {
			r := Request{Method: method, Target: target, Header: fields("Content-Type", "text/plain")}
			w.want(w.ask(ben, r), r, http.StatusMethodNotAllowed)
		}
	}
}

// TestWhoWaitsForNothingIsAnsweredInTime asks that a long poll ends when its time is over.
func TestWhoWaitsForNothingIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	ben := w.befriend(people[0], must(newPerson("ben"))(t))
	cursor := w.feed(ben).Cursor
	start := time.Now()
	page := must(ben.Since(w.ctx(), cursor, "2"))(t)
	if took := time.Since(start); took < 2*time.Second || took > 5*time.Second || len(page.Items) > 0 || page.Cursor != cursor {
		t.Errorf("after %v: %+v", took, page)
	}
	// A server that stops does not let those who wait hold it up for long. The door is asked over a connection
	// that is opened later, so that the server has the first request by then.
	poll := must(ben.sign(w.ctx(), Request{Method: http.MethodGet, Target: "social/feed?wait=25&cursor=" + cursor}))(t)
	conn := must(w.wire.Dial(w.ctx()))(t)
	defer conn.Close()
	must(0, w.wire.write(conn, poll))(t)
	must(ben.Door(w.ctx()))(t)
	start = time.Now()
	w.restart(func() {
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("to stop took %v", took)
		}
	})
}
