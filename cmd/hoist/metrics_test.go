package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"go.yaml.in/yaml/v4"
)

// TestMetrics: what a daemon with work behind it answers, and that dashboard and alerts ask for
// nothing else.
func TestMetrics(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start("daemon")
	l.owned("daemon")
	watched := filepath.Join(l.dir, "w")
	if err := os.Mkdir(watched, 0o755); err != nil {
		t.Fatal(err)
	}

	l.run(0, "watch", "add", watched, l.remote+"/w")
	l.run(0, "push", l.file("plan.dwg", 5000), l.remote)
	l.run(3, "push", l.file("bad:name.dwg", 10), l.remote)

	resp, err := l.socket().Get("http://hoist/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{
		`hoist_healthy 1`, `hoist_jobs{state="done"} 1`, `hoist_jobs{state="attention"} 1`,
		`hoist_jobs_by_reason{state="attention",reason="name-refused"} 1`,
		`hoist_bytes_total{direction="up"} 5000`, `hoist_parts_total{direction="up",status="200"} 1`,
		`hoist_calls_total{action="create-item",status="201"} 1`, `hoist_queue_age_seconds 0`,
		`hoist_watch_up{watch="`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("not there: %s", want)
		}
	}

	have := map[string]bool{}
	line := regexp.MustCompile(`^([a-z_][a-z0-9_]*)(\{([A-Za-z_]+="[^"]*",? ?)+\})? [0-9.e+-]+$`)
	for row := range strings.Lines(string(text)) {
		row = strings.TrimSpace(row)
		if f := strings.Fields(row); strings.HasPrefix(row, "# HELP ") {
			have[f[2]] = true
		} else if m := line.FindStringSubmatch(row); m != nil {
			have[m[1]] = true
		} else if row != "" && !strings.HasPrefix(row, "#") {
			t.Errorf("no figure: %s", row)
		}
	}

	for where, query := range queries(t) {
		for _, name := range askedFor(t, where, query) {
			if !have[name] {
				t.Errorf("%s asks for %s, which is not answered", where, name)
			}
		}
	}

	promtool(t, bytes.NewReader(text), "check", "metrics")
}

// queries are those of the example dashboard and alerts, by where they stand.
func queries(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	read := func(name string, into any, decode func([]byte, any) error) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join("packaging", name))
		if err != nil {
			t.Fatal(err)
		}

		if err := decode(data, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}

	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	read("grafana-dashboard.json", &board, json.Unmarshal)

	for _, p := range board.Panels {
		for i, target := range p.Targets {
			q := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			out[fmt.Sprintf("panel %q %d", p.Title, i)] = strings.ReplaceAll(q, "$instance", ".*")
		}
	}

	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	read("alerts.yml", &alerts, func(data []byte, v any) error { return yaml.Unmarshal(data, v) })

	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			out["alert "+r.Alert] = r.Expr
		}
	}

	if len(out) < 20 {
		t.Fatalf("%d queries: they were not read", len(out))
	}

	return out
}

// askedFor are the figures that a query names.
func askedFor(t *testing.T, where, query string) (names []string) {
	t.Helper()
	e, err := metricsql.Parse(query)
	if err != nil {
		t.Errorf("%s: %s: %v", where, query, err)
		return nil
	}

	metricsql.VisitAll(e, func(e metricsql.Expr) {
		if m, ok := e.(*metricsql.MetricExpr); ok {
			names = append(names, m.LabelFilterss[0][0].Value)
		}
	})

	if len(names) == 0 {
		t.Errorf("%s asks for nothing: %s", where, query)
	}

	return names
}

// TestAlertRules lets Prometheus judge the rules, and the queries of the dashboard as rules.
func TestAlertRules(t *testing.T) {
	promtool(t, nil, "check", "rules", filepath.Join("packaging", "alerts.yml"))

	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	for _, query := range queries(t) {
		rules = append(rules, rule{fmt.Sprintf("q:%d", len(rules)), query})
	}

	data, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "q", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(t.TempDir(), "queries.yml") // JSON is YAML
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}

	promtool(t, nil, "check", "rules", file)
}

// promtool runs the tool of Prometheus, where it is. Its exit code 3 is a matter of taste, such as a
// figure of the Go runtime without a help text.
func promtool(t *testing.T, stdin io.Reader, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not here: apt-get install prometheus")
	}

	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Stdin = stdin
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
