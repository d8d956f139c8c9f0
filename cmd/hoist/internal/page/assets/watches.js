// The watched folders: their state and settings, and a form that adds one.

import { ask, bytes, button, draw, field, fix, h, home, numbers, plural, section, span, when } from "./lib.js";

export const browsing = { open: false, steps: [], list: [], error: "", busy: false }; // steps: [{name, id}]
export const added = { asked: undefined, report: undefined, error: "", busy: false }; // what preflight found
export const why = { answer: undefined, error: "" }; // of /v1/explain

const choices = { gate: ["", "warn", "park", "off"], prefer: ["", "local", "cloud", "newer"], delete: ["", "keep", "hide"] };
const names = { gate: "Doubtful content", prefer: "Differs at both ends", delete: "Removed here" };
const texts = { settle: "Rest before it is sent", scan: "Between two scans", "min-size": "Smallest size", "max-size": "Largest size", "min-age": "Youngest age" };
const defaults = { settle: "10s", scan: "1h", "min-size": "none", "max-size": "none", "min-age": "none" };

export const settingKeys = [...Object.keys(texts), ...Object.keys(choices), "exclude", "include"];

function settings(w) {
  const has = w.settings ?? {};
  return h("details", { "data-key": "settings" }, h("summary", {}, "Settings"),
    h("form", { class: "settings", "data-form": "settings", "data-id": w.id, "data-kept": true, "data-key": JSON.stringify(has) },
      Object.entries(texts).map(([k, text]) => field(k, text, { value: has[k]?.[0] ?? "", placeholder: defaults[k] })),
      Object.entries(choices).map(([k, list]) => h("label", {}, names[k], h("select", { name: k },
        list.map((v) => h("option", { value: v, selected: v === (has[k]?.[0] ?? "") }, v || "default"))))),
      ["exclude", "include"].map((k) => h("label", { class: "whole" }, k === "exclude" ? "Left out, a pattern a line" : "Taken alone, a pattern a line",
        h("textarea", { name: k, rows: 2, spellcheck: "false" }, (has[k] ?? []).join("\n")))),
      h("div", { class: "acts whole" }, h("button", {}, "Save"), h("span", { class: "quiet" }, "It holds at once; an empty field is the default."))));
}

function card(w) {
  const stopped = w.state === "paused";
  return section(w.path, { "data-key": w.id, class: w.state === "unavailable" || w.brake ? "warn" : undefined },
    h("p", { class: "quiet" }, `${w.remote} — ${w.state ?? "not watched now"}${w.last_scan ? `, looked at ${when(w.last_scan)}` : ""}`),
    w.detail && h("p", {}, w.detail),
    w.files !== undefined && numbers([["Files", w.files], ["Up", w.synced], ["Pending", w.pending], ["Need you", w.attention]]),
    w.left_out && h("p", { class: "quiet" }, `Left out: ${w.left_out.map((r) => `${r.count} by ${r.rule}`).join(", ")}`),
    w.delete === "hide" && h("p", { class: "quiet" }, "What is removed here is hidden in the cloud."),
    h("div", { class: "acts", "data-key": "acts" },
      w.brake ? fix(w.brake.go_on) : stopped ? button("Go on", "watch", { verb: "resume", id: w.id }, { class: "main" })
        : button("Pause", "watch", { verb: "pause", id: w.id }),
      !stopped && button("Look now", "watch", { verb: "scan", id: w.id }),
      button("Stop watching…", "unwatch", { id: w.id })),
    settings(w));
}

export const remoteOf = (steps) => steps.length ? "aps://" + steps.map((s) => s.name.replace(/[%/]/g, encodeURIComponent)).join("/") : "";

function chooser() {
  const what = ["account", "project", "top folder"][browsing.steps.length] ?? "folder";
  return section("Choose a folder in the cloud", { "data-key": "browse" },
    h("p", { class: "quiet" }, remoteOf(browsing.steps) || "Accounts"), browsing.error && h("p", { role: "alert" }, browsing.error),
    browsing.busy ? h("p", { class: "quiet" }, "Looking…")
      : h("div", { class: "list" }, browsing.list.map((f, i) => button(f.name, "down", { i })),
        !browsing.list.length && !browsing.error && h("p", { class: "quiet" }, `There is no ${what} here that this account can see.`)),
    h("div", { class: "acts" }, browsing.steps.length > 2 && button("Take this folder", "take", {}, { class: "main" }),
      browsing.steps.length > 0 && button("Up", "up"), button("Close", "close")));
}

