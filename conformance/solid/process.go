package solid

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Server is a server that the suite has started, with Alice and Bob on it.
type Server struct {
	Config // to run the suite with

	command *exec.Cmd
	output  *output
	exited  chan struct{} // closed when the process has ended
	status  error
	clean   func() error
}

// startTime bounds how long a server may take to start, and to end.
const startTime = 60 * time.Second

// errStart says that a server did not come up.
var errStart = errors.New("the server did not start")

// launch starts a process whose output is kept.
func launch(command *exec.Cmd, clean func() error) (*Server, error) {
	s := &Server{command: command, output: &output{changed: make(chan struct{})}, exited: make(chan struct{}), clean: clean}
	command.Stdout, command.Stderr = s.output, s.output
	endWithParent(command)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the process ends with this thread
		err := command.Start()
		started <- err
		if err == nil {
			s.status = command.Wait()
			close(s.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Path, err)
	}
	return s, nil
}

// await returns what find makes of the output, as soon as it finds something.
func (s *Server) await(ctx context.Context, find func(string) (string, bool)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		text, changed := s.output.read()
		if found, ok := find(text); ok {
			return found, nil
		}
		select {
		case <-changed:
		case <-s.exited:
			return "", fmt.Errorf("%w: %w\n%s", errStart, errors.Join(s.status, ctx.Err()), text)
		case <-ctx.Done():
			return "", fmt.Errorf("%w in time: %w\n%s", errStart, ctx.Err(), text)
		}
	}
}

// Stop ends the server and removes what it has kept.
func (s *Server) Stop() error {
	err := s.command.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	select {
	case <-s.exited:
	case <-time.After(startTime):
		err = errors.Join(err, s.command.Process.Kill())
		<-s.exited
	}
	if s.Elsewhere != nil {
		if e := s.Elsewhere.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	if err = errors.Join(err, s.clean()); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	return nil
}

// Output returns what the server has printed so far.
func (s *Server) Output() string {
	text, _ := s.output.read()
	return text
}

// output keeps what a process prints and tells who waits for more.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

// listenElsewhere returns a listener for Config.Elsewhere on this machine.
func listenElsewhere() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
