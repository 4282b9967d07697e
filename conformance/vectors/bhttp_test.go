package vectors_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"kith/sealed/bhttp"
)

type pairs [][2]string

func pairsOf(fields []bhttp.Field) pairs {
	var all pairs
	for _, f := range fields {
		all = append(all, [2]string{f.Name, f.Value})
	}
	return all
}

type interimCase struct {
	Status int   `json:"status"`
	Header pairs `json:"header,omitempty"`
}

type bhttpCase struct {
	head
	Kind      string        `json:"kind"`
	Message   string        `json:"message"`
	Method    string        `json:"method,omitempty"`
	Scheme    string        `json:"scheme,omitempty"`
	Authority string        `json:"authority,omitempty"`
	Path      string        `json:"path,omitempty"`
	Interim   []interimCase `json:"interim,omitempty"`
	Status    int           `json:"status,omitempty"`
	Header    pairs         `json:"header,omitempty"`
	Content   string        `json:"content,omitempty"`
	Trailer   pairs         `json:"trailer,omitempty"`
	Known     string        `json:"known,omitempty"`
}

func TestBinaryHTTP(t *testing.T) {
	hold(t, "bhttp.json", bhttpCases, func(t *testing.T, c bhttpCase) bhttpCase {
		out := bhttpCase{head: head{c.Name, "success"}, Kind: c.Kind, Message: c.Message}
		var err error
		if c.Kind == "request" {
			err = out.request(unb64(t, c.Message))
		} else {
			err = out.response(unb64(t, c.Message))
		}
		if err == nil {
			return out
		}
		if !errors.Is(err, bhttp.ErrMalformed) {
			t.Error(err)
		}
		return bhttpCase{head: head{c.Name, "malformed"}, Kind: c.Kind, Message: c.Message}
	})
}

func (c *bhttpCase) request(message []byte) error {
	r, err := bhttp.ParseRequest(message)
	if err != nil {
		return err
	}
	c.Method, c.Scheme, c.Authority, c.Path = r.Method, r.Scheme, r.Authority, r.Path
	c.Header, c.Content, c.Trailer, c.Known = pairsOf(r.Header), b64(r.Content), pairsOf(r.Trailer), b64(r.Append(nil))
	_, err = bhttp.ParseRequest(r.Append(nil))
	return err
}

func (c *bhttpCase) response(message []byte) error {
	r, err := bhttp.ParseResponse(message)
	if err != nil {
		return err
	}
	for _, i := range r.Interim {
		c.Interim = append(c.Interim, interimCase{i.Status, pairsOf(i.Header)})
	}
	c.Status, c.Header, c.Content, c.Trailer, c.Known = r.Status, pairsOf(r.Header), b64(r.Content), pairsOf(r.Trailer), b64(r.Append(nil))
	_, err = bhttp.ParseResponse(r.Append(nil))
	return err
}

