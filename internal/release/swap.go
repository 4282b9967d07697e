package release

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNoPrevious says that no earlier program is kept.
var ErrNoPrevious = errors.New("there is no earlier program to go back to")

// Previous returns where the program before is kept: kith.previous beside kith, kith.previous.exe beside kith.exe.
func Previous(program string) string {
	bare := strings.TrimSuffix(program, ".exe")
	return bare + ".previous" + program[len(bare):]
}

// Replace puts a new program in the place of the file called program, which may be running, and keeps that one as
// Previous. write fills the new one; try, when not nil, is called with its name before it takes the place. When one
// of them fails, or the disk does, everything is as before.
func Replace(program string, write func(io.Writer) error, try func(name string) error) error {
	fresh, err := stage(program, write)
	if err != nil {
		return fmt.Errorf("replace the program: %w", err)
	}
	defer os.Remove(fresh) // it is gone where it took the place
	if try != nil {
		if err := try(fresh); err != nil {
			return fmt.Errorf("replace the program: try the new one: %w", err)
		}
	}
	if runtime.GOOS == "windows" { // a file that runs may be renamed there, and not replaced
		err = aside(fresh, program)
	} else {
		err = over(fresh, program)
	}
	if err != nil {
		return fmt.Errorf("replace the program: %w", err)
	}
	return durable(filepath.Dir(program))
}

// Undo puts the program before back, and keeps the one that it replaces as Previous. Errors: ErrNoPrevious.
func Undo(program string) error {
	before, err := os.Open(Previous(program))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoPrevious
	}
	if err != nil {
		return fmt.Errorf("go back: %w", err)
	}
	defer before.Close()
	return Replace(program, func(w io.Writer) error {
		_, err := io.Copy(w, before)
		return errors.Join(err, before.Close())
	}, nil)
}

// stage writes a file beside program, durably and with the same rights, and returns its name.
func stage(program string, write func(io.Writer) error) (name string, err error) {
	info, err := os.Stat(program)
	if err != nil {
		return "", err
	}
	// The name ends as the program's does: Windows runs nothing else.
	f, err := os.CreateTemp(filepath.Dir(program), ".kith-new-*"+filepath.Ext(program))
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	return f.Name(), errors.Join(err, f.Close())
}

// over replaces program, which is there at every moment.
func over(fresh, program string) error {
	mark := fresh + ".previous"
	if err := os.Link(program, mark); err != nil {
		return aside(fresh, program) // this file system has no second names
	}
	if err := os.Rename(mark, Previous(program)); err != nil {
		return errors.Join(err, os.Remove(mark))
	}
	return os.Rename(fresh, program)
}

// aside replaces program by moving it away first.
func aside(fresh, program string) error {
	before := Previous(program)
	if err := os.Remove(before); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(program, before); err != nil {
		return err
	}
	if err := os.Rename(fresh, program); err != nil {
		return errors.Join(err, os.Rename(before, program))
	}
	return nil
}

// durable makes the names in a folder survive a power cut. Windows cannot be asked for that.
func durable(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
