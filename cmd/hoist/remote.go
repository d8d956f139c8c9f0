package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

// remoteAddress reads what a person wrote for a remote: an address, or a local path inside a watch,
// which stands for its remote. The local path need not be there.
func (a *app) remoteAddress(arg string) (remote.Address, error) {
	if strings.Contains(arg, "://") { // also another scheme, which is then said
		return remote.ParseAddress(arg)
	}

	path, err := absPath(arg)
	if err != nil {
		return remote.Address{}, err
	}

	set, err := a.setup(config.Settings{})
	if err != nil {
		return remote.Address{}, err
	}

	if address, ok, err := mapped(set.file.Watch, path); ok || err != nil {
		return address, err
	}

	hint := "write a remote as aps://HUB/PROJECT/FOLDER/… or oss://BUCKET/KEY; a local path stands for its " +
		"remote only inside a watch (see \"hoist watch list\")"
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return remote.Address{}, fail(problem.NotFound,
			fmt.Errorf("%q is no remote address, and there is no such local path", arg), hint)
	}

	return remote.Address{}, fail(problem.Usage,
		fmt.Errorf("%q is no remote address, and lies in no watch", arg), hint)
}

// absPath is a local path that a person wrote, made absolute. An empty one, which an unset variable
// leaves, is not the working folder.
func absPath(arg string) (string, error) {
	if arg == "" {
		return "", problem.Usagef("an empty path")
	}

	path, err := filepath.Abs(arg)
	if err != nil {
		return "", fmt.Errorf("find %q: %w", arg, err)
	}

	return path, nil
}

// mapped is the remote of a local path that is or lies in the folder of a watch.
func mapped(watches []config.Watch, path string) (remote.Address, bool, error) {
	w := config.WatchOf(watches, path)
	if w == nil {
		return remote.Address{}, false, nil
	}

	address, err := remote.ParseAddress(w.Remote)
	if err != nil {
		return remote.Address{}, false, err
	}

	rel, err := filepath.Rel(w.Path, path)
	if err == nil && rel != "." {
		address = address.Join(strings.Split(filepath.ToSlash(rel), "/")...)
	}

	return address, true, err
}

// aKind is the kind of a place with its article.
func aKind(kind string) string {
	if strings.ContainsAny(kind[:1], "aeiou") {
		return "an " + kind
	}

	return "a " + kind
}
