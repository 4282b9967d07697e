package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSignaturesOfAmazon holds the signatures to the examples of Amazon's documentation.
func TestSignaturesOfAmazon(t *testing.T) {
	day := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	s := signer{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", func() time.Time { return day }}
	for _, c := range []struct {
		name, method, path string
		query              url.Values
		header             http.Header
		body, want         string
	}{
		{"a part of an object", "GET", "/test.txt", nil, http.Header{"Range": {"bytes=0-9"}}, "", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"an object", "PUT", "/test$file.text", nil, http.Header{"Date": {"Fri, 24 May 2013 00:00:00 GMT"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}},
			"Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
		{"a parameter without a value", "GET", "/", url.Values{"lifecycle": {""}}, nil, "", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"a listing", "GET", "/", url.Values{"prefix": {"J"}, "max-keys": {"2"}}, nil, "", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := url.URL{Scheme: "https", Host: "examplebucket.s3.amazonaws.com", Path: c.path, RawPath: awsEscape(c.path, true), RawQuery: awsQuery(c.query)}
			r, err := http.NewRequest(c.method, at.String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range c.header {
				r.Header[name] = values
			}
			whole, err := spool(strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			s.sign(r, whole.digest)
			if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestWhereABucketIs tells which address a file has.
func TestWhereABucketIs(t *testing.T) {
	for _, c := range []struct {
		name string
		b    Bucket
		want string // "" : refused
	}{
		{"at Amazon", Bucket{Name: "ana"}, "https://ana.s3.us-east-1.amazonaws.com/"},
		{"in a region of Amazon's", Bucket{Name: "ana", Region: "eu-central-1"}, "https://ana.s3.eu-central-1.amazonaws.com/"},
		{"elsewhere, by path", Bucket{Name: "ana", Endpoint: "https://s3.example.org:9000/"}, "https://s3.example.org:9000/ana/"},
		{"elsewhere, by host", Bucket{Name: "ana", Endpoint: "https://s3.example.org", VirtualHost: true}, "https://ana.s3.example.org/"},
		{"no scheme", Bucket{Name: "ana", Endpoint: "s3.example.org"}, ""},
		{"a path", Bucket{Name: "ana", Endpoint: "https://s3.example.org/x"}, ""},
		{"no bucket", Bucket{Endpoint: "https://s3.example.org"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			place, err := S3(http.DefaultClient, c.b, time.Now)
			if (err != nil) != (c.want == "") {
				t.Fatal(err)
			}
			if err == nil && place.(*bucket).root.String() != c.want {
				t.Errorf("%s, want %s", &place.(*bucket).root, c.want)
			}
		})
	}
}

// TestAServerThatFailsAtTimes: a request that fails is made again, the whole of it, and not without end; one that is
// refused is not.
func TestAServerThatFailsAtTimes(t *testing.T) {
	large := bytes.Repeat([]byte("large"), s3InMemory/4)
	for _, c := range []struct {
		name          string
		status, times int
		body          []byte
		want          int // requests
		ok            bool
	}{
		{"fails twice", 503, 2, []byte("small"), 4, true},
		{"fails twice, a file on the disk", 500, 2, large, 4, true},
		{"fails always", 500, 100, []byte("small"), s3Tries, false},
		{"is full", 507, 100, []byte("small"), 1, false},
		{"refuses", 403, 100, []byte("small"), 1, false},
		{"sends elsewhere", 307, 100, []byte("small"), 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, stored := 0, []byte(nil)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				body, err := io.ReadAll(r.Body)
				switch {
				case err != nil:
					t.Error(err)
				case asked <= c.times:
					w.Header().Set("Location", "http://127.0.0.1:1/")
					w.WriteHeader(c.status)
				case r.Method == http.MethodPut:
					stored = body
				case r.Method == http.MethodHead:
					http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(stored))
				}
			}))
			defer server.Close()
			place, err := S3(server.Client(), Bucket{Endpoint: server.URL, Name: "ana", Key: "k", Secret: "s"}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			place.(*bucket).pause = time.Millisecond
			t.Setenv("TMPDIR", t.TempDir())
			err = place.Put(t.Context(), "keyring-1", bytes.NewReader(c.body))
			if (err == nil) != c.ok || asked != c.want || c.ok && !bytes.Equal(stored, c.body) {
				t.Errorf("%v after %d requests, want %d; %d bytes are stored", err, asked, c.want, len(stored))
			}
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
				t.Errorf("left on this machine: %v, %v", left, err)
			}
		})
	}
}

// TestWhatAnS3ServerSays: what it refuses is told in words that say what to do.
func TestWhatAnS3ServerSays(t *testing.T) {
	for _, c := range []struct {
		status       int
		region, body string
		want         string
	}{
		{404, "", `<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>`, "there is no such bucket"},
		{403, "", `<Error><Code>SignatureDoesNotMatch</Code></Error>`, "does not take this access key"},
		{403, "", `<Error><Code>AccessDenied</Code></Error>`, "lets this access key do no such thing"},
		{403, "", `<Error><Code>RequestTimeTooSkewed</Code></Error>`, "the clocks"},
		{301, "eu-central-1", "", "in the region eu-central-1"},
		{400, "", `<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>`, "in the region eu-west-1"},
		{418, "", "<", "the server says 418"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", c.region)
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		place, err := S3(server.Client(), Bucket{Endpoint: server.URL, Name: "ana"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = place.List(t.Context(), "")
		if server.Close(); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %s: %v, want %q", c.status, c.body, err, c.want)
		}
	}
}

// TestAListingOfManyPages: names come whole, and in all pages.
func TestAListingOfManyPages(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("continuation-token") == "" {
			io.WriteString(w, `<R><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a+b/=</NextContinuationToken><Contents><Key>my+kith/keyring-1</Key></Contents></R>`)
			return
		}
		if r.URL.Query().Get("continuation-token") != "a+b/=" || r.URL.Query().Get("prefix") != "my kith/" {
			t.Error(r.URL.RawQuery)
		}
		io.WriteString(w, `<R><EncodingType>url</EncodingType><CommonPrefixes><Prefix>my+kith/objects/</Prefix></CommonPrefixes><Contents><Key>my+kith/</Key></Contents></R>`)
	}))
	defer server.Close()
	place, err := S3(server.Client(), Bucket{Endpoint: server.URL, Name: "ana", Prefix: "my kith/"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := place.List(t.Context(), ""); err != nil || strings.Join(names, " ") != "keyring-1 objects/" {
		t.Errorf("%q, %v", names, err)
	}
}

// TestAListingWithoutEnd: a server whose pages do not end is not read for ever.
func TestAListingWithoutEnd(t *testing.T) {
	pages := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pages++; pages > 1<<10 {
			http.Error(w, "", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `<R><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>`, pages)
		io.WriteString(w, strings.Repeat(`<Contents><Key>a</Key></Contents>`, 1<<13)+"</R>")
	}))
	defer server.Close()
	place, err := S3(server.Client(), Bucket{Endpoint: server.URL, Name: "ana"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := place.List(t.Context(), ""); !errors.Is(err, errTooMuch) || pages > 1<<9 {
		t.Errorf("%v after %d pages", err, pages)
	}
}

// TestWhatABucketDoesNotHave is asked for once: that is an answer, and no failure.
func TestWhatABucketDoesNotHave(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	place, err := S3(server.Client(), Bucket{Endpoint: server.URL, Name: "ana", Key: "k", Secret: "s"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, modified := place.Modified(t.Context(), "seen-1")
	_, got := place.Get(t.Context(), "keyring-1")
	if !errors.Is(modified, fs.ErrNotExist) || !errors.Is(got, fs.ErrNotExist) || asked != 2 {
		t.Errorf("%v, %v, after %d requests", modified, got, asked)
	}
}
