// What moves, what waits for what, and what needs a person.

import { ask, base, button, bytes, draw, field, fix, h, home, numbers, plural, section, span, when } from "./lib.js";

const doctor = { findings: undefined, error: "", asked: false };

const needing = (s) => Math.max(s.attention.length, s.jobs.attention);

function headline(s) {
  const j = s.jobs, open = j.queued + j.active + j.waiting;
  if (needing(s)) return `${plural(needing(s), "file needs", "files need")} you`;
  if (open) return `${plural(open, "file is", "files are")} on ${open === 1 ? "its" : "their"} way`;
  if (j.paused) return `${plural(j.paused, "file is", "files are")} paused`;
  if (!s.watches.length && !j.done) return "Nothing is watched yet";
  return "Everything is up";
}

function lead(s) {
  const eta = s.eta;
  if (!eta) return s.watches.length ? `Watching ${plural(s.watches.length, "folder")}.` : "Three steps, and what changes in a folder is sent.";
  if (s.bandwidth?.up && (!eta.decided_by || eta.decided_by === "bandwidth")) return `About ${span(eta.seconds)}, at the bandwidth limit of ${bytes(s.bandwidth.up)}/s.`;
  const by = !eta.decided_by || eta.decided_by === "bandwidth" ? "as fast as the line lets it"
    : `decided by the limit of ${eta.decided_by} calls a minute`;
  return `About ${span(eta.seconds)}, ${by}.`;
}

const needs = (a) => h("div", { class: "row", "data-key": a.id ?? a.reason },
  h("span", { class: "name", title: a.path }, a.path ? base(a.path) : a.reason),
  h("span", { class: "side quiet" }, a.since ? when(a.since) : ""),
  h("span", { class: "sub" }, [a.reason, a.detail].filter(Boolean).join(": ")),
  h("div", { class: "acts" }, fix(a.fix), a.id && h("a", { href: `#queue/${a.id}` }, "Its story")));

const trouble = (t) => h("div", { class: "row", "data-key": t.reason },
  h("span", { class: "name" }, t.reason), h("span", { class: "side quiet" }, t.next_attempt ? `next try ${when(t.next_attempt)}` : ""),
  h("span", { class: "sub" }, [t.detail, t.count && plural(t.count, "file")].filter(Boolean).join(" — ")),
  t.fix && h("div", { class: "acts" }, fix(t.fix)));

const moves = (a) => h("div", { class: "row", "data-key": a.id },
  h("a", { class: "name", href: `#queue/${a.id}`, title: a.path }, base(a.path)),
  h("span", { class: "side" }, a.rate ? `${bytes(a.rate)}/s` : a.phase),
  h("progress", { max: a.bytes_total || 1, value: a.bytes_total ? a.bytes_done : 0, "aria-label": base(a.path) }),
  h("span", { class: "sub" }, a.remote),
  h("span", { class: "side quiet" }, a.bytes_total ? `${bytes(a.bytes_done)} of ${bytes(a.bytes_total)}` : ""));

const waits = (w) => h("div", { class: "row", "data-key": w.reason + w.detail },
  h("span", { class: "name" }, plural(w.count, "file")),
  h("span", { class: "side quiet" }, w.next_attempt ? `next try ${when(w.next_attempt)}` : ""),
  h("span", { class: "sub" }, [w.reason, w.detail].filter(Boolean).join(": ")),
  h("span", { class: "sub" }, w.paths.map(base).join(", ") + (w.count > w.paths.length ? " …" : "")),
  w.fix && h("div", { class: "acts" }, fix(w.fix)));

// together offers one button for many files that one retry may help.
function together(list) {
  const by = {};
  for (const a of list) if (/^hoist retry [0-9a-f]+$/.test(a.fix ?? "")) by[a.reason] = (by[a.reason] ?? 0) + 1;
  const many = Object.entries(by).filter(([, n]) => n > 1).map(([reason]) =>
    button(`Try all with ${reason} again`, "all", { verb: "retry", reason }));
  return many.length > 0 && h("div", { class: "acts", "data-key": "together" }, many);
}

// some are the first of a list, and how many there are more.
function some(list, most, all, row) {
  return [list.slice(0, most).map(row), all > most && h("p", { class: "quiet" }, `and ${all - most} more; the queue has them all`)];
}

