//go:build !linux

package main

import "os/exec"

func startOrdinary(cmd *exec.Cmd) error { return cmd.Start() }
