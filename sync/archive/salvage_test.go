package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"kith/pod"
)

// failing is a shelf that cannot give some files.
type failing struct {
	shelf
	why map[string]error
}

func (f failing) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	body, err := f.shelf.Get(ctx, name)
	if why := f.why[name]; why != nil && err == nil {
		return io.NopCloser(io.MultiReader(io.LimitReader(body, 30), broken{why})), nil
	}
	return body, err
}

type broken struct{ why error }

func (b broken) Read([]byte) (int, error) { return 0, b.why }

// stocked returns a backup of some texts, by path, each of which has an object of its own.
func stocked(t *testing.T, place failing, texts ...[2]string) (c Contents) {
	t.Helper()
	c.place = place
	for n, each := range texts {
		i, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, i.Recipient())
		if err == nil {
			_, err = io.WriteString(w, each[1])
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("text/plain\x00" + each[1]))
		row := Row{Path: each[0], Type: "text/plain", ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, Size: int64(len(each[1])), Object: fmt.Sprintf("%032d", n), Key: i.String()}
		place.shelf[placeOf(row.Object)] = sealed.Bytes()
		c.Rows = append(c.Rows, row)
	}
	return c
}

// TestSalvageGoesOn past what no reading will ever give, takes equal bytes from elsewhere, and stops where the place does not answer.
func TestSalvageGoesOn(t *testing.T) {
	gone := errors.New("the network is down")
	for _, c := range []struct {
		name   string
		damage func(f failing, object func(n int) string)
		lost   string
		want   error
	}{
		{"nothing is damaged", func(failing, func(int) string) {}, "", nil},
		{"one is missing", func(f failing, object func(int) string) { delete(f.shelf, object(0)) }, "/a", nil},
		{"one is cut to nothing", func(f failing, object func(int) string) { f.shelf[object(0)] = nil }, "/a", nil},
		{"the disk fails below one", func(f failing, object func(int) string) { f.why[object(0)] = syscall.EIO }, "/a", nil},
		{"the place fails", func(f failing, object func(int) string) { f.why[object(2)] = gone }, "", gone},
		{"one of two equals is missing", func(f failing, object func(int) string) { delete(f.shelf, object(1)) }, "", nil},
		{"the other of two equals is altered", func(f failing, object func(int) string) { f.shelf[object(2)][200] ^= 1 }, "", nil},
		{"both are missing", func(f failing, object func(int) string) { delete(f.shelf, object(1)); delete(f.shelf, object(2)) }, "/b /c", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			place := failing{shelf{}, map[string]error{}}
			texts := [][2]string{{"/a", strings.Repeat("one ", 100)}, {"/b", strings.Repeat("two ", 100)}, {"/c", strings.Repeat("two ", 100)}}
			contents := stocked(t, place, texts...)
			c.damage(place, func(n int) string { return placeOf(contents.Rows[n].Object) })
			var lost, got []string
			err := contents.Salvage(t.Context(), func(row pod.Info, body io.Reader) error {
				text, err := io.ReadAll(body)
				if err == nil {
					got = append(got, row.Path.String()+" "+string(text))
				}
				return err
			}, func(row Row) error { lost = append(lost, row.Path); return nil })
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if c.want != nil {
				return
			}
			if strings.Join(lost, " ") != c.lost {
				t.Errorf("lost %v", lost)
			}
			for _, each := range texts {
				if sound := slices.Contains(got, each[0]+" "+each[1]); sound == slices.Contains(lost, each[0]) {
					t.Errorf("%s: given %t", each[0], sound)
				}
			}
		})
	}
}
