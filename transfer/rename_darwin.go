package transfer

import "golang.org/x/sys/unix"

const (
	noReplace = unix.RENAME_EXCL
	swapNames = unix.RENAME_SWAP
)

func renameFlags(dir int, from, to string, flag uint) error {
	return unix.RenameatxNp(dir, from, dir, to, uint32(flag))
}