// found is what preflight says of a folder before it is watched.
function found() {
  if (added.busy) return section("Looking at the folder…", { "data-key": "found" }, h("p", { class: "quiet" }, "Every file, and where it would land. Nothing is made."));
  if (!added.report) return added.error && section("It cannot be watched like this", { class: "warn", "data-key": "found" }, h("p", { role: "alert" }, added.error));
  const { rows, forecast: f } = added.report;
  const takes = [plural(f.files, "file"), bytes(f.bytes), f.folders && plural(f.folders, "new folder"), plural(f.calls, "call"), f.seconds && `about ${span(f.seconds)}`];
  return section(rows.length ? `${plural(rows.length, "thing")} to look at first` : "Nothing is in the way", { class: rows.length ? "warn" : undefined, "data-key": "found" },
    h("p", {}, takes.filter(Boolean).join(", "), f.decided_by && `, decided by ${f.decided_by}`, "."),
    rows.slice(0, 50).map((r) => h("div", { class: "row", "data-key": r.check + r.path }, h("span", { class: "name" }, r.path ?? r.remote ?? r.check), h("span", { class: "side quiet" }, r.verdict),
      h("span", { class: "sub" }, `${r.check}: ${r.detail}`), r.fix && h("div", { class: "acts" }, fix(r.fix)))),
    rows.length > 50 && h("p", { class: "quiet" }, `and ${rows.length - 50} more`),
    rows.length > 0 && h("p", { class: "quiet" }, "Files that cannot be sent wait, each with its reason; the others go."),
    h("div", { class: "acts" }, button("Watch it", "add", {}, { class: "main" }), button("Not now", "forget")));
}

export function watches() {
  const list = home.status.watches;
  draw(h("h1", {}, "Watched folders"), h("p", { class: "lead" }, "What changes in them is sent. Nothing in the cloud is deleted."),
    list.length ? list.map(card) : h("p", { "data-key": "none" }, "None yet. Add the first one below: a folder of this machine, and where its files go."),
    section("Add a folder", { "data-key": "add" }, h("form", { "data-form": "add", "data-kept": true },
      field("path", "Folder on this machine, as a full path", { required: true }),
      field("remote", "Folder in the cloud", { required: true, placeholder: "aps://Account/Project/Project Files/Drawings" }),
      h("div", { class: "acts" }, button("Browse…", "browse"), h("button", { class: "main" }, "Check it")))),
    browsing.open && chooser(), found(),
    section("Why is this file in its state, or left out?", { "data-key": "why" },
      h("form", { class: "line", "data-form": "why", "data-kept": true }, field("path", "Full path of a file", { required: true }), h("button", {}, "Explain")),
      why.error && h("p", { role: "alert" }, why.error),
      why.answer && [h("p", {}, `${why.answer.state}: ${why.answer.detail}`), why.answer.rule && h("p", { class: "quiet" }, why.answer.rule),
        why.answer.sentence && h("p", { class: "quiet" }, why.answer.sentence), h("div", { class: "acts" }, fix(why.answer.fix))]));
}

export async function browse() {
  const [hub, project, ...folders] = browsing.steps;
  const folder = folders.at(-1);
  const call = !hub ? ["list-hubs", {}] : !project ? ["list-projects", { hub_id: hub.id }]
    : !folder ? ["list-top-folders", { hub_id: hub.id, project_id: project.id }]
      : ["list-folder-contents", { project_id: project.id, folder_id: folder.id }];
  Object.assign(browsing, { error: "", list: [], busy: true });
  dispatchEvent(new Event("drawn"));
  try {
    for (let page = 0; page < 50; page++) {
      const query = call[0] === "list-folder-contents" || call[0] === "list-projects" ? { "page[number]": page } : undefined;
      const answer = await ask("POST", `/v1/actions/${call[0]}`, { params: call[1], query });
      browsing.list.push(...(answer.data ?? []).filter((d) => d.type !== "items" && !d.attributes?.hidden)
        .map((d) => ({ id: d.id, name: d.attributes?.name ?? d.attributes?.displayName ?? d.id })));
      if (!query || !answer.links?.next) break;
    }
    browsing.list.sort((a, b) => a.name.localeCompare(b.name));
  } catch (e) { browsing.error = e.message; }
  browsing.busy = false;
}

export async function preflight(values) {
  Object.assign(added, { asked: values, report: undefined, error: "", busy: true });
  dispatchEvent(new Event("drawn"));
  try { added.report = await ask("POST", "/v1/preflight", { paths: [values.path.replace(/[\\/]*$/, "/")], remote: values.remote }); }
  catch (e) { added.error = e.message; }
  added.busy = false;
}

// changed are the settings of a form that differ from those of its watch, as PATCH takes them.
export function changed(w, values) {
  const set = {};
  for (const key of settingKeys) {
    const now = (values[key] ?? "").split("\n").map((v) => v.trim()).filter(Boolean);
    if (JSON.stringify(now) !== JSON.stringify(w.settings?.[key] ?? [])) set[key] = now;
  }
  return set;
}
