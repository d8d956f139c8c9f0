package problem

// Fix is what would help. The zero value means that nothing better is known than the kind says.
type Fix struct {
	Words string `json:"words,omitempty"` // advice that is the same wherever it is shown
	Step  Step   `json:"step,omitempty"`  // or something that hoist can do or explain
	On    string `json:"on,omitempty"`    // what the step is done to, when it needs telling
}

// Text is advice that is the same wherever it is shown.
func Text(words string) Fix { return Fix{Words: words} }

// Step is something that hoist can do or explain. Whoever shows it has the words: a command to
// type, a button, a link.
type Step string

// The usual steps, each for a [Kind].
const (
	CheckCredentials Step = "check-credentials"
	GoOn             Step = "resume"
	Help             Step = "help"
	LookAround       Step = "list-remote"
	SeeStatus        Step = "status"
	StartDaemon      Step = "start-daemon"
	Verbose          Step = "run-verbosely"
)

// The steps for something in particular.
const (
	Actions       Step = "list-actions"       // see which actions there are
	ActionHelp    Step = "explain-action"     // see what an action takes
	ActionTakes   Step = "explain-refused"    // the same, of one that the service refused
	AddToAccount  Step = "add-to-account"     // have the application added to an account
	AllowedHelp   Step = "allow-remotes"      // name a remote that the profile allows
	AddressHelp   Step = "write-address"      // write a remote as an address
	AnotherHome   Step = "another-home"       // wait for the holder of a home, or use another one
	Configuration Step = "correct-setting"    // correct the configuration
	ConfigFile    Step = "correct-config"     // the same, in a file
	ControlAPI    Step = "explain-control"    // read about the control API
	Credentials   Step = "store-credentials"  // give credentials
	JobList       Step = "list-jobs"          // see which jobs there are
	Membership    Step = "ask-membership"     // become a member of a project
	Network       Step = "check-network"      // look at the network and its settings
	NetworkAgain  Step = "check-network-run"  // the same, then do it again
	NothingQueued Step = "check-network-none" // the same; nothing of it was kept
	NewerVersion  Step = "newer-version"      // use the version that wrote the state
	OneByOne      Step = "push-one-by-one"    // push files under other names
	Patterns      Step = "explain-patterns"   // read about patterns
	Reachable     Step = "make-reachable"     // give access to a path, or use another home
	RegionOf      Step = "set-region"         // set the region of the profile
	Repair        Step = "repair-state"       // repair the state, or check it
	RepairKept    Step = "repair-state-kept"  // repair the state, of which a copy is kept
	SignIn        Step = "sign-in"            // sign in again; on: the command of the profile
	TakeOver      Step = "take-over"          // move a folder here from another home
	Unwatch       Step = "remove-watch"       // remove a watch; on: its id
	UnwatchGone   Step = "remove-watch-gone"  // the same, unless its drive comes back
	UnwatchOther  Step = "remove-watch-other" // the same, as one folder has one watch
	WatchList     Step = "list-watches"       // see which watches there are
	WatchesKnown  Step = "list-watches-known" // the same, for a path that lies in none
	WrongSecret   Step = "renew-secret"       // look at credentials that are refused
	GrantScopes   Step = "grant-scopes"       // enable an API, or do with fewer scopes
)
