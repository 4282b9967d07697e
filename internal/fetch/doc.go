// Package fetch gets documents from addresses that a stranger chose: WebID
// profiles, issuers and their keys, client-ID documents, groups, webhooks. It is
// the only way by which this server calls out on somebody else's word. It is no
// general HTTP client: it reads, it follows nothing by itself but a few
// redirects, and it does not know what a document means.
//
// What it lets through:
//
//	URL        https, without credentials, host in ASCII (an international name as xn--…), port 443 or
//	           from 1024 on; the fragment is left out; at most 2048 bytes
//	address    checked when the connection is made, after DNS: global unicast only, in no block that
//	           IANA keeps for private, local, mapped, translated or tunnelled use (address.go)
//	redirects  at most 3, each checked like the first, never from https to http
//	request    no cookies, no credentials, no Referer, no proxy of the environment, HTTP/1.1
//	answer     status 200, 64 KiB of body, 16 KiB of header, no content coding, 5 s in all
//	at once    8 requests to one host, 64 in all; others wait for their 5 s
//	memory     an answer is kept for its max-age, from 5 to 60 s; a failure for 30 s; 4 MiB in all;
//	           those who ask for one document at the same time share one request
//
// An operator can name addresses, host:port, that may be private and need no
// TLS: a provider on the same machine, another server at home, a test.
//
// Why a document could not be had is for the operator. Whoever chose the address
// is told only that it could not, since the difference between "refused" and
// "closed" would map the network that the server stands in.
//
// No goroutine is started here but those of http.Transport, which Close ends. A
// Fetcher may be used by many goroutines.
package fetch
