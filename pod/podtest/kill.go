package podtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

// Killing tests what is left of a pod when the process that writes it is killed
// at any moment. The test binary runs itself again as the child that writes; it
// says on a pipe what it begins and what was acknowledged. After each kill the
// pod is opened again: nothing acknowledged may be lost, nothing may be half
// there, and the one write under way is there or not.
type Killing struct {
	Rounds, Writes int
	// Open opens the pod in a folder, in the child and in the parent.
	Open func(dir string) (pod.Store, error)
	// Leftovers looks for what a kill must not leave, after Open.
	Leftovers func(dir string) error
	// Env is given to the child of a round. If it is nil the parent kills the
	// child after a random number of acknowledged writes; else the child is
	// expected to end itself.
	Env func(round int) []string
}

const (
	killDir  = "PODTEST_KILL_DIR"
	killSeed = "PODTEST_KILL_SEED"
)

// Run runs the rounds, one after another on the same pod. It must be called
// from a test function itself, which is what the child is asked to run.
func (k Killing) Run(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		k.child(t, dir)
		return
	}
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	state := written{model: model{"/": {}}, versions: map[string]uint64{}}
	killed := 0
	for round := range k.Rounds {
		seed := seed + uint64(round)
		report := k.spawn(t, dir, seed, round)
		if !report.finished {
			killed++
		}
		state = k.survey(t, dir, seed, state, report)
	}
	t.Logf("%d of %d children were killed while they wrote; %d resources at the end", killed, k.Rounds, len(state.model))
	if killed == 0 {
		t.Error("no child was killed while it wrote")
	}
}

// report is what a child has said.
type report struct {
	begun, acknowledged int
	seq                 uint64
	epoch               string
	finished            bool
}

// spawn runs a child until it is killed, or is done.
func (k Killing) spawn(t *testing.T, dir string, seed uint64, round int) report {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), killDir+"="+dir, killSeed+"="+strconv.FormatUint(seed, 10))
	victim := rand.New(rand.NewPCG(seed, 1)).IntN(k.Writes)
	if k.Env != nil {
		child.Env = append(child.Env, k.Env(round)...)
		victim = k.Writes + 1
	}
	var stderr bytes.Buffer
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, said := listen(out, func(acknowledged int) {
		if acknowledged == victim {
			child.Process.Kill()
		}
	})
	err = child.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		t.Fatalf("the child failed: %v\n%s%s", err, said, stderr.String())
	}
	r.finished = err == nil
	return r
}

// listen reads what a child says, and returns what is not for us too.
func listen(out io.Reader, acknowledged func(int)) (r report, rest string) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		if n, err := fmt.Sscanf(line, "begin %d", &r.begun); n == 1 && err == nil {
			continue
		}
		if n, err := fmt.Sscanf(line, "done %d %d %s", &r.acknowledged, &r.seq, &r.epoch); n == 3 && err == nil {
			acknowledged(r.acknowledged)
			continue
		}
		rest += line + "\n"
	}
	return r, rest
}

