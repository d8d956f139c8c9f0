package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// TestConfigurationIsAwaited: a command that sends files does not go by half of a text, wherever it
// stands; it waits for no one for ever, and not when it is to end.
func TestConfigurationIsAwaited(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody tells here who has a file open")
	}

	for _, name := range []string{"config.toml", "profiles/default.toml", "patterns.txt"} {
		home := t.TempDir()
		if err := errors.Join(os.Mkdir(filepath.Join(home, "profiles"), 0o700),
			os.WriteFile(filepath.Join(home, "config.toml"),
				[]byte("exclude-from = '"+filepath.Join(home, "patterns.txt")+"'\n"), 0o600)); err != nil {
			t.Fatal(err)
		}

		a := &app{stdout: io.Discard, stderr: io.Discard, environ: []string{"HOIST_HOME=" + home}}
		if err := a.awaitConfiguration(t.Context()); err != nil {
			t.Fatal(err)
		}

		synctest.Test(t, func(t *testing.T) {
			f, err := os.OpenFile(filepath.Join(home, name), os.O_WRONLY|os.O_CREATE, 0o600)
			if err != nil {
				t.Fatal(err)
			}

			begun := time.Now()
			time.AfterFunc(10*time.Second, func() { f.Close() })
			if err := a.awaitConfiguration(t.Context()); err != nil {
				t.Error(err)
			}

			if waited := time.Since(begun).Round(time.Second); waited != 10*time.Second {
				t.Errorf("%s: waited %s for who writes for 10 s", name, waited)
			}
		})
	}
}

func TestConfigurationIsNotAwaitedForEver(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nobody tells here who has a file open")
	}

	home := t.TempDir()
	a := &app{stdout: io.Discard, stderr: io.Discard, environ: []string{"HOIST_HOME=" + home}}
	synctest.Test(t, func(t *testing.T) {
		f, err := os.Create(filepath.Join(home, "config.toml"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()

		begun := time.Now()
		if err := a.awaitConfiguration(t.Context()); err != nil || time.Since(begun) < configWritten {
			t.Errorf("%v after %s", err, time.Since(begun))
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.awaitConfiguration(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
