package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
)

// transferFlags are the flags that push, pull and resume share.
type transferFlags struct {
	settings    config.Settings
	dryRun      bool
	detach      bool
	force       bool
	ahead       bool // only tell what will be done when
	until       string
	maxDuration string
	stats       string
	orderBy     string
	maxTransfer string
	cutoff      string
}

// addEngine adds the flags that drive the engine; they are keys of config.toml too.
func (t *transferFlags) addEngine(f *pflag.FlagSet) {
	f.StringVar(&t.settings.Checksum, "checksum", "",
		"compare the MD5 of parts with their ETags: auto (not on links faster than 100 MiB/s), always or "+
			"never")
	f.StringVar(&t.settings.Acceleration, "acceleration", "", "accelerated upload addresses: auto or off")
	f.Var(numberFlag{&t.settings.Transfers}, "transfers", "files at once")
	f.StringVar(&t.settings.PartSize, "part-size", "",
		"size of an upload's parts, 5M to 5G (default: by the size of the file)")
	f.Var(numberFlag{&t.settings.Parts}, "parts", "parts in flight over all files")
	f.StringVar(&t.settings.ReceiptSHA256, "receipt-sha256", "",
		"SHA-256 of the whole file in its receipt, for which it is read once more: always or never "+
			"(default never)")
	f.Var(numberFlag{&t.settings.MaxDelete}, "max-delete",
		"remote files that a watch with delete = \"hide\" may hide within ten minutes "+
			"(default 10 %, at most 50)")
	f.StringVar(&t.settings.BWLimit, "bwlimit", "",
		"bandwidth as rclone writes it: 10M, 10M:1M (up and down), or a timetable \"08:00,512k 19:00,off\"")
}

// numberFlag leaves the pointer nil when absent, so that an explicit 0 is rejected.
type numberFlag struct{ n **int }

func (numberFlag) Type() string { return "int" }

func (f numberFlag) String() string {
	if f.n == nil || *f.n == nil {
		return ""
	}

	return strconv.Itoa(**f.n)
}

func (f numberFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("not a number")
	}

	*f.n = &n

	return nil
}

// addFilterFlags adds the flags that choose files.
func addFilterFlags(f *pflag.FlagSet, s *config.Settings) {
	f.StringArrayVar(&s.Exclude, "exclude", nil, "leave out what matches, as in .gitignore; may be repeated")
	f.StringArrayVar(&s.Include, "include", nil, "take only what matches; may be repeated")
	f.StringVar(&s.ExcludeFrom, "exclude-from", "", "file with patterns to leave out, one a line")
	f.StringVar(&s.MinSize, "min-size", "", "leave out smaller files, such as 1K")
	f.StringVar(&s.MaxSize, "max-size", "", "leave out larger files, such as 20G")
	f.StringVar(&s.MinAge, "min-age", "", "leave out files changed less than this ago, such as 15m")
	f.StringArrayVar(&s.ExcludeIfPresent, "exclude-if-present", nil,
		"leave out folders that hold a file of this name; may be repeated")
	addSwitch(f, "exclude-caches", "leave out folders with a CACHEDIR.TAG", &s.ExcludeCaches)
	addSwitch(f, "one-file-system", "leave out what is mounted below a folder", &s.OneFileSystem)
}

// addSwitch adds a flag that is not set when it is not given: false is a value too, over that of a
// file.
func addSwitch(f *pflag.FlagSet, name, usage string, to **bool) {
	f.BoolFunc(name, usage, func(text string) error {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("neither true nor false")
		}

		*to = &on

		return nil
	})
}

func addMapNames(f *pflag.FlagSet, s *config.Settings) {
	addSwitch(f, "map-names", "store names that the service refuses under a similar name", &s.MapNames)
}

// addStats adds the flag that says how often progress is printed.
func (t *transferFlags) addStats(f *pflag.FlagSet) {
	f.StringVar(&t.stats, "stats", "",
		"print a line of progress with the time this often, such as 30s, also on a terminal; with "+
			"--json one of JSON too, between the results; 0: none")
}

