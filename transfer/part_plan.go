package transfer

import "time"

// Limits of a multipart upload. 5 MiB and the count are S3's and documented by APS; see planParts.
const (
	mib          = 1 << 20
	minPartSize  = 5 * mib
	maxPartSize  = 5 << 30
	maxParts     = 10000
	maxURLsACall = 25 // what the official tools ask for at most; a limit of the service is not documented
)

// MaxFileSize is the largest file that the service takes, in bytes.
const MaxFileSize = maxPartSize * maxParts

// planParts divides a file of size bytes (>= 0) into count parts of partSize, the last one shorter.
// configured is the wanted part size in bytes, 0 for a size chosen by the file's: about size/64 as
// a power of two between 8 and 64 MiB, so that a death costs little and a large file needs few
// calls. An empty file is one empty part. A plan never changes once an upload key exists.
func planParts(size, configured int64) (partSize int64, count int) {
	if configured <= 0 {
		configured = 8 * mib
		for configured < 64*mib && configured*64 < size {
			configured *= 2
		}
	}

	partSize = max(configured, minPartSize, (size+maxParts-1)/maxParts)
	partSize = (partSize + mib - 1) / mib * mib

	return partSize, max(1, int((size+partSize-1)/partSize))
}

// partRange returns where part number (from 1) of a plan lies.
func partRange(size, partSize int64, number int) (offset, length int64) {
	offset = int64(number-1) * partSize
	return offset, max(0, min(partSize, size-offset))
}

// missingRun returns the first number of the missing parts at or after from, and how many
// consecutive ones follow it, at most limit. n is 0 when nothing is missing. have reports whether a
// part needs no URL.
func missingRun(total, from, limit int, have func(int) bool) (first, n int) {
	for first = max(1, from); first <= total && have(first); first++ {
	}

	for n < limit && first+n <= total && !have(first+n) {
		n++
	}

	return first, n
}

// aheadTime is how long before its first part's turn the next run of URLs is asked for: an answer, and
// a wait for the limit that is not unusual, take less.
const aheadTime = 20 * time.Second

// leadParts is how many parts may be left with a URL when the next run is asked for: as many as may
// begin at once, but no more than begin within aheadTime at rate bytes a second (0: unknown), since
// the URLs live from the answer on.
func leadParts(inFlight int, partSize int64, rate float64) int {
	if rate > 0 {
		inFlight = min(inFlight, int(rate*aheadTime.Seconds()/float64(partSize)))
	}

	return max(1, inFlight)
}

// urlMinutes is the lifetime to ask for so that the last PUT of a run of bytes begins before its
// URL ends: twice the time the run needs at rate bytes a second (0: unknown, taken as 512 KiB/s)
// and five minutes, within the service's 60.
func urlMinutes(bytes int64, rate float64) int {
	if rate <= 0 {
		rate = 512 << 10
	}

	return int(min(60, 5+2*float64(bytes)/rate/60))
}

// sessionMargin is how long before its end an upload session is given up: completion must arrive
// before it. Giving up costs all that was sent.
const sessionMargin = time.Minute

// sessionOver reports whether a session that ends at expires must not be used any more. A zero time
// is an unknown end.
func sessionOver(expires, now time.Time) bool {
	return !expires.IsZero() && !now.Before(expires.Add(-sessionMargin))
}

// sessionTooShort reports whether left bytes at rate bytes a second do not fit before the session
// ends, and by how much. An unknown rate or end is no reason to warn.
func sessionTooShort(left int64, rate float64, expires, now time.Time) (missing time.Duration, short bool) {
	if rate <= 0 || expires.IsZero() || left <= 0 {
		return 0, false
	}

	need := float64(left) / rate
	have := expires.Add(-sessionMargin).Sub(now).Seconds()
	if need <= have {
		return 0, false
	}

	return time.Duration(min(need-have, 1e9) * float64(time.Second)).Round(time.Second), true
}
