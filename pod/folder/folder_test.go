package folder

import (
	"path/filepath"
	"testing"

	"kith/pod"
	"kith/pod/podtest"
)

func TestStore(t *testing.T) {
	podtest.Run(t, func(t testing.TB, c podtest.Config) func() (pod.Store, error) {
		dir := t.TempDir()
		return func() (pod.Store, error) {
			return Open(Options{
				Tree: filepath.Join(dir, "tree"), State: filepath.Join(dir, "state"),
				Device: c.Device, MaxBytes: c.MaxBytes, Now: c.Now,
			})
		}
	})
}
