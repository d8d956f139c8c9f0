package main

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestLeave: a daemon ends in time though one of its parts waits for a disk that never answers.
func TestLeave(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name  string
		close func(over chan struct{}) error
		took  time.Duration
		want  error
	}{
		{"at once", func(chan struct{}) error { return broken }, 0, broken},
		{"never", func(over chan struct{}) error { <-over; return broken }, leaveWithin, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newApp(nil, nil, nil, nil)
				a.log = slog.New(slog.DiscardHandler)
				over, begin := make(chan struct{}), time.Now()
				err := a.leave(func() error { return tt.close(over) })
				if !errors.Is(err, tt.want) || time.Since(begin) != tt.took {
					t.Errorf("left with %v after %v, want %v after %v", err, time.Since(begin), tt.want,
						tt.took)
				}

				close(over)
			})
		})
	}
}
