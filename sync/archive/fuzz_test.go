package archive

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"kith/internal/fuzztest"
	"kith/pod"
)

// fuzzKit is the same in all fuzzing processes.
const fuzzKit = "AGE-SECRET-KEY-10LSDNF87428DHV7UD66DNFUAQE6LZM2R6H6Z5AF25N4LUY2R2WAS7SNXDM"

// fuzzSealed is a keyring without rows, sealed to fuzzKit.
const fuzzSealed = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBIdjJhWlRhMmZEdUY1dTZ5RHpUM05lQXhXWDA3SHliR0RMN2U2ck9SV0FjCkVWTFBxeWo1Mzh5ZWRN" +
	"cjdSKzh6NSsvS1B1TmcvLytvQUNtVzZrTGNJQVkKLS0tIFdyRG5EeXg1S3MxaDZPMWlQWlRsMnhMUFl1cFpjYVZtV0xGYW5hQ081VFEKKA8OB0HV1G9NKN7r" +
	"vABNzZNITU03KAn9Jis1XTyHS56iCmxisEqdD4lBA583WIkWrx+DtdWtjoTmcAHm2G3PZFV8gOwlHM1duk8="

// shelf is a Place in memory.
type shelf map[string][]byte

func (s shelf) Put(_ context.Context, name string, body io.Reader) (err error) {
	s[name], err = io.ReadAll(body)
	return err
}

func (s shelf) Create(ctx context.Context, name string, body io.Reader) error {
	if _, ok := s[name]; ok {
		return fs.ErrExist
	}
	return s.Put(ctx, name, body)
}

