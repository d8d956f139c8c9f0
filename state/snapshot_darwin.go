package state

import "syscall"

func changeTime(st *syscall.Stat_t) (sec, nsec int64) {
	return st.Ctimespec.Sec, st.Ctimespec.Nsec
}
