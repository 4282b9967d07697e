package server

import (
	"context"
	"io"
	"iter"

	"kith/pod"
)

// nothing is the store of a pod that nobody has: always empty. A name without a person is answered
// over it by the same code as every pod, so that the two cannot be told apart (protocol §1.4).
type nothing struct{}

var (
	_ pod.Store   = nothing{}
	_ pod.WriteTx = nothing{}
)

func (nothing) Stage(context.Context, io.Reader, pod.StageOptions) (pod.Staged, error) {
	return nil, pod.ErrFull
}
func (n nothing) View(_ context.Context, fn func(pod.Tx) error) error        { return fn(n) }
func (n nothing) Update(_ context.Context, fn func(pod.WriteTx) error) error { return fn(n) }
func (nothing) Watch() (<-chan struct{}, func())                             { return nil, func() {} }
func (nothing) Close() error                                                 { return nil }

func (nothing) Head() pod.Head                      { return pod.Head{} }
func (nothing) Stat(pod.Path) (pod.Info, error)     { return pod.Info{}, pod.ErrNotExist }
func (nothing) Open(pod.Path) (pod.Resource, error) { return nil, pod.ErrNotExist }
func (nothing) List(pod.Path) iter.Seq2[pod.Info, error] {
	return func(yield func(pod.Info, error) bool) { yield(pod.Info{}, pod.ErrNotExist) }
}
func (nothing) Changes(uint64) iter.Seq2[pod.Change, error] {
	return func(func(pod.Change, error) bool) {}
}
func (nothing) Known() ([]pod.Version, error) { return nil, nil }

// Nobody may write here, so acl never comes this far.

func (nothing) Put(pod.Path, pod.Staged, pod.PutOptions) (pod.Info, error) {
	return pod.Info{}, pod.ErrFull
}
func (nothing) MakeContainer(pod.Path, pod.PutOptions) (pod.Info, error) {
	return pod.Info{}, pod.ErrFull
}
func (nothing) Delete(pod.Path, pod.DeleteOptions) error     { return pod.ErrFull }
func (nothing) DeleteTree(pod.Path, pod.DeleteOptions) error { return pod.ErrFull }
func (nothing) Touch(pod.Path, []string) error               { return pod.ErrFull }
func (nothing) Forget(string) error                          { return pod.ErrFull }
