package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"hoist/apsclient/emulator"
)

// Config says what to run and where to say it.
type Config struct {
	Binary  string   // path of hoist itself
	Environ []string // of the children, but for APS_*, HOIST_* and SSL_CERT_FILE
	Out     io.Writer
	Large   int64 // size of the large drawing in bytes; at least MinLarge
}

// Sizes of the large drawing. Below MinLarge it has too few parts to be killed in the middle.
const (
	DefaultLarge = 320 << 20
	MinLarge     = 8 * partSize
)

const (
	partSize  = 5 << 20 // the smallest that S3 takes: many parts in little time
	inFlight  = 4       // parts in flight over all files
	patience  = 100 * time.Second
	pollEvery = 100 * time.Millisecond
)

// config is the config.toml of the demonstration's home.
var config = fmt.Sprintf("# made by hoist demo\nparts = %d\npart-size = \"%dM\"\n", inFlight, partSize>>20)

// errPatience is the cause when the demonstration takes longer than it ever should.
var errPatience = fmt.Errorf("the demonstration was not done after %v", patience)

// Run runs the demonstration and returns nil when every claim held. It leaves nothing behind.
func Run(ctx context.Context, c Config) (err error) {
	if c.Large < MinLarge {
		return fmt.Errorf("a large drawing of %d bytes: at least %d are needed to kill in the middle",
			c.Large, MinLarge)
	}

	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	dir, err := os.MkdirTemp("", "hoist-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}

	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	r := &run{out: c.Out, dir: dir, started: time.Now(), drawings: set(c.Large), editions: map[string]int{}}
	aps, err := emulator.New(emulator.Config{Dir: r.path("cloud"), Limits: true})
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, aps.Close()) }()
	listener, err := aps.Listen("127.0.0.1:0", true)
	if err != nil {
		return err
	}

	r.aps, r.remote = aps, aps.DemoRemote()+"/Drawings"
	r.hoist = hoist{binary: c.Binary, env: append(cleanEnv(c.Environ),
		"APS_BASE_URL="+listener.BaseURL, "APS_CLIENT_ID="+emulator.DefaultClientID,
		"APS_CLIENT_SECRET="+emulator.DefaultClientSecret,
		"SSL_CERT_FILE="+listener.CertFile, "HOIST_HOME="+r.path("home"))}
	defer func() {
		if r.daemon != nil {
			err = errors.Join(err, r.daemon.kill())
		}
	}()

	for _, step := range []func(context.Context) error{r.makeDrawings, r.watch, r.edit, r.killInMidPart,
		r.resume, r.pull, r.end} {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}

			return err
		}
	}

	return nil
}

// run is one demonstration. Only its own goroutine uses it.
type run struct {
	out      io.Writer
	dir      string
	started  time.Time
	drawings []drawing
	editions map[string]int // how many states of each drawing were saved
	aps      *emulator.Server
	remote   string
	hoist    hoist
	daemon   *daemon
	stalled  *stalls
}

func (r *run) path(name string) string { return filepath.Join(r.dir, name) }

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.out, "%5.1fs  %s\n", time.Since(r.started).Seconds(), fmt.Sprintf(format, args...))
}

func (r *run) makeDrawings(context.Context) error {
	var total int64
	for _, d := range r.drawings {
		if err := r.save(d); err != nil {
			return err
		}

		total += d.size
	}

	for _, name := range litter {
		if err := os.WriteFile(filepath.Join(r.path("drawings"), name), []byte("of no interest to anybody"),
			0o644); err != nil {
			return err
		}
	}

	r.say("made %d drawings, %s in all, one of %s, and %d files that CAD programs leave behind",
		len(r.drawings), humanize.IBytes(uint64(total)), humanize.IBytes(uint64(r.large().size)), len(litter))

	return nil
}

func (r *run) large() drawing { return r.drawings[len(r.drawings)-1] }

// save writes the next edition of a drawing.
func (r *run) save(d drawing) error {
	r.editions[d.name]++
	return d.save(r.path("drawings"), r.editions[d.name])
}

