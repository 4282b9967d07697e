package acl

import (
	"slices"

	"kith/pod"
)

// onlyCreates reports whether a precondition keeps a write from replacing.
func onlyCreates(pre pod.Precondition) bool { return slices.Contains(pre.IfNoneMatch, "*") }

// looks reports whether a precondition depends on what is there beyond that
// something is. A tag is a digest of the bytes, so whether one holds is for who may
// read them (WAC §consider-delete-read-diff); a time tells when they were written.
func looks(pre pod.Precondition) bool {
	named := func(tag string) bool { return tag != "*" }
	return slices.ContainsFunc(pre.IfMatch, named) || slices.ContainsFunc(pre.IfNoneMatch, named) || !pre.UnmodifiedSince.IsZero()
}
