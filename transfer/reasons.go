package transfer

import (
	"slices"
	"time"

	"hoist/state"
)

// Codes of why a file is not in sync. They are promises to scripts: `hoist help reasons` prints the
// list.
const (
	ReasonUnreadable     = "unreadable"
	ReasonVanished       = "vanished"
	ReasonFolderAway     = "folder-away"
	ReasonNotAFile       = "not-a-file"
	ReasonChanging       = "changed-while-reading"
	ReasonNeverSettles   = "never-settles"
	ReasonShrankToZero   = "shrank-to-zero"
	ReasonEmptyFile      = "empty-file"
	ReasonLocalDiffers   = "local-differs"
	ReasonNoSpace        = "no-space"
	ReasonNoResources    = "no-resources"
	ReasonLocked         = "locked"
	ReasonConflict       = "conflict"
	ReasonForbidden      = "forbidden"
	ReasonURLRefused     = "url-refused"
	ReasonUnauthorised   = "unauthorised"
	ReasonNotFound       = "not-found"
	ReasonAmbiguous      = state.ReasonAmbiguous
	ReasonNameRefused    = state.ReasonNameRefused
	ReasonNameClash      = state.ReasonNameClash
	ReasonTooLarge       = "too-large"
	ReasonNoContent      = state.ReasonNoContent
	ReasonDamaged        = "damaged"
	ReasonRemoteChanged  = "remote-changed"
	ReasonRefused        = "refused"
	ReasonSessionShort   = "session-too-short"
	ReasonSessionLost    = "session-lost"
	ReasonOffline        = "offline"
	ReasonRateLimited    = "rate-limited"
	ReasonServiceTrouble = "service-error"
	ReasonUnexpected     = "unexpected"
	ReasonExcluded       = "excluded"
	ReasonRules          = "rules-unclear"
	ReasonDoubtful       = "content-doubtful"
	ReasonTooDeep        = "too-deep"
	ReasonExtension      = "extension-blocked"
	ReasonFolderFull     = "folder-full"
	ReasonOtherKind      = "other-kind"
	ReasonMassChange     = "mass-change" // of a watch, not of a job
	ReasonMassDelete     = "mass-delete" // of a watch too
	ReasonBehindRename   = "behind-rename"
	ReasonNotCarried     = state.ReasonNotCarried
	ReasonSourceChanged  = state.ReasonSourceChanged // of a job whose successor sends the newer content
	ReasonCancelled      = state.ReasonCancelled
	// of a job that a repair of the state could not read in its newest form
	ReasonRestored = state.ReasonRestored
)

// Cure says how a file goes on that has a reason.
type Cure string

// The cures.
const (
	CureDecision Cure = "decision" // a user says what becomes of it
	// a look at this machine, which costs no call and no byte, tells that the cause is gone
	CureLook  Cure = "look"
	CureProbe Cure = "probe" // one file of each cause is tried, seldom; when it goes on, all do
	CureWait  Cure = "wait"  // it is not parked: the next attempt has a time, or another job has its content
)

// Reason documents one code.
type Reason struct {
	Code     string
	Sentence string // one sentence for people
	// command that would fix it, with {id}, {path}, {dir} and {remote}; "" when waiting is all it takes
	Fix  string
	Cure Cure
	// the engine itself looks again after this long at the latest; 0: only when it is told to
	Again time.Duration
}

// retry is the fix of what needs nothing but another try: it does the work when nothing else does.
const retry = "hoist retry --wait {id}"

