package server

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zombiezen.com/go/sqlite/sqlitex"
)

// TestAnotherLookAtStateTakesNoLocks looks at the file in each way in which a server does that has it open already,
// while it writes: another process that saw no lock would take the journal for that of a crash, and roll back.
func TestAnotherLookAtStateTakesNoLocks(t *testing.T) {
	ctx, cfg := context.Background(), Config{Data: filepath.Join(t.TempDir(), "a%20b?c#d"), Now: time.Now}
	s, err := openState(cfg.Data, cfg.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	c, err := s.pool.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.pool.Put(c)
	end, err := sqlitex.ImmediateTransaction(c)
	if err != nil {
		t.Fatal(err)
	}
	defer end(&err)
	if err := setValues(c, "one", "two"); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Existing(); err != nil {
		t.Error(err)
	}
	if _, err := stateVersion(cfg.Data); err != nil {
		t.Error(err)
	}
	if !reserved(t, filepath.Join(cfg.Data, stateName)) {
		t.Error("the lock of a transaction is gone")
	}
}

// reserved reports whether somebody holds the lock of who writes (SQLite, "File Locking", §3: RESERVED). The question
// is that of an open file description, to which the locks of this process are another's.
func reserved(t *testing.T, file string) bool {
	t.Helper()
	const ofdGetLock = 36 // F_OFD_GETLK (fcntl(2))
	const reservedByte = 0x40000001
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: reservedByte, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), ofdGetLock, &lock); err != nil {
		t.Fatal(err)
	}
	return lock.Type != syscall.F_UNLCK
}
