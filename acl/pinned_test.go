package acl

import (
	"context"
	"testing"

	"kith/pod"
	"kith/webid"
)

// TestThePinnedStay: no version deletes what says who the owner is and how the owner is reached, alone or with its
// container, and nobody else deletes it at all.
func TestThePinnedStay(t *testing.T) {
	w, ctx := newWorld(t, Config{}), context.Background()
	d := w.device()
	_, err := d.r.Delete(ctx, path(t, "/profile/"), at(5, "a"))
	is(t, "a container without them", err, nil)
	for _, list := range pinned {
		if _, _, err := d.put(list, "application/jose", list, at(5, "a"), ""); err != nil {
			t.Fatal(err)
		}
		above := path(t, list).Parent()
		_, err := d.r.Delete(ctx, above, at(1000, "z"))
		is(t, "their container with "+list, err, ErrSuperseded)
		stands, err := d.r.Delete(ctx, path(t, list), at(1000, "z"))
		is(t, list, err, ErrSuperseded)
		if stands.Path.String() != list || stands.Version != at(5, "a") {
			t.Errorf("told of %+v", stands)
		}
		for name, agent := range map[string]webid.Agent{"a device": owner, "an app": webid.AppAgent(testOwner, "https://app.example/", "consent")} {
			v := w.guard.As(agent)
			want := ErrReplica
			if (list == secrets || list == kits) && name == "an app" { // to which it does not exist
				want = pod.ErrNotExist
			}
			is(t, name+" deletes "+list, v.Delete(ctx, path(t, list), pod.Precondition{}), want)
			if err := v.Delete(ctx, above, pod.Precondition{}); err == nil {
				t.Errorf("%s deletes their container", name)
			}
		}
		if got := d.read(list); got != list {
			t.Errorf("%s holds %q", list, got)
		}
	}
	if _, _, err := d.put("/profile/other", "text/plain", "x", at(5, "a"), ""); err != nil {
		t.Fatal(err)
	}
	_, err = d.r.Delete(ctx, path(t, "/profile/other"), at(6, "a"))
	is(t, "what lies beside them", err, nil)
}
