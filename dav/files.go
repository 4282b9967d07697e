package dav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/webdav"

	"kith/acl"
	"kith/pod"
)

// errNotExist is what the webdav package compares with.
var errNotExist = fs.ErrNotExist

// files is a pod as the webdav package sees it: names of the View of one call.
type files struct{ *call }

// at returns the path of a decoded name, which does not tell whether it is a
// container's.
func at(name string, container bool) (p pod.Path, err error) {
	p = pod.Root
	all := segments(name)
	for i, segment := range all {
		if p, err = p.Child(segment, container || i < len(all)-1); err != nil {
			return pod.Path{}, err
		}
	}
	return p, nil
}

// clean returns the one spelling of a name that locks are kept by: without "//", and without "/" at its end.
func clean(name string) string { return "/" + strings.Join(segments(name), "/") }

// parent returns the clean name of the container of a clean name; that of "/" is "/".
func parent(name string) string { return name[:max(1, strings.LastIndexByte(name, '/'))] }

// inside reports whether a clean name lies in another.
func inside(name, container string) bool {
	container = strings.TrimRight(container, "/")
	return len(name) > len(container)+1 && strings.HasPrefix(name, container) && name[len(container)] == '/'
}

func segments(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
}

// find looks up what has a name, and returns its Info.
func (c *call) find(ctx context.Context, name string) (pod.Info, error) {
	p, err := at(name, false)
	if err != nil {
		return pod.Info{}, errNotExist
	}
	a, err := c.view.Stat(ctx, p)
	if err == nil && a.Info.Path != p { // the other spelling
		a, err = c.view.Stat(ctx, a.Info.Path)
	}
	return a.Info, c.refuse(err)
}

// above refuses a new name in a container that is not there (RFC 4918 §9.7.1).
func (c *call) above(ctx context.Context, p pod.Path) error {
	info, err := c.view.Stat(ctx, p.Parent())
	if err == nil && info.Info.Path != p.Parent() {
		err = pod.ErrNotExist
	}
	return c.refuse(err)
}

// Mkdir implements webdav.FileSystem.
func (c files) Mkdir(ctx context.Context, name string, _ os.FileMode) error {
	p, err := at(name, true)
	if err != nil {
		return c.refuse(err)
	}
	if err := c.above(ctx, p); err != nil {
		return err
	}
	c.came[p] = true
	if info, err := c.find(ctx, name); err == nil {
		if _, stood := c.stood[p]; stood && info.Path == p { // what comes lies in it, beside what has to go
			return nil
		}
		return c.refuse(fmt.Errorf("%s is there: %w", info.Path.Name(), pod.ErrExist))
	}
	_, err = c.view.MakeContainer(ctx, p, pod.Precondition{IfNoneMatch: []string{"*"}})
	return c.refuse(err)
}

// OpenFile implements webdav.FileSystem.
func (c files) OpenFile(ctx context.Context, name string, flag int, _ os.FileMode) (webdav.File, error) {
	if flag&os.O_CREATE != 0 {
		return c.create(ctx, name)
	}
	info, err := c.find(ctx, name)
	if err != nil {
		return nil, err
	}
	a, err := c.view.Get(ctx, info.Path)
	if err != nil {
		return nil, c.refuse(err)
	}
	return &reading{call: c.call, ctx: ctx, answer: a}, nil
}

// RemoveAll implements webdav.FileSystem. It is asked for a DELETE, and to make way for what is copied or moved.
func (c files) RemoveAll(ctx context.Context, name string) error {
	info, err := c.find(ctx, name)
	if err != nil {
		return err
	}
	replaced := c.method != http.MethodDelete
	if replaced {
		err = c.makeWay(ctx, info.Path)
	} else {
		err = c.remove(ctx, info.Path)
	}
	if err == nil {
		c.drive.locks.drop(clean(name), replaced)
	}
	return c.refuse(err)
}

// each calls do with a path and with everything in it, containers last.
func (c *call) each(ctx context.Context, p pod.Path, do func(pod.Path) error) error {
	if p.IsContainer() {
		children, err := c.children(ctx, p)
		if err != nil {
			return err
		}
		for _, child := range children {
			if err := c.each(ctx, child.Path, do); err != nil {
				return err
			}
		}
	}
	return do(p)
}

// children returns the members of a container.
func (c *call) children(ctx context.Context, p pod.Path) ([]pod.Info, error) {
	a, err := c.view.Get(ctx, p)
	if err != nil {
		return nil, err
	}
	return a.Children, a.Close()
}

// remove deletes a path and everything in it, once it is known that nothing of it has to stay.
func (c *call) remove(ctx context.Context, p pod.Path) error {
	err := c.view.MayDelete(ctx, p, c.pre)
	if err == nil {
		err = c.each(ctx, p, func(inner pod.Path) error { return c.view.MayDelete(ctx, inner, pod.Precondition{}) })
	}
	if err != nil {
		return err
	}
	return c.each(ctx, p, func(inner pod.Path) error { return c.view.Delete(ctx, inner, pod.Precondition{}) })
}

