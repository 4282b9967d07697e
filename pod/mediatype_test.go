package pod

import (
	"mime"
	"strings"
	"testing"
)

func TestTypeByName(t *testing.T) {
	for name, want := range map[string]string{
		"a.ttl": "text/turtle", "a.b.JPG": "image/jpeg", "post.jsonld": "application/ld+json", ".acl": "text/turtle",
		"x.png.acl": "text/turtle", "a": "application/octet-stream", "a.unknown": "application/octet-stream", "ttl": "application/octet-stream", "archive.tar.gz": "application/gzip",
	} {
		if got := TypeByName(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for ext, mediaType := range extensions {
		if ext != strings.ToLower(ext) || ext[0] != '.' || !plainType(mediaType) {
			t.Errorf("%s: %s", ext, mediaType)
		}
	}
}

func plainType(s string) bool {
	mediaType, parameters, err := mime.ParseMediaType(s)
	return err == nil && mediaType == s && len(parameters) == 0
}
