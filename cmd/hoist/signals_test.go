package main

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestOverdue: a signal that comes twice, as timeout(1) sends it to the process and then to its group,
// leaves a command the time to end well; somebody who sends another later does not wait.
func TestOverdue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		again []time.Duration // between the signals after the first
		ends  time.Duration   // when the command ends by itself
		want  bool
		after time.Duration
	}{
		{"one signal", nil, time.Second, false, time.Second},
		{"the same twice", []time.Duration{time.Microsecond}, time.Second, false, time.Second},
		{"and a third", []time.Duration{0, time.Second}, 2 * time.Second, true, time.Second},
		{"another one", []time.Duration{time.Second}, 2 * time.Second, true, time.Second},
		{"never ends", []time.Duration{time.Millisecond}, time.Hour, true, endWithin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				signals, ended := make(chan os.Signal, len(tt.again)), make(chan struct{})
				defer time.AfterFunc(tt.ends, func() { close(ended) }).Stop()
				go func() {
					for _, d := range tt.again {
						time.Sleep(d)
						signals <- os.Interrupt
					}
				}()

				began := time.Now()
				got := overdue(signals, ended)
				if after := time.Since(began); got != tt.want || after != tt.after {
					t.Errorf("got %t after %v, want %t after %v", got, after, tt.want, tt.after)
				}
			})
		})
	}
}
