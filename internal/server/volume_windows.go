package server

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

func volumeOf(dir string) (v volume, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return v, err
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, &total, &all); err != nil {
		return v, err
	}
	v.free, v.total = int64(free), int64(total)
	full, err := filepath.Abs(dir)
	if err != nil {
		return v, err
	}
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(full) + `\`)
	if err != nil {
		return v, err
	}
	kind := make([]uint16, 64)
	if windows.GetVolumeInformation(root, nil, 0, nil, nil, nil, &kind[0], uint32(len(kind))) == nil {
		v.kind = strings.ToLower(windows.UTF16ToString(kind))
	}
	return v, nil
}
