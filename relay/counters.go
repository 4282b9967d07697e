package relay

import (
	"net/http"
	"sync/atomic"
)

// drop is a reason for which a request, a frame or a message is dropped.
type drop struct {
	reason string
	status int // over HTTP
	wait   int // seconds, for Retry-After
}

// Error implements error.
func (d *drop) Error() string { return d.reason }

// The drops that somebody is told of.
var (
	dropMalformed   = &drop{"malformed", http.StatusBadRequest, 0}
	dropPath        = &drop{"unknown_path", http.StatusNotFound, 0}
	dropSend        = &drop{"unknown_send", http.StatusNotFound, 0}
	dropNotThere    = &drop{"not_there", http.StatusNotFound, 0}
	dropToken       = &drop{"bad_token", http.StatusUnauthorized, 0}
	dropTooLarge    = &drop{"too_large", http.StatusRequestEntityTooLarge, 0}
	dropSlow        = &drop{"slow", http.StatusRequestTimeout, 0}
	dropRate        = &drop{"rate", http.StatusTooManyRequests, 2}
	dropGuesses     = &drop{"guesses", http.StatusTooManyRequests, 60}
	dropSockets     = &drop{"sockets", http.StatusTooManyRequests, 30}
	dropMemory      = &drop{"memory", http.StatusTooManyRequests, 10}
	dropNoWork      = &drop{"no_work", http.StatusForbidden, 0}
	dropNoInvite    = &drop{"no_invite", http.StatusForbidden, 0}
	dropQueueRate   = &drop{"queue_rate", http.StatusTooManyRequests, 60}
	dropCreatorFull = &drop{"creator_full", http.StatusInsufficientStorage, 0}
	dropQueuesFull  = &drop{"queues_full", http.StatusInsufficientStorage, 0}
	dropSendFull    = &drop{"send_full", http.StatusInsufficientStorage, 0}
	dropQueueFull   = &drop{"queue_full", http.StatusInsufficientStorage, 0}
	dropRelayFull   = &drop{"relay_full", http.StatusInsufficientStorage, 0}
	dropDisk        = &drop{"disk", http.StatusServiceUnavailable, 60}
	dropClosing     = &drop{"closing", http.StatusServiceUnavailable, 5}
	dropForward     = &drop{"forward_refused", http.StatusForbidden, 0}
	dropForwarding  = &drop{"forward_failed", http.StatusBadGateway, 0}
)

// The reasons that are counted and told to nobody.
const (
	countWaiters    = "waiters"
	countExpired    = "expired"
	countDeclined   = "declined"
	countCancelled  = "cancelled"
	countRemoved    = "removed"
	countUnread     = "unread"
	countDamaged    = "damaged"
	countFrame      = "bad_frame"
	countIdle       = "idle"
	countSilent     = "silent"
	countLate       = "late_answer"
	countPushOld    = "push_gone"
	countPushFailed = "push_failed"
)

// What goes well, counted too.
const (
	countTaken    = "taken"    // messages accepted
	countAnswered = "answered" // of these, answered while the asker waited
	countAcked    = "acked"
	countForwards = "forwarded"
	countPushed   = "pushed"
)

// counters counts by reason. What is no reason of this table cannot be counted.
type counters map[string]*atomic.Uint64

func newCounters() counters {
	c := counters{}
	for _, name := range []string{countWaiters, countExpired, countDeclined, countCancelled, countRemoved, countUnread, countDamaged,
		countFrame, countIdle, countSilent, countLate, countPushOld, countPushFailed,
		countTaken, countAnswered, countAcked, countForwards, countPushed} {
		c[name] = &atomic.Uint64{}
	}
	for _, d := range []*drop{dropMalformed, dropPath, dropSend, dropNotThere, dropToken, dropTooLarge, dropSlow, dropRate, dropGuesses, dropSockets, dropMemory,
		dropNoWork, dropNoInvite, dropQueueRate, dropCreatorFull, dropQueuesFull, dropSendFull, dropQueueFull, dropRelayFull,
		dropDisk, dropClosing, dropForward, dropForwarding} {
		c[d.reason] = &atomic.Uint64{}
	}
	return c
}

func (c counters) count(name string) { c[name].Add(1) }
