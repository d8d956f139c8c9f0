package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// hoist runs the binary as somebody at a terminal would, with nothing of the surroundings that
// could lead it elsewhere.
type hoist struct {
	binary string
	env    []string
}

// cleanEnv is environ without what would point hoist at another service, home or account.
func cleanEnv(environ []string) []string {
	var kept []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		name = strings.ToUpper(name)
		if strings.HasPrefix(name, "APS_") || strings.HasPrefix(name, "HOIST_") || name == "SSL_CERT_FILE" {
			continue
		}

		kept = append(kept, kv)
	}

	return kept
}

// run runs a command to its end and returns its standard output.
func (h hoist) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, h.binary, args...)
	cmd.Env = h.env
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}

		return out.Bytes(), fmt.Errorf("hoist %s: %w: %s", strings.Join(args, " "), err,
			strings.TrimSpace(errs.String()))
	}

	return out.Bytes(), nil
}

// daemon is a running "hoist daemon".
type daemon struct {
	cmd  *exec.Cmd
	said *tail
	done chan struct{} // closed when the process is gone; err is set then
	err  error
}

func (h hoist) startDaemon() (*daemon, error) {
	cmd := exec.Command(h.binary, "daemon") //nolint:noctx // kill and stop end it
	d := &daemon{cmd: cmd, said: &tail{}, done: make(chan struct{})}
	d.cmd.Env = h.env
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said

	d.cmd.WaitDelay = 5 * time.Second
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}

	go func() { // ends with the process; kill and stop wait for it
		d.err = d.cmd.Wait()
		close(d.done)
	}()

	return d, nil
}

// kill ends the daemon without a chance to finish anything, and waits until it is gone.
func (d *daemon) kill() error {
	err := d.cmd.Process.Kill()
	<-d.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}

	return err
}

// stop asks the daemon to end, as a service manager does. Windows has no such signal for another
// process: there it is killed.
func (d *daemon) stop(patience time.Duration) error {
	if runtime.GOOS == "windows" {
		return d.kill()
	}

	if err := d.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}

	select {
	case <-d.done:
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("the daemon did not end within %v", patience), d.kill())
	}

	if d.err != nil {
		return fmt.Errorf("the daemon ended with %w", d.err)
	}

	return nil
}

// gone reports whether the daemon ended by itself, and what it said last.
func (d *daemon) gone() error {
	select {
	case <-d.done:
		return fmt.Errorf("the daemon ended by itself (%v): %s", d.err, d.said)
	default:
		return nil
	}
}

// tail keeps the end of what a process says. Safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const tailBytes = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if extra := len(t.data) - tailBytes; extra > 0 {
		t.data = append(t.data[:0], t.data[extra:]...)
	}

	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.data))
}
