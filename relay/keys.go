package relay

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

const (
	slotSize  = 64
	slotCount = 512
	slotSpare = 8 // that messages leave to the list of queues
)

var errSlots = errors.New("no free key slot")

// keyFile holds the keys of journals in slots that are overwritten in place: forgetting a key is one
// write of 64 bytes, within a sector. It is not safe for use by several goroutines; disk holds its lock.
type keyFile struct {
	file *os.File
	used [slotCount]uint64 // number of the journal whose key a slot holds; 0 is none
}

// openKeys opens or makes the key file, and returns the keys in it by their journals' numbers.
func openKeys(name string) (*keyFile, map[uint64][]byte, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the keys: %w", err)
	}
	text := make([]byte, slotSize*slotCount)
	if _, err := f.ReadAt(text, 0); err != nil {
		// A new file, or one that was never written whole, which no journal depends on.
		if err := fill(f, text); err != nil {
			f.Close()
			return nil, nil, err
		}
	}
	k := &keyFile{file: f}
	keys := map[uint64][]byte{}
	for i, slot := range bytesOf(text) {
		if n, key, ok := readSlot(slot); ok {
			k.used[i], keys[n] = n, key
		}
	}
	return k, keys, nil
}

// fill writes what of the slots could be read, and zeros for the rest.
func fill(f *os.File, text []byte) error {
	if _, err := f.WriteAt(text, 0); err != nil {
		return fmt.Errorf("make the keys: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("make the keys: %w", err)
	}
	return nil
}

func bytesOf(text []byte) (slots [slotCount][]byte) {
	for i := range slots {
		slots[i] = text[i*slotSize : (i+1)*slotSize]
	}
	return slots
}

// readSlot reads number u64 ‖ key 32 ‖ check 24.
func readSlot(slot []byte) (n uint64, key []byte, ok bool) {
	n, key = binary.BigEndian.Uint64(slot), bytes.Clone(slot[8:40])
	check := sha256.Sum256(slot[:40])
	return n, key, n != 0 && bytes.Equal(check[:24], slot[40:])
}

// free returns a free slot, if it is not one of the last `spare`.
func (k *keyFile) free(spare int) (slot int, ok bool) {
	free := 0
	for i, used := range k.used {
		if used == 0 {
			slot = i
			free++
		}
	}
	return slot, free > spare
}

// add makes a key for journal n, unless that takes one of the last `spare` slots; it is on the disk when
// add returns.
func (k *keyFile) add(n uint64, spare int) (key []byte, err error) {
	i, ok := k.free(spare)
	if !ok {
		return nil, errSlots
	}
	key = make([]byte, 32)
	rand.Read(key)
	slot := append(binary.BigEndian.AppendUint64(nil, n), key...)
	check := sha256.Sum256(slot)
	if err := k.write(i, append(slot, check[:24]...)); err != nil {
		return nil, err
	}
	k.used[i] = n
	return key, nil
}

// forget overwrites the key of journal n; it is gone from the disk when forget returns.
func (k *keyFile) forget(n uint64) error {
	for i, used := range k.used {
		if used != n {
			continue
		}
		if err := k.write(i, make([]byte, slotSize)); err != nil {
			return err
		}
		k.used[i] = 0
	}
	return nil
}

func (k *keyFile) write(i int, slot []byte) error {
	if _, err := k.file.WriteAt(slot, int64(i)*slotSize); err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	if err := k.file.Sync(); err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	return nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
