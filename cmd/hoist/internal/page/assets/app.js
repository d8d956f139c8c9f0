// The page of hoist: it shows what the control API says. Every text is set as text, never as markup, so
// that the name of a file cannot be more than a name.

const main = document.getElementById("main");
const link = document.getElementById("link");
const note = document.getElementById("note");
let session; // {token, header}
let status; // of GET /v1/status
let drawn = ""; // the view that main holds

// ---- speaking to the owner

async function ask(method, path, body) {
  session ??= await (await fetch("session.json")).json();
  const headers = { "Content-Type": "application/json", [session.header]: session.token };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  let value;
  try { value = text ? JSON.parse(text) : {}; } catch { value = { error: { message: text } }; }
  if (!answer.ok) throw new Error(value.error?.message ?? value.detail ?? `the answer was ${answer.status}`);
  return value;
}

const get = (path) => ask("GET", path);

let telling;
function tell(text) {
  note.textContent = text;
  clearTimeout(telling);
  telling = setTimeout(() => { note.textContent = ""; }, 8000);
}

// ---- drawing

function h(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === true) e.setAttribute(key, "");
    else if (value !== undefined && value !== false) e.setAttribute(key, value);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false));
  return e;
}

// morph makes the children of one element those of another, and keeps what is the same: focus, what was
// typed, and the place of the eye.
function morph(have, want) {
  const old = [...have.childNodes];
  [...want.childNodes].forEach((n, i) => {
    const o = old[i];
    if (!o) have.append(n);
    else if (o.nodeName !== n.nodeName || o.dataset?.key !== n.dataset?.key) o.replaceWith(n);
    else if (n.nodeType === Node.TEXT_NODE) { if (o.data !== n.data) o.data = n.data; }
    else {
      for (const a of [...o.attributes]) if (!n.hasAttribute(a.name)) o.removeAttribute(a.name);
      for (const a of n.attributes) if (o.getAttribute(a.name) !== a.value) o.setAttribute(a.name, a.value);
      if (!o.hasAttribute("data-kept")) morph(o, n);
    }
  });
  old.slice(want.childNodes.length).forEach((o) => o.remove());
}

function draw(...children) {
  const view = location.hash.slice(1).split("/")[0];
  const want = h("main", {}, children);
  if (drawn === view) morph(main, want);
  else { main.replaceChildren(...want.childNodes); drawn = view; }
}