// Stat implements webdav.FileSystem.
func (c files) Stat(ctx context.Context, name string) (os.FileInfo, error) {
	info, err := c.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return &about{info}, nil
}

// about is what is known of a resource, as an os.FileInfo, webdav.ETager and
// webdav.ContentTyper.
type about struct{ info pod.Info }

func (a *about) Name() string       { return a.info.Path.Name() }
func (a *about) Size() int64        { return a.info.Size }
func (a *about) ModTime() time.Time { return a.info.Modified }
func (a *about) IsDir() bool        { return a.info.Path.IsContainer() }
func (a *about) Sys() any           { return nil }

func (a *about) Mode() fs.FileMode {
	if a.IsDir() {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

func (a *about) ETag(context.Context) (string, error) {
	if a.info.ETag == "" {
		return "", webdav.ErrNotImplemented
	}
	return a.info.ETag, nil
}

func (a *about) ContentType(context.Context) (string, error) { return a.info.Type, nil }

// reading is a resource or a container that was opened to be read.
type reading struct {
	call   *call
	ctx    context.Context // of the call: the webdav package hands none to DeadProps
	answer acl.Answer
	listed bool
}

func (f *reading) Close() error               { return f.answer.Close() }
func (f *reading) Stat() (fs.FileInfo, error) { return &about{f.answer.Info}, nil }
func (f *reading) Write([]byte) (int, error)  { return 0, fs.ErrPermission }

func (f *reading) Read(p []byte) (int, error) {
	if f.answer.Resource == nil {
		return 0, fs.ErrInvalid
	}
	if err := f.answer.Context().Err(); err != nil {
		return 0, fmt.Errorf("read: %w", acl.ErrForbidden) // the right was taken away meanwhile
	}
	return f.answer.Resource.Read(p)
}

func (f *reading) Seek(offset int64, whence int) (int64, error) {
	if f.answer.Resource == nil {
		return 0, fs.ErrInvalid
	}
	return f.answer.Resource.Seek(offset, whence)
}

// Readdir returns all members at once; the webdav package asks for no fewer.
func (f *reading) Readdir(int) (all []fs.FileInfo, err error) {
	if f.listed {
		return nil, io.EOF
	}
	f.listed = true
	for _, child := range f.answer.Children {
		all = append(all, &about{child})
	}
	return all, nil
}

// create opens a name to be written.
func (c *call) create(ctx context.Context, name string) (webdav.File, error) {
	p, err := at(name, false)
	if err != nil {
		return nil, c.refuse(err)
	}
	if err := c.above(ctx, p); err != nil {
		return nil, err
	}
	if err := c.view.MayPut(ctx, p, c.pre); err != nil {
		return nil, c.refuse(err)
	}
	c.came[p] = true
	r, w := io.Pipe()
	f := &writing{call: c, ctx: ctx, about: &about{pod.Info{Path: p}}, pipe: w, done: make(chan error, 1)}
	go func() {
		var err error
		var created bool
		f.about.info, created, err = c.view.Put(ctx, p, c.typeOf(p), r, c.pre)
		c.replaced = err == nil && !created
		r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		f.done <- err
	}()
	return f, nil
}

// typeOf returns the media type of what is written: that which the request names,
// unless it is the one that programs name when they know none.
func (c *call) typeOf(p pod.Path) string {
	if c.typ != "" && c.typ != "application/octet-stream" {
		return c.typ
	}
	return pod.TypeByName(p.Name())
}

// writing is a resource that is being stored.
type writing struct {
	call    *call
	ctx     context.Context // of the call
	patches []webdav.Proppatch
	about   *about
	pipe    *io.PipeWriter
	done    chan error
}

func (f *writing) Write(p []byte) (int, error)        { return f.pipe.Write(p) }
func (f *writing) Read([]byte) (int, error)           { return 0, fs.ErrInvalid }
func (f *writing) Seek(int64, int) (int64, error)     { return 0, fs.ErrInvalid }
func (f *writing) Readdir(int) ([]fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (f *writing) Stat() (fs.FileInfo, error)         { return f.about, nil }

// Close ends the representation, and returns once it is durable. Where the
// request did not arrive whole, nothing is stored.
func (f *writing) Close() error {
	if err := f.call.body.err; err != nil {
		f.pipe.CloseWithError(err)
		<-f.done
		return f.call.refuse(errors.Join(acl.ErrBody, err))
	}
	f.pipe.Close()
	err := <-f.done
	if err == nil && (len(f.patches) > 0 || f.call.stood != nil) {
		err = f.call.amend(f.ctx, f.about.info.Path, f.patches)
	}
	return f.call.refuse(err)
}
