package service

import (
	"os"
	"path/filepath"
	"strings"
)

// The credentials that systemd hands to a system service, from its store or a drop-in of the
// administrator (LoadCredentialEncrypted=).
const (
	CredentialID     = "hoist.client-id"
	CredentialSecret = "hoist.client-secret"
)

// credentialStore is where systemd looks for a credential that has no path.
const credentialStore = "/etc/credstore"

// HandedOver are the credentials that systemd will hand to a service, as environment for the one who
// checks what it sees; nil when there are none. Only root reads the store.
func HandedOver(o Options) []string { return handedOver(credentialStore, o) }

func handedOver(store string, o Options) (env []string) {
	if !o.System {
		return nil
	}

	for _, c := range []struct{ file, name string }{
		{CredentialID, "APS_CLIENT_ID"}, {CredentialSecret, "APS_CLIENT_SECRET"}} {
		if value, err := os.ReadFile(filepath.Join(store, c.file)); err == nil {
			env = append(env, c.name+"="+strings.TrimSpace(string(value)))
		}
	}

	return env
}

// Unit is the unit of systemd. What a user's own systemd cannot enforce is left out of a user unit.
// The daemon may write where its user may: it downloads to any folder that it is told.
func Unit(o Options) string {
	var b strings.Builder

	line := func(words ...string) { b.WriteString(strings.Join(words, "") + "\n") }
	line("[Unit]")
	line("Description=Keep folders of drawings in sync with Autodesk Platform Services")
	line("# It starts without network or drives, waits for them and goes on by itself.")
	line("After=network.target")
	line()
	line("[Service]")
	line("Type=notify")
	line("NotifyAccess=main")
	line("WatchdogSec=2min")

	exec := []string{quoteUnit(o.Program)}
	for _, a := range o.Args {
		exec = append(exec, quoteUnit(a))
	}

	line("ExecStart=", strings.Join(exec, " "))
	for _, e := range o.Env {
		line("Environment=", quoteUnit(e))
	}

	if o.System {
		line("LoadCredential=", CredentialID)
		line("LoadCredential=", CredentialSecret)
	}

	if o.System && o.User != "" {
		line("User=", o.User)
	}

	line("Restart=on-failure")
	line("RestartSec=5")
	line("# Stopping is safe at any moment; nothing needs to be finished first.")
	line("TimeoutStopSec=15")
	line("UMask=0077")

	for _, on := range []string{"NoNewPrivileges", "LockPersonality", "MemoryDenyWriteExecute",
		"RestrictRealtime", "RestrictSUIDSGID"} {
		line(on, "=yes")
	}

	line("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK")
	line("SystemCallArchitectures=native")
	if o.System {
		line("ProtectSystem=full")
		line("CapabilityBoundingSet=")
		line("SystemCallFilter=@system-service")
		for _, on := range []string{"PrivateDevices", "ProtectClock", "ProtectControlGroups",
			"ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules",
			"ProtectKernelTunables", "RestrictNamespaces"} {
			line(on, "=yes")
		}
	}

	line()
	line("[Install]")
	if o.System {
		line("WantedBy=multi-user.target")
	} else {
		line("WantedBy=default.target")
	}

	return b.String()
}

// quoteUnit writes a word as systemd reads it.
func quoteUnit(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\n", `\n`).Replace(s) + `"`
}
