// Package issuer is the token endpoint.
package issuer

import (
	"time"

	"kith/webid"
)

// Realms finds pods.
type Realms interface {
	// Realm returns the pod whose URL, with trailing slash, is exactly url.
	Realm(url string) (webid.Realm, bool)
}

// Config is what New needs.
type Config struct {
	Issuer string             // BASE without trailing slash
	Keys   []webid.PrivateKey // persisted by the caller; the first signs
	Realms Realms
	Replay webid.Replay // for self-issued JWTs; should outlive a restart
	Proofs webid.Replay // for DPoP proofs; in memory is enough
	Now    func() time.Time
}
