package dav_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/dav"
	"kith/pod"
)

// TestNothingStoredDuringAMoveIsLost: apps and devices write where a folder is moved away, and all that they were told is
// stored stands somewhere afterwards.
func TestNothingStoredDuringAMoveIsLost(t *testing.T) {
	d := newDrive(t)
	ctx := context.Background()
	for round := range 8 {
		from, to := fmt.Sprintf("/from%d/", round), fmt.Sprintf("/to%d/", round)
		d.want(201, "MKCOL", from, "")
		for i := range 8 {
			d.want(201, "PUT", fmt.Sprint(from, i), strings.Repeat("old", 1<<10))
		}
		stored := map[string]string{}
		var writers sync.WaitGroup
		begun := make(chan bool)
		writers.Go(func() {
			for i := range 24 {
				if i == 4 {
					close(begun)
				}
				name, text := fmt.Sprint(i%12), fmt.Sprintf("%d of round %d", i, round)
				p, err := pod.ParsePath(from + name)
				if err != nil {
					t.Error(err)
					return
				}
				// Only what stands is changed, and only where the container is; a PUT would make both anew.
				pre := pod.Precondition{IfMatch: []string{"*"}}
				if i%12 >= 8 {
					_, err = d.owner.Create(ctx, p.Parent(), name, "text/plain", strings.NewReader(text), pod.Precondition{})
				} else {
					_, _, err = d.owner.Put(ctx, p, "text/plain", strings.NewReader(text), pre)
				}
				if err == nil {
					stored[text] = name
				}
				if err == nil && i%12 < 8 && i >= 12 { // instead of what was there
					delete(stored, fmt.Sprintf("%d of round %d", i-12, round))
				}
			}
		})
		<-begun
		status := d.ask(d.owner, "MOVE", from, "", "Destination", "https://pod.example"+prefix+to).Code
		writers.Wait()
		if status != http.StatusCreated && status != http.StatusConflict {
			t.Errorf("the MOVE: %d", status)
		}
		all := d.texts(from) + d.texts(to)
		for text, name := range stored {
			if !strings.Contains(all, text+"\n") {
				t.Errorf("round %d, MOVE %d: %s is nowhere, stored as %s", round, status, text, name)
			}
		}
	}
}

// texts returns what the members of a container hold, a line each, "" where it is not there.
func (d *drive) texts(at string) (all string) {
	d.t.Helper()
	p, err := pod.ParsePath(at)
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := d.owner.Get(context.Background(), p)
	if err != nil {
		return ""
	}
	defer a.Close()
	for _, child := range a.Children {
		all += d.ask(d.owner, "GET", child.Path.String(), "").Body.String() + "\n"
	}
	return all
}

// TestARenameSharesWithNobodyElse: what has rules of its own keeps them under another name in its container, and has those
// of the place elsewhere. What is said of it goes along always.
func TestARenameSharesWithNobodyElse(t *testing.T) {
	const rule = `@prefix acl: <http://www.w3.org/ns/auth/acl#> .
<#o> a acl:Authorization; acl:agent <https://pod.example/alice/profile/card#me>; acl:accessTo <%[1]s>; acl:mode acl:Read, acl:Write, acl:Control .
<#f> a acl:Authorization; acl:agent <https://bob.example/#me>; acl:accessTo <%[1]s>; acl:mode acl:Read .`
	d := newDrive(t)
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "MKCOL", "/box/in/", "")
	d.want(201, "PUT", "/box/in/secret", "1")
	d.want(201, "PUT", "/box/in/secret.acl", fmt.Sprintf(rule, "secret"), "Content-Type", "text/turtle")
	d.want(201, "PUT", "/box/in/secret.meta", `<secret> <urn:says> "it is one"; <urn:see> <plain>, <#here> .`, "Content-Type", "text/turtle")
	d.want(201, "PUT", "/box/in/plain", "2")
	at := func(to string) []string { return []string{"Destination", "https://pod.example" + prefix + to} }
	d.want(201, "MOVE", "/box/in/secret", "", at("/box/in/renamed")...)
	d.holds("/box/in/renamed.acl", "<renamed>", "<#f>", "bob.example")
	d.holds("/box/in/renamed.meta", "<renamed>", "<plain>", "<#here>", "it is one")
	d.want(201, "MOVE", "/box/", "", at("/case/")...)
	d.holds("/case/in/renamed.acl", "<renamed>")
	d.want(404, "GET", "/case/in/plain.acl", "")
	d.want(201, "MOVE", "/case/in/renamed", "", at("/case/elsewhere")...)
	d.want(404, "GET", "/case/elsewhere.acl", "")
	d.holds("/case/elsewhere.meta", "<elsewhere>", "<in/plain>")
	d.want(404, "GET", "/case/in/renamed.meta", "")
}

