package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kith/pod"

	"zombiezen.com/go/sqlite"
)

// The classes of agents that access lists can name, where their owner allows it.
const (
	everybody = "http://xmlns.com/foaf/0.1/Agent"
	signedIn  = "http://www.w3.org/ns/auth/acl#AuthenticatedAgent"
)

// Openness is a container of a pod where access lists, its own and those below, may name more than
// single agents.
type Openness struct {
	Path      string // escaped, as in a URL
	Everybody bool   // all the world
	SignedIn  bool   // whoever is signed in, here or elsewhere
}

// Classes returns where the owner of a pod allows that access lists name classes, by path. Errors: ErrPerson.
func Classes(ctx context.Context, c Config, name string) (all []Openness, err error) {
	err = Person{c, name}.do(func(s *state) error {
		if _, err := s.person(ctx, name); err != nil {
			return err
		}
		said, err := readClasses(c, name)
		for _, path := range slices.Sorted(maps.Keys(said)) {
			all = append(all, Openness{path, slices.Contains(said[path], everybody), slices.Contains(said[path], signedIn)})
		}
		return err
	})
	return all, err
}

// SetClasses allows for one container what o says, and no more; nothing takes the allowance back. It
// holds from the next request on, whether or not the server runs. Errors: ErrConfig, ErrPerson.
func SetClasses(ctx context.Context, c Config, name string, o Openness) error {
	p, err := pod.ParsePath(o.Path)
	if err != nil || !p.IsContainer() {
		return fmt.Errorf("%w: %q is no folder of a pod; write it as in its address, for example /public/", ErrConfig, o.Path)
	}
	if err := c.mine(); err != nil {
		return err
	}
	var classes []string
	if o.Everybody {
		classes = append(classes, everybody)
	}
	if o.SignedIn {
		classes = append(classes, signedIn)
	}
	return Person{c, name}.do(func(s *state) error {
		return s.write(ctx, func(conn *sqlite.Conn) error { // two who say something at once say it one after the other
			if _, err := readPerson(conn, name); err != nil {
				return err
			}
			said, err := readClasses(c, name)
			if err != nil {
				return err
			}
			delete(said, p.Escaped())
			if classes != nil {
				said[p.Escaped()] = classes
			}
			return writeClasses(c, name, said)
		})
	})
}

// classesFile is where the setting lies: a resource of the pod, written as a hand in the folder may.
func classesFile(c Config, name string) string {
	return filepath.Join(c.tree(name), "settings", "classes")
}

func readClasses(c Config, name string) (map[string][]string, error) {
	said := map[string][]string{}
	text, err := os.ReadFile(classesFile(c, name))
	if errors.Is(err, fs.ErrNotExist) {
		return said, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read classes: %w", err)
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, fmt.Errorf("read classes: %s is not as it should be, and so allows nothing; correct or delete it: %w", classesFile(c, name), err)
	}
	return said, nil
}

// writeClasses replaces the setting as a whole; the type comes first, for the name does not tell it.
func writeClasses(c Config, name string, said map[string][]string) error {
	text, err := json.MarshalIndent(said, "", "  ")
	if err != nil {
		return fmt.Errorf("write classes: %w", err)
	}
	file := classesFile(c, name)
	dir, base := filepath.Split(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write classes: %w", err)
	}
	if err := replaceFile(c.Data, filepath.Join(dir, ".kith-type."+base), "application/json\n"); err != nil {
		return fmt.Errorf("write classes: %w", err)
	}
	if err := replaceFile(c.Data, file, strings.TrimSpace(string(text))+"\n"); err != nil {
		return fmt.Errorf("write classes: %w", err)
	}
	return nil
}

// replaceFile writes a file in DIR, where nobody serves it, and moves it to its place.
func replaceFile(data, to, text string) error {
	f, err := os.CreateTemp(data, ".new-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
