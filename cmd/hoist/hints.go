package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer"
)

// exitCodes are promises to scripts: see "hoist help exit-codes".
var exitCodes = map[problem.Kind]int{
	problem.Failure: 1, problem.Usage: 2, problem.Attention: 3, problem.Unauthorized: 4, problem.NotFound: 5,
	problem.NoDaemon: 6, problem.TimeUp: 7, problem.Interrupted: 130,
}

// hints are the words for the steps that package problem names.
var hints = map[problem.Step]string{
	problem.CheckCredentials: "check APS_CLIENT_ID and APS_CLIENT_SECRET, and that the application may use " +
		"this API",
	problem.GoOn: `what is left is kept: "hoist resume" goes on with it`,
	problem.Help: `see "hoist help" and the --help of the command`,
	problem.LookAround: `list what is there with "hoist ls"; names are matched exactly, upper and lower ` +
		"case differ",
	problem.SeeStatus:   `run "hoist status" to see what needs you and the command that fixes it`,
	problem.StartDaemon: `start one with "hoist daemon"`,
	problem.Verbose:     "run it again with -v to see each step; nothing that was recorded is lost",

	problem.Actions:    `"hoist api" lists the actions`,
	problem.ActionHelp: `see "hoist api ACTION --help" for what an action takes; nothing was sent`,
	problem.ActionTakes: `the service refuses what was sent, for the reason that the error names; ` +
		`"hoist api ACTION --help" shows what an action takes`,
	problem.AddToAccount: "an account administrator adds the client id under Hub Admin, Custom " +
		`Integrations (BIM 360: Account Admin, Settings, Custom Integrations); see "hoist guide transfer"`,
	problem.AllowedHelp: "name a remote below one of them, or add it to allow-remotes in " +
		"profiles/NAME.toml (\"hoist profile show\")",
	problem.AddressHelp: "write a remote as aps://HUB/PROJECT/FOLDER/… or " +
		"oss://BUCKET/KEY",
	problem.AnotherHome: "wait until that process has ended, end it, or use another home (--home)",
	problem.ConfigFile:  `correct it and run the command again; see "hoist help configuration"`,
	problem.Configuration: "correct the setting and run the command again; see " +
		`"hoist help configuration"`,
	problem.ControlAPI:  `see "hoist help control-api"`,
	problem.Credentials: `set APS_CLIENT_ID and APS_CLIENT_SECRET, or store them with "hoist login"`,
	problem.GrantScopes: "enable the API that the scopes belong to for this client id at " +
		`https://aps.autodesk.com/myapps; "hoist guide" shows which, and "hoist login --scopes" keeps a ` +
		"profile to what is granted",
	problem.JobList: `"hoist jobs" lists the jobs`,
	problem.Membership: "with --user: ask a project administrator for membership; without: check that the " +
		"custom integration is Active",
	problem.Network:      "check the network, HTTPS_PROXY and APS_BASE_URL",
	problem.NetworkAgain: "check the network, HTTPS_PROXY and APS_BASE_URL, then run it again",
	problem.NewerVersion: "this state was written by a newer hoist: use that version, or another home " +
		"(--home)",
	problem.NothingQueued: "check the network, HTTPS_PROXY and APS_BASE_URL, then run it again; nothing " +
		"was queued",
	problem.OneByOne: "push them one by one, with --as for another name; nothing was sent",
	problem.Patterns: `patterns are those of .gitignore; see "hoist help watching"`,
	problem.Reachable: "make the path that the error names readable and writable for this user; for " +
		"another home see --home",
	problem.RegionOf: `set the region of the profile with "hoist login --region"`,
	problem.Repair: `"hoist state repair" saves what can be read and keeps the damaged file; "hoist state ` +
		`check" says what is wrong`,
	problem.RepairKept: `end the daemon, keep a copy of the file, and run "hoist state repair"`,
	problem.SignIn:     `sign in again with "%s"`,
	problem.TakeOver: "remove the watch there, or move the folder to this home with --take-over; the other " +
		"one then sends it no more",
	problem.Unwatch:      `"hoist watch remove %s"`,
	problem.UnwatchGone:  `connect the drive, or "hoist watch remove %s"`,
	problem.UnwatchOther: `one folder has one watch; "hoist watch remove %s" removes that one`,
	problem.WatchList:    `"hoist watch list" lists them`,
	problem.WatchesKnown: `"hoist watch list" lists the watches`,
	problem.WrongSecret: `check APS_CLIENT_ID and APS_CLIENT_SECRET, or run "hoist login"; a secret that ` +
		"was regenerated ends the one before",
}

// hint says in one line what to do next.
func hint(f problem.Fix) string {
	if f.Words != "" {
		return f.Words
	}

	text := hints[f.Step]
	if !strings.Contains(text, "%s") {
		return text
	}

	on := transfer.Quote(f.On)
	if f.Step == problem.SignIn {
		on = cmp.Or(f.On, "hoist login") // a whole command
	}

	return fmt.Sprintf(text, on)
}

// verdict is what a shell is told of a problem.
func verdict(kind problem.Kind, fix problem.Fix) (code int, words string) {
	return exitCodes[kind], hint(fix)
}

// kindOf is the kind of an error; "" of nil.
func kindOf(err error) problem.Kind {
	kind, _ := problem.Of(err)
	return kind
}

// fail gives err a kind and a hint for who types commands; without a hint the kind's usual one is
// given. A nil err stays nil.
func fail(kind problem.Kind, err error, hint string) error {
	return problem.With(kind, err, problem.Text(hint))
}

// report prints an error in two lines, what and what next, and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}

	if e, ok := errors.AsType[*problem.Error](err); !ok || e.Err != nil {
		fmt.Fprintf(stderr, "error: %s\n", printable(oneLine(err.Error())))
	}

	code, words := verdict(problem.Of(err))
	fmt.Fprintf(stderr, "hint: %s\n", printable(oneLine(words)))

	return code
}