func (r *run) watch(ctx context.Context) error {
	home := r.path("home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}

	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(config), 0o600); err != nil {
		return err
	}

	if _, err := r.hoist.run(ctx, "watch", "add", r.path("drawings"), r.remote, "--settle",
		"1s"); err != nil {
		return err
	}

	r.say("watching the folder: hoist watch add drawings %q", r.remote)
	if err := r.start(); err != nil {
		return err
	}

	if err := r.synced(ctx); err != nil {
		return err
	}

	r.say("the daemon has published every drawing, each as version 1")

	return nil
}

func (r *run) start() (err error) {
	r.daemon, err = r.hoist.startDaemon()
	return err
}

// synced waits until the cloud holds as many versions of each drawing as editions were saved and
// the daemon says that nothing is left to do, then checks that there is not one version more.
func (r *run) synced(ctx context.Context) error {
	for {
		versions, extra := r.versions()
		if len(extra) > 0 {
			return fmt.Errorf("the cloud holds what it should not: %q", extra)
		}

		if missing := r.missing(versions); missing == "" {
			rest, err := r.rest(ctx)
			if err != nil {
				return err
			}

			if rest == 0 {
				break
			}
		}

		if err := r.daemon.gone(); err != nil {
			return err
		}

		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; still missing: %s; the daemon said: %s", context.Cause(ctx),
				r.missing(versions), r.daemon.said)
		case <-time.After(pollEvery):
		}
	}

	versions, _ := r.versions()
	for name, n := range versions {
		if n != r.editions[name] {
			return fmt.Errorf("%s has %d versions, but %d states of it were saved", name, n, r.editions[name])
		}
	}

	return nil
}

// versions counts the versions of each drawing in the cloud; extra are items that no drawing
// belongs to.
func (r *run) versions() (counts map[string]int, extra []string) {
	counts = map[string]int{}
	for _, item := range r.aps.Items() {
		name, ok := strings.CutPrefix(item.Path, "Project Files/Drawings/")
		if !ok || r.editions[name] == 0 {
			extra = append(extra, item.Path)
			continue
		}

		counts[name] = len(item.Versions)
	}

	return counts, extra
}

func (r *run) missing(versions map[string]int) string {
	for _, d := range r.drawings {
		if versions[d.name] < r.editions[d.name] {
			return fmt.Sprintf("version %d of %s", r.editions[d.name], d.name)
		}
	}

	return ""
}

// rest asks the daemon how many files of the watch are not in sync.
func (r *run) rest(ctx context.Context) (int, error) {
	out, err := r.hoist.run(ctx, "status", "--json")
	if err != nil {
		return 0, err
	}

	var status struct {
		Watches []struct{ Files, Synced, Pending, Attention int }
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return 0, fmt.Errorf("read status --json: %w", err)
	}

	if len(status.Watches) != 1 {
		return 0, fmt.Errorf("status lists %d watches, one was added", len(status.Watches))
	}

	w := status.Watches[0]
	if w.Files != w.Synced+w.Pending+w.Attention {
		return 0, fmt.Errorf("status counts %d files, but %d synced, %d pending and %d that need attention",
			w.Files, w.Synced, w.Pending, w.Attention)
	}

	return w.Pending + w.Attention + len(r.drawings) - w.Files, nil
}

func (r *run) edit(context.Context) error {
	r.stallLarge()

	edited := []drawing{r.drawings[0], r.drawings[3], r.large()}
	for _, d := range edited {
		if err := r.save(d); err != nil {
			return err
		}
	}

	r.say("saved over %s, %s and %s", edited[0].name, edited[1].name, edited[2].name)

	return nil
}

func (r *run) pull(ctx context.Context) error {
	if _, err := r.hoist.run(ctx, "pull", r.remote, r.path("back")); err != nil {
		return err
	}

	// the marker of the watch stays here
	files, size, err := compare(r.path("drawings"), r.path("back"),
		append([]string{".hoist-root"}, litter...))
	if err != nil {
		return err
	}

	r.say("pulled everything into another folder: %d files, %s, every byte the same", files,
		humanize.IBytes(uint64(size)))

	return nil
}

func (r *run) end(context.Context) error {
	d := r.daemon
	r.daemon = nil
	if err := d.stop(10 * time.Second); err != nil {
		return err
	}

	r.say("done: every drawing is in the cloud as exactly one whole version for each time it was saved")

	return nil
}
