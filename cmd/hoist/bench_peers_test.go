package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// peer is a program that hoist is measured beside. What is neither in the PATH nor in the cache folder
// (HOIST_BENCH_TOOLS, else hoist-bench below the user's) is built there once, from its module.
type peer struct {
	name, module, version string
	up, down              func(server, from, to string) []string // arguments
}

var peers = []peer{
	{
		name: "s5cmd", module: "github.com/peak/s5cmd/v2", version: "v2.3.0",
		up: func(server, from, to string) []string {
			return s5cmdArgs(server, from+"/", "s3://"+to+"/")
		},
		down: func(server, from, to string) []string {
			return s5cmdArgs(server, "s3://"+from+"/*", to+"/")
		},
	},
	{
		name: "rclone", module: "github.com/rclone/rclone", version: "v1.71.0",
		up: func(server, from, to string) []string {
			return rcloneArgs(server, from, ":s3:"+to, "--s3-no-head", "--no-traverse", "--ignore-times")
		},
		down: func(server, from, to string) []string { return rcloneArgs(server, ":s3:"+from, to) },
	},
}

func s5cmdArgs(server, from, to string) []string {
	return []string{"--no-verify-ssl", "--log", "error", "--endpoint-url", server, "cp", from, to}
}

func rcloneArgs(server, from, to string, more ...string) []string {
	return append([]string{"copy", from, to, "--no-check-certificate", "--stats=0", "-q", "--retries", "1",
		"--transfers", "32", "--checkers", "32", "--s3-provider", "Other", "--s3-env-auth",
		"--s3-region", "us-east-1", "--s3-no-check-bucket", "--s3-endpoint", server}, more...)
}

// BenchmarkPeers compares many small files, sent and fetched, with rclone and s5cmd, in turn. They make
// one call a file, to a server that keeps it in memory; hoist and the bare loop make the calls of APS, to
// the emulator, in batches. The medians of the rounds are told (-benchtime 5x: of five) with their ratio
// to the bare loop, and HOIST_BENCH_FILES chooses how many files of 1 KiB (default 2,000); those of 256
// KiB are a fifth.
func BenchmarkPeers(b *testing.B) {
	b.Run("1KiB", func(b *testing.B) { benchPeers(b, benchFiles(b), 1<<10) })
	b.Run("256KiB", func(b *testing.B) { benchPeers(b, benchFiles(b)/5, 256<<10) })
}

// contestant is one column of the comparison; a nil down has none.
type contestant struct {
	name     string
	up, down func(round string) cost
	sent     []cost // by round
	fetched  []cost
}

func benchPeers(b *testing.B, files, size int) {
	dir := smallFiles(b, files, size)
	all := append(apsContestants(b, dir), s3Contestants(b, dir)...)
	for rounds := 0; b.Loop(); rounds++ {
		round := fmt.Sprintf("peers-%d-%d", size, rounds)
		for _, c := range all {
			c.sent = append(c.sent, c.up(round))
			if c.down != nil {
				c.fetched = append(c.fetched, c.down(round))
			}
		}
	}

	bare := all[0].sent
	b.Logf("%d files of %d bytes, medians of %d rounds, %d cores, %s %s", files, size, len(bare),
		runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)

	for _, c := range all {
		b.Logf("| %s | %s | %.2f of the bare loop | fetched: %s |", c.name, row(c.sent, files),
			median(len(bare), func(i int) float64 {
				return bare[i].wall.Seconds() / c.sent[i].wall.Seconds()
			}),
			row(c.fetched, files))
		b.ReportMetric(median(len(c.sent), func(i int) float64 { return msOf(c.sent[i], files) }),
			c.name+"-cpu-ms/file")
	}

	b.ReportMetric(0, "ns/op") // says nothing here
}

// row is what a file cost, as the table of the documents has it.
func row(rounds []cost, files int) string {
	if len(rounds) == 0 {
		return "-"
	}

	return fmt.Sprintf("%.0f files/s, %.2f ms of CPU, peak %.0f MiB",
		median(len(rounds), func(i int) float64 { return float64(files) / rounds[i].wall.Seconds() }),
		median(len(rounds), func(i int) float64 { return msOf(rounds[i], files) }),
		median(len(rounds), func(i int) float64 { return float64(rounds[i].peak) / (1 << 20) }))
}

func msOf(c cost, files int) float64 { return 1e3 * c.cpu.Seconds() / float64(files) }

func median(n int, of func(i int) float64) float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = of(i)
	}

	slices.Sort(values)

	return values[n/2]
}

// apsContestants are the bare loop, which comes first, and hoist.
func apsContestants(b *testing.B, dir string) []*contestant {
	aps := startEmulator(b)

	return []*contestant{
		{name: "bare", up: func(round string) cost { return aps.measure(b, "bare-small", dir, round) }},
		{
			name: "hoist",
			up: func(round string) cost {
				return aps.measure(b, "hoist", "push", "-q", "--limits", "server", dir+"/",
					"oss://"+round+"/hoist")
			},
			down: func(round string) cost {
				return aps.measure(b, "hoist", "pull", "-q", "--limits", "server", "oss://"+round+"/hoist/",
					filepath.Join(b.TempDir(), "pulled"))
			},
		},
	}
}

// s3Contestants are the peers that are there; of the others it says why not.
func s3Contestants(b *testing.B, dir string) (out []*contestant) {
	server := startMemoryS3(b)
	env := emulatorProcess{env: map[string]string{"AWS_ACCESS_KEY_ID": "bench",
		"AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1", "RCLONE_CONFIG": os.DevNull}}

	for _, p := range peers {
		path, err := p.find(b.Context())
		if err != nil {
			b.Logf("%s is not compared: %v", p.name, err)
			continue
		}

		out = append(out, &contestant{
			name: p.name,
			up: func(round string) cost {
				return env.measure(b, path, p.up(server.URL, dir, "bench/"+p.name+"-"+round)...)
			},
			down: func(round string) cost {
				return env.measure(b, path, p.down(server.URL, "bench/"+p.name+"-"+round, b.TempDir())...)
			},
		})
	}

	return out
}

// find returns the path of the program.
func (p peer) find(ctx context.Context) (string, error) {
	if path, err := exec.LookPath(p.name); err == nil {
		return path, nil
	}

	cache := os.Getenv("HOIST_BENCH_TOOLS")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("not installed, and no folder to build it in: %w", err)
		}

		cache = filepath.Join(dir, "hoist-bench")
	}

	path := filepath.Join(cache, p.name+"-"+p.version)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}

	if _, err := os.Stat(path); err == nil {
		return path, nil
	}

	return path, p.build(ctx, path)
}

// build makes the program of its module alone, so that nothing of it comes into this one.
func (p peer) build(ctx context.Context, path string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "hoist-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	for _, args := range [][]string{
		{"mod", "init", "bench"},
		{"mod", "edit", "-require", p.module + "@" + p.version},
		{"build", "-mod=mod", "-o", path, p.module},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			said := strings.TrimSpace(string(out))
			last := said[strings.LastIndexByte(said, '\n')+1:]

			return fmt.Errorf("not installed, and go %s failed: %s", args[0], cmp.Or(last, err.Error()))
		}
	}

	return nil
}
