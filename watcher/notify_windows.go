package watcher

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	noticeBuffer = 64 << 10 // bytes; more is refused for network shares
	noticeMask   = windows.FILE_NOTIFY_CHANGE_FILE_NAME | windows.FILE_NOTIFY_CHANGE_DIR_NAME |
		windows.FILE_NOTIFY_CHANGE_SIZE | windows.FILE_NOTIFY_CHANGE_LAST_WRITE |
		windows.FILE_NOTIFY_CHANGE_CREATION
)

// osNotifier asks Windows for the notices of the whole tree at its root. fsnotify would open each
// folder by itself, and a folder in which another one is held open cannot be renamed: watching
// would stop people's work.
type osNotifier struct {
	collector
	root  string
	open  bool           // guarded by mu
	reads chan *treeRead // capacity 1: a new one is made only when the last has ended
}

// treeRead is an open root with a request for notices under way.
type treeRead struct {
	dir     windows.Handle
	event   windows.Handle
	overlap windows.Overlapped
	buf     [noticeBuffer / 4]uint32 // aligned as the records ask
}

func newOSNotifier(root string) (notifier, error) {
	return &osNotifier{collector: newCollector(), root: root, reads: make(chan *treeRead, 1)}, nil
}

// add opens the root when it is not open. Notices are asked for before it returns, so that a
// listing that follows misses nothing.
func (n *osNotifier) add(folder string) error {
	if folder != "" {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open {
		return nil
	}
	r, err := openTree(n.root)
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) || errors.Is(err, windows.ERROR_PATH_NOT_FOUND) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return err // the listing will say so; the next scan tries again
	} else if err != nil {
		return &noticesError{err: err}
	}
	n.open = true
	n.reads <- r
	return nil
}

func openTree(root string) (*treeRead, error) {
	name, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return nil, err
	}
	r := &treeRead{}
	r.dir, err = windows.CreateFile(name, windows.FILE_LIST_DIRECTORY,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OVERLAPPED, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s for notices: %w", root, err)
	}
	if r.event, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		windows.CloseHandle(r.dir)
		return nil, err
	}
	if err := r.ask(); err != nil {
		r.close()
		return nil, fmt.Errorf("ask for notices of %s: %w", root, err)
	}
	return r, nil
}

// ask begins to wait for the next notices. What happens between two requests is kept by the system.
func (r *treeRead) ask() error {
	r.overlap = windows.Overlapped{HEvent: r.event}
	return windows.ReadDirectoryChanges(r.dir, (*byte)(unsafe.Pointer(&r.buf)), noticeBuffer, true,
		noticeMask, nil, &r.overlap, 0)
}

func (r *treeRead) close() {
	windows.CloseHandle(r.dir)
	windows.CloseHandle(r.event)
}

// drop does nothing: the root is watched, not the folders.
func (n *osNotifier) drop(string) {}

func (n *osNotifier) run(ctx context.Context) {
	stop, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		n.lose()
		return
	}
	defer windows.CloseHandle(stop)
	signaled := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(signaled)
		_ = windows.SetEvent(stop) // it cannot fail for an event that is open
	})
	defer func() {
		if !unhook() {
			<-signaled // the event must not be closed before it was set
		}
	}()
	for {
		select {
		case <-ctx.Done():
			select {
			case r := <-n.reads:
				r.end()
			default:
			}
			return
		case r := <-n.reads:
			n.pump(ctx, r, stop)
			r.end()
			n.mu.Lock()
			n.open = false
			n.mu.Unlock()
			if ctx.Err() == nil {
				n.lose() // the root went, or cannot be watched any more: a scan says which
			}
		}
	}
}

// end takes the request back, waits until the system has let go of the buffer, and closes.
func (r *treeRead) end() {
	if windows.CancelIoEx(r.dir, &r.overlap) == nil {
		var n uint32
		_ = windows.GetOverlappedResult(r.dir, &r.overlap, &n, true) // that it was cancelled is no news
	}
	r.close()
}

// pump passes notices on until ctx ends, by the event, or the root can no longer be read.
func (n *osNotifier) pump(ctx context.Context, r *treeRead, stop windows.Handle) {
	for {
		which, err := windows.WaitForMultipleObjects([]windows.Handle{r.event, stop}, false, windows.INFINITE)
		if err != nil || which != windows.WAIT_OBJECT_0 || ctx.Err() != nil {
			return
		}
		var size uint32
		err = windows.GetOverlappedResult(r.dir, &r.overlap, &size, false)
		switch {
		case errors.Is(err, windows.ERROR_NOTIFY_ENUM_DIR), err == nil && size == 0:
			n.lose() // more happened than the buffer holds
		case err != nil:
			return
		default:
			n.records(unsafe.Slice((*byte)(unsafe.Pointer(&r.buf)), size))
		}
		if err := r.ask(); err != nil {
			return
		}
	}
}

// records notes a buffer of FILE_NOTIFY_INFORMATION.
func (n *osNotifier) records(buf []byte) {
	// its last field begins the name, padded
	const head = unsafe.Sizeof(windows.FileNotifyInformation{}) - unsafe.Sizeof(uint32(0))
	for uintptr(len(buf)) > head {
		info := (*windows.FileNotifyInformation)(unsafe.Pointer(&buf[0]))
		name := windows.UTF16ToString(unsafe.Slice(&info.FileName, info.FileNameLength/2))
		n.action(name, info.Action)
		if info.NextEntryOffset == 0 {
			return
		}
		buf = buf[info.NextEntryOffset:]
	}
}

func (n *osNotifier) action(name string, action uint32) {
	if strings.Contains(name, "~") { // it may be a short name
		name = n.longName(name)
	}
	p := filepath.ToSlash(name)
	switch action {
	case windows.FILE_ACTION_ADDED, windows.FILE_ACTION_RENAMED_NEW_NAME:
		n.note(p, notice{touched: true, created: true})
	case windows.FILE_ACTION_REMOVED, windows.FILE_ACTION_RENAMED_OLD_NAME:
		n.note(p, notice{touched: true, left: true})
	default:
		n.note(p, notice{touched: true})
	}
}

// longName returns the long form of a name below the root, or the name when that cannot be told:
// nothing is there any more.
func (n *osNotifier) longName(name string) string {
	short, err := windows.UTF16PtrFromString(join(n.root, name))
	if err != nil {
		return name
	}
	buf := make([]uint16, windows.MAX_LONG_PATH)
	size, err := windows.GetLongPathName(short, &buf[0], uint32(len(buf)))
	if err != nil || int(size) > len(buf) {
		return name
	}
	rel, err := filepath.Rel(n.root, windows.UTF16ToString(buf[:size]))
	if err != nil || strings.HasPrefix(rel, "..") {
		return name
	}
	return rel
}
