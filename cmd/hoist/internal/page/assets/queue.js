// The queue and its history, and the story of one file.

import { ask, base, button, bytes, clock, draw, fix, get, h, number, section, tell, when } from "./lib.js";

const most = 200; // rows that the page holds
export const search = { text: "", state: "", pages: [], jobs: [], detail: undefined, stale: false, cloud: undefined };

function query() {
  const q = new URLSearchParams({ limit: most, newest: true });
  if (search.text) q.set("path", search.text);
  if (search.state) q.set("state", search.state);
  if (search.pages.length) q.set("after", search.pages.at(-1));
  return `${q}`;
}

// A search may pass a million jobs: there is one at a time, for what was typed last, and one that took long is not
// made again before ten times as long.
const found = { query: undefined, took: 0, ended: 0 };
let looking;

async function look() {
  let q;
  do {
    q = query();
    if (q === found.query && Date.now() - found.ended < 10 * found.took) return;
    const began = Date.now();
    search.jobs = await get(`/v1/jobs?${q}`);
    Object.assign(found, { query: q, took: Date.now() - began, ended: Date.now() });
  } while (q !== query());
}

export async function findJobs() {
  if (location.hash.split("/")[1]) return;
  looking ??= look().finally(() => { looking = undefined; });
  await looking;
}

const row = (j) => h("div", { class: "row", "data-key": j.id },
  h("a", { class: "name", href: `#queue/${j.id}`, title: j.path }, base(j.path)),
  h("span", { class: "side" }, j.result ?? j.state),
  h("span", { class: "sub" }, j.path), h("span", { class: "side quiet" }, when(j.updated_at)));

function none() {
  if (search.text || search.state) return "No file of this kind. A shorter part of the path, or any state, finds more.";
  return "Nothing was sent yet. Watch a folder, or push a file, and it appears here.";
}

export function queue() {
  const id = location.hash.split("/")[1];
  if (id) { story(id); return; }
  const states = ["", "queued", "active", "waiting", "paused", "attention", "done", "failed", "cancelled"];
  draw(h("h1", {}, "Queue and history"), h("p", { class: "lead" }, "The newest first. Each has its story."),
    h("form", { class: "filters", "data-form": "search", "data-kept": true, "data-key": "search", role: "search" },
      h("label", {}, "Part of a path", h("input", { name: "text", type: "search", autocomplete: "off" })),
      h("label", {}, "State", h("select", { name: "state" }, states.map((s) => h("option", { value: s }, s || "any"))))),
    h("section", { "data-key": "rows" }, search.jobs.length ? search.jobs.map(row) : h("p", { class: "quiet" }, none())),
    (search.pages.length > 0 || search.jobs.length === most) && h("div", { class: "acts", "data-key": "pages" },
      search.pages.length > 0 && button("Newer", "newer"), search.jobs.length === most && button("Older", "older"),
      h("span", { class: "quiet" }, `${number(search.pages.length * most + 1)} to ${number(search.pages.length * most + search.jobs.length)}`)));
}

const phases = { upload: ["queued", "reserved", "uploading", "uploaded", "completed", "publishing", "published", "done"],
  download: ["queued", "resolved", "fetching", "verified", "placed", "done"], rename: ["queued", "renaming", "done"], hide: ["queued", "hiding", "done"] };

function steps(j) {
  const all = phases[j.kind] ?? [], at = j.state === "done" ? all.length : all.indexOf(j.phase);
  return h("ol", { class: "steps", "aria-label": "Phases" }, all.map((p, i) =>
    h("li", { class: i < at ? "past" : undefined, "aria-current": i === at ? "step" : undefined }, p)));
}

// receipt says where the proof of an upload is.
function receipt(j) {
  if (j.record?.receipt) return `number ${number(j.record.receipt)} of receipts.jsonl in the home`;
  if (j.kind !== "upload" || !["created", "versioned"].includes(j.result)) return undefined;
  return "the line of this job in receipts.jsonl of the home";
}

const facts = (list) => h("dl", { class: "facts" }, list.filter(([, v]) => v !== undefined && v !== "" && v !== null)
  .map(([name, v]) => [h("dt", {}, name), h("dd", {}, v)]));

