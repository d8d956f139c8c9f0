package main

import (
	"context"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/transfer/remote"
)

// sizes are what size prints.
type sizes struct {
	Remote  string `json:"remote"`
	Files   int64  `json:"files"`
	Bytes   int64  `json:"bytes"`
	Unknown int64  `json:"unknown,omitempty"` // files whose size the service does not tell
}

func newSizeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "size REMOTE",
		Short: "Count the files below a remote and their bytes",
		Long: `size counts the files at and below REMOTE and the bytes of their newest versions.
It lists every folder once.`,
		Example: "  hoist size \"aps://My Account/My Project/Project Files\"\n" +
			"  hoist size oss://my-bucket --jq .bytes",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.size(cmd.Context(), args[0]) },
	}
}

func (a *app) size(ctx context.Context, address string) error {
	l, err := a.look(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()

	sum := sizes{Remote: l.place.Address.String()}
	if err := sum.add(ctx, l.Resolver, l.place); err != nil {
		return err
	}

	if a.flags.json {
		return a.printJSON(sum)
	}

	a.printf("%s, %s (%d bytes)\n", count(int(sum.Files), "file", "files"),
		humanize.IBytes(uint64(sum.Bytes)), sum.Bytes)
	if sum.Unknown > 0 {
		a.printf("%s of unknown size not counted\n", count(int(sum.Unknown), "file", "files"))
	}

	return nil
}

func (s *sizes) add(ctx context.Context, r *remote.Resolver, p remote.Place) error {
	for e, err := range r.List(ctx, p) {
		if err != nil {
			return err
		}

		switch {
		case isContainer(e.Type):
			if err := s.add(ctx, r, e.Place); err != nil {
				return err
			}
		case e.Size < 0:
			s.Files++
			s.Unknown++
		default:
			s.Files++
			s.Bytes += e.Size
		}
	}

	return nil
}
