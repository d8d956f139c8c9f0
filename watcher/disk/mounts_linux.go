package disk

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Unescape turns a path as /proc writes it into the path: some letters are octal numbers there.
var Unescape = strings.NewReplacer(`\134`, "\\", `\040`, " ", `\011`, "\t", `\012`, "\n").Replace

func mountPoints() []string {
	text, err := MountTable()
	if err != nil {
		return nil
	}

	var out []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 4 {
			out = append(out, Unescape(fields[4]))
		}
	}

	return out
}

// MountTable is what is mounted, in the lines of /proc/self/mountinfo. Safe for concurrent use.
func MountTable() (string, error) {
	text, _, err := table.now()
	return text, err
}

// MountChanges is how often the table was seen to have changed. It grows too when what was unmounted is
// mounted again at once, which leaves the lines as they were. Safe for concurrent use.
func MountChanges() int {
	_, n, _ := table.now()
	return n
}

var table mountTable

// mountTable reads the table again only when the kernel says that it has changed: roots are looked at every
// few seconds.
type mountTable struct {
	mu    sync.Mutex
	file  *os.File // nil: to be opened
	text  string
	reads int
}

// now is the table, and how often it was read.
func (t *mountTable) now() (string, int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if t.file == nil {
		fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", t.reads, err
		}

		// os.Open would let the runtime poll it, which takes the news from us.
		t.file = os.NewFile(uintptr(fd), "mountinfo")
	} else if !t.changed() {
		return t.text, t.reads, nil
	}

	text, err := io.ReadAll(io.NewSectionReader(t.file, 0, 1<<30))
	if err != nil {
		err = errors.Join(err, t.file.Close())
		t.file = nil
	}

	t.text = string(text)
	t.reads++

	return t.text, t.reads, err
}

// changed reports whether something was mounted or unmounted since the last call, or the opening of the file.
func (t *mountTable) changed() bool {
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(t.file.Fd()), Events: unix.POLLPRI}}, 0)
	return err != nil || ready > 0
}
