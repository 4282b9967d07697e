package passkey_test

import (
	"encoding/asn1"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"kith/webid/passkey"
)

// TestShownIsRefused: each way in which an assertion can be wrong, with its reason.
func TestShownIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *authenticator)
		why    string
	}{
		"which made a passkey":             {func(a *authenticator) { a.client["type"] = "webauthn.create" }, "something else"},
		"of no kind":                       {func(a *authenticator) { a.client["type"] = nil }, "something else"},
		"of a kind in other letters":       {func(a *authenticator) { a.client["type"], a.client["Type"] = nil, "webauthn.get" }, "something else"},
		"of another challenge":             {func(a *authenticator) { a.client["challenge"] = b64(newChallenge()) }, "another challenge"},
		"of no challenge":                  {func(a *authenticator) { a.client["challenge"] = nil }, "another challenge"},
		"of an empty challenge":            {func(a *authenticator) { a.client["challenge"] = "" }, "another challenge"},
		"of a challenge that is a number":  {func(a *authenticator) { a.client["challenge"] = 1 }, "another challenge"},
		"asked by another host":            {func(a *authenticator) { a.client["origin"] = "https://evil.example" }, "another origin"},
		"asked by a host below":            {func(a *authenticator) { a.client["origin"] = "https://a.example.org" }, "another origin"},
		"asked by a host that goes on":     {func(a *authenticator) { a.client["origin"] = "https://example.org.evil.example" }, "another origin"},
		"asked at another port":            {func(a *authenticator) { a.client["origin"] = "https://example.org:8443" }, "another origin"},
		"asked without TLS":                {func(a *authenticator) { a.client["origin"] = "http://example.org" }, "another origin"},
		"asked by a page with a path":      {func(a *authenticator) { a.client["origin"] = "https://example.org/" }, "another origin"},
		"asked by nobody":                  {func(a *authenticator) { a.client["origin"] = nil }, "another origin"},
		"asked by a file":                  {func(a *authenticator) { a.client["origin"] = "null" }, "another origin"},
		"asked by several":                 {func(a *authenticator) { a.client["origin"] = []string{example.Origin} }, "another origin"},
		"within another page":              {func(a *authenticator) { a.client["crossOrigin"] = true }, "within another"},
		"within who knows what":            {func(a *authenticator) { a.client["crossOrigin"] = "false" }, "within another"},
		"below another page":               {func(a *authenticator) { a.client["topOrigin"] = "https://evil.example" }, "within another"},
		"below its own page":               {func(a *authenticator) { a.client["topOrigin"] = example.Origin }, "within another"},
		"for another host":                 {func(a *authenticator) { a.party = "evil.example" }, "another host"},
		"for a host below":                 {func(a *authenticator) { a.party = "a.example.org" }, "another host"},
		"with nobody there":                {func(a *authenticator) { a.flags &^= up }, "nobody was present"},
		"without verifying the person":     {func(a *authenticator) { a.flags &^= uv }, "not verified"},
		"backed up against its kind":       {func(a *authenticator) { a.flags |= bs }, "cannot be backed up"},
		"that can be backed up suddenly":   {func(a *authenticator) { a.flags |= be }, "has changed"},
		"with a credential":                {func(a *authenticator) { a.flags |= at }, "made instead of shown"},
		"with a credential that is not":    {func(a *authenticator) { a.flags |= at; a.size = 1023 }, "ends within"},
		"with extensions that are not":     {func(a *authenticator) { a.flags |= ed }, "no map"},
		"with extensions in a list":        {func(a *authenticator) { a.flags, a.extensions = a.flags|ed, []byte{0x80} }, "no map"},
		"with extensions cut short":        {func(a *authenticator) { a.flags, a.extensions = a.flags|ed, []byte{0xa1, 0x61} }, "ends within"},
		"with extensions without end":      {func(a *authenticator) { a.flags, a.extensions = a.flags|ed, []byte{0xbf, 0xff} }, "indefinite"},
		"with extensions that nobody says": {func(a *authenticator) { a.extensions = []byte{0xa0} }, "something follows"},
		"with more than there is":          {func(a *authenticator) { a.tail = []byte{0} }, "something follows"},
		"that was used as often":           {func(a *authenticator) { a.count = 5 }, "a copy"},
		"that was used less":               {func(a *authenticator) { a.count = 4 }, "a copy"},
		"that counts no more":              {func(a *authenticator) { a.count = 0 }, "a copy"},
		"by another key":                   {func(a *authenticator) { a.sign = newAuthenticator(t).sign }, "not the key's"},
		"by a key of another kind":         {func(a *authenticator) { a.sign = withEdDSA(t).sign }, "not the key's"},
		"without a signature":              {func(a *authenticator) { a.sign = func([]byte) []byte { return nil } }, "not the key's"},
		"with a signature of zeros":        {func(a *authenticator) { a.sign = func([]byte) []byte { return der(t, new(big.Int), new(big.Int)) } }, "not the key's"},
		"with a signature and more": {func(a *authenticator) {
			sign := a.sign
			a.sign = func(m []byte) []byte { return append(sign(m), 0) }
		}, "not the key's"},
		"with a signature in long form": {func(a *authenticator) {
			sign := a.sign
			a.sign = func(m []byte) []byte { s := sign(m); return slices.Concat(s[:1], []byte{0x81}, s[1:]) }
		}, "not the key's"},
		"with a signature without ASN.1": {func(a *authenticator) { a.sign = flat(t, a.sign) }, "not the key's"},
		"by another passkey":             {func(a *authenticator) { a.id = []byte("another") }, "another passkey"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuthenticator(t)
			a.count = 5
			challenge := newChallenge()
			k, err := example.Made(parsed(t, a.create(challenge)), challenge)
			if err != nil {
				t.Fatal(err)
			}
			a.count = 6
			if _, err := example.Shown(parsed(t, a.get(challenge)), challenge, k); err != nil {
				t.Fatalf("the sound one: %v", err)
			}
			c.change(a)
			after, err := example.Shown(parsed(t, a.get(challenge)), challenge, k)
			wantRefused(t, err, c.why)
			if after.ID != nil {
				t.Errorf("refused, and %+v", after)
			}
		})
	}
}

