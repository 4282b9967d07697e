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

// Classes returns where the owner of a pod allows that access lists name classes, by path.
func Classes(ctx context.Context, c Config, name string) ([]Openness, error) {
	said, err := readClasses(ctx, c, name)
	var all []Openness
	for _, path := range slices.Sorted(maps.Keys(said)) {
		all = append(all, Openness{path, slices.Contains(said[path], everybody), slices.Contains(said[path], signedIn)})
	}
	return all, err
}

// SetClasses allows for one container what o says, and no more; nothing takes the allowance back. It
// holds from the next request on, whether or not the server runs.
func SetClasses(ctx context.Context, c Config, name string, o Openness) error {
	p, err := pod.ParsePath(o.Path)
	if err != nil || !p.IsContainer() {
		return fmt.Errorf("%w: %q is no folder of a pod; write it as in its address, for example /public/", ErrConfig, o.Path)
	}
	said, err := readClasses(ctx, c, name)
	if err != nil {
		return err
	}
	delete(said, p.Escaped())
	var classes []string
	if o.Everybody {
		classes = append(classes, everybody)
	}
	if o.SignedIn {
		classes = append(classes, signedIn)
	}
	if classes != nil {
		said[p.Escaped()] = classes
	}
	return writeClasses(c, name, said)
}

// classesFile is where the setting lies: a resource of the pod, written as a hand in the folder may.
func classesFile(c Config, name string) string {
	return filepath.Join(c.tree(name), "settings", "classes")
}

func readClasses(ctx context.Context, c Config, name string) (map[string][]string, error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return nil, err
	}
	_, err = s.person(ctx, name)
	if err = errors.Join(err, s.close()); err != nil {
		return nil, err
	}
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
		return err
	}
	return replaceFile(c.Data, file, strings.TrimSpace(string(text))+"\n")
}

// replaceFile writes a file beside the pods, where nobody serves it, and moves it to its place.
func replaceFile(data, to, text string) (err error) {
	f, err := os.CreateTemp(data, ".classes-")
	if err != nil {
		return fmt.Errorf("write classes: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write classes: %w", err), os.Remove(f.Name()))
	}
	return nil
}
