package watcher

import (
	"os"

	"golang.org/x/sys/windows"
)

// idNow is idOf without a bound. Its handle keeps nobody from renaming it.
func idNow(path string) (fileID, error) { return idAt(path, 0) }

// idAt identifies what is at a path, opened with further flags.
func idAt(path string, flags uint32) (fileID, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fileID{}, err
	}

	const everybody = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, 0, everybody, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|flags, 0)
	if err != nil {
		return fileID{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer windows.CloseHandle(h)

	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return fileID{}, &os.PathError{Op: "identify", Path: path, Err: err}
	}

	index := uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)

	return fileID{uint64(info.VolumeSerialNumber), index}, nil
}
