//go:build !windows

package service

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// As makes a command run as another account, with that account's environment and nothing else of
// this one; "" as this user. Only the administrator can.
func As(cmd *exec.Cmd, account string) error {
	u, err := user.Current()
	if account != "" {
		u, err = user.Lookup(account)
	}

	if err != nil {
		return fmt.Errorf("look up the account of the service: %w", err)
	}

	cmd.Env = []string{"HOME=" + u.HomeDir, "USER=" + u.Username, "PATH=/usr/local/bin:/usr/bin:/bin"}
	cmd.Dir = "/"
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil || int(uid) == os.Geteuid() {
		return err
	}

	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return err
	}

	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}

	return nil
}
