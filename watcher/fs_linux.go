package watcher

import "golang.org/x/sys/unix"

const limitAdvice = "raise it with: sysctl fs.inotify.max_user_watches=1048576"

// remoteTypes are the file systems whose changes by other machines are not announced, by the
// numbers of statfs(2).
var remoteTypes = map[uint32]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFF534D42: "SMB",
	0xFE534D42: "SMB",
	0x65735546: "FUSE",
	0x01021997: "9P",
	0x5346414F: "AFS",
	0x6B414653: "AFS",
	0x00C36400: "Ceph",
	0x73757245: "Coda",
	0x564C:     "NCP",
	0x786F4256: "VirtualBox shared folder",
	0x7C7C6673: "Parallels shared folder",
	0x0BD00BD0: "Lustre",
	0x01161970: "GFS2",
	0x47504653: "GPFS",
}

// remoteKind names the kind of network mount that a path lies on, "" for a local one.
func remoteKind(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return ""
	}

	return remoteTypes[uint32(st.Type)] //nolint:unconvert // its type differs between architectures
}
