package state

import (
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// fileBasicInfo is FILE_BASIC_INFO: times in 100 ns since 1601.
type fileBasicInfo struct {
	CreationTime, LastAccessTime, LastWriteTime, ChangeTime int64
	FileAttributes                                          uint32
	_                                                       uint32
}

func snapshotOf(f *os.File, fi os.FileInfo) (Snapshot, error) {
	s := Snapshot{Size: fi.Size(), ModTime: fi.ModTime().UTC()}
	h := windows.Handle(f.Fd())
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err == nil {
		if index := uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow); index != 0 {
			s.FileID = fmt.Sprintf("%x:%x", info.VolumeSerialNumber, index)
		}
	}
	var basic fileBasicInfo
	err := windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)),
		uint32(unsafe.Sizeof(basic)))
	if err == nil && basic.ChangeTime > 0 {
		s.ChangeTime = filetime(basic.ChangeTime)
	}
	return s, nil
}

func filetime(t int64) time.Time {
	ft := windows.Filetime{LowDateTime: uint32(t), HighDateTime: uint32(t >> 32)}
	return time.Unix(0, ft.Nanoseconds()).UTC()
}

// snapshotPath asks for attributes only and shares everything, so that a program that saves,
// renames or deletes the file is never in its way.
func snapshotPath(path string) (Snapshot, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return Snapshot{}, &os.PathError{Op: "look at", Path: path, Err: err}
	}
	h, err := windows.CreateFile(p, windows.FILE_READ_ATTRIBUTES,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return Snapshot{}, &os.PathError{Op: "look at", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(h), path)
	defer f.Close()
	return SnapshotFile(f)
}
