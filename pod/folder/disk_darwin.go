package folder

import "golang.org/x/sys/unix"

// utimeOmit leaves a time as it is: UTIME_OMIT of sys/stat.h.
const utimeOmit = -2

// bootID returns what tells one boot of this machine from another, or "".
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
