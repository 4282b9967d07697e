package server

import "golang.org/x/sys/unix"

// kindsOfDisk are the magic numbers of statfs(2).
var kindsOfDisk = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs",
	unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.F2FS_SUPER_MAGIC: "f2fs", unix.NILFS_SUPER_MAGIC: "nilfs",
	unix.NFS_SUPER_MAGIC: "nfs", unix.SMB2_SUPER_MAGIC: "cifs", unix.CIFS_SUPER_MAGIC: "cifs", unix.FUSE_SUPER_MAGIC: "fuse",
	unix.V9FS_MAGIC: "9p", unix.MSDOS_SUPER_MAGIC: "fat", unix.EXFAT_SUPER_MAGIC: "exfat",
	0x2fc12fc1: "zfs", 0xca451a4e: "bcachefs", 0x7366746e: "ntfs", 0x5346544e: "ntfs", 0x4244: "hfs", 0x482b: "hfs", 0x3153464a: "jfs",
}

func volumeOf(dir string) (volume, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return volume{}, err
	}
	size := int64(st.Bsize)
	return volume{kindsOfDisk[int64(uint32(st.Type))], int64(st.Bavail) * size, int64(st.Blocks) * size}, nil
}
