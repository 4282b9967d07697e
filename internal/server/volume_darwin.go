package server

import "golang.org/x/sys/unix"

func volumeOf(dir string) (volume, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return volume{}, err
	}
	size := int64(st.Bsize)
	return volume{unix.ByteSliceToString(st.Fstypename[:]), int64(st.Bavail) * size, int64(st.Blocks) * size}, nil
}
