package server

import (
	"net/http"
	"testing"
)

func TestAPodBehindANATIsPairedInvitesAndIsRead(t *testing.T) {
	c := newClock()
	p := newPost(t, c.now)
	b := newFriends(t, p)
	b.share("2026-11-22-a", `{"content":"for Ben"}`, true)
	b.share("2026-11-22-b", `{"content":"for nobody"}`, false)
	if a := b.ana.must(http.StatusOK, "GET", "/social/posts/2026-11-22-a/post.jsonld", ""); a.body != `{"content":"for Ben"}` || a.header.Get("Kith-By") != b.me().sealed.Device {
		t.Errorf("Ben reads %+v", a)
	}
}
