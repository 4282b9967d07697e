// Package twin shows what a server lets slip of what one may not see. It plays one random history to
// two servers, of which the second also gets what two lookers, a reader and a stranger, may not see, and
// compares all that the lookers are answered, byte for byte (protocol §3.1, reliability §1, promise 8).
//
// It is not a check of who may see what: what is hidden is hidden by ordinary ACL documents, and a server
// that ignores them fails at the first look.
//
//	history    shared, shared, hidden*, shared, ...    drawn from a seed; hidden ones reach the second side only
//	looks      after each step the same requests to both sides, as reader and as stranger
//	names      each random string is replaced by when it first came: two sides with one history have
//	           them apart, and in one order
//
// No goroutine is started here.
package twin
