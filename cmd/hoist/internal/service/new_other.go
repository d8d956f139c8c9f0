//go:build !windows

package service

import "context"

// New is the manager of a service.
func New(o Options) (Manager, error) { return newManager(o) }

// Managed is for Windows: elsewhere a service is a process like any other.
func Managed(func(context.Context, Tell) error) (managed bool, err error) { return false, nil }

// OnMappedDrive is for Windows.
func OnMappedDrive(string) (unc string, mapped bool) { return "", false }

// LeaveOwnConsole is for Windows.
func LeaveOwnConsole() {}