func (s shelf) Get(_ context.Context, name string) (io.ReadCloser, error) {
	body, ok := s[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (s shelf) List(_ context.Context, folder string) ([]string, error) {
	found := map[string]bool{}
	for name := range s {
		if rest, ok := strings.CutPrefix(name, folder); ok {
			first, _, below := strings.Cut(rest, "/")
			found[first+strings.Repeat("/", map[bool]int{true: 1}[below])] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func (s shelf) Modified(context.Context, string) (time.Time, error) { return time.Time{}, nil }

func (s shelf) Delete(_ context.Context, name string) error {
	delete(s, name)
	return nil
}

func sealedTo(t testing.TB, kit string, text []byte) []byte {
	t.Helper()
	i, err := age.ParseX25519Identity(kit)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, i.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readAll opens the backup at a place and reads everything in it, as a restore does.
func readAll(t *testing.T, place Place) (Contents, error) {
	c, err := Open(t.Context(), place, fuzzKit)
	if err != nil {
		return c, err
	}
	_, err = c.Verify(t.Context(), nil)
	return c, errors.Join(err, c.Each(t.Context(), func(row pod.Info, body io.Reader) error {
		if body == nil {
			return nil
		}
		n, err := io.Copy(io.Discard, body)
		if err == nil && n != row.Size {
			t.Errorf("%s has %d bytes, and is told to have %d", row.Path, n, row.Size)
		}
		return err
	}))
}

// FuzzKeyring opens keyrings of anybody's making: who gives away a backup with its
// kit may have written what they like.
func FuzzKeyring(f *testing.F) {
	const object = "0123456789abcdef0123456789abcdef"
	row := Row{Path: "/note", ID: "AAAAAAAAAAAAAAAAAAAAAA", Counter: 1, Device: "d", Type: "text/plain", Size: 4, Object: object, Key: fuzzKit}
	for _, change := range []func(r *Row){
		func(*Row) {}, func(r *Row) { r.Pieces = 1 }, func(r *Row) { r.Pieces = 1 << 62 }, func(r *Row) { r.Pieces = -1 }, func(r *Row) { r.Size = -4 },
		func(r *Row) { r.Path = "/../x" }, func(r *Row) { r.Object = "a" }, func(r *Row) { r.Object = "../../../../../../../../../etc/x" },
		func(r *Row) { r.Key = "" }, func(r *Row) { r.ETag = `"x"` }, func(r *Row) { r.Path, r.Object = "/a/", "" },
	} {
		r := row
		change(&r)
		text, err := json.Marshal(keyring{Format: 2, N: 1, Made: time.Unix(1795348800, 0), Rows: []Row{r, r}, State: []byte("{}")})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"format":3,"n":1}`))
	f.Add([]byte(`{"format":1,"n":1,"rows":[` + strings.Repeat(`{},`, 5000) + `{}]}`))
	note := sealedTo(f, fuzzKit, []byte("note"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 64<<10 {
			return
		}
		place := shelf{markerName: []byte(marker), claim + "M": nil, whole + "1": sealedTo(t, fuzzKit, text), placeOf(object): note}
		rings := 0
		fuzztest.Cheap(t, len(text)+len(note)*bytes.Count(text, []byte(object)), func() {
			c, err := readAll(t, place)
			if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Errorf("%v", err)
			}
			rings = len(c.Rows)
			r := run{place: place, mark: "M", listed: listed{rings: []numbered{{whole + "1", 1, true}}}, next: keyring{Rows: c.Rows}}
			if err := r.sweep(t.Context()); err != nil {
				t.Error(err)
			}
			place[placeOf(object)] = note
		})
		if rings > len(text) {
			t.Errorf("%d bytes have %d rows", len(text), rings)
		}
	})
}

// FuzzSealed opens whatever lies where a keyring should: nobody without the kit can make one.
func FuzzSealed(f *testing.F) {
	good, err := base64.StdEncoding.DecodeString(fuzzSealed)
	if err != nil {
		f.Fatal(err)
	}
	kit, err := NewKit()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range [][]byte{good, good[:len(good)-1], sealedTo(f, kit, []byte("{}")), []byte("age-encryption.org/v1\n-> scrypt AAAA 30\nAAAA\n---\n"), nil} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		place := shelf{markerName: []byte(marker), whole + "1": text}
		fuzztest.Cheap(t, len(text), func() {
			c, err := Open(t.Context(), place, fuzzKit)
			if err == nil && !bytes.Equal(text, good) {
				t.Errorf("%x opens: %+v", text, c)
			}
			if bytes.Equal(text, good) && c.Mark != "good" {
				t.Errorf("the sound one is %+v, %v", c, err)
			}
			if err != nil && !errors.Is(err, ErrKit) && !errors.Is(err, ErrDamaged) {
				t.Errorf("%v", err)
			}
		})
	})
}

// answering gives whatever is asked of it one answer.
type answering struct {
	status int
	text   []byte
}

// RoundTrip implements http.RoundTripper.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(bytes.NewReader(a.text)), Request: r}, nil
}

// FuzzListing reads what a server of buckets, or of WebDAV, says of a folder, or of why it refuses.
func FuzzListing(f *testing.F) {
	page, err := xml.Marshal(struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []struct{ Key string }
		Common   []struct{ Prefix string } `xml:"CommonPrefixes"`
	}{Contents: []struct{ Key string }{{"kith/keyring-1"}, {"kith/kith-archive"}}, Common: []struct{ Prefix string }{{"kith/objects/"}}})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(page), `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>kith/%zz</Key></Contents></ListBucketResult>`,
		`<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>`,
		`<Error><Code>NoSuchKey</Code><Message>x</Message></Error>`, `<D:multistatus xmlns:D="DAV:"><D:response><D:href>/kith/keyring-1</D:href><D:propstat><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`,
		strings.Repeat("<a>", 5000), "<", `<?xml version="1.0" encoding="x"?>`} {
		f.Add([]byte(text), uint16(200))
		f.Add([]byte(text), uint16(207))
		f.Add([]byte(text), uint16(403))
		f.Add([]byte(text), uint16(404))
	}
	f.Fuzz(func(t *testing.T, text []byte, status uint16) {
		if status < 200 || status > 999 || status/100 == 3 {
			return // no answer, or one that leads elsewhere
		}
		client := &http.Client{Transport: answering{int(status), text}}
		s3, err := S3(client, Bucket{Endpoint: "https://s3.example", Region: "x", Name: "bucket", Prefix: "kith/", Key: "k", Secret: "s"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		dav, err := WebDAV(client, "https://dav.example/kith/", "ana", "secret")
		if err != nil {
			t.Fatal(err)
		}
		s3.(*bucket).pause = time.Nanosecond
		for _, place := range []Place{s3, dav} {
			fuzztest.Cheap(t, s3Tries*len(text), func() { // which the server says again
				names, err := place.List(t.Context(), "")
				if err == nil && len(names) > 2*len(text) {
					t.Errorf("%d bytes list %d files", len(text), len(names))
				}
			})
		}
	})
}
