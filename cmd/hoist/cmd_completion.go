package main

import (
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
)

func newCompletionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes hoist's commands in a shell",
		Example: `  source <(hoist completion bash)
  hoist completion zsh > "${fpath[1]}/_hoist"
  hoist completion fish > ~/.config/fish/completions/hoist.fish
  hoist completion powershell | Out-String | Invoke-Expression`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: cobra.FixedCompletions([]string{"bash", "zsh", "fish", "powershell"},
			cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}

			return problem.Usagef("no completion for %q: it is bash, zsh, fish or powershell", args[0])
		},
	}
}

// completeValues completes a flag that takes one of a few words, also after a comma.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	f := func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the command has no such flag
	}
}
