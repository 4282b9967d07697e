package folder

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// utimeOmit leaves a time as it is (utimensat(2)).
const utimeOmit = unix.UTIME_OMIT

// bootID returns what tells one boot of this machine from another, or "".
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
