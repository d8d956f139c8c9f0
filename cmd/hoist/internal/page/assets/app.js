// The page of hoist: it shows what the control API says. Here is which view is drawn, what a person does, and
// how it stays up to date; each view has a file of its own.

import { ask, follow, get, home, isDrawn, tell } from "./lib.js";
import { examine, now } from "./now.js";
import { findPlots, plotsView } from "./plots.js";
import { added, browse, browsing, changed, preflight, remoteOf, watches, why } from "./watches.js";
import { findJobs, queue, readCloud, search } from "./queue.js";
import { findGuide, guide, guideView } from "./guide.js";

const main = document.getElementById("main");
const link = document.getElementById("link");

// ---- what a person does

// everything pauses or resumes the watches, so that nothing comes anew, and then all jobs. A watch that stopped
// by itself needs a decision of its own.
async function everything(verb) {
  for (const w of home.status.watches) {
    if (!w.brake && (w.state === "paused") === (verb === "resume")) await ask("POST", `/v1/watches/${w.id}/${verb}`);
  }
  await ask("POST", `/v1/jobs/${verb}`);
}

const acts = {
  async job({ verb, id }) { await ask("POST", `/v1/jobs/${id}/${verb}`); search.stale = true; },
  async all({ verb, reason }) { tell(`${(await ask("POST", `/v1/jobs/${verb}`, { reason })).jobs} are tried again.`); },
  async everything({ verb }) { await everything(verb); },
  async watch({ verb, id }) { await ask("POST", `/v1/watches/${id}/${verb}`); },
  async unwatch({ id }, b) {
    if (!b.dataset.sure) { b.dataset.sure = "yes"; b.textContent = "Stop watching; no file is touched"; return; }
    await ask("DELETE", `/v1/watches/${id}`);
  },
  async copy({ text }) { await navigator.clipboard.writeText(text); tell("Copied."); },
  async examine() { await examine(); },
  async browse() { Object.assign(browsing, { open: true, steps: [] }); await browse(); },
  async up() { browsing.steps.pop(); await browse(); },
  async down({ i }) { browsing.steps.push(browsing.list[i]); await browse(); },
  async close() { browsing.open = false; },
  async take() {
    document.querySelector("input[name=remote]").value = remoteOf(browsing.steps);
    browsing.open = false;
  },
  async add() {
    const w = await ask("POST", "/v1/watches", { ...added.asked, mode: "push" });
    tell(`${w.path} is watched.`);
    added.report = undefined;
    document.querySelector("form[data-form=add]").reset();
  },
  async forget() { added.report = undefined; },
  async older() { search.pages.push(search.jobs.at(-1).id); scrollTo(0, 0); },
  async newer() { search.pages.pop(); scrollTo(0, 0); },
  async cloud({ id }) { await readCloud(id); },
};

document.addEventListener("click", async (event) => {
  const b = event.target.closest("button[data-act]");
  if (!b) return;
  b.disabled = true;
  const sure = b.dataset.sure;
  try { await acts[b.dataset.act](b.dataset, b); } catch (e) { tell(e.message); }
  b.disabled = false;
  if (b.dataset.act !== "copy" && b.dataset.sure === sure) await refresh();
});

const forms = {
  async add(values) { await preflight(values); },
  async why({ path }) {
    why.answer = undefined;
    why.error = "";
    try { why.answer = await get(`/v1/explain?path=${encodeURIComponent(path)}`); } catch (e) { why.error = e.message; }
  },
  async bandwidth({ setting }) { await ask("PUT", "/v1/bandwidth", { setting: setting.trim() }); tell(setting.trim() ? "The limit holds." : "There is no limit."); },
  async settings(values, form) {
    const w = home.status.watches.find((one) => one.id === form.dataset.id), set = changed(w, values);
    if (Object.keys(set).length) await ask("PATCH", `/v1/watches/${w.id}`, { set });
    tell(Object.keys(set).length ? `Saved: ${Object.keys(set).join(", ")}.` : "Nothing differs from what holds.");
  },
  async search() {},
};

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  try { await forms[form.dataset.form](Object.fromEntries(new FormData(form)), form); } catch (e) { tell(e.message); }
  await refresh();
});

let typing;
document.addEventListener("input", (event) => {
  const e = event.target, change = e.dataset.change;
  if (e.closest("[data-form=search]")) {
    search[e.name] = e.value;
    search.pages = [];
    clearTimeout(typing);
    typing = setTimeout(route, 200);
  } else if (change === "separator") { guide.separator = e.value; route(); }
  else if (change === "action") {
    const chosen = [...main.querySelectorAll("[data-change=action]:checked")].map((c) => c.value);
    location.hash = chosen.length ? `guide/${chosen.join(",")}` : "guide";
  }
});

// ---- staying up to date

const views = { now: [now], plots: [plotsView, findPlots], watches: [watches], queue: [queue, findJobs], guide: [guideView, findGuide] };

async function route() {
  const at = location.hash, view = at.slice(1).split("/")[0] || "now";
  for (const a of document.querySelectorAll("nav a")) {
    if (a.hash === `#${view}`) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  const [show, find] = views[view] ?? views.now;
  try {
    await find?.();
    if (home.status && at === location.hash) show(); // else a later one draws
  } catch (e) { tell(e.message); }
  return at === location.hash;
}

let last = 0, timer;
async function refresh() {
  clearTimeout(timer);
  last = Date.now();
  try {
    home.status = await get("/v1/status?limit=100");
    link.textContent = "up to date";
    search.stale = search.detail && !["done", "failed", "cancelled"].includes(search.detail.state);
    await route();
  } catch (e) { link.textContent = "hoist does not answer"; tell(e.message); }
  // bytes move without an event; an idle page, and one that nobody sees, asks seldom
  timer = setTimeout(refresh, home.status?.active.length && !document.hidden ? 1000 : 30000);
}

addEventListener("drawn", route); // something that a view waited for is there
addEventListener("hashchange", () => { route().then((still) => { if (still && isDrawn()) { scrollTo(0, 0); main.focus({ preventScroll: true }); } }); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });

function changes() {
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.max(0, (document.hidden ? 5000 : 500) - (Date.now() - last)));
}

// listen waits for events. An EventSource could not send the token.
async function listen() {
  try {
    const events = (await follow("/v1/events")).getReader();
    changes(); // what happened before it listened
    while (!(await events.read()).done) changes();
  } catch { /* as when it ends: the owner has gone */ }
  link.textContent = "hoist does not answer";
  setTimeout(listen, 3000);
}

listen();
refresh();
