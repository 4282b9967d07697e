package relay

// Subscription is where and for whom a device can be woken (RFC 8030, RFC 8291, RFC 8292). All in
// b64u but the address.
type Subscription struct {
	Endpoint string `json:"endpoint"` // https address at the push service
	P256dh   string `json:"p256dh"`   // the device's public key, 65 bytes
	Auth     string `json:"auth"`     // 16 bytes
	VAPID    string `json:"vapid"`    // the private key by which the push service knows the sender, 32 bytes
}
