package pod

import (
	"path"
	"strings"
)

// extensions is the same table on every machine, so that the same folder gives
// the same answers. A media type is never guessed from bytes.
var extensions = map[string]string{
	".acl": "text/turtle", ".meta": "text/turtle", ".ttl": "text/turtle",
	".jsonld": "application/ld+json", ".json": "application/json",
	".nt": "application/n-triples", ".nq": "application/n-quads", ".trig": "application/trig",
	".n3": "text/n3", ".rdf": "application/rdf+xml",
	".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".ics": "text/calendar",
	".vcf": "text/vcard", ".html": "text/html", ".htm": "text/html", ".css": "text/css",
	".js": "text/javascript", ".xml": "application/xml", ".pdf": "application/pdf",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
	".avif": "image/avif", ".gif": "image/gif", ".heic": "image/heic", ".svg": "image/svg+xml",
	".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".opus": "audio/ogg",
	".wav": "audio/wav", ".flac": "audio/flac",
	".zip": "application/zip", ".gz": "application/gzip", ".epub": "application/epub+zip",
	".woff2": "font/woff2", ".wasm": "application/wasm",
}

// TypeByName returns what a name's extension says of the media type of its bytes,
// application/octet-stream where it says nothing.
func TypeByName(name string) string {
	if t, ok := extensions[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}
