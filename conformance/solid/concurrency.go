package solid

import (
	"fmt"
	"slices"
	"sync"
)

// concurrencyCases ask many things at once. Each is a defect that some server has had.
func concurrencyCases() []testCase {
	return []testCase{
		{"solid-protocol#server-patch-n3-semantics/20-at-once-are-all-written", func(t *trial) {
			t.put("r", turtleText("<#it> <#begun> true."))
			replies := t.together(20, func(t *trial, i int) *reply {
				return t.send(t.alice, "PATCH", t.at("r"), n3Text(insert(fmt.Sprintf("<#it> <#n> \"number %d\".", i))))
			})
			for _, r := range replies {
				r.ok()
			}
			g := t.turtle(t.at("r"))
			got := len(g.objects(t.at("r")+"#it", t.at("r")+"#n"))
			t.check(got == 20, "20 inserts were acknowledged, %d are there", got)
		}},
		{"solid-protocol#resource-update-integrity/10-by-10-If-None-Match-at-once", func(t *trial) {
			for round := range 10 {
				path := fmt.Sprintf("race-%d", round)
				replies := t.together(10, func(t *trial, i int) *reply {
					return t.send(t.alice, "PUT", t.at(path), plainText(fmt.Sprint("writer ", i)), "If-None-Match: *")
				})
				t.oneWins(replies)
			}
		}},
		{"solid-protocol#server-etag/10-If-Match-at-once", func(t *trial) {
			t.put("r", plainText("begin"))
			e := t.get("r").is(200).etag()
			replies := t.together(10, func(t *trial, i int) *reply {
				return t.send(t.alice, "PUT", t.at("r"), plainText(fmt.Sprint("writer ", i)), "If-Match: "+e)
			})
			t.oneWins(replies)
		}},
		{"solid-protocol#writing-resources/30-PUT-at-once-and-one-more", func(t *trial) {
			replies := t.together(30, func(t *trial, i int) *reply {
				return t.send(t.alice, "PUT", t.at(fmt.Sprintf("many/r%d", i)), plainText(fmt.Sprint(i)))
			})
			for _, r := range replies {
				r.is(201)
			}
			t.put("many/after", plainText("after"))
			got := t.turtle(t.at("many/")).objects(t.at("many/"), contains)
			t.check(len(got) == 31, "31 resources were acknowledged, %d are there", len(got))
		}},
		{"solid-protocol#server-post-uri-assignment/20-POST-at-once-with-one-Slug", func(t *trial) {
			replies := t.together(20, func(t *trial, i int) *reply {
				return t.send(t.alice, "POST", t.base, plainText(fmt.Sprint("writer ", i)), "Slug: same")
			})
			seen := map[string]bool{}
			for _, r := range replies {
				r.is(201)
				seen[r.location()] = true
			}
			t.check(len(seen) == 20, "20 resources have %d URIs", len(seen))
		}},
		{"solid-protocol#server-put-patch-intermediate-containers/20-at-once", func(t *trial) {
			replies := t.together(20, func(t *trial, i int) *reply {
				return t.send(t.alice, "PUT", t.at(fmt.Sprintf("a/b/c/r%d", i)), plainText("r"))
			})
			for _, r := range replies {
				r.is(201)
			}
			got := len(t.turtle(t.at("a/b/c/")).objects(t.at("a/b/c/"), contains))
			t.check(got == 20, "the container has %d members", got)
		}},
		{"solid-protocol#server-uri-trailing-slash-distinct/both-at-once", func(t *trial) {
			for round := range 5 {
				path := fmt.Sprintf("x%d", round)
				replies := t.together(2, func(t *trial, i int) *reply {
					if i == 0 {
						return t.send(t.alice, "PUT", t.at(path), plainText("resource"))
					}
					return t.send(t.alice, "PUT", t.at(path+"/in"), plainText("container"))
				})
				ok := slices.DeleteFunc(replies, func(r *reply) bool { return r.status > 299 })
				t.check(len(ok) == 1, "%d of the two were made", len(ok))
			}
		}},
		{"solid-protocol#server-delete-protect-nonempty-container/a-member-made-meanwhile", func(t *trial) {
			for round := range 5 {
				box := fmt.Sprintf("box%d/", round)
				t.put(box, content{}, typeContainer)
				t.together(2, func(t *trial, i int) *reply {
					if i == 0 {
						return t.ask(t.alice, "DELETE", t.at(box))
					}
					return t.send(t.alice, "PUT", t.at(box+"member"), plainText("m"))
				})
				if t.get(box+"member").status == 200 {
					got := t.turtle(t.at(box)).objects(t.at(box), contains)
					t.check(slices.Contains(got, t.at(box+"member")), "a resource is there that its container does not contain")
				}
			}
		}},
	}
}

// together does something n times at once and returns the answers in order.
func (t *trial) together(n int, do func(*trial, int) *reply) []*reply {
	replies := make([]*reply, n)
	trials := make([]*trial, n)
	var wg sync.WaitGroup
	for i := range n {
		trials[i] = &trial{suite: t.suite, ctx: t.ctx, base: t.base, err: t.err}
		wg.Go(func() { replies[i] = do(trials[i], i) })
	}
	wg.Wait()
	for i, r := range replies {
		t.must(trials[i].err)
		r.t = t
	}
	return replies
}

// oneWins asks that exactly one of several writers was let, and that what it wrote is there.
func (t *trial) oneWins(replies []*reply) {
	won := -1
	for i, r := range replies {
		if r.status >= 200 && r.status < 300 {
			t.check(won < 0, "writers %d and %d both succeeded at %s", won, i, r.url)
			won = i
		} else {
			r.is(409, 412)
		}
	}
	t.check(won >= 0, "no writer succeeded")
	if t.over() {
		return
	}
	got := t.ask(t.alice, "GET", replies[0].url).is(200)
	got.check(string(got.body) == fmt.Sprint("writer ", won), "writer %d succeeded, but the body is %q", won, got.body)
}
