package emulator

// Facts are behaviours that nobody outside of the service has confirmed. The zero value is what is
// documented or thought likely; each switch turns one into what it may be instead.
type Facts struct {
	// DeadKeyInSuccess answers a completion with an upload key that is dead by 200 and
	// status=error, as the batch form does; default: 400.
	DeadKeyInSuccess bool
	// BareETags leaves the quotes of a part's ETag out.
	BareETags bool
	// SignedHead answers HEAD at an URL that is signed for GET; default: 403.
	SignedHead bool
	// IgnoreIfMatch answers an S3 GET whatever its If-Match.
	IgnoreIfMatch bool
	// LimitHeaders adds headers about the rate limit to all answers.
	LimitHeaders bool
	// IgnoreRegion makes every bucket in the United States.
	IgnoreRegion bool
	// TwinNames lets two things in a folder have one name.
	TwinNames bool
	// StorageOnce refuses a storage location that a version has already.
	StorageOnce bool
	// RefuseCopy answers 400 to a version made by copyFrom.
	RefuseCopy bool
	// NoRollup never moves the roll-up time of folders.
	NoRollup bool
	// MoreParts takes part numbers above 10,000.
	MoreParts bool
}
