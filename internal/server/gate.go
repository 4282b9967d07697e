package server

import (
	"container/list"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
)

// How many connections there may be. One address may have so many that a house, or a relay's friends behind
// one address, are not held back, and so few that it takes many addresses to fill the house.
const (
	connsMost    = 16 << 10
	connsSecured = 4 << 10 // with TLS, which takes some 45 KB for each, and not 16
	connsAddress = 1 << 10
	outBuffer    = 256 << 10 // bytes of an answer that the system takes before they are on their way
)

// gate is a listener that holds a bounded number of connections. Where all places are taken, whoever has waited
// longest without a request of its own under way goes, and the new one comes in: so those who ask are served,
// however many hold connections open and are silent. Where nobody waits, the oldest of the address that has most
// goes, if that is more than twice what the newcomer's has.
//
//	new, idle   in the row of those who wait; may be sent away
//	active      has a request; the limits of time end it
type gate struct {
	net.Listener
	each, all int // each 0: no bound for an address, where all come from one

	mu   sync.Mutex
	here map[string]int // connections of each address
	held int
	row  list.List // of *caller: those who wait, the longest first
	in   list.List // of *caller: all, the oldest first
}

// newGate puts a gate for most connections before l. Behind a proxy, or Tor, addresses mean nothing.
func newGate(l net.Listener, most int, addresses bool) *gate {
	g := &gate{Listener: l, each: connsAddress, all: min(most, openFiles()/2), here: map[string]int{}}
	if !addresses {
		g.each = 0
	}
	return g
}

// caller is a connection that has a place.
type caller struct {
	net.Conn
	gate *gate
	from string
	seat *list.Element // among all; nil when it has left
	mark *list.Element // in the row; nil while a request is under way
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		bound(conn)
		c, out := g.enter(conn)
		if out != nil {
			cut(out)
		}
		if c != nil {
			return c, nil
		}
	}
}

// enter gives conn a place. What has to be cut for that is returned: another, or conn itself, and no caller then.
func (g *gate) enter(conn net.Conn) (c *caller, out net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c = &caller{Conn: conn, gate: g, from: origin(conn)}
	if g.each > 0 && g.here[c.from] >= g.each {
		return nil, conn
	}
	if g.held >= g.all {
		other := g.spare(c.from)
		if other == nil {
			return nil, conn
		}
		other.leave()
		out = other.Conn
	}
	g.held++
	g.here[c.from]++
	c.seat, c.mark = g.in.PushBack(c), g.row.PushBack(c)
	return c, out
}

// spare returns who makes place for a newcomer, or nil; mu is held.
func (g *gate) spare(newcomer string) *caller {
	if first := g.row.Front(); first != nil {
		return first.Value.(*caller)
	}
	busiest, most := "", 2*g.here[newcomer]+1
	for address, n := range g.here {
		if n > most {
			busiest, most = address, n
		}
	}
	for e := g.in.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*caller); c.from == busiest {
			return c
		}
	}
	return nil
}

// leave gives the place back; gate.mu is held.
func (c *caller) leave() {
	if c.seat == nil {
		return
	}
	c.ask()
	g := c.gate
	g.in.Remove(c.seat)
	c.seat = nil
	g.held--
	if g.here[c.from]--; g.here[c.from] == 0 {
		delete(g.here, c.from)
	}
}

// ask takes the caller out of the row; gate.mu is held.
func (c *caller) ask() {
	if c.mark != nil {
		c.gate.row.Remove(c.mark)
		c.mark = nil
	}
}

// Close implements net.Conn.
func (c *caller) Close() error {
	c.gate.mu.Lock()
	c.leave()
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// Write implements net.Conn. What a reader who does not read was to get is dropped with the connection, or
// the system would keep it, and try for minutes.
func (c *caller) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		drop(c.Conn)
	}
	return n, err
}

// moved notes what http.Server says of a connection.
func moved(conn net.Conn, to http.ConnState) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	c, ok := conn.(*caller)
	if !ok {
		return
	}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	switch {
	case to == http.StateActive || to == http.StateHijacked:
		c.ask()
	case to == http.StateIdle && c.mark == nil && c.seat != nil:
		c.mark = c.gate.row.PushBack(c)
	}
}

// origin returns the address of the other side, of IPv6 its network: see address.
func origin(conn net.Conn) string {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return ""
	}
	return network(at.Addr())
}

// bound keeps the system from taking megabytes for somebody who may never read them.
func bound(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(outBuffer)
	}
}

// drop makes that nothing is sent any more when conn closes.
func drop(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// cut ends a connection at once.
func cut(conn net.Conn) {
	drop(conn)
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		slog.Debug("close a connection", "err", err)
	}
}
