package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set by the linker for a release: -X main.release=1.2.3.
var release string

// version names this build: the release, else the revision that the go command recorded, else
// "dev".
func version() string {
	if release != "" {
		return release
	}

	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}

	return describeBuild(info)
}

func describeBuild(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}

	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}

		return ""
	}
	revision := setting("vcs.revision")
	if revision == "" {
		return "dev"
	}

	name := "dev-" + revision[:min(12, len(revision))]
	if setting("vcs.modified") == "true" {
		name += "-modified"
	}

	return name
}

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	if a.flags.json {
		return a.printJSON(struct {
			Version string `json:"version"`
			Go      string `json:"go"`
			OS      string `json:"os"`
			Arch    string `json:"arch"`
		}{version(), runtime.Version(), runtime.GOOS, runtime.GOARCH})
	}

	a.printf("hoist %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)

	return nil
}
