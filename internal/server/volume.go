package server

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// volume is the file system on which a folder lies.
type volume struct {
	kind        string // "ext4", "apfs", …; "" when the system does not tell
	free, total int64  // bytes; free for this account
}

// short reports whether a file system is nearly full: it has less than a gigabyte left, or less than a hundredth.
func (v volume) short() bool {
	return v.total > 0 && (v.free < 1<<30 && v.free < v.total/10 || v.free < v.total/100)
}

// gone says what is left of a deleted file on this kind of file system (what was measured: 400 deleted texts
// searched for in raw disk images).
func (v volume) gone() string {
	for _, g := range goneOn {
		for _, kind := range g.kinds {
			if kind == v.kind {
				return g.text
			}
		}
	}
	return "Of this file system nothing is known: whether overwriting reaches the old bytes depends on it."
}

var goneOn = []struct {
	kinds []string
	text  string
}{
	{[]string{"ext2", "ext4", "xfs"}, "Deleted bytes are overwritten in place and then freed: in raw images of this file system nothing of 400 deleted texts was found again."},
	{[]string{"ntfs", "hfs", "jfs", "fat", "exfat"}, "Deleted bytes are overwritten in place and then freed. This was not measured on this file system; its journal, and copies that the system makes by itself, may keep parts."},
	{[]string{"btrfs", "zfs", "bcachefs", "apfs", "refs", "f2fs", "nilfs"}, "This file system writes to another place than where the old bytes are: overwriting does not reach them. They stay until their room is used again, or trimmed (on btrfs 400 of 400 deleted texts were found, and none after fstrim). Snapshots keep them for as long as they exist."},
	{[]string{"tmpfs", "ramfs"}, "It lies in memory, and all of it is gone when the machine goes off; the swap space may have parts of it until then, and after."},
	{[]string{"overlay"}, "This is a layer of a container: what counts is the file system below, which cannot be seen from here. Give the pod a volume of its own."},
	{[]string{"nfs", "cifs", "fuse", "9p"}, "The bytes are on another machine, or behind another program: what is left of them there cannot be told from here."},
}

// fleeting says why a pod is not kept for years on this kind of file system, "" where it is.
func (v volume) fleeting() string {
	switch v.kind {
	case "tmpfs", "ramfs":
		return "The folder lies in memory: when the machine goes off, the pods are gone."
	case "overlay":
		return "The folder lies in a layer of a container: when the container is removed, the pods are gone."
	}
	return ""
}

// tryDisk writes a file to a folder, makes it durable and removes it, and tells how long that took.
func tryDisk(dir string) (took time.Duration, err error) {
	began := time.Now()
	f, err := os.CreateTemp(dir, ".try-")
	if err != nil {
		return 0, err
	}
	_, err = f.Write(make([]byte, 4096))
	err = errors.Join(err, f.Sync(), f.Close())
	took = time.Since(began)
	return took, errors.Join(err, os.Remove(filepath.Join(dir, filepath.Base(f.Name()))))
}