func wantRefused(t *testing.T, err error, why string) {
	t.Helper()
	if !errors.Is(err, passkey.ErrRefused) || !strings.Contains(err.Error(), why) {
		t.Errorf("%v, want %q", err, why)
	}
}

func der(t *testing.T, r, s *big.Int) []byte {
	t.Helper()
	text, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// flat writes an ECDSA signature as JOSE does, without ASN.1.
func flat(t *testing.T, sign func([]byte) []byte) func([]byte) []byte {
	return func(message []byte) []byte {
		var s struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(sign(message), &s); err != nil {
			t.Error(err)
		}
		return append(s.R.FillBytes(make([]byte, 32)), s.S.FillBytes(make([]byte, 32))...)
	}
}

// TestMadeIsRefused: each way in which a new passkey can be wrong.
func TestMadeIsRefused(t *testing.T) {
	cose := func(label int, v any) func(*authenticator) {
		return func(a *authenticator) {
			if a.cose[label] = v; v == nil {
				delete(a.cose, label)
			}
		}
	}
	attest := func(fn func(o object) any) func(*authenticator) { return func(a *authenticator) { a.attest = fn } }
	key := func(fn func(k []byte) []byte) func(*authenticator) { return func(a *authenticator) { a.key = fn } }
	for name, c := range map[string]struct {
		change func(a *authenticator)
		why    string
	}{
		"which shows one":               {func(a *authenticator) { a.client["type"] = "webauthn.get" }, "something else"},
		"for another challenge":         {func(a *authenticator) { a.client["challenge"] = b64(newChallenge()) }, "another challenge"},
		"at another page":               {func(a *authenticator) { a.client["origin"] = "https://evil.example" }, "another origin"},
		"within another page":           {func(a *authenticator) { a.client["crossOrigin"] = true }, "within another"},
		"for another host":              {func(a *authenticator) { a.party = "evil.example" }, "another host"},
		"with nobody there":             {func(a *authenticator) { a.flags &^= up }, "nobody was present"},
		"without verifying the person":  {func(a *authenticator) { a.flags &^= uv }, "not verified"},
		"backed up against its kind":    {func(a *authenticator) { a.flags |= bs }, "cannot be backed up"},
		"without a credential":          {func(a *authenticator) { a.flags |= at }, "or none"},
		"of another ID":                 {func(a *authenticator) { a.answer["id"], a.answer["rawId"] = "YQ", "YQ" }, "another passkey"},
		"with an ID that is too long":   {func(a *authenticator) { a.id = make([]byte, 1024) }, "too long"},
		"with an ID that is announced":  {func(a *authenticator) { a.size = 1000 }, "ends within"},
		"with more than there is":       {func(a *authenticator) { a.tail = []byte{0} }, "something follows"},
		"without a key":                 {key(func([]byte) []byte { return nil }), "ends within"},
		"with a key that is no map":     {key(func([]byte) []byte { return []byte{0x80} }), "no map"},
		"with a key cut short":          {key(func(k []byte) []byte { return k[:len(k)-1] }), "ends within"},
		"with a key without end":        {key(func(k []byte) []byte { return slices.Concat([]byte{0xbf}, k[1:], []byte{0xff}) }), "indefinite"},
		"with a key twice":              {key(func(k []byte) []byte { return slices.Concat([]byte{0xa6}, k[1:], []byte{0x03, 0x26}) }), "twice"},
		"with a name in the key":        {key(func([]byte) []byte { return encoded(map[string]any{"alg": -7}) }), "no integer"},
		"with a key of a huge map":      {key(func([]byte) []byte { return []byte{0xbb, 255, 255, 255, 255, 255, 255, 255, 255} }), "ends within"},
		"with a number beyond all":      {key(func([]byte) []byte { return []byte{0xa1, 1, 0x3b, 255, 255, 255, 255, 255, 255, 255, 255} }), "no integer"},
		"of no algorithm":               {cose(3, nil), "not asked for"},
		"of an algorithm not asked for": {cose(3, -47), "not asked for"},
		"of another type of key":        {cose(1, 3), "not asked for"},
		"on another curve":              {cose(-1, 2), "not on the curve"},
		"on no curve":                   {cose(-1, nil), "not on the curve"},
		"compressed":                    {cose(-3, true), "not on the curve"},
		"half":                          {cose(-3, nil), "not on the curve"},
		"with a point too long":         {cose(-2, make([]byte, 33)), "not on the curve"},
		"with a point off the curve":    {cose(-2, slices.Repeat([]byte{1}, 32)), "no point"},
		"with a point at infinity":      {func(a *authenticator) { a.cose[-2], a.cose[-3] = make([]byte, 32), make([]byte, 32) }, "no point"},
		"with Ed25519 on another curve": {func(a *authenticator) { a.cose = withEdDSA(t).cose; a.cose[-1] = 4 }, "not on the curve"},
		"with a short Ed25519 key":      {func(a *authenticator) { a.cose = withEdDSA(t).cose; a.cose[-2] = make([]byte, 31) }, "not on the curve"},
		"with a small RSA key":          {func(a *authenticator) { a.cose = modulus(1024) }, "too small"},
		"with a huge RSA key":           {func(a *authenticator) { a.cose = modulus(8192) }, "too large"},
		"with a huge exponent": {func(a *authenticator) {
			a.cose = modulus(2048)
			a.cose[-2] = make([]byte, 400)
			a.cose[-2].([]byte)[0] = 1
		}, "too large"},
		"without an attestation":          {attest(func(object) any { return []byte{} }), "ends within"},
		"with an attestation in a list":   {attest(func(object) any { return []byte{0x80} }), "no map"},
		"with an attestation of nothing":  {attest(func(object) any { return map[string]any{} }), "no data"},
		"with data that is a text":        {attest(func(o object) any { return map[string]any{"authData": string(o.Data)} }), "another type"},
		"with data twice":                 {attest(func(o object) any { return twice(o) }), "twice"},
		"with an attestation and more":    {attest(func(o object) any { return append(encoded(o), 0) }), "something follows"},
		"with an attestation of numbers":  {attest(func(object) any { return map[int]any{1: 2} }), "another type"},
		"with a statement that lies deep": {attest(func(o object) any { o.Statement["a"] = []any{[]any{[]any{}}}; return o }), "too deep"},
		"with a statement cut short":      {attest(func(o object) any { return append([]byte{0xa1, 0x61, 'a', 0x9a, 255, 255, 255, 255}, o.Data...) }), ""},
		"with tags all the way down":      {attest(func(object) any { return append([]byte{0xa1, 0x61, 'a'}, slices.Repeat([]byte{0xc1}, 5000)...) }), "too deep"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuthenticator(t)
			challenge := newChallenge()
			if _, err := example.Made(parsed(t, a.create(challenge)), challenge); err != nil {
				t.Fatalf("the sound one: %v", err)
			}
			c.change(a)
			k, err := example.Made(parsed(t, a.create(challenge)), challenge)
			wantRefused(t, err, c.why)
			if k.ID != nil {
				t.Errorf("refused, and %+v", k)
			}
		})
	}
}

