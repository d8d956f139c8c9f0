// The last hour, day and week as curves.

import { bytes, draw, get, h, number, plural, section, span as lasts, svg } from "./lib.js";

const spans = [["hour", "Hour"], ["day", "Day"], ["week", "Week"]];
const plots = { span: "", at: 0, data: undefined };

export async function findPlots() {
  const span = spans.find(([name]) => name === location.hash.split("/")[1])?.[0] ?? "hour";
  if (plots.span === span && Date.now() - plots.at < 30000) return; // a minute is added once a minute
  plots.data = await get(`/v1/plots?span=${span}`);
  plots.span = span;
  plots.at = Date.now();
}

const wide = 600, high = 100;

// line is the path of a series; where nothing is known it has a gap. area closes it to the ground.
function line(points, value, d, most, area) {
  const since = new Date(d.since).getTime(), whole = new Date(d.until).getTime() - since;
  const x = (t) => (new Date(t).getTime() - since) / whole * wide, y = (v) => high - v / most * (high - 4);
  let path = "", before, began = 0;
  const close = () => { if (area && before !== undefined) path += `V${high}H${began.toFixed(1)}Z`; };
  for (const p of points) {
    const t = new Date(p.time).getTime(), at = x(t), end = Math.min(x(t + d.step_seconds * 1000), wide);
    if (before === undefined || t - before > d.step_seconds * 1500) { close(); began = at; path += `M${at.toFixed(1)} ${y(value(p)).toFixed(1)}`; }
    else path += `V${y(value(p)).toFixed(1)}`;
    path += `H${end.toFixed(1)}`;
    before = t;
  }
  close();
  return path;
}

// chart draws series of {name, value, area}; limit is a line that is not to be passed.
function chart(d, title, text, series, limit) {
  const most = Math.max(limit ?? 0, ...series.flatMap((s) => d.points.map(s.value)));
  const peak = (s) => d.points.reduce((m, p) => Math.max(m, s.value(p)), 0);
  const last = (s) => s.value(d.points.at(-1));
  const says = series.map((s) => `${s.name}: ${text(last(s))} now, ${text(peak(s))} at the most`).join("; ");
  const time = (t) => new Date(t).toLocaleString(undefined, d.span === "week" ? { weekday: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit" });
  return h("figure", { "data-key": title },
    h("figcaption", {}, h("b", {}, title), h("span", { class: "quiet" }, says)),
    h("div", { class: "plot" }, svg("svg", { viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}. ${says}` },
        svg("path", { class: "grid", d: `M0 4H${wide}M0 ${high / 2 + 2}H${wide}M0 ${high}H${wide}` }),
        series.map((s) => svg("path", { class: s.area ? "area" : "other", d: line(d.points, s.value, d, most || 1, s.area) })),
        limit && svg("path", { class: "limit", d: `M0 ${(high - limit / most * (high - 4)).toFixed(1)}H${wide}` }))),
    h("div", { class: "times quiet" }, h("span", {}, time(d.since)), h("span", {}, "now")));
}

export function plotsView() {
  const d = plots.data;
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "How far back" }, spans.map(([name, text]) =>
    h("a", { href: `#plots/${name}`, "aria-current": name === (d?.span ?? "hour") ? "true" : undefined }, text)));
  const head = [h("h1", {}, "Plots"), h("p", { class: "lead" }, "What this machine did, by minutes."), tabs];
  if (!d) { draw(head, h("p", { class: "quiet" }, "Loading…")); return; }
  if (!d.points.length) {
    draw(head, section("Nothing yet", {}, h("p", {}, "The first minute appears within a minute, while the daemon runs. What was done before is not known.")));
    return;
  }
  const classes = [...new Set(d.points.flatMap((p) => Object.keys(p.calls ?? {})))].sort();
  draw(head,
    section("Throughput", { "data-key": "throughput" }, chart(d, "Bytes", (n) => `${bytes(n)}/s`, [
      { name: "sent", value: (p) => p.sent, area: true }, { name: "received", value: (p) => p.received }])),
    section("Files", { "data-key": "files" },
      chart(d, `Published in ${lasts(d.step_seconds)}`, (n) => plural(n, "file"), [{ name: "published", value: (p) => p.published, area: true }]),
      chart(d, "Age of the queue", (n) => n ? lasts(n) : "empty", [{ name: "the oldest that could move", value: (p) => p.queue_age, area: true }])),
    section("Calls of each limit, in its busiest minute", { "data-key": "calls" },
      classes.length ? h("div", { class: "grid2" }, classes.map((c) => chart(d, c + (d.limits[c] ? `, ${number(d.limits[c])} a minute` : ""), number,
        [{ name: "calls", value: (p) => p.calls?.[c] ?? 0, area: true }], d.limits[c])))
        : h("p", { class: "quiet" }, "No call of the service in this time.")));
}
