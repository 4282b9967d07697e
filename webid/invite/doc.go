// Package invite brings two people together by a link: it makes and reads the
// links, and seals and opens the two messages that follow. It stores nothing
// and sends nothing; who holds the invite sees to it that it is used once.
// Nothing here is owned by a goroutine. (protocol §7)
//
// Links carry everything in the fragment, which no server sees:
//
//	BASE/#i=...       an invite, base64url of the bytes below
//	BASE/#pair=...    base64url of JSON {v:1, pod, issuer, secret}
//	BASE/#device=...  base64url of JSON {v:1, pod, issuer, secret, label, name}
//
//	invite       0x01 | label 32 | ik 33 | secret 16 | id 16 | length 1, name ≤ 24
//	             | count 1 ≤ 3 | each way: type 1 (0x01: pod), length 1, URL
//	acceptance   HPKE enc 65 | ciphertext of JSON, aad id     (RFC 9180 base mode,
//	             DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, info "kith invite 1")
//	confirmation AES-128-GCM of JSON, nonce of zeros, aad id, under the export
//	             "kith confirm 1" of the acceptance's HPKE context
//
// The label is the 32 bytes behind its base32. Acceptance and confirmation each
// carry an Introduction: {label, device_list, keys, ways: [{pod, issuer}], name}.
// The acceptance adds agree, the kid of a key in keys, and two MACs in base64url:
//
//	proof    HMAC-SHA-256(secret, "kith accept 1" ‖ SHA-256(device_list))
//	binding  HMAC-SHA-256(HKDF-SHA-256(ECDH(agree, ik), salt secret, info "kith binding 1"), proof)
//
// and the confirmation {cid, webid, salt}.
package invite
