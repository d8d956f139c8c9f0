package plan

import (
	"context"

	"hoist/apsclient"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/remote"
)

// StillThere reports whether the newest version under the name of a target, as far as the service
// shows it, is the one on record: what was made a moment ago may be missing in a listing, or its
// item may show an older version. tip is what the listing shows.
func StillThere(ctx context.Context, r *remote.Resolver, t state.Target, base compare.Base,
	tip compare.Tip) (bool, error) {
	if tip.Presence == compare.Absent && base.Item != "" && t.Folder != "" {
		item, found, err := r.FindByID(ctx, apsclient.ProjectID(t.Project), apsclient.FolderID(t.Folder),
			t.Name,
			apsclient.ItemID(base.Item))
		if err != nil {
			return false, err
		}

		tip = TipOf(item, found)
	}

	return IsShown(base, tip), nil
}

// IsShown reports whether a tip is the base, or an older version that the service shows in its
// place.
func IsShown(base compare.Base, tip compare.Tip) bool {
	there := compare.Judge(compare.Local{}, base, tip).There
	return there == compare.SideSame || there == compare.SideLate
}

// TipOf is the newest version that the service shows of an item, for comparisons.
func TipOf(item apsclient.Item, found bool) compare.Tip {
	if !found {
		return compare.Tip{Presence: compare.Absent, Size: -1}
	}

	tip := compare.Tip{Presence: compare.Present, Size: -1, Item: string(item.ID),
		Version: string(remote.TipID(item))}
	if v := item.Tip; v != nil {
		tip.Size, tip.Number, tip.Storage = v.Size, v.Number, string(v.Storage)
	}

	return tip
}
