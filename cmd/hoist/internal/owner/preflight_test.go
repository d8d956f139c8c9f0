package owner

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
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
				Tokens: apsclient.ClientCredentials(base, emulator.DefaultClientID, emulator.DefaultClientSecret),
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
