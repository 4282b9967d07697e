package solid

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the process when the thread that starts it ends, so that no server stays
// behind when the suite is killed.
func endWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
