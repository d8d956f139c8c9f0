package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer/remote"
)

const (
	// completeFresh is how long names that were listed are offered without a look.
	completeFresh = 10 * time.Minute
	// completeWithin is how long a look may take; then older names are offered.
	completeWithin = 2 * time.Second
	// completeMost is how many names are offered: nobody picks from more.
	completeMost = 2000
)

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// flagValues are the words that some flags take, wherever they are.
var flagValues = map[string][]string{
	"acceleration": {"auto", "off"}, "checksum": {"auto", "always", "never"},
	"limits": {"documented", "server"}, "log-format": {"text", "json"}, "receipt-sha256": {"always", "never"},
}

// completeFlags gives the flags of a command and of those below it what completes them.
func completeFlags(c *cobra.Command) {
	for name, values := range flagValues {
		if c.LocalFlags().Lookup(name) != nil {
			completeValues(c, name, values...)
		}
	}

	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
}

// completeArgs gives the commands what completes their arguments.
func (a *app) completeArgs(root *cobra.Command) {
	completeFlags(root)
	by := map[string]completion{}
	for kind, names := range map[string]string{
		"remote": "ls tree stat versions url rm mv restore size cat mkdir push pull copyto " +
			"verify preflight add selftest",
		"job": "job pause resume retry cancel wait", "watch": "conflicts"} {
		for name := range strings.FieldsSeq(names) {
			by[name] = map[string]completion{"remote": a.completeRemote, "job": a.completeJob,
				"watch": a.completeWatch}[kind]
		}
	}

	for _, c := range root.Commands() {
		sub := c.Commands()
		if c.Name() != "watch" {
			sub = []*cobra.Command{c}
		}

		for _, c := range sub {
			f := by[c.Name()]
			if c.HasParent() && c.Parent().Name() == "watch" && c.Name() != "add" {
				f = a.completeWatch
			}

			if f != nil && c.ValidArgsFunction == nil {
				c.ValidArgsFunction = f
			}
		}
	}
}

// completeRemote completes an address; what is none may be a local path.
func (a *app) completeRemote(cmd *cobra.Command, _ []string, typed string) ([]string,
	cobra.ShellCompDirective) {
	scheme, rest, ok := strings.Cut(typed, "://")
	if !ok {
		if typed != "" && !strings.HasPrefix("aps", scheme) && !strings.HasPrefix("oss", scheme) {
			return nil, cobra.ShellCompDirectiveDefault
		}

		return []string{"aps://", "oss://"}, cobra.ShellCompDirectiveNoSpace
	}

	parent := typed[:len(typed)-len(rest)] + rest[:strings.LastIndexByte(rest, '/')+1]
	names, err := a.namesBelow(cmd.Context(), parent, strings.TrimPrefix(typed, parent))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}

	for i, n := range names {
		names[i] = parent + n
	}

	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// namesBelow are the names in a place that begin with what was typed, as they are written in an
// address; of folders with their slash. They come from the home when they were listed a moment ago.
func (a *app) namesBelow(ctx context.Context, parent, begin string) ([]string, error) {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return nil, err
	}

	file := a.listingFile(s, parent)
	names, age, err := readNames(file, begin)
	if err == nil && age < completeFresh {
		return names, nil
	}

	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()

	listed, lookErr := a.listNames(ctx, parent)
	if lookErr != nil {
		return names, err // older names are better than none
	}

	if err := s.home.Ensure(); err == nil {
		if err := os.MkdirAll(s.home.Listings(), 0o700); err == nil {
			_ = config.WriteFile(file, []byte(strings.Join(listed, "\n")+"\n")) // else it is listed again
		}
	}

	return matching(slices.Values(listed), begin), nil
}

// listingFile is where the names of a place are kept.
func (a *app) listingFile(s *setup, parent string) string {
	sum := sha256.Sum256([]byte(s.profile + "\x00" + parent))
	return filepath.Join(s.home.Listings(), hex.EncodeToString(sum[:12]))
}

