package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/redact"
)

// lastLines is how much of a log goes into a bundle, in bytes.
const lastLines = 1 << 20

// diagnoses are the commands whose answers a bundle holds, by the name of the file.
var diagnoses = []struct {
	name string
	args []string
}{
	{"version.txt", []string{"version"}},
	{"config-show.jsonl", []string{"config", "show", "--origin", "--json"}},
	{"config-check.txt", []string{"config", "check"}},
	{"doctor.jsonl", []string{"doctor", "--json"}},
	{"state-check.json", []string{"state", "check", "--json"}},
	{"status.json", []string{"status", "--json"}},
	{"jobs-open.jsonl", []string{"jobs", "--json", "--limit", "200", "--state", "attention,waiting,failed"}},
	{"watches.jsonl", []string{"watch", "list", "--json"}},
}

func newDiagnoseCmd(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "diagnose",
		Short: "Gather what helps to find a fault into one file, without secrets",
		Long: `Write a zip file for whoever helps you: version, system, configuration with its
origins, what doctor and the check of the state say, status, open jobs, metrics,
and the last lines of the logs. Secrets, tokens and the queries of URLs are taken
out; names of files, folders, hubs and machines are in it: look into it before you
send it on. Nothing is sent anywhere.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.diagnose(cmd.Context(), output) },
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default hoist-diagnose-DATE.zip here)")

	return cmd
}

func (a *app) diagnose(ctx context.Context, output string) (err error) {
	home, err := a.findHome(config.ReadEnv(a.getenv))
	if err != nil {
		return err
	}

	f, output, err := newBundle(output, time.Now())
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}

	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(output)
		}
	}()

	z := zip.NewWriter(f)
	clean := redact.New(a.knownSecrets(home)...)

	var names []string
	add := func(name, text string) error {
		names = append(names, name)
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, clean.Text(text))
		}

		return err
	}

	errs := []error{add("system.txt", fmt.Sprintf("%s/%s, %d processors, %s\n%s\n", runtime.GOOS,
		runtime.GOARCH, runtime.NumCPU(), runtime.Version(), time.Now().Format(time.RFC3339)))}
	for _, d := range diagnoses {
		errs = append(errs, add(d.name, a.answerOf(ctx, d.args)))
	}

	errs = append(errs, add("metrics.txt", a.metricsText(ctx)))
	logs, _ := filepath.Glob(filepath.Join(home.Logs(), "*.log")) // the pattern is right
	for _, name := range append(logs, home.AuditFile()) {
		if text, err := endOf(name); err == nil {
			errs = append(errs, add("logs/"+filepath.Base(name), text))
		}
	}

	if err := errors.Join(append(errs, z.Close())...); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}

	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	if output, err = filepath.Abs(output); err != nil {
		return err
	}

	if a.flags.json {
		return a.printJSON(struct {
			Path  string   `json:"path"`
			Files []string `json:"files"`
		}{output, names})
	}

	a.printf("%s\nlook into it before you send it on: it names files and folders\n", output)

	return nil
}

// newBundle makes the file for a bundle; without a name one that is free here.
func newBundle(output string, now time.Time) (f *os.File, name string, err error) {
	names := []string{output}
	if stem := "hoist-diagnose-" + now.Format("20060102-150405"); output == "" {
		names = []string{stem + ".zip", stem + "-2.zip", stem + "-3.zip"}
	}

	for _, name = range names {
		if f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL,
			0o600); !errors.Is(err, os.ErrExist) {
			break
		}
	}

	return f, name, err
}

// answerOf is what a command of hoist prints, with its exit code.
func (a *app) answerOf(ctx context.Context, args []string) string {
	for flag, value := range map[string]string{"--home": a.flags.home, "--profile": a.flags.profile} {
		if value != "" {
			args = append(slices.Clone(args), flag, value)
		}
	}

	var out, errs bytes.Buffer
	code := run(ctx, args, a.environ, strings.NewReader(""), &out, &errs)
	if code == 0 {
		return out.String()
	}

	return fmt.Sprintf("%s\nexit code %d\n%s", out.String(), code, errs.String())
}

// metricsText is what the owner of the home says of itself, or that there is none.
func (a *app) metricsText(ctx context.Context) string {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err.Error()
	}

	c, err := a.dial(ctx, s)
	if err != nil {
		return err.Error()
	}
	defer c.Close()

	text, err := c.Metrics(ctx)
	if err != nil {
		return err.Error()
	}

	return text
}

// knownSecrets are those that this user has at hand.
func (a *app) knownSecrets(home config.Home) []string {
	known := []string{a.getenv("APS_CLIENT_SECRET")}
	if data, err := os.ReadFile(home.AddrFile()); err == nil {
		_, token, _ := strings.Cut(string(data), "\n")
		known = append(known, strings.TrimSpace(token))
	}

	s, err := a.setup(config.Settings{})
	if err != nil {
		return known
	}

	known = append(known, s.file.Notify.Secret())
	if n := s.file.Notify; n != nil {
		known = append(known, n.URL)
	}

	acc, err := s.account(s.profile)
	if err != nil {
		return known
	}

	known = append(known, acc.ClientSecret.Reveal())
	if acc.Stored {
		if set, err := a.vault(home).Load(s.profile, acc.BaseURL); err == nil {
			known = append(known, set.ClientSecret, set.RefreshToken, set.PrivateKey)
		}
	}

	return known
}

// endOf is the end of a file, from a whole line on.
func endOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}

	from := max(0, info.Size()-lastLines)
	data, err := io.ReadAll(io.NewSectionReader(f, from, lastLines))
	text := string(data)
	if from > 0 {
		_, text, _ = strings.Cut(text, "\n")
	}

	return text, err
}
