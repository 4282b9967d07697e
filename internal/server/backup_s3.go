package server

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"kith/sync/archive"
)

// bucketPattern are the names that a bucket may have (Amazon S3, "General purpose bucket naming rules"), and those of
// older ones.
var bucketPattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]$`)

// parseBucket reads s3://BUCKET/PREFIX?endpoint=URL&region=REGION&style=path|host. The error is ErrPlace.
func parseBucket(address string) (archive.Bucket, error) {
	wrong := func(what string) (archive.Bucket, error) {
		return archive.Bucket{}, fmt.Errorf("%w: %s; write for example s3://BUCKET/PREFIX --endpoint https://s3.example.org", ErrPlace, what)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Fragment != "" || u.Opaque != "" {
		return wrong(fmt.Sprintf("%q is no address of a bucket", address))
	}
	if u.User != nil {
		return wrong("give the access key by --key, and its secret when you are asked for it")
	}
	if !bucketPattern.MatchString(u.Host) {
		return wrong(fmt.Sprintf("%q is no name of a bucket", u.Host))
	}
	b := archive.Bucket{Name: u.Host, Prefix: strings.Trim(u.Path, "/")}
	if b.Prefix != "" {
		b.Prefix += "/"
	}
	for name, values := range u.Query() {
		switch value := values[0]; {
		case name == "endpoint":
			b.Endpoint, err = endpoint(value)
		case name == "region":
			b.Region = value
		case name == "style" && value == "host":
			b.VirtualHost = true
		case name == "style" && value == "path": // as it is
		default:
			return wrong(fmt.Sprintf("%s=%s says nothing of a bucket", name, value))
		}
	}
	if err != nil {
		return wrong(err.Error())
	}
	return b, nil
}

// endpoint returns the one spelling of an address of a server.
func endpoint(s string) (string, error) {
	u, err := url.Parse(withScheme(s))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return "", fmt.Errorf("%q is no address of a server", s)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// writeBucket is the one spelling of what parseBucket reads.
func writeBucket(b archive.Bucket) string {
	query := url.Values{}
	if b.Endpoint != "" {
		query.Set("endpoint", b.Endpoint)
	}
	if b.Region != "" {
		query.Set("region", b.Region)
	}
	if b.VirtualHost {
		query.Set("style", "host")
	}
	u := url.URL{Scheme: "s3", Host: b.Name, Path: "/" + b.Prefix, RawQuery: query.Encode()}
	return u.String()
}
