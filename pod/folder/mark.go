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

// The mark stands in the state folder while a process may write. It names the
// boot of the machine: a process that was killed loses nothing that it gave to
// the system, but a machine that went down may have lost what the index had not
// yet made durable.
const markName = "mark"

// bootID returns what tells one boot of this machine from another, or "".
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// readMark returns the boot in which the process before was running, and
// whether it has left its mark.
func readMark(state string) (boot string, left bool, err error) {
	mark, err := os.ReadFile(filepath.Join(state, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	return strings.TrimSpace(string(mark)), err == nil, err
}

func writeMark(state string, k *disk, boot string) error {
	d, err := k.open(state)
	if err != nil {
		return err
	}
	defer d.close()
	const next = markName + ".next"
	if err := ignoreAbsent(d.unlink(next)); err != nil {
		return err
	}
	if err := d.write(next, []byte(boot+"\n")); err != nil {
		return fmt.Errorf("write mark: %w", asFull(err))
	}
	if err := d.rename(next, d, markName); err != nil {
		return err
	}
	return d.sync()
}

func removeMark(state string, k *disk) error {
	d, err := k.open(state)
	if err != nil {
		return err
	}
	defer d.close()
	if err := ignoreAbsent(d.unlink(markName)); err != nil {
		return err
	}
	return d.sync()
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
