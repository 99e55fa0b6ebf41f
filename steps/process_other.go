//go:build !windows && !linux

package steps

// membersAlive takes the kernel's word for it: without /proc the dead cannot be told apart.
func membersAlive(int) bool { return true }