var reasons = []Reason{
	{ReasonUnreadable,
		"the file cannot be read, or its folder not be written to: permission is missing, the disk is " +
			"read-only, or another program holds it exclusively",
		"chmod u+r {path} && " + retry, CureLook, 0},
	{ReasonVanished, "the file was removed before it was sent", "hoist cancel {id}", CureLook, 0},
	{ReasonFolderAway,
		"the watched folder is not there, or cannot be listed; its files go on by themselves " +
			"when it is back", "", CureWait, 0},
	{ReasonNotAFile, "the path is a folder, a link or a device, not a regular file", "hoist cancel {id}",
		CureLook, 0},
	{ReasonChanging, "the file changed while it was read; the newest settled state is tried again", retry,
		CureLook, time.Minute},
	{ReasonNeverSettles, "the file is saved all the time and does not rest for as long as a whole copy " +
		"takes, " +
		"or its end is missing; it is tried at each rest", "", CureWait, 0},
	{ReasonShrankToZero, "the file had content when it was last published and is empty now",
		"hoist push --force {path} {remote}", CureDecision, 0},
	{ReasonEmptyFile, "the service refuses empty files", "hoist cancel {id}", CureDecision, 0},
	{ReasonLocalDiffers, "the local file differs from what was last synced and is kept",
		"hoist pull --overwrite {remote} {path}", CureDecision, 0},
	{ReasonNoSpace, "the disk is full; the file goes on by itself when there is room", retry, CureLook,
		time.Minute},
	{ReasonNoResources, "the system has no file handles or memory left; the file goes on by itself", "",
		CureWait, 0},
	{ReasonLocked,
		"the item is locked or being modified at the service; the file goes on by itself when it " +
			"is not", retry, CureProbe, 0},
	{ReasonConflict, "the cloud holds a newer version than the one this file is based on, or somebody else " +
		"has reserved the item", "hoist push --force {path} {remote}", CureDecision, 0},
	{ReasonForbidden,
		"the account may not do this: permission or provisioning is missing; the file goes on " +
			"by itself when it is given, which \"hoist doctor\" and \"hoist guide\" explain",
		retry, CureProbe, 0},
	{ReasonURLRefused, "the storage refuses the signed URLs that the service gives, also new ones", retry,
		CureDecision, 0},
	{ReasonUnauthorised, "the credentials are refused, or a scope is missing; the file goes on by itself " +
		"after a sign-in that works", "hoist login && " + retry, CureProbe, 0},
	{ReasonNotFound,
		"the remote place does not exist any more; the file goes on by itself when it does again",
		"hoist cancel {id}", CureProbe, 0},
	{ReasonAmbiguous, "the remote name stands for more than one thing", "hoist cancel {id}", CureDecision, 0},
	{ReasonNameRefused, "the service, or the local system, does not accept the name; where a mapped name " +
		"would not help, the fix is to cancel and rename the file", "hoist push --map-names {path} {remote}",
		CureDecision, 0},
	{ReasonNameClash, "another name in the same folder, here or there, differs in letter case or Unicode " +
		"form " +
		"alone, or is of a folder where this is of a file: the service may take both for one; the file " +
		"goes on " +
		"by itself when one of them is renamed", "mv {clash} {free}", CureLook, time.Minute},
	{ReasonTooLarge, "the file is larger than the service accepts", "hoist cancel {id}", CureDecision, 0},
	{ReasonNoContent, "the version has no content that could be fetched", "hoist cancel {id}",
		CureDecision, 0},
	{ReasonDamaged, "the bytes that arrived are not the ones that were sent", retry, CureDecision, 0},
	{ReasonRemoteChanged, "the content in the cloud changed while it was fetched", retry, CureDecision, 0},
	{ReasonRefused, "the service refuses the request", retry, CureDecision, 0},
	{ReasonSessionShort, "at the measured speed the upload cannot finish before the service ends its session",
		retry, CureDecision, 0},
	{ReasonSessionLost,
		"the service ended the upload session; the file is sent from the start, twice at most", retry,
		CureDecision, 0},
	{ReasonOffline, "the service cannot be reached; the file goes on as soon as it can", "", CureWait, 0},
	{ReasonRateLimited, "the service asks to wait", "", CureWait, 0},
	{ReasonServiceTrouble, "the service has trouble; the call is made again", "", CureWait, 0},
	{ReasonBehindRename,
		"the file, or a folder above it, was renamed, and what is on its way under the old " +
			"name comes first", "", CureWait, 0},
	{ReasonNotCarried, "a rename or removal was not carried to the cloud, where something else is by now; " +
		"files of a renamed folder are sent under their new names, and nothing is hidden", "", CureWait, 0},
	{ReasonSourceChanged, "the file changed before it was published; another job sends the newer content", "",
		CureWait, 0},
	{ReasonCancelled, "a person cancelled it; the file is wanted again when it changes",
		"hoist push --force {path} {remote}", CureDecision, 0},
	{ReasonRestored, "the state was repaired and may be older than what the cloud has; a retry looks there " +
		"first", retry, CureDecision, 0},
	{ReasonExcluded, "a rule that came after the file was queued leaves it out; it is sent when no rule does",
		"", CureWait, 0},
	{ReasonRules, "a rule file above the file changed a moment ago, or cannot be understood: nothing below " +
		"it " +
		"is sent until it can", "", CureLook, 10 * time.Second},
	{ReasonDoubtful,
		"the content of the file is doubtful, and its watch parks such files (gate = \"park\"); " +
			"the fix sends it as it is", "hoist push --force {path} {remote}", CureDecision, 0},
	{ReasonTooDeep,
		"the file lies deeper than the service takes folders; it goes on by itself when it is moved " +
			"further up", "hoist push --force {path} {remote}", CureLook, 10 * time.Minute},
	{ReasonExtension, "the service is said to block the extension; the fix tries it all the same",
		"hoist push --force {path} {remote}", CureLook, 10 * time.Minute},
	{ReasonFolderFull,
		"the folder has more files than the service takes in one; they go on by themselves when " +
			"there are fewer", retry, CureLook, time.Minute},
	{ReasonOtherKind,
		"the item in the cloud is of a kind that a file is no version of, such as a cloud-workshared " +
			"model; the fix sends the file all the same", "hoist push --force {path} {remote}",
		CureDecision, 0},
	{ReasonMassChange,
		"many published files of a watch were rewritten at once and do not begin as their kind does " +
			"any more: the watch is stopped until somebody looks at them", "hoist watch resume {watch}",
		CureDecision, 0},
	{ReasonMassDelete,
		"more files of a watch with delete = \"hide\" are gone at once than it may hide; nothing of " +
			"them is hidden until somebody says so, or they are there again", "hoist watch resume {watch}",
		CureDecision, 0},
	{ReasonUnexpected, "something unforeseen happened", retry, CureDecision, 0},
}

// Reasons lists every code, in the order of the documentation.
func Reasons() []Reason { return slices.Clone(reasons) }

// ReasonByCode finds a documented code.
func ReasonByCode(code string) (Reason, bool) {
	for _, r := range reasons {
		if r.Code == code {
			return r, true
		}
	}

	return Reason{}, false
}

// NeedsDecision reports whether only a user can say what becomes of a file that is parked for it.
// Any other reason heals: the file goes on once its cause is seen gone.
func (r Reason) NeedsDecision() bool { return r.Cure == CureDecision }
