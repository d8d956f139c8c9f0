package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
)

// summary is what a push, pull or resume came to; with --json it is their last line.
type summary struct {
	Files      int     `json:"files"`
	Created    int     `json:"created"`
	Versioned  int     `json:"versioned"`
	Unchanged  int     `json:"unchanged"`
	Downloaded int     `json:"downloaded"`
	Attention  int     `json:"attention"`
	Bytes      int64   `json:"bytes"`           // moved
	Seconds    float64 `json:"seconds"`         // of the command
	Calls      *int64  `json:"calls,omitempty"` // of the service; absent when who made them does not say

	Forecast *control.Forecast `json:"forecast,omitempty"` // of a push that is only looked at

	began  time.Time
	others []*control.Client // that did a part of the work
	muted  bool              // standard output carries the content of a file
}

// result counts a file.
func (s *summary) result(result string, bytes *int64) {
	switch result {
	case control.ResultCreated:
		s.Created++
	case control.ResultVersioned:
		s.Versioned++
	case control.ResultUnchanged:
		s.Unchanged++
	case control.ResultDownloaded:
		s.Downloaded++
	case control.ResultAttention:
		s.Attention++
	}

	if bytes != nil && slices.Contains([]string{control.ResultCreated, control.ResultVersioned,
		control.ResultDownloaded}, result) {
		s.Bytes += *bytes
	}
}

// add counts calls that this process made.
func (s *summary) add(calls int64) {
	if s.Calls == nil {
		s.Calls = new(int64)
	}

	*s.Calls += calls
}

// count ends the counting of calls with those of other processes that did a part of the work.
func (s *summary) count() {
	// what was interrupted is told too
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	s.add(0)
	all, counted := true, map[string]bool{}
	for _, other := range s.others {
		if counted[other.Process()] {
			continue
		}

		n, known := other.Calls(ctx)
		s.add(n)
		other.Close()
		all, counted[other.Process()] = all && known, true
	}

	if !all {
		s.Calls = nil
	}
}

// text is the summary for people, of files of which so many were queued for others and are left.
func (s *summary) text(queued, left int) string {
	text := count(s.Files, "file", "files") + ": " + s.results(queued, left)
	if s.Bytes > 0 {
		text += fmt.Sprintf("; %s in %v", humanize.IBytes(uint64(s.Bytes)),
			time.Since(s.began).Round(100*time.Millisecond))
	}

	return text
}

// results are what became of how many files.
func (s *summary) results(queued, left int) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{s.Created, control.ResultCreated}, {s.Versioned, control.ResultVersioned},
		{s.Downloaded, control.ResultDownloaded}, {queued, resultQueued},
		{s.Unchanged, control.ResultUnchanged},
		{s.Attention, needs(s.Attention) + " attention"}, {left, "left"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}

	return cmp.Or(strings.Join(parts, ", "), "nothing")
}

// sumsUp marks a command that ends with a summary.
var sumsUp = map[string]string{"ends-with": "summary"}

// printSummary ends a command that has one, whatever became of it, with its last line of JSON.
func (a *app) printSummary(cmd *cobra.Command, args []string) error {
	asked := a.flags.json || slices.Contains(args, "--json") // also when they were not understood
	helped, _ := cmd.Flags().GetBool("help")
	if cmd.Annotations["ends-with"] == "" || !asked || helped {
		return nil
	}

	s := a.sum
	s.Seconds = math.Round(time.Since(s.began).Seconds()*1000) / 1000
	s.count()

	line := map[string]summary{"summary": s}
	if a.sum.muted {
		beside := *a
		beside.stdout = a.stderr

		return beside.printJSON(line)
	}

	return a.printJSON(line)
}
