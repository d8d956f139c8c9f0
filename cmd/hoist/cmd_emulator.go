package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/problem"
)

type emulatorOptions struct {
	addr    string // host:port to listen on; port 0 takes a free one
	tls     bool
	data    string // "": a temporary folder, removed at exit
	limits  string // documented or off
	journal string // file that gets one JSON line a request, appended; "": none
}

func newEmulatorCmd(a *app) *cobra.Command {
	var o emulatorOptions
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "Run a local APS and S3 to rehearse on",
		Long: `emulator runs an Autodesk Platform Services and an Amazon S3 on this machine,
with a hub, a project and a folder in it. When it listens it prints its address
and credentials as NAME=value lines and then an empty line; set them as
environment variables and every command of hoist works against it. It runs until
it is interrupted.`,
		Example: `  hoist emulator                        # data is gone when it ends
  hoist emulator --data DIR --tls --journal requests.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.emulator(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", "127.0.0.1:0", "host:port to listen on; port 0 takes a free one")
	f.BoolVar(&o.tls, "tls", false,
		"serve https with a certificate made for this run; SSL_CERT_FILE names it")
	f.StringVar(&o.data, "data", "",
		"folder that keeps everything; without it a temporary one, removed at exit")
	f.StringVar(&o.limits, "limits", "documented", "rate limits: documented, or off")
	f.StringVar(&o.journal, "journal", "", "file to append one JSON line a request to")

	return cmd
}

// emulator serves until the context ends, which is its proper end and no error.
func (a *app) emulator(ctx context.Context, o emulatorOptions) (err error) {
	if o.limits != "documented" && o.limits != "off" {
		return problem.Usagef("--limits %q: it is documented or off", o.limits)
	}

	_, port, err := net.SplitHostPort(o.addr)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}

	if err != nil {
		return problem.Usagef("--addr %q: it is host:port, such as 127.0.0.1:8080", o.addr)
	}

	c := emulator.Config{Dir: o.data, Limits: o.limits == "documented"}
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", "hoist-emulator-"); err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}

		defer os.RemoveAll(c.Dir)
	} else if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return fmt.Errorf("find the data folder: %w", err)
	}

	if o.journal != "" {
		f, err := os.OpenFile(o.journal, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("open the journal: %w", err)
		}
		defer f.Close()
		c.Journal = f
	}

	s, err := emulator.New(c)
	if err != nil {
		return fmt.Errorf("start the emulator: %w", err)
	}
	defer s.Close()
	if err := s.AddExamples(); err != nil {
		return fmt.Errorf("start the emulator: %w", err)
	}

	l, err := s.Listen(o.addr, o.tls)
	if err != nil {
		return fmt.Errorf("start the emulator: %w", err)
	}

	a.printf("APS_BASE_URL=%s\nAPS_CLIENT_ID=%s\nAPS_CLIENT_SECRET=%s\n", l.BaseURL, emulator.DefaultClientID,
		emulator.DefaultClientSecret)
	if l.CertFile != "" {
		a.printf("SSL_CERT_FILE=%s\n", l.CertFile)
	}

	a.printf("HOIST_DEMO_REMOTE=%s\n\n", s.DemoRemote())
	if err := a.out.lost(); err != nil {
		return err // nobody knows where it listens
	}

	<-ctx.Done()

	return nil
}