const plural = (n, one, many = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${i && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

function span(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86400)} days`;
}

function when(time) {
  const s = (new Date(time) - Date.now()) / 1000;
  return s > 0 ? `in ${span(s)}` : `${span(-s)} ago`;
}

const base = (path) => path.split(/[\\/]/).filter(Boolean).pop() ?? path;
const clock = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });

function button(text, act, data = {}, props = {}) {
  const attributes = Object.fromEntries(Object.entries(data).map(([k, v]) => [`data-${k}`, v]));
  return h("button", { type: "button", "data-act": act, ...attributes, ...props }, text);
}

// fix is a button when the API can do what helps, and else the line to copy.
function fix(line) {
  if (!line) return undefined;
  const m = /^hoist (retry|resume|cancel|pause)(?: --wait)? ([0-9a-f]{8,})$/.exec(line);
  if (m) {
    const names = { retry: "Try again", resume: "Go on", cancel: "Give up", pause: "Pause" };
    return button(names[m[1]], "job", { verb: m[1], id: m[2] }, { class: "main" });
  }
  return [h("code", { class: "line" }, line), button("Copy", "copy", { text: line })];
}

const section = (title, props, ...children) => h("section", props, h("h2", {}, title), children);

// ---- what moves, what waits, what needs a person

function headline() {
  const j = status.jobs, open = j.queued + j.active + j.waiting;
  if (status.attention.length) return `${plural(status.attention.length, "file needs", "files need")} you`;
  if (open) return `${plural(open, "file is", "files are")} on ${open === 1 ? "its" : "their"} way`;
  if (!status.watches.length && !j.done) return "Nothing is watched yet";
  return "Everything is up";
}

function lead() {
  const eta = status.eta;
  if (!eta) return status.watches.length ? `Watching ${plural(status.watches.length, "folder")}.` : "";
  const by = !eta.decided_by || eta.decided_by === "bandwidth" ? "as fast as the line lets it"
    : `decided by the limit of ${eta.decided_by} a minute`;
  return `About ${span(eta.seconds)}, ${by}.`;
}

function now() {
  const s = status;
  const needs = s.attention.slice(0, 50).map((a) => h("div", { class: "row", "data-key": a.id ?? a.reason },
    h("span", { class: "name", title: a.path }, a.path ? base(a.path) : a.reason),
    h("span", { class: "side quiet" }, a.since ? when(a.since) : ""),
    h("span", { class: "sub" }, [a.reason, a.detail].filter(Boolean).join(": ")),
    h("div", { class: "acts" }, fix(a.fix), a.id && h("a", { href: `#queue/${a.id}` }, "Its story"))));
  const trouble = (s.trouble ?? []).map((t) => h("div", { class: "row" },
    h("span", { class: "name" }, t.reason), h("span", { class: "side quiet" }, t.next_attempt ? when(t.next_attempt) : ""),
    h("span", { class: "sub" }, t.detail ?? ""), h("div", { class: "acts" }, fix(t.fix))));
  const moving = s.active.slice(0, 100).map((a) => h("div", { class: "row", "data-key": a.id },
    h("a", { class: "name", href: `#queue/${a.id}`, title: a.path }, base(a.path)),
    h("span", { class: "side" }, a.rate ? `${bytes(a.rate)}/s` : a.phase),
    h("progress", { max: a.bytes_total ?? 1, value: a.bytes_total ? a.bytes_done : 0, "aria-label": base(a.path) }),
    h("span", { class: "sub" }, a.remote),
    h("span", { class: "side quiet" }, a.bytes_total ? `${bytes(a.bytes_done)} of ${bytes(a.bytes_total)}` : "")));
  const waiting = s.waiting.map((w) => h("div", { class: "row", "data-key": w.reason },
    h("span", { class: "name" }, plural(w.count, "file")),
    h("span", { class: "side quiet" }, w.next_attempt ? when(w.next_attempt) : ""),
    h("span", { class: "sub" }, [w.reason, w.detail].filter(Boolean).join(": ")),
    h("span", { class: "sub" }, w.paths.map(base).join(", ") + (w.count > w.paths.length ? " …" : "")),
    w.fix && h("div", { class: "acts" }, fix(w.fix))));
  const used = s.budgets.filter((b) => b.available < b.limit_per_minute);
  draw(
    h("h1", { "aria-live": "polite" }, headline()), h("p", { class: "lead" }, lead()),
    trouble.length > 0 && section("In the way", { class: "warn", "data-key": "trouble" }, trouble),
    needs.length > 0 && section("Needs you", { class: "warn", "data-key": "needs" }, needs,
      s.attention.length > needs.length && h("p", { class: "quiet" }, `and ${s.attention.length - needs.length} more`)),
    moving.length > 0 && section("On the way", { "data-key": "moving" }, moving,
      s.active.length > moving.length && h("p", { class: "quiet" }, `and ${s.active.length - moving.length} more`)),
    waiting.length > 0 && section("Waits, and goes on by itself", { "data-key": "waiting" }, waiting),
    section("In numbers", { "data-key": "numbers" }, h("dl", { class: "numbers" },
      [["Done", s.jobs.done], ["On the way", s.jobs.active], ["Queued", s.jobs.queued + s.jobs.waiting], ["Paused", s.jobs.paused],
        ["Need you", s.attention.length], ["Failed", s.jobs.failed]]
        .map(([name, n]) => h("div", {}, h("dt", {}, name), h("dd", {}, n.toLocaleString("en"))))),
    s.jobs.paused + s.jobs.queued + s.jobs.active + s.jobs.waiting > 0 && h("div", { class: "acts" },
      s.jobs.queued + s.jobs.active + s.jobs.waiting > 0 && button("Pause all", "all", { verb: "pause" }),
      s.jobs.paused > 0 && button("Go on with all", "all", { verb: "resume" }))),
    used.length > 0 && section("Calls left this minute", { "data-key": "budgets" }, used.map((b) => h("div", { class: "row" },
      h("span", { class: "name" }, b.class), h("span", { class: "side" }, `${b.available} of ${b.limit_per_minute}`),
      h("progress", { max: b.limit_per_minute, value: b.available, "aria-label": b.class })))),
    !s.watches.length && section("The first folder", { "data-key": "first" },
      h("p", {}, "Sign in once on the command line, then choose a folder that is to be kept in sync."),
      h("div", { class: "acts" }, fix("hoist login"), h("a", { href: "#watches" }, "Add a folder"))));
}

