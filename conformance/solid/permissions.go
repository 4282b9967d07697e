package solid

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// permissionTable says who may do what; the file explains itself.
//
//go:embed permissions.txt
var permissionTable string

// situation is one line of the table.
type situation struct {
	target      string
	parent, own string
	who         string
	methods     []string // the columns of its block
	expected    []string // the same length
}

// situations reads the table.
func situations(text string) ([]situation, error) {
	var found []situation
	var target string
	var methods []string
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "target":
			target, methods = words[1], words[2:]
		case len(words) != 3+len(methods):
			return nil, fmt.Errorf("read permission table: line %d has %d cells, not %d", n+1, len(words), 3+len(methods))
		default:
			found = append(found, situation{target, words[0], words[1], words[2], methods, words[3:]})
		}
	}
	return found, nil
}

// permissionClause names the clause of WAC that a method is about.
func permissionClause(target, method string) string {
	switch {
	case strings.HasSuffix(method, "-acl"):
		return "wac#server-control-operation"
	case method == "GET" || method == "HEAD" || method == "GET-meta":
		return "wac#server-read-operation"
	case method == "DELETE":
		return "wac#server-delete-operation"
	case method == "POST" || target == "absent" || target == "new":
		return "wac#server-create-operation"
	}
	return "wac#server-update-operation"
}

// permissionCases makes a case of each cell in every nth line of the table. The cells of a line share one resource, which the
// first of them makes; they run one after another, since some of them change it.
func permissionCases(n int) []testCase {
	all, err := situations(permissionTable)
	if err != nil {
		return []testCase{{"wac#server-read-operation/table", func(t *trial) { t.must(err) }}}
	}
	var cases []testCase
	for at, s := range all {
		if at%n != 0 {
			continue
		}
		line := &lineRun{situation: s}
		for i, method := range s.methods {
			if s.expected[i] == "." {
				continue
			}
			id := fmt.Sprintf("%s/%s,parent=%s,own=%s,%s,%s", permissionClause(s.target, method), s.target, s.parent, s.own, agentNames[s.who], method)
			cases = append(cases, testCase{id, func(t *trial) { line.cell(t, i) }})
		}
	}
	return cases
}

var agentNames = map[string]string{"b": "bob", "s": "stranger"}

// lineRun is a situation under way: the first cell that runs does them all, in the order of the line, and each
// then takes its own outcome.
type lineRun struct {
	situation
	once     sync.Once
	outcomes []error
}

func (l *lineRun) cell(t *trial, i int) {
	l.once.Do(func() { l.outcomes = l.run(t) })
	t.must(l.outcomes[i])
}

func (l *lineRun) run(t *trial) []error {
	outcomes := make([]error, len(l.methods))
	target := l.build(t)
	for i, method := range l.methods {
		cell := &trial{suite: t.suite, ctx: t.ctx, base: t.base, err: t.err, auxs: t.auxs}
		l.try(cell, target, method, l.expected[i])
		outcomes[i] = cell.err
	}
	return outcomes
}

// build makes the situation and returns the URL of the target.
func (l *lineRun) build(t *trial) string {
	path := map[string]string{"resource": "p/r", "container": "p/c/", "empty": "p/c/", "absent": "p/absent", "new": "p/new"}[l.target]
	target := t.at(path)
	switch l.target {
	case "absent", "new":
		t.put("p/made", plainText("made"))
	case "resource":
		t.put(path, turtleText(patched))
		about := t.aux(target, "describedby")
		t.send(t.alice, "PATCH", about, n3Text(insert("<"+target+"> <urn:x:says> \"hello\"."))).ok()
	case "container":
		t.put(path+"member", plainText("m"))
	case "empty":
		t.put(path, content{}, typeContainer)
	}
	var group string
	if strings.Contains(l.parent+l.own, ":group:") {
		group = t.group("friends", t.bob.WebID)
		t.allow(t.at("friends"), grant{"accessTo", "public", "R"})
	}
	for _, acl := range []struct{ url, grants string }{{t.at("p/"), l.parent}, {target, l.own}} {
		if acl.grants != "-" {
			t.allow(acl.url, grants(acl.grants, group)...)
		}
	}
	return target
}

// grants reads a cell of the table.
func grants(text, group string) []grant {
	var found []grant
	for _, part := range strings.Split(text, "+") {
		words := strings.Split(part, ":")
		on := map[string]string{"to": "accessTo", "def": "default"}[words[0]]
		subject := map[string]string{"auth": "authenticated", "group": "acl:agentGroup <" + group + ">"}[words[1]]
		if subject == "" {
			subject = words[1]
		}
		found = append(found, grant{on, subject, words[2]})
	}
	return found
}

// try sends one request and judges the answer.
func (l *lineRun) try(t *trial, target, method, expected string) {
	who := map[string]*agent{"b": t.bob, "s": t.stranger}[l.who]
	r := l.send(t, who, target, method)
	switch expected {
	case "yes":
		r.ok()
	case "no":
		r.refused()
	case "404":
		r.is(404, 410)
	case "hid":
		r.is(401, 403, 404, 410)
	default:
		t.fail("the permission table has a cell %q", expected)
	}
}

func (l *lineRun) send(t *trial, who *agent, target, method string) *reply {
	name, aux, _ := strings.Cut(method, "-")
	if i := slices.Index([]string{"acl", "meta"}, aux); i >= 0 {
		target = t.aux(target, []string{"acl", "describedby"}[i])
	}
	switch method {
	case "PUT-acl":
		own := t.ask(t.alice, "GET", target)
		text := string(own.body)
		if own.status == 404 {
			text = t.aclText(l.build(t))
		}
		return t.send(who, "PUT", target, turtleText(text))
	case "PATCH+":
		return t.send(who, "PATCH", target, n3Text(insertPatch))
	case "PATCH?":
		return t.send(who, "PATCH", target, n3Text(patchText("solid:where {<#it> a <#Thing>.}; solid:inserts {<#more> <#p> \"where\".}")))
	case "PATCH-":
		return t.send(who, "PATCH", target, n3Text(patchText("solid:deletes {<#it> <#p> \"v\".}")))
	case "POST", "PUT":
		return t.send(who, name, target, turtleText("<#it> a <#Thing>; <#p> \"v\"."))
	}
	return t.ask(who, name, target)
}