// statsEvery is the time between two lines of progress, as [progress.New] takes it.
func (t *transferFlags) statsEvery() (time.Duration, error) {
	switch t.stats {
	case "":
		return 0, nil
	case "0":
		return -1, nil
	}

	d, err := config.ParseDuration(t.stats)
	if err != nil {
		return 0, &config.Error{Key: "--stats", Msg: err.Error()}
	}

	return d, nil
}

// addTime adds the flags that end a command before its work is done.
func (t *transferFlags) addTime(f *pflag.FlagSet) {
	f.StringVar(&t.until, "until", "", "stop at this time of day, HH:MM; what is left is kept")
	f.StringVar(&t.maxDuration, "max-duration", "", "stop after this long, such as 2h; what is left is kept")
}

func (t *transferFlags) addAll(cmd *cobra.Command) {
	f := cmd.Flags()
	t.addEngine(f)
	addFilterFlags(f, &t.settings)
	t.addTime(f)
	t.addStats(f)
	f.BoolVarP(&t.dryRun, "dry-run", "n", false, "say what would be done and do nothing")
	f.BoolVar(&t.detach, "detach", false, "hand it to the running daemon and do not wait")
	f.BoolVar(&t.force, "force", false, "transfer what is unchanged too")
	f.StringVar(&t.orderBy, "order-by", "",
		"begin with these files: size, name or modtime, and after a comma ascending, descending or mixed")
	f.StringVar(&t.maxTransfer, "max-transfer", "",
		"begin no file after so many bytes, such as 50G (exit 7); \"hoist resume\" goes on")
	f.StringVar(&t.cutoff, "cutoff-mode", "soft",
		"at --max-transfer: soft (the file that passes it still goes) or cautious (it waits)")
	completeValues(cmd, "cutoff-mode", "soft", "cautious")
	completeValues(cmd, "order-by", "size", "size,descending", "size,mixed", "name",
		"name,descending", "modtime", "modtime,descending")
}

// most is the limit of --max-transfer in bytes, 0: none, and whether no file may pass it. It checks
// --order-by too.
func (t *transferFlags) most() (limit int64, cautious bool, err error) {
	if err := owner.Order(t.orderBy); err != nil {
		return 0, false, &config.Error{Key: "--order-by", Msg: err.Error()}
	}

	switch t.cutoff {
	case "", "soft", "cautious": // "": of a command without the flag
	default:
		return 0, false, problem.Usagef("--cutoff-mode %q is neither soft nor cautious", t.cutoff)
	}

	if t.maxTransfer == "" {
		return 0, false, nil
	}

	if limit, err = config.ParseSize(t.maxTransfer); err != nil || limit <= 0 {
		return 0, false,
			&config.Error{Key: "--max-transfer", Msg: fmt.Sprintf("%q is no size", t.maxTransfer)}
	}

	return limit, t.cutoff == "cautious", nil
}

// end is the time that the flags give; zero: none. It refuses flags that contradict one another.
func (t *transferFlags) end() (end time.Time, err error) {
	if t.detach && (t.dryRun || t.until != "" || t.maxDuration != "") {
		return end, problem.Usagef("--detach hands the work over and ends: it goes with none of " +
			"--dry-run, --forecast, --until and --max-duration")
	}

	if t.until != "" {
		at, err := config.NextClock(t.until, time.Now())
		if err != nil {
			return end, &config.Error{Key: "--until", Msg: err.Error()}
		}

		end = at
	}

	if t.maxDuration != "" {
		d, err := config.ParseDuration(t.maxDuration)
		if err != nil {
			return end, &config.Error{Key: "--max-duration", Msg: err.Error()}
		}

		if at := time.Now().Add(d); end.IsZero() || at.Before(end) {
			end = at
		}
	}

	return end, nil
}

// bound ends a context at the time that the flags give; what is only looked at takes none of it.
func (t *transferFlags) bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	end, err := t.end()
	if err != nil {
		return nil, nil, err
	}

	if end.IsZero() || t.ahead {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}

	ctx, cancel := context.WithDeadlineCause(ctx, end, errTimeUp)

	return ctx, cancel, nil
}

// errTimeUp is why a command ends whose time is over.
var errTimeUp = fail(problem.TimeUp, errors.New("the time is up before everything was done"), "")
