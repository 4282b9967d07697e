package server

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"kith/pod/folder"
)

// mending says why something in the folder of a pod is no part of it, and what helps.
var mending = map[folder.Reason]string{
	folder.Special: "is a link, a device or a pipe. Put the file itself there",
	folder.Linked:  "has a further name elsewhere, and is not known to be the pod's. Copy it, and put the copy in its place",
	folder.BadName: "has a name that no pod takes. Rename it: no dot or space at the end, no backslash, no line break, no device of Windows such as CON, UTF-8 in the usual form, at most 239 bytes, and no .kith in front",
	folder.Twin:    "has the name of another file beside it, but for capitals or accents. Rename it",
	folder.Shut:    "is shown to nobody, for the .acl that says to whom is a link, a folder or cannot be read. Put right or remove that",
}

// notYet says the same of what may yet be a part of the pod, or is told of elsewhere.
var notYet = map[folder.Reason]string{
	folder.Copy:       "is a copy of something that was changed in two places. Compare the two",
	folder.Unfinished: "has the name of a file that is not finished. Rename it when it is",
	folder.Unsettled:  "is being written",
}

// because returns what is refused for one reason.
func because(all []folder.Refused, why folder.Reason) []string {
	names := []string{}
	for _, r := range all {
		if r.Why == why {
			names = append(names, plainly(r.Name))
		}
	}
	return names
}

// outside returns what is no part of the pod until its owner does something: in words, maxNamed for each reason at most,
// and all names.
func outside(all []folder.Refused) (some, names []string) {
	for _, why := range []folder.Reason{folder.Linked, folder.Twin, folder.BadName, folder.Shut, folder.Special} {
		these := because(all, why)
		names = append(names, these...)
		some = append(some, saying(these, mending[why])...)
	}
	return some, names
}

// everyReason returns all that is no part of the pod now, as outside does.
func everyReason(all []folder.Refused) []string {
	some, _ := outside(all)
	for _, why := range []folder.Reason{folder.Copy, folder.Unfinished, folder.Unsettled} {
		some = append(some, saying(because(all, why), notYet[why])...)
	}
	return some
}

func saying(names []string, why string) (some []string) {
	for _, name := range names[:min(len(names), maxNamed)] {
		some = append(some, name+" "+why)
	}
	if more := len(names) - maxNamed; more > 0 {
		some = append(some, things(more)+" more, of which the first "+why)
	}
	return some
}

func things(n int) string {
	if n == 1 {
		return "1 thing"
	}
	return fmt.Sprintf("%d things", n)
}

// plainly returns a name as a terminal can show it: quoted, where anything in it would not be seen for what it is.
func plainly(name string) string {
	quoted := strconv.Quote(name)
	if quoted == `"`+name+`"` && !strings.HasSuffix(strings.TrimSuffix(name, "/"), " ") {
		return name
	}
	return quoted
}

// Outside returns what is in the folder of the pod, and neither served nor in any backup, with why. Errors: ErrPerson.
func (o Person) Outside(ctx context.Context, waiting func()) (some []string, err error) {
	return some, o.ask(ctx, "outside", &some, waiting)
}
