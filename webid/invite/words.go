package invite

import (
	"crypto/sha256"
	"slices"
)

// Words returns the places, in the list of 256 words, of the twelve words that
// two people with these labels compare. The order of the labels does not
// matter. (protocol §7)
func Words(a, b string) [12]byte {
	labels := []string{a, b}
	slices.Sort(labels)
	sum := sha256.Sum256([]byte("kith words 1" + labels[0] + labels[1]))
	return [12]byte(sum[:12])
}
