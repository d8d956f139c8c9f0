package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Owner is who has the state of a home open, as owner.json tells it.
type Owner struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Start   time.Time `json:"start"`
}

// WriteOwner replaces the file at path, readable by its owner only. The file is information for
// people: the lock on the state decides who owns a home.
func WriteOwner(path string, o Owner) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}

	f, err := os.CreateTemp(filepath.Dir(path), ".owner-*") // mode 0600
	if err != nil {
		return err
	}

	_, err = f.Write(append(b, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}

	if err == nil {
		err = os.Rename(f.Name(), path)
	}

	if err != nil {
		os.Remove(f.Name())
	}

	return err
}

// ReadOwner reads what WriteOwner wrote. The owner may have died since.
func ReadOwner(path string) (Owner, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Owner{}, err
	}

	var o Owner
	if err := json.Unmarshal(b, &o); err != nil {
		return Owner{}, fmt.Errorf("read %s: %w", path, err)
	}

	return o, nil
}
