// Package webid says who asks: it knows keys, the signed lists of a person's
// devices, the owner's contacts, and the proofs that requests carry. It is not
// about what an agent may do (package acl), stores nothing but what may be used
// once, and fetches nothing by itself: what other servers publish it is given by
// Documents. (protocol §1)
//
// # Keys
//
// Every key is ECDSA or ECDH on P-256. A Key is written as
//
//	did:key   "did:key:z" base58btc(0x80 0x24 | compressed point 33)
//	JWK       {"kty":"EC","crv":"P-256","x":b64u 32,"y":b64u 32}
//	label     base32, lower case, of SHA-256(compressed point): 52 characters
//
// and each has one spelling only: what does not come out again as it went in is
// refused. Base64url is without padding throughout (b64u).
//
// # Signed lists
//
// Both are compact JWS, ES256, at most 8 KiB, with a header of exactly alg, typ,
// and kid, the did:key of the signer:
//
//	typ kith-devices+jwt  {label, gen, epoch, prev, person, devices: [{kid, name, may: [answer accept post admin]}]}
//	typ kith-keys+jwt     {label, serial, agree: [{kid, device, jwk, until}]}
//
// The person key opens a generation; an admin device of the list before signs
// the next epoch; prev is b64u SHA-256 of the JWS before. A device list is always
// carried as its chain, down to the list that the person key signed, so that
// whoever sees it for the first time can tell that it comes from the person whose
// key the label is made of:
//
//	JWS of epoch n ~ JWS of the epoch before ~ ... ~ JWS by the person key    at most 32 of them, 32 KiB
//
// What is pinned moves by DeviceList.Accept and Lists.Accept only.
//
// # A request
//
// A device exchanges a JWT that it issued itself for an access token, and sends
// that along with a DPoP proof made for the one request:
//
//	self-issued JWT  typ JWT, kid did:key; iss = sub = client_id = kid, aud = issuer, iat, exp ≤ iat + 120, jti 128 bits
//	access token     typ at+jwt, kid thumbprint of the server's key; iss, sub = contact's or owner's WebID,
//	                 aud = pod, iat, exp = iat + 300, jti, client_id = kid = did:key of the device, grant, cnf.jkt
//	DPoP proof       typ dpop+jwt, jwk; htm, htu, iat -60/+30 s, jti, ath = b64u SHA-256(access token), nonce
//
// Somebody with a WebID elsewhere comes with a token of that WebID's issuer, which
// the issuer's keys and the WebID's own document have to confirm; or, as an owner
// who uses an app, with one of our own provider (Solid-OIDC):
//
//	their token   typ at+jwt, JWT or none, kid; alg ES256 ES384 RS256 PS256 EdDSA; iss, webid, aud ∋ "solid",
//	              iat at most 24 h ago, exp, nbf, cnf.jkt, client_id or azp
//	our token     typ at+jwt; iss, sub = webid, aud ∋ "solid" or = pod, client_id, exp, cnf.jkt,
//	              grant = id of the owner's consent
//	read          claims, then the proof, then Documents: configuration → keys → signature → profile
//
// The agent is then the owner by an app, a contact, or a stranger who has a name. A
// blocked contact is a stranger with a name that no access rule can hold.
//
// A Verifier remembers tokens and device lists that it verified, so that a request
// costs one verification, of its proof; whether the device still speaks for the contact, and
// whether the contact is still one, is asked anew each time. A proof whose clock is
// off holds if it carries a nonce of ours, which needs no memory: b64u of its end in
// seconds (8 bytes) and a MAC over that (16).
//
// A Replay that is kept in memory forgets at a restart: a proof recorded just before
// it could be sent once more, within 90 seconds, with its access token.
//
// No goroutine is started here. A Verifier and a Replay may be used by many.
package webid