export function now() {
  const s = home.status, j = s.jobs, open = j.queued + j.active + j.waiting;
  const used = s.budgets.filter((b) => b.available < b.limit_per_minute);
  const paused = j.paused > 0 || s.watches.some((w) => w.state === "paused" && !w.brake);
  draw(
    h("h1", { "aria-live": "polite" }, headline(s)), h("p", { class: "lead" }, lead(s)),
    s.trouble?.length > 0 && section("In the way", { class: "warn", "data-key": "trouble" }, s.trouble.slice(0, 20).map(trouble)),
    s.attention.length > 0 && section("Needs you", { class: "warn", "data-key": "needs" },
      together(s.attention), some(s.attention, 50, needing(s), needs)),
    s.active.length > 0 && section("On the way", { "data-key": "moving" }, some(s.active, 60, j.active, moves)),
    s.waiting.length > 0 && section("Waits, and goes on by itself", { "data-key": "waiting" }, some(s.waiting, 40, s.waiting.length, waits)),
    !s.watches.length && firstSteps(),
    section("In numbers", { "data-key": "numbers" }, numbers([["Done", j.done], ["On the way", j.active],
      ["Queued", j.queued + j.waiting], ["Paused", j.paused], ["Need you", needing(s)], ["Failed", j.failed]]),
    (open > 0 || paused || s.watches.length > 0) && h("div", { class: "acts" },
      button("Pause all", "everything", { verb: "pause" }, { "aria-disabled": open === 0 && !s.watches.some((w) => w.state !== "paused") ? "true" : undefined }),
      paused && button("Go on with all", "everything", { verb: "resume" }, { class: "main" }))),
    section("Bandwidth", { "data-key": "bandwidth" },
      h("p", { class: "quiet" }, bandwidth(s.bandwidth)),
      h("form", { class: "line", "data-form": "bandwidth", "data-kept": true, "data-key": s.bandwidth?.setting ?? "" },
        field("setting", "Limit: 2M, 2M:1M for up and down, or 08:00,2M 19:00,off; empty for none", { value: s.bandwidth?.setting ?? "", placeholder: "no limit" }),
        h("button", {}, "Set"))),
    used.length > 0 && section("Calls left this minute", { "data-key": "budgets" }, used.map((b) => h("div", { class: "row", "data-key": b.class },
      h("span", { class: "name" }, b.class), h("span", { class: "side" }, `${b.available} of ${b.limit_per_minute}`),
      h("progress", { max: b.limit_per_minute, value: b.available, "aria-label": b.class })))));
}

function bandwidth(b) {
  if (!b) return "No limit: hoist takes what the line gives.";
  const each = (n) => n ? `${bytes(n)}/s` : "no limit";
  return `At this hour: ${each(b.up)} up, ${each(b.down)} down.`;
}

// firstSteps lead from the sign-in, by what doctor finds, to the first watch.
function firstSteps() {
  if (!doctor.asked) { doctor.asked = true; examine(); }
  const of = (check) => doctor.findings?.find((f) => f.check === check && f.verdict === "ok");
  const signedIn = of("token"), sees = of("hubs");
  return [
    section(signedIn ? "1. Signed in" : "1. Sign in", { "data-key": "step1" },
      doctor.error && h("p", { role: "alert" }, doctor.error),
      !doctor.findings && !doctor.error && h("p", { class: "quiet" }, "Looking at the account, the network and this machine…"),
      doctor.findings && !signedIn && [h("p", {}, "On the command line of this machine, once; the secret is asked for and stays here:"),
        h("div", { class: "acts" }, fix("hoist login"))],
      signedIn && h("p", { class: "quiet" }, signedIn.detail)),
    section("2. What works", { "data-key": "step2" },
      h("ul", { class: "findings" }, (doctor.findings ?? []).filter((f) => f.verdict !== "skipped").map((f) => h("li", { class: f.verdict },
        h("b", {}, { ok: "Works", warning: "Look", problem: "Problem" }[f.verdict] ?? f.verdict), h("span", {}, `${f.check}: ${f.detail ?? ""}`),
        f.fix && h("span", { class: "sub" }, f.fix)))),
      h("div", { class: "acts" }, button("Look again", "examine"), h("a", { href: "#guide" }, "What an administrator has to set up"))),
    section("3. The first folder", { "data-key": "step3" },
      h("p", {}, sees ? "Choose a folder of this machine, and where its files go." : "Once the account can see a hub, choose a folder of this machine and where its files go."),
      h("div", { class: "acts" }, h("a", { href: "#watches", class: "button main" }, "Add a folder"))),
  ];
}

export async function examine() {
  try { doctor.findings = await ask("POST", "/v1/doctor"); doctor.error = ""; } catch (e) { doctor.error = e.message; }
  dispatchEvent(new Event("drawn"));
}
