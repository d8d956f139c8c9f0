package secrets

import (
	"context"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Lock implements [apsclient.TokenStore] with a lock on a file, which the system takes back when
// the process dies.
func (r Refresh) Lock(ctx context.Context) (func(), error) {
	path := filepath.Join(r.Vault.home.Config, "profiles", r.Profile+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}

	type result struct {
		unlock func()
		err    error
	}
	locked := make(chan result, 1)
	go func() {
		f, err := lockedfile.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		locked <- result{func() { _ = f.Close() }, err} // nothing was written
	}()

	select {
	case l := <-locked:
		return l.unlock, l.err
	case <-ctx.Done():
		go func() { // the lock comes too late for anybody
			if l := <-locked; l.err == nil {
				l.unlock()
			}
		}()

		return nil, context.Cause(ctx)
	}
}
