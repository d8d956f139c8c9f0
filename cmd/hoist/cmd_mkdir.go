package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newMkdirCmd(a *app) *cobra.Command {
	var policy string
	cmd := &cobra.Command{
		Use:   "mkdir REMOTE",
		Short: "Make a folder in a project, with its missing parents, or a bucket",
		Long: `mkdir makes the folder REMOTE and every folder above it that is missing, below a
top folder that is there. A folder or bucket that is already there is no error.
"mkdir oss://BUCKET" makes a bucket; key prefixes need no making.`,
		Example: `  hoist mkdir "aps://My Account/My Project/Project Files/2026/Drawings"
  hoist mkdir oss://my-bucket --policy transient`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch policy {
			case "transient", "temporary", "persistent":
			default:
				return problem.Usagef("--policy %q: it is transient (24 hours), temporary (30 days) or "+
					"persistent", policy)
			}

			if cmd.Flags().Changed("policy") && !remote.IsOSS(args[0]) {
				return problem.Usagef("--policy is for buckets, and %s is none", args[0])
			}

			return a.mkdir(cmd.Context(), args[0], policy)
		},
	}
	cmd.Flags().StringVar(&policy, "policy", "persistent",
		"how long a new bucket keeps objects: transient, temporary or persistent")

	return cmd
}

func (a *app) mkdir(ctx context.Context, arg, policy string) error {
	address, err := a.remoteAddress(arg)
	if err != nil {
		return err
	}

	if ctx, err = a.mayChange(ctx, arg); err != nil {
		return err
	}

	if address.OSS() {
		return a.makeBucket(ctx, address, policy)
	}

	r, done, err := a.resolver(ctx)
	if err != nil {
		return err
	}
	defer done()
	p, err := r.ResolveFolder(ctx, address)
	if err != nil {
		return err
	}

	if p.Kind != remote.KindFolder {
		return problem.Usagef("%s: a folder can only be made below a top folder such as Project Files",
			address)
	}

	made := len(p.Missing) > 0
	if made {
		if _, err := r.EnsureFolder(ctx, p.Project.ID, p.Folder.ID, p.Missing, &notes{}); err != nil {
			return err
		}

		if p, err = r.Resolve(ctx, address); err != nil {
			return err
		}
	}

	return a.reportMade(p, made)
}

func (a *app) makeBucket(ctx context.Context, address remote.Address, policy string) error {
	if address.Key() != "" || address.Bucket() == "" {
		return problem.Usagef("%s: mkdir makes a bucket, oss://BUCKET; key prefixes need no making", address)
	}

	c, done, err := a.client(ctx)
	if err != nil {
		return err
	}
	defer done()
	_, err = apsclient.Doubt[apsclient.Bucket]{
		Call: func(ctx context.Context) (apsclient.Bucket, error) {
			return c.Buckets.Create(ctx, address.Bucket(), policy, "")
		},
		Look: func(ctx context.Context) (apsclient.Bucket, bool, error) {
			b, err := c.Buckets.Details(ctx, address.Bucket())
			return b, err == nil, err
		},
		Logger: a.log,
	}.Do(ctx)
	made := err == nil
	if errors.Is(err, apsclient.ErrConflict) {
		err = a.bucketTaken(ctx, c, address.Bucket(), err)
	}

	if err != nil {
		return fmt.Errorf("make bucket %s: %w", address.Bucket(), err)
	}

	return a.reportMade(remote.Place{Kind: remote.KindBucket, Address: address, Bucket: address.Bucket()},
		made)
}

// bucketTaken says whose the name is that was refused; nil: ours.
func (a *app) bucketTaken(ctx context.Context, c *apsclient.Client, bucket string, refused error) error {
	_, err := c.Buckets.Details(ctx, bucket)
	switch {
	case errors.Is(err, apsclient.ErrNotFound), strings.Contains(refused.Error(), "deletion"):
		return fail(
			problem.Usage,
			refused,
			"a bucket of this name is being deleted, which takes a while: try again later, or choose "+
				"another name",
		)
	case err == nil:
		return nil
	case errors.Is(err, apsclient.ErrForbidden):
		return fail(problem.Usage, refused,
			"another application has a bucket of this name; choose another one")
	}

	return err
}

func (a *app) reportMade(p remote.Place, made bool) error {
	if a.flags.json {
		return a.printJSON(newEntryJSON(p.Entry()))
	}

	if a.flags.quiet {
		return nil
	}

	if made {
		a.printf("made %s\n", printable(p.Address.String()))
	} else {
		a.printf("%s is already there\n", printable(p.Address.String()))
	}

	return nil
}

// notes keeps intents for as long as this command runs: should it die in mid-call, a folder that
// was made is found by its name the next time.
type notes struct {
	mu   sync.Mutex
	data map[string][]byte
}

var _ remote.IntentStore = (*notes)(nil)

func (n *notes) Intent(key string) ([]byte, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	data, ok := n.data[key]

	return data, ok, nil
}

func (n *notes) PutIntent(key string, data []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.data == nil {
		n.data = map[string][]byte{}
	}

	n.data[key] = data

	return nil
}

func (n *notes) DeleteIntent(key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.data, key)

	return nil
}
