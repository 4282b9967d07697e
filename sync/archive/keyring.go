package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"kith/pod"
)

const (
	format     = 1
	markerName = "kith-archive"
	marker     = "kith archive 1\n"
	maxKeyring = 256 << 20 // bytes
	whole      = "keyring-"
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
	Made   time.Time `json:"made"`
	Rows   []Row     `json:"rows"`
	State  []byte    `json:"state"` // what the server keeps of the person
	kit    string    // by which it was opened
}

// NewKit returns a fresh kit, a line of text that opens what is sealed to it.
func NewKit() (string, error) {
	i, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make a kit: %w", err)
	}
	return i.String(), nil
}

// put seals a keyring to a kit, stores it, and reads it back.
func (k keyring) put(ctx context.Context, place Place, name, kit string) error {
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
	if err := place.Put(ctx, name, bytes.NewReader(sealed.Bytes())); err != nil {
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
	if !bytes.Equal(stands, sealed.Bytes()) {
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
	r, err := age.Decrypt(body, i)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return keyring{}, ErrKit
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(r, maxKeyring))
	}
	k := keyring{kit: kit}
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		return keyring{}, fmt.Errorf("open %s: %w: %w", name, ErrDamaged, err)
	}
	if k.Format > format {
		return keyring{}, ErrNewer
	}
	return k, nil
}

// numbered are the keyrings at a place, by their numbers, the newest first.
type numbered struct {
	name string
	n    int
}

func keyrings(ctx context.Context, place Place, prefix string) (all []numbered, err error) {
	names, err := place.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("look at the place: %w", err)
	}
	for _, name := range names {
		digits, ok := strings.CutPrefix(name, prefix)
		if n, err := strconv.Atoi(digits); ok && err == nil {
			all = append(all, numbered{name, n})
		}
	}
	slices.SortFunc(all, func(a, b numbered) int { return b.n - a.n })
	return all, nil
}

// newest opens the newest keyring that opens. Where one is damaged the one before
// it may be whole.
func newest(ctx context.Context, place Place, prefix string, kits []string) (keyring, error) {
	all, err := keyrings(ctx, place, prefix)
	if err != nil {
		return keyring{}, err
	}
	found := ErrNone
	for _, each := range all {
		k, err := open(ctx, place, each.name, kits)
		if err == nil && k.N != each.n {
			err = fmt.Errorf("%s says that it is number %d: %w", each.name, k.N, ErrDamaged)
		}
		if err == nil {
			return k, nil
		}
		if errors.Is(err, ErrNewer) || !errors.Is(err, ErrKit) && !errors.Is(err, ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
			return keyring{}, err
		}
		if errors.Is(found, ErrNone) {
			found = err
		}
	}
	return keyring{}, found
}