// ---- watched folders

const browsing = { open: false, steps: [], list: [], error: "" }; // steps: [{name, id, kind}]

function watches() {
  const cards = status.watches.map((w) => section(w.path, { "data-key": w.id },
    h("p", { class: "quiet" }, `${w.remote} — ${w.state ?? "not watched now"}${w.last_scan ? `, looked at ${when(w.last_scan)}` : ""}`),
    w.detail && h("p", {}, w.detail),
    w.files !== undefined && h("dl", { class: "numbers" }, [["Files", w.files], ["Up", w.synced], ["Pending", w.pending], ["Need you", w.attention]]
      .map(([name, n]) => h("div", {}, h("dt", {}, name), h("dd", {}, n.toLocaleString("en"))))),
    w.left_out && h("p", { class: "quiet" }, `Left out: ${w.left_out.map((r) => `${r.count} by ${r.rule}`).join(", ")}`),
    h("div", { class: "acts" },
      w.state === "paused" ? button("Go on", "watch", { verb: "resume", id: w.id }, { class: "main" })
        : button("Pause", "watch", { verb: "pause", id: w.id }),
      w.state !== "paused" && button("Look now", "watch", { verb: "scan", id: w.id }),
      button("Stop watching…", "unwatch", { id: w.id }))));
  draw(h("h1", {}, "Watched folders"), h("p", { class: "lead" }, "What changes in them is sent. Nothing in the cloud is deleted."),
    cards.length ? cards : h("p", { "data-key": "none" }, "None yet."),
    section("Add a folder", { "data-key": "add" }, h("form", { "data-form": "add", "data-kept": true },
      h("label", {}, "Folder on this machine, as a full path", h("input", { name: "path", required: true, autocomplete: "off", spellcheck: "false" })),
      h("label", {}, "Folder in the cloud", h("input", { name: "remote", required: true, autocomplete: "off", spellcheck: "false",
        placeholder: "aps://Account/Project/Project Files/Drawings" })),
      h("div", { class: "acts" }, button("Browse…", "browse"), h("button", { class: "main" }, "Watch it")))),
    browsing.open && section("Choose a folder in the cloud", { "data-key": "browse" },
      h("p", { class: "quiet" }, remoteOf(browsing.steps) || "Accounts"), browsing.error && h("p", { role: "alert" }, browsing.error),
      h("div", { class: "acts" }, browsing.steps.length > 0 && button("Up", "up"), browsing.list.map((f, i) => button(f.name, "down", { i }))),
      browsing.steps.length > 2 && h("div", { class: "acts" }, button("Take this folder", "take", {}, { class: "main" }))),
    section("Why is this file in its state?", { "data-key": "why" },
      h("form", { "data-form": "why", "data-kept": true }, h("label", {}, "Full path of a file",
        h("input", { name: "path", required: true, autocomplete: "off", spellcheck: "false" })), h("div", { class: "acts" }, h("button", {}, "Explain"))),
      why && [h("p", {}, `${why.state}: ${why.detail}`), why.rule && h("p", { class: "quiet" }, why.rule),
        why.sentence && h("p", { class: "quiet" }, why.sentence), h("div", { class: "acts" }, fix(why.fix))]));
}

