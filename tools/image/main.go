// Command image makes a container image of kith without a container engine: an archive that `docker load`,
// `podman load` and `skopeo copy oci-archive:` read.
//
//	go run ./tools/image -program bin/release/kith-linux-amd64 -machine amd64 -version v1.2.0 -date 1790000000 -out bin/kith.tar
//
// The archive is an OCI image layout (OCI image-spec §image-layout), with the list that docker reads beside it:
//
//	oci-layout, index.json   which manifest is in it
//	manifest.json            the same, for docker
//	blobs/sha256/HEX         the manifest, the configuration and the one layer, by their hashes
//
// The layer is all there is in a container: /kith, the roots of certificates that Mozilla trusts, an empty /tmp, and
// /data, which is a volume and belongs to the account 65532 under which the program runs. There is no shell.
//
// The same program, version and date make the same bytes: all times are the date, and the roots are those of a pinned
// module. It owns no goroutine.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// account is the one that the program runs under; it has no name and no rights.
const account = 65532

// order is what is to be made.
type order struct {
	program, machine, version, out string
	date                           time.Time
}

func main() {
	o, err := ordered(os.Args[1:])
	if err == nil {
		err = o.make()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func ordered(args []string) (order, error) {
	var o order
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&o.program, "program", "", "static kith for Linux, a `FILE`")
	flags.StringVar(&o.machine, "machine", "amd64", "amd64, arm64 or arm, as the `NAME` of the program's machine")
	flags.StringVar(&o.version, "version", "", "`VERSION` of the program")
	flags.StringVar(&o.out, "out", "bin/kith.tar", "`FILE` for the image")
	date := flags.Int64("date", 0, "when the source was written, in `SECONDS` since 1970")
	if err := flags.Parse(args); err != nil {
		return order{}, err
	}
	if o.program == "" || o.version == "" || *date <= 0 || flags.NArg() > 0 {
		return order{}, errors.New("-program, -version and -date are needed, and nothing but flags")
	}
	o.date = time.Unix(*date, 0).UTC()
	return o, nil
}

// make writes the image beside its place, and then gives it its name.
func (o order) make() error {
	plain, err := o.layer()
	if err != nil {
		return err
	}
	text, err := o.archive(plain)
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.out+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(o.out+".new", o.out)
}

// shelf is a tar archive whose entries all have one date.
type shelf struct {
	*tar.Writer
	date time.Time
}

func (s shelf) put(name string, mode int64, owner int, body []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Uid: owner, Gid: owner, Size: int64(len(body)), ModTime: s.date, Format: tar.FormatUSTAR}
	if strings.HasSuffix(name, "/") {
		h.Typeflag = tar.TypeDir
	}
	if err := s.WriteHeader(h); err != nil {
		return err
	}
	_, err := s.Write(body)
	return err
}

// layer returns the files of the image, as a tar archive.
func (o order) layer() ([]byte, error) {
	program, err := os.ReadFile(o.program)
	if err != nil {
		return nil, err
	}
	if !static(program) {
		return nil, fmt.Errorf("%s is no static program for Linux, and nothing else is in the image: build it with CGO_ENABLED=0", o.program)
	}
	var b bytes.Buffer
	s := shelf{tar.NewWriter(&b), o.date}
	err = errors.Join(
		s.put("data/", 0o700, account, nil),
		s.put("etc/", 0o755, 0, nil),
		s.put("etc/ssl/", 0o755, 0, nil),
		s.put("etc/ssl/certs/", 0o755, 0, nil),
		s.put("etc/ssl/certs/ca-certificates.crt", 0o644, 0, roots()),
		s.put("tmp/", 0o1777, 0, nil),
		s.put("kith", 0o755, 0, program),
		s.Close(),
	)
	return b.Bytes(), err
}

// static reports whether a program runs without a loader.
func static(program []byte) bool {
	f, err := elf.NewFile(bytes.NewReader(program))
	return err == nil && !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

// roots are the certificates that are trusted without conditions: a file cannot say any.
func roots() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return b.Bytes()
}

