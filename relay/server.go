package relay

import (
	"net/http"
	"time"
)

// Config says what a Server keeps and whom it serves.
type Config struct {
	Data   string                     // DIR, the folder that holds everything; made if it is not there
	Queues string                     // who may make queues: "open", "work" or "invite"; "" is "invite"
	App    bool                       // told to clients: the app is served at the same origin
	Space  int64                      // bytes that waiting messages may take on the disk; 0 is 4 GiB
	Out    http.RoundTripper          // by which hops are forwarded and pushes sent; nil: neither is done
	Client func(*http.Request) string // the address that asks, for limits; nil: the peer of the connection
	Now    func() time.Time           // the clock; nil is time.Now
}
