package apsclient

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// The budget classes; each is one group of calls for which the service publishes one limit.
const (
	BudgetOSS             BudgetClass = "oss" // every OSS endpoint together
	BudgetHubs            BudgetClass = "get-hubs"
	BudgetHub             BudgetClass = "get-hub"
	BudgetProjects        BudgetClass = "get-projects"
	BudgetProject         BudgetClass = "get-project"
	BudgetTopFolders      BudgetClass = "get-top-folders"
	BudgetPostStorage     BudgetClass = "post-storage"
	BudgetFolder          BudgetClass = "get-folder"
	BudgetContents        BudgetClass = "get-folder-contents"
	BudgetSearch          BudgetClass = "get-folder-search"
	BudgetPostFolders     BudgetClass = "post-folders"
	BudgetPatchFolders    BudgetClass = "patch-folders"
	BudgetItem            BudgetClass = "get-item"
	BudgetTip             BudgetClass = "get-item-tip"
	BudgetItemVersions    BudgetClass = "get-item-versions"
	BudgetPostItems       BudgetClass = "post-items"
	BudgetPatchItems      BudgetClass = "patch-items"
	BudgetVersion         BudgetClass = "get-version"
	BudgetPostVersions    BudgetClass = "post-versions"
	BudgetPostCommands    BudgetClass = "post-commands"
	BudgetDownloadFormats BudgetClass = "get-download-formats"
	BudgetDownloads       BudgetClass = "get-downloads"
	BudgetAdminRead       BudgetClass = "construction-admin-read"
	BudgetAdminWrite      BudgetClass = "construction-admin-write"
	BudgetBIM360Admin     BudgetClass = "bim360-admin"
	BudgetHQ              BudgetClass = "hq"
	BudgetWebhooks        BudgetClass = "webhooks" // no limit is published
)

// documented are the limits a minute that the service publishes per client id (rate limit pages of
// Data Management, Object Storage, and ACC/BIM 360 administration).
var documented = Limits{
	BudgetOSS:  1000,
	BudgetHubs: 50, BudgetHub: 50, BudgetProjects: 50, BudgetProject: 50, BudgetTopFolders: 300,
	BudgetPostStorage: 300, BudgetFolder: 300, BudgetContents: 300, BudgetSearch: 300,
	BudgetPostFolders: 50, BudgetPatchFolders: 50,
	BudgetItem: 300, BudgetTip: 50, BudgetItemVersions: 800, BudgetPostItems: 50, BudgetPatchItems: 50,
	BudgetVersion: 300, BudgetPostVersions: 300, BudgetPostCommands: 300, BudgetDownloadFormats: 50,
	BudgetDownloads: 50,
	BudgetAdminRead: 600, BudgetAdminWrite: 100, BudgetBIM360Admin: 600, BudgetHQ: 100,
}

// Limits are calls a minute by class. A class that is missing has no budget of ours: only 429 and
// Retry-After hold it.
type Limits map[BudgetClass]int

// DocumentedLimits returns the published limits.
func DocumentedLimits() Limits { return maps.Clone(documented) }

// ServerLimits returns no limits: only 429 and Retry-After are obeyed.
func ServerLimits() Limits { return nil }

// ParseLimits reads raised quotas, as TOML (`post-items = 200`) or a JSON object. Classes that are
// not named keep the documented limit; unknown ones, and values below 1, are a *ConfigError.
func ParseLimits(data []byte) (Limits, error) {
	given := map[string]int{}
	var err error
	if strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		err = json.Unmarshal(data, &given)
	} else {
		err = toml.Unmarshal(data, &given)
	}

	if err != nil {
		return nil, &ConfigError{Name: "limits",
			Problem: "not a table of classes and calls a minute: " + err.Error()}
	}

	out := DocumentedLimits()
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := documented[BudgetClass(name)]; !ok && BudgetClass(name) != BudgetWebhooks {
			known := make([]string, 0, len(documented))
			for c := range documented {
				known = append(known, string(c))
			}

			p := fmt.Sprintf("unknown class %q", name)
			if n := nearest(name, known); n != "" {
				p += ", did you mean " + n + "?"
			}

			problems = append(problems, p)

			continue
		}

		if given[name] < 1 {
			problems = append(problems, fmt.Sprintf("%s: %d calls a minute; at least 1", name, given[name]))
			continue
		}

		out[BudgetClass(name)] = given[name]
	}

	if problems != nil {
		return nil, &ConfigError{Name: "limits", Problem: strings.Join(problems, "; ")}
	}

	return out, nil
}
