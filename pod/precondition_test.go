package pod

import (
	"errors"
	"testing"
	"time"
)

func TestPreconditionCheck(t *testing.T) {
	const etag = `"a"`
	modified := time.Date(2026, 11, 22, 10, 0, 0, 5e8, time.UTC)
	second := modified.Truncate(time.Second)
	for _, c := range []struct {
		name   string
		pre    Precondition
		exists bool
		etag   string
		holds  bool
	}{
		{"none", Precondition{}, false, "", true},
		{"If-Match with the tag", Precondition{IfMatch: []string{`"b"`, etag}}, true, etag, true},
		{"If-Match with another tag", Precondition{IfMatch: []string{`"b"`}}, true, etag, false},
		{"If-Match with a weak tag", Precondition{IfMatch: []string{`W/"a"`}}, true, etag, false},
		{"If-Match with a star on what exists", Precondition{IfMatch: []string{"*"}}, true, etag, true},
		{"If-Match with a star on what does not", Precondition{IfMatch: []string{"*"}}, false, "", false},
		{"If-Match with a tag on what does not exist", Precondition{IfMatch: []string{etag}}, false, "", false},
		{"If-Match with an empty tag", Precondition{IfMatch: []string{""}}, true, "", false},
		{"If-None-Match with a star on what does not exist", Precondition{IfNoneMatch: []string{"*"}}, false, "", true},
		{"If-None-Match with a star on what exists", Precondition{IfNoneMatch: []string{"*"}}, true, etag, false},
		{"If-None-Match with the tag", Precondition{IfNoneMatch: []string{etag}}, true, etag, false},
		{"If-None-Match with the tag, weak", Precondition{IfNoneMatch: []string{`W/"a"`}}, true, etag, false},
		{"If-None-Match with another tag", Precondition{IfNoneMatch: []string{`"b"`}}, true, etag, true},
		{"If-Unmodified-Since with the second of the change", Precondition{UnmodifiedSince: second}, true, etag, true},
		{"If-Unmodified-Since with a later time", Precondition{UnmodifiedSince: second.Add(time.Hour)}, true, etag, true},
		{"If-Unmodified-Since with the second before", Precondition{UnmodifiedSince: second.Add(-time.Second)}, true, etag, false},
		{"If-Unmodified-Since on what does not exist", Precondition{UnmodifiedSince: second.Add(-time.Second)}, false, "", true},
		{"If-Unmodified-Since beside If-Match does not count", Precondition{IfMatch: []string{etag}, UnmodifiedSince: second.Add(-time.Second)}, true, etag, true},
		{"both, and the second fails", Precondition{IfMatch: []string{etag}, IfNoneMatch: []string{"*"}}, true, etag, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.pre.Check(c.exists, c.etag, modified)
			if holds := err == nil; holds != c.holds || !holds && !errors.Is(err, ErrPrecondition) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestVersionLess(t *testing.T) {
	for _, c := range []struct {
		a, b Version
		want bool
	}{
		{Version{}, Version{1, "a"}, true},
		{Version{1, "b"}, Version{2, "a"}, true},
		{Version{2, "a"}, Version{1, "b"}, false},
		{Version{2, "a"}, Version{2, "b"}, true},
		{Version{2, "a"}, Version{2, "a"}, false},
	} {
		if got := c.a.Less(c.b); got != c.want {
			t.Errorf("%v < %v: %v", c.a, c.b, got)
		}
	}
}

func TestChangeKinds(t *testing.T) {
	live := Change{Info: Info{Path: Root}}
	narrowing := Change{Info: Info{Path: Root}, Readers: []string{"a"}}
	tombstone := Change{Readers: []string{"a"}}
	if live.Gone() || live.Narrowed() || narrowing.Gone() || !narrowing.Narrowed() || !tombstone.Gone() || tombstone.Narrowed() {
		t.Error("a kind of change is taken for another")
	}
}
