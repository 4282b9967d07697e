package sync

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"kith/acl"
	"kith/webid"
)

func TestListing(t *testing.T) {
	h := newHouse(t)
	h.audience("both", ana, carl)
	h.audience("anas", ana)
	h.audience("carls", carl)
	h.post("2026-11-20-a", "both", "one")
	h.post("2026-11-22-c", "anas", "three")
	h.post("2026-11-21-b", "carls", "two")
	h.post("2026-11-23-d", "", "for me")
	h.write("/social/posts/stray.txt", "text/plain", "no post")

	t.Run("a friend gets the posts for that friend, the newest name first", func(t *testing.T) {
		h.wantKinds("ana", h.read(h.friend(ana), "feed"), "Add 2026-11-22-c", "Add 2026-11-20-a")
		h.wantKinds("carl", h.read(h.friend(carl), "feed"), "Add 2026-11-21-b", "Add 2026-11-20-a")
	})
	t.Run("a friend without posts gets a page without items", func(t *testing.T) {
		p := h.read(h.friend(dora), "feed")
		h.wantKinds("dora", p)
		if p.Next != "" {
			t.Errorf("next is %q", p.Next)
		}
	})
	t.Run("the owner gets all of them", func(t *testing.T) {
		h.wantKinds("owner", h.read(h.owner(), "feed"),
			"Add 2026-11-23-d", "Add 2026-11-22-c", "Add 2026-11-21-b", "Add 2026-11-20-a")
	})
	t.Run("an item has the handle, the state and when the post was published", func(t *testing.T) {
		p := h.path("/social/posts/2026-11-22-c/")
		a, err := h.friend(ana).Get(t.Context(), p)
		h.must(err)
		defer a.Close()
		got := h.read(h.friend(ana), "feed").Items[0]
		if got.ID != "urn:kith:GMulnhjAVZo_6fuU30dziA" || got.State != a.Info.ETag || got.Published != "2026-11-22T08:30:00Z" {
			t.Errorf("got %+v for %+v", got, a.Info)
		}
		if got.Object != "posts/2026-11-22-c/" || got.Post != nil {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a name that needs escapes has them in its object", func(t *testing.T) {
		h.post("2020%20%C3%BC", "carls", "odd")
		items := h.read(h.friend(carl), "feed").Items
		if got := items[len(items)-1].Object; got != "posts/2020%20%C3%BC/" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("nobody else's handle is in a page", func(t *testing.T) {
		mine := h.ask(h.friend(ana), "GET", "social/feed").body
		for _, i := range h.read(h.friend(carl), "feed").Items {
			if !strings.Contains(i.Object, "-20-a") && strings.Contains(mine, i.ID) {
				t.Errorf("the page of ana has %s", i.ID)
			}
		}
	})
}

// TestFeedKeepsToOrigins shows a post to the pages of one origin only
// (WAC §authorization-evaluation).
func TestFeedKeepsToOrigins(t *testing.T) {
	h := newHouse(t)
	h.audience("anas", ana)
	before := h.read(h.friend(ana), "feed")
	h.write("/social/posts/p/post.jsonld", jsonld, note("for one app"))
	h.write("/social/posts/p/.acl", turtle, strings.Replace(postACL("anas"), "acl:agentGroup", "acl:origin <https://app.example>; acl:agentGroup", 1))
	for origin, want := range map[string][]string{"": {"p"}, "https://app.example": {"p"}, "https://evil.example": {}, "null": {}} {
		for target, kind := range map[string]string{"feed?inline=1": "Add ", "feed?inline=1&cursor=" + before.Cursor: "Create "} {
			var kinds []string
			for _, post := range want {
				kinds = append(kinds, kind+post)
			}
			h.wantKinds(origin+" "+target, h.read(h.friend(ana), target, header("Origin", origin)), kinds...)
		}
	}
}

func TestState(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	h.post("p", "a", "one")
	state := func() string {
		t.Helper()
		return h.read(h.friend(ana), "feed").Items[0].State
	}

	t.Run("the state changes with a file that the friend may read", func(t *testing.T) {
		before := state()
		h.write("/social/posts/p/post.jsonld", jsonld, note("two"))
		if state() == before {
			t.Error("it did not")
		}
		before = state()
		h.write("/social/posts/p/1.webp", "image/webp", "RIFF")
		if state() == before {
			t.Error("it did not with a new file")
		}
	})
	t.Run("the state stands still when a hidden file changes", func(t *testing.T) {
		h.write("/social/posts/p/draft.txt.acl", turtle, aclPre+
			"<#o> a acl:Authorization; acl:agent <../../../profile/card#me>; acl:accessTo <draft.txt>; acl:mode acl:Read, acl:Write, acl:Control.")
		before := state()
		h.clock.tick()
		h.write("/social/posts/p/draft.txt", "text/plain", "hidden")
		h.clock.tick()
		h.write("/social/posts/p/draft.txt", "text/plain", "hidden, longer")
		if state() != before {
			t.Error("it moved")
		}
	})
}

func TestPublished(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	for name, c := range map[string]struct{ text, want string }{
		"the author's time stands as it was written":           {`{"published":"2026-01-02T03:04:05+02:00"}`, "2026-01-02T03:04:05+02:00"},
		"without one it is when the newest file was written":   {`{}`, "2026-11-22T09:00:00.000Z"},
		"what is no time does not count":                       {`{"published":"yesterday"}`, "2026-11-22T09:00:00.000Z"},
		"a time with a long tail does not count":               {`{"published":"2026-01-02T03:04:05.000000000000000000000Z"}`, "2026-11-22T09:00:00.000Z"},
		"a number does not count":                              {`{"published":20260102}`, "2026-11-22T09:00:00.000Z"},
		"what is not JSON says nothing":                        {`{"published":"2026-01-02T03:04:05Z"`, "2026-11-22T09:00:00.000Z"},
		"a note that is too long for one is not looked at":     {`{"published":"2026-01-02T03:04:05Z","c":"` + strings.Repeat("x", maxNote) + `"}`, "2026-11-22T09:00:00.000Z"},
		"a note over what an item carries is still looked at":  {`{"published":"2026-01-02T03:04:05Z","c":"` + strings.Repeat("x", maxInline) + `"}`, "2026-01-02T03:04:05Z"},
		"a post without a note has the time of its other file": {"", "2026-11-22T09:00:00.000Z"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.text == "" {
				h.write("/social/posts/p/1.webp", "image/webp", "RIFF")
			} else {
				h.place("/social/posts/p/post.jsonld", jsonld, c.text)
			}
			h.show("p", "a")
			if got := h.read(h.friend(ana), "feed").Items[0].Published; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			h.erase("/social/posts/p/")
		})
	}
	t.Run("a note that the friend may not read says nothing", func(t *testing.T) {
		h.write("/social/posts/p/post.jsonld.acl", turtle, aclPre+
			"<#o> a acl:Authorization; acl:agent <../../../profile/card#me>; acl:accessTo <post.jsonld>; acl:mode acl:Read, acl:Write, acl:Control.")
		h.write("/social/posts/p/post.jsonld", jsonld, note("hidden"))
		h.show("p", "a")
		got := h.read(h.friend(ana), "feed?inline=1").Items[0]
		if got.Published != "" || got.Post != nil {
			t.Errorf("got %+v", got)
		}
	})
}

func TestInline(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	fill := func(size int) string {
		text := note("")
		return note(strings.Repeat("x", size-len(text)))
	}
	for name, c := range map[string]struct {
		text   string
		inline bool
	}{
		"a note comes along":                     {note("hello"), true},
		"one of 4 KiB comes along":               {fill(4096), true},
		"one that is longer does not":            {fill(4097), false},
		"one with spaces around it comes along":  {" \n" + note("hello") + "\n", true},
		"one that is not JSON does not":          {`{"content":`, false},
		"one that is no object does not":         {`[1]`, false},
		"one that is not UTF-8 does not":         {"{\"content\":\"\xff\"}", false},
		"an empty one does not":                  {"", false},
		"one with markup comes along, escaped":   {note("<b>&"), true},
		"one that closes the page does not leak": {`{"content":"x"}, {"type":"Delete"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			h.place("/social/posts/p/post.jsonld", jsonld, c.text)
			h.show("p", "a")
			items := h.read(h.friend(ana), "feed?inline=1").Items
			if len(items) != 1 || (items[0].Post != nil) != c.inline {
				t.Fatalf("got %+v", items)
			}
			if c.inline && !sameJSON(t, string(items[0].Post), c.text) {
				t.Errorf("got %s", items[0].Post)
			}
			if plain := h.read(h.friend(ana), "feed?inline=0").Items; plain[0].Post != nil {
				t.Errorf("it came unasked: %+v", plain)
			}
		})
	}
}

func TestPages(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	h.audience("c", carl)
	var mine []string
	for i := range 7 {
		h.post(fmt.Sprintf("2026-11-%02d", 10+2*i), "a", "mine")
		h.post(fmt.Sprintf("2026-11-%02d", 11+2*i), "c", "not mine")
		mine = append([]string{fmt.Sprintf("Add 2026-11-%02d", 10+2*i)}, mine...)
	}

	t.Run("the pages together are the listing, and each has the cursor of the first", func(t *testing.T) {
		first := h.read(h.friend(ana), "feed?limit=3&inline=1")
		var got []string
		sizes := ""
		for p := first; ; p = h.read(h.friend(ana), p.Next) {
			got = append(got, kinds(p)...)
			sizes += fmt.Sprint(len(p.Items))
			if p.Cursor != first.Cursor {
				t.Error("a page has another cursor")
			}
			for _, i := range p.Items {
				if i.Post == nil {
					t.Error("a page forgot that it was to bring the notes")
				}
			}
			if p.Next == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(mine, " ") || sizes != "331" {
			t.Errorf("got %q in pages of %s", got, sizes)
		}
	})
	t.Run("a full last page has no next", func(t *testing.T) {
		if p := h.read(h.friend(ana), "feed?limit=7"); p.Next != "" || len(p.Items) != 7 {
			t.Errorf("got %d items and next %q", len(p.Items), p.Next)
		}
	})
	t.Run("what happens while pages are read is told since their cursor", func(t *testing.T) {
		first := h.read(h.friend(ana), "feed?limit=3")
		h.post("2026-11-30", "a", "new")
		h.erase("/social/posts/2026-11-10/")
		second := h.read(h.friend(ana), first.Next)
		h.wantKinds("since", h.since(h.friend(ana), second), "Create 2026-11-30", "Delete")
		h.post("2026-11-10", "a", "mine")
		h.erase("/social/posts/2026-11-30/")
	})
	t.Run("a page goes on where it ended when the post there is gone", func(t *testing.T) {
		first := h.read(h.friend(ana), "feed?limit=3")
		h.erase("/social/posts/2026-11-18/")
		h.wantKinds("second", h.read(h.friend(ana), first.Next), mine[3:6]...)
		h.post("2026-11-18", "a", "mine")
	})
	t.Run("fifty posts are on a page unless fewer or more are asked for", func(t *testing.T) {
		for i := range 101 {
			h.post(fmt.Sprintf("2027-%03d", i), "c", "many")
		}
		for _, limit := range []int{1, 50, 100} {
			if p := h.read(h.friend(carl), fmt.Sprintf("feed?limit=%d", limit)); len(p.Items) != limit || p.Next == "" {
				t.Errorf("%d asked for, %d got, next %q", limit, len(p.Items), p.Next)
			}
		}
		if p := h.read(h.friend(carl), "feed"); len(p.Items) != 50 {
			t.Errorf("got %d", len(p.Items))
		}
	})
}

func TestPagesThatAreNone(t *testing.T) {
	h := newHouse(t)
	h.audience("both", ana, carl)
	h.post("1", "both", "one")
	h.post("2", "both", "two")
	next, err := url.Parse(h.read(h.friend(ana), "feed?limit=1").Next)
	h.must(err)
	page := next.Query().Get("page")
	cursor, _, _ := strings.Cut(page, ".")
	ask := func(v *acl.View, page string) said {
		return h.ask(v, "GET", "social/feed?page="+url.QueryEscape(page))
	}

	if s := ask(h.friend(ana), page); s.err != nil {
		t.Fatalf("the page that is one: %v", s.err)
	}
	for name, page := range map[string]string{
		"an empty one":                   "",
		"one without a name":             cursor + ".",
		"one without a dot":              cursor,
		"one without a cursor":           ".2",
		"one with a cursor that is none": "=.2",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			h.wantError(page, ask(h.friend(ana), page), ErrCursor)
		})
	}
	t.Run("one with something else in the place of the cursor is gone", func(t *testing.T) {
		h.wantError("AAAA", ask(h.friend(ana), "AAAA.2"), acl.ErrGone)
	})
	t.Run("that of another agent is gone", func(t *testing.T) {
		h.wantError("carl", ask(h.friend(carl), page), acl.ErrGone)
	})
	t.Run("one that was made when the agent was known otherwise is gone", func(t *testing.T) {
		h.wantError("ana", ask(h.friend(ana, webid.ID("https://ana.example/#me")), page), acl.ErrGone)
	})
}

func TestQueriesThatAreNone(t *testing.T) {
	h := newHouse(t)
	cursor := h.read(h.friend(ana), "feed").Cursor
	for name, query := range map[string]string{
		"a limit of nothing":             "limit=0",
		"a limit that is too high":       "limit=101",
		"a limit that is no number":      "limit=ten",
		"a limit with a sign":            "limit=%2B5",
		"a limit below nothing":          "limit=-1",
		"an empty limit":                 "limit=",
		"a limit that overflows":         "limit=18446744073709551617",
		"a wait that is too long":        "wait=26&cursor=" + cursor,
		"a wait with a fraction":         "wait=1.5&cursor=" + cursor,
		"inline that is neither 0 nor 1": "inline=2",
		"a page and a cursor":            "page=x&cursor=" + cursor,
		"a parameter that stands twice":  "limit=5&limit=6",
		"a broken escape":                "limit=%zz",
		"a semicolon":                    "limit=5;wait=1",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			h.wantError(query, h.ask(h.friend(ana), "GET", "social/feed?"+query), ErrRequest)
		})
	}
	t.Run("a parameter that is not known is left alone", func(t *testing.T) {
		h.read(h.friend(ana), "feed?colour=blue")
	})
}

// TestReplies asks how a feed tells what was said to a post.
func TestReplies(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	h.post("p", "a", "one")
	item := func(query string) item {
		t.Helper()
		return h.read(h.friend(ana), "feed"+query).Items[0]
	}
	if got := item("?inline=1").Replies; got != nil {
		t.Errorf("where there are none it says %s", got)
	}
	short := `{"items":[{"id":"#a","type":"Note"}]}`
	long := `{"items":[{"id":"#a","type":"Note","content":"` + strings.Repeat("x", maxInline) + `"}]}`
	for name, c := range map[string]struct {
		text  string
		comes bool
	}{
		"short ones come along":                  {short, true},
		"long ones do not":                       {long, false},
		"nor ones that are too long":             {long + strings.Repeat(" ", maxNote), false},
		"nor what is no object":                  {"[]", false},
		"what does not parse is told by its tag": {`{"items":`, false},
	} {
		t.Run(name, func(t *testing.T) {
			h.place("/social/posts/p/replies.jsonld", jsonld, c.text)
			p := h.path("/social/posts/p/replies.jsonld")
			a, err := h.friend(ana).Stat(t.Context(), p)
			h.must(err)
			want := strconv.Quote(a.Info.ETag)
			if got := string(item("").Replies); got != want {
				t.Errorf("unasked it says %s, want %s", got, want)
			}
			if c.comes {
				want = c.text
			}
			if got := string(item("?inline=1").Replies); got != want {
				t.Errorf("it says %s, want %s", got, want)
			}
			h.erase("/social/posts/p/replies.jsonld")
		})
	}
	t.Run("who may not read them hears nothing of them", func(t *testing.T) {
		h.place("/social/posts/p/replies.jsonld", jsonld, short)
		h.write("/social/posts/p/replies.jsonld.acl", turtle, aclPre+
			"<#o> a acl:Authorization; acl:agent <../../../profile/card#me>; acl:accessTo <replies.jsonld>; acl:mode acl:Read, acl:Write, acl:Control.")
		if got := item("?inline=1").Replies; got != nil {
			t.Errorf("it says %s", got)
		}
	})
}
