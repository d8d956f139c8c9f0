package plots

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

var classes = []string{"oss", "post-items"}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string, classes []string) *Ring {
	t.Helper()
	r, err := Open(path, classes)
	if err != nil {
		t.Fatal(err)
	}

	return r
}

func add(t *testing.T, r *Ring, minutes ...Minute) {
	t.Helper()
	for _, m := range minutes {
		if err := r.Add(m); err != nil {
			t.Fatal(err)
		}
	}
}

func minutes(t *testing.T, r *Ring, since, now time.Time) []Minute {
	t.Helper()
	out, err := r.Minutes(since, now)
	if err != nil {
		t.Fatal(err)
	}

	return out
}

func at(n int) Minute {
	return Minute{Time: noon.Add(time.Duration(n) * time.Minute), Sent: int64(n) << 30, Received: 7,
		QueueAge: 90 * time.Second, Published: n, Calls: map[string]int{"post-items": 50}}
}

// TestMinutesStay: what was added is there after a restart, in its order, and no more than a week of it.
func TestMinutesStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plots.ring")
	r := open(t, path, classes)
	add(t, r, at(0), at(1), at(3))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	r = open(t, path, classes)
	defer r.Close()
	if got, want := minutes(t, r, noon, noon.Add(time.Hour)),
		[]Minute{at(0), at(1), at(3)}; !reflect.DeepEqual(
		got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}

	if got := minutes(t, r, noon.Add(time.Minute), noon.Add(2*time.Minute)); len(got) != 1 {
		t.Errorf("of two minutes: %+v", got)
	}

	add(t, r, at(slots+1)) // a week later, in the place of the second
	if got, want := minutes(t, r, time.Time{}, at(slots+1).Time),
		[]Minute{at(3), at(slots + 1)}; !reflect.DeepEqual(
		got, want) {
		t.Errorf("a week later: %+v, want %+v", got, want)
	}

	if info, err := os.Stat(path); err != nil || info.Size() != Size || Size > 2<<20 {
		t.Errorf("size %d of %d: %v", info.Size(), Size, err)
	}
}

// TestMinuteOfTwoProcesses: a restart within a minute adds to it.
func TestMinuteOfTwoProcesses(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "plots.ring"), classes)
	defer r.Close()
	add(t, r, at(1), Minute{Time: at(1).Time, Sent: 1, Published: 2, QueueAge: time.Hour,
		Calls: map[string]int{"oss": 3, "post-items": 1}})
	want := Minute{Time: at(1).Time, Sent: 1<<30 + 1, Received: 7, Published: 3, QueueAge: time.Hour,
		Calls: map[string]int{"oss": 3, "post-items": 51}}
	if got := minutes(t, r, noon, noon.Add(time.Hour)); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestTornWriteCostsItsMinute: whichever bytes of a slot did not reach the disk, the others stay, and the
// file goes on.
func TestTornWriteCostsItsMinute(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "plots.ring"), classes)
	defer r.Close()
	add(t, r, at(1), at(2), at(3))
	place := int64(headerSize) + at(2).Time.Unix()/60%slots*slotSize
	whole := r.encode(at(2))
	for cut := range slotSize {
		torn := slices.Clone(whole)
		clear(torn[cut:])
		if slices.Equal(torn, whole) {
			continue // what is missing is zeros in any case
		}

		if _, err := r.file.WriteAt(torn, place); err != nil {
			t.Fatal(err)
		}

		if got, want := minutes(t, r, noon, noon.Add(time.Hour)), []Minute{at(1), at(3)}; !reflect.DeepEqual(
			got, want) {
			t.Fatalf("cut after %d bytes: %+v", cut, got)
		}

		add(t, r, at(2))
		if got := minutes(t, r, noon, noon.Add(time.Hour)); len(got) != 3 {
			t.Fatalf("cut after %d bytes, and written again: %+v", cut, got)
		}
	}
}

// TestOtherFileIsBegunAnew: a header that is torn, of another version or of other classes, and a file that
// was cut off.
func TestOtherFileIsBegunAnew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func(*os.File) error
		others []string
		want   int
	}{
		{"as it was", func(*os.File) error { return nil }, classes, 1},
		{"torn header", func(f *os.File) error { _, err := f.WriteAt([]byte{0}, 20); return err }, classes,
			0},
		{"cut off in the header", func(f *os.File) error { return f.Truncate(100) }, classes, 0},
		{"cut off behind it", func(f *os.File) error { return f.Truncate(headerSize) }, classes, 0},
		{"other classes", func(*os.File) error { return nil }, []string{"oss"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "plots.ring")
			r := open(t, path, classes)
			add(t, r, at(1))
			if err := tt.spoil(r.file); err != nil {
				t.Fatal(err)
			}

			_ = r.Close()
			r = open(t, path, tt.others)
			defer r.Close()
			if got := minutes(t, r, noon, noon.Add(time.Hour)); len(got) != tt.want {
				t.Errorf("%+v, want %d", got, tt.want)
			}

			add(t, r, at(2))
			if got := minutes(t, r, noon, noon.Add(time.Hour)); len(got) != tt.want+1 {
				t.Errorf("it does not go on: %+v", got)
			}
		})
	}
}

// TestPoints: a step has the mean speed of the minutes that are known, the sum of files, the most of the
// rest.
func TestPoints(t *testing.T) {
	got := Points([]Minute{
		{Time: noon, Sent: 600, Published: 1, QueueAge: time.Second, Calls: map[string]int{"oss": 4}},
		{Time: noon.Add(time.Minute), Sent: 0, Published: 2, Calls: map[string]int{"oss": 9}},
		{Time: noon.Add(4 * time.Minute), Sent: 1800, Received: 60},
		{Time: noon.Add(20 * time.Minute), Received: 120},
	}, 5*time.Minute)
	want := []Point{
		{Time: noon, Sent: 13, Published: 3, QueueAge: time.Second, Calls: map[string]int{"oss": 9}},
		{Time: noon.Add(20 * time.Minute), Received: 2, Calls: map[string]int{}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
