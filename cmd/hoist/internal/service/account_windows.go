package service

import (
	"errors"
	"os"
	"os/exec"
	"strings"
)

// As makes a command run with the environment of a service: without what this user has set for
// hoist. Another account cannot be tried here.
func As(cmd *exec.Cmd, account string) error {
	if account != "" {
		return errors.New("another account is set in the properties of the service, once it is installed")
	}

	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "APS_") && !strings.HasPrefix(e, "HOIST_") {
			cmd.Env = append(cmd.Env, e)
		}
	}

	return nil
}