// child does the writes of a seed and says so. Its lines are short enough for
// the pipe to take each whole.
func (k Killing) child(t *testing.T, dir string) {
	seed, err := strconv.ParseUint(os.Getenv(killSeed), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	store, err := k.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range script(seed, k.Writes) {
		fmt.Printf("begin %d\n", i+1)
		if err := apply(t, store, o); err != nil && !expected(err) {
			t.Fatalf("%v: %v", o, err)
		}
		var head pod.Head
		if err := store.View(t.Context(), func(tx pod.Tx) error {
			head = tx.Head()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("done %d %d %s\n", i+1, head.Seq, head.Epoch)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// expected reports whether an error is one of those with which the model
// refuses a write too.
func expected(err error) bool {
	for _, e := range []error{pod.ErrConflict, pod.ErrExist, pod.ErrNotExist, pod.ErrNotEmpty, pod.ErrReserved} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// script returns the writes of a seed. Each has a version of its own, so that
// one can be told from another with the same bytes.
func script(seed uint64, writes int) (all []operation) {
	rng := rand.New(rand.NewPCG(seed, 2))
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	for i := range writes {
		p := pod.Root
		for range rng.IntN(4) {
			p = mustChild(p, pick("a", "b", "c"), true)
		}
		verb := pick("put", "put", "put", "put", "put", "delete", "deleteTree", "make")
		switch {
		case verb == "make" || verb == "deleteTree":
			p = mustChild(p, pick("a", "b", "c", "d"), true)
		case rng.IntN(6) == 0:
			p = p.ACL()
		default:
			p = mustChild(p, pick("1", "2.ttl", "3", "4.ttl", "1.acl"), false)
		}
		all = append(all, operation{
			verb: verb, path: p,
			entry:   entry{pick("text/turtle", "x/y"), strings.Repeat(fmt.Sprintf("%d-%d ", seed%1000, i), rng.IntN(100)*rng.IntN(100))},
			version: pod.Version{Counter: seed%1e6*1000 + uint64(i) + 1, Device: "d"},
		})
	}
	return all
}

// written is what the store has acknowledged.
type written struct {
	model    model
	versions map[string]uint64 // counters of what was put, by path
}

func (w written) clone() written { return written{maps.Clone(w.model), maps.Clone(w.versions)} }

func (w written) apply(o operation) {
	if w.model.apply(o) == nil && o.verb == "put" {
		w.versions[o.path.String()] = o.version.Counter
	}
}

// survey opens the pod after a child has ended, and compares it with what was
// acknowledged. It returns what is there.
func (k Killing) survey(t *testing.T, dir string, seed uint64, before written, r report) written {
	t.Helper()
	store, err := k.Open(dir)
	if err != nil {
		t.Fatalf("open after a kill: %v", err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := k.Leftovers(dir); err != nil {
		t.Errorf("after a kill: %v", err)
	}
	operations := script(seed, k.Writes)
	for _, o := range operations[:r.acknowledged] {
		before.apply(o)
	}
	after := before.clone()
	underWay := operation{verb: "nothing"}
	if r.begun > r.acknowledged {
		underWay = operations[r.begun-1]
		after.apply(underWay)
	}
	found, err := inspect(t, store, r, before, after)
	if err != nil {
		t.Fatalf("after a kill during %v: %v", underWay, err)
	}
	return found
}

// inspect demands that each resource is as it was before the write under way,
// or as it was to become.
func inspect(t *testing.T, store pod.Store, r report, before, after written) (found written, err error) {
	found = written{model{}, map[string]uint64{}}
	err = store.View(t.Context(), func(tx pod.Tx) error {
		if head := tx.Head(); head.Epoch == r.epoch && head.Seq < r.seq {
			return fmt.Errorf("the head is at %d, and was at %d", head.Seq, r.seq)
		}
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			if c.Gone() || c.Narrowed() {
				continue
			}
			p := c.Path.String()
			got, err := entryOf(tx, c.Info)
			if err != nil {
				return err
			}
			was, wasThere := before.model[p]
			becomes, isThere := after.model[p]
			switch {
			case wasThere && got == was && (before.versions[p] == c.Version.Counter || was != becomes || before.versions[p] != after.versions[p] || c.Path.IsContainer()):
			case isThere && got == becomes:
			default:
				return fmt.Errorf("%s is %v, version %v; acknowledged was %v, version %d", p, got, c.Version, was, before.versions[p])
			}
			found.model[p] = got
			found.versions[p] = c.Version.Counter
		}
		for p := range before.model {
			_, there := found.model[p]
			_, stays := after.model[p]
			if !there && stays {
				return fmt.Errorf("%s is lost", p)
			}
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	return found, found.model.check(t, store)
}

func entryOf(tx pod.Tx, info pod.Info) (entry, error) {
	if info.Path.IsContainer() {
		return entry{}, nil
	}
	r, err := tx.Open(info.Path)
	if err != nil {
		return entry{}, err
	}
	content, err := io.ReadAll(r)
	return entry{info.Type, string(content)}, errors.Join(err, r.Close())
}
