package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNothingIsMadeInTheFolderOfAnotherAccount has root do what makes files in a folder that belongs to another
// account, as with "sudo kith check" and the folder of a service.
func TestNothingIsMadeInTheFolderOfAnotherAccount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root gives a folder to another account")
	}
	const other = 65534
	ctx := context.Background()
	c, err := Config{Data: filepath.Join(t.TempDir(), "data"), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Now: time.Now}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AddPerson(ctx, c, DefaultName); err != nil {
		t.Fatal(err)
	}
	give(t, c.Data, other)
	person := Person{c, DefaultName}
	for what, do := range map[string]func() error{
		"serve":   func() error { _, err := Open(ctx, c); return err },
		"check":   func() error { _, err := person.Check(ctx, func() {}); return err },
		"classes": func() error { return SetClasses(ctx, c, DefaultName, Openness{Path: "/", Everybody: true}) },
		"begin":   func() error { return person.BeginEmpty(ctx) },
	} {
		if err := do(); !errors.Is(err, errAccount) {
			t.Errorf("%s: %v", what, err)
		}
	}
	err = filepath.WalkDir(c.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if account, _ := accountOf(info); account != other {
			t.Errorf("%s is of %d", path, account)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	give(t, c.Data, 0)
	if _, err := person.Check(ctx, func() {}); err != nil {
		t.Errorf("in its own folder: %v", err)
	}
}

// give gives a folder and all in it to an account.
func give(t *testing.T, dir string, account int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, account, account))
	})
	if err != nil {
		t.Fatal(err)
	}
}
