package conformance

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Build returns the path of the binary to test: $KITH_BINARY, or ./cmd/kith of the module, built into dir.
func Build(ctx context.Context, dir string) (string, error) {
	if path := os.Getenv("KITH_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, "kith")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "kith/cmd/kith")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build kith: %w\n%s", err, out)
	}
	return path, nil
}

// Server is a running `kith serve`.
type Server struct {
	Wire
	Data string // the folder of --data

	command *exec.Cmd
	output  *log
	exited  chan struct{} // closed when the process has ended
	status  error
}

// startTime bounds how long a start may take.
const startTime = time.Minute

// Start starts binary over a folder, reachable under the URL base and listening on a free port. Further
// flags follow. The caller stops or kills it.
func Start(binary, data, base string, flags ...string) (*Server, error) {
	args := append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--url", base}, flags...)
	s := &Server{Wire: Wire{Base: base}, Data: data, command: exec.Command(binary, args...), output: &log{listening: make(chan string, 1)}, exited: make(chan struct{})}
	s.command.Stdout, s.command.Stderr = s.output, s.output
	endWithParent(s.command)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the process ends with this thread
		err := s.command.Start()
		started <- err
		if err == nil {
			s.status = s.command.Wait()
			close(s.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start kith: %w", err)
	}
	select {
	case s.Address = <-s.output.listening:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("start kith: %w\n%s", errors.Join(s.status, errEnded), s.Output())
	case <-time.After(startTime):
		return nil, fmt.Errorf("start kith: not listening after %v\n%s", startTime, errors.Join(errors.New(s.Output()), s.Kill()))
	}
}

var errEnded = errors.New("the server ended")

// Stop ends the server as an operator does and returns an error unless it exits with 0 in time.
func (s *Server) Stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop kith: %w", err)
	}
	select {
	case <-s.exited:
		return s.status
	case <-time.After(startTime):
		return errors.Join(fmt.Errorf("stop kith: still running after %v", startTime), s.Kill())
	}
}

// Kill ends the server at once, as a power switch does, and waits until it is gone.
func (s *Server) Kill() error {
	if err := s.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill kith: %w", err)
	}
	<-s.exited
	return nil
}

// PID returns the number of the process, for tools that look into it.
func (s *Server) PID() int { return s.command.Process.Pid }

// Ended returns a channel that is closed when the process has ended, by itself or not.
func (s *Server) Ended() <-chan struct{} { return s.exited }

// Output returns what the server has printed so far.
func (s *Server) Output() string { return s.output.String() }

// log keeps what a process prints, and finds the line that tells its address.
type log struct {
	listening chan string

	mu    sync.Mutex
	text  bytes.Buffer
	found bool
}

const listening = "listening on http://"

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if l.found {
		return len(p), nil
	}
	r := bufio.NewReader(bytes.NewReader(l.text.Bytes()))
	for {
		text, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return len(p), nil // the rest of the line is yet to come
		}
		if address, ok := strings.CutPrefix(strings.TrimSpace(text), listening); ok {
			l.found = true
			l.listening <- strings.TrimSuffix(address, "/")
			return len(p), nil
		}
	}
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
