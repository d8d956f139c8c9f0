package config

import (
	"errors"
	"slices"
)

// What becomes of a file whose content is doubtful.
const (
	GateWarn = "warn"
	GatePark = "park"
	GateOff  = "off"
)

func checkGate(text string) error {
	if text != "" && !slices.Contains([]string{GateWarn, GatePark, GateOff}, text) {
		return errors.New(quoted(text) + " is not warn, park or off")
	}

	return nil
}

func checkPrefer(text string) error {
	if text != "" && !slices.Contains([]string{"local", "cloud", "newer"}, text) {
		return errors.New(quoted(text) + " is not local, cloud or newer")
	}

	return nil
}
