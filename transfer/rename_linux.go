package transfer

import "golang.org/x/sys/unix"

const (
	noReplace = unix.RENAME_NOREPLACE
	swapNames = unix.RENAME_EXCHANGE
)

func renameFlags(dir int, from, to string, flag uint) error {
	return unix.Renameat2(dir, from, dir, to, flag)
}
