package folder

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"mime"
	"strings"

	"kith/pod"
)

const (
	octets        = "application/octet-stream"
	sidecarPrefix = ".kith-type."
	maxType       = 255
)

// checkType refuses what could not stand in a Content-Type header.
func checkType(t string) error {
	if len(t) > maxType || strings.ContainsFunc(t, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("check media type: %w", pod.ErrBadType)
	}
	base, _, err := mime.ParseMediaType(t)
	if kind, sub, ok := strings.Cut(base, "/"); err != nil || !ok || kind == "" || sub == "" {
		return fmt.Errorf("check media type: %w", pod.ErrBadType)
	}
	return nil
}

// digest becomes an entity tag when the bytes have been written to it.
type digest struct{ hash.Hash }

func newDigest(mediaType string) digest {
	d := digest{sha256.New()}
	io.WriteString(d, mediaType)
	d.Write([]byte{0})
	return d
}

func (d digest) etag() string {
	return `"` + base64.RawURLEncoding.EncodeToString(d.Sum(nil)[:16]) + `"`
}

// sidecar is the file that says the media type of a resource whose name does
// not. Its first line is the type. A second line, an entity tag and a type,
// stands in it while a write changes both bytes and type: if the bytes have
// that tag under that type, the type is theirs; else the first line still holds.
// So no crash joins old bytes with a new type.
type sidecar struct {
	mediaType string
	nextTag   string
	nextType  string
}

func sidecarName(name string) string { return sidecarPrefix + name }

func (c sidecar) text() []byte {
	if c.nextTag == "" {
		return []byte(c.mediaType + "\n")
	}
	return []byte(c.mediaType + "\n" + c.nextTag + " " + c.nextType + "\n")
}

// readSidecar returns the sidecar of a name, or what its extension says.
func readSidecar(d dir, name string) (sidecar, error) {
	c := sidecar{mediaType: pod.TypeByName(name)}
	f, _, err := d.openOnly(sidecarName(name), 0, func(_ stamp, k kind) bool { return k == plain || k == linked })
	if errors.Is(err, fs.ErrNotExist) || absent(err) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read media type: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4*maxType))
	if err != nil {
		return c, fmt.Errorf("read media type: %w", err)
	}
	return parseSidecar(string(text), c), nil
}

// parseSidecar reads the text of a sidecar; what it does not say validly is as
// in otherwise.
func parseSidecar(text string, otherwise sidecar) sidecar {
	first, rest, _ := strings.Cut(text, "\n")
	if checkType(first) != nil {
		return otherwise
	}
	c := sidecar{mediaType: first}
	second, _, _ := strings.Cut(rest, "\n")
	if tag, t, ok := strings.Cut(second, " "); ok && tag != "" && checkType(t) == nil {
		c.nextTag, c.nextType = tag, t
	}
	return c
}

// identify reads bytes and returns their media type and entity tag.
func (c sidecar) identify(r io.Reader) (mediaType, etag string, err error) {
	current, next := newDigest(c.mediaType), newDigest(c.nextType)
	w := io.Writer(current)
	if c.nextTag != "" {
		w = io.MultiWriter(current, next)
	}
	if _, err := io.Copy(w, r); err != nil {
		return "", "", err
	}
	if c.nextTag != "" && next.etag() == c.nextTag {
		return c.nextType, c.nextTag, nil
	}
	return c.mediaType, current.etag(), nil
}

// writeSidecar replaces the sidecar of a name in d, or removes it where the
// extension says the same. scratch is where the new one is written first.
func writeSidecar(d, scratch dir, name string, c sidecar) error {
	if c.nextTag == "" && c.mediaType == pod.TypeByName(name) {
		err := d.unlink(sidecarName(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	temp := newID()
	if err := scratch.write(temp, c.text()); err != nil {
		return errors.Join(fmt.Errorf("write media type: %w", meant(err)), ignoreAbsent(scratch.unlink(temp)))
	}
	return scratch.rename(temp, d, sidecarName(name))
}
