package server

import (
	"context"
	"log/slog"
	"math"
	"time"

	"kith/pod"
	"kith/pod/folder"
)

// How hands in a pod's folder are followed.
const (
	handsSettle = 3 * time.Second
	handsRescan = 10 * time.Minute
	handsAgain  = time.Minute // after the folder could not be read
	handsFirst  = 256         // containers with something new that are looked at before the server listens
)

// settings is where the command line writes, too.
var settings, _ = pod.ParsePath("/settings/")

// hands follows what people and other programs do to the files of one pod.
type hands struct {
	stop context.CancelFunc
	done chan struct{}
}

// followed are the settings of the store; what is new is made the owner's alone by the guard, which is
// opened after the store and before Follow.
func (h *home) followed() folder.Followed {
	return folder.Followed{Settle: handsSettle, Rescan: handsRescan, Prompt: settings, Private: func(tx pod.Tx, p pod.Path) ([]byte, error) {
		return h.guard.Private(tx, p)
	}, Keep: h.keep}
}

// keep knows the owner's lists, which no hand deletes: a device that followed such a delete would not know any more who
// its person is. Nor does a hand delete what opens the backups, or by what the owner may read anything at all.
func (h *home) keep(p pod.Path) (text []byte, keep bool) {
	if p == pod.Root.ACL() {
		return []byte(rootACL), true
	}
	if p.String() == backupPath {
		text, _ := h.knownKits(context.Background()) // where they cannot be read, the phones bring them
		return text, true
	}
	of := map[string]func(person) string{
		"/profile/devices": func(p person) string { return p.lists.Devices.String() },
		"/profile/keys":    func(p person) string { return p.lists.Keys.String() },
		kitPath:            func(p person) string { return p.kit },
	}[p.String()]
	if of == nil {
		return nil, false
	}
	owner, err := h.state.person(context.Background(), h.name)
	if err != nil { // the phones bring it
		return nil, true
	}
	return []byte(of(owner)), true
}

// takenIn is at how many containers with something new is looked when the pod is opened: at all of them where nobody
// follows its folder afterwards.
func (h *home) takenIn() int {
	if h.config.quiet {
		return math.MaxInt
	}
	return handsFirst
}

// openHands begins to follow the folder.
func (h *home) openHands() {
	ctx, stop := context.WithCancel(context.Background())
	h.hands = &hands{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(h.hands.done)
		for h.store.Follow(ctx) != nil {
			slog.Warn("the folder of a pod cannot be followed; trying again in a minute")
			select {
			case <-ctx.Done():
			case <-time.After(handsAgain):
			}
		}
	}()
}

func (f *hands) close() {
	if f != nil {
		f.stop()
		<-f.done
	}
}