// holds fails unless the text of a document has all parts.
func (d *drive) holds(at string, parts ...string) {
	d.t.Helper()
	text := d.ask(d.owner, "GET", at, "").Body.String()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			d.t.Errorf("%s has no %s: %s", at, part, text)
		}
	}
}

// TestAMoveThatFailsLeavesNothing at the new place, and everything at the old one.
func TestAMoveThatFailsLeavesNothing(t *testing.T) {
	d := newDrive(t)
	deep := "/tree" + strings.Repeat("/d", 29)
	for at := "/tree"; len(at) <= len(deep); at += "/d" {
		d.want(201, "MKCOL", at+"/", "")
	}
	for _, at := range []string{"/a/", "/a/b/", "/a/b/c/"} {
		d.want(201, "MKCOL", at, "")
	}
	d.want(201, "PUT", "/tree/first", "1")
	d.want(201, "PUT", deep+"/leaf", "1")
	d.want(403, "MOVE", "/tree/", "", "Destination", "https://pod.example"+prefix+"/a/b/c/tree/")
	d.want(404, "PROPFIND", "/a/b/c/tree/", "", "Depth", "0")
	d.want(200, "GET", "/tree/first", "")
	d.want(200, "GET", deep+"/leaf", "")
}

// TestWhatComesByTheDriveIsTheOwnersAlone, as what a hand drops into the folder: it is shared by its owner, not by where it
// lies. What is shared already stays so, under another name and with other bytes.
func TestWhatComesByTheDriveIsTheOwnersAlone(t *testing.T) {
	owner, reader := newPod(t)
	d := &drive{t, dav.New(prefix, base, time.Now), owner}
	to := func(name string) []string { return []string{"Destination", "https://pod.example" + prefix + name} }
	d.want(201, "MKCOL", "/box/", "")
	d.want(201, "PUT", "/box/shared", "1")
	d.want(204, "PUT", "/box/.acl", `@prefix acl: <http://www.w3.org/ns/auth/acl#> .
<#o> a acl:Authorization; acl:agent <https://pod.example/alice/profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control .
<#f> a acl:Authorization; acl:agent <https://pod.example/alice/contacts/reader/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read .`, "Content-Type", "text/turtle")
	d.want(201, "PUT", "/box/new", "1")
	d.want(201, "MKCOL", "/box/in/", "")
	d.want(201, "PUT", "/box/in/file", "1")
	d.want(201, "COPY", "/note", "", to("/box/copied")...)
	d.want(201, "PUT", "/elsewhere", "1")
	d.want(201, "MOVE", "/elsewhere", "", to("/box/moved")...)
	d.want(201, "MOVE", "/box/new", "", to("/box/named")...)
	d.want(201, "MOVE", "/box/shared", "", to("/box/still")...)
	d.want(201, "PUT", "/box/tmp", "2")
	d.want(204, "MOVE", "/box/tmp", "", to("/box/still")...)
	for name, want := range map[string]bool{
		"/box/": true, "/box/still": true, "/box/named": false, "/box/in/": false, "/box/in/file": false, "/box/copied": false, "/box/moved": false,
	} {
		p, err := pod.ParsePath(name)
		if err != nil {
			t.Fatal(err)
		}
		a, err := reader.Get(context.Background(), p)
		if read := err == nil; read != want {
			t.Errorf("a friend reads %s: %v, want %v: %v", name, read, want, err)
		}
		if err == nil {
			a.Close()
		}
	}
}
