//go:build !linux

package state

import bolt "go.etcd.io/bbolt"

// letGo would give back the memory in which the file is mapped: these systems take it when they need it.
func letGo(*bolt.DB) {}
