package control

import "time"

// Brake is why a watch was stopped by itself: many of its files were rewritten at once.
type Brake struct {
	At      time.Time     `json:"at"`
	Since   time.Time     `json:"since"`   // the first of the files changed
	Files   int           `json:"files"`   // that stopped it
	Changed int           `json:"changed"` // that were rewritten in the same time, those included
	Paths   []string      `json:"paths"`   // up to five of the files
	Sent    []SentVersion `json:"sent,omitempty"`
	Detail  string        `json:"detail"`             // a sentence
	GoOn    string        `json:"go_on"`              // the command that sends them all the same
	PutBack string        `json:"put_back,omitempty"` // the command that takes back what was sent
}

// SentVersion is such a file of which newer versions were made before the watch was stopped.
type SentVersion struct {
	Remote  string `json:"remote"`
	Version int    `json:"version"` // number of the last one before
}