function story(id) {
  const j = search.detail;
  if (j?.asked !== id) {
    read(id);
    draw(h("p", {}, h("a", { href: "#queue" }, "← Queue")), h("p", { class: "quiet" }, "Loading…"));
    return;
  }
  if (search.stale) { search.stale = false; read(id); } // and until then what was true a moment ago
  const stored = new Set(j.parts.map((p) => p.part)), total = Math.min(j.parts_total ?? stored.size, 2000), r = j.record;
  draw(h("p", {}, h("a", { href: "#queue" }, "← Queue")), h("h1", {}, base(j.path)),
    h("p", { class: "lead" }, [j.kind, j.result ?? j.state, j.size !== undefined && bytes(j.size)].filter(Boolean).join(", ")),
    h("section", { class: j.reason ? "warn" : undefined, "data-key": "state" }, h("h2", {}, j.reason ?? "Where it stands"), j.error && h("p", {}, j.error), j.warning && h("p", {}, j.warning), steps(j),
      facts([["From", j.kind === "download" ? j.remote : j.path], ["To", j.kind === "download" ? j.path : j.remote], ["Tries that failed", j.attempts || undefined],
        ["Next try", j.next_attempt && when(j.next_attempt)], ["Began", clock(j.created_at)], ["Changed", clock(j.updated_at)]]),
      h("div", { class: "acts" }, fix(j.fix),
        ["queued", "active", "waiting"].includes(j.state) && button("Pause", "job", { verb: "pause", id: j.id }),
        j.state === "paused" && button("Go on", "job", { verb: "resume", id: j.id }, { class: "main" }),
        ["waiting", "attention", "failed", "cancelled"].includes(j.state) && !/^hoist retry/.test(j.fix ?? "") && button("Try again", "job", { verb: "retry", id: j.id }),
        !["done", "cancelled", "failed"].includes(j.state) && !/^hoist cancel/.test(j.fix ?? "") && button("Give up", "job", { verb: "cancel", id: j.id }))),
    total > 1 && section(`Parts: ${number(stored.size)} of ${number(j.parts_total ?? total)}`, { "data-key": "parts" },
      h("div", { class: "parts", role: "img", "aria-label": `${stored.size} of ${j.parts_total ?? total} parts are stored` },
        Array.from({ length: total }, (_, i) => h("i", { class: stored.has(i + 1) ? "done" : undefined }))),
      (j.parts_total ?? 0) > total && h("p", { class: "quiet" }, `the first ${number(total)} are drawn`)),
    section("What happened", { "data-key": "history" }, h("table", {}, h("thead", {}, h("tr", {}, ["When", "What", "More"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, j.history.map((e) => h("tr", {}, h("td", { class: "when" }, clock(e.time)), h("td", {}, e.event), h("td", {}, e.detail ?? "")))))),
    (j.item_id || j.storage_id || r) && section("In the cloud", { "data-key": "cloud" },
      facts([["Version", j.version_number || undefined], ["Item", j.item_id && h("code", {}, j.item_id)], ["Version id", j.version_id && h("code", {}, j.version_id)],
        ["Object", j.storage_id && h("code", {}, j.storage_id)],
        ["Last published", r && [`version ${r.version_number ?? "?"}`, r.published && clock(r.published), bytes(r.size)].filter(Boolean).join(", ")],
        ["Receipt", receipt(j)]]),
      search.cloud?.id === j.id ? cloud() : j.item_id && j.project_id && h("div", { class: "acts" }, button("Versions and link", "cloud", { id: j.id }))));
}

function cloud() {
  const { link, versions } = search.cloud;
  return [link && h("p", {}, h("a", { href: link, rel: "noreferrer noopener", target: "_blank" }, "Open it in the cloud")),
    h("table", {}, h("thead", {}, h("tr", {}, ["Version", "When", "Size"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, versions.map((v) => h("tr", {}, h("td", {}, String(v.versionNumber ?? "")), h("td", { class: "when" }, v.lastModifiedTime ? clock(v.lastModifiedTime) : ""),
        h("td", {}, v.storageSize !== undefined ? bytes(v.storageSize) : "")))))];
}

async function read(id) {
  try {
    const job = await get(`/v1/jobs/${encodeURIComponent(id)}`);
    let record;
    try { record = (await get(`/v1/explain?path=${encodeURIComponent(job.path)}`)).record; } catch { /* a file that is gone has none */ }
    search.detail = { ...job, record, asked: id };
    dispatchEvent(new Event("drawn"));
  } catch (e) { tell(e.message); }
}

// linkOf is the service's own link where it gave one, else the form that the Files tool of ACC uses, as "hoist url"
// has it; only a page of the web is one.
function linkOf(project, item, tip) {
  const href = tip?.links?.webView?.href ?? "";
  if (/^https:\/\//.test(href)) return href;
  if (!project.startsWith("b.")) return "";
  const q = new URLSearchParams({ folderUrn: item.data?.relationships?.parent?.data?.id ?? "", entityId: item.data?.id ?? "" });
  return `https://acc.autodesk.com/docs/files/projects/${encodeURIComponent(project.slice(2))}?${q}`;
}

// readCloud asks the service for the versions of a file and its link.
export async function readCloud(id) {
  const j = search.detail, of = { params: { project_id: j.project_id, item_id: j.item_id } };
  const [item, list] = [await ask("POST", "/v1/actions/get-item", of), await ask("POST", "/v1/actions/list-item-versions", of)];
  search.cloud = { id, link: linkOf(j.project_id, item, list.data?.[0]), versions: (list.data ?? []).map((v) => v.attributes ?? {}) };
}
