//go:build unix

package shop

import "golang.org/x/sys/unix"

// diskFree gives the bytes that an ordinary user can still write.
func diskFree(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:unconvert // the field types differ between systems
}