// The examples of RFC 9292 §5.
const (
	rfcKnownRequest = `00034745 54056874 74707300 0a2f6865 6c6c6f2e 74787440 6c0a7573 65722d61
		67656e74 34637572 6c2f372e 31362e33 206c6962 6375726c 2f372e31 362e3320 4f70656e 53534c2f 302e392e
		376c207a 6c69622f 312e322e 3304686f 73740f77 77772e65 78616d70 6c652e63 6f6d0f61 63636570 742d6c61
		6e677561 67650665 6e2c206d 690000`
	rfcChunkedRequest = `02034745 54056874 74707300 0a2f6865 6c6c6f2e 7478740a 75736572 2d616765
		6e743463 75726c2f 372e3136 2e33206c 69626375 726c2f37 2e31362e 33204f70 656e5353 4c2f302e 392e376c
		207a6c69 622f312e 322e3304 686f7374 0f777777 2e657861 6d706c65 2e636f6d 0f616363 6570742d 6c616e67
		75616765 06656e2c 206d6900 00000000 00000000 00000000`
	rfcChunkedResponse = `03406607 72756e6e 696e670a 22736c65 65702031 35220040 67046c69 6e6b233c
		2f737479 6c652e63 73733e3b 2072656c 3d707265 6c6f6164 3b206173 3d737479 6c65046c 696e6b24 3c2f7363
		72697074 2e6a733e 3b207265 6c3d7072 656c6f61 643b2061 733d7363 72697074 0040c804 64617465 1d4d6f6e
		2c203237 204a756c 20323030 39203132 3a32383a 35332047 4d540673 65727665 72064170 61636865 0d6c6173
		742d6d6f 64696669 65641d57 65642c20 3232204a 756c2032 30303920 31393a31 353a3536 20474d54 04657461
		67142233 34616133 38372d64 2d313536 38656230 30220d61 63636570 742d7261 6e676573 05627974 65730e63
		6f6e7465 6e742d6c 656e6774 68023531 04766172 790f4163 63657074 2d456e63 6f64696e 670c636f 6e74656e
		742d7479 70650a74 6578742f 706c6169 6e003348 656c6c6f 20576f72 6c642120 4d792063 6f6e7465 6e742069
		6e636c75 64657320 61207472 61696c69 6e672043 524c462e 0d0a0000`
	rfcKnownResponse = `0140c800 1d546869 7320636f 6e74656e 7420636f 6e746169 6e732043 524c462e
		0d0a0d07 74726169 6c657204 74657874`
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bhttpCases(t *testing.T) []bhttpCase {
	one := func(kind, verdict string) func(string, []byte) bhttpCase {
		return func(name string, m []byte) bhttpCase {
			return bhttpCase{head: head{name, verdict}, Kind: kind, Message: b64(m)}
		}
	}
	request, response := one("request", "success"), one("response", "success")
	noRequest, noResponse := one("request", "malformed"), one("response", "malformed")
	known, chunked := unhex(t, rfcKnownRequest), unhex(t, rfcChunkedRequest)
	answer, interim := unhex(t, rfcKnownResponse), unhex(t, rfcChunkedResponse)
	get := bhttp.Request{Method: "GET", Scheme: "https", Authority: "x", Path: "/"}
	with := func(change func(*bhttp.Request)) []byte {
		r := get
		change(&r)
		return r.Append(nil)
	}
	field := func(name, value string) []byte {
		return with(func(r *bhttp.Request) { r.Header = []bhttp.Field{{Name: name, Value: value}} })
	}
	status := func(bytes ...byte) []byte { return append([]byte{1}, bytes...) }
	plain := get.Append(nil)
	cases := []bhttpCase{
		request("the request of RFC 9292 of known length", known),
		request("the same cut off before its trailers", known[:len(known)-1]),
		request("the same cut off before its content", known[:len(known)-2]),
		request("the same with zeros after it", append(bytes.Clone(known), make([]byte, 30)...)),
		request("the request of RFC 9292 of indeterminate length, with padding", chunked),
		request("the same without the padding", chunked[:len(chunked)-10]),
		request("the same cut off before its trailers too", chunked[:len(chunked)-11]),
		request("the same cut off before its content too", chunked[:len(chunked)-12]),
		response("the response of RFC 9292 with two interim responses", interim),
		response("the response of RFC 9292 with a trailer", answer),
		request("a request that ends after its control data", plain[:len(plain)-3]),
		request("a path with a query", with(func(r *bhttp.Request) { r.Path = "/social/feed?cursor=a&wait=25" })),
		request("content of any bytes", with(func(r *bhttp.Request) { r.Content = []byte{0, 0xff, 13, 10, 0} })),
		request("content of 17,000 bytes", with(func(r *bhttp.Request) { r.Content = bytes.Repeat([]byte("kith"), 4250) })),
		request("one name on two lines", with(func(r *bhttp.Request) {
			r.Header = []bhttp.Field{{Name: "a", Value: "1"}, {Name: "b", Value: ""}, {Name: "a", Value: "2"}}
		})),
		request("a value with a byte above ASCII", field("x", "caf\u00e9")),
		request("a name of each kind of sign", field("!#$%&'*+-.^_`|~09az", "x")),
		request("a request for everything a server can do", with(func(r *bhttp.Request) { r.Method, r.Path = "OPTIONS", "*" })),
		request("a tunnel", with(func(r *bhttp.Request) { r.Method, r.Scheme, r.Path = "CONNECT", "", "" })),
		request("numbers in more bytes than they need", unhex(t, "4000 4003474554 800000056874747073 c00000000000000178 40012f 4000 4000 4000")),
		response("a response that ends after its status", status(0x40, 0xcc)),
		response("the highest status", status(0x42, 0x57)),
		response("content in three chunks", unhex(t, "0340c8000161026262036363630000")),
	}
	long := strings.Repeat("x", 8<<10)
	lines := func(n int) []byte {
		return with(func(r *bhttp.Request) {
			for range n {
				r.Header = append(r.Header, bhttp.Field{Name: "a", Value: "b"})
			}
		})
	}
	return append(cases,
		request("256 lines", lines(256)),
		noRequest("257 lines", lines(257)),
		noRequest("a header beyond 16 KiB", with(func(r *bhttp.Request) {
			r.Header = []bhttp.Field{{Name: "a", Value: long}, {Name: "b", Value: long}}
		})),
		noRequest("a path beyond 16 KiB", with(func(r *bhttp.Request) { r.Path = "/" + long + long })),
		noRequest("nothing", nil),
		noRequest("a response", answer),
		noResponse("a request", known),
		noRequest("another framing", append([]byte{4}, known[1:]...)),
		noRequest("cut off in its path", known[:15]),
		noRequest("cut off in its header", known[:60]),
		noRequest("cut off after the length of its header", known[:33]),
		noRequest("of indeterminate length, cut off in its header", chunked[:60]),
		noRequest("of indeterminate length, cut off before the end of its header", chunked[:len(chunked)-13]),
		noRequest("something after its end", append(bytes.Clone(known), 0, 1)),
		noRequest("content shorter than its length", unhex(t, "00 03474554 056874747073 0178 012f 00 056162")),
		noRequest("a length of 2^62-1", unhex(t, "00 03474554 056874747073 0178 012f ffffffffffffffff")),
		noRequest("a line longer than its section", unhex(t, "00 03474554 056874747073 0178 012f 04 0161 0562 0000")),
		noRequest("a section that ends within a line", unhex(t, "00 03474554 056874747073 0178 012f 03 0161 0262 63 0000")),
		noRequest("an empty name", field("", "x")),
		noRequest("a name in capitals", field("Range", "x")),
		noRequest("a name with a space", field("a b", "x")),
		noRequest("a name with a colon", field("a:", "x")),
		noRequest("a pseudo-field", field(":path", "/")),
		noRequest("a pseudo-field of an extension", field(":protocol", "websocket")),
		noRequest("a value with a line break", field("a", "b\r\nc: d")),
		noRequest("a value with a zero", field("a", "b\x00c")),
		noRequest("a value with another control character", field("a", "b\x01c")),
		noRequest("a value that begins with a space", field("a", " b")),
		noRequest("a value that ends with a tab", field("a", "b\t")),
		noRequest("no method", with(func(r *bhttp.Request) { r.Method = "" })),
		noRequest("a method with a space", with(func(r *bhttp.Request) { r.Method = "GET /" })),
		noRequest("no scheme", with(func(r *bhttp.Request) { r.Scheme = "" })),
		noRequest("no path", with(func(r *bhttp.Request) { r.Path = "" })),
		noRequest("a path that does not begin at the root", with(func(r *bhttp.Request) { r.Path = "social/door" })),
		noRequest("a path with a line break", with(func(r *bhttp.Request) { r.Path = "/\r\n" })),
		noRequest("a path of a character above ASCII", with(func(r *bhttp.Request) { r.Path = "/\u00e9" })),
		noRequest("an authority with a space", with(func(r *bhttp.Request) { r.Authority = "a b" })),
		noRequest("a tunnel with a path", with(func(r *bhttp.Request) { r.Method, r.Scheme = "CONNECT", "" })),
		noResponse("status 99", status(0x40, 0x63)),
		noResponse("status 600", status(0x42, 0x58)),
		noResponse("only an interim response", status(0x40, 0x66, 0)),
		noResponse("chunks without an end", unhex(t, "0340c800 0161")),
		noResponse("a chunk cut off", unhex(t, "0340c800 0561")),
	)
}
