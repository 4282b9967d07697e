package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"filippo.io/age"

	"kith/pod"
)

const (
	format     = 2 // that this version reads; 1 is written where no resource lies in several objects
	markerName = "kith-archive"
	marker     = "kith archive %d\n" // with layout
	layout     = 1
	maxMarker  = 64        // bytes
	maxKeyring = 256 << 20 // bytes
	maxPieces  = 1 << 20   // objects that resources go on in: whoever wrote the keyring, looking at each has an end
	whole      = "keyring-"
	second     = "copy-" // of the keyring with that number
	part       = "progress-"
)

var (
	// ErrKit says that what lies at the place opens with none of the kits: it is
	// somebody else's, or of another time.
	ErrKit = errors.New("the kit does not open this backup")
	// ErrNewer says that a later version of this program made the backup.
	ErrNewer = errors.New("a newer version of kith made this backup; update this one")
	// ErrNone says that no backup is there.
	ErrNone = errors.New("no backup is there")
	// ErrDamaged says that something of the backup is missing, cut or altered.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrOther says that another machine has written to the place since this one did: a pod that was moved or copied
	// lives twice.
	ErrOther = errors.New("another machine keeps its backup there: it has written since this one did")
)

// Row is one resource or container as the backup has it.
type Row struct {
	Path     string    `json:"path"` // escaped
	ID       string    `json:"id"`
	Counter  uint64    `json:"counter"`
	Device   string    `json:"device"`
	Type     string    `json:"type,omitempty"`
	ETag     string    `json:"etag,omitempty"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Object   string    `json:"object,omitempty"` // "" for containers
	Key      string    `json:"key,omitempty"`    // that opens the object
	Pieces   int       `json:"pieces,omitempty"` // objects that the bytes go on in
}

// piece returns the name of the object in which the bytes begin, or of the nth in which they go on.
func (r Row) piece(n int) string {
	if n == 0 {
		return r.Object
	}
	return fmt.Sprint(r.Object, "-", n)
}

func rowOf(i pod.Info) Row {
	return Row{Path: i.Path.Escaped(), ID: i.ID, Counter: i.Version.Counter, Device: i.Version.Device, Type: i.Type, ETag: i.ETag, Size: i.Size, Modified: i.Modified}
}

// Info returns the row of a pod that a Row stands for.
func (r Row) Info() (pod.Info, error) {
	p, err := pod.ParsePath(r.Path)
	return pod.Info{Path: p, ID: r.ID, Version: pod.Version{Counter: r.Counter, Device: r.Device}, Type: r.Type, ETag: r.ETag, Size: r.Size, Modified: r.Modified}, err
}

// keyring is the one document that opens everything.
type keyring struct {
	Format int       `json:"format"`
	N      int       `json:"n"`
	Mark   string    `json:"mark,omitempty"` // of the run that made it
	Made   time.Time `json:"made"`
	Rows   []Row     `json:"rows"`
	State  []byte    `json:"state"` // what the server keeps of the person
	kit    string    // by which it was opened
	name   string    // of the file in which it was read
}

func (k *keyring) add(row Row) {
	k.Rows = append(k.Rows, row)
	if row.Pieces > 0 {
		k.Format = format
	}
}

// NewKit returns a fresh kit, a line of text that opens what is sealed to it.
func NewKit() (string, error) {
	i, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make a kit: %w", err)
	}
	return i.String(), nil
}

// put seals a keyring to a kit, stores it, and reads it back. Errors: ErrOther where another one stands there.
func (k keyring) put(ctx context.Context, store func(context.Context, string, io.Reader) error, place Place, name, kit string) error {
	i, err := age.ParseX25519Identity(kit)
	if err != nil {
		return fmt.Errorf("store the keyring: %w", err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, i.Recipient())
	if err != nil {
		return fmt.Errorf("store the keyring: %w", err)
	}
	if err := errors.Join(json.NewEncoder(w).Encode(k), w.Close()); err != nil {
		return fmt.Errorf("store the keyring: %w", err)
	}
	err = store(ctx, name, bytes.NewReader(sealed.Bytes()))
	taken := errors.Is(err, fs.ErrExist) // by this very one, where the answer to an earlier request was lost
	if err != nil && !taken {
		return fmt.Errorf("store the keyring: %w", err)
	}
	back, err := place.Get(ctx, name)
	if err != nil {
		return fmt.Errorf("read the keyring back: %w", err)
	}
	defer back.Close()
	stands, err := io.ReadAll(io.LimitReader(back, int64(sealed.Len())+1))
	if err != nil {
		return fmt.Errorf("read the keyring back: %w", err)
	}
	switch same := bytes.Equal(stands, sealed.Bytes()); {
	case !same && taken:
		return ErrOther
	case !same:
		return fmt.Errorf("the place gives back another keyring than was stored: %w", ErrDamaged)
	}
	return nil
}

// open reads a keyring by one of some kits.
func open(ctx context.Context, place Place, name string, kits []string) (keyring, error) {
	for _, kit := range kits {
		k, err := openBy(ctx, place, name, strings.TrimSpace(kit))
		if !errors.Is(err, ErrKit) {
			return k, err
		}
	}
	return keyring{}, ErrKit
}

func openBy(ctx context.Context, place Place, name, kit string) (keyring, error) {
	i, err := age.ParseX25519Identity(kit)
	if err != nil {
		return keyring{}, fmt.Errorf("%w: it is not written as a kit is", ErrKit)
	}
	body, err := place.Get(ctx, name)
	if err != nil {
		return keyring{}, fmt.Errorf("read %s: %w", name, err)
	}
	defer body.Close()
	told := &heard{Reader: body}
	r, err := age.Decrypt(told, i)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return keyring{}, ErrKit
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(r, maxKeyring))
	}
	k := keyring{kit: kit, name: name}
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if told.failed != nil {
		return keyring{}, fmt.Errorf("read %s: %w", name, told.failed)
	}
	if err != nil {
		return keyring{}, fmt.Errorf("open %s: %w: %w", name, ErrDamaged, err)
	}
	if k.Format > format {
		return keyring{}, ErrNewer
	}
	if k.pieces() > maxPieces {
		return keyring{}, fmt.Errorf("open %s: %w: it tells of more objects than a backup has", name, ErrDamaged)
	}
	return k, nil
}

// stands returns ErrDamaged where a file is not this keyring, which was opened from another.
func (k keyring) stands(ctx context.Context, place Place, name string) error {
	other, err := openBy(ctx, place, name, k.kit)
	switch {
	case errors.Is(err, ErrKit), err == nil && (other.N != k.N || other.Mark != k.Mark):
		return fmt.Errorf("%s is another keyring: %w", name, ErrDamaged)
	case err != nil:
		return unreadable(err)
	}
	return nil
}

// pieces counts the objects in which the bytes of resources go on, as far as maxPieces; a row of fewer than none
// counts for more.
func (k keyring) pieces() (n int) {
	for _, r := range k.Rows {
		if r.Pieces < 0 || r.Pieces > maxPieces-n {
			return maxPieces + 1
		}
		n += r.Pieces
	}
	return n
}
