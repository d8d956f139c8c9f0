package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"gopkg.in/natefinch/lumberjack.v2"

	"hoist/cmd/hoist/internal/problem"
)

// The log of a file is cut at this size; older pieces are packed, and go after a month.
const (
	logMegabytes = 20
	logPieces    = 20
	logDays      = 30
)

// openLog makes the log: to standard error from a level on, and to a file, both as text or JSON.
// Info lines are for operators; the lines of single requests (-vv) go wherever the log goes.
func (a *app) openLog() error {
	switch a.flags.logFormat {
	case "", "text", "json":
	default:
		return problem.Usagef("--log-format %q is neither text nor json", a.flags.logFormat)
	}

	if name := a.flags.logFile; name != "" && a.logFile == nil {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return problem.Usagef("--log-file: %w", err)
		}

		if err := f.Close(); err != nil {
			return fmt.Errorf("--log-file: %w", err)
		}

		if name, err = filepath.Abs(name); err != nil {
			return fmt.Errorf("--log-file: %w", err)
		}

		a.logFile = rotated(name)
	}

	level := slog.LevelInfo
	if a.flags.verbose > 1 {
		level = slog.LevelDebug
	}

	var to []slog.Handler
	if a.flags.verbose > 0 || a.logsToScreen {
		to = append(to, a.handler(a.stderr, level))
	}

	if a.logFile != nil {
		to = append(to, a.handler(a.logFile, level))
	}

	if len(to) > 0 {
		a.log = slog.New(slog.NewMultiHandler(to...))
	}

	return nil
}

func (a *app) handler(w io.Writer, level slog.Level) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if a.flags.logFormat == "json" {
		return slog.NewJSONHandler(w, options)
	}

	return slog.NewTextHandler(w, options)
}

// rotated is a private file that is cut by size and age.
func rotated(name string) *lumberjack.Logger {
	return &lumberjack.Logger{Filename: name, MaxSize: logMegabytes, MaxBackups: logPieces, MaxAge: logDays,
		Compress: true}
}

// closeLog ends the log file, which a home that is removed must not hold open.
func (a *app) closeLog() error {
	if a.logFile == nil {
		return nil
	}

	if err := a.logFile.Close(); err != nil {
		return fmt.Errorf("close the log: %w", err)
	}

	return nil
}
