package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// The mark says whether a process may be writing, and in which boot of the
// machine: a process that was killed loses nothing that it gave to the system,
// but a machine that went down may have lost what the index had not yet made
// durable. It is overwritten in place, so that a full disk is no hindrance.
const (
	markName   = "mark"
	markClosed = "closed"
)

// readMark returns the boot in which the process before was running, and
// whether it has not closed the pod.
func readMark(state string) (boot string, unclean bool, err error) {
	text, err := os.ReadFile(filepath.Join(state, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	boot = strings.TrimSpace(string(text))
	return boot, boot != markClosed, err
}

func writeMark(state string, k *disk, text string) error {
	f, err := os.OpenFile(filepath.Join(state, markName), os.O_RDWR|os.O_CREATE|noFollow, fileMode)
	if err != nil {
		return fmt.Errorf("write mark: %w", meant(err))
	}
	err = k.do("write", func() error {
		_, err := fmt.Fprintf(f, "%-63s\n", text)
		return err
	})
	if err == nil {
		err = k.sync(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write mark: %w", meant(err))
	}
	return nil
}

// watchers are the channels of those who wait for changes.
type watchers struct {
	mu   sync.Mutex
	next int
	all  map[int]chan struct{}
}

func (w *watchers) add() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[int]chan struct{})
	}
	n := w.next
	w.next++
	w.all[n] = c
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, n)
	}
}

// signal wakes all watchers; one that has not looked yet looks once.
func (w *watchers) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.all {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
