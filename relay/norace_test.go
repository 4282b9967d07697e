//go:build !race

package relay

// watched says that the race detector runs, which takes memory of its own.
const watched = false
