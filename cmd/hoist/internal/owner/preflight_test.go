package owner

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// TestForecastIsTrue: the minutes and calls that preflight tells are those of the push, within a
// twentieth, under the documented limits.
func TestForecastIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, cloud := newOptions(t)
		options.apart = true
		options.Clients = func(string, apsclient.Bandwidth) (*apsclient.Client, error) {
			const base = "http://127.0.0.1:1"

			return apsclient.New(apsclient.Config{
				BaseURL: base, Transport: cloud.Transport(), Limits: apsclient.DocumentedLimits(),
				Tokens: apsclient.ClientCredentials(base, emulator.DefaultClientID,
					emulator.DefaultClientSecret),
			})
		}
		o := open(t, Working, options)
		dir := t.TempDir()
		for i := range 170 {
			write(t, filepath.Join(dir, fmt.Sprintf("%d.dwg", i)), []byte{byte(i)})
		}

		req := control.PushRequest{Paths: []string{dir + "/"}, Remote: cloud.DemoRemote() + "/new"}
		report, err := o.Preflight(t.Context(), req)
		if err != nil || len(report.Rows) > 0 {
			t.Fatalf("%+v, %v", report.Rows, err)
		}

		began, before := time.Now(), o.Calls()
		if jobs := push(t, o, req); len(jobs) != 170 {
			t.Fatalf("%d jobs", len(jobs))
		}

		near := func(what string, told, took float64) {
			if math.Abs(told-took) > took/20 {
				t.Errorf("%s: told %.0f, it took %.0f", what, told, took)
			}
		}
		near("seconds", float64(report.Forecast.Seconds), time.Since(began).Seconds())
		near("calls", float64(report.Forecast.Calls), float64(o.Calls()-before))
	})
}

// TestPreflightOfLongNames: no disk here holds a name that is too long as it is; one that gets too long
// when it is mapped is one row, and one that is given too long is refused.
func TestPreflightOfLongNames(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Working, options)
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("'", 85)+".dwg") // %27 for each
	write(t, long, []byte("x"))
	write(t, filepath.Join(dir, strings.Repeat("'", 83)+".dwg"), []byte("x"))
	write(t, filepath.Join(dir, strings.Repeat("n", 251)+".dwg"), []byte("x"))
	req := control.PushRequest{Paths: []string{dir + "/"}, Remote: cloud.DemoRemote(), MapNames: true}
	report, err := o.Preflight(t.Context(), req)
	var refused []string
	for _, row := range report.Rows {
		if row.Check == transfer.ReasonNameRefused {
			refused = append(refused, row.Path)
		}
	}

	// The second row is of the name that is mapped.
	if err != nil || !slices.Equal(refused, []string{long}) || len(report.Rows) != 2 {
		t.Errorf("%+v, %v", report.Rows, err)
	}

	req = control.PushRequest{Paths: []string{long}, Remote: cloud.DemoRemote(), As: strings.Repeat("n", 256)}
	if _, err := o.Preflight(t.Context(), req); err == nil {
		t.Error("a name of 256 characters passed")
	}
}

// TestPreflightOfManyFiles: those of a folder that is not full are no finding, and are counted over all
// pages of the listing.
func TestPreflightOfManyFiles(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Working, options)
	dir := t.TempDir()
	for i := range 450 {
		write(t, filepath.Join(dir, fmt.Sprintf("%d.dwg", i)), []byte{byte(i)})
		if i%2 == 0 {
			if _, _, err := cloud.AddFile(cloud.Demo().Project,
				fmt.Sprintf("Project Files/many/%d-there.dwg", i),
				strings.NewReader("x"), 1); err != nil {
				t.Fatal(err)
			}
		}
	}

	report, err := o.Preflight(t.Context(), control.PushRequest{Paths: []string{dir + "/"},
		Remote: cloud.DemoRemote() + "/many"})
	if err != nil || len(report.Rows) > 0 || report.Forecast.Files != 450 {
		t.Fatalf("%+v, %v", report, err)
	}
}
