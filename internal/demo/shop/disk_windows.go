package shop

import "golang.org/x/sys/windows"

// diskFree gives the bytes that an ordinary user can still write.
func diskFree(dir string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return free, err
}