// readNames finds the names of a file that begin so; its lines are sorted, and of a hundred thousand
// only some are read.
func readNames(file, begin string) (names []string, age time.Duration, err error) {
	const block = 4 << 10

	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()

	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}

	// from reads from the first line that begins in a block, or after it.
	from := func(i int) *bufio.Reader {
		at := int64(i) * block
		r := bufio.NewReader(io.NewSectionReader(f, at, info.Size()-at))
		if i > 0 {
			_, _ = r.ReadString('\n') // a failure is found by whoever reads on
		}

		return r
	}
	after := sort.Search(int(info.Size()/block)+1, func(i int) bool {
		line, err := from(i).ReadString('\n')
		return err != nil || line >= begin
	})
	r := from(max(after-1, 0))

	var bad error
	names = matching(func(yield func(string) bool) {
		for bad == nil {
			var line string
			if line, bad = r.ReadString('\n'); line != "" && !yield(line) {
				return
			}
		}
	}, begin)
	if bad != nil && !errors.Is(bad, io.EOF) {
		return nil, 0, bad
	}

	return names, time.Since(info.ModTime()), nil
}

// matching are the names that begin so, of sorted ones, as many as are offered.
func matching(sorted iter.Seq[string], begin string) []string {
	var out []string
	for name := range sorted {
		name = strings.TrimSuffix(name, "\n")
		switch {
		case strings.HasPrefix(name, begin) && name != "":
			out = append(out, name)
		case name > begin:
			return out
		}

		if len(out) == completeMost {
			return out
		}
	}

	return out
}

// listNames lists a place.
func (a *app) listNames(ctx context.Context, parent string) ([]string, error) {
	address, err := remote.ParseAddress(strings.TrimSuffix(parent, "/"))
	if scheme, rest, _ := strings.Cut(parent, "://"); rest == "" {
		address, err = remote.Address{Scheme: scheme}, nil
	}

	if err != nil {
		return nil, err
	}

	r, done, err := a.resolver(ctx)
	if err != nil {
		return nil, err
	}
	defer done()

	place, err := r.Resolve(ctx, address)
	if err != nil && address.OSS() {
		place, err = r.ResolveFolder(ctx, address)
	}

	if err != nil {
		return nil, err
	}

	seen := map[string]bool{}
	for e, err := range r.List(ctx, place) {
		if err != nil {
			return nil, err
		}

		name := e.Name
		if e.Type == remote.KindObject { // the next step of its key
			name, _, _ = strings.Cut(strings.TrimPrefix(e.Place.Key, place.Key), "/")
			if strings.Contains(strings.TrimPrefix(e.Place.Key, place.Key), "/") {
				seen[written(name)+"/"] = true
				continue
			}
		}

		if name = written(name); isContainer(e.Type) {
			name += "/"
		}

		seen[name] = true
	}

	names := make([]string, 0, len(seen))
	for n := range seen {
		if printable(n) == n { // what cannot be typed is not offered
			names = append(names, n)
		}
	}

	slices.Sort(names)

	return names, nil
}

// written is a name as a step of an address.
func written(name string) string {
	return strings.TrimPrefix(remote.Address{Scheme: remote.SchemeAPS, Steps: []string{name}}.String(),
		"aps://")
}

func (a *app) completeJob(cmd *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return nil, directive(err)
	}

	if _, err := os.Stat(s.home.StateFile()); err != nil { // a look makes no home
		return nil, directive(nil)
	}

	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()

	var out []string
	err = a.with(ctx, "completion", func(api control.API) error {
		for j, err := range eachJob(ctx, api, control.JobQuery{Newest: true}) {
			if err != nil || len(out) == completeMost {
				return err
			}

			if strings.HasPrefix(j.ID, begin) {
				out = append(out, j.ID+"\t"+string(j.State)+" "+printable(filepath.Base(j.Path)))
			}
		}

		return nil
	})

	return out, directive(err)
}

func (a *app) completeWatch(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return nil, directive(err)
	}

	var out []string
	for _, w := range s.file.Watch {
		if strings.HasPrefix(w.ID, begin) {
			out = append(out, w.ID+"\t"+printable(w.Path))
		}
	}

	return out, directive(nil)
}

func directive(err error) cobra.ShellCompDirective {
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return cobra.ShellCompDirectiveError
	}

	return cobra.ShellCompDirectiveNoFileComp
}
