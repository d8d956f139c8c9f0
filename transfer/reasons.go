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
	ReasonSourceChanged  = state.ReasonSourceChanged // of a job whose successor sends the newer content
	ReasonCancelled      = state.ReasonCancelled
	// of a job that a repair of the state could not read in its newest form
	ReasonRestored = state.ReasonRestored
)

// Reason documents one code.
type Reason struct {
	Code     string
	Sentence string // one sentence for people
	// command that would fix it, with {id}, {path} and {remote}; "" when waiting is all it takes
	Fix string
	// a parked file is looked at again by itself after this long; 0: only when a person asks
	Again time.Duration
}

var reasons = []Reason{
	{ReasonUnreadable, "the file cannot be read: permission is missing, or another program holds it " +
		"exclusively", "chmod u+r {path} && hoist retry {id}", 10 * time.Minute},
	{ReasonVanished, "the file was removed before it was sent", "hoist cancel {id}", 0},
	{ReasonFolderAway,
		"the watched folder is not there, or cannot be listed; its files go on by themselves " +
			"when it is back", "", 0},
	{ReasonNotAFile, "the path is a folder, a link or a device, not a regular file", "hoist cancel {id}", 0},
	{ReasonChanging, "the file changed while it was read; the newest settled state is tried again",
		"hoist retry {id}", time.Minute},
	{ReasonNeverSettles, "the file is saved all the time and does not rest for as long as a whole copy " +
		"takes, " +
		"or its end is missing; it is tried at each rest", "", 0},
	{ReasonShrankToZero, "the file had content when it was last published and is empty now",
		"hoist push --force {path} {remote}", 0},
	{ReasonEmptyFile, "the service refuses empty files", "hoist cancel {id}", 0},
	{ReasonLocalDiffers, "the local file differs from what was last synced and is kept",
		"hoist pull --overwrite {remote} {path}", 0},
	{ReasonNoSpace, "the disk is full; the file goes on by itself when there is room", "hoist retry {id}",
		time.Minute},
	{ReasonNoResources, "the system has no file handles or memory left; the file goes on by itself", "", 0},
	{ReasonLocked, "the item is locked or being modified at the service", "hoist retry {id}",
		30 * time.Minute},
	{ReasonConflict, "the cloud holds a newer version than the one this file is based on, or somebody else " +
		"has reserved the item", "hoist push --force {path} {remote}", 0},
	{ReasonForbidden,
		"the account may not do this: permission or provisioning is missing; the file goes on " +
			"by itself when it is given", "hoist doctor", 10 * time.Minute},
	{ReasonURLRefused, "the storage refuses the signed URLs that the service gives, also new ones",
		"hoist retry {id}", 0},
	{ReasonUnauthorised, "the credentials are refused, or a scope is missing", "hoist login", 0},
	{ReasonNotFound,
		"the remote place does not exist any more; the file goes on by itself when it does again",
		"hoist cancel {id}", 10 * time.Minute},
	{ReasonAmbiguous, "the remote name stands for more than one thing", "hoist cancel {id}", 0},
	{ReasonNameRefused, "the service, or the local system, does not accept the name; where a mapped name " +
		"would not help, the fix is to cancel and rename the file", "hoist push --map-names {path} {remote}",
		0},
	{ReasonNameClash, "another name in the same folder, here or there, differs in letter case or Unicode " +
		"form " +
		"alone, or is of a folder where this is of a file: the service may take both for one; the file " +
		"goes on " +
		"by itself when one of them is renamed", "mv {clash} {free}", time.Minute},
	{ReasonTooLarge, "the file is larger than the service accepts", "hoist cancel {id}", 0},
	{ReasonNoContent, "the version has no content that could be fetched", "hoist cancel {id}", 0},
	{ReasonDamaged, "the bytes that arrived are not the ones that were sent", "hoist retry {id}", 0},
	{ReasonRemoteChanged, "the content in the cloud changed while it was fetched", "hoist retry {id}",
		time.Minute},
	{ReasonRefused, "the service refuses the request", "hoist job {id}", 0},
	{ReasonSessionShort, "at the measured speed the upload cannot finish before the service ends its session",
		"hoist job {id}", 0},
	{ReasonSessionLost,
		"the service ended the upload session; the file is sent from the start, twice at most",
		"hoist retry {id}", 0},
	{ReasonOffline, "the service cannot be reached; the file goes on as soon as it can", "", 0},
	{ReasonRateLimited, "the service asks to wait", "", 0},
	{ReasonServiceTrouble, "the service has trouble; the call is made again", "", 0},
	{ReasonSourceChanged, "the file changed before it was published; another job sends the newer content", "",
		0},
	{ReasonCancelled, "a person cancelled it; the file is wanted again when it changes",
		"hoist push --force {path} {remote}", 0},
	{ReasonRestored, "the state was repaired and may be older than what the cloud has; a retry looks there " +
		"first", "hoist retry {id}", 0},
	{ReasonExcluded, "a rule that came after the file was queued leaves it out; it is sent when no rule does",
		"hoist filter test {path}", 0},
	{ReasonRules, "a rule file above the file changed a moment ago, or cannot be understood: nothing below " +
		"it " +
		"is sent until it can", "hoist filter test {path}", 10 * time.Second},
	{ReasonUnexpected, "something unforeseen happened", "hoist job {id}", 0},
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
func (r Reason) NeedsDecision() bool {
	switch r.Code {
	case ReasonShrankToZero, ReasonEmptyFile, ReasonLocalDiffers, ReasonConflict, ReasonAmbiguous,
		ReasonNameRefused, ReasonTooLarge, ReasonNoContent, ReasonDamaged, ReasonRefused, ReasonSessionShort,
		ReasonURLRefused, ReasonCancelled, ReasonRestored, ReasonUnexpected:
		return true
	}

	return false
}