let why; // the answer of /v1/explain
const remoteOf = (steps) => steps.length ? "aps://" + steps.map((s) => s.name.replace(/[%/]/g, encodeURIComponent)).join("/") : "";

async function browse() {
  const [hub, project, ...folders] = browsing.steps;
  const folder = folders.at(-1);
  const call = !hub ? ["list-hubs", {}] : !project ? ["list-projects", { hub_id: hub.id }]
    : !folder ? ["list-top-folders", { hub_id: hub.id, project_id: project.id }]
      : ["list-folder-contents", { project_id: project.id, folder_id: folder.id }];
  browsing.error = "";
  try {
    const answer = await ask("POST", `/v1/actions/${call[0]}`, { params: call[1] });
    browsing.list = (answer.data ?? []).filter((d) => d.type !== "items" && !d.attributes?.hidden)
      .map((d) => ({ id: d.id, name: d.attributes?.name ?? d.attributes?.displayName ?? d.id }))
      .sort((a, b) => a.name.localeCompare(b.name));
  } catch (e) { browsing.list = []; browsing.error = e.message; }
  route();
}

// ---- queue and history

const search = { text: "", state: "", jobs: [], detail: undefined };

async function findJobs() {
  const q = new URLSearchParams({ limit: 200, newest: true });
  if (search.text) q.set("path", search.text);
  if (search.state) q.set("state", search.state);
  search.jobs = await get(`/v1/jobs?${q}`);
}

function queue() {
  const id = location.hash.split("/")[1];
  if (id) { story(id); return; }
  const states = ["", "queued", "active", "waiting", "paused", "attention", "done", "failed", "cancelled"];
  draw(h("h1", {}, "Queue and history"),
    h("form", { class: "filters", "data-form": "search", "data-kept": true, "data-key": "search", role: "search" },
      h("label", {}, "Part of a path", h("input", { name: "text", type: "search", autocomplete: "off" })),
      h("label", {}, "State", h("select", { name: "state" }, states.map((s) => h("option", { value: s }, s || "any"))))),
    h("section", {}, search.jobs.length ? search.jobs.map((j) => h("div", { class: "row", "data-key": j.id },
      h("a", { class: "name", href: `#queue/${j.id}`, title: j.path }, base(j.path)),
      h("span", { class: "side" }, j.result ?? j.state),
      h("span", { class: "sub" }, j.path), h("span", { class: "side quiet" }, when(j.updated_at))))
      : h("p", { class: "quiet" }, "No file of this kind.")),
    search.jobs.length === 200 && h("p", { class: "quiet" }, "These are the newest 200; part of a path finds the others."));
}

