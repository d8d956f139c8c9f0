package transfer

// FreeSpace returns the bytes that this user may still write to the file system of a folder that exists.
func FreeSpace(dir string) (int64, error) { return freeSpace(dir) }
