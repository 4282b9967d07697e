package webid

// Verdict is why something was refused, in the words that the vectors in
// conformance/vectors use in every language. It is an error, and comparable:
// errors.Is(err, webid.Malformed), errors.Is(err, webid.Verdict("stale")).
//
//	malformed                  not in the form that is required, or too large
//	wrong header               a JOSE header that is not exactly the one expected
//	bad signature              not made by the key it names
//	wrong label                about another person
//	not signed by an admin     signed by a key that may not do this
//	no chain                   a list that does not come down to one that the person key signed
//	broken chain               a list in a chain that is not the next one after the one before
//	stale                      older than what is known
//	same epoch, different list two lists claim one place
//	too far ahead              a serial that nobody can have counted to
//	wrong subject              a JWT about another key than the one that signed
//	wrong audience             a JWT for another issuer
//	wrong method               a proof for another HTTP method
//	wrong address              a proof for another URL
//	wrong token                a proof for another access token, or for none
//	not fresh                  made outside of the window of time
//	replayed                   seen before
//	wrong issuer               a document of another issuer than the one it was asked of
//	unknown key                a key that its issuer, or its document, does not name
//	wrong key                  a key that does not fit the algorithm
//	not vouched for            a WebID whose profile does not name the issuer
//	not reachable              a document of another server that cannot be had
type Verdict string

// Malformed is the verdict on what cannot be read at all.
const Malformed Verdict = "malformed"

// Error returns the verdict word.
func (v Verdict) Error() string { return string(v) }

const (
	wrongHeader   Verdict = "wrong header"
	badSignature  Verdict = "bad signature"
	wrongLabel    Verdict = "wrong label"
	notAdmin      Verdict = "not signed by an admin"
	noChain       Verdict = "no chain"
	brokenChain   Verdict = "broken chain"
	stale         Verdict = "stale"
	forked        Verdict = "same epoch, different list"
	tooFar        Verdict = "too far ahead"
	wrongSubject  Verdict = "wrong subject"
	wrongAudience Verdict = "wrong audience"
	wrongMethod   Verdict = "wrong method"
	wrongAddress  Verdict = "wrong address"
	wrongToken    Verdict = "wrong token"
	notFresh      Verdict = "not fresh"
	wrongIssuer   Verdict = "wrong issuer"
	unknownKey    Verdict = "unknown key"
	wrongKey      Verdict = "wrong key"
	notVouched    Verdict = "not vouched for"
	notReachable  Verdict = "not reachable"
)