function story(id) {
  const j = search.detail;
  if (j?.id !== id) {
    get(`/v1/jobs/${encodeURIComponent(id)}`).then((d) => { search.detail = { ...d, id }; route(); }, (e) => tell(e.message));
    draw(h("p", { class: "quiet" }, "Loading…"));
    return;
  }
  const stored = new Set(j.parts.map((p) => p.part));
  const total = Math.min(j.parts_total ?? stored.size, 2000);
  draw(h("p", {}, h("a", { href: "#queue" }, "← Queue")), h("h1", {}, base(j.path)),
    h("p", { class: "lead" }, [j.kind, j.result ?? j.state, j.size !== undefined && bytes(j.size)].filter(Boolean).join(", ")),
    h("section", { class: j.reason ? "warn" : "" }, j.reason && h("h2", {}, j.reason), j.error && h("p", {}, j.error),
      h("p", { class: "quiet" }, j.path), h("p", { class: "quiet" }, j.remote),
      h("div", { class: "acts" }, fix(j.fix),
        ["queued", "active", "waiting"].includes(j.state) && button("Pause", "job", { verb: "pause", id }),
        j.state === "paused" && button("Go on", "job", { verb: "resume", id }),
        ["waiting", "attention", "failed", "cancelled"].includes(j.state) && button("Try again", "job", { verb: "retry", id }),
        !["done", "cancelled", "failed"].includes(j.state) && button("Give up", "job", { verb: "cancel", id }))),
    total > 1 && section(`Parts: ${stored.size} of ${j.parts_total ?? total}`, {}, h("div", { class: "parts", role: "img", "aria-label": `${stored.size} of ${total} parts are stored` },
      Array.from({ length: total }, (_, i) => h("i", { class: stored.has(i + 1) ? "done" : "" })))),
    section("What happened", {}, h("table", {}, h("thead", {}, h("tr", {}, ["When", "What", "More"].map((t) => h("th", {}, t)))),
      h("tbody", {}, j.history.map((e) => h("tr", {}, h("td", { class: "when" }, clock(e.time)), h("td", {}, e.event), h("td", {}, e.detail ?? "")))))),
    (j.version_id || j.item_id || j.storage_id) && section("In the cloud", {}, [j.item_id, j.version_id, j.storage_id].filter(Boolean)
      .map((v) => h("p", {}, h("code", {}, v)))));
}

// ---- guide

const guide = { chosen: undefined, answer: undefined, separator: " " };

async function findGuide() {
  const chosen = location.hash.split("/")[1] ?? "";
  if (guide.chosen === chosen) return;
  guide.answer = await get(`guide.json?actions=${encodeURIComponent(decodeURIComponent(chosen))}`);
  guide.chosen = chosen;
}

function guideView() {
  if (!guide.answer) { draw(h("p", { class: "quiet" }, "Loading…")); return; }
  const { all, guide: g } = guide.answer;
  const chosen = new Set(decodeURIComponent(guide.chosen ?? "").split(",").filter(Boolean));
  const families = [...new Set(all.map((a) => a.family))];
  draw(h("h1", {}, "What has to be set up"),
    h("p", { class: "lead" }, `${chosen.size ? plural(chosen.size, "action") + " chosen" : "All actions"}. The address keeps the choice: send it to your administrator, or copy the steps.`),
    section("Actions", { "data-key": "actions" }, h("div", { class: "families" }, families.map((f) => h("fieldset", {}, h("legend", {}, f),
      all.filter((a) => a.family === f).map((a) => h("label", { class: "tick" },
        h("input", { type: "checkbox", "data-change": "action", value: a.name, checked: chosen.has(a.name) }), a.title)))))),
    section("Scopes", { "data-key": "scopes" }, h("p", {}, h("code", {}, g.scopes.join(guide.separator))),
      h("div", { class: "acts" }, button("Copy", "copy", { text: g.scopes.join(guide.separator) }),
        h("label", { class: "tick" }, "Separator", h("select", { "data-change": "separator" }, [[" ", "space"], [",", "comma"], ["\n", "line"]]
          .map(([v, name]) => h("option", { value: v, selected: v === guide.separator }, name)))))),
    g.apis.length > 0 && section("APIs to enable", { "data-key": "apis" }, h("ul", {}, g.apis.map((a) => h("li", {}, a)))),
    section("Before you begin", { "data-key": "before" }, h("ul", {}, g.prerequisites.map((p) => h("li", {}, p)))),
    section("Steps", { "data-key": "steps" }, g.steps.map((s) => h("div", {}, h("h3", {}, `${s.title} (${s.who})`), h("ol", {}, s.do.map((d) => h("li", {}, d)))))));
}

// ---- what a person does