// modulus is a COSE_Key of RSA with so many bits, which need not be a product of two primes.
func modulus(bits int) map[int]any {
	n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
	return map[int]any{1: 3, 3: -257, -1: n.Bytes(), -2: []byte{1, 0, 1}}
}

// twice writes an attestation object whose data stand twice, which no encoder does.
func twice(o object) []byte {
	one := encoded(map[string]any{"authData": o.Data})
	return slices.Concat([]byte{0xa2}, one[1:], one[1:])
}

// TestAnswersThatAreNone are refused before anything of them is looked at.
func TestAnswersThatAreNone(t *testing.T) {
	a := newAuthenticator(t)
	for name, over := range map[string]map[string]any{
		"no ID":                         {"id": nil},
		"no raw ID":                     {"rawId": nil},
		"an empty ID":                   {"id": "", "rawId": ""},
		"two IDs":                       {"rawId": "YQ"},
		"another type":                  {"type": "password"},
		"no type":                       {"type": nil},
		"an ID in base64":               {"id": "+/+/", "rawId": "+/+/"},
		"an ID with padding":            {"id": "YQ==", "rawId": "YQ=="},
		"an ID with bits left over":     {"id": "YR", "rawId": "YR"},
		"an ID that is a number":        {"id": 1, "rawId": 1},
		"a response that is a text":     {"response": "x"},
		"a signature that is no base64": {"response": map[string]any{"signature": "*"}},
	} {
		a.answer = over
		if r, err := passkey.Parse(a.get(newChallenge())); !errors.Is(err, passkey.ErrRefused) || r.ID != nil {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	for _, text := range []string{"", "null", "[]", "{", "{}", `"x"`, strings.Repeat("[", 20000)} {
		if r, err := passkey.Parse([]byte(text)); !errors.Is(err, passkey.ErrRefused) || r.ID != nil {
			t.Errorf("%.10q: %+v, %v", text, r, err)
		}
	}
}

// TestAResponseSaysNothing: one that lacks what its ceremony is about is refused.
func TestAResponseSaysNothing(t *testing.T) {
	a, challenge := newAuthenticator(t), newChallenge()
	made, shown := parsed(t, a.create(challenge)), parsed(t, a.get(challenge))
	k, err := example.Made(made, challenge)
	if err != nil {
		t.Fatal(err)
	}
	_, err = example.Made(shown, challenge)
	wantRefused(t, err, "something else")
	_, err = example.Shown(made, challenge, k)
	wantRefused(t, err, "something else")
	_, err = example.Made(passkey.Response{}, challenge)
	wantRefused(t, err, "no JSON")
	_, err = example.Shown(passkey.Response{ID: a.id}, challenge, k)
	wantRefused(t, err, "no JSON")
	_, err = example.Shown(shown, challenge, passkey.Record{})
	wantRefused(t, err, "another passkey")
	_, err = example.Shown(shown, challenge, passkey.Record{ID: a.id})
	wantRefused(t, err, "ends within")
	k.PublicKey = append(k.PublicKey, 0)
	_, err = example.Shown(shown, challenge, k)
	wantRefused(t, err, "follows the key")
	if r := (passkey.Response{}); r.Challenge() != "" {
		t.Errorf("nobody asked %q", r.Challenge())
	}
}

// TestNobodyIsNoParty: the zero Party, and a challenge that can be guessed.
func TestNobodyIsNoParty(t *testing.T) {
	a, challenge := newAuthenticator(t), newChallenge()
	a.party, a.client["origin"] = "", ""
	_, err := passkey.Party{}.Made(parsed(t, a.create(challenge)), challenge)
	wantRefused(t, err, "another origin")
	a = newAuthenticator(t)
	for _, short := range [][]byte{nil, make([]byte, 15)} {
		_, err = example.Made(parsed(t, a.create(short)), short)
		wantRefused(t, err, "another challenge")
	}
}

// TestWhatIsLetBe: what the specification leaves to browsers and authenticators.
func TestWhatIsLetBe(t *testing.T) {
	for name, change := range map[string]func(a *authenticator){
		"members that nobody knows":    func(a *authenticator) { a.client["other_keys_can_be_added_here"] = []any{1} },
		"no word of other pages":       func(a *authenticator) { a.client["crossOrigin"] = nil },
		"an ID as long as can be":      func(a *authenticator) { a.id = make([]byte, 1023) },
		"a model that tells its name":  func(a *authenticator) { a.answer["authenticatorAttachment"] = "platform" },
		"a key that may be backed up":  func(a *authenticator) { a.flags |= be },
		"a label that nobody knows":    func(a *authenticator) { a.cose[2] = []byte("kid"); a.cose[4] = []any{1, 2} },
		"an RSA key as large as it is": func(a *authenticator) { maps.Copy(a.cose, modulus(4096)); delete(a.cose, -3) },
	} {
		a, challenge := newAuthenticator(t), newChallenge()
		change(a)
		if _, err := example.Made(parsed(t, a.create(challenge)), challenge); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A byte order mark before the client data is taken off, and hashed with it.
	a, challenge := newAuthenticator(t), newChallenge()
	k, err := example.Made(parsed(t, a.create(challenge)), challenge)
	if err != nil {
		t.Fatal(err)
	}
	a.bom = true
	if _, err := example.Shown(parsed(t, a.get(challenge)), challenge, k); err != nil {
		t.Errorf("with a byte order mark: %v", err)
	}
}

// TestOptions are what browsers are given.
func TestOptions(t *testing.T) {
	made := string(written(example.CreationOptions([]byte("challenge"), []byte("handle"), "https://a.example/", [][]byte{{1}})))
	const want = `{"publicKey":{"attestation":"none",` +
		`"authenticatorSelection":{"requireResidentKey":true,"residentKey":"required","userVerification":"required"},"challenge":"Y2hhbGxlbmdl",` +
		`"excludeCredentials":[{"id":"AQ","type":"public-key"}],"pubKeyCredParams":[{"alg":-7,"type":"public-key"},{"alg":-8,"type":"public-key"},` +
		`{"alg":-35,"type":"public-key"},{"alg":-36,"type":"public-key"},{"alg":-257,"type":"public-key"}],"rp":{"id":"example.org","name":"Kith"},` +
		`"timeout":300000,"user":{"displayName":"https://a.example/","id":"aGFuZGxl","name":"https://a.example/"}}}`
	if made != want {
		t.Errorf("%s", made)
	}
	shown := string(written(example.RequestOptions([]byte("challenge"))))
	if shown != `{"publicKey":{"challenge":"Y2hhbGxlbmdl","rpId":"example.org","timeout":300000,"userVerification":"required"}}` {
		t.Errorf("%s", shown)
	}
	if !strings.Contains(string(written(lax.RequestOptions(nil))), `"userVerification":"discouraged"`) {
		t.Error("the lax party wants more than a touch")
	}
}
