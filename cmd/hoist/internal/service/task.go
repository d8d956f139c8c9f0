package service

import (
	"encoding/xml"
	"unicode/utf16"
)

// The settings of a task that differ from those that Windows gives one: it would end after three days
// and when a laptop leaves its mains, and a daemon that died would stay dead until the next logon.
// The trigger names its user, since only an administrator may make a task for the logon of anybody.
const (
	taskForever  = "PT0S"
	taskAgain    = "PT1M" // the least that is allowed
	taskAttempts = 255    // the most that is allowed
)

type taskDefinition struct {
	XMLName     xml.Name `xml:"http://schemas.microsoft.com/windows/2004/02/mit/task Task"`
	Version     string   `xml:"version,attr"`
	Description string   `xml:"RegistrationInfo>Description"`

	Trigger struct {
		Enabled bool
		UserID  string `xml:"UserId"`
	} `xml:"Triggers>LogonTrigger"`

	Principal struct {
		ID        string `xml:"id,attr"`
		UserID    string `xml:"UserId"`
		LogonType string
		RunLevel  string
	} `xml:"Principals>Principal"`

	Settings struct {
		MultipleInstancesPolicy    string
		DisallowStartIfOnBatteries bool
		StopIfGoingOnBatteries     bool
		AllowHardTerminate         bool
		StartWhenAvailable         bool
		AllowStartOnDemand         bool
		Enabled                    bool
		Hidden                     bool
		ExecutionTimeLimit         string
		RestartInterval            string `xml:"RestartOnFailure>Interval"`
		RestartCount               int    `xml:"RestartOnFailure>Count"`
	}

	Actions struct {
		Context   string `xml:"Context,attr"`
		Command   string `xml:"Exec>Command"`
		Arguments string `xml:"Exec>Arguments"`
	}
}

// taskXML is the definition of a task that runs a program from the logon of a user on, as the tool of
// Windows reads it: UTF-16 with a byte order mark.
func taskXML(user, program, arguments string) ([]byte, error) {
	t := taskDefinition{Version: "1.2", Description: description}
	t.Trigger.Enabled, t.Trigger.UserID = true, user
	t.Principal.ID, t.Principal.UserID = "Author", user
	t.Principal.LogonType, t.Principal.RunLevel = "InteractiveToken", "LeastPrivilege"
	t.Settings.MultipleInstancesPolicy = "IgnoreNew"
	t.Settings.AllowHardTerminate, t.Settings.StartWhenAvailable = true, true
	t.Settings.AllowStartOnDemand, t.Settings.Enabled = true, true
	t.Settings.ExecutionTimeLimit = taskForever
	t.Settings.RestartInterval, t.Settings.RestartCount = taskAgain, taskAttempts
	t.Actions.Context, t.Actions.Command, t.Actions.Arguments = "Author", program, arguments

	text, err := xml.MarshalIndent(t, "", "  ")
	if err != nil {
		return nil, err
	}

	units := utf16.Encode([]rune("\ufeff<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n" + string(text) + "\n"))
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		out = append(out, byte(u), byte(u>>8))
	}

	return out, nil
}
