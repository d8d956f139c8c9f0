package control

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxSocket is the longest path of a socket in bytes; the systems allow 104 to 108.
const maxSocket = 100

// Listener accepts the commands of a home.
type Listener struct {
	net.Listener
	Token    string // what TCP clients must send; "" on a socket
	addrFile string // removed on Close when written
	runtime  string // folder of the socket when it is not the home; removed on Close
}

// Listen opens the socket of a home, whose folder is its owner's alone; the caller has the home's
// state open, so no other owner can be doing the same.
//
// A path of more than 100 bytes does not fit into a socket address: the socket then lies in a
// private folder of the system's and addrFile names it. When the system has no AF_UNIX, addrFile
// holds a loopback address and a token. A socket left by a process that died is removed once a dial
// has shown that nobody answers.
func Listen(socket, addrFile string, writeFile func(path string, data []byte) error) (*Listener, error) {
	if err := clearLeft(socket, addrFile); err != nil {
		return nil, err
	}

	l := &Listener{}
	path := socket
	if len(path) > maxSocket {
		dir, err := runtimeFolder()
		if err != nil {
			return nil, err
		}

		l.runtime = dir
		path = filepath.Join(dir, "control.sock")
	}

	var err error
	l.Listener, err = listenUnix(path)
	if err != nil && noUnix(err) {
		l.Listener, err = net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			l.Token = rand.Text() + rand.Text()
		}
	}

	if err != nil {
		l.removeRuntime()
		return nil, fmt.Errorf("listen for commands: %w", err)
	}

	content := ""
	switch {
	case l.Token != "":
		content = l.Addr().String() + "\n" + l.Token + "\n"
	case path != socket:
		content = path + "\n"
	}

	if content != "" {
		l.addrFile = addrFile
		if err := writeFile(addrFile, []byte(content)); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}

	return l, nil
}

// Close stops listening and removes the socket and what names it.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}

	if l.addrFile != "" {
		if e := os.Remove(l.addrFile); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}

	l.removeRuntime()

	return err
}

func (l *Listener) removeRuntime() {
	if l.runtime != "" {
		_ = os.RemoveAll(l.runtime) // a leftover is harmless: the next owner makes its own
	}
}

// runtimeFolder makes a private folder with a short path.
func runtimeFolder() (string, error) {
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if base == "" || len(base) > maxSocket-40 {
			continue
		}

		if dir, err := os.MkdirTemp(base, "hoist-"); err == nil {
			return dir, nil
		}
	}

	return "", errors.New("listen for commands: no folder with a path short enough for a socket; set TMPDIR")
}

// clearLeft removes what a process that died has left.
func clearLeft(socket, addrFile string) error {
	data, err := os.ReadFile(addrFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the address of the owner: %w", err)
	}

	paths := []string{socket}
	named, _, _ := strings.Cut(string(data), "\n")
	if p := strings.TrimSpace(named); filepath.IsAbs(p) && filepath.Base(p) == "control.sock" {
		paths = append(paths, p)
	}

	for _, p := range paths {
		if err := clearSocket(p, p != socket); err != nil {
			return err
		}
	}

	if err := os.Remove(addrFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what names an old socket: %w", err)
	}

	return nil
}

func clearSocket(path string, withFolder bool) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	if err != nil {
		return fmt.Errorf("look at the old socket: %w", err)
	}

	if !isSocket(path, info) {
		return fmt.Errorf("listen for commands: %s is there and is not a socket", path)
	}

	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		return errors.Join(fmt.Errorf("listen for commands: somebody answers at %s", path), conn.Close())
	}

	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the old socket: %w", err)
	}

	if withFolder {
		_ = os.Remove(filepath.Dir(path)) // only if it is empty
	}

	return nil
}
