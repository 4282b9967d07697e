package relay

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	stateLive   = 'L'
	stateErased = 'E'
	recordHead  = 1 + 2 + 4
	nonceSize   = 12
	sealExtra   = nonceSize + 16 // what sealing adds
)

var (
	// errDamaged is returned for a record that does not open under its key.
	errDamaged = errors.New("record is damaged")
	zeroPage   [64 << 10]byte // what records are overwritten with
)

// journal is a file of sealed records that are appended, and erased where they stand.
type journal struct {
	number uint64
	file   *os.File
	key    cipher.AEAD
	end    int64     // where the next record goes
	live   int       // records that are not erased
	size   int64     // bytes of these
	since  time.Time // when the oldest came that was there at the start
}

// place is where a record stands.
type place struct {
	in   *journal
	at   int64
	head int // sealed bytes of the head
	body int // sealed bytes of the body, 0 without one
}

func (p place) size() int64 { return recordHead + int64(p.head) + int64(p.body) }

// openJournal opens or makes the file of journal n.
func openJournal(name string, n uint64, key []byte) (*journal, error) {
	sealer, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("open a journal: %w", err)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a journal: %w", err)
	}
	return &journal{number: n, file: f, key: sealer}, nil
}

// append writes a record at the end. What could not be written whole is cut off again.
func (j *journal) append(head, body []byte) (place, error) {
	p := place{in: j, at: j.end, head: len(head) + sealExtra}
	if body != nil {
		p.body = len(body) + sealExtra
	}
	record := make([]byte, recordHead, p.size())
	record[0] = stateLive
	binary.BigEndian.PutUint16(record[1:], uint16(p.head))
	binary.BigEndian.PutUint32(record[3:], uint32(p.body))
	record = j.seal(record, head, p.at)
	if body != nil {
		record = j.seal(record, body, p.at+1)
	}
	if _, err := j.file.WriteAt(record, j.end); err != nil {
		return place{}, errors.Join(fmt.Errorf("write a record: %w", err), j.file.Truncate(j.end))
	}
	j.end += int64(len(record))
	j.live++
	j.size += p.size()
	return p, nil
}

// seal appends nonce ‖ sealed plain, bound to where it stands.
func (j *journal) seal(to, plain []byte, at int64) []byte {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	return j.key.Seal(append(to, nonce...), nonce, plain, where(at))
}

func (j *journal) open(sealed []byte, at int64) ([]byte, error) {
	if len(sealed) < sealExtra {
		return nil, errDamaged
	}
	plain, err := j.key.Open(sealed[nonceSize:nonceSize], sealed[:nonceSize], sealed[nonceSize:], where(at))
	if err != nil {
		return nil, errDamaged
	}
	return plain, nil
}

func where(at int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(at)) }

// body reads the body of a record.
func (j *journal) body(p place) ([]byte, error) {
	sealed := make([]byte, p.body)
	if _, err := j.file.ReadAt(sealed, p.at+recordHead+int64(p.head)); err != nil {
		return nil, fmt.Errorf("read a record: %w", err)
	}
	return j.open(sealed, p.at+1)
}

// erase overwrites a record with zeros and marks it as such; the caller syncs.
func (j *journal) erase(p place) error {
	mark := make([]byte, recordHead)
	mark[0] = stateErased
	binary.BigEndian.PutUint16(mark[1:], uint16(p.head))
	binary.BigEndian.PutUint32(mark[3:], uint32(p.body))
	if _, err := j.file.WriteAt(mark, p.at); err != nil {
		return fmt.Errorf("erase a record: %w", err)
	}
	for at, end := p.at+recordHead, p.at+p.size(); at < end; {
		n, err := j.file.WriteAt(zeroPage[:min(end-at, int64(len(zeroPage)))], at)
		if err != nil {
			return fmt.Errorf("erase a record: %w", err)
		}
		at += int64(n)
	}
	j.live--
	j.size -= p.size()
	return nil
}

// scan calls found with the head of every record that stands, in order, and cuts off a last one that
// was not written whole. What was being erased when the power failed is erased again.
func (j *journal) scan(found func(head []byte, p place) error) error {
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("read a journal: %w", err)
	}
	for j.end = 0; j.end+recordHead <= info.Size(); {
		p, state, err := j.headAt(j.end, info.Size())
		if err != nil {
			break
		}
		j.end += p.size()
		if err := j.scanned(p, state, found); err != nil {
			return err
		}
	}
	if err := j.file.Truncate(j.end); err != nil {
		return fmt.Errorf("cut a journal: %w", err)
	}
	return nil
}

// scanned deals with one record of a scan.
func (j *journal) scanned(p place, state byte, found func([]byte, place) error) error {
	if state == stateErased {
		return j.finish(p)
	}
	j.live++
	j.size += p.size()
	sealed := make([]byte, p.head)
	if _, err := j.file.ReadAt(sealed, p.at+recordHead); err != nil {
		return fmt.Errorf("read a journal: %w", err)
	}
	head, err := j.open(sealed, p.at)
	if err != nil {
		return errors.Join(found(nil, p), j.erase(p))
	}
	return found(head, p)
}

// finish erases again what was being erased when the power failed.
func (j *journal) finish(p place) error {
	page := make([]byte, len(zeroPage))
	for at, end := p.at+recordHead, p.at+p.size(); at < end; at += int64(len(page)) {
		page = page[:min(end-at, int64(len(page)))]
		if _, err := j.file.ReadAt(page, at); err != nil {
			return fmt.Errorf("read a journal: %w", err)
		}
		if !bytes.Equal(page, zeroPage[:len(page)]) {
			j.live++
			j.size += p.size()
			return j.erase(p)
		}
	}
	return nil
}

// headAt reads the clear head of the record at an offset.
func (j *journal) headAt(at, size int64) (p place, state byte, err error) {
	var head [recordHead]byte
	if _, err := j.file.ReadAt(head[:], at); err != nil {
		return place{}, 0, err
	}
	p = place{in: j, at: at, head: int(binary.BigEndian.Uint16(head[1:])), body: int(binary.BigEndian.Uint32(head[3:]))}
	state = head[0]
	if state != stateLive && state != stateErased || p.head < sealExtra || at+p.size() > size {
		return place{}, 0, errDamaged
	}
	return p, state, nil
}
