package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
)

// hiddenFolder is a line of the list of the folders that rm hid. The service gives such a folder a
// generated name and tells the one that it had nowhere: by this list restore finds it.
type hiddenFolder struct {
	ID   apsclient.FolderID `json:"id"`
	Name string             `json:"name"`
}

// rememberHidden adds a folder to the list, before it is hidden.
func (a *app) rememberHidden(f apsclient.Folder) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	if err := s.home.Ensure(); err != nil {
		return err
	}

	line, err := json.Marshal(hiddenFolder{f.ID, f.Name})
	if err != nil {
		return err
	}

	file, err := os.OpenFile(s.home.HiddenFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("remember the name of a folder: %w", err)
	}

	_, err = file.Write(append(line, '\n')) // one write: lines of two commands do not mix

	return errors.Join(err, file.Close())
}

// hiddenNames are the names that folders had when they were hidden from this home, the last of
// each.
func (a *app) hiddenNames() (map[apsclient.FolderID]string, error) {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return nil, err
	}

	data, err := os.ReadFile(s.home.HiddenFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	names := map[apsclient.FolderID]string{}
	for line := range bytes.Lines(data) {
		var f hiddenFolder
		if json.Unmarshal(line, &f) == nil { // a torn line is of a folder that was not hidden
			names[f.ID] = f.Name
		}
	}

	return names, nil
}
