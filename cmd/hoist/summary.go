package main

import (
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
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
	Calls      *int64  `json:"calls,omitempty"` // of the service; absent when another process made them

	Forecast *control.Forecast `json:"forecast,omitempty"` // of a push that is only looked at

	began   time.Time
	foreign bool // another process did a part of the work
	muted   bool // standard output carries the content of a file
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

// owner adds the calls of this process as the owner of the home; nil: another one made them.
func (s *summary) owner(own *owner.Owner) {
	switch {
	case own == nil:
		s.foreign = true
	case s.Calls == nil:
		s.Calls = new(own.Calls())
	default:
		*s.Calls += own.Calls()
	}
}

// stream adds the calls of a stream, unless the owner of the home made them.
func (s *summary) stream(st *streamer) {
	if n := st.client.Calls(); n > 0 {
		s.Calls = new(n)
	}
}

// sumsUp marks a command that ends with a summary.
var sumsUp = map[string]string{"ends-with": "summary"}

// printSummary ends a command that has one, whatever became of it, with its last line of JSON.
func (a *app) printSummary(cmd *cobra.Command, args []string) error {
	asked := a.flags.json || slices.Contains(args, "--json") // also when they were not understood
	helped, _ := cmd.Flags().GetBool("help")
	if cmd.Annotations["ends-with"] == "" || !asked || helped || a.sum.muted {
		return nil
	}

	s := a.sum
	s.Seconds = math.Round(time.Since(s.began).Seconds()*1000) / 1000
	if s.foreign {
		s.Calls = nil
	}

	return a.printJSON(map[string]summary{"summary": s})
}
