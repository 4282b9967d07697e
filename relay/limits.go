package relay

import "time"

// The bounds of the package comment.
const (
	maxMessage = 1<<20 + 64<<10 // bytes of a message or an answer
	maxText    = 32 << 10       // bytes of a text frame
	maxWait    = 25 * time.Second
	maxHashes  = 256 // in one operation
	maxSubs    = 16  // queues that a connection follows
	maxTokens  = 16  // of a queue
	maxSends   = 1024
	maxURL     = 2048
	maxCancel  = 256  // bytes of a cancel token that a client keeps
	maxKeys    = 1024 // of relays that a client remembers

	sendSize = 24
	idSize   = 16
	workBits = 18

	timeToLive  = 14 * 24 * time.Hour
	unreadTime  = 60 * 24 * time.Hour
	claimTime   = 30 * time.Second
	offerTime   = 30 * time.Second // until a poll is given the same again
	frameTime   = 30 * time.Second // until there is a place in memory; for a client, on the way
	helloTime   = 10 * time.Second // until the first sub
	silentTime  = 60 * time.Second // until a ping
	pongTime    = 20 * time.Second
	pushDelay   = 5 * time.Second
	pushPause   = 15 * time.Minute
	workTime    = 10 * time.Minute
	subprotocol = "kith.relay.1"

	windowMessages = 16
	windowBytes    = 4 << 20

	queueMessages = 1024
	queueBytes    = 64 << 20
	sendMessages  = queueMessages / 4
	sendBytes     = queueBytes / 4
	creatorBytes  = 256 << 20
	creatorQueues = 16
	maxQueues     = 1 << 18
	defaultSpace  = 4 << 30

	maxWaiters        = 4096
	maxAddressWaiters = 256
	maxSockets        = 16384
	maxAddressSockets = 1024
)