const acts = {
  async job({ verb, id }) { await ask("POST", `/v1/jobs/${id}/${verb}`); search.detail = undefined; },
  async all({ verb }) {
    const states = verb === "resume" ? "paused" : "queued,active,waiting";
    for (const j of await get(`/v1/jobs?state=${states}`)) await ask("POST", `/v1/jobs/${j.id}/${verb}`);
  },
  async watch({ verb, id }) { await ask("POST", `/v1/watches/${id}/${verb}`); },
  async unwatch({ id }, b) {
    if (!b.dataset.sure) { b.dataset.sure = "yes"; b.textContent = "Stop watching; no file is touched"; return; }
    await ask("DELETE", `/v1/watches/${id}`);
  },
  async copy({ text }) { await navigator.clipboard.writeText(text); tell("Copied."); },
  async browse() { browsing.open = true; browsing.steps = []; await browse(); },
  async up() { browsing.steps.pop(); await browse(); },
  async down({ i }) { browsing.steps.push(browsing.list[i]); await browse(); },
  async take() {
    document.querySelector("input[name=remote]").value = remoteOf(browsing.steps);
    browsing.open = false;
  },
};

document.addEventListener("click", async (event) => {
  const b = event.target.closest("button[data-act]");
  if (!b) return;
  b.disabled = true;
  try { await acts[b.dataset.act](b.dataset, b); } catch (e) { tell(e.message); }
  b.disabled = false;
  if (b.dataset.act !== "copy" && !b.dataset.sure) await refresh();
});

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, values = Object.fromEntries(new FormData(form));
  try {
    if (form.dataset.form === "add") {
      const w = await ask("POST", "/v1/watches", { ...values, mode: "push" });
      tell(`${w.path} is watched.`);
      form.reset();
      await refresh();
    } else if (form.dataset.form === "why") {
      why = await get(`/v1/explain?path=${encodeURIComponent(values.path)}`);
      route();
    }
  } catch (e) { tell(e.message); }
});

let typing;
document.addEventListener("input", (event) => {
  const e = event.target, change = e.dataset.change;
  if (e.closest("[data-form=search]")) {
    search[e.name] = e.value;
    clearTimeout(typing);
    typing = setTimeout(route, 200);
  } else if (change === "separator") { guide.separator = e.value; route(); }
  else if (change === "action") {
    const chosen = [...main.querySelectorAll("[data-change=action]:checked")].map((c) => c.value);
    location.hash = chosen.length ? `guide/${chosen.join(",")}` : "guide";
  }
});

// ---- staying up to date

const views = { now: [now], watches: [watches], queue: [queue, findJobs], guide: [guideView, findGuide] };

async function route() {
  const at = location.hash, view = at.slice(1).split("/")[0] || "now";
  for (const a of document.querySelectorAll("nav a")) {
    if (a.hash === `#${view}`) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  const [show, find] = views[view] ?? views.now;
  try {
    await find?.();
    if (status && at === location.hash) show(); // else a later one draws
  } catch (e) { tell(e.message); }
  return at === location.hash;
}

let last = 0, timer;
async function refresh() {
  clearTimeout(timer);
  last = Date.now();
  try {
    status = await get("/v1/status");
    link.textContent = "up to date";
    if (search.detail && !["done", "failed", "cancelled"].includes(search.detail.state)) search.detail = undefined;
    await route();
  } catch (e) { link.textContent = "hoist does not answer"; tell(e.message); }
  timer = setTimeout(refresh, status?.active.length ? 1000 : 20000);
}

addEventListener("hashchange", () => { route().then((still) => { if (still && drawn) main.focus({ preventScroll: true }); }); });
const events = new EventSource("/v1/events");
events.addEventListener("change", () => { clearTimeout(timer); timer = setTimeout(refresh, Math.max(0, 500 - (Date.now() - last))); });
events.onerror = () => { link.textContent = "hoist does not answer"; };
refresh();
