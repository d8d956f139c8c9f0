package owner

import (
	"net/http"

	"hoist/apsclient"
	"hoist/transfer/remote"
)

// mayChange is an error for a remote that the profile may not change.
func (o *Owner) mayChange(profile string, to remote.Address) error {
	if o.options.MayChange == nil {
		return nil
	}

	return o.options.MayChange(o.profile(profile), to)
}

// landed is what a push changes: one object when that is named, else all that is below.
func landed(to remote.Address, as string) remote.Address {
	if as == "" {
		return to
	}

	return to.Join(as)
}

// ChangedBy is the remote that a call changes: the one that the command named which makes it, else
// the object or bucket in its parameters; the zero address when ids alone tell.
func ChangedBy(r apsclient.Request, named string) (to remote.Address, changes bool) {
	action, _ := apsclient.ActionByName(r.Action)
	switch {
	case action.Name == "run-command", action.Name == "batch-signed-s3-download": // by data:read alone
		return to, false
	case action.Method == http.MethodGet && action.Name != "get-signed-s3-upload-urls":
		return to, false
	}

	if a, err := remote.ParseAddress(named); err == nil {
		return a, true
	}

	if bucket := r.Params["bucketKey"]; bucket != "" {
		if a, err := remote.ParseAddress(remote.SchemeOSS + "://" + bucket); err == nil {
			if key := r.Params["objectKey"]; key != "" {
				a = a.Join(key)
			}

			return a, true
		}
	}

	return to, true
}
