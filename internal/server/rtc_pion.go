//go:build webrtc

package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"kith/webid"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// Bounds of direct connections to one pod.
const (
	directsMost   = 16
	directsFriend = 4                // to devices of one friend
	directsBusy   = 16               // requests that are answered at a time, of all friends
	directsEach   = directsBusy / 4  // of them to one friend
	directGather  = 2 * time.Second  // to find own addresses
	directOpen    = 15 * time.Second // until the channel has to be there
	directBuffer  = 256 << 10        // bytes of a connection that wait to be read
)

// directs are the connections that friends have straight to this pod. The pod takes offers and makes none. It tells
// of its addresses only those by which the machine speaks to the internet anyway, asks no STUN server, and looks up
// no .local names: who offers finds the pod, which answers to where the packets come from.
//
// Goroutines: one that ends connections with friends who may not have them any more, one for each connection with
// those of its talk, and those of pion. All end with close.
type directs struct {
	home      *home
	api       *webrtc.API
	addresses func() []netip.Addr // that are told
	ctx       context.Context
	stop      context.CancelFunc
	wg        sync.WaitGroup
	busy      places // by the label of whose connection it is
	waits     waiting

	mu  sync.Mutex
	all map[*direct]string // by whose label
}

// direct is one connection.
type direct struct {
	peer *webrtc.PeerConnection
	wire chan wire // gets the one channel
	ctx  context.Context
	stop context.CancelFunc
}

// openDirects lets friends connect to the pod, as far as its owner allows it.
func (h *home) openDirects() *directs {
	d := &directs{home: h, addresses: outward, busy: places{each: directsEach, all: directsBusy}, waits: make(waiting, boxWaits), all: map[*direct]string{}}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.api = webrtc.NewAPI(webrtc.WithSettingEngine(d.settings()), webrtc.WithMediaEngine(&webrtc.MediaEngine{}))
	d.wg.Go(d.follow)
	return d
}

// settings are pion's: what it tells of this machine, and how much it keeps.
func (d *directs) settings() (s webrtc.SettingEngine) {
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.DisableActiveTCP(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true) // of these too, only what is in addresses
	s.SetIPFilter(func(ip net.IP) bool {
		at, ok := netip.AddrFromSlice(ip)
		for _, told := range d.addresses() {
			ok = ok && told != at.Unmap()
		}
		return !ok
	})
	s.DetachDataChannels()
	s.EnableDataChannelBlockWrite(true)
	s.SetSCTPMaxReceiveBufferSize(directBuffer)
	s.LoggerFactory = &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled} // it would tell addresses
	return s
}

// outward returns the addresses from which this machine speaks to the internet, at most one of each family, or else
// the loopback. Bridges, tunnels and containers have others, which are nobody's business. Nothing is sent.
func outward() (all []netip.Addr) {
	for _, root := range []string{"198.41.0.4:53", "[2001:503:ba3e::2:30]:53"} { // a.root-servers.net
		conn, err := net.Dial("udp", root)
		if err != nil {
			continue
		}
		if at, ok := conn.LocalAddr().(*net.UDPAddr); ok {
			all = append(all, at.AddrPort().Addr().Unmap())
		}
		conn.Close()
	}
	if len(all) == 0 {
		all = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return all
}

// answer takes the offer of a friend's device, which describes may stand, and returns this side's description.
func (d *directs) answer(ctx context.Context, label, offer string) (string, error) {
	if d == nil {
		return "", errNoDirect
	}
	c, err := d.begin(label)
	if err != nil {
		return "", fmt.Errorf("answer offer: %w", err)
	}
	text, err := c.describe(ctx, offer)
	if err != nil {
		c.stop()
		return "", fmt.Errorf("answer offer: %w", err)
	}
	return text, nil
}

// begin makes a connection that waits for its channel, if there is room for one.
func (d *directs) begin(label string) (*direct, error) {
	c := &direct{wire: make(chan wire, 1)}
	d.mu.Lock()
	defer d.mu.Unlock()
	of := 0
	for whose := range maps.Values(d.all) {
		if whose == label {
			of++
		}
	}
	if d.ctx.Err() != nil || len(d.all) >= directsMost || of >= directsFriend {
		return nil, errNoDirect
	}
	var err error
	if c.peer, err = d.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, err
	}
	c.ctx, c.stop = context.WithCancel(d.ctx)
	c.peer.OnDataChannel(c.take)
	c.peer.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			c.stop()
		}
	})
	d.all[c] = label
	d.wg.Go(func() { d.run(c, label) })
	return c, nil
}

// take takes the first channel that opens, and closes others.
func (c *direct) take(channel *webrtc.DataChannel) {
	channel.OnOpen(func() {
		found, err := channel.DetachWithDeadline()
		if err != nil {
			c.stop()
			return
		}
		select {
		case c.wire <- found:
		default:
			found.Close()
		}
	})
}

// describe returns this side's description, with its addresses.
func (c *direct) describe(ctx context.Context, offer string) (string, error) {
	if err := c.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := c.peer.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	found := webrtc.GatheringCompletePromise(c.peer)
	if err := c.peer.SetLocalDescription(answer); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, directGather)
	defer cancel()
	select {
	case <-found:
	case <-ctx.Done():
	}
	if err := c.ctx.Err(); err != nil {
		return "", err
	}
	return c.peer.LocalDescription().SDP, nil
}

// run holds a connection until it ends.
func (d *directs) run(c *direct, label string) {
	defer func() {
		c.stop()
		err := c.peer.GracefulClose()
		d.mu.Lock()
		delete(d.all, c)
		d.mu.Unlock()
		if err != nil {
			slog.Debug("a direct connection ended badly", "err", err)
		}
	}()
	late := time.NewTimer(directOpen)
	defer late.Stop()
	select {
	case w := <-c.wire:
		answer := func(ctx context.Context, message []byte) []byte { return d.serve(ctx, label, message) }
		err := newTalk(w, answer).run(c.ctx, func() { c.peer.Close() })
		slog.Debug("a direct connection ended", "err", err)
	case <-late.C:
	case <-c.ctx.Done():
	}
}

// serve answers one message, unless too many of that friend's are being answered, or of all friends'.
func (d *directs) serve(ctx context.Context, label string, message []byte) []byte {
	leave, ok := d.busy.enter(label)
	if !ok {
		return nil
	}
	defer leave()
	return d.home.answerDirect(ctx, message, d.waits)
}

// follow ends the connections of friends who may not see the address any more.
func (d *directs) follow() {
	for {
		changed := d.home.guard.As(webid.Agent{}).Changed()
		d.part()
		select {
		case <-changed:
		case <-d.ctx.Done():
			return
		}
	}
}

func (d *directs) part() {
	d.mu.Lock()
	all := maps.Clone(d.all)
	d.mu.Unlock()
	for c, label := range all {
		if !d.home.showsAddress(d.ctx, label) {
			c.stop()
		}
	}
}

// close ends all connections.
func (d *directs) close() {
	if d == nil {
		return
	}
	d.mu.Lock() // begin has added its goroutine, or will not
	d.stop()
	d.mu.Unlock()
	d.wg.Wait()
}
