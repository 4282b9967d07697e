package solid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// workers is how many cases are under way at a time, and caseTime how long one may take.
const (
	workers  = 4
	caseTime = 3 * time.Minute
)

// testCase is one thing to ask of a server.
type testCase struct {
	id  string // specification#clause/case
	run func(*trial)
}

// suite is what the cases of a run share.
type suite struct {
	Config
	client               *http.Client
	alice, bob, stranger *agent
	root                 string // container of this run
	elsewhere            *elsewhere
	offers               offers
}

// offers are what the server says of itself, read once. That it says so is what other cases ask.
type offers struct {
	channels map[string]string // subscription resources by the name of the channel type
	patches  []string          // media types
}

// Cases returns the ids of all cases, sorted.
func Cases() []string {
	var ids []string
	for _, c := range allCases(1) {
		ids = append(ids, c.id)
	}
	slices.Sort(ids)
	return ids
}

// allCases returns the cases, with every nth situation of the permission table.
func allCases(n int) []testCase {
	cases := slices.Concat(unauthenticatedCases(), methodCases(), uriCases(), storageCases(), containerCases(),
		protectionCases(), auxiliaryCases(), putCases(), etagCases(), conditionCases(), postCases(), constraintCases(), representationCases(), deleteCases(),
		patchCases(), sparqlCases(), aclCases(), aclContentCases(), wacCases(), corsCases(), notificationCases(),
		channelCases(), featureCases(), tokenCases(), foreignCases(), providerCases(), clientCases(), lwsTokenCases(), lwsStorageCases(),
		concurrencyCases(), profileCases())
	for i := range cases {
		cases[i].run = begun(cases[i].run)
	}
	return append(cases, permissionCases(n)...)
}

// begun gives a case the resource "made" to begin with, and thereby its container.
func begun(run func(*trial)) func(*trial) {
	return func(t *trial) {
		t.put("made", plainText("made"))
		run(t)
	}
}

// Run asks the server of c everything that c selects and returns what came of it. It fails where nothing can
// be asked at all: when Alice or Bob cannot sign in, or Alice cannot write.
func Run(ctx context.Context, c Config) (*Report, error) {
	s, err := newSuite(c)
	if err != nil {
		return nil, fmt.Errorf("run suite: %w", err)
	}
	defer s.client.CloseIdleConnections()
	if s.elsewhere != nil {
		defer s.elsewhere.close()
	}
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("run suite: %w", err)
	}
	r := &Report{Target: c.URL, Began: time.Now().UTC().Truncate(time.Second)}
	r.Results = s.runAll(ctx, selected(c.Only, c.Sample))
	r.Took = time.Since(r.Began).Round(time.Millisecond)
	if !c.Keep {
		if err := s.remove(ctx, s.root); err != nil {
			return r, fmt.Errorf("clear what the suite has written: %w", err)
		}
	}
	return r, ctx.Err()
}

func selected(only string, sample int) []testCase {
	return slices.DeleteFunc(allCases(max(sample, 1)), func(c testCase) bool { return !strings.Contains(c.id, only) })
}

func newSuite(c Config) (*suite, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	client, err := newClient(c.URL, c.Address)
	if err != nil {
		return nil, err
	}
	s := &suite{Config: c, client: client, root: c.URL + "conformance-" + random(6) + "/"}
	var errs [3]error
	s.alice, errs[0] = newAgent("alice", c.Alice, client)
	s.bob, errs[1] = newAgent("bob", c.Bob, client)
	s.stranger, errs[2] = newAgent("a stranger", Credentials{}, client)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if c.Elsewhere != nil {
		s.elsewhere, err = newElsewhere(c.Elsewhere, c.reach())
	}
	return s, err
}

// begin signs both in and makes the container of the run, where only Alice may do anything.
func (s *suite) begin(ctx context.Context) error {
	for _, a := range []*agent{s.alice, s.bob} {
		if _, err := a.access(ctx); err != nil {
			return err
		}
	}
	t := &trial{suite: s, ctx: ctx, base: s.root}
	t.send(s.alice, http.MethodPut, s.root+"made", plainText("made")).ok()
	t.allow(s.root)
	s.look(&trial{suite: s, ctx: ctx, base: s.root, err: t.err})
	return t.err
}

// look finds out what the server offers. What it cannot find is not offered.
func (s *suite) look(t *trial) {
	t.put("offer", turtleText("<#a> <#b> <#c>."))
	r := t.get("offer").is(200)
	s.offers = offers{channels: map[string]string{}, patches: members(r.header, "Accept-Patch")}
	g := t.turtle(r.link(description))
	for _, service := range g.objects("", notify+"subscription") {
		for _, kind := range g.objects(service, notify+"channelType") {
			s.offers.channels[strings.TrimPrefix(kind, notify)] = service
		}
	}
}

// runAll runs the cases with a few workers; the results are in the order of the cases.
func (s *suite) runAll(ctx context.Context, cases []testCase) []Result {
	results := make([]Result, len(cases))
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				results[i] = s.runOne(ctx, i, cases[i])
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	wg.Wait()
	return results
}

func (s *suite) runOne(ctx context.Context, n int, c testCase) Result {
	ctx, cancel := context.WithTimeout(ctx, caseTime)
	defer cancel()
	began := time.Now()
	t := &trial{suite: s, ctx: ctx, base: fmt.Sprintf("%sc%d/", s.root, n)}
	c.run(t)
	r := Result{Case: c.id, Outcome: Passed, Took: time.Since(began).Round(time.Millisecond)}
	switch {
	case errors.Is(t.err, errSkip):
		r.Outcome, r.Reason = Skipped, strings.TrimPrefix(t.err.Error(), errSkip.Error()+": ")
	case t.err != nil:
		r.Outcome, r.Reason = Failed, t.err.Error()
	}
	return r
}

// remove deletes a container and all below, as far as Alice may.
func (s *suite) remove(ctx context.Context, container string) error {
	t := &trial{suite: s, ctx: ctx, base: container}
	for _, member := range t.turtle(container).objects(container, ldpNS+"contains") {
		if strings.HasSuffix(member, "/") {
			t.must(s.remove(ctx, member))
		} else {
			t.ask(s.alice, http.MethodDelete, member)
		}
	}
	t.ask(s.alice, http.MethodDelete, container).ok()
	return t.err
}