// descriptor names a blob. (OCI image-spec §descriptor)
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// named returns a descriptor by which engines know the image under a tag. An engine that takes one tag of an index only
// finds all of them in docker's list.
func (d descriptor) named(tag string) descriptor {
	d.Annotations = map[string]string{"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": "docker.io/library/kith:" + tag}
	return d
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// manifest is what an image consists of. (OCI image-spec §manifest)
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// index lists images. (OCI image-spec §image-index)
type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

// configuration says how an image is run. (OCI image-spec §config)
type configuration struct {
	platform
	Created time.Time `json:"created"`
	Config  execution `json:"config"`
	Rootfs  rootfs    `json:"rootfs"`
}

type execution struct {
	User         string
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	Cmd          []string
	Volumes      map[string]struct{}
	WorkingDir   string
	Labels       map[string]string
	StopSignal   string
	Healthcheck  healthcheck // what docker adds to the specification; other engines pass over it
}

// healthcheck says how an engine learns that the program answers. Times are in nanoseconds. (Docker image spec v1.2)
type healthcheck struct {
	Test        []string
	Interval    time.Duration
	Timeout     time.Duration
	StartPeriod time.Duration
	Retries     int
}

type rootfs struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// loaded is an entry of docker's own list.
type loaded struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (o order) platform() platform {
	p := platform{Architecture: o.machine, OS: "linux"}
	if o.machine == "arm" {
		p.Variant = "v7"
	}
	return p
}

func (o order) configuration(layer []byte) configuration {
	return configuration{platform: o.platform(), Created: o.date,
		Config: execution{
			User:         fmt.Sprintf("%d:%d", account, account),
			ExposedPorts: map[string]struct{}{"8420/tcp": {}},
			Env:          []string{"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "HOME=/data", "KITH_DATA=/data"},
			Entrypoint:   []string{"/kith"},
			Cmd:          []string{"serve", "--data", "/data", "--listen", "0.0.0.0:8420"},
			Volumes:      map[string]struct{}{"/data": {}},
			WorkingDir:   "/data",
			Labels:       map[string]string{"org.opencontainers.image.title": "kith", "org.opencontainers.image.version": o.version},
			StopSignal:   "SIGTERM",
			Healthcheck:  healthcheck{[]string{"CMD", "/kith", "health", "--data", "/data"}, time.Minute, 15 * time.Second, time.Minute, 3},
		},
		Rootfs: rootfs{"layers", []string{digest(layer)}}}
}

func digest(of []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(of)) }

// place is where the blob with a digest lies in the archive.
func place(digest string) string { return path.Join("blobs", strings.Replace(digest, ":", "/", 1)) }

// archive returns the image whose files are in layer.
func (o order) archive(layer []byte) ([]byte, error) {
	var b, packed bytes.Buffer
	s := shelf{tar.NewWriter(&b), o.date}
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(z, bytes.NewReader(layer)); err != nil {
		return nil, err
	}
	err = z.Close()
	files := blobs{s, &err}
	m := manifest{SchemaVersion: 2, MediaType: "application/vnd.oci.image.manifest.v1+json",
		Layers: []descriptor{files.put("application/vnd.oci.image.layer.v1.tar+gzip", packed.Bytes())}}
	m.Config = files.putJSON("application/vnd.oci.image.config.v1+json", o.configuration(layer))
	d := files.putJSON(m.MediaType, m)
	p := o.platform()
	d.Platform = &p
	files.name("index.json", index{2, "application/vnd.oci.image.index.v1+json", []descriptor{d.named(o.version), d.named("latest")}})
	files.name("manifest.json", []loaded{{place(m.Config.Digest), []string{"kith:" + o.version, "kith:latest"}, []string{place(m.Layers[0].Digest)}}})
	files.name("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"})
	err = errors.Join(err, s.Close())
	return b.Bytes(), err
}

// blobs puts files into the archive until one fails.
type blobs struct {
	shelf
	err *error
}

func (b blobs) put(mediaType string, body []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(body), Size: int64(len(body))}
	b.file(place(d.Digest), body)
	return d
}

func (b blobs) putJSON(mediaType string, v any) descriptor {
	text, err := json.Marshal(v)
	*b.err = errors.Join(*b.err, err)
	return b.put(mediaType, text)
}

func (b blobs) name(name string, v any) {
	text, err := json.Marshal(v)
	*b.err = errors.Join(*b.err, err)
	b.file(name, text)
}

func (b blobs) file(name string, body []byte) {
	if *b.err == nil {
		*b.err = b.shelf.put(name, 0o644, 0, body)
	}
}
